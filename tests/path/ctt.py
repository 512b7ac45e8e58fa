"""The publicly known cases of the conformance test tool, by their names, against a running meter: HDLC on the RS485 or the
optical port, the application layer over HDLC and over the wrapper. `suite(ports)` runs them on any meter; this file alone
starts one on this machine, `tests/target/whole.py ctt` the image of the Cortex-M."""
import socket
import struct
import sys
import time
import unittest

MANAGEMENT, PUBLIC, READER = 1, 16, 32
PASSWORD = b"00000001"
LDN = bytes.fromhex("0001 00002A0000FF 02")  # class, logical name, attribute: logical device name
SNRM, UA, DISC, DM, FRMR, RR = 0x93, 0x73, 0x53, 0x1F, 0x97, 0x11
QUIET = 0.6  # s after which silence is silence: the slowest answer is due within 500 ms


def crc(data):
    x = 0xFFFF
    for b in data:
        x ^= b
        for _ in range(8):
            x = x >> 1 ^ (0x8408 if x & 1 else 0)
    return struct.pack("<H", x ^ 0xFFFF)


def frame(control, info=b"", client=PUBLIC, server=b"\x03", segmented=False, length=None, bad=None, source=None):
    """One HDLC frame between its flags; bad: "hcs" or "fcs"; length: another than its own."""
    inner = server + (source or bytes([client << 1 | 1])) + bytes([control])
    size = 2 + len(inner) + 2 + (len(info) + 2 if info else 0)
    head = struct.pack(">H", 0xA000 | (0x800 if segmented else 0) | (length or size)) + inner
    if info:
        head += bytes(x ^ (bad == "hcs") for x in crc(head)) + info
    return b"\x7e" + head + bytes(x ^ (bad == "fcs") for x in crc(head)) + b"\x7e"


class Line:
    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 5)
        self.buf = b""

    def close(self):
        self.s.close()

    def send(self, data):
        self.s.sendall(data)

    def more(self, wait):
        self.s.settimeout(wait)
        try:
            got = self.s.recv(65536)
        except (TimeoutError, ConnectionError):
            return False
        self.buf += got
        return bool(got)

    def silent(self):
        """Nothing comes."""
        self.buf = self.buf.lstrip(b"\x7e")
        return not self.more(QUIET) and not self.buf

    def frame(self, wait=3):
        """The next frame as (control, information), or None."""
        end = time.monotonic() + wait
        while True:
            self.buf = self.buf.lstrip(b"\x7e")
            if len(self.buf) >= 2:
                size = struct.unpack(">H", self.buf[:2])[0] & 0x7FF
                if len(self.buf) > size:
                    body, self.buf = self.buf[:size], self.buf[size:]
                    assert crc(body[:-2]) == body[-2:], body.hex()
                    at = 2
                    for _ in range(2):
                        while not body[at] & 1:
                            at += 1
                        at += 1
                    self.segmented = bool(body[0] & 8)
                    return body[at], body[at + 3:-2] if len(body) > at + 3 else b""
            left = end - time.monotonic()
            if left <= 0 or not self.more(left):
                return None

    def ask(self, control, info=b"", **how):
        self.send(frame(control, info, **how))
        return self.frame()

    def connect(self, client=PUBLIC, info=b""):
        """Disconnect whoever was there and connect, in two tries as clients do."""
        for _ in range(2):
            self.buf = b""
            self.send(frame(DISC, client=client))
            self.frame(QUIET)
            answer = self.ask(SNRM, info, client=client)
            if answer and answer[0] == UA:
                return answer
        return None


def parameters(transmit, receive, window_out, window_in):
    body = struct.pack(">BBHBBHBBIBBI", 5, 2, transmit, 6, 2, receive, 7, 4, window_out, 8, 4, window_in)
    return bytes([0x81, 0x80, len(body)]) + body


def read_parameters(info):
    found, at = {}, 3
    while at < len(info):
        n = info[at + 1]
        found[info[at]] = int.from_bytes(info[at + 2:at + 2 + n], "big")
        at += 2 + n
    return found[5], found[6], found[7], found[8]


