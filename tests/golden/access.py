"""The access matrix of the object table against its first oracle, the rights columns of object-model.csv.

usage: access.py DUMP [--write FILE]     DUMP prints the matrix (tests/golden/dump.c)

Every object that the meter serves is in the CSV with that class and version; each right that the table gives is
one the CSV gives, and each the CSV gives is given where the class has it. docs/access.txt is the matrix for people;
it must be what the table says now (--write renews it).
"""
import csv, os, re, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
CSV = os.path.join(HERE, "..", "data", "object-model.csv")
DOC = os.path.join(HERE, "..", "..", "docs", "access.txt")
COLUMNS = {"public": "access_public16", "reader": "access_reader_lls1", "utility": "access_reader_lls1",
           "operator": "access_operator_lls2", "supervisor": "access_supervisor_lls3", "management": "access_hls_mgmt"}
ROLES = ["public", "reader", "operator", "supervisor", "management", "utility", "firmware", "broadcast", "push", "ciu", "factory"]
OWN_CLIENT = {"0-0:40.0.6.255": "utility", "0-0:40.0.7.255": "firmware", "0-0:40.0.10.255": "ciu", "0-0:40.0.11.255": "factory"}
OTHERS = {"CIU": "ciu", "push": "push", "BC": "broadcast", "FW client": "firmware", "factory": "factory"}


def parse(cell):
    """Rights of a cell: {'r': ids or None for all, ...}; a letter that is missing gives nothing."""
    rights = {}
    if cell.strip() in ("", "-", "S"):
        return rights
    for part in re.split(r"[;+]", cell):
        part = part.strip()
        only = re.fullmatch(r"a(\d+) W only", part)
        if only:
            rights.setdefault("not_r", set()).add(int(only.group(1)))
            continue
        without = re.search(r"\(not a(\d+)\)", part)
        if without:
            rights.setdefault("not_r", set()).add(int(without.group(1)))
        plain = re.sub(r"\(.*?\)| of .*| only .*", "", part)
        letters = ""
        for found in re.finditer(r"([RWX]+)?(?:(\d+)(?:\.\.[RWX]*(\d+))?)?,?", plain.replace(" ", "")):
            if not found.group(0):
                continue
            letters = (found.group(1) or letters).lower()
            first, last = found.group(2), found.group(3) or found.group(2)
            for letter in letters:
                have = rights.get(letter, set())
                more = None if first is None else set(range(int(first), int(last) + 1))
                rights[letter] = None if more is None or have is None else have | more
    return rights


def union(a, b):
    both = {}
    for letter in {*a, *b} - {"not_r"}:
        x, y = a.get(letter, set()), b.get(letter, set())
        both[letter] = None if x is None or y is None else x | y
    both["not_r"] = a.get("not_r", set()) | b.get("not_r", set())
    return both


def expected(row):
    """Rights by role; those of a lower level hold for the next."""
    by, below = {}, {}
    for role, column in COLUMNS.items():
        by[role] = parse(row[column])
        if role in ("operator", "supervisor", "management"):
            by[role] = union(below, by[role])
        if role in ("reader", "operator", "supervisor"):
            below = by[role]
    who = None
    for part in filter(None, (p.strip() for p in row["access_other"].split(";"))):
        m = re.match(r"([^:]+):(.*)", part)
        who, cell = (m.group(1).strip(), m.group(2).strip()) if m else (who, part)
        targets = [OTHERS[w] for w in (who or "").split("/") if w in OTHERS]
        if who == "all":
            targets = ROLES[6:7] + ["ciu", "factory"]
        if who in ("own client", "every HLS client"):
            targets = ["utility", "firmware", "ciu", "factory"] if who.startswith("every") else [OWN_CLIENT[row["obis"].replace("*", ".")]]
        for t in targets:
            by.setdefault(t, {}).update({"r": None} if cell == "S" else parse(cell))
    return by


def allowed(rights, letter, number):
    if letter not in rights:
        return False
    if letter == "r" and number in rights.get("not_r", ()):
        return False
    return rights[letter] is None or number in rights[letter]


def ranges(ids):
    """{1, 2, 3, 7} -> '1-3,7'"""
    parts, ids = [], sorted(ids)
    for n in ids:
        if parts and parts[-1][1] == n - 1:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return ",".join(str(a) if a == b else "%d-%d" % (a, b) for a, b in parts)


def matrix(lines):
    """One line an object: what each client may read (R), write (W) and call (X)."""
    objects = {}
    for line in lines:
        role, cls, version, obis, member, rights = line.split()
        cell = objects.setdefault((obis, cls, version), {}).setdefault(role, {})
        for letter in rights.strip("-"):
            cell.setdefault(letter.upper(), set()).add(int(member[1:]))
    text = "object                 class  rights: R read, W write, X call, of attributes and methods by number\n"
    for (obis, cls, version), roles in objects.items():
        cells = {}
        for role in ROLES:
            rights = " ".join(k + ranges(roles[role][k]) for k in "RWX" if k in roles.get(role, {}))
            if rights:
                cells.setdefault(rights, []).append(role)
        text += "%-22s %3s v%s %s\n" % (obis, cls, version, "; ".join("%s: %s" % (", ".join(who), r) for r, who in cells.items()))
    return text


def main():
    lines = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout.splitlines()
    table = {}
    with open(CSV, newline="") as f:
        for row in csv.DictReader(f):
            table[row["obis"].replace("*", ".")] = row
    wrong, seen = [], set()
    for line in lines:
        role, cls, version, obis, member, rights = line.split()
        row = table.get(obis)
        seen.add(obis)
        if not row:
            wrong.append("%s is not in object-model.csv" % obis)
            continue
        if (cls, version) != (row["class_id"], row["version"]):
            wrong.append("%s: class %s version %s, the list says %s version %s" % (obis, cls, version, row["class_id"], row["version"]))
        want = expected(row).get(role, {})
        number = int(member[1:])
        if member[0] == "m":
            if (rights == "x") != allowed(want, "x", number):
                wrong.append("%s: the list gives %s" % (line, want))
            continue
        if number == 1:
            ok = ("r" in rights) == any(want.get(k, set()) != set() for k in "rwx")
        else:
            read, write = allowed(want, "r", number), allowed(want, "w", number)
            ok = not ("r" in rights and not read) and not ("w" in rights and not write)
        if not ok:
            wrong.append("%s, the list gives %s" % (line, want))
    text = matrix(lines)
    if "--write" in sys.argv:
        with open(DOC, "w") as f:
            f.write(text)
    elif not os.path.exists(DOC) or open(DOC).read() != text:
        wrong.append("docs/access.txt is not what the table says: run tests/golden/access.py DUMP --write and look at the change")
    for w in wrong[:40]:
        print(w)
    print("%d objects, %d lines, %d wrong" % (len(seen), len(lines), len(wrong)))
    sys.exit(bool(wrong))


main()
