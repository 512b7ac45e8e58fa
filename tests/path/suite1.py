#!/usr/bin/env python3
"""From suite 0 to suite 1 with nothing but `magno`: key pairs, requests, certificates, the suite, every way to protect; over a kill."""
import json
import os
import subprocess
import tempfile
import time

from meter import MAGNO, Meter, check

SETUP = "0-0:43.0.0"
ENERGY = "1-0:1.8.0"
GUARDS = ("glo", "ded", "general-glo", "general-ded", "identified", "wrapped", "one-pass", "static")


def magno(*args, code=0):
    done = subprocess.run([MAGNO, *map(str, args)], capture_output=True, text=True, timeout=120)
    check(done.returncode == code, "magno %s: exit %d, not %d\n%s%s" % (" ".join(map(str, args)), done.returncode, code, done.stdout, done.stderr))
    return done.stdout


class Client:
    def __init__(self, folder, keys):
        self.folder, self.keys, self.port = folder, keys, None

    def call(self, word, *args, code=0):
        return magno(word, "--port", self.port, "--keys", self.keys, *args, code=code)

    def method(self, number, value, code=0):
        return self.call("action", "--json", "%s:%d" % (SETUP, number), value, code=code)

    def read(self, *options, code=0):
        out = self.call("read", "--json", *options, ENERGY, code=code)
        return json.loads(out)["value"] if code == 0 else None

    def der(self, name):
        path = os.path.join(self.folder, name + ".der")
        with open(path, "wb") as f:
            subprocess.run([MAGNO, "keys", "export", "--der", os.path.join(self.keys, name + ".pem")], stdout=f, check=True)
        with open(path, "rb") as f:
            return "octet-string:" + f.read().hex()

    def certificates(self):
        return json.loads(self.call("read", "--json", SETUP + ":6"))["value"]


def enrol(c):
    c.call("write", SETUP + ":3", "enum:1", code=1)  # nothing to use it with
    c.method(3, "array(structure(enum:0, octet-string:%s))" % ("00" * 128), code=1)
    c.method(5, "enum:0", code=1)  # no key to ask for
    for use, name in enumerate(("meter-sign", "meter-agree")):
        c.method(4, "enum:%d" % use)
        request = json.loads(c.method(5, "enum:%d" % use))["value"]
        magno("keys", "certify", c.keys, request, "--as", name)
    c.method(6, c.der("meter-sign"), code=1)  # no authority yet
    for name in ("ca", "client-sign", "client-agree", "meter-sign"):
        c.method(6, c.der(name))
    c.call("write", SETUP + ":3", "enum:1", code=1)  # one is missing
    c.method(6, c.der("meter-agree"))
    check(sorted(x[:2] for x in c.certificates()) == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 3]], c.certificates())
    other = os.path.join(c.folder, "other")
    magno("keys", "make", other)
    stranger = Client(c.folder, other)
    c.method(6, stranger.der("ca"), code=1)  # not signed by ours
    c.method(6, stranger.der("client-sign"), code=1)
    c.call("write", SETUP + ":3", "enum:1")


def exported(c):
    for name, options in (("meter-sign", "enum:0, enum:0, octet-string:4D41472200000001"), ("client-agree", "enum:1, enum:1, octet-string:4D47430000000001"),
                          ("ca", "enum:2, enum:3, octet-string:")):
        got = json.loads(c.method(7, "structure(enum:0, structure(%s))" % options))["value"]
        check(got.lower() == c.der(name).split(":")[1], name)
    serial, issuer = c.certificates()[0][2:4]
    got = json.loads(c.method(7, "structure(enum:1, structure(octet-string:%s, octet-string:%s))" % (serial, issuer)))["value"]
    check(bytes.fromhex(serial) in bytes.fromhex(got), got)
    c.method(8, "structure(enum:0, structure(enum:0, enum:0, octet-string:4D41472200000001))", code=1)  # in use
    c.method(8, "structure(enum:0, structure(enum:2, enum:3, octet-string:))", code=1)  # the last


