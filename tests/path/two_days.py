"""Two recorded days through the meter: what it registers is what the file holds, and all of it can be read.

Import register against the file's own sum, 192 rows of the 15-minute profile whose differences add up to the
register exactly, over TCP with HLS 5 and over HDLC with LLS.
"""
from meter import HLS, LLS, Meter, UCI, check, profile, uci_rows

START, END = "2007-02-01T00:00:00Z", "2007-02-03T00:00:00Z"
IMPORT = "1-0:1.8.0.255"


def main():
    truth_wh = sum(row[0] for row in uci_rows()) * 1000 / 60
    with Meter("--load", "csv:" + UCI) as m:
        m.run_out("--speed", "max", "--start", START, "--until", END)
        m.options[m.options.index("--load") + 1] = "off"
        m.start("--start", END)
        for options, port in ((HLS, "dlms"), (LLS, "optical"), (LLS, "rs485")):
            register = m.value(IMPORT, port=port, options=options)
            error = (register - truth_wh) / truth_wh
            print("%-8s register %d Wh, file %.3f Wh, difference %+.5f %%" % (port, register, truth_wh, error * 100))
            check(abs(error) <= 1e-4, "the register is off by %.4f %%" % (error * 100))
            rows = profile(m.read("1-0:99.1.0.255", port=port, options=options), "1-0:99.1.0.255")
            grid = [r for r in rows if START < r["time"] <= END]
            check(len(grid) == 192, "%d rows, not 192" % len(grid))
            values = [r[IMPORT] for r in grid]
            differences = [b - a for a, b in zip([0] + values, values)]
            check(all(d >= 0 for d in differences), "a register that goes back")
            check(sum(differences) == register == values[-1],
                  "rows add up to %d, the register is %d" % (sum(differences), register))
            half = m.read("1-0:99.1.0.255", port=port, options=(*options, "--from", START, "--to", "2007-02-01T12:00:00Z"))
            check(len(profile(half, "")) in (48, 49), "half a day by range: %d rows" % len(profile(half, "")))
            few = m.read("1-0:99.1.0.255", port=port, options=(*options, "--first", "10", "--count", "5"))
            check([r["time"] for r in profile(few, "")] == [r["time"] for r in rows[9:14]], "five rows by entry")


main()
