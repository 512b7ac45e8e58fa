"""magno keys: what it makes, OpenSSL takes, a meter runs with, and a client reads it with."""
import json
import os
import stat
import subprocess
import tempfile
import unittest

from magno import magno, main, MAGNO



class Keys(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.site = os.path.join(self.folder.name, "site")

    def run_magno(self, *args, code=0):
        r = magno(*args, env={"XDG_STATE_HOME": self.folder.name})
        self.assertEqual(r.code, code, r.out + r.err)
        return r

    def test_make(self):
        self.run_magno("keys", "make", self.site)
        names = sorted(os.listdir(self.site))
        self.assertEqual(names, ["ca-key.pem", "ca.pem", "client-agree-key.pem", "client-agree.pem", "client-sign-key.pem",
                                 "client-sign.pem", "keys.json"])
        for name in names:
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.site, name)).st_mode), 0o600, name)
        with open(os.path.join(self.site, "keys.json")) as f:
            keys = json.load(f)
        self.assertEqual(len({keys[k] for k in ("unicast", "broadcast", "authentication", "master")}), 4)
        self.assertEqual(len(set(keys["passwords"])), 3)
        r = self.run_magno("keys", "show", self.site)
        for secret in [keys["unicast"], keys["master"], *keys["passwords"]]:
            self.assertNotIn(secret, r.out + r.err)
        r = self.run_magno("keys", "make", self.site, code=1)  # never over what is there
        self.assertIn("File exists", r.err)
        with open(os.path.join(self.site, "keys.json")) as f:
            self.assertEqual(json.load(f), keys)

    def test_two_are_different(self):
        other = self.site + "2"
        self.run_magno("keys", "make", self.site)
        self.run_magno("keys", "make", other, "--title", "4142430000000007")
        for name in "keys.json", "client-sign-key.pem", "ca-key.pem":
            with open(os.path.join(self.site, name)) as a, open(os.path.join(other, name)) as b:
                self.assertNotEqual(a.read(), b.read())
        rows = self.run_magno("keys", "show", other, "--json").lines()
        self.assertEqual([row.get("subject") for row in rows[1:]], ["Magno 22 development CA", "4142430000000007", "4142430000000007"])
        self.assertEqual([row["usage"] for row in rows[1:]], ["authority", "digital signature", "key agreement"])

    def test_openssl_takes_them(self):
        self.run_magno("keys", "make", self.site, "--days", 30)
        at = lambda name: os.path.join(self.site, name)
        ssl = lambda *args, **kw: subprocess.run(["openssl", *args], check=True, capture_output=True, **kw).stdout
        self.assertIn(b"OK", ssl("verify", "-CAfile", at("ca.pem"), at("client-sign.pem")))
        self.assertIn(b"OK", ssl("verify", "-CAfile", at("ca.pem"), at("client-agree.pem")))
        for name in "client-sign", "client-agree", "ca":
            public = ssl("x509", "-in", at(name + ".pem"), "-noout", "-pubkey")
            self.assertEqual(public, ssl("ec", "-in", at(name + "-key.pem"), "-pubout"), name)
        der = subprocess.run([MAGNO, "keys", "export", "--der", at("client-sign.pem")], capture_output=True, check=True).stdout
        self.assertEqual(der, ssl("x509", "-in", at("client-sign.pem"), "-outform", "DER"))
        pkcs8 = os.path.join(self.folder.name, "p8.pem")
        ssl("pkcs8", "-topk8", "-nocrypt", "-in", at("client-sign-key.pem"), "-out", pkcs8)
        with open(at("client-sign-key.pem")) as f:
            self.assertEqual(self.run_magno("keys", "export", pkcs8).out, f.read())

    def test_import(self):
        self.run_magno("keys", "make", self.site)
        self.run_magno("keys", "make", self.site + "2", "--title", "4D41472200000007")
        meter = os.path.join(self.site + "2", "client-agree.pem")
        r = self.run_magno("keys", "import", self.site, meter, "--json")
        self.assertEqual((r.lines()[0]["file"], r.lines()[0]["subject"]), ("meter-agree.pem", "4D41472200000007"))
        der = os.path.join(self.folder.name, "x.der")
        with open(der, "wb") as f:
            f.write(subprocess.run([MAGNO, "keys", "export", "--der", meter.replace("agree", "sign")], capture_output=True).stdout)
        self.run_magno("keys", "import", self.site, der)
        self.assertIn("meter-sign.pem", os.listdir(self.site))
        self.run_magno("keys", "import", self.site, der, code=1)
        self.run_magno("keys", "import", self.site, der, "--as", "../evil", code=2)

    def test_wrong_input(self):
        junk = os.path.join(self.folder.name, "junk")
        with open(junk, "w") as f:
            f.write("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
        for args in (["show", junk], ["export", junk], ["import", self.folder.name, junk], ["show", "/nonexistent"],
                     ["make", "/nonexistent/site"]):
            r = self.run_magno("keys", *args, code=1)
            self.assertTrue(r.err.startswith("magno keys: "), r.err)
        for args in ([], ["make"], ["bake", "x"], ["make", self.site, "--title", "00"], ["make", self.site, "--days", "0"]):
            self.run_magno("keys", *args, code=2)
        self.run_magno("read", "energy", "--keys", "/nonexistent", code=1)


if __name__ == "__main__":
    main()
