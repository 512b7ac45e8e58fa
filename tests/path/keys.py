"""Keys of one's own, and passwords changed in life: the old ones are worth nothing, the new ones outlive a kill."""
import json, os, struct, subprocess, tempfile, zlib

from meter import MAGNO, Meter, check

KEYS = {"unicast": "A0" * 16, "broadcast": "B0" * 16, "authentication": "C0" * 16, "master": "D0" * 16,
        "passwords": ["reader-secret", "operator-secret", "supervisor-scrt"]}


def answer(m, *options):
    done = subprocess.run([MAGNO, "read", "--json", "--port", str(m.ports["dlms"]), *options, "1-0:1.8.0.255"],
                          capture_output=True, text=True, timeout=60)
    return done.returncode


def own_keys(folder):
    path = os.path.join(folder, "keys.json")
    json.dump(KEYS, open(path, "w"))
    with Meter("--load", "off", "--keys", path).start() as m:
        good = ("--client", "1", "--auth", "gmac", "--ek", KEYS["unicast"], "--ak", KEYS["authentication"])
        check(answer(m, *good) == 0, "its own keys")
        check(answer(m, "--client", "1", "--auth", "gmac") == 4, "development keys still open it")
        check(answer(m, "--client", "32", "--auth", "low", "--password", "reader-secret") == 0, "its own password")
        check(answer(m, "--client", "32", "--auth", "low", "--password", "00000001") == 4, "a development password")
        m.stop()
        with open(m.flash, "rb") as f:
            image = f.read()
        for secret in [bytes.fromhex(KEYS[k]) for k in ("unicast", "authentication", "master")] + [p.encode() for p in KEYS["passwords"]]:
            check(secret not in image, "a secret lies bare on flash")


def lock_out():
    with Meter("--load", "off").start() as m:
        codes = [answer(m, "--client", "32", "--auth", "low", "--password", "guess%03d" % n) for n in range(3)]
        check(codes == [4, 4, 4], "wrong passwords: %s" % codes)
        low = ("--client", "32", "--auth", "low", "--password", "00000001")
        check(answer(m, *low) == 4, "the port is not locked after three")
        m.kill()
        m.start()
        check(answer(m, *low) == 4, "a power cut unlocks the port")
        codes = [e["values"][1] for e in m.read("0-0:99.98.7.255", port="optical", options=("--hdlc", "--client", "1", "--auth", "gmac")) if "row" in e]
        check(367 in codes, "event 367, port locked: %s" % codes)


def factory():
    """On the bench: calibrated, told its lot, and sealed; then nobody opens it as the factory again."""
    low = ("--client", "34", "--auth", "low", "--password", "00000003")
    bench = ("--client", "112", "--auth", "gmac")
    one = 1 << 30  # the nominal gain
    record = b"MC\x01\0" + struct.pack("<26I", 1, one, one, one, 0, 0, 0, 0, *(one, *[0] * 8) * 2)
    record += struct.pack("<I", zlib.crc32(record))

    def write(m, name, value):
        return subprocess.run([MAGNO, "write", "--port", str(m.ports["dlms"]), *bench, name, value],
                              capture_output=True, text=True, timeout=60).returncode

    with Meter("--load", "off").start() as m:
        check(answer(m, *bench) == 4, "the factory is let in at a customer's")
        m.stop()
        m.start("--factory")
        check(len(record) == 112, "a record of %d octets" % len(record))
        check(write(m, "0-0:96.50.70", "octet-string:" + record.hex()) == 0, "the record of calibration is taken")
        check(write(m, "0-0:96.50.70", "octet-string:" + (record[:-1] + b"?").hex()) == 1, "a spoiled one is refused")
        check(write(m, "0-0:96.1.4", "lot 26/47") == 0 and write(m, "0-0:96.1.6", "K-4711") == 0, "lot and certificate")
        check(m.value("0-0:96.50.70", options=low) == record.hex().upper(), "the record stands")
        check(write(m, "0-0:96.61.15", "enum:1") == 0, "it leaves the factory")
        check(answer(m, *bench) == 4, "sealed, and the factory is let in")
        m.stop()
        m.start("--factory")
        check(answer(m, *bench) == 4, "sealed, and a start lets the factory in")
        check([r["text"] for r in m.read("0-0:96.1.4", "0-0:96.1.6", options=low)] == ["lot 26/47", "K-4711"], "what it wrote stays")
        codes = [e["values"][1] for e in m.read("0-0:99.98.7.255") if "row" in e]
        check(codes.count(369) >= 1, "event 369: %s" % codes)
        codes = [e["values"][1] for e in m.read("0-0:99.98.8.255") if "row" in e]
        check(codes.count(354) == 2, "nominal constants at the first two starts alone: %s" % codes)
        m.stop()


def hashed():
    """Instead of the password in the open: mechanisms 6, 4 and 3, where somebody switched them on."""
    low = ("--client", "33", "--password", "00000002")
    keyed = ("--password", "00000001", "--ek", "000102030405060708090A0B0C0D0E0F", "--ak", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
    with Meter("--load", "off").start() as m:
        for auth in ("sha256", "sha1", "md5"):
            check(answer(m, *low, "--auth", auth) == 4, "%s is not off" % auth)
        m.stop()
        m.start("--hls", "sha256,md5")
        for auth, code in (("sha256", 0), ("md5", 0), ("sha1", 4), ("low", 0)):
            check(answer(m, *low, "--auth", auth) == code, "%s beside it" % auth)
        for port in ("optical", "rs485"):
            got = m.read("15/0-0:40.0.0:6", port=port, options=("--hdlc", *low, "--auth", "sha256"))
            check(got[0]["value"] == "60857405080206", got)
        check(answer(m, "--client", "33", "--password", "wrong", "--auth", "md5") == 4, "a wrong secret")
        m.stop()
        m.start("--hls", "sha1")
        check(answer(m, *low, "--auth", "sha1") == 0, "sha1")
        check(answer(m, "--client", "1", *keyed, "--auth", "sha1", "--ciphered") == 4, "not for a client with keys")


with tempfile.TemporaryDirectory(prefix="magno-") as scratch:
    own_keys(scratch)
lock_out()
factory()
hashed()
print("own keys hold, guesses lock the port, a power cut does not unlock it")
