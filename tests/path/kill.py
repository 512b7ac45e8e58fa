"""kill -9 in mid-run, at 20 random moments: registers at most a minute of energy behind and never ahead, rows whole, events in order."""
import random, sys, time

from meter import Meter, check, profile, read

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 22
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 20
POWER_W, SPEED = 36000, 600


def main():
    """The load is constant, so energy is time: 10 Wh a second of the meter, 600 Wh a minute."""
    random.seed(SEED)
    start = 1767225600
    with Meter("--load", "const:P=%d,V=240" % POWER_W) as m:
        before, clock = 0, start
        for n in range(KILLS):
            m.start("--start", str(clock), "--speed", str(SPEED))
            time.sleep(0.2 + random.random() * 0.5)
            asked = time.monotonic()
            seen = read(m.ports["dlms"], "1-0:1.8.0.255", "0-0:1.1.0.255")
            m.kill()
            took = time.monotonic() - asked
            energy, now = seen[0]["value"], seen[1]["value"]
            clock = now + 3600  # an hour of darkness
            m.start("--start", str(clock), "--load", "off")
            after = m.value("1-0:1.8.0.255")
            most = energy + 10 * SPEED * (took + 1)  # what it may have booked between the answer and the kill
            check(after >= energy - POWER_W / 60, "kill %d (seed %d): %d Wh before, %d after: more than a minute lost"
                  % (n, SEED, energy, after))
            check(after <= most and after >= before, "kill %d: %d Wh after %d" % (n, after, energy))
            rows = profile(m.read("1-0:99.1.0.255"), "")
            values = [r["1-0:1.8.0.255"] for r in rows]
            check(values == sorted(values) and (not values or values[-1] <= after), "kill %d: rows go back" % n)
            events = profile(m.read("0-0:99.98.0.255"), "")
            times = [e["time"] for e in events]
            check(times == sorted(times), "kill %d: events out of order" % n)
            codes = [e["0-0:96.11.0.255"] for e in events]
            check(codes.count(2) >= n + 1, "kill %d: a power-up is missing from the log" % n)
            m.stop()
            before = after
        print("%d kills, seed %d: %d Wh kept, %d rows, %d events" % (KILLS, SEED, after, len(rows), len(events)))


main()
