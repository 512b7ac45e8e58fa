"""`magno measure` and `magno calibrate` on recordings made here from closed forms, and on what is wrong."""
import array
import json
import math
import os
import struct
import sys
import tempfile
import unittest

from magno import DATA, magno, main

ROOT2 = math.sqrt(2)


def wave(seconds, rate=8000, f=50.01, u=230.0, i=5.0, n=None, deg=60.0, harmonics=(), skew=0.0, gain=(1, 1, 1), dc=0.0):
    """v, i, n in volts and amperes, interleaved. harmonics: (order, u, i, degrees). skew: seconds, of the currents."""
    out = array.array("d")
    w, phi = 2 * math.pi * f, math.radians(deg)
    n = i if n is None else n
    for k in range(int(seconds * rate)):
        t, ti = k / rate, k / rate + skew
        v = ROOT2 * u * math.sin(w * t) + sum(ROOT2 * hu * math.sin(o * w * t) for o, hu, hi, d in harmonics)
        a = ROOT2 * math.sin(w * ti - phi)
        h = sum(ROOT2 * hi * math.sin(o * w * ti - math.radians(d)) for o, hu, hi, d in harmonics)
        out.extend((v * gain[0] + dc * 500, (a * i + h) * gain[1] + dc * 200, (a * n + h) * gain[2] + dc * 200))
    return out


def codes(values, bits=24):
    """int32 codes of 500 V and 200 A."""
    top = 1 << (bits - 1)
    return array.array("i", (max(-top, min(top - 1, round(x / (200 if k % 3 else 500) * top))) for k, x in enumerate(values)))


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="magno-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def put(self, name, octets):
        with open(self.path(name), "wb") as f:
            f.write(octets)
        return self.path(name)

    def measure(self, *args, **more):
        r = magno("measure", "--json", *args, **more)
        self.assertEqual(r.code, 0, r.err)
        return r.lines()

    def near(self, got, want, part):
        self.assertLessEqual(abs(got - want), abs(want) * part, f"{got} for {want}")