class Hdlc:
    """APDUs over HDLC."""

    def __init__(self, ports, client):
        self.line, self.client = Line(ports["hdlc"]), client
        self.vs = self.vr = 0
        assert self.line.connect(client), "no UA"

    def close(self):
        if self.line.s.fileno() >= 0:
            self.line.ask(DISC, client=self.client)
            self.line.close()

    def ask(self, apdu):
        """The answer, b"" when there is none."""
        info, apdu = b"\xe6\xe6\x00" + apdu, b""
        while len(info) > 128:
            self.step(info[:128], True)
            info = info[128:]
        kind, got = self.step(info, False)
        while kind & 1 == 0:
            apdu += got
            if not self.line.segmented:
                return apdu[3:]
            kind, got = self.line.ask(RR | self.vr << 5, client=self.client)
            self.vr = (self.vr + (kind & 1 == 0)) & 7
        return b""

    def step(self, info, segmented):
        """One I-frame and its answer. A line may lose either: then RR asks which, and what was lost is sent again."""
        def send():
            return self.line.ask(0x10 | self.vr << 5 | self.vs << 1, info, client=self.client, segmented=segmented)

        answer = send()
        if not answer:
            answer = self.line.ask(RR | self.vr << 5, client=self.client)
            if answer and answer[0] & ~0x10 == RR & ~0x10 | self.vs << 5:
                answer = send()
        assert answer, "no frame came back"
        self.vs = (self.vs + 1) & 7
        self.vr = (self.vr + (answer[0] & 1 == 0)) & 7
        return answer


class Wrapper:
    """APDUs over the wrapper."""

    def __init__(self, ports, client):
        self.line, self.client = Line(ports["tcp"]), client

    def close(self):
        self.line.close()

    def ask(self, apdu, wait=3):
        """The answer, b"" when none came in time."""
        self.line.send(struct.pack(">HHHH", 1, self.client, MANAGEMENT, len(apdu)) + apdu)
        line = self.line
        while len(line.buf) < 8 or len(line.buf) < 8 + struct.unpack(">H", line.buf[6:8])[0]:
            if not line.more(wait):
                return b""
        version, source, destination, n = struct.unpack(">HHHH", line.buf[:8])
        assert (version, source, destination) == (1, MANAGEMENT, self.client)
        apdu, line.buf = line.buf[8:8 + n], line.buf[8 + n:]
        return apdu


def tlv(tag, value):
    return bytes([tag, len(value)]) + value


def initiate(version=6, pdu=0xFFFF, conformance=0x00FFFF, dedicated=b"", quality=None):
    return (b"\x01" + (b"\x01" + tlv(len(dedicated), b"")[:1] + dedicated if dedicated else b"\x00") + b"\x00" +
            (b"\x00" if quality is None else bytes([1, quality])) + bytes([version]) + b"\x5f\x1f\x04\x00" +
            conformance.to_bytes(3, "big") + struct.pack(">H", pdu))


def aarq(mechanism=None, password=PASSWORD, context=1, front=b"", between=b"", user=None, requirements=True):
    body = front + tlv(0xA1, bytes.fromhex("0607608574050801") + bytes([context])) + between
    if mechanism is not None:
        if requirements:
            body += bytes.fromhex("8a020780")
        body += tlv(0x8B, bytes.fromhex("608574050802") + bytes([mechanism]))
    if password is not None and (mechanism is not None or requirements is None):
        body += tlv(0xAC, tlv(0x80, password))
    user = initiate() if user is None else user
    return tlv(0x60, body + (tlv(0xBE, tlv(4, user)) if user else b""))


def verdict(answer):
    """Of an AARE: (result, whose diagnostic 1 or 2, diagnostic, initiate response or error)."""
    assert answer[:1] == b"\x61", answer.hex()
    at, found = 2, {}
    while at < len(answer):
        found[answer[at]] = answer[at + 2:at + 2 + answer[at + 1]]
        at += 2 + answer[at + 1]
    return found[0xA2][-1], found[0xA3][0] & 3, found[0xA3][-1], found.get(0xBE, b"..")[2:]


def get(descriptor=LDN, kind=1):
    return bytes([0xC0, kind, 0xC1]) + descriptor + b"\x00"


