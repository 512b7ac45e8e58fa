"""`magno token` on every published token, and on what is wrong."""
import json
import os
import tempfile
import unittest

from magno import DATA, magno, main

VECTORS = os.path.join(DATA, "..", "vectors")


def cases(name):
    """Cases of a text file: dicts, dotted names as dicts inside, the case's name as id."""
    out = []
    with open(os.path.join(VECTORS, name)) as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("["):
                out.append({"id": line[1:-1]})
            elif line and not line.startswith("#"):
                field, _, value = line.partition(":")
                *path, last = field.split(".")
                at = out[-1]
                for p in path:
                    at = at.setdefault(p, {})
                at[last] = value.strip()
    return out


def batch(action, objects):
    r = magno("token", action, "--batch", stdin="".join(json.dumps(x) + "\n" for x in objects))
    assert r.code == 0, r.err
    lines = r.lines()
    assert len(lines) == len(objects) or action == "play"
    return lines


ALL = cases("sts.txt")
TOKENS = [c for c in ALL if c["kind"] in ("credit", "currency", "management", "test")]
CHANGES = [c for c in ALL if c["kind"] == "key_change"]
NUMBERS = ("class", "subclass", "tid", "rnd", "mfr_code", "ken", "ro", "tokens")
MADE = ("decoder_key", "clear_block", "encrypted_block", "token66", "token", "crc", "meaning")


def order(case):
    """What one would ask for: the inputs without the answers, numbers as numbers."""
    wanted = {k: v for k, v in case.items() if k not in MADE and not k.startswith("token")}
    for k in NUMBERS:
        if k in case:
            wanted[k] = int(case[k])
    if "issue_utc" in case and "base_date" in case.get("key", {}):
        wanted.pop("tid", None)
    for key in ("key", "new_key"):
        if "dkga" in wanted.get(key, {}):
            wanted[key] = {k: v for k, v in wanted[key].items() if k != "decoder_key"}
    return wanted