def protected(c):
    for auth in ("gmac", "ecdsa"):
        for guard in GUARDS:
            more = ("--ded",) if "ded" in guard else ()
            for sign in ((), ("--sign",)):
                value = c.read("--suite", 1, "--auth", auth, "--protect", guard, *more, *sign)
                check(isinstance(value, int), value)
    c.read("--suite", 0, code=4)
    pcap = os.path.join(c.folder, "one-pass.pcapng")  # what only the meter opens is no error in it
    c.read("--suite", 1, "--protect", "one-pass", "--pcap", pcap)
    said = magno("decode", "--keys", c.keys, pcap)
    check("which alone opens this" in said and "get-response" in said, said)
    whole = c.call("read", "--list")
    for how in (("--gbt", 3), ("--gbt", 3, "--protect", "one-pass"), ("--gbt", 3, "--protect", "wrapped", "--sign")):
        check(c.call("read", "--list", *how) == whole, "the object list by %s" % (how,))


LAYER = "structure(enum:%d, structure(octet-string:00000001, octet-string:, octet-string:4D47430000000001, octet-string:, structure(enum:0, enum:0)))"


def pushed(c):
    """Signed and confirmed: the meter's signature is verified, the confirmation is of its suite."""
    with subprocess.Popen([MAGNO, "listen", "--json", "--keys", c.keys, "--port", "0", "--count", "3", "--for", "60"], stdout=subprocess.PIPE, text=True) as listen:
        port = json.loads(listen.stdout.readline())["port"]
        push = "40/0-1:25.9.0:%d"
        c.call("write", push % 3, "structure(enum:0, text:127.0.0.1:%d, enum:0)" % port)
        c.call("write", push % 11, "enum:2")
        c.call("write", "40/0-5:25.9.0:10", "array(%s)" % (LAYER % 3), code=1)  # the last gasp has no time to sign
        for layers in ((), (3,), (2, 3)):
            c.call("write", push % 10, "array(%s)" % ", ".join(LAYER % kind for kind in layers))
            c.call("action", push % 1)
            got = json.loads(listen.stdout.readline())
            check(got["push"] == "0-1:25.9.0" and got["authenticated"] and got["encrypted"] and got["confirmed"], got)
            check(got.get("signed", False) == (3 in layers), got)
        time.sleep(0.5)
        check(json.loads(c.call("read", "--json", push % 13))["time"].startswith("20"), "not confirmed")


def signed_by_policy(c):
    one = ("--suite", 1, "--auth", "ecdsa")
    c.call("action", *one, SETUP + ":1", "enum:0", code=1)  # never weaker
    c.call("action", *one, SETUP + ":1", "enum:252")
    c.read(*one, code=4)
    c.read(*one, "--sign")
    whole = c.call("read", *one, "--sign", "--list")
    check(c.call("read", *one, "--sign", "--gbt", 3, "--list") == whole, "the object list in general blocks")
    c.call("write", *one, "--sign", SETUP + ":3", "enum:0", code=1)  # the policy needs suite 1


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = os.path.join(folder, "state")
        keys = os.path.join(folder, "site")
        magno("keys", "make", keys)
        with Meter("--keys", os.path.join(keys, "keys.json"), "--load", "const:P=4000,Q=1000,V=230,F=50") as m:
            c = Client(folder, keys)
            m.start()
            c.port = m.ports["dlms"]
            enrol(c)
            c.call("read", "--suite", 1, ENERGY)
            m.kill()
            m.start()
            c.port = m.ports["dlms"]
            magno("read", "--port", c.port, "--keys", keys, "--suite", 1, "--auth", "ecdsa", ENERGY)
            c.call = lambda word, *args, code=0: magno(word, "--port", c.port, "--keys", c.keys, *(() if "--suite" in args else ("--suite", 1)), *args, code=code)
            exported(c)
            protected(c)
            pushed(c)
            signed_by_policy(c)
            m.kill()
            m.start()
            c.port = m.ports["dlms"]
            c.read("--suite", 1, "--auth", "ecdsa", code=4)
            c.read("--suite", 1, "--auth", "ecdsa", "--sign")
            m.stop()
    print("suite 1, whole path: all well")


if __name__ == "__main__":
    main()