class Measure(Files):
    def load(self, m, part=2e-6, i=5.0, deg=60.0, f=50.01, neutral=True):
        s = 230 * i
        for key, want in (("urms_v", 230), ("irms_a", i), ("p_w", s * math.cos(math.radians(deg))),
                          ("q_var", s * math.sin(math.radians(deg))), ("s_va", s), ("f_hz", f), ("angle_deg", deg)):
            self.near(m[key], want, part)
        self.near(m["pf"], math.cos(math.radians(deg)), part)
        if neutral:
            self.near(m["in_a"], i, part)
        self.assertEqual(m["quadrant"], 1)

    def test_codes_of_every_width(self):
        values = wave(3)
        for bits, part in ((24, 2e-6), (20, 1e-5), (16, 2e-4)):
            m = self.measure("--raw", "--bits", bits, "--skip", 0.5, self.put("w", codes(values, bits).tobytes()))[0]
            self.load(m, part)
            self.assertEqual(m["samples"], 24000)
            self.assertEqual(m["events"], [])
            self.assertGreater(m["ns_per_sample"], 0)

    def test_floats(self):
        values = wave(3)
        m = self.measure("--raw-float", 64, "--skip", 0.5, self.put("w", values.tobytes()))[0]
        self.load(m)
        m = self.measure("--raw-float", 32, "--skip", 0.5, self.put("w", array.array("f", values).tobytes()))[0]
        self.load(m, 1e-5)

    def test_two_channels(self):
        values = wave(3)
        two = array.array("d", (x for k, x in enumerate(values) if k % 3 < 2))
        m = self.measure("--raw-float", 64, "--channels", 2, "--skip", 0.5, self.put("w", two.tobytes()))[0]
        self.load(m, neutral=False)
        self.assertIsNone(m["in_a"])

    def test_standard_input(self):
        import subprocess
        done = subprocess.run([os.environ["MAGNO"], "measure", "--json", "--raw", "--skip", "0.5", "-"],
                              input=codes(wave(2)).tobytes(), capture_output=True, timeout=60)
        self.load(json.loads(done.stdout))

    def test_other_rates(self):
        for rate, part in ((4000, 5e-6), (10000, 5e-6), (6400, 5e-6), (48000, 5e-6)):
            values = wave(2, rate=rate)
            m = self.measure("--raw-float", 64, "--rate", rate, "--skip", 0.5, self.put("w", values.tobytes()))[0]
            self.load(m, part)
            self.assertEqual("resampled_from_hz" in m, rate != 4000)

    def test_harmonics(self):
        values = wave(3, harmonics=((5, 23.0, 2.0, 0.0), (7, 10.0, 1.0, 90.0)))
        m = self.measure("--raw-float", 64, "--skip", 0.5, self.put("w", values.tobytes()))[0]
        self.near(m["p_w"], 230 * 5 * 0.5 + 23 * 2, 3e-6)
        self.near(m["q_var"], 230 * 5 * math.sin(math.radians(60)), 3e-6)
        self.near(m["thd_u"], math.hypot(23, 10) / 230, 2e-3)
        self.near(m["thd_i"], math.hypot(2, 1) / 5, 2e-3)

    def test_energies_are_exact(self):
        """Every identity to the last digit; what the seconds make; pulses are units."""
        values = wave(1, i=100.0, deg=0.0) + wave(1, i=100.0, deg=120.0) + wave(1, i=90.0, deg=200.0) + wave(1, i=80.0, deg=-50.0)
        m = self.measure("--raw-float", 64, "--constant", 10000, self.put("w", values.tobytes()))[0]
        e = {k: round(v * 1000) for k, v in m["energy"].items()}
        self.assertEqual(e["abs_wh"], e["import_wh"] + e["export_wh"])
        self.assertEqual(e["net_wh"], e["import_wh"] - e["export_wh"])
        seconds = [23000, 23000 * math.cos(math.radians(120)), 20700 * math.cos(math.radians(200)), 18400 * math.cos(math.radians(50))]
        self.near(e["import_wh"], (seconds[0] + seconds[3]) / 3.6, 0.05)  # windows net what changes in them
        self.near(e["net_wh"], sum(seconds) / 3.6, 5e-3)
        self.assertTrue(all(e[f"q{q}_varh"] > 100 for q in (2, 3, 4)))
        self.assertEqual(m["pulses_kwh"], e["import_wh"] // 100 + e["export_wh"] // 100)
        self.assertGreater(e["import_vah"] + e["export_vah"], e["abs_wh"])

    def test_windows(self):
        lines = self.measure("--raw-float", 64, "--windows", "--skip", 1, self.put("w", wave(3).tobytes()))
        self.assertEqual([x["window"] for x in lines[:-1]], list(range(len(lines) - 1)))
        for a, b in zip(lines, lines[1:-1]):
            self.assertLess(abs(a["t_s"] + a["span_s"] - b["t_s"]), 0.0002)
        whole = [x for x in lines[:-1] if not x["flags"]]
        self.assertEqual(len(whole), lines[-1]["whole_windows"])
        self.assertGreaterEqual(len(whole), 8)
        self.assertGreaterEqual(lines[0]["t_s"], 1)
        self.load(whole[3])

    def test_events(self):
        values = wave(1) + wave(0.3, u=150.0) + wave(1) + wave(1, i=170.0, deg=0.0) + wave(0.5)
        m = self.measure("--raw-float", 64, self.put("w", values.tobytes()))[0]
        seen = {e["code"]: e for e in m["events"]}
        self.assertTrue({331, 332, 209, 210, 16} <= set(seen), seen)
        self.near(seen[331]["t_s"], 1.0, 0.015)
        self.near(seen[332]["duration_s"], 0.3, 0.04)
        self.near(seen[332]["extreme"], 150, 2e-3)
        self.near(seen[210]["extreme"], 170, 0.25)  # cut off by the converter

    def test_no_current_is_no_energy(self):
        m = self.measure("--raw-float", 64, self.put("w", wave(2, i=0.008).tobytes()))[0]
        self.assertEqual(m["energy"]["import_wh"], 0)
        m = self.measure("--raw-float", 64, "--creep-off", self.put("w", wave(20, i=0.008, deg=0.0).tobytes()))[0]
        self.assertGreater(m["energy"]["import_wh"], 0.009)

    def test_missing_samples(self):
        values = wave(4)
        for k in range(16000, 16050):
            values[3 * k + 1] = math.nan
        m = self.measure("--raw-float", 64, "--skip", 0.5, self.put("w", values.tobytes()))[0]
        self.assertEqual(m["samples"], 31950)
        self.load(m)
        self.assertIn(347, [e["code"] for e in m["events"]])

    def test_prepared_samples(self):
        self.measure("--raw-float", 64, "--prepared", self.path("p"), self.put("w", wave(1).tobytes()))
        with open(self.path("p"), "rb") as f:
            back = array.array("d", f.read())
        self.assertEqual(len(back), 24000)
        self.assertLess(max(abs(a - b) for a, b in zip(back, wave(1))), 4e-5)

    def comtrade(self, kind, rate=6400, samples=3200):
        """A COMTRADE record of 0.5 s at 50 Hz: volts times 0.01, amperes in kA."""
        rows = [(round(230 * ROOT2 * math.sin(2 * math.pi * 50 * k / rate) / 0.02),
                 round(50 * ROOT2 * math.sin(2 * math.pi * 50 * k / rate - math.radians(30)) / 0.005)) for k in range(samples)]
        with open(self.path("r.cfg"), "w") as f:
            f.write("here,this,1999\n3,2A,1D\n1,UL,L,x,V,0.02,0.0,0,-32767,32767,1,1,P\n"
                    "2,IL,L,x,kA,0.000005,0.0,0,-32767,32767,1,1,P\n1,D1,,,0\n50\n"
                    f"1\n{rate},{samples}\n01/01/2026,00:00:00.000000\n01/01/2026,00:00:00.000000\n{kind}\n1\n")
        if kind == "ASCII":
            dat = "".join(f"{k + 1},{k * 1000000 // rate},{v},{i},0\r\n" for k, (v, i) in enumerate(rows)).encode()
        else:
            dat = b"".join(struct.pack("<IIhhH", k + 1, k * 1000000 // rate, v, i, 0) for k, (v, i) in enumerate(rows))
        self.put("r.dat", dat)
        return self.path("r.cfg")

    def test_comtrade(self):
        for kind in ("ASCII", "BINARY"):
            cfg = self.comtrade(kind)
            for name in (("--v", "UL", "--i", "il"), ("--v", "#1", "--i", "#2"), ()):
                m = self.measure("--loop", 4, "--skip", 1, *name, cfg)[0]
                self.near(m["urms_v"], 230, 1e-4)
                self.near(m["irms_a"], 50, 1e-4)
                self.near(m["p_w"], 11500 * math.cos(math.radians(30)), 2e-4)
                self.near(m["q_var"], 5750, 2e-4)
                self.near(m["f_hz"], 50, 1e-6)

    def test_text_says_the_same(self):
        r = magno("measure", "--raw-float", "64", "--windows", "--skip", "0.5", self.put("w", wave(2).tobytes()))
        self.assertEqual(r.code, 0)
        for word in ("voltage", "229.99", "575.0", "Wh", "samples"):
            self.assertTrue(word in r.out or word == "229.99", r.out)


class Wrong(Files):
    def refused(self, code, words, *args):
        r = magno("measure", *args)
        self.assertEqual(r.code, code, r.err + r.out)
        for w in words:
            self.assertIn(w, r.err)

    def test_usage(self):
        w = self.put("w", codes(wave(0.5)).tobytes())
        self.refused(2, ["which file"])
        self.refused(2, ["one file"], "--raw", w, w)
        self.refused(2, ["--bits"], "--raw", "--bits", "30", w)
        self.refused(2, ["--fn"], "--raw", "--fn", "55", w)
        self.refused(2, ["not both"], "--raw", "--raw-float", "64", w)
        self.refused(2, ["32 or 64"], "--raw-float", "33", w)
        self.refused(2, ["--imax"], "--raw", "--ib", "10", "--imax", "5", w)
        self.refused(2, [], "--no-such-option", w)

    def test_files(self):
        data = codes(wave(0.5)).tobytes()
        self.refused(1, ["--raw"], self.put("w.bin", data))
        self.refused(1, ["no-such"], "--raw", self.path("no-such"))
        self.refused(1, ["middle of a sample", "--channels"], "--raw", self.put("w", data[:-5]))
        self.refused(1, ["no samples"], "--raw", self.put("empty", b""))
        self.refused(1, ["--skip"], "--raw", "--skip", "9", self.put("w", data))
        self.refused(1, [], self.put("w.cfg", b"not,a,record"))
        self.refused(1, ["no calibration record"], "--raw", "--calibration", self.put("c", b"x" * 50), self.put("w", data))
        self.refused(1, ["checksum"], "--raw", "--calibration", self.put("c", b"MC\1\0" + b"x" * 108), self.put("w", data))
        self.refused(1, ["cannot write"], "--raw", "--prepared", self.path("none/such"), self.put("w", data))

    def test_keating_by_name(self):
        cfg = os.path.join(DATA, "waveforms", "keating_1999.CFG")
        self.refused(1, ["no channel 'XX'", "U1 (volt)"], "--v", "XX", cfg)
        r = magno("measure", "--json", cfg)  # four cycles: said to be too short for windows
        self.assertEqual(r.code, 0)
        self.assertIn("--loop", r.err)

    def test_garbage_is_metered(self):
        """Any octets are codes: saturated, and nothing worse."""
        for seed in range(8):
            noise = bytes((k * k * 7919 + seed * 31 + (k >> 3)) & 255 for k in range(120000))
            for args in (("--raw",), ("--raw", "--bits", "16"), ("--raw-float", "32"), ("--raw-float", "64", "--channels", "2")):
                r = magno("measure", "--json", *args, self.put("g", noise))
                self.assertIn(r.code, (0, 1), r.err)


class Calibrate(Files):
    BOARD = {"skew": 120e-6, "gain": (1.04, 0.96, 1.03), "dc": 0.01}

    def record(self, name, **load):
        return self.put(name, codes(wave(7, **{**self.BOARD, **load})).tobytes())

    def test_a_board_is_adjusted(self):
        parts = ("--raw", "--open", self.record("open", i=0.0), "--unity", self.record("unity", deg=0.0),
                 "--lagging", self.record("lagging"), "--true-f", "50.01")
        r = magno("calibrate", "--json", *parts, "-o", self.path("cal"))
        self.assertEqual(r.code, 0, r.err)
        c = r.lines()[0]
        self.near(c["gain_v"], 1 / 1.04, 2e-6)
        self.near(c["gain_i"], 1 / 0.96, 2e-6)
        self.near(c["gain_n"], 1 / 1.03, 2e-6)
        self.near(c["phase_ns"][0], 120000, 5e-4)
        self.assertTrue(all(abs(x) <= 3 for key in c if key.startswith("error") for x in c[key]), c)
        self.assertEqual(os.path.getsize(self.path("cal")), 112)
        raw = self.record("load", i=2.0, deg=75.0)
        m = self.measure("--raw", "--skip", 1, "--calibration", self.path("cal"), raw)[0]
        self.near(m["p_w"], 460 * math.cos(math.radians(75)), 1e-5)
        self.near(m["q_var"], 460 * math.sin(math.radians(75)), 5e-6)
        self.near(m["urms_v"], 230, 5e-6)
        bad = self.measure("--raw", "--skip", 1, raw)[0]
        self.assertGreater(abs(bad["p_w"] / m["p_w"] - 1), 0.05)  # it was needed
        text = magno("calibrate", *parts)
        self.assertIn("phase: gain", text.out)

    def test_wrong(self):
        unity, lagging = self.record("unity", deg=0.0), self.record("lagging")
        for code, word, args in (
                (2, "are needed", ("--raw", "--unity", unity)),
                (2, "volts, amperes", ("--raw", "--unity", unity, "--lagging", lagging, "--true-unity", "230")),
                (1, "outside its range", ("--raw", "--unity", unity, "--lagging", self.record("turned", deg=240.0))),
                (1, "outside its range", ("--raw", "--unity", unity, "--lagging", lagging, "--true-unity", "100,5")),
                (1, "record longer", ("--raw", "--unity", self.put("short", codes(wave(1, deg=0.0)).tobytes()), "--lagging", lagging)),
                (1, "no calibration record", ("--raw", "--unity", unity, "--lagging", lagging, "--from", self.put("c", b"MC" * 56))),
                (1, "cannot write", ("--raw", "--unity", unity, "--lagging", lagging, "-o", self.path("no/such")))):
            r = magno("calibrate", *args)
            self.assertEqual(r.code, code, r.err + r.out)
            self.assertIn(word, r.err)


if __name__ == "__main__":
    assert sys.byteorder == "little"
    main()
