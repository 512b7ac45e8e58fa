"""The DLMS server on the Cortex-M: it answers, and no step takes more than its budget (docs/architecture.md).

Run with an argument to print the table: target_dlms.py table"""
import sys
import unittest

import qemu
from qemu import Folder, Meter

IMAGE = "dlms_cost.elf"
STEP = 60_000  # instructions of the meter between two looks at its queues
BUDGET = {"dlms_step": STEP, "dlms_feed_link": STEP}


def measure():
    """{name: {calls, sum, min, max}}, what the image said."""
    at = {name: qemu.symbol(IMAGE, name) for name in BUDGET}
    plugin = ",".join(f"fn={a & ~1:#x}" for a in at.values())
    with Folder() as folder, Meter(folder, image=IMAGE, plugin=plugin) as m:
        status = m.wait(300)
        counts, said = m.counts(), m.said()
    if status != 0:
        raise AssertionError(said)
    return {name: counts[a & ~1] for name, a in at.items()}, said


class Cost(unittest.TestCase):
    def test_every_step_is_within_its_budget(self):
        counts, _ = measure()
        for name, c in counts.items():
            self.assertTrue(c["calls"] > 10 and c["max"] <= BUDGET[name], f"{name}: {c}")


if __name__ == "__main__":
    if sys.argv[1:] == ["table"]:
        for name, c in measure()[0].items():
            print(f"{name:16} {c}")
    else:
        unittest.main()
