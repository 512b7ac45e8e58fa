"""What users of other meters complain about, each complaint a test that holds against a running meter: counters that fell
behind, long frames, segments, dates, refusals, invoke-ids, ranges, tags, echoes, several clients, long values."""
import os
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from ctt import DISC, DM, LDN, QUIET, READER, SNRM, UA, Hdlc, Line, Wrapper, aarq, frame, get, initiate, parameters, read_parameters, verdict
from meter import LLS, MAGNO, Meter, profile, read

ENERGY, CLOCK = "1-0:1.8.0", "0-0:1.0.0"


def magno(*args, code=0):
    done = subprocess.run([MAGNO, *map(str, args)], capture_output=True, text=True, timeout=60)
    if done.returncode != code:
        raise AssertionError("magno %s: exit %d: %s%s" % (" ".join(map(str, args)), done.returncode, done.stdout, done.stderr))
    return done


class Echo(Line):
    """A head that hears itself: what the meter sent comes back to it at once."""

    def more(self, wait):
        before = len(self.buf)
        got = super().more(wait)
        if got:
            self.s.sendall(self.buf[before:])
        return got


class Complaints(unittest.TestCase):
    def wrapper(self, client=READER, associate=True):
        c = Wrapper(self.ports, client)
        self.addCleanup(c.close)
        if associate:
            self.assertEqual(verdict(c.ask(aarq(1)))[0], 0)
        return c

    def hdlc(self, client=READER):
        c = Hdlc(self.ports, client)
        self.addCleanup(c.close)
        return c

    def test_1_a_counter_that_fell_behind_is_told_and_can_be_asked_for(self):
        port = self.ports["tcp"]
        magno("read", "--port", port, ENERGY)
        late = magno("read", "--port", port, "--no-state", "--ic", 1, "--trace", ENERGY)  # as after a restore
        told = [line for line in late.stderr.splitlines() if "d80106" in line.lower().replace(" ", "")]
        self.assertEqual(len(told), 1, late.stderr)
        wanted = int(told[0].lower().replace(" ", "").split("d80106")[1][:8], 16)
        self.assertGreater(wanted, 1)
        asked = read(port, "0-0:43.1.0", options=("--client", "16", "--auth", "none"))[0]["value"]
        self.assertGreaterEqual(asked, wanted)

    def test_2_frames_longer_than_255(self):
        magno("write", "--port", self.ports["tcp"], *(word for way in ("transmit", "receive")
                                                      for word in ("0-1:22.0.0:max_info_field_length_" + way, "long-unsigned:2030")))
        line = Line(self.ports["hdlc"])
        self.addCleanup(line.close)
        sizes = read_parameters(line.connect(READER, parameters(2030, 2030, 1, 1))[1])
        self.assertGreater(sizes[1], 255)
        line.ask(0x10, b"\xe6\xe6\x00" + aarq(1), client=READER)
        control, info = line.ask(0x32, b"\xe6\xe6\x00" + get(bytes.fromhex("000f0000280000ff02")), client=READER)  # the object list
        self.assertEqual(control & 1, 0)
        self.assertGreater(len(info), 255)
        line.ask(DISC, client=READER)

    def test_3_segments_both_ways_seconds_apart_and_shared_or_doubled_flags(self):
        line = Line(self.ports["hdlc"])
        self.addCleanup(line.close)
        line.connect(READER, parameters(64, 64, 7, 7))
        info = b"\xe6\xe6\x00" + aarq(1)
        parts = [info[i:i + 24] for i in range(0, len(info), 24)]
        self.assertGreaterEqual(len(parts), 3)
        for n, part in enumerate(parts):
            last = n == len(parts) - 1
            answer = line.ask(0x10 | n << 1, part, client=READER, segmented=not last)
            time.sleep(0 if last else 1.5)
        self.assertEqual(verdict(answer[1][3:])[0], 0)
        ns, vr = len(parts) & 7, 1
        for flags in (b"\x7e", b"\x7e\x7e", b"\x7e\x7e\x7e"):  # two segments without a pause between them
            request = b"\xe6\xe6\x00" + get()
            first = frame(ns << 1 | vr << 5, request[:9], client=READER, segmented=True)
            ns = (ns + 1) & 7
            second = frame(0x10 | ns << 1 | vr << 5, request[9:], client=READER)
            ns = (ns + 1) & 7
            line.send(first[:-1] + flags + second[1:])
            control, got = line.frame()
            self.assertEqual((control & 1, got[3:7].hex()), (0, "c401c100"))
            vr = (vr + 1) & 7
        line.ask(DISC, client=READER)

    def test_3_answers_in_many_segments(self):
        line = self.ports["hdlc"]
        options = ("--hdlc", "--client", "32", "--password", "00000001")
        whole = magno("read", "--port", line, *options, "0-0:40.0.0").stdout
        self.assertEqual(magno("read", "--port", line, *options, "--info", 32, "--window", 1, "0-0:40.0.0").stdout, whole)
        self.assertEqual(magno("read", "--port", line, *options, "--info", 32, "--window", 7, "0-0:40.0.0").stdout, whole)

    def test_4_dates_with_unspecified_fields(self):
        port = self.ports["tcp"]
        calendar = "20/0-0:13.0.0:10"  # when the passive calendar becomes active
        for octets in ("FFFFFFFFFFFFFFFFFF8000FF", "07EAFFFF01000000FF8000FF", "07EA0C1FFF173B3B00FFC400"):
            magno("write", "--port", port, calendar, "hex:090C" + octets)
            self.assertEqual(read(port, calendar)[0]["value"], octets)  # the same octets come back
        for octets, utc in (("07EA0611FF0A000000FFC4FF", "2026-06-17T09:00:00Z"),  # 60 minutes east of Greenwich
                            ("07EA0611FF0C0000008000FF", "2026-06-17T12:00:00Z"),  # the meter's own zone, UTC
                            ("07EA06110308000000007800", "2026-06-17T10:00:00Z")):
            magno("write", "--port", port, CLOCK, "hex:090C" + octets)
            self.assertEqual(read(port, CLOCK)[0]["time"][:16], utc[:16], octets)

    def test_5_refusals_with_and_without_user_information(self):
        c = self.wrapper(associate=False)
        self.assertEqual(verdict(c.ask(aarq(1, context=9)))[::3], (1, b""))
        self.assertEqual(verdict(c.ask(aarq(1, user=initiate(version=5))))[::3], (1, bytes.fromhex("0e010601")))
        said = magno("read", "--port", self.ports["tcp"], "--client", 32, "--password", "wrong", ENERGY, code=4).stderr
        self.assertIn("wrong password", said)

    def test_6_the_octet_of_invoke_id_and_priority_comes_back(self):
        c = self.wrapper()
        for octet in (0xC1, 0x41, 0xCF, 0x40, 0xC0):
            self.assertEqual(c.ask(b"\xc0\x01" + bytes([octet]) + LDN + b"\x00")[:4], bytes([0xC4, 1, octet, 0]))
        self.assertEqual(c.ask(b"\xc0\x01\x81" + LDN + b"\x00", QUIET), b"")  # unconfirmed: never answered
        self.assertEqual(c.ask(get())[:4].hex(), "c401c100")

    def test_7_a_range_by_a_column_that_is_not_the_first(self):
        c = self.wrapper()
        rows = profile(read(self.ports["tcp"], "profile"), None)
        energy = [r[ENERGY + ".255"] for r in rows]
        self.assertGreaterEqual(len(set(energy)), 6)
        column = bytes.fromhex("02041200030906") + bytes([1, 0, 1, 8, 0, 255]) + b"\x0f\x02\x12\x00\x00"
        bounds = [b"\x06" + struct.pack(">I", energy[i]) for i in (2, 4)]
        request = bytes.fromhex("c001c100070100630100ff02") + b"\x01\x01\x02\x04" + column + bounds[0] + bounds[1] + b"\x01\x00"
        answer = c.ask(request)
        self.assertEqual((answer[:4].hex(), answer[4]), ("c401c100", 1))
        self.assertEqual(answer[5], 3)  # rows
        for i in (2, 3, 4):
            self.assertIn(b"\x06" + struct.pack(">I", energy[i]), answer)

    def test_8_every_tag_of_protection(self):
        for how in ("glo", "ded", "general-glo", "general-ded", "identified", "wrapped"):
            wanted = ("--protect", how) + (("--ded",) if "ded" in how else ())
            with self.subTest(how):
                self.assertEqual(read(self.ports["tcp"], "0-0:42.0.0", options=wanted)[0]["text"], "MAG2200000000001")

    def test_8_a_title_is_needed_for_mechanism_5_also_without_ciphering(self):
        c = self.wrapper(client=1, associate=False)
        self.assertEqual(verdict(c.ask(aarq(5, password=bytes(16), context=3)))[:3], (1, 1, 3))

    def test_9_a_head_that_echoes(self):
        line = Echo(self.ports["hdlc"])
        self.addCleanup(line.close)
        self.assertEqual(line.connect(READER, parameters(128, 128, 1, 1))[0], UA)
        control, info = line.ask(0x10, b"\xe6\xe6\x00" + aarq(1), client=READER)
        self.assertEqual(verdict(info[3:])[0], 0)
        control, info = line.ask(0x32, b"\xe6\xe6\x00" + get(), client=READER)
        self.assertEqual(info[3:7].hex(), "c401c100")
        line.ask(DISC, client=READER)

    def test_9_a_simulator_that_echoes(self):
        with Meter("--load", "off", "--echo").start() as m:
            line = Line(m.ports["optical"])
            line.send(frame(SNRM, client=READER))
            self.assertEqual((line.frame()[0], line.frame()[0]), (SNRM, UA))  # oneself, then the meter
            line.send(frame(DISC, client=READER))
            self.assertEqual((line.frame()[0], line.frame()[0]), (DISC, UA))
            line.close()
            read(m.ports["optical"], ENERGY, options=(*LLS, "--mode-e"))  # and our own client does not mind

    def test_10_another_client_on_the_link(self):
        c = self.hdlc(READER)
        self.assertEqual(verdict(c.ask(aarq(1)))[0], 0)
        self.assertEqual(c.line.ask(0x10, b"\xe6\xe6\x00" + get(), client=16), (DM, b""))  # without an SNRM of its own
        self.assertEqual(c.line.ask(SNRM, client=16)[0], UA)  # and with one
        control, info = c.line.ask(0x10, b"\xe6\xe6\x00" + aarq(), client=16)
        self.assertEqual(verdict(info[3:])[0], 0)
        self.assertEqual(c.ask(get())[:4].hex(), "c401c100")  # the first one goes on meanwhile
        c.line.ask(DISC, client=16)

    def test_11_a_simulator_that_just_starts(self):
        with tempfile.TemporaryDirectory() as folder:  # no configuration, no keys, no memory before
            done = subprocess.run([MAGNO, "run", "--dlms", "0", "--optical", "0", "--rs485", "0", "--panel", "0", "--until", "+1s"],
                                  env={"HOME": folder}, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("is on", done.stdout)

    def test_13_long_values_are_written_whole(self):
        c = self.wrapper(34, associate=False)
        self.assertEqual(verdict(c.ask(aarq(1, password=b"00000003")))[0], 0)
        days = bytes.fromhex("000b00000b0000ff02")  # the special days table
        entries = [struct.pack(">BBBHBBHBBBBB", 2, 3, 18, n, 9, 5, 2026, 1 + n // 28, 1 + n % 28, 255, 17, 1) for n in range(40)]
        value = b"\x01" + bytes([len(entries)]) + b"".join(entries)
        pieces = [value[i:i + 90] for i in range(0, len(value), 90)]
        for n, piece in enumerate(pieces, 1):
            head = b"\xc1\x02\xc1" + days + b"\x00" if n == 1 else b"\xc1\x03\xc1"
            answer = c.ask(head + struct.pack(">BIB", n == len(pieces), n, len(piece)) + piece)
            wanted = struct.pack(">BBBBI", 0xC5, 3, 0xC1, 0, n) if n == len(pieces) else struct.pack(">BBBI", 0xC5, 2, 0xC1, n)
            self.assertEqual(answer, wanted)
        self.assertEqual(c.ask(get(days)), bytes.fromhex("c401c100") + value)


def main():
    with tempfile.TemporaryDirectory() as folder, \
            Meter("--load", "const:P=4000,Q=1000,V=230,F=50", "--speed", "max", "--start", "2026-01-01T00:00:00Z") as m:
        os.environ["XDG_STATE_HOME"] = folder
        m.run_out("--until", "2026-01-01T02:00:30Z")
        m.start("--start", "2026-01-01T02:01:00Z", "--speed", "1")
        Complaints.ports = {"tcp": m.ports["dlms"], "hdlc": m.ports["rs485"]}
        done = unittest.main(argv=[sys.argv[0]], verbosity=2, exit=False)
    sys.exit(not done.result.wasSuccessful())


if __name__ == "__main__":
    main()
