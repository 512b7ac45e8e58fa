#!/usr/bin/env python3
"""Power cuts of the Cortex-M image: QEMU ends at the N-th store into its flash, for N all over a slice of life.

The slice is five seconds of samples, well under one of the host, from an image that the host has lived up to it: a
power-up, the end of a day, of a month and of all intervals. After each cut the chip is read by `magno flash`, and the
image is powered up again: nothing committed is lost, no register is behind or ahead, no number comes back.

usage: target_powercut.py [CUTS [SEED]]
"""
import json
import os
import random
import shutil
import subprocess
import sys
import time

import qemu

MAGNO = os.environ.get("MAGNO", str(qemu.ROOT / "build/host/magno"))
HOUR = os.environ.get("HOUR", str(qemu.ROOT / "build/host/tests/hour"))
BEGIN_S, LIVED_S = 1775000700, 600  # 2026-03-31T23:45:00Z
SLICE = {"args": ("until=5", "load=household", "seed=22"), "start": "2026-03-31T23:59:57"}
AGAIN = {"args": ("until=1", "load=household", "seed=22"), "start": "2026-04-01T00:01:00"}


def check(condition, text):
    if not condition:
        raise SystemExit(text)


def prepare(folder):
    """What the host's meter leaves after ten minutes, on a chip of QEMU's size."""
    path = qemu.new_flash(str(folder / "base"))
    subprocess.run([HOUR, str(LIVED_S), "22", str(BEGIN_S), str(folder / "host")], check=True, capture_output=True)
    with open(path, "r+b") as chip, open(folder / "host", "rb") as lived:
        chip.write(lived.read())
    return path


def run(folder, flash, how, plugin=None):
    """Status and words of one power-up; words of the plugin."""
    with qemu.Meter(folder, flash=flash, plugin=plugin, **how) as m:
        status = m.wait(60)
        return status, "" if status == 137 else m.rest(), m.said()


def info(flash):
    """{part: what `magno flash info` says of it}, once `magno flash check` found nothing damaged."""
    def ask(verb):
        return subprocess.run([MAGNO, "flash", verb, flash, "--json"], capture_output=True, text=True)
    sound = ask("check")
    check(sound.returncode == 0, "damaged: %s%s" % (sound.stdout, sound.stderr))
    return {row["part"]: row for row in map(json.loads, ask("info").stdout.splitlines())}


def judge(before, now, after):
    """Between what was and what would have been."""
    for name in "import_wh", "export_wh", "boots":
        check(before["journal"][name] <= now["journal"][name] <= after["journal"][name], "%s is %d, was %d, becomes %d" % (
            name, now["journal"][name], before["journal"][name], after["journal"][name]))
    for name, part in now.items():
        if "next" not in part:
            continue
        check(before[name]["next"] <= part["next"] <= after[name]["next"], "%s goes on with row %d" % (name, part["next"]))
        check(part["rows"] - before[name]["rows"] == part["next"] - before[name]["next"], "%s has lost rows" % name)


def registers(words):
    return dict(line.split("=") for line in words.splitlines() if "=" in line)


def main(cuts=320, seed=1):
    began = time.time()
    with qemu.Folder() as folder:
        base, flash = prepare(folder), str(folder / "flash")
        before = info(base)
        shutil.copyfile(base, flash)
        status, words, said = run(folder, flash, SLICE, "stores=%d" % (1 << 60))
        check(status == 0, "the slice ended with %d: %s" % (status, said))
        stores = int(said.split("stores")[-1].split()[0])
        after, least = info(flash), before["journal"]["import_wh"]
        check(after["monthly"]["next"] == before["monthly"]["next"] + 1 and after["daily"]["next"] > before["daily"]["next"] and
              after["survey-1"]["next"] > before["survey-1"]["next"], "the slice has its rows")
        places = random.Random(seed)
        for k in range(cuts):
            at = k * stores // cuts + places.randrange(1, stores // cuts + 1)
            shutil.copyfile(base, flash)
            status, _, said = run(folder, flash, SLICE, "stores=%d" % at)
            while status == 0 and at > k * stores // cuts:
                # the clock is the host's here: a life may need a few stores less than the first one did, so it is cut earlier
                at -= 1 + places.randrange(stores // cuts)
                shutil.copyfile(base, flash)
                status, _, said = run(folder, flash, SLICE, "stores=%d" % at)
            where = "cut at store %d of %d (target_powercut.py %d %d)" % (at, stores, cuts, seed)
            check(status == 137, "%s: status %d, %s" % (where, status, said))
            try:
                judge(before, info(flash), after)
            except SystemExit as e:
                raise SystemExit("%s: %s" % (where, e))
            status, words, said = run(folder, flash, AGAIN)
            check(status == 0, "%s: does not start again, %d: %s" % (where, status, said))
            wh = int(registers(words)["import_wh"])
            check(least <= wh <= after["journal"]["import_wh"] + 10, "%s: %d Wh" % (where, wh))
    print("%d cuts among %d stores of a slice of 5 s, seed %d: nothing lost, %.0f s" % (cuts, stores, seed, time.time() - began))


if __name__ == "__main__":
    main(*[int(a) for a in sys.argv[1:]])
