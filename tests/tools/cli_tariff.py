"""`magno tariff`: the worked example to the last digit, random schemes against fractions, what is refused."""
import json
import os
import random
import tempfile
import unittest
from fractions import Fraction as Q

from magno import magno, main

CHARGES = ["energy", "service"] + [f"fixed{i}" for i in (1, 2, 3)] + [f"levy{i}" for i in range(1, 6)] + \
    [f"vat{i}" for i in (1, 2, 3)] + [f"subsidy{i}" for i in range(1, 6)]
FULL = {
    "name": "every feature",
    "steps": [{"limit_wh": 1000 * l, "price": p} for l, p in
              ((50, "0.10"), (100, "0.12"), (200, "0.15"), (300, "0.18"), (400, "0.21"), (500, "0.24"), (600, "0.27"),
               (800, "0.30"), (1000, "0.34"))] + [{"price": "0.40"}],
    "service": [{"limit_kwh": l, "amount": a} for l, a in ((100, "2"), (300, "4"), (600, "7"), (1000, "12"), (0, "20"))],
    "fixed": [{"kind": 1, "amount": "0.05"}, {"kind": 2, "amount": "3"}, {"kind": 3, "amount": "0.5"}],
    "levy": [{"kind": 1, "value": "3"}, {"kind": 1, "value": "2"}, {"kind": 2, "value": "0.001"}, {"kind": 3, "value": "0.75"},
             {"kind": 4, "value": "1", "base": ["energy", "service"]}],
    "vat": [{"rate": "15", "base": ["energy", "service", "fixed1", "fixed2", "fixed3"]},
            {"rate": "2.5", "base": [f"levy{i}" for i in range(1, 6)]},
            {"rate": "2.5", "base": ["energy"] + [f"subsidy{i}" for i in range(1, 6)]}],
    "subsidy": [{"kind": 1, "value": "0.02", "to_kwh": 100}, {"kind": 2, "value": "1.5", "to_kwh": 150, "claw_back": True},
                {"kind": 3, "value": "5", "to_kwh": 300, "claw_back": True}, {"kind": 4, "value": 10},
                {"kind": 5, "value": "10", "base": ["fixed1", "fixed2", "fixed3"]}],
}
TABLE = """0 0 2 7 0.77 0.7 1.36925 10.43925 10.44
10 1 2 7 0.84 3.45 1.521 8.911 8.91
100 11 2 7 1.53 5.75 3.1695 18.9495 18.95
101 11.15 4 7 1.56 5.7575 3.4963125 21.4488125 21.45
150 18.5 4 7 2.05 6.125 4.785625 30.210625 30.21
151 18.65 4 7 2.06 4.6325 4.8494375 31.9269375 31.93
300 44 4 7 3.73 5.9 9.29575 62.12575 62.13
301 44.21 7 7 3.7736 3.7 9.83859 68.12219 68.12
600 116 7 7 8.38 3.7 22.517 157.197 157.20
601 116.3 12 7 8.449 3.7 23.321225 163.370225 163.37
1000 244 12 7 16.51 3.7 45.87025 321.68025 321.68
1200 324 20 7 21.59 3.7 61.19725 430.08725 430.09"""


