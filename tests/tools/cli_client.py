"""magno read, write, action and decode as a user meets them, on a small device on real sockets."""
import json
import os
import re
import subprocess
import tempfile
import unittest

from magno import magno, main

KEYS = ["--ek", "000102030405060708090A0B0C0D0E0F", "--ak", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"]
NAME = "1/0-0:96.1.0"


class Device:
    """tests/dlms/served.c in a process of its own."""

    def __enter__(self):
        self.process = subprocess.Popen([os.environ["SERVED"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.at = json.loads(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Client(unittest.TestCase):
    def setUp(self):
        self.device = Device()
        self.device.__enter__()
        self.addCleanup(self.device.__exit__)
        self.state = tempfile.TemporaryDirectory()
        self.addCleanup(self.state.cleanup)

    def run_magno(self, *args, code=0, port="dlms", where=None):
        where = where if where is not None else ["--port", self.device.at[port]]
        r = magno(*args, *where, env={"XDG_STATE_HOME": self.state.name})
        self.assertEqual(r.code, code, r.out + r.err)
        return r

    def test_no_options_is_the_development_meter(self):
        r = self.run_magno("read", NAME, "--json")
        self.assertEqual(r.lines(), [{"object": "0-0:96.1.0.255", "class": 1, "attr": 2, "type": "octet-string",
                                      "value": "3232303030303432", "text": "22000042"}])
        r = self.run_magno("read", NAME)
        self.assertIn('"22000042"', r.out)

    def test_keys_that_are_given(self):
        self.run_magno("read", NAME, *KEYS)
        r = self.run_magno("read", NAME, "--ek", "00" * 16, "--ak", "11" * 16, code=4)
        self.assertIn("decipher", r.err)
        self.assertEqual(r.out, "")

    def test_wrong_options_say_so(self):
        """Before a word goes to the meter: a counter that is no number would be spent for ever."""
        missing = os.path.join(self.state.name, "no-such")
        for how, code in ((["--ek", "0011", "--ak", "11" * 16], 2), (["--title", "4D"], 2), (["--server-title", "x"], 2),
                          (["--ic", "abc"], 2), (["--ic", "-5"], 2), (["--ic", "4294967295"], 2), (["--timeout", "5x"], 2),
                          (["--auth", "none", "--policy", "some"], 2), (["--keys", missing], 1), (["--sign-key", missing], 1),
                          (["--peer-cert", missing], 1), (["--pcap", missing + "/x"], 1)):
            r = self.run_magno("read", NAME, *how, code=code)
            self.assertEqual(r.out, "", how)
            self.assertNotEqual(r.err, "", how)

    def test_counters_are_kept_and_recovered(self):
        for _ in range(3):
            self.run_magno("read", NAME)
        path = os.path.join(self.state.name, "magno", "counters")
        with open(path) as f:
            before = f.read()
        self.assertRegex(before, r"^[0-9A-F]{16} \d+\n$")
        self.assertNotIn("000102030405060708090A0B0C0D0E0F", before)
        os.remove(path)
        r = self.run_magno("read", NAME)  # the meter says what it wants
        self.assertIn("22000042", r.out)
        self.run_magno("read", NAME, "--no-state")
        self.assertEqual(os.stat(path).st_mode & 0o077, 0)

    def test_clients(self):
        self.run_magno("read", NAME, "--client", 16)
        self.run_magno("read", NAME, "--client", 32, "--password", "12345678")
        r = self.run_magno("read", NAME, "--client", 32, "--password", "wrong", code=4)
        self.assertIn("wrong password", r.err)
        r = self.run_magno("read", NAME, "--client", 99, "--timeout", 0.3, "--auth", "none", code=3)
        self.assertIn("no answer within 0.3 s to the association request; check --client", r.err)

    def test_every_carrier(self):
        at = self.device.at
        low = ["--client", 32, "--password", "12345678"]
        self.run_magno("read", NAME, where=["--udp", "--port", at["udp"]])
        self.run_magno("read", NAME, where=["--hdlc", "--port", at["hdlc"]])
        self.run_magno("read", NAME, where=["--hdlc", "--port", at["hdlc"], "--address", 17, "--info", 64, "--window", 3])
        self.run_magno("read", NAME, where=["--hdlc", "--port", at["hdlc"], "--address", 5694])
        r = self.run_magno("read", NAME, *low, where=["--port", at["hdlc"], "--timeout", 0.3], code=3)
        self.assertIn("no answer", r.err)

    def test_a_pseudo_terminal_as_optical_head(self):
        low = ["--client", 32, "--password", "12345678", "--device", self.device.at["pty"]]
        self.run_magno("read", NAME, where=[*low, "--mode-e"])
        self.run_magno("read", NAME, where=[*low, "--mode-e=00000042"], code=3)  # another meter's address
        self.run_magno("read", NAME, where=["--device", self.device.at["pty"], "--mode-e", "--baud", 4800])

    def test_nobody_there(self):
        r = magno("read", NAME, "--port", 9)
        self.assertEqual(r.code, 3)
        self.assertIn("is the meter running? try `magno run`", r.err)
        r = magno("read", NAME, "--host", "no-such-host.invalid")
        self.assertEqual(r.code, 3)
        r = magno("read", NAME, "--device", "/dev/no-such-device")
        self.assertEqual(r.code, 3)

    def test_usage(self):
        for args in ([], ["energyy"], [NAME, "--first", "0"], [NAME, "--from", "yesterday"], [NAME, "--auth", "magic"],
                     [NAME, "--from", "-2d", "--count", "3"], [NAME, "--csv", "--json"], [NAME, "--gbt", "64"],
                     [NAME, "--client", "200"], [NAME, "--hdlc", "--udp"]):
            r = self.run_magno("read", *args, code=2)
            self.assertEqual(r.out, "")
            self.assertTrue(r.err.startswith("magno read:"), r.err)

    def test_list(self):
        r = self.run_magno("read", "--list", "--json")
        rows = {row["object"]: row for row in r.lines()}
        clock = rows["0-0:1.0.0.255"]
        self.assertEqual((clock["class"], clock["version"]), (8, 0))
        rights = {a["attr"]: (a["read"], a["write"]) for a in clock["attributes"]}
        self.assertEqual(rights, {1: (True, False), 2: (True, True)})
        self.assertEqual([m["method"] for m in rows["0-0:43.0.0.255"]["methods"]], [1, 2, 6])
        r = self.run_magno("read", "--list")
        self.assertRegex(r.out, r"    8 v0  0-0:1.0.0.255 +\S.* R1-2 W2\n")

    def test_classes_come_from_the_list(self):
        r = self.run_magno("read", "0-0:96.53.0:2", "--json")  # no dictionary knows it
        self.assertEqual(r.lines()[0]["class"], 1)
        r = self.run_magno("read", "9-9:9.9.9", code=1)
        self.assertIn("magno read --list", r.err)

    def test_errors_of_the_meter(self):
        r = self.run_magno("read", "1/0-0:99.99.99", NAME, "--json", code=1)
        self.assertEqual(r.lines()[0], {"object": "0-0:99.99.99.255", "class": 1, "attr": 2, "error": "object-undefined"})
        self.assertEqual(r.lines()[1]["text"], "22000042")
        r = self.run_magno("read", "1/0-0:99.99.99", code=1)
        self.assertIn("object-undefined: this client sees no such object", r.out)

    def test_profile_of_a_meter_that_lies(self):
        r = self.run_magno("read", "profile", "--json", code=1)  # its capture_objects are a string
        self.assertIn("the columns of this profile are broken", r.err)

    def test_a_class_that_is_given_is_asked_for(self):
        r = self.run_magno("read", "3/0-0:96.1.0", "--json", code=1)
        self.assertEqual(r.lines()[0]["error"], "object-class-inconsistent")

    def test_logical_names_are_readable(self):
        r = self.run_magno("read", "clock:1", "--json")
        self.assertEqual((r.lines()[0]["value"], r.lines()[0]["text"]), ("0000010000FF", "0-0:1.0.0.255"))

    def test_all(self):
        r = self.run_magno("read", "--all", "--json", "--client", 32, "--password", "12345678", code=1)
        self.assertGreater(len(r.lines()), 400)
        self.assertIn("broken", r.err)

    def test_write_and_read_back(self):
        text = "0-0:96.13.0"
        r = self.run_magno("write", text, "text:hello", "--json")
        self.assertEqual(r.lines(), [{"object": "0-0:96.13.0.255", "class": 1, "attr": 2, "result": "success"}])
        self.assertEqual(self.run_magno("read", text, "--json").lines()[0]["text"], "hello")
        self.run_magno("write", text, "good bye")
        self.assertEqual(self.run_magno("read", text, "--json").lines()[0]["text"], "good bye")
        r = self.run_magno("write", NAME, "text:no", code=1)
        self.assertIn("read-write-denied", r.out)
        r = self.run_magno("write", text, "text:a", "0-0:96.1.10", "text:b", NAME, "text:c", "--with-list", "--json", code=1)
        self.assertEqual([row.get("result") or row["error"] for row in r.lines()], ["success", "success", "read-write-denied"])
        self.run_magno("write", text, "unsigned:1", code=1)
        for args in ([], [text], [text, "unsigned:256"], [text, "u8:x"]):
            self.assertEqual(self.run_magno("write", *args, code=2).out, "")

    def test_write_with_the_type_of_now(self):
        self.run_magno("write", "clock", "2026-01-01T00:00:00Z")
        r = self.run_magno("write", "clock", "tomorrow", code=2)
        self.assertIn("is not a time", r.err)

    def test_action(self):
        r = self.run_magno("action", "64/0-0:43.0.0:6", "octet-string:0102", "--json")
        self.assertEqual(r.lines(), [{"object": "0-0:43.0.0.255", "class": 64, "method": 6, "type": "octet-string", "value": "8182"}])
        r = self.run_magno("action", "security:security_activate", "--json")
        self.assertEqual(r.lines()[0]["result"], "success")
        r = self.run_magno("action", "64/0-0:43.0.0:6", "unsigned:1", "--json", code=1)
        self.assertEqual(r.lines()[0]["error"], "type-unmatched")
        self.run_magno("action", "clock", code=2)

    def test_how_it_asks(self):
        for how in (["--ded"], ["--protect", "general-glo"], ["--protect", "general-ded"], ["--policy", "auth"], ["--gbt", 3],
                    ["--max-pdu", 100], ["--dk", "E0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF"]):
            r = self.run_magno("read", NAME, "0-0:96.50.0", *how, "--json")
            self.assertEqual(len(r.lines()[1]["value"]), 600, how)

    def test_access_goes_on_by_get(self):
        """What the meter cannot answer in one APDU is asked for otherwise, and the rest as it was."""
        objects = (NAME, "15/0-0:40.0.0:2", "0-0:96.50.0")
        reader = ("--client", 32, "--password", "12345678")
        want = self.run_magno("read", *objects, *reader, "--json").lines()
        for how in ((), ("--max-pdu", 100)):
            r = self.run_magno("read", "--access", *objects, *reader, *how, "--json", "--trace")
            self.assertEqual(r.lines(), want, how)
            self.assertRegex(r.err, "(?m)^-> .{16}D9")

    def test_trace_is_read_back(self):
        r = self.run_magno("read", NAME, "--trace")
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
            f.write(r.err)
            f.flush()
            d = magno("decode", f.name)
        self.assertEqual(d.code, 0, d.out + d.err)
        for name in re.findall(r"^[<-][->]   ([a-z-]+) ", r.err, re.M):  # the plain twins, each on its own
            self.assertRegex(d.out, "(?m)^%s +[0-9]+ octets" % name)
        for word in ("aarq", "glo-initiate-request", "deciphered", "get-request", '"22000042"', "rlre"):
            self.assertIn(word, d.out)

    def test_pcap_is_read_back(self):
        for where in (["--port", self.device.at["dlms"]], ["--hdlc", "--port", self.device.at["hdlc"], "--info", 40],
                      ["--udp", "--port", self.device.at["udp"]]):
            path = os.path.join(self.state.name, "x.pcapng")
            self.run_magno("read", NAME, "0-0:96.50.0", "--pcap", path, where=where)
            d = magno("decode", path, "--json")
            self.assertEqual(d.code, 0, d.out + d.err)
            text = d.out
            for word in ("aarq", "get-request", "3232303030303432", "rlrq"):
                self.assertIn(word, text)
            self.assertEqual(text.count('"name":"deciphered"') > 5, True)


class Decode(unittest.TestCase):
    def test_apdu(self):
        r = magno("decode", "C001C100030100010800FF0200")
        self.assertEqual(r.code, 0)
        self.assertIn("1-0:1.8.0.255 active import +A, energy, class 3 (Register), 2 (value)", r.out)
        r = magno("decode", "C0 01 C1", "00 03 01 00 01 08 00 FF 02 00", "--json")
        tree = r.lines()[0]["items"][0]
        self.assertEqual(tree["name"], "get-request")
        self.assertEqual(tree["items"][2]["value"], {"object": "1-0:1.8.0.255", "class": 3, "attr": 2})

    def test_broken(self):
        self.assertEqual(magno("decode", "C001C1").code, 1)
        self.assertEqual(magno("decode", "7EA00802232193BD657E").code, 1)
        self.assertEqual(magno("decode", "zz").code, 2)
        self.assertEqual(magno("decode").code, 2)
        self.assertEqual(magno("decode", "--as", "nothing", "00").code, 2)
        self.assertEqual(magno("decode", "--ek", "00", "C001").code, 2)

    def test_keys_beside_the_global_one(self):
        """A dedicated or broadcast key needs the authentication key alone."""
        ak = ["--ak", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"]
        for key, apdu, word in ((["--broadcast-key", "0F0E0D0C0B0A09080706050403020100"],
                                 "DB084D474300000000012C70000000014AD950B0AAABA572A217CE362A7C911A3E941870FE6CC83885182CB41B0BCDD471E0"
                                 "37056D1E9B", "set-request"),
                                (["--dk", "E0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF"],
                                 "DC084D474300000000011E3000000001AB82E969779B3E9BC11FD9756A24A4376F0CE5C28ABB5DF40B", "get-request")):
            r = magno("decode", *ak, *key, apdu)
            self.assertEqual(r.code, 0, r.out + r.err)
            self.assertIn(word, r.out)
            self.assertEqual(magno("decode", *ak, apdu).code, 2)

    def test_secrets_are_not_shown(self):
        r = magno("decode", "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738"
                            "BE10040E01000000065F1F0400007E1F04B0")
        self.assertEqual(r.code, 0)
        self.assertIn("password", r.out)
        self.assertNotIn("12345678", r.out)
        self.assertNotIn("3132333435363738", r.out)

    def test_stdin(self):
        r = magno("decode", "-", stdin="-> C001C100030100010800FF0200\n\n<- C401C10006000004D2\n")
        self.assertEqual(r.code, 0, r.err)
        self.assertIn("1234", r.out)
        self.assertEqual(magno("decode", "-", stdin="hello\n").code, 1)

    def test_data_alone(self):
        r = magno("decode", "0203110116020A0141", "--json")
        self.assertEqual(r.code, 0)
        self.assertEqual(r.lines()[0]["items"][0]["items"][1]["value"]["type"], "enum")


if __name__ == "__main__":
    main()
