"""The customer's unit over TCP at `magno run`: a unit of its own make (AES-128-GCM in Python) is paired, learns what it is to know, enters
every kind of token, tells of alarms, reads objects as DLMS client 96; frames heard twice, bent or of a stranger are not answered, also after
a cut."""
import hashlib, hmac, json, os, re, socket, struct, subprocess, time, urllib.request

from meter import DATA, MAGNO, Meter, check

UNICAST = bytes(range(16))
KEY = ("key.dkga=02", "key.vending_key=abababababababab", "key.base_date=2014", "key.drn=00000000018", "key.kt=2", "key.sgc=123456",
       "key.ti=1", "ea=07")
TOKEN, PAIR, POLL, SETUP, CODE, APDU = 1, 2, 3, 4, 5, 6
FRAME = 96  # octets of an APDU in a frame


# -- AES-128 and GCM with a tag of 12 octets (FIPS 197, SP 800-38D)

def xtime(a):
    return (a << 1 ^ 0x11B if a & 0x80 else a << 1) & 0xFF


def sbox():
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= xtime(p)
        for n in (1, 2, 4):
            q ^= q << n & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        box[p] = q ^ (q << 1 | q >> 7) & 0xFF ^ (q << 2 | q >> 6) & 0xFF ^ (q << 3 | q >> 5) & 0xFF ^ (q << 4 | q >> 4) & 0xFF ^ 0x63
        if p == 1:
            return box


SBOX = sbox()


