#!/usr/bin/env python3
"""`magno read`, `write`, `action` and `decode` against `magno run`: every port, every client, a trace of it all."""
import csv
import io
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading

import ctt
from meter import MAGNO, Meter, check, profile, read

ENERGY = "1-0:1.8.0"


def magno(*args, code=0):
    done = subprocess.run([MAGNO, *map(str, args)], capture_output=True, text=True, timeout=120)
    check(done.returncode == code, "magno %s: exit %d, not %d\n%s%s" % (" ".join(map(str, args)), done.returncode, code, done.stdout, done.stderr))
    return done


def two_hours():
    """A meter with two hours of a constant load behind it."""
    m = Meter("--load", "const:P=4000,Q=1000,V=230,F=50", "--speed", "max", "--start", "2026-01-01T00:00:00Z")
    m.run_out("--until", "2026-01-01T02:00:30Z")
    return m


def profiles(m):
    port = m.ports["dlms"]
    rows = profile(read(port, "profile"), None)
    check(len(rows) >= 8, "%d rows" % len(rows))
    energy = [r[ENERGY + ".255"] for r in rows]
    check(energy == sorted(energy) and 7990 <= energy[7] <= 8010, energy)
    part = profile(read(port, "profile", options=("--from", "2026-01-01T00:30:00Z", "--to", "2026-01-01T01:15:00Z")), None)
    check([r["time"] for r in part] == ["2026-01-01T00:30:00Z", "2026-01-01T00:45:00Z", "2026-01-01T01:00:00Z", "2026-01-01T01:15:00Z"],
          [r["time"] for r in part])
    some = profile(read(port, "profile", options=("--first", "2", "--count", "3")), None)
    check([r[ENERGY + ".255"] for r in some] == energy[1:4], some)
    last = profile(read(port, "profile", options=("--last", "2")), None)
    check([r["time"] for r in last] == [r["time"] for r in rows][-2:], last)
    chosen = magno("read", "--port", port, "profile", "--columns", "clock," + ENERGY, "--csv", "--count", 4).stdout
    table = list(csv.reader(io.StringIO(chosen)))
    check(table[0] == ["0-0:1.0.0.255", ENERGY + ".255 Wh"] and len(table) == 5, table)
    check([int(r[1]) for r in table[1:]] == energy[:4], table)
    by_table = magno("read", "--port", port, "profile").stdout.splitlines()
    check(len(by_table) == len(rows) + 1 and "Wh" in by_table[0], by_table[:2])
    check(len(set(map(len, by_table))) == 1, "the table is not even")


def ports(m):
    wanted = read(m.ports["dlms"], ENERGY)[0]
    for where in (("--udp",), ("--gbt", "4"), ("--ded",), ("--protect", "general-glo"), ("--max-pdu", "128")):
        got = read(m.ports["dlms"], ENERGY, options=where)[0]
        check(abs(got["value"] - wanted["value"]) <= 2 and got["unit"] == "Wh" and got["scaler"] == 0, got)
    low = ("--hdlc", "--client", "32")
    read(m.ports["optical"], ENERGY, options=low)
    read(m.ports["optical"], ENERGY, options=(*low, "--mode-e"))
    for address in (("--address", "17"), ("--address", "17", "--address-size", "4"), ()):
        read(m.ports["rs485"], ENERGY, options=(*low, *address, "--info", "64", "--window", "2"))
    magno("read", "--port", m.ports["rs485"], ENERGY, "--hdlc", "--client", 32, "--address", 18, "--timeout", 0.2, code=3)