class HdlcLayer(unittest.TestCase):
    def setUp(self):
        self.line = Line(self.ports["hdlc"])
        self.addCleanup(self.line.close)
        self.line.connect()  # a line stays up from test to test
        self.line.ask(DISC)

    def disconnected(self):
        """NDM: a poll is answered by DM."""
        self.assertEqual(self.line.ask(RR), (DM, b""))

    def connect(self):
        kind, info = self.line.ask(SNRM)
        self.assertEqual(kind, UA)
        return info

    def discarded(self, octets):
        """It is silent, still in NDM, and takes the next good SNRM."""
        self.line.send(octets)
        self.assertTrue(self.line.silent())
        self.disconnected()
        self.connect()

    def unfinished(self, octets):
        """Silence; a line's pause ends the frame. A socket's says nothing: there the octets that follow end it."""
        if self.ports["line"]:
            return self.discarded(octets)
        self.line.send(octets)
        self.assertTrue(self.line.silent())
        for _ in range(6):
            self.line.send(frame(SNRM))
            answer = self.line.frame(QUIET)
            if answer:
                break
        self.assertEqual(answer[0], UA)

    def test_T_HDLC_FRAME_P1(self):
        self.connect()
        self.assertEqual(self.line.ask(RR), (RR, b""))

    def test_T_HDLC_FRAME_P2(self):
        self.connect()
        self.line.send(frame(SNRM, bad="fcs"))
        self.assertTrue(self.line.silent())
        self.assertEqual(self.line.ask(RR), (RR, b""))

    def test_T_HDLC_FRAME_P3(self):
        self.set_inactivity(2)
        self.connect()
        self.assertEqual(self.line.ask(RR), (RR, b""))
        time.sleep(3)
        self.disconnected()
        self.set_inactivity(120)

    def test_T_HDLC_FRAME_N1_no_opening_flag(self):
        self.discarded(b"\x00" + frame(SNRM)[1:])  # the flag that closed the last frame might open this one

    def test_T_HDLC_FRAME_N2_no_closing_flag(self):
        self.unfinished(frame(SNRM)[:-1])

    def test_T_HDLC_FRAME_N3_length_too_short(self):
        self.discarded(frame(SNRM, length=6))

    def test_T_HDLC_FRAME_N4_length_too_long(self):
        self.unfinished(frame(SNRM, length=40))

    def test_T_HDLC_FRAME_N5_unknown_command(self):
        self.discarded(frame(0xBF))

    def test_T_HDLC_FRAME_N7_wrong_HCS(self):
        self.discarded(frame(SNRM, parameters(128, 128, 1, 1), bad="hcs"))

    def test_T_HDLC_FRAME_N8_wrong_FCS(self):
        self.discarded(frame(SNRM, bad="fcs"))

    def test_T_HDLC_ADDRESS_N1_client_of_two_octets(self):
        self.discarded(frame(SNRM, source=b"\x00\x21"))

    def test_T_HDLC_ADDRESS_N4_unknown_destination(self):
        self.discarded(frame(SNRM, server=b"\x47"))

    def test_T_HDLC_ADDRESS_N7_server_of_three_octets(self):
        self.discarded(frame(SNRM, server=b"\x00\x02\x23"))

    def test_T_HDLC_NDM2NRM_P1_without_parameters(self):
        transmit, receive, out, back = read_parameters(self.connect())
        self.assertTrue(transmit <= 128 and receive <= 128 and (out, back) == (1, 1), (transmit, receive, out, back))

    def test_T_HDLC_NDM2NRM_P2_2030_and_window_4(self):
        kind, info = self.line.ask(SNRM, parameters(2030, 2030, 4, 4))
        transmit, receive, out, back = read_parameters(info)
        self.assertEqual(kind, UA)
        self.assertTrue(128 <= transmit <= 2030 and 128 <= receive <= 2030 and 1 <= out <= 4 and 1 <= back <= 4)

    def test_T_HDLC_NDMOP_N1_information_without_connection(self):
        self.assertEqual(self.line.ask(0x10, b"\xe6\xe6\x00" + aarq()), (DM, b""))
        self.connect()

    def test_T_HDLC_INFO_P1_AARQ_in_segments(self):
        self.connect()
        info = b"\xe6\xe6\x00" + aarq()
        self.assertEqual(self.line.ask(0x10, info[:12], segmented=True), (RR | 1 << 5, b""))
        kind, answer = self.line.ask(0x12, info[12:])
        self.assertEqual((kind, verdict(answer[3:])[0]), (0x50, 0))

    def test_T_HDLC_INFO_N1_field_too_long(self):
        receive = read_parameters(self.connect())[1]
        kind, info = self.line.ask(0x10, b"\xe6\xe6\x00" + bytes(receive))
        self.assertEqual((kind, info[2] & 4), (FRMR, 4))
        self.connect()

    def test_T_HDLC_INFO_N2_wrong_NR(self):
        self.connect()
        kind, info = self.line.ask(0x10 | 5 << 5, b"\xe6\xe6\x00" + aarq())
        self.assertEqual((kind, info[2] & 8), (FRMR, 8))
        self.connect()

    def test_T_HDLC_INFO_N3_wrong_NS(self):
        self.connect()
        self.assertEqual(self.line.ask(0x10 | 3 << 1, b"\xe6\xe6\x00" + aarq()), (RR, b""))
        kind, answer = self.line.ask(0x10, b"\xe6\xe6\x00" + aarq())  # and the right one is taken
        self.assertEqual((kind, answer[3]), (0x30, 0x61))


