"""Wrong input: each a clear error and the right exit code, nothing lost, and the meter goes on where it can."""
import os, random, socket, subprocess, tempfile

from meter import DATA, MAGNO, Meter, check


def refused(code, words, *command):
    done = subprocess.run([MAGNO, *command], capture_output=True, text=True, timeout=60)
    check(done.returncode == code, "%s: exit %d, not %d: %s" % (" ".join(command), done.returncode, code, done.stderr))
    for word in words:
        check(word in done.stderr, "%s: no '%s' in: %s" % (" ".join(command), word, done.stderr))
    check("Sanitizer" not in done.stderr, done.stderr)


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
    with tempfile.TemporaryDirectory(prefix="magno-") as folder:
        run = ["run", "--json", "--panel", "0", "--dlms", "0", "--optical", "0", "--rs485", "0", "--flash",
               os.path.join(folder, "f.flash")]
        refused(2, ["--nonsense"], *run, "--nonsense")
        refused(2, ["port"], "run", "--dlms", "70000")
        refused(2, ["number"], *run, "--speed", "fast")
        refused(2, ["not a time"], *run, "--start", "yesterday")
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
            garbage_on_ports(m)
        print("wrong input is refused in words; the meter goes on")


main()
