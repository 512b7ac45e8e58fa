"""A session on every port, written by `magno run --pcap`: Debian's tshark with tools/wireshark/dlmscosem.lua sees in it what
`magno decode` sees, APDU for APDU, and in the plain twins the values themselves. Garbage troubles neither."""
import collections
import json
import os
import pathlib
import random
import socket
import subprocess
import tempfile

from meter import LLS, MAGNO, Meter, check, read

LUA = pathlib.Path(__file__).resolve().parents[2] / "tools/wireshark/dlmscosem.lua"
ENERGY = "1-0:1.8.0"


def tshark(path, *options):
    done = subprocess.run(["tshark", "-X", "lua_script:%s" % LUA, "-r", path, *options], capture_output=True, text=True, timeout=120)
    check(done.returncode == 0 and "Lua" not in done.stderr, done.stderr)
    check("Lua Error" not in done.stdout, done.stdout[-2000:])
    return done.stdout


def column(path, field):
    """All values of a field."""
    text = tshark(path, "-T", "fields", "-E", "aggregator=;", "-e", "dlmscosem." + field)
    return [value for row in text.splitlines() if row for value in row.split(";")]


def names(path):
    """The APDUs of `magno decode` without keys, not those that several blocks make together."""
    found = collections.Counter()

    def walk(note, wanted):
        for item in note.get("items", []):
            if item["name"] in wanted:
                found[item["name"]] += 1
            if item["name"] not in ("reassembled", "conformance"):
                walk(item, wanted)

    wanted = set(column(path, "apdu"))
    done = subprocess.run([MAGNO, "decode", "--json", "--ek", "00" * 16, "--ak", "00" * 16, path], capture_output=True, text=True)
    for line in done.stdout.splitlines():
        walk(json.loads(line), wanted)
    return found


def talk(m):
    energy = read(m.ports["dlms"], ENERGY)[0]["value"]
    for options in (("--udp",), ("--gbt", "4"), ("--ded",), ("--protect", "general-glo"), ("--access",)):
        read(m.ports["dlms"], ENERGY, "clock", options=options)
    read(m.ports["dlms"], "profile", options=("--last", "3", "--max-pdu", "128"))
    read(m.ports["optical"], ENERGY, "0-0:40.0.0", options=(*LLS, "--mode-e"))
    read(m.ports["optical"], ENERGY, "0-0:40.0.0", options=(*LLS, "--info", "64", "--window", "2"))
    read(m.ports["rs485"], ENERGY, "clock", options=("--hdlc", "--info", "128"))
    port = str(m.ports["dlms"])
    subprocess.run([MAGNO, "write", "--port", port, "0-0:96.1.10", "text:MP 0815"], check=True, capture_output=True)
    subprocess.run([MAGNO, "action", "--port", port, "profile:capture"], check=True, capture_output=True)
    subprocess.run([MAGNO, "read", "--port", port, "--client", "16", ENERGY], capture_output=True)  # refused
    return energy


def garbage(m):
    random.seed(22)
    for name, head in (("dlms", b"\x00\x01\x00\x10\x00\x01\x00\x20\xc4\x01\xc1"), ("optical", b"\x7e\xa0\x20\x03"), ("rs485", b"\x7e\xa8\xff")):
        for _ in range(40):
            with socket.create_connection(("127.0.0.1", m.ports[name]), 5) as s:
                try:
                    s.sendall(head[:random.randrange(len(head) + 1)] + random.randbytes(random.randrange(1, 200)))
                    s.settimeout(0.02)
                    s.recv(4096)
                except OSError:
                    pass  # hung up on, or silent


def main():
    with tempfile.TemporaryDirectory(prefix="magno-") as folder, \
            Meter("--load", "const:P=4000,Q=1000,V=230,F=50", "--speed", "max", "--start", "2026-01-01T00:00:00Z") as m:
        os.environ["XDG_STATE_HOME"] = folder
        m.run_out("--until", "2026-01-01T02:00:30Z")
        path = os.path.join(folder, "all.pcapng")
        m.start("--start", "2026-01-01T02:01:00Z", "--speed", "1", "--pcap", path)
        energy = talk(m)
        m.stop()
        text = tshark(path, "-V")
        check("Malformed" not in text and "dlmscosem.broken" not in text and "Broken" not in text, "something was not understood")
        seen = collections.Counter(column(path, "apdu"))
        check(seen == names(path), "tshark %s\nmagno %s" % (sorted(seen.items()), sorted(names(path).items())))
        for name in ("aarq", "aare", "glo-get-request", "glo-get-response", "ded-get-request", "general-glo-ciphering", "general-block-transfer",
                     "glo-set-request", "glo-action-request", "get-request", "get-response", "set-request", "action-request",
                     "access-request", "access-response", "initiate-request", "rlrq", "rlre"):
            check(seen[name], "no %s" % name)
        check(set(column(path, "hdlc.fcs_good")) == {"1"} == set(column(path, "hdlc.hcs_good")), "a check sum is wrong")
        check({"SNRM", "UA", "I", "RR", "DISC"} <= set(column(path, "hdlc.frame")), "frames are missing")
        check("/?!" in column(path, "line") and ENERGY + ".255" in column(path, "obis"), "no sign-on, or no logical name")
        check(any(v == "double-long-unsigned %d" % energy for v in column(path, "data")), "no plain twin shows %d Wh" % energy)
        bad = os.path.join(folder, "bad.pcapng")
        m.start("--speed", "1", "--pcap", bad)
        garbage(m)
        m.stop()
        tshark(bad, "-V")
        print("%d APDUs, seen alike by tshark and `magno decode`" % seen.total())


if __name__ == "__main__":
    main()
