#!/usr/bin/env python3
"""What the contexts of the Cortex-M may cost, counted to the instruction, and what the image may weigh.

The figures are those of the runtime budget: a sample 250 instructions in the mean and 1500 at worst, its own
125 us; a step of the meter 60 000, that is 5 ms beside the samples; 512 KiB and 128 KiB, 16 of it stack.
"""
import os
import subprocess
import unittest

import ledger
import qemu

MAGNO = os.environ.get("MAGNO", str(qemu.ROOT / "build/host/magno"))
IMAGE = "magno22.elf"
SAMPLE_MEAN, SAMPLE_WORST, STEP = 250, 1500, 60000


def watch(*names):
    at = {name: qemu.symbol(IMAGE, name) for name in names}
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
            with qemu.Meter(folder, args=["until=960", "load=household", "seed=22"], plugin=plugin,
                            start="2026-03-01T06:14:00") as m:  # a profile row, a quarter of an hour of checkpoints
                self.assertEqual(m.wait(300), 0)
                found = counted(m, at)
        sample = found["front_sample_isr"]
        self.assertEqual(sample["calls"], 960 * 8000)
        self.assertLessEqual(sample["sum"] / sample["calls"], SAMPLE_MEAN)
        self.assertLessEqual(sample["max"], SAMPLE_WORST)
        self.assertGreater(found["device_step"]["calls"], 5 * 960)
        self.assertLessEqual(found["device_step"]["max"], STEP)

    def test_answering(self):
        """An instruction is a nanosecond here, so that at most one sample falls into a step and is counted with it."""
        at, plugin = watch("device_step")
        with qemu.Folder() as folder:
            with qemu.Meter(folder, args=["load=household"], net=0, icount=0, plugin=plugin) as m:
                m.console(b"on\n")
                for options in (["--list"], ["1-0:1.8.0.255", "1-0:99.1.0.255"]):
                    done = subprocess.run([MAGNO, "read", "--port", str(m.net), "--client", "1", "--auth", "gmac", *options],
                                          capture_output=True, text=True, timeout=120)
                    self.assertEqual(done.returncode, 0, done.stderr)
                m.stop()
                found = counted(m, at)
        self.assertLessEqual(found["device_step"]["max"], STEP + SAMPLE_WORST)

    def test_image(self):
        sums = ledger.ledger(qemu.build("magno22.map").read_text())
        flash, ram = (sum(v[k] for v in sums.values()) for k in (0, 1))
        print(f"flash {flash}, RAM {ram} octets")
        self.assertGreater(flash, 100000)
        self.assertLessEqual(flash, 512 * 1024)
        self.assertLessEqual(ram, (128 - 16) * 1024)


if __name__ == "__main__":
    unittest.main()
