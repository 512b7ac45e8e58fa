#!/usr/bin/env python3
"""What the contexts of the Cortex-M may cost, counted to the instruction, and what the image may weigh.

The figures are those of the runtime budget: a sample 250 instructions in the mean and 1500 at worst, its own
125 us; a step of the meter 60 000, that is 5 ms beside the samples; a mount a tenth of a second; 512 KiB and 128 KiB, 16 of it stack.
"""
import json
import os
import subprocess
import time
import unittest

import ledger
import qemu

MAGNO = os.environ.get("MAGNO", str(qemu.ROOT / "build/host/magno"))
YEARS = os.environ.get("YEARS", str(qemu.ROOT / "build/host/tests/bench_meter_year"))
IMAGE = "magno22.elf"
SAMPLE_MEAN, SAMPLE_WORST, STEP = 250, 1500, 60000
MOUNT = 2500000  # a tenth of a second
SECONDS = 1000

# Four keys under the master key of a meter for development (docs/keys.md): of them only the broadcast key is another one.
WRAPPED = ("26de33ddf46bb04f7762e931bd7590faee90b48687571982", "922be1927c9c7cb7db4a00ec559e5f0bf525d8e159cd094d",
           "e8b8cbf0663b79a456fb47b6e7412f5b2ace14293403460e", "874efbc37550d2a79c0a00c978b845552f04459e1decc44a")


def watch(*names, image=IMAGE):
    at = {name: qemu.symbol(image, name) & ~1 for name in names}
    return at, ",".join(f"fn={a:#x}" for a in at.values())


def counted(meter, at):
    counts = meter.counts()
    found = {name: counts[a] for name, a in at.items()}
    for name, c in found.items():
        print(f"{name}: {c['calls']} calls, mean {c['sum'] / max(1, c['calls']):.1f}, max {c['max']} instructions")
    return found


