"""A tariff scheme into a running meter: `magno tariff write`, in force at its time, priced Wh by Wh, shown by DLMS and on the panel alike."""
import json, os, subprocess, tempfile, urllib.request

from meter import MAGNO, Meter, check, wait_for

STEPS = {"name": "two steps", "steps": [{"limit_wh": 1000, "price": "0.50"}, {"price": "2"}],
         "fixed": [{"kind": 2, "amount": "3"}]}
UNSOUND = {"name": "none", "steps": [{"limit_wh": 2000, "price": "1"}, {"limit_wh": 1000, "price": "2"}, {"price": "3"}]}


def tariff(m, scheme, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(scheme, f)
        f.flush()
        return subprocess.run([MAGNO, "tariff", "write", f.name, "--json", "--port", str(m.ports["dlms"]), *options],
                              capture_output=True, text=True, timeout=60)


def command(m, do, value):
    body = json.dumps({"do": do, "value": value}).encode()
    request = urllib.request.Request("http://127.0.0.1:%d/api/command" % m.ports["panel"], body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as r:
        return json.load(r)


def state(m):
    with urllib.request.urlopen("http://127.0.0.1:%d/api/state" % m.ports["panel"], timeout=30) as r:
        return json.load(r)


with Meter("--load", "off", "--start", "2026-01-31T23:59:00Z").start() as m:
    done = tariff(m, STEPS, "--from", "2026-01-15Z")
    check(done.returncode == 0, "written: %s%s" % (done.stdout, done.stderr))
    done = tariff(m, UNSOUND)
    check(done.returncode == 1, "an unsound one is refused before it is sent: %s%s" % (done.stdout, done.stderr))
    done = tariff(m, STEPS, "--client", "32", "--auth", "low", "--password", "00000001")
    check(done.returncode == 1, "a reader may not: %s%s" % (done.stdout, done.stderr))
    done = subprocess.run([MAGNO, "action", "--json", "--port", str(m.ports["dlms"]), "--client", "1", "--auth", "gmac",
                           "0-0:19.1.0.255:1", "integer:0"], capture_output=True, text=True, timeout=60)
    check(done.returncode == 0, "the account of money is opened: %s%s" % (done.stdout, done.stderr))
    command(m, "speed", 60)
    while state(m)["clock"]["utc"] < "2026-02-01T00:01:00Z":
        pass
    command(m, "speed", 1)
    check(m.value("0-0:96.60.11.255") == 500000, "the price of step 1: %s" % m.value("0-0:96.60.11.255"))
    check(m.value("0-0:96.60.10.255") == 1, "step 1")
    command(m, "code", "813")
    for digits in ("StEP   1", "0.5000"):
        wait_for(lambda: state(m)["lcd"]["digits"].strip() == digits)
print("a scheme checked, written, read back, in force with the month; refused where unsound or not allowed")
