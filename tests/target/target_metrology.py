"""What the sample chain costs on the Cortex-M4 (docs/metrology.md): mean and worst instructions of a call.

Run with an argument to print the table: target_metrology.py table"""
import sys
import unittest

import qemu
from qemu import Folder, Meter

IMAGE = "metrology_cost.elf"
# name: most in the mean, most in any call
BUDGET = {
    "cost_billing": (250, 1500),
    "cost_two_channels": (250, 1500),
    "cost_every_option": (400, 1500),
    "cost_quantity": (40_000, 60_000),  # a step of the meter is 60 000
    "cost_detectors": (20_000, 30_000),
}


def measure():
    """{name: {"calls", "mean", "max"}}."""
    at = {name: qemu.symbol(IMAGE, name) & ~1 for name in BUDGET}
    plugin = ",".join(f"fn={a:#x}" for a in at.values())
    with Folder() as folder, Meter(folder, image=IMAGE, plugin=plugin) as m:
        status = m.wait(300)
        counts, said = m.counts(), m.said()
    if status != 0:
        raise AssertionError(said)
    return {name: {"calls": counts[a]["calls"], "mean": counts[a]["sum"] / counts[a]["calls"],
                   "max": counts[a]["max"]} for name, a in at.items()}


class Cost(unittest.TestCase):
    def test_every_call_is_within_its_budget(self):
        for name, n in measure().items():
            mean, most = BUDGET[name]
            self.assertGreater(n["calls"], 40, name)
            self.assertTrue(50 < n["mean"] <= mean, f"{name}: {n['mean']:.1f} instructions in the mean, {mean} allowed")
            self.assertLessEqual(n["max"], most, f"{name}: {n['max']} instructions, {most} allowed")


if __name__ == "__main__":
    if sys.argv[1:] == ["table"]:
        for name, n in measure().items():
            mean, most = BUDGET[name]
            print(f"{name[5:]:14} {n['calls']:7} calls  mean {n['mean']:9.1f} (goal {mean})  worst {n['max']:6} (goal {most})")
    else:
        unittest.main()