class Budget(unittest.TestCase):
    def test_metering(self):
        at, plugin = watch("front_sample_isr", "device_step")
        with qemu.Folder() as folder:
            with qemu.Meter(folder, args=[f"until={SECONDS}", "load=household", "seed=22"], plugin=plugin,
                            start="2026-03-01T06:14:00") as m:  # with rows of the profiles and 16 checkpoints
                self.assertEqual(m.wait(900), 0)
                found = counted(m, at)
        sample = found["front_sample_isr"]
        self.assertEqual(sample["calls"], SECONDS * 8000)
        self.assertLessEqual(sample["sum"] / sample["calls"], SAMPLE_MEAN)
        self.assertLessEqual(sample["max"], SAMPLE_WORST)
        self.assertGreater(found["device_step"]["calls"], 5 * SECONDS)
        self.assertLessEqual(found["device_step"]["max"], STEP)

    def answer(self, talk, days=0, start="2026-02-09T00:10:00"):
        """What a step of the server took at most while the meter was talked to; whole steps, with windows and commits among
        them, are printed beside it. An instruction is 32 ns here, the pace of the part: samples that interrupt a step are
        counted with it."""
        at, plugin = watch("dlms_step", "device_step")
        with qemu.Folder() as folder:
            flash = None
            if days:
                flash = qemu.new_flash(str(folder / "flash"))
                subprocess.run([YEARS, str(days), str(folder / "lived")], check=True, capture_output=True)
                with open(flash, "r+b") as chip, open(folder / "lived", "rb") as lived:
                    chip.write(lived.read())
            with qemu.Meter(folder, flash=flash, args=["load=household"], net=0, icount=5, plugin=plugin, start=start) as m:
                m.console(b"on\n")
                talk(folder, m.net)
                m.stop()
                found = counted(m, at)
        samples = STEP * 32 // 125000 * 500  # each with the load generator's part
        self.assertLessEqual(found["dlms_step"]["max"], STEP + samples)

    def magno(self, word, port, *options):
        done = subprocess.run([MAGNO, word, "--port", str(port), "--client", "1", "--timeout", "200", *options],
                              capture_output=True, text=True, timeout=300)  # however slow the machine
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_answering(self):
        def talk(_, port):
            self.magno("read", port, "--auth", "gmac", "--list")
            self.magno("read", port, "--auth", "gmac", "1-0:1.8.0.255")
            rows = self.magno("read", port, "--auth", "gmac", "--csv", "--last", "300", "1-0:99.1.0.255").splitlines()
            self.assertEqual(len(rows), 301)
            for log in (0, 1, 4, 7):
                self.magno("read", port, "--auth", "gmac", f"0-0:99.98.{log}.255")
            self.magno("read", port, "--auth", "gmac", "0-0:16.2.0.255:4")  # every parameter there is
        self.answer(talk, days=40)

    def test_rows(self):
        def talk(_, port):
            self.magno("read", port, "--auth", "gmac", "--from", "2026-02-01T00:00:00Z", "--to", "2026-02-02T00:00:00Z", "1-0:99.1.0.255")
            self.magno("read", port, "--auth", "gmac", "0-0:98.1.0.255")
            self.magno("read", port, "--auth", "gmac", "--last", "10", "1-0:99.2.0.255")
            self.magno("read", port, "--auth", "gmac", "--from", "2026-01-01T00:00:00Z", "--to", "2026-02-08T00:00:00Z", "0-0:98.1.0.255")
        self.answer(talk, days=40)

    def test_certificates(self):
        """The methods of the security setup, then HLS 7 and a signed read: the curves run below the meter."""
        setup = "0-0:43.0.0.255"
        ours = ("--ek", "000102030405060708090A0B0C0D0E0F", "--ak", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")

        def talk(folder, port):
            keys = str(folder / "site")
            subprocess.run([MAGNO, "keys", "make", keys], check=True, capture_output=True)
            both = ("--keys", keys, *ours)

            def method(number, value, *options):
                return self.magno("action", port, "--auth", "gmac", *both, "--json", *options, f"{setup}:{number}", value)

            def give(name, *options):
                der = subprocess.run([MAGNO, "keys", "export", "--der", f"{keys}/{name}.pem"], check=True, capture_output=True).stdout
                method(6, "octet-string:" + der.hex(), *options)

            for use, name in enumerate(("meter-sign", "meter-agree")):
                method(4, f"enum:{use}")
                request = json.loads(method(5, f"enum:{use}"))["value"]
                subprocess.run([MAGNO, "keys", "certify", keys, request, "--as", name], check=True, capture_output=True)
            for name in ("ca", "client-sign", "client-agree", "meter-sign", "meter-agree"):
                give(name)
            last = json.loads(self.magno("read", port, "--auth", "gmac", *both, "--json", f"{setup}:6"))["value"][-1]
            method(8, f"structure(enum:1, structure(octet-string:{last[2]}, octet-string:{last[3]}))")
            give("meter-agree")
            method(2, f"array({', '.join(f'structure(enum:{i}, octet-string:{w})' for i, w in enumerate(WRAPPED))})")
            self.magno("write", port, "--auth", "gmac", *both, f"{setup}:3", "enum:1")
            self.magno("read", port, "--suite", "1", "--auth", "gmac", *both, f"{setup}:6")
            self.magno("read", port, "--suite", "1", "--auth", "ecdsa", *both, "--sign", "1-0:1.8.0.255")
            self.magno("read", port, "--suite", "1", "--auth", "ecdsa", *both, "--protect", "one-pass", "1-0:1.8.0.255")
            method(4, "enum:0", "--suite", "1")
            give("meter-sign", "--suite", "1")
            method(7, "structure(enum:0, structure(enum:2, enum:3, octet-string:))", "--suite", "1")
            method(1, "enum:252", "--suite", "1")
        self.answer(talk, start=time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()))

    def mount(self, *how):
        at, plugin = watch("store_mount")
        with qemu.Folder() as folder:
            flash = qemu.new_flash(str(folder / "flash"))
            said = subprocess.run([YEARS, "900", str(folder / "lived"), *how], check=True, capture_output=True, text=True).stdout
            with open(flash, "r+b") as chip, open(folder / "lived", "rb") as lived:
                chip.write(lived.read())
            with qemu.Meter(folder, flash=flash, args=["until=1", "load=off"], plugin=plugin, start="2028-06-20T00:00:00") as m:
                self.assertEqual(m.wait(600), 0)
                found = counted(m, at)
        self.assertEqual(found["store_mount"]["calls"], 1)
        self.assertLessEqual(found["store_mount"]["max"], MOUNT)
        return said

    def test_mount(self):
        """From a flash whose profile rings have all been round: two and a half years of rows."""
        self.mount()

    def test_mount_full(self):
        """The same with as many small values, rows of the logs and records of the journal as a mount ever finds."""
        self.assertRegex(self.mount("full"), r"\n(8\d\d) entries in the log of the values")

    def story(self, name, *functions):
        """How often and how long each of them ran in a story."""
        at, plugin = watch(*functions, image="story_image.elf")
        story = qemu.ROOT / f"tests/scenario/stories/{name}.txt"
        with qemu.Folder() as folder:
            flash = qemu.new_flash(str(folder / "flash"))
            with qemu.Meter(folder, image="story_image.elf", flash=flash, args=[f"story={story}"], plugin=plugin) as m:
                m.console(b"stack=", 300)
                self.assertEqual(m.wait(600), 0)
                return counted(m, at)

    def test_orders(self):
        """A full list of orders by date, most of them each hour: written, missed, late, over a step of the clock."""
        found = self.story("orders-many", "meter_handle", "meter_store_step", "schedule_due")
        self.assertGreater(found["schedule_due"]["calls"], 200)
        for name in ("meter_handle", "meter_store_step"):
            self.assertLessEqual(found[name]["max"], STEP, name)

    def test_dark(self):
        """Three months in the dark, with a tariff to plan behind each end, and ten years: made up in steps like any other."""
        for story, function, least in (("three-months", "tou_plan", 50), ("dark-years", "billing_period", 239)):
            found = self.story(story, "meter_handle", "meter_store_step", function)
            self.assertGreater(found[function]["calls"], least)
            for name in ("meter_handle", "meter_store_step"):
                self.assertLessEqual(found[name]["max"], STEP, name)

    def test_special_days(self):
        """As many as there can be: each written, then looked through at every end of a day and at power-up."""
        found = self.story("special-days-full", "meter_handle", "meter_store_step", "tou_plan")
        self.assertGreater(found["tou_plan"]["calls"], 5)
        for name in ("meter_handle", "meter_store_step"):
            self.assertLessEqual(found[name]["max"], STEP, name)

    def test_tokens(self):
        """Tokens of all kinds at the keypad, and by a unit's gateway and frames: judged, taken and answered."""
        for story, functions in (("tokens", ("prepay_enter", "meter_handle")), ("unit-client", ("dlms_step", "couriers_step"))):
            found = self.story(story, *functions)
            for name in functions:
                self.assertGreater(found[name]["calls"], 5, name)
                self.assertLessEqual(found[name]["max"], STEP, name)

    def test_image(self):
        sums = ledger.ledger(qemu.build("magno22.map").read_text())
        flash, ram = (sum(v[k] for v in sums.values()) for k in (0, 1))
        print(f"flash {flash}, RAM {ram} octets")
        self.assertGreater(flash, 100000)
        self.assertLessEqual(flash, 512 * 1024)
        self.assertLessEqual(ram, (128 - 16) * 1024)


if __name__ == "__main__":
    unittest.main()
