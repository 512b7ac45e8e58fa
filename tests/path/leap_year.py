"""A leap year of 8 channels every quarter of an hour, lived in simulated time on the product's flash map, then read from the
running meter over DLMS: all 35 136 rows, no hole, their differences equal to the registers.
"""
import os
import subprocess
import tempfile
import time
from datetime import datetime, timedelta

from meter import Meter, check, profile

DAYS = 365 + 365 + 366  # the house is lived in from 2026 on, so the ring has been round
ENERGIES = ("1-0:1.8.0.255", "1-0:2.8.0.255")
FROM, TO = "2028-01-01T00:00:01Z", "2029-01-01T00:00:00Z"


def differences(values):
    return [b - a for a, b in zip(values, values[1:])]


def main():
    with tempfile.TemporaryDirectory(prefix="magno-") as folder:
        flash = os.path.join(folder, "flash")
        subprocess.run([os.environ["YEARS"], str(DAYS), flash], check=True, capture_output=True)
        with Meter("--load", "off", flash=flash) as m:
            m.start("--start", TO)
            registers = {name: m.value(name) for name in ENERGIES}
            oldest = profile(m.read("1-0:99.1.0.255", options=("--first", "1", "--count", "1")), "")
            check(len(oldest) == 1 and oldest[0]["time"] <= FROM, "the oldest row: %s" % oldest)
            began = time.monotonic()
            rows = profile(m.read("1-0:99.1.0.255", options=("--from", FROM, "--to", TO)), "")
            took = time.monotonic() - began
        check(len(rows) == 366 * 96, "%d rows" % len(rows))
        check(len(rows[0]) == 2 + 8 + 1, "columns: %s" % rows[0])  # clock, status, eight channels; the time once more
        at = datetime(2028, 1, 1)
        for row in rows:
            at += timedelta(minutes=15)
            check(row["time"] == at.strftime("%Y-%m-%dT%H:%M:%SZ"), "a hole before %s" % row["time"])
        for name, register in registers.items():
            values = [row[name] for row in rows]
            check(min(differences(values)) >= 0, "%s goes back" % name)
            check(values[0] + sum(differences(values)) == values[-1] == register, "%s: %d, register %d" % (name, values[-1], register))
        print("%d rows, differences equal to %s, oldest row %s; read in %.1f s" % (
            len(rows), ", ".join("%s %d Wh" % x for x in registers.items()), oldest[0]["time"], took))


main()
