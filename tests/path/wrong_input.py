"""Wrong input: each a clear error and the right exit code, nothing lost, and the meter goes on where it can."""
import os, random, socket, subprocess, tempfile

from meter import DATA, MAGNO, Meter, check


def refused(code, words, *command):
    done = subprocess.run([MAGNO, *command], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    check(done.returncode == code, "%s: exit %d, not %d: %s" % (" ".join(command), done.returncode, code, done.stderr))
    for word in words:
        check(word in done.stderr, "%s: no '%s' in: %s" % (" ".join(command), word, done.stderr))
    check("Sanitizer" not in done.stderr, done.stderr)


USAGE, REFUSED, NOBODY, STRANGER = 2, 1, 3, 4
VEND = ["vend", "--demo", "--rounds", "10"]
SALE = [*VEND, "sell", "meter=00000000018"]

# What is wrong, the words that say so and what to do, the command.
WRONG = (
    (USAGE, "--help", ""),
    (USAGE, "did you mean 'read'", "reed"),
    (USAGE, "name an object", "read"),
    (USAGE, "16 octets as hexadecimal", "read energy --ek 00"),
    (USAGE, "8 octets as hexadecimal", "read energy --title zz"),
    (USAGE, "--ic wants a number from 0", "read energy --ic 4294967296"),
    (USAGE, "--ic wants a number from 0", "read energy --ic many"),
    (USAGE, "0.05 to 3600", "read energy --timeout 5x"),
    (USAGE, "belong together", "read energy --ek 000102030405060708090A0B0C0D0E0F"),
    (USAGE, "a value for each", "write 1-0:99.1.0:4"),
    (USAGE, "name the method", "action 1-0:99.1.0"),
    (USAGE, "is no type; try", "action 1-0:99.1.0:1 number:1"),
    (REFUSED, "cannot open /nonexistent", "read energy --keys /nonexistent"),
    (REFUSED, "cannot open /nonexistent", "read energy --auth ecdsa --sign-key /nonexistent"),
    (REFUSED, "cannot write /nonexistent/x", "read energy --pcap /nonexistent/x"),
    (NOBODY, "is the meter running?", "read energy --port 1"),
    (USAGE, "neither octets in hex nor a file", "decode xyz"),
    (USAGE, "no hexadecimal digits", "decode C0 xyz"),
    (USAGE, "16 octets as hexadecimal", "decode --ek 00 C001"),
    (REFUSED, "larger", "decode /dev/zero"),
    (USAGE, "16 octets as hexadecimal", "listen --ek zz"),
    (USAGE, "ADDR:PORT", "listen --connect nowhere"),
    (REFUSED, "cannot open /nonexistent", "listen --keys /nonexistent"),
    (NOBODY, "cannot connect", "listen --connect 127.0.0.1:1"),
    (USAGE, "info, check or dump", "flash info"),
    (REFUSED, "cannot open", "flash check /nonexistent"),
    (USAGE, "check FILE", "tariff check"),
    (REFUSED, "/nonexistent", "tariff check /nonexistent"),
    (USAGE, "which file", "measure"),
    (REFUSED, "--raw", "measure /nonexistent"),
    (USAGE, "are needed", "calibrate --unity /nonexistent"),
    (USAGE, "1 to 20000", "keys make --days 5x /nonexistent/k"),
    (USAGE, "a name, not a path", "keys import --as a/b . /nonexistent"),
    (REFUSED, "cannot open", "keys show /nonexistent"),
    (USAGE, "name a story", "scenario"),
    (REFUSED, "cannot open", "scenario /nonexistent"),
    (USAGE, "a shell", "completion"),
    (USAGE, "subclass: is missing; `magno token --help`", "token make class=0"),
    (USAGE, "is not 20 digits", "token decode decoder_key=e653341f9d5bf36f token=12"),
    (USAGE, "key.vending_key: is missing", "token key key.dkga=02"),
    (REFUSED, "the checksum is wrong", "token decode decoder_key=e653341f9d5bf36f 23716100501183194198"),
    (USAGE, "`magno vend --help` lists", [*VEND, "sel"]),
    (USAGE, "meter: is missing; docs/vending.md", [*VEND, "sell"]),
    (USAGE, "amount: is missing", SALE),
    (USAGE, "is not a number", [*SALE, "units=ten"]),
    (USAGE, "no name=value", [*SALE, "ten"]),
    (REFUSED, "there is no meter 00000000026", [*VEND, "meter", "meter=00000000026"]),
    (USAGE, "from 1 to 99999999", [*VEND, "--serial", "0"]),
    (USAGE, "belong together", [*VEND, "--cert", "/nonexistent"]),
    (REFUSED, "cannot be used: PEM", [*VEND, "--cert", "/nonexistent", "--key", "/nonexistent"]),
    (NOBODY, "/nonexistent", ["vend", "--db", "/nonexistent/x", "status"]),
)


def write(folder, name, octets):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(octets)
    return path


def garbage_on_ports(m):
    random.seed(22)
    for name in ("dlms", "optical", "rs485"):
        for size in (1, 7, 300, 70000):
            s = socket.create_connection(("127.0.0.1", m.ports[name]), 5)
            try:
                s.sendall(random.randbytes(size))
                s.sendall(b"\x00\x01\x00\x10\x00\x01\xff\xff" + b"\x60" * 9)
            except OSError:
                pass  # hung up on: fine
            s.close()
        check(m.value("0-0:96.1.0.255", port="dlms"), "deaf after garbage on " + name)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for size in (1, 8, 1400):
        u.sendto(random.randbytes(size), ("127.0.0.1", m.ports["dlms"]))
    check(m.value("0-0:96.1.0.255"), "deaf after garbage datagrams")


def main():
    os.environ["MAGNO_VEND_PASSPHRASE"] = "a test passphrase"
    for code, words, command in WRONG:
        refused(code, [words], *(command.split() if isinstance(command, str) else command))
    with tempfile.TemporaryDirectory(prefix="magno-") as folder:
        run = ["run", "--json", "--panel", "0", "--dlms", "0", "--optical", "0", "--rs485", "0", "--flash",
               os.path.join(folder, "f.flash")]
        refused(2, ["--nonsense"], *run, "--nonsense")
        refused(2, ["port"], "run", "--dlms", "70000")
        refused(2, ["number"], *run, "--speed", "fast")
        refused(2, ["not a time"], *run, "--start", "yesterday")
        for load in "magic", "csv:", "const:", "const:P=x", "const:X=1", "const:V=9999":
            refused(USAGE, [load[load.find("=") - 1:] if "=" in load else "const:P=1000"], *run, "--load", load)
        refused(REFUSED, ["unable to open /nonexistent: "], *run, "--keys", "/nonexistent")
        refused(1, ["no-such.csv"], *run, "--load", "csv:" + os.path.join(folder, "no-such.csv"))
        broken = write(folder, "broken.csv", b"time,p_w\n0,100\n60,1x0\n")
        refused(1, ["broken.csv:3"], *run, "--load", "csv:" + broken)
        waves = os.path.join(DATA, "waveforms")
        cfg = open(os.path.join(waves, "keating_1999.CFG"), "rb").read()
        dat = open(os.path.join(waves, "keating_1999.DAT"), "rb").read()
        write(folder, "cut.CFG", cfg), write(folder, "cut.DAT", dat[:len(dat) // 2])
        refused(1, ["cut"], *run, "--load", "comtrade:" + os.path.join(folder, "cut.CFG"))
        refused(1, ["cut"], "measure", os.path.join(folder, "cut.CFG"))
        refused(1, ["no-such"], "measure", os.path.join(folder, "no-such.cfg"))
        short = write(folder, "short.flash", b"not a flash image")
        refused(1, ["short.flash", "flash image"], "run", "--flash", short)
        junk = write(folder, "junk.flash", random.Random(22).randbytes(8 << 20))
        refused(1, ["no meter"], *run, "--flash", junk)
        check(open(junk, "rb").read() == random.Random(22).randbytes(8 << 20), "a foreign image was written to")
        refused(2, ["development keys"], *run, "--listen", "0.0.0.0")
        with Meter("--load", "off").start() as m:
            refused(3, ["port"], *run, "--dlms", str(m.ports["dlms"]))
            refused(1, ["running"], *run, "--flash", m.flash)
            at = ["--port", str(m.ports["dlms"]), "--no-state"]
            refused(STRANGER, ["wrong password"], "read", "energy", *at, "--client", "32", "--password", "wrong")
            refused(REFUSED, ["no column"], "read", "1-0:99.1.0", *at, "--columns", "1-0:9.9.9")
            refused(USAGE, ["does not fit"], "write", "1-0:99.1.0:4", "unsigned:999", *at)
            refused(USAGE, ["CLASS/"], "write", "9-9:1.1.1:2", "unsigned:1", *at)
            refused(USAGE, ["--agree-key"], "read", "energy", *at, "--protect", "static")
            garbage_on_ports(m)
        print("wrong input is refused in words; the meter goes on")


main()