class Vectors(unittest.TestCase):
    def test_there_are_all_of_them(self):
        self.assertEqual((len(TOKENS), len(CHANGES)), (148, 14))

    def test_keys(self):
        plans = [c for c in TOKENS + CHANGES if "dkga" in c.get("key", {})]
        for case, got in zip(plans, batch("key", [{"ea": c["ea"], "key": c["key"]} for c in plans])):
            self.assertEqual(got["decoder_key"], case["key"]["decoder_key"], case["id"])
            for block in "pan_block", "control_block":
                if block in case["key"]:
                    self.assertEqual(got[block], case["key"][block], case["id"])

    def test_tokens_are_made(self):
        for case, got in zip(TOKENS, batch("make", [order(c) for c in TOKENS])):
            for k in "clear_block", "encrypted_block", "token66", "token", "crc":
                self.assertEqual(got[k], case[k], f"{case['id']} {k}")
            if case["class"] != "1":
                self.assertEqual(got["tid"], int(case["tid"]), case["id"])
                self.assertEqual(got["decoder_key"], case["key"]["decoder_key"])

    def test_value_fields_are_found_from_amounts(self):
        asked = [c for c in TOKENS if "requested_amount" in c and "value_field" in c]
        self.assertGreater(len(asked), 30)
        wanted = [{k: v for k, v in order(c).items() if k != "value_field"} for c in asked]
        for case, got in zip(asked, batch("make", wanted)):
            self.assertEqual(got["token"], case["token"], case["id"])

    def test_money_is_found_from_amounts(self):
        asked = [c for c in TOKENS if "units_1e5" in c and "requested_amount" in c]
        self.assertGreater(len(asked), 6)
        wanted = [{k: v for k, v in order(c).items() if k != "units_1e5"} for c in asked]
        for case, got in zip(asked, batch("make", wanted)):
            self.assertEqual(got["token"], case["token"], case["id"])

    def test_key_changes_are_made(self):
        for case, got in zip(CHANGES, batch("make", [order(c) for c in CHANGES])):
            self.assertEqual(len(got["tokens"]), int(case["tokens"]), case["id"])
            for i, token in enumerate(got["tokens"]):
                want = case[f"token{i + 1}"]
                for k in "clear_block", "encrypted_block", "token66", "token", "crc":
                    self.assertEqual(token[k], want[k], f"{case['id']} {i} {k}")
                self.assertEqual(token["subclass"], int(want["subclass"]))

    def test_tokens_are_decoded(self):
        asked = [{"ea": c.get("ea"), "token": c["token"],
                  "decoder_key": c.get("key", {}).get("decoder_key")} for c in TOKENS]
        for case, got in zip(TOKENS, batch("decode", asked)):
            self.assertTrue(got["crc_ok"], case["id"])
            self.assertEqual(got["clear_block"], case["clear_block"])
            for k in "class", "subclass", "tid", "rnd", "mfr_code", "sign", "exponent", "mantissa":
                if k in case:
                    self.assertEqual(got[k], int(case[k]), f"{case['id']} {k}")
            for k in "value_field", "control":
                if k in case:
                    self.assertEqual(got[k], case[k], f"{case['id']} {k}")
            if "decoded_units_1e5" in case:
                self.assertEqual(got["units_1e5"], case["decoded_units_1e5"])
            if "meaning" in case:
                self.assertEqual(got["meaning"].lower(), case["meaning"].split(";")[0].lower())

    def test_lives(self):
        lives = cases("sts_scenarios.txt")
        self.assertEqual(len(lives), 9)
        asked, want = [], []
        for life in lives:
            initial = dict(life["initial"])
            initial["credit_subclasses"] = [int(x) for x in initial["credit_subclasses"].split()]
            steps = [life[f"step{i + 1}"] for i in range(int(life["steps"]))]
            asked.append({"initial": initial, "steps": [{"token": s["token"]} for s in steps]})
            want += steps
        got = batch("play", asked)
        self.assertEqual(len(got), len(want))
        for step, line in zip(want, got):
            for k in ("result", "credit_kwh_tenths", "krn", "ti", "kt", "ken", "sgc", "tid_min",
                      "tid_max"):
                self.assertEqual(line[k], int(step[k]), k)
            for k in "result_name", "credit_currency_1e5", "decoder_key", "token":
                self.assertEqual(line[k], step[k], k)