def aes(key, block):
    w, rcon = [list(key[i:i + 4]) for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        t = w[i - 1]
        if i % 4 == 0:
            t = [SBOX[b] for b in t[1:] + t[:1]]
            t[0] ^= rcon
            rcon = xtime(rcon)
        w.append([a ^ b for a, b in zip(w[i - 4], t)])
    rounds = [sum(w[i:i + 4], []) for i in range(0, 44, 4)]
    s = [a ^ b for a, b in zip(block, rounds[0])]
    for n in range(1, 11):
        s = [SBOX[s[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if n < 10:
            m = []
            for c in range(0, 16, 4):
                a = s[c:c + 4]
                m += [xtime(a[i]) ^ xtime(a[(i + 1) % 4]) ^ a[(i + 1) % 4] ^ a[(i + 2) % 4] ^ a[(i + 3) % 4] for i in range(4)]
            s = m
        s = [a ^ b for a, b in zip(s, rounds[n])]
    return bytes(s)


check(aes(bytes(range(16)), bytes.fromhex("00112233445566778899aabbccddeeff")).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a", "FIPS 197, C.1")


def ghash(h, data):
    y, h = 0, int.from_bytes(h, "big")
    for i in range(0, len(data), 16):
        x, v, z = y ^ int.from_bytes(data[i:i + 16], "big"), h, 0
        for bit in range(127, -1, -1):
            if x >> bit & 1:
                z ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, "big")


def gcm(key, iv, aad, text, opens=False):
    """The other text, and the tag over what is sent."""
    stream = b"".join(aes(key, iv + struct.pack(">I", 2 + i)) for i in range((len(text) + 15) // 16))
    out = bytes(a ^ b for a, b in zip(text, stream))
    sent = text if opens else out
    pad = lambda x: x + bytes(-len(x) % 16)
    y = ghash(aes(key, bytes(16)), pad(aad) + pad(sent) + struct.pack(">QQ", len(aad) * 8, len(sent) * 8))
    return out, bytes(a ^ b for a, b in zip(y, aes(key, iv + b"\0\0\0\1")))[:12]


def crc(data):
    c = 0xFFFF
    for b in data:
        c ^= b
        for _ in range(8):
            c = c >> 1 ^ (0x8408 if c & 1 else 0)
    return c ^ 0xFFFF


class Unit:
    def __init__(self, serial, counter=0, meter=1):
        self.serial, self.meter, self.counter = serial, meter, counter
        self.key = hmac.new(UNICAST, b"CIU" + struct.pack(">II", meter, serial), hashlib.sha256).digest()[:16]

    def connect(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=20)

    def frame(self, kind, payload=b"", counter=None):
        if counter is None:
            self.counter += 1
            counter = self.counter
        head = struct.pack(">BHIIIB", 0x7E, 13 + len(payload) + 14, self.serial, self.meter, counter, kind)
        sealed, tag = gcm(self.key, head[3:15], head, payload)
        return head + sealed + tag + struct.pack(">H", crc(head + sealed + tag))

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.s.recv(n - len(data))
            check(more, "the meter hung up")
            data += more
        return data

    def answer(self, kind):
        head = self.read(3)
        data = head + self.read(struct.unpack(">BH", head)[1])
        check(struct.unpack(">H", data[-2:])[0] == crc(data[:-2]), "checksum of the answer")
        _, _, unit, meter, counter, what = struct.unpack(">BHIIIB", data[:16])
        check((unit, meter, counter, what) == (self.serial, self.meter, self.counter, kind | 0x80), "the answer to that frame: %s" % data.hex())
        text, tag = gcm(self.key, bytes([data[3] | 0x80]) + data[4:15], data[:16], data[16:-14], opens=True)
        check(tag == data[-14:-2], "seal of the answer")
        return text

    def ask(self, kind, payload=b""):
        self.s.sendall(self.frame(kind, payload))
        return self.answer(kind)

    def unanswered(self, *frames):
        """What is answered is the frame behind them, and nothing before it."""
        for f in frames:
            self.s.sendall(f)
        return self.ask(POLL)

    def silent(self, frame):
        self.s.sendall(frame)
        self.s.settimeout(0.5)
        try:
            check(not self.s.recv(1), "no answer to a stranger")
        except socket.timeout:
            pass
        self.s.settimeout(20)

    def about(self, tag, what, method=False):
        """The service's head: `class/name:id`."""
        cls, name, number = re.fullmatch(r"(\d+)/(.*):(\d+)", what).groups()
        return bytes([tag, 1, 0xC1]) + struct.pack(">H6BB", int(cls), *map(int, re.split("[-:.]", name)), int(number))

    def apdu(self, request):
        """The server's answer; a unit whose turn it is not asks again."""
        check(len(request) <= FRAME, "an APDU for one frame")
        for _ in range(100):
            a = self.ask(APDU, request)
            check(len(a) <= FRAME, "an APDU in one frame")
            if a:
                return a
            time.sleep(0.05)
        raise AssertionError("its turn never comes")

    def get(self, what):
        """A-XDR, in blocks where it must be; the number of the result where it is refused."""
        a = self.apdu(self.about(0xC0, what) + b"\0")
        check(a[0] == 0xC4 and a[2] == 0xC1, "a GET's answer: %s" % a.hex())
        if a[1] == 1:
            return a[4] if a[3] else a[4:]
        data, number = b"", 1
        while True:
            _, kind, _, last, block, failed = struct.unpack(">BBBBIB", a[:9])
            check(kind == 2 and block == number and not failed, "block %d: %s" % (number, a.hex()))
            n, at = (a[9], 10) if a[9] < 128 else (a[10], 11)
            check(len(a) == at + n, "length of a block")
            data += a[at:]
            if last:
                return data
            a = self.apdu(struct.pack(">BBBI", 0xC0, 2, 0xC1, number))
            number += 1

    def call(self, what, data):
        a = self.apdu(self.about(0xC3, what) + b"\1" + data)
        check(a[0] == 0xC7 and a[1] == 1 and a[2] == 0xC1, "an ACTION's answer: %s" % a.hex())
        return a[3]

    def enter(self, digits):
        a = self.ask(TOKEN, digits.encode())
        return "%d %s" % (a[0], a[1:].decode())

    def state(self):
        a = self.ask(POLL)
        names = "wallet level supply balance utc lamp sound pause text holder deviation changes".split()
        return dict(zip(names, struct.unpack(">BBBqIBBBBBhH", a)))


    def wait(self, **want):
        """Asked again and again, as a unit does, until it is told so."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            s = self.state()
            if want.items() <= s.items():
                return s
            time.sleep(0.1)
        raise AssertionError("%s did not come: %s" % (want, s))


def axdr(data):
    """A value, and what is behind it."""
    tag, rest = data[0], data[1:]
    if tag in (1, 2):
        n, rest = (rest[0], rest[1:]) if rest[0] < 128 else (int.from_bytes(rest[1:1 + rest[0] - 128], "big"), rest[1 + rest[0] - 128:])
        values = []
        for _ in range(n):
            v, rest = axdr(rest)
            values.append(v)
        return values, rest
    if tag == 9:
        return rest[1:1 + rest[0]], rest[1 + rest[0]:]
    size, code = {0: (0, None), 6: (4, ">I"), 15: (1, ">b"), 17: (1, ">B"), 18: (2, ">H"), 22: (1, ">B")}[tag]
    return struct.unpack(code, rest[:size])[0] if size else None, rest[size:]


def numbers(text):
    out = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        out |= set(range(int(first), int(last or first) + 1))
    return out


def published():
    """docs/access.txt: what client 96 may read, write and call of each object."""
    rights = {}
    for line in open(os.path.join(DATA, "../../docs/access.txt")):
        head = re.match(r"(\S+)\s+(\d+) v\d+ (.*)", line)
        for who, what in (part.rsplit(": ", 1) for part in head[3].split("; ")) if head and head[2] != "class" else ():
            if "ciu" in who.split(", "):
                r = {w[0]: numbers(w[1:]) for w in what.split()}
                rights["%s/%s" % (head[2], head[1])] = tuple(frozenset(r.get(k, ())) for k in "RWX")
    return rights


def listed(data):
    """The same, as an object list says it."""
    objects, rest = axdr(data)
    check(not rest, "one value and nothing behind it")
    rights = {}
    for cls, _, name, (attributes, methods) in objects:
        key = "%d/%d-%d:%d.%d.%d.%d" % (cls, *name)
        rights[key] = (frozenset(a[0] for a in attributes if a[1] & 1), frozenset(a[0] for a in attributes if a[1] & 2),
                       frozenset(m[0] for m in methods if m[1] & 1))
    return rights


TID = [6400000]


def make(*fields, krn=1):
    TID[0] += 1
    made = subprocess.run([MAGNO, "token", "make", "--json", *KEY, "key.krn=%d" % krn, "tid=%d" % TID[0], *fields], capture_output=True,
                          text=True, check=True)
    made = json.loads(made.stdout)
    return [t["token"] for t in made["tokens"]] if "tokens" in made else made["token"]


def write(m, what, value):
    done = subprocess.run([MAGNO, "write", "--port", str(m.ports["dlms"]), "--client", "1", "--auth", "gmac", what, value],
                          capture_output=True, text=True)
    check(done.returncode == 0, "write %s: %s%s" % (what, done.stdout, done.stderr))


def panel(m, do, value):
    body = json.dumps({"do": do, "value": value}).encode()
    with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d/api/command" % m.ports["panel"], body,
                                                       {"Content-Type": "application/json"}), timeout=30) as r:
        reply = json.load(r)
    check(reply.get("reply", reply)["ok"], "%s %s: %s" % (do, value, reply))


def logged(m, log, code):
    return sum(code in r["values"] for r in m.read("0-0:99.98.%d.255" % log) if "row" in r)


with Meter("--load", "off").start() as m:
    unit = Unit(7001)
    unit.connect(m.ports["ciu"])

    unit.silent(unit.frame(POLL))
    check(logged(m, 7, 370) == 1, "a unit that is not paired")
    check(unit.ask(PAIR) == b"", "paired in the ten minutes after power-up")
    pairs = m.value("0-0:96.62.0.255")
    check(len(pairs) == 1 and pairs[0][0] == 7001, "on the list: %s" % pairs)
    s = unit.state()
    check((s["wallet"], s["balance"], s["supply"]) == (0, 0, 1), "how things stand: %s" % s)

    # parameter transfer
    write(m, "0-0:96.62.1.255:2", "structure(enum:1,long-unsigned:120,integer:-4)")
    write(m, "0-0:96.62.2.255:2", "structure(unsigned:11,long-unsigned:4660)")
    write(m, "0-0:96.62.4.255:2", "array(long-unsigned:801,long-unsigned:807)")
    write(m, "0-0:96.62.6.255:2", "structure(bool:true,long-unsigned:3)")
    t = unit.state()
    check(t["changes"] == s["changes"] + 4, "the unit sees that something changed: %s" % t)
    check(unit.ask(SETUP, b"\0") == struct.pack(">BBHbBHBH", 0, 1, 120, -4, 11, 4660, 1, 3), "link, channel, keypad, languages")
    check(unit.ask(SETUP, b"\1") == struct.pack(">BHH", 1, 801, 807), "display list")
    levels = struct.unpack(">" + "iBBHB" * 3, unit.ask(SETUP, b"\2")[1:])
    check(levels[0::5] == (10000, 5000, 1000), "alarm levels: %s" % (levels,))
    check(unit.ask(SETUP, b"\3") == b"\3", "no price table")

    # tokens
    ten = make("class=0", "subclass=0", "requested_amount=10")
    check(unit.enter(ten) == "1 Accept", "credit")
    check(unit.enter(ten) == "10 UsedError", "once")
    check(unit.state()["balance"] == 10000 and m.value("0-0:19.10.0.255") == 10000, "10 kWh at the unit and by DLMS")
    a = unit.ask(CODE, struct.pack(">HB", 801, 0))
    check(a[:4] == bytes([0, 1, 3 | 0x80, 30]) and a[4:].decode() == "   10000credit", "801 at the unit: %s" % a)

    # client 96
    rights = listed(unit.get("15/0-0:40.0.0.255:2"))
    check(rights == published(), "the object list by frames is what is published: %s" % (set(rights.items()) ^ set(published().items())))
    check(axdr(unit.get("3/1-0:1.8.0.255:2"))[0] == m.value("1-0:1.8.0.255"), "an energy register")
    read = 0
    for what, (r, w, x) in rights.items():
        for a in r:
            check(isinstance(unit.get("%s:%d" % (what, a)), bytes), "%s:%d is read" % (what, a))
            read += 1
    for what in ("8/0-0:1.0.0.255:2", "7/1-0:99.1.0.255:2", "64/0-0:43.0.0.255:2", "15/0-0:40.0.0.255:7", "1/0-0:96.64.6.255:2"):
        check(isinstance(unit.get(what), int), "%s is refused" % what)
    check(unit.call("115/0-0:19.40.0.255:1", b"\x09\x14" + ten.encode()) == 0 and unit.state()["balance"] == 10000, "judged, and used")
    five = make("class=0", "subclass=0", "requested_amount=5")
    check(unit.call("115/0-0:19.40.0.255:1", b"\x09\x14" + five.encode()) == 0 and unit.state()["balance"] == 15000, "5 kWh by the gateway")
    check(unit.call("70/0-0:96.3.10.255:1", b"\x0f\0") != 0, "the switch is not its to open")
    second_unit = Unit(7011)
    second_unit.s = unit.s
    check(second_unit.ask(PAIR) == b"", "another one on the same line")
    check(unit.apdu(unit.about(0xC0, "15/0-0:40.0.0.255:2") + b"\0")[1] == 2 and second_unit.ask(APDU, second_unit.about(0xC0, "3/1-0:1.8.0.255:2") + b"\0") == b"", "not its turn")
    check(listed(unit.get("15/0-0:40.0.0.255:2")) == rights, "and the first is not disturbed")
    check(second_unit.get("3/1-0:1.8.0.255:2")[0] == 6 and unit.get("3/1-0:1.8.0.255:2")[0] == 6, "each in its turn")
    write(m, "0-0:96.62.0.255:2", "array(structure(double-long-unsigned:7001,enum:1,enum:0,octet-string:,unsigned:0))")
    for auth in ((), ("--auth", "gmac")):
        done = subprocess.run([MAGNO, "read", "--port", str(m.ports["dlms"]), "--client", "96", *auth, "1-0:1.8.0.255"], capture_output=True)
        check(done.returncode, "without the frame client 96 is refused")
    check(unit.enter(make("class=2", "subclass=0", "requested_amount=3000")) == "1 Accept", "power limit")
    check(m.value("0-0:17.0.2.255:4") == 3000, "3 kW: %s" % m.read("0-0:17.0.2.255:4", "0-0:17.0.2.255:3"))
    check(unit.enter(make("class=1", "subclass=0", "control=00000001C")) == "1 Accept", "test")
    panel(m, "cover", True)
    s = unit.wait(text=2)
    check(s["lamp"] == 1, "the unit is told of the tamper, its lamp is steady: %s" % s)
    check(unit.enter(make("class=2", "subclass=5")) == "1 Accept" and unit.state()["text"] == 2, "an open cover stays told")
    panel(m, "cover", False)
    end = time.monotonic() + 30
    while unit.state()["text"]:
        check(time.monotonic() < end and unit.enter(make("class=2", "subclass=5")) == "1 Accept", "clear tamper")
    check(unit.enter(make("class=2", "subclass=1", "value_field=FFFF")) == "1 Accept", "clear balance")
    s = unit.state()
    check(s["balance"] == 0 and s["level"] == 3, "nothing is left, the third level: %s" % s)
    check(s["sound"] and s["lamp"] and s["supply"] != 1, "the unit lights and sounds, the supply is open: %s" % s)
    new = subprocess.run([MAGNO, "token", "key", "--json", *KEY, "key.krn=2"], capture_output=True, text=True, check=True)
    first, second = make("class=2", "subclass=3", "new_key.decoder_key=" + json.loads(new.stdout)["decoder_key"], "new_key.kt=2",
                         "new_key.sgc=123456", "new_key.ti=1", "new_key.krn=2", "tokens=2")
    old = make("class=0", "subclass=0", "requested_amount=5")
    check(unit.enter(second) == "3 2ndKCT", "second section first")
    check(unit.enter(first) == "1 Accept", "the key is changed")
    check(unit.enter(old) == "13 CRCError", "the old key is gone")
    check(unit.enter(make("class=0", "subclass=0", "requested_amount=7", krn=2)) == "1 Accept", "under the new one")
    rows = [r["values"] for r in m.read("0-0:99.17.0.255") if "row" in r]
    check(all(r[6] == 3 for r in rows) and len(rows) >= 11, "all of them by the unit: %s" % rows)

    # heard twice, bent, of a stranger
    again = make("class=0", "subclass=0", "requested_amount=1", krn=2)
    f = unit.frame(TOKEN, again.encode())
    bent = bytearray(f)
    bent[20] ^= 1
    bent[-2:] = struct.pack(">H", crc(bent[:-2]))
    unit.unanswered(bytes(bent))
    check(logged(m, 1, 49) == 1 and m.value("0-0:19.10.0.255") == 7000, "a bad seal")
    sent = unit.frame(TOKEN, again.encode())
    unit.s.sendall(sent)
    check(unit.answer(TOKEN)[0] == 1, "accepted")
    unit.unanswered(sent, f)
    check(logged(m, 1, 50) == 2 and m.value("0-0:19.10.0.255") == 8000, "frames of the past")
    stranger = Unit(7002)
    stranger.key = unit.key
    unit.unanswered(stranger.frame(POLL), Unit(7003).frame(POLL))
    check(logged(m, 1, 49) == 2 and logged(m, 7, 370) == 2, "a stranger under the key of another, and under its own")

    # after a cut
    m.kill()
    m.start("--speed", "600")
    unit.connect(m.ports["ciu"])
    unit.unanswered(sent, unit.frame(APDU, unit.about(0xC0, "3/1-0:1.8.0.255:2") + b"\0", counter=unit.counter))
    check(logged(m, 1, 50) == 4, "counters outlive a cut")
    check(unit.state()["balance"] == 8000 and unit.state()["changes"] >= t["changes"], "and so does all else")
    end, past = time.monotonic() + 300, []
    while len(past) < 2 and time.monotonic() < end:
        time.sleep(4)  # an hour at 600 times the speed; while somebody talks time does not run so fast
        past = m.value("0-0:96.62.5.255")
    check(len(past) > 1 and past[-1][2] == 1 and past[-1][1] > 50, "the past of the unit: %s" % past)
    late = Unit(7004)
    unit.unanswered(late.frame(PAIR))
    check(len(m.value("0-0:96.62.0.255")) == 1, "ten minutes after power-up nobody is paired")

    # units on RS485
    write(m, "0-0:96.64.5.255:2", "enum:1")
    unit.s.close()
    unit.connect(m.ports["rs485"])
    check(unit.state()["balance"] == 8000 and unit.get("112/0-0:19.10.0.255:2")[-4:] == struct.pack(">i", 8000), "frames on RS485")
    write(m, "0-0:96.64.5.255:2", "enum:2")
    check(unit.state()["balance"] == 8000, "until it hangs up")
    unit.s.close()
    s = socket.create_connection(("127.0.0.1", m.ports["rs485"]), timeout=20)
    s.sendall(b"TOKEN 1\r\n")
    check(s.makefile("rb").readline() == b"RESULT 6 FormatError\r\n", "lines on RS485")
    s.close()
    write(m, "0-0:96.64.5.255:2", "enum:0")
    check(m.read("1-0:1.8.0.255", port="rs485", options=("--hdlc", "--auth", "low", "--client", "32", "--password", "00000001")),
          "and DLMS again")
print("client 96: %d objects as published, %d attributes read" % (len(rights), read))
print("paired, set up; credit, power limit, test, clear tamper, clear balance, key change by the unit; replays, bad seals, strangers refused")