def serial(m, folder):
    """The optical head and the RS485 line as serial devices, for one client after another."""
    pty = {name: os.path.join(folder, name) for name in ("optical", "rs485")}
    os.symlink("/nowhere", pty["rs485"])
    m.start("--speed", "1", "--optical-pty", pty["optical"], "--rs485-pty", pty["rs485"])
    check(os.path.realpath(pty["optical"]) == m.ports["optical_pty"], m.ports)
    for how in (("--mode-e",), (), ("--mode-e", "--baud", "4800")):
        got = magno("read", "--device", pty["optical"], "--client", 32, "--password", "00000001", *how, ENERGY).stdout
        check("Wh" in got, got)
    got = magno("read", "--json", "--device", pty["optical"], "0-0:43.0.0:4").stdout  # on this machine: with the development keys
    check(json.loads(got)["value"] == "4D47430000000001", got)
    magno("read", "--device", pty["rs485"], "--client", 32, "--password", "00000001", "--info", 64, "--window", 3, "profile")
    m.stop()
    check(not os.path.lexists(pty["optical"]) and not os.path.lexists(pty["rs485"]), "links are left behind")
    path = os.path.join(folder, "a file")
    open(path, "w").close()
    done = subprocess.run([MAGNO, "run", *m.options, "--optical-pty", path], capture_output=True, text=True, timeout=60)
    check(done.returncode == 3 and path in done.stderr and os.path.isfile(path), done.stderr)


def bus(m):
    """Five meters on one RS485 line: each answers to its own address, all at once do no harm."""
    m.start("--speed", "1", "--rs485-bus", "5")
    port = m.ports["rs485"]

    def name(n, *more):
        return magno("read", "--port", port, "--hdlc", "--client", 32, "--password", "00000001", "--address", 16 + n, *more, "0-0:42.0.0").stdout

    for n in (1, 2, 3, 4, 5, 3, 1):
        check("MAG22%011d" % n in name(n), name(n))
    line = ctt.Line(port)
    for turn in range(20):
        line.send(ctt.frame(ctt.SNRM))  # to whoever is there: five answers on top of each other
        line.send(ctt.frame(ctt.SNRM, server=bytes([2, (17 + turn % 5) << 1 | 1])))
        line.send(ctt.frame(ctt.RR))
        line.more(0.1)
    line.close()
    for n in (5, 4, 3, 2, 1):
        check("MAG22%011d" % n in name(n, "--address-size", 4, "--info", 40), name(n))
    magno("read", "--port", port, ENERGY, "--hdlc", "--client", 32, "--address", 22, "--timeout", 0.2, code=3)
    check(m.stop() == 0, "did not end well")
    check(os.path.getsize(m.flash + ".5") == os.path.getsize(m.flash), "the fifth has no memory")


def ipv6(m):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:  # a machine without: then it is refused in words
        done = subprocess.run([MAGNO, "run", *m.options, "--listen", "::1"], capture_output=True, text=True, timeout=60)
        check(done.returncode == 3 and "::1" in done.stderr, done.stderr)
        return
    m.start("--speed", "1", "--listen", "::1")
    for how in ((), ("--udp",)):
        magno("read", "--host", "::1", "--port", m.ports["dlms"], *how, ENERGY)
    m.stop()
    done = subprocess.run([MAGNO, "run", *m.options, "--listen", "127.0.0.256"], capture_output=True, text=True, timeout=60)
    check(done.returncode in (2, 3) and done.stderr, done.stderr)


def clients(m):
    port = m.ports["dlms"]
    for client in (16, 32, 33, 34, 1, 2):
        lines = [line for line in magno("read", "--port", port, "--client", client, "--list", "--json").stdout.splitlines()]
        check(len(lines) > 10, "client %d sees %d objects" % (client, len(lines)))
    magno("read", "--port", port, "--client", 16, ENERGY, code=1)
    magno("read", "--port", port, "--client", 32, "--password", "12345678", ENERGY, code=4)
    magno("read", "--port", port, "--ek", "00" * 16, "--ak", "00" * 16, ENERGY, code=4)


def everything(m):
    done = magno("read", "--port", m.ports["dlms"], "--all", "--json")
    lines = done.stdout.splitlines()
    check(len(lines) > 500 and '"error"' not in done.stdout, "%d lines" % len(lines))


def writing(m):
    port = m.ports["dlms"]
    magno("write", "--port", port, "0-0:96.1.10", "text:MP 0815")
    check(read(port, "0-0:96.1.10")[0]["text"] == "MP 0815", "not written")
    magno("write", "--port", port, "0-0:96.1.10", "another")
    check(read(port, "0-0:96.1.10")[0]["text"] == "another", "not written with the type of now")
    magno("write", "--port", port, "0-0:96.1.0", "text:no", code=1)
    magno("action", "--port", port, "profile:capture")


