"""A meter in QEMU: start the image, talk to its terminals, kill it, start it again."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLASH_SIZE = 16 << 20
UARTS = ("console", "optical", "rs485", "wan", "vtc")


def build(name):
    """A file of build/target; tests may be pointed elsewhere by TARGET_BUILD."""
    return pathlib.Path(os.environ.get("TARGET_BUILD", ROOT / "build/target")) / name


def plugin_file():
    """tests/target/insn.c as a plugin; made when it is missing or old."""
    source, made = ROOT / "tests/target/insn.c", build("insn.so")
    if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
        part = f"{made}.{os.getpid()}"
        subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", part, source],
                       check=True)
        os.replace(part, made)
    return made


def new_flash(path):
    """A chip as it leaves the works: all bits set."""
    with open(path, "wb") as f:
        for _ in range(FLASH_SIZE >> 20):
            f.write(b"\xff" * (1 << 20))
    return path


class Folder:
    """A scratch folder for sockets and flash files; short, because socket names are."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="m22-"))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Meter:
    """One run of an image.

    flash     file of FLASH_SIZE octets that outlives the run, or None: blank memory
    args      words for the image, "name=value"
    net       host port for TCP and UDP 4059 of the meter; 0: the system picks one
    start     what the RTC shows at power-up
    icount    None: as fast as the host; N: an instruction is 2^N ns, repeatable
    plugin    options of insn.c, a string
    """

    def __init__(self, folder, image="magno22.elf", flash=None, args=(), net=None, start="2026-01-01T00:00:00",
                 icount=None, plugin=None, semihosting=True, more=()):
        self.folder = pathlib.Path(folder)
        self.net = net
        command = ["qemu-system-arm", "-M", "mps2-an386" + (",memory-backend=nor" if flash else ""), "-nodefaults",
                   "-display", "none", "-monitor", "none", "-rtc", f"base={start},clock=vm",
                   "-device", "ds1338,address=0x68,bus=i2c", "-kernel", str(build(image))]
        words = "".join(",arg=" + w.replace(",", ",,") for w in ("magno22", *args))
        if semihosting:
            command += ["-semihosting-config", "enable=on,target=native" + words]
        if flash:
            command += ["-object", f"memory-backend-file,id=nor,size=16M,share=on,mem-path={flash}"]
        for name in UARTS:
            wait = "on" if name == "console" else "off"  # its first words must not be lost
            command += ["-chardev", f"socket,id={name},path={self.socket(name)},server=on,wait={wait}",
                        "-serial", f"chardev:{name}"]
        if net is not None:
            self.net = net or free_port()
            forward = "".join(f",hostfwd={kind}:127.0.0.1:{self.net}-10.0.2.15:4059" for kind in ("tcp", "udp"))
            command += ["-nic", "user,id=net" + forward]
        else:
            command += ["-nic", "none"]
        if icount is not None:
            command += ["-icount", f"shift={icount}"]
        if plugin is not None:
            command += ["-plugin", f"{plugin_file()},{plugin}"]
        self.errors = open(self.folder / "stderr", "w+b")
        self.process = subprocess.Popen(command + list(more), stdin=subprocess.DEVNULL, stdout=self.errors,
                                        stderr=self.errors)
        self._console = self.connect("console")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def socket(self, name):
        return str(self.folder / name)

    def kill(self):
        """As if the mains and the host were pulled at once."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._console.close()
        self.errors.close()

    def stop(self):
        """End the machine in order, so that the plugin prints what it counted."""
        self.process.terminate()
        self.process.wait(30)

    def plug(self, is_in):
        """The cable of the network, by QMP: begin the run with more=("-qmp", "unix:" + socket("qmp") + ",server=on,wait=off")."""
        s = retry(lambda: unix(self.socket("qmp")), 5, self)
        for order in ('{"execute": "qmp_capabilities"}', '{"execute": "set_link", "arguments": {"name": "net", "up": %s}}' %
                      ("true" if is_in else "false")):
            s.sendall(order.encode())
            read_until(s, b'"return"', 5)
        s.close()

    def wait(self, limit=60):
        """The status with which the image ended itself."""
        return self.process.wait(limit)

    def said(self):
        """What semihosting, the plugin and QEMU printed so far."""
        return (self.folder / "stderr").read_text(errors="replace")

    def counts(self):
        """After the end of a run with plugin="fn=...": {address: {"calls", "sum", "min", "max"}}."""
        found = {}
        for line in self.said().splitlines():
            words = line.split()
            if words[:1] == ["fn"]:
                found[int(words[1], 16)] = {k: int(v) for k, v in zip(words[2::2], words[3::2])}
        return found

    def connect(self, name, limit=5):
        """A stream to a UART."""
        return retry(lambda: unix(self.socket(name)), limit, self)

    def tcp(self, limit=5):
        return retry(lambda: tcp("127.0.0.1", self.net), limit, self)

    def console(self, until, limit=20):
        """Read the console until this has come; all that was read."""
        return read_until(self._console, until, limit)

    def rest(self):
        """After the end: what the console said and nobody has read."""
        got = b""
        while piece := self._console.recv(4096):
            got += piece
        return got.decode()


def retry(make, limit, meter):
    end = time.time() + limit
    while True:
        try:
            return make()
        except OSError:  # not there yet
            if time.time() > end or meter.process.poll() is not None:
                raise
            time.sleep(0.01)


def unix(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    try:
        s.connect(path)
    except OSError:
        s.close()
        raise
    return s


def tcp(host, port):
    s = socket.create_connection((host, port), 10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read_until(stream, until, limit):
    got = b""
    stream.settimeout(limit)
    while until not in got:
        piece = stream.recv(4096)
        if not piece:
            raise EOFError(f"ended before {until!r}: {got!r}")
        got += piece
    return got


def read_exactly(stream, n, limit=10):
    got = b""
    stream.settimeout(limit)
    while len(got) < n:
        piece = stream.recv(n - len(got))
        if not piece:
            raise EOFError(f"{len(got)} of {n} octets")
        got += piece
    return got


def symbol(image, name):
    """Address of a function or variable of an image."""
    for line in subprocess.run(["arm-none-eabi-nm", str(build(image))], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        words = line.split()
        if words[-1] == name:
            return int(words[0], 16)
    raise KeyError(name)


if __name__ == "__main__":
    # qemu.py IMAGE [name=value]...: run an image of unit tests to its end, show what it said, end as it does
    with Folder() as folder, Meter(folder, image=sys.argv[1], args=sys.argv[2:]) as meter:
        try:
            status = meter.wait(float(os.environ.get("LIMIT", 300)))
        finally:
            print(meter.said())
    sys.exit(status)