class Mistakes(unittest.TestCase):
    KEY = "decoder_key=e653341f9d5bf36f"

    def refused(self, text, *args, code=2, stdin=""):
        r = magno("token", *args, stdin=stdin)
        self.assertEqual((r.code, r.out), (code, ""), args)
        self.assertIn(text, r.err)
        return r.err

    def test_command_line(self):
        self.refused("say what to do")
        self.refused("no 'buy'", "buy")
        self.refused("no file", "make", "nonsense")
        self.refused("not JSON", "make", "{")
        self.refused("no field 'clas'; did you mean 'class'?", "make", "clas=0")
        self.refused("no field 'key.krnn'; did you mean 'key.krn'?", "make", "key.krnn=1")
        self.refused("no field 'key.class'", "make", "key.class=1")
        self.refused("no field 'keys.krn'; `magno token --help`", "make", "keys.krn=1")

    def test_fields_are_named(self):
        for text, *args in (
                ("class: is missing", "make", self.KEY),
                ("subclass: 16", "make", "class=0", "subclass=16"),
                ("has no sub-class 9", "make", "class=0", "subclass=9", self.KEY),
                ("made together", "make", "class=2", "subclass=3", self.KEY),
                ("decoder_key: is missing", "make", "class=0", "subclass=0"),
                ("wants 16 octets", "make", "ea=11", "class=0", "subclass=0", self.KEY),
                ("ea: must be", "make", "ea=9", "class=0", "subclass=0", self.KEY),
                ("tid: is missing", "make", "class=0", "subclass=0", self.KEY),
                ("value_field", "make", "class=0", "subclass=0", self.KEY, "tid=1"),
                ("between 0 and", "make", "class=0", "subclass=0", self.KEY, "tid=1",
                 "requested_amount=1820162.5"),
                ("not a number", "make", "class=0", "subclass=0", self.KEY, "tid=1",
                 "requested_amount=ten"),
                ("too large", "make", "class=0", "subclass=4", self.KEY, "tid=1",
                 "units_1e5=2e35"),
                ("more than 36 bits", "make", "class=1", "subclass=0", "control=1fffffffff"),
                ("no MeterPAN", "key", "dkga=02", "vending_key=abababababababab",
                 "meter_pan=600727000000000008", "sgc=1", "ti=1", "krn=1"),
                ("key.dkga: 04 does not", "key", "key.dkga=04", "key.vending_key=abababababababab",
                 "key.meter_pan=600727000000000009", "key.sgc=1", "key.ti=1", "key.krn=1"),
                ("not 20 digits", "decode", self.KEY, "token=123"),
                ("above the largest", "decode", self.KEY, "99999999999999999999"),
                ("initial. must be a JSON object", "play", '{"steps":[]}'),
                ("steps: must be a list", "play", '{"initial":{"decoder_key":"e653341f9d5bf36f"}}'),
        ):
            self.assertIn("`magno token --help` explains", self.refused(text, *args))

    def test_nothing_at_all(self):
        for action in "key", "make", "decode", "play":
            self.refused("standard input is empty: give", action)

    def test_the_fault_of_a_file_is_not_one_of_the_command_line(self):
        self.refused("token: is missing", "decode", stdin="{}", code=1)
        self.refused("token: is missing", "decode", "-", stdin="{}", code=1)
        self.refused("standard input is not JSON", "decode", stdin="{", code=1)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            f.write('{"class": 0}')
            f.flush()
            self.refused("subclass: is missing", "make", f.name, code=1)

    def test_a_foreign_token_is_refused(self):
        r = magno("token", "decode", "--json", self.KEY, "23716100501183194198")
        self.assertEqual((r.code, r.lines()[0]["crc_ok"]), (1, False))

    def test_batch_keeps_order_over_errors(self):
        good = {"decoder_key": "e653341f9d5bf36f", "token": "23716100501183194197"}
        lines = [json.dumps(good), "rubbish", "[1]", "{}", json.dumps(good)]
        r = magno("token", "decode", "--batch", stdin="\n".join(lines) + "\n")
        got = r.lines()
        self.assertEqual(["error" in x for x in got], [False, True, True, True, False])

    def test_play_shows_bad_tokens_as_the_meter_does(self):
        r = magno("token", "play", "--json", json.dumps({
            "initial": {"decoder_key": "e653341f9d5bf36f"},
            "steps": [{"token": "12"}, {"token": "99999999999999999999"},
                      {"token": "2371 6100 5011 8319 4197"}]}))
        self.assertEqual([x["result_name"] for x in r.lines()],
                         ["FormatError", "FormatError", "Accept"])

    def test_a_meter_forgets_its_tokens_with_the_base_date_alone(self):
        key = ["key.dkga=04", "key.vending_key=" + "ab" * 20, "key.base_date=2014", "key.drn=00000000018", "key.kt=2",
               "key.sgc=123456", "key.ti=1", "key.krn=1"]
        new = ["new_key" + f[3:] for f in key if "base_date" not in f]
        for more, ro in ((["new_key.decoder_key=0123456789abcdef"], 0), (new + ["new_key.base_date=2014"], 0),
                         (new + ["new_key.base_date=2035"], 1), (new + ["new_key.base_date=2014", "ro=1"], 1)):
            made = magno("token", "make", "--json", *key, *more)
            first = made.lines()[0]["tokens"][0]
            self.assertEqual(int(first["clear_block"], 16) >> 51 & 1, ro, more)

    def test_sections_time_out(self):
        made = magno("token", "make", "--json", self.KEY, "new_key.decoder_key=0123456789abcdef")
        one, two = (t["token"] for t in made.lines()[0]["tokens"])
        for seconds, result in (599, "Accept"), (600, "2ndKCT"):
            r = magno("token", "play", "--json", json.dumps({
                "initial": {"decoder_key": "e653341f9d5bf36f"},
                "steps": [{"token": one}, {"token": two, "at_s": seconds}]}))
            self.assertEqual(r.lines()[1]["result_name"], result)


if __name__ == "__main__":
    main()
