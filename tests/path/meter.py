"""A running meter and a client for tests of the whole path: `magno run` started, read, killed."""
import json, os, signal, subprocess, tempfile, time

MAGNO = os.environ["MAGNO"]
DATA = os.environ["DATA"]
UCI = os.path.join(DATA, "loads", "uci_2007-02-01_02_1min.txt")


class Meter:
    """`magno run` with free ports, its flash in a folder of its own unless given."""

    def __init__(self, *options, flash=None):
        self.folder = None if flash else tempfile.TemporaryDirectory(prefix="magno-")
        self.flash = flash or os.path.join(self.folder.name, "meter.flash")
        self.options = ["--json", "--dlms", "0", "--optical", "0", "--rs485", "0", "--panel", "0",
                        "--flash", self.flash, *options]
        self.process = None
        self.ports = {}

    def start(self, *more):
        self.process = subprocess.Popen([MAGNO, "run", *self.options, *more], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the meter did not start: " + self.process.stderr.read())
        self.ports = json.loads(line)
        return self

    def run_out(self, *more, timeout=600):
        """Run to --until; exit code and what it said."""
        done = subprocess.run([MAGNO, "run", *self.options, *more], capture_output=True, text=True, timeout=timeout)
        if done.returncode:
            raise AssertionError("the meter ended with %d: %s" % (done.returncode, done.stderr))
        return done

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.communicate()
        code, self.process = self.process.returncode, None
        return code

    def stop(self):
        return self.kill(signal.SIGTERM)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.kill()
        if self.folder:
            self.folder.cleanup()

    def read(self, *objects, port="dlms", options=()):
        """JSON lines of `magno read`: HLS 5 over TCP unless told otherwise."""
        return read(self.ports[port], *objects, options=options)

    def value(self, name, **how):
        return self.read(name, **how)[0]["value"]


LLS = ("--hdlc", "--auth", "low", "--client", "32", "--password", "00000001")
HLS = ("--client", "1", "--auth", "gmac")


def read(port, *objects, options=()):
    done = subprocess.run([MAGNO, "read", "--json", "--port", str(port), *(options or HLS), *objects],
                          capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise AssertionError("magno read %s: exit %d: %s" % (" ".join(objects), done.returncode, done.stderr + done.stdout))
    return [json.loads(line) for line in done.stdout.splitlines()]


def profile(lines, name):
    """Rows of a profile as dictionaries: OBIS of the column -> value, and the time."""
    head = next(line for line in lines if "columns" in line)
    columns = [c["object"] for c in head["columns"]]
    return [dict(zip(columns, line["values"]), time=line["time"]) for line in lines if "row" in line]


def uci_rows():
    """(kW, kvar, V) a minute of the two recorded days."""
    with open(UCI) as f:
        next(f)
        for line in f:
            fields = line.split()
            yield float(fields[4]), float(fields[5]), float(fields[6])


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("waited %d s in vain" % seconds)
