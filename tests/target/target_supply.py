"""From cause to coil on the Cortex-M4: instructions, and milliseconds with the slowest flash.

The window in which the cause becomes ripe comes before; then at most 20 ms may pass. 25 MHz, 1.5 cycles an
instruction, 15 % for the samples; a page takes 3 ms at worst. Run with an argument to print the table:
target_supply.py table"""
import sys
import unittest

import qemu
from qemu import Folder, Meter

IMAGE = "supply_cost.elf"
NAMES = ("cost_overcurrent", "cost_fire")
PAGE_MS, PER_MS, LIMIT_MS = 3, 25_000 / 1.5 * 0.85, 20


def measure():
    at = {name: qemu.symbol(IMAGE, name) & ~1 for name in NAMES}
    plugin = ",".join(f"fn={a:#x}" for a in at.values())
    with Folder() as folder:
        flash = qemu.new_flash(str(folder / "flash"))
        with Meter(folder, image=IMAGE, flash=flash, plugin=plugin) as m:
            said = m.console(b"programs=", 300).decode()
            status = m.wait(300)
            said += m.rest()
            counts = m.counts()
    if status != 0:
        raise AssertionError(said)
    pages = int(said.split("programs=")[1].split()[0])
    return {name: {"calls": counts[a]["calls"], "mean": counts[a]["sum"] / counts[a]["calls"], "max": counts[a]["max"],
                   "pages": pages, "ms": counts[a]["max"] / PER_MS + pages * PAGE_MS} for name, a in at.items()}


class Cost(unittest.TestCase):
    def test_the_pulse_comes_in_time(self):
        for name, n in measure().items():
            self.assertGreaterEqual(n["calls"], 60, name)
            self.assertLessEqual(n["ms"], LIMIT_MS, f"{name}: {n}")


if __name__ == "__main__":
    if sys.argv[1:] == ["table"]:
        for name, n in measure().items():
            print(f"{name[5:]:12} {n['calls']:4} times  mean {n['mean']:9.0f}  worst {n['max']:8} instructions, "
                  f"{n['pages']} pages at most: {n['ms']:.1f} ms after the window")
    else:
        unittest.main()