class Application:
    """Cases of the application layer, for both carriers."""

    def open(self, client):
        self.c = self.carrier(self.ports, client)
        self.addCleanup(self.c.close)
        return self.c

    def associate(self, client=READER, **how):
        how.setdefault("mechanism", 1 if client == READER else None)
        return verdict(self.open(client).ask(aarq(**how)))

    def closed(self):
        self.assertEqual(self.c.ask(get()).hex(), "d80102")

    def refused(self, diagnostic, error="", result=1, who=1, client=READER, **how):
        self.assertEqual(tuple(self.associate(client, **how)), (result, who, diagnostic, bytes.fromhex(error)))
        self.closed()

    def accepted(self, client=READER, **how):
        result, _, diagnostic, answer = self.associate(client, **how)
        self.assertEqual((result, diagnostic, answer[:1]), (0, 0, b"\x08"))
        self.assertEqual(self.c.ask(get())[:4].hex(), "c401c100")
        return answer

    def test_T_APPL_IDLE_N1(self):
        self.open(READER)
        self.closed()

    def test_T_APPL_OPEN_1(self):
        answer = self.accepted()
        self.assertEqual(answer[2], 6)
        self.assertEqual(answer[-2:].hex(), "0007")

    def test_T_APPL_OPEN_3_version_1_among_others(self):
        self.accepted(front=bytes.fromhex("80020284"))

    def test_T_APPL_OPEN_3_version_1_not_among_them(self):
        self.refused(2, who=2, front=bytes.fromhex("80020244"))

    def test_T_APPL_OPEN_4_unknown_context(self):
        self.refused(2, context=9)

    def test_T_APPL_OPEN_5_unused_fields(self):
        titles = tlv(0xA2, tlv(4, b"nobody's")) + tlv(0xA3, b"\x02\x01\x07") + tlv(0xA4, b"\x02\x01\x01") + tlv(0xA5, b"\x02\x01\x02")
        calling = tlv(0xA7, b"\x02\x01\x03") + tlv(0xA8, b"\x02\x01\x04")
        self.accepted(between=titles + calling)

    def test_T_APPL_OPEN_6_wrong_password(self):
        self.refused(13, mechanism=1, password=b"87654321")
        self.c.close()
        self.accepted()  # and the failure is forgiven

    def test_T_APPL_OPEN_6_mechanism_missing(self):
        self.refused(12, mechanism=None, requirements=None)

    def test_T_APPL_OPEN_6_authentication_missing(self):
        self.refused(14, mechanism=None, password=None)

    def test_T_APPL_OPEN_6_unknown_mechanism(self):
        self.refused(11, mechanism=9)

    def test_T_APPL_OPEN_7_dedicated_key_without_ciphering(self):
        result, who, diagnostic, answer = self.associate(user=initiate(dedicated=bytes(16)))
        self.assertEqual((result, who, diagnostic, answer[:2].hex()), (1, 1, 1, "0e01"))
        self.closed()

    def test_T_APPL_OPEN_9_quality_of_service(self):
        self.assertEqual(self.accepted(user=initiate(quality=3))[1:3].hex(), "0103")

    def test_T_APPL_OPEN_11_version_5(self):
        self.refused(1, "0e010601", user=initiate(version=5))

    def test_T_APPL_OPEN_12_version_7(self):
        self.assertEqual(self.accepted(user=initiate(version=7))[2], 6)

    def test_T_APPL_OPEN_14_PDU_size_too_small(self):
        self.refused(1, "0e010603", user=initiate(pdu=11))

    def test_T_APPL_DATA_LN_N1_GET_of_unknown_kind(self):
        self.accepted()
        self.assertEqual(self.c.ask(get(kind=9)).hex(), "c401c10103")
        self.assertEqual(self.c.ask(get())[:4].hex(), "c401c100")

    def test_T_APPL_DATA_LN_N3_SET_of_unknown_kind(self):
        self.accepted()
        self.assertEqual(self.c.ask(b"\xc1\x09\xc1" + LDN + b"\x00\x11\x01").hex(), "d80102")

    def test_T_APPL_DATA_LN_N4_parts_missing(self):
        self.accepted()
        for n in range(3, 12):
            self.assertEqual(self.c.ask(get()[:n]).hex(), "c401c10103")
        self.assertEqual(self.c.ask((b"\xc1\x01\xc1" + LDN)[:9]).hex(), "d80102")
        self.assertEqual(self.c.ask(get())[:4].hex(), "c401c100")

    def test_T_APPL_DATA_LN_N6_service_not_negotiated(self):
        self.associate(user=initiate(conformance=0x000010))  # GET alone
        self.assertEqual(self.c.ask(get())[:4].hex(), "c401c100")
        self.assertEqual(self.c.ask(b"\xc1\x01\xc1" + LDN + b"\x00\x09\x01\x00").hex(), "d80102")

    def test_APPL_REL_P1(self):
        self.accepted()
        self.assertEqual(self.c.ask(bytes.fromhex("6203800100")).hex(), "6303800100")
        self.closed()

    def test_association_names_its_partners(self):
        self.accepted()
        answer = self.c.ask(get(bytes.fromhex("000f00002800 00ff03")))
        self.assertEqual(answer[4:].hex(), "02020f%02x12%04x" % (READER, MANAGEMENT))

    def test_logical_device_name(self):
        self.accepted()
        name = self.c.ask(get())[4:]
        self.assertEqual((name[0], name[2:5]), (9, b"MAG"))
        self.assertLessEqual(name[1], 16)


