"""Every event of the table is told by a story, or tests/scenario/untold.txt says why none does.

usage: events.py MAGNO STORY...
"""
import json, pathlib, re, subprocess, sys

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE.parents[1] / "src/meter/event/events.def"


def table():
    return {int(code): text for code, text in re.findall(r'EVENT\(EV_\w+,\s*(\d+),.*"(.*)"\)', TABLE.read_text())}


def untold():
    codes = {}
    for line in (HERE / "untold.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        span, why = line.split(": ", 1)
        first, _, last = span.partition("-")
        for code in range(int(first), int(last or first) + 1):
            if code in codes:
                sys.exit("untold.txt: %d stands there twice" % code)
            codes[code] = why
    return codes


def told(magno, stories):
    """{code: the story that tells it first}; the log is the one of the table, or the meter would not say it."""
    said = subprocess.run([magno, "scenario", "--json", *stories], capture_output=True, text=True).stdout
    codes = {}
    for line in said.splitlines():
        row = json.loads(line)
        if row.get("kind") == "event":
            codes.setdefault(int(row["text"].split()[1]), pathlib.Path(row["file"]).name)
    return codes


def main():
    events, excused, seen = table(), untold(), told(sys.argv[1], sys.argv[2:])
    wrong = ["%d %s: no story tells it, and untold.txt does not say why" % (c, events[c])
             for c in events if c not in seen and c not in excused]
    wrong += ["%d %s: %s tells it; take it out of untold.txt" % (c, events[c], seen[c]) for c in excused if c in seen]
    for line in wrong:
        print(line)
    print("%d events: %d told by %d stories, %d untold" % (
        len(events), len(seen), len(sys.argv) - 2, sum(c in excused for c in events)))
    sys.exit(bool(wrong))


main()