def entries(m):
    """Special days by the array manager: three of them entered one by one, in two pages as in the whole."""
    port, manager = m.ports["dlms"], "123/0-0:18.0.0:%d"
    for i in range(3):
        magno("action", "--port", port, manager % 3,
              "structure(unsigned:1, structure(long-unsigned:%d, structure(long-unsigned:%d, octet-string:FFFF0C%02XFF, unsigned:3)))"
              % (i, i + 7, 24 + i))
    pages = []
    for page in ((1, 2), (3, 4)):
        done = magno("action", "--json", "--port", port, manager % 2,
                     "structure(unsigned:1, structure(long-unsigned:%d, long-unsigned:%d))" % page)
        pages += json.loads(done.stdout)["value"]
    check(len(pages) == 3 and pages == read(port, "11/0-0:11.0.0")[0]["value"], "two pages, not the whole: %s" % pages)
    magno("action", "--port", port, manager % 5, "structure(unsigned:1, structure(long-unsigned:1, long-unsigned:3))")
    magno("action", "--port", port, manager % 2, "structure(unsigned:1, structure(long-unsigned:1, long-unsigned:1))", code=1)


class Mute:
    """A way to the meter that swallows its word on counters, as some meters do."""

    def __init__(self, port):
        self.meter = port
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client = self.server.accept()[0]
            meter = socket.create_connection(("127.0.0.1", self.meter))
            threading.Thread(target=self.pump, args=(client, meter, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(meter, client, True), daemon=True).start()

    def pump(self, a, b, mute):
        while data := a.recv(65536):
            if not (mute and data[8:11] == b"\xD8\x01\x06"):
                b.sendall(data)
        b.close()


def counters(m, state):
    """Lost counters: told by the meter, or else asked for by the public client."""
    mute = Mute(m.ports["dlms"])
    shutil.rmtree(os.path.join(state, "magno"))
    magno("read", "--port", m.ports["dlms"], ENERGY)
    shutil.rmtree(os.path.join(state, "magno"))
    magno("read", "--port", mute.port, "--timeout", 0.5, ENERGY)
    magno("read", "--port", mute.port, "--timeout", 0.5, "--ic", 1, "--no-state", ENERGY, code=3)


def together(m):
    """Two clients whose long answers are sealed and sent in general blocks at the same time."""
    how = [MAGNO, "read", "--port", str(m.ports["dlms"]), "--gbt", "2", "--max-pdu", "128", "--list"]
    for _ in range(5):
        both = [subprocess.Popen([*how, "--client", n, "--ek", "000102030405060708090A0B0C0D0E0F", "--ak", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for n in ("1", "2")]
        for one in both:
            out, err = one.communicate()
            check(one.returncode == 0 and "1-0:1.8.0.255" in out, err)


def trace(path):
    done = magno("decode", path)
    for word in ("sign-on-request", "identification", "hdlc", "wrapper", "aarq", "aare", "glo-get-request", "deciphered", "ded-get-request",
                 "general-glo-ciphering", "general-block-transfer", "set-request", "action-request", "rlrq", "SNRM"):
        check(word in done.stdout, "the trace shows no %s" % word)


def main():
    with tempfile.TemporaryDirectory() as folder, two_hours() as m:
        os.environ["XDG_STATE_HOME"] = folder
        path = os.path.join(folder, "all.pcapng")
        m.start("--start", "2026-01-01T02:01:00Z", "--speed", "1", "--pcap", path)
        profiles(m)
        ports(m)
        writing(m)
        entries(m)
        m.stop()
        trace(path)
        serial(m, folder)
        bus(m)
        ipv6(m)
        m.start("--speed", "1")
        everything(m)
        together(m)
        counters(m, folder)
        clients(m)
        m.stop()
    print("client against meter: all well")


if __name__ == "__main__":
    main()