def check(scheme, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(scheme, f)
        f.flush()
        return magno("tariff", "check", f.name, *options)


def base(row, charge):
    b = row.get("base", 0)
    return max(Q(0), sum((v if i < 13 else -v) for i, (n, v) in enumerate(charge.items()) if b >> CHARGES.index(n) & 1))


def fractions(s, kwh, days):
    """A bill by the definition, one tariff, with fractions."""
    e, c = Q(kwh), {n: Q(0) for n in CHARGES}
    below = Q(0)
    for step in s["steps"]:
        top = Q(step["limit_wh"], 1000) if step["limit_wh"] else None
        if e <= below and below:
            break
        part = (e if top is None else min(e, top)) - below
        price = Q(step["price"], 10**6)
        if step["rerate"]:
            c["energy"] = below * price
        c["energy"] += part * price
        below = top
    for row in s["service"]:
        if not row["limit_kwh"] or e <= row["limit_kwh"]:
            c["service"] = Q(row["amount"], 10**6)
            break
    for i, x in enumerate(s["fixed"]):
        c[f"fixed{i + 1}"] = Q(x["amount"], 10**6) * (0, days, 1, 0, 0)[x["kind"]]
    for i, x in enumerate(s["subsidy"]):
        most = x["eligibility_max_kwh"]
        over = most and e > most
        inside = e > x["from_kwh"] or (not x["from_kwh"] and x["kind"] != 2)
        inside = inside and (not x["to_kwh"] or e <= x["to_kwh"])
        n = min(e, Q(most)) if over else e
        v = Q(x["value"], 10**6)
        within = max(Q(0), (min(n, x["to_kwh"]) if x["to_kwh"] else n) - x["from_kwh"])
        c[f"subsidy{i + 1}"] = Q(0) if over and x["claw_back"] else (
            0, v * within, v if inside else Q(0), c["energy"] * x["value"] / 10000 if inside else Q(0),
            min(n, x["value"]) * Q(s["steps"][0]["price"], 10**6), base(x, c) * x["value"] / 10000 if inside else Q(0))[x["kind"]]
    for i, x in enumerate(s["levy"]):
        on = e >= x["min_kwh"] and (not x["max_kwh"] or e <= x["max_kwh"])
        v = Q(x["value"], 10**6)
        c[f"levy{i + 1}"] = Q(0) if not on else (0, c["energy"] * x["value"] / 10000, e * v, v, base(x, c) * x["value"] / 10000)[x["kind"]]
    for i, x in enumerate(s["vat"]):
        c[f"vat{i + 1}"] = base(x, c) * x["rate"] / 10000
    return c


def random_scheme(r):
    bits = lambda first, n: ((1 << n) - 1) << first
    limits = sorted(r.sample(range(1, 900000), r.randrange(10)))
    levels = sorted(r.sample(range(1, 900), r.randrange(8)))
    bound = lambda: r.choice((0, 0, r.randrange(1, 900)))
    levy = []
    for i in range(5):
        low = bound()
        levy.append({"kind": r.randrange(5), "value": r.randrange(5000), "base": r.getrandbits(18) & bits(0, 5), "min_kwh": low,
                     "max_kwh": r.choice((0, low + r.randrange(1, 200)))})
    subsidy = []
    for i in range(5):
        low, kind, most = bound(), r.randrange(6), bound()
        subsidy.append({"kind": kind, "value": r.randrange(5000), "base": r.getrandbits(18) & bits(0, 5), "from_kwh": low,
                        "to_kwh": r.choice((0, low + r.randrange(1, 200))), "eligibility_max_kwh": most,
                        "claw_back": kind in (3, 5) or r.random() < 0.5})
    return {"name": "random", "steps": [{"limit_wh": l, "price": r.randrange(3000000), "rerate": r.random() < 0.3} for l in limits + [0]],
            "service": [{"limit_kwh": l, "amount": r.randrange(30000000)} for l in levels + [0]],
            "fixed": [{"kind": r.randrange(3), "amount": r.randrange(9000000)} for _ in range(3)], "levy": levy,
            "vat": [{"rate": r.randrange(3000), "base": r.getrandbits(18) & (bits(0, 10) | bits(13, 5))} for _ in range(3)],
            "subsidy": subsidy}


class Tariff(unittest.TestCase):
    def test_the_worked_example(self):
        rows = [x.split() for x in TABLE.splitlines()]
        r = check(FULL, "--kwh", ",".join(x[0] for x in rows), "--days", 30, "--contract-w", 5000, "--json")
        self.assertEqual(r.code, 0, r.err)
        self.assertEqual([[o[k] for k in ("kwh", "EN", "SV", "F", "L", "S", "V", "T", "shown")] for o in r.lines()], rows)

    def test_random_schemes_against_fractions(self):
        r = random.Random(7)
        bills = 0
        for _ in range(60):
            s, days = random_scheme(r), r.randrange(32)
            kwh = sorted({0, 1, *(r.randrange(1000) for _ in range(12)), *(x["limit_wh"] / 1000 for x in s["steps"]),
                          *((x["limit_wh"] + 1) / 1000 for x in s["steps"])})
            got = check(s, "--kwh", ",".join("%.3f" % k for k in kwh), "--days", days, "--json")
            self.assertEqual(got.code, 0, got.err)
            for k, o in zip(kwh, got.lines()):
                want = fractions(s, Q(round(k * 1000), 1000), days)
                self.assertEqual({n: Q(o["charges"].get(n, 0)) for n in CHARGES}, want, (s, k))
                total = sum(v if i < 13 else -v for i, v in enumerate(want.values()))
                self.assertEqual(Q(o["T"]), total)
                bills += 1
        self.assertGreater(bills, 1000)

    def test_a_long_list_is_billed_to_its_end(self):
        lines = check(FULL, "--json", "--kwh", ",".join(map(str, range(10001)))).lines()
        self.assertEqual(len(lines), 10001)

    def test_what_goes_in_comes_out(self):
        first = check(FULL, "--json").lines()
        again = check(first[0], "--json").lines()
        self.assertEqual(first, again)
        self.assertEqual(first[0]["steps"][0], {"limit_wh": 50000, "price": [100000] * 8, "rerate": False})

    def test_refused_in_words(self):
        def broken(**change):
            return {**FULL, **change}
        for scheme, word in ((broken(steps=[]), "no step"),
                             (broken(steps=[{"limit_wh": 2, "price": 1}, {"limit_wh": 1, "price": 1}, {"price": 1}]), "below it"),
                             (broken(steps=[{"price": -1}]), "negative"), (broken(steps=[{"price": "x"}]), "decimal"),
                             (broken(steps=[{"price": 4294967295}]), "can cost more"),
                             (broken(vat=[{"rate": 100, "base": ["vat1"]}]), "stands on itself"),
                             (broken(vat=[{"rate": 10001}]), "100 %"), (broken(levy=[{"kind": 9}]), "kind"),
                             (broken(colour="red"), "is no field"), (broken(months=[1, 2, 12]), "is no field"), (broken(vat=[{"rate": 1, "base": ["vat9"]}]), "there is not"),
                             (broken(fixed=[{"kind": 1}] * 4), "too long"), ([1], "object")):
            r = check(scheme, "--kwh", "1")
            self.assertEqual(r.code, 1, scheme)
            self.assertIn(word, r.err)
            self.assertEqual(r.out, "")
        for kwh in ("", "x", "1,,2", "4294968", "1000000000", "1.2345", "-1"):
            self.assertEqual(check(FULL, f"--kwh={kwh}").code, 0 if kwh == "" else 2, kwh)
        self.assertEqual(magno("tariff", "check", "/nonexistent").code, 1)
        self.assertEqual(magno("tariff").code, 2)

    def test_a_picture(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "full.svg")
            self.assertEqual(check(FULL, "--plot", path).code, 0)
            with open(path) as f:
                self.assertEqual(f.read().count("<polyline"), 2)


main()
