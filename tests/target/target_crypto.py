"""Cryptography and STS on the Cortex-M: right, and within the budget of a step (docs/architecture.md).

Run with an argument to print the table: target_crypto.py table"""
import sys
import unittest

import qemu
from qemu import Folder, Meter

IMAGE = "crypto_cost.elf"
STEP = 60_000  # instructions of the meter between two looks at its queues
# name, most it may take: a step, or for jobs below the meter what the scenario table counts on
BUDGET = {
    "cost_judge_sta": STEP,
    "cost_judge_misty1": STEP,
    "cost_gcm_128": STEP,
    "cost_gcm_step": STEP,
    "cost_gcm_1024": 3 * STEP,
    "cost_sha256_1024": STEP,
    "cost_random": STEP,
    "cost_keygen": 10_000_000,
    "cost_sign": 10_000_000,
    "cost_verify": 25_000_000,
    "cost_agree": 25_000_000,
}


def measure():
    """{name: instructions}, what the image said."""
    names = list(BUDGET)
    at = {name: qemu.symbol(IMAGE, name) for name in names}
    plugin = ",".join(f"fn={at[name] & ~1:#x}" for name in names)
    with Folder() as folder, Meter(folder, image=IMAGE, plugin=plugin) as m:
        status = m.wait(300)
        counts, said = m.counts(), m.said()
    if status != 0:
        raise AssertionError(said)
    return {name: counts[at[name] & ~1]["max"] for name in names}, said


class Cost(unittest.TestCase):
    def test_every_piece_is_within_its_budget(self):
        counts, _ = measure()
        for name, n in counts.items():
            self.assertTrue(500 < n <= BUDGET[name], f"{name}: {n} instructions, {BUDGET[name]} allowed")


if __name__ == "__main__":
    if sys.argv[1:] == ["table"]:
        counts, _ = measure()
        for name, n in counts.items():
            print(f"{name[5:]:14} {n:11,}")
    else:
        unittest.main()