class OverHdlc(Application, unittest.TestCase):
    carrier = Hdlc


class OverWrapper(Application, unittest.TestCase):
    carrier = Wrapper

    def test_T_WRAPPER_N1_unknown_version_hangs_up(self):
        line = self.open(READER).line
        line.send(bytes.fromhex("0002002000010001") + b"\x00")
        self.assertEqual((line.more(3), line.buf), (False, b""))

    def test_T_WRAPPER_N2_unknown_wPort(self):
        self.open(99)
        self.assertEqual(self.c.ask(aarq(), QUIET), b"")

    def test_T_WRAPPER_P1_in_pieces_and_together(self):
        self.accepted()
        apdu = struct.pack(">HHHH", 1, READER, MANAGEMENT, len(get())) + get()
        for octet in apdu + apdu[:5]:
            self.c.line.send(bytes([octet]))
        self.c.line.send(apdu[5:] + apdu)
        for _ in range(3):
            while len(self.c.line.buf) < 8:
                self.assertTrue(self.c.line.more(3))
            n = 8 + struct.unpack(">H", self.c.line.buf[6:8])[0]
            while len(self.c.line.buf) < n:
                self.assertTrue(self.c.line.more(3))
            self.assertEqual(self.c.line.buf[8:12].hex(), "c401c100")
            self.c.line.buf = self.c.line.buf[n:]


def suite(ports, set_inactivity):
    """All cases on ports {"tcp", "hdlc", "line"}, line: does HDLC come over a line that knows pauses?
    set_inactivity(seconds) writes the HDLC port's time-out. True: all hold."""
    tests = unittest.TestSuite()
    for case in (HdlcLayer, OverHdlc, OverWrapper):
        case.ports = ports
        case.set_inactivity = staticmethod(set_inactivity)
        tests.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    done = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
    return done.testsRun > 0 and done.wasSuccessful()


def main():
    import subprocess
    from meter import MAGNO, Meter
    good = True
    with Meter("--load", "off").start() as m:
        for port, name in (("rs485", "0-1:22.0.0"), ("optical", "0-0:22.0.0")):
            def set_inactivity(seconds):
                subprocess.run([MAGNO, "write", "--port", str(m.ports["dlms"]), name + ":inactivity_time_out",
                                "long-unsigned:%d" % seconds], check=True, stdout=subprocess.DEVNULL)
            good &= suite({"tcp": m.ports["dlms"], "hdlc": m.ports[port], "line": False}, set_inactivity)
    sys.exit(not good)


if __name__ == "__main__":
    main()
