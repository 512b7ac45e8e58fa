#!/usr/bin/env python3
"""Is it still our architecture? Usage: run.py [host] [target]: the tree, and the objects of those builds."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Who may include whom. "x/" is a folder, "x/y.h" one header of it; everyone may use base and itself.
INTERFACES = ["store/nor.h", "dlms/link.h", "meter/io.h", "crypto/rng.h", "metrology/front.h"]
MAY_INCLUDE = {
    "src/base": [],
    "src/crypto": ["mbedtls/", "p256-m/", "psa/"],
    "src/metrology": [],
    "src/store": [],
    "src/sts": ["crypto/"],
    "src/meter": ["metrology/", "sts/", "store/", "crypto/"],
    "src/dlms": ["crypto/"],
    "src/model": ["dlms/", "meter/", "crypto/"],
    "port/common": ["store/nor.h", "metrology/front.h"],
    "port/linux": INTERFACES + ["port/common/"],
    "port/mps2": INTERFACES + ["port/common/", "lwip/", "netif/"],
    "port/template": INTERFACES + ["port/common/"],
    "app": ["model/device.h", "model/roles.h", "meter/cfg.h", "meter/secure/certs.h", "crypto/job.h", "dlms/cipher.h", "dlms/wrapper.h", "port/"],
    "tools": ["crypto/", "metrology/", "store/", "sts/", "meter/", "dlms/", "model/", "port/linux/", "port/common/", "app/scenario/"],
}
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h", "limits.h", "stdalign.h", "stdnoreturn.h", "string.h",
                "stdatomic.h"}  # the compiler's own; an atomic wider than the machine would ask for a symbol
LIBRARY_FOLDERS = {"mbedtls", "p256-m", "psa", "lwip", "netif", "arch"}

# All that an object of src/ may ask of the outside, besides other objects of src/ and (crypto) Mbed TLS.
SYMBOLS = {"memcpy", "memset", "memmove", "memcmp", "memchr", "strlen", "strcmp", "strncmp", "strnlen",
           "sys_panic", "sys_irq_lock", "sys_irq_unlock", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}
INTEGER_HELPER = re.compile(r"__aeabi_(u?idiv(mod)?|u?ldivmod|lmul|ll(sl|sr)|lasr|u?lcmp|mem(cpy|set|clr|move)[48]?)$"
                            r"|__(bswap|clz|ctz|popcount|ffs)[sd]i2$|__gnu_thumb1_case_.*$")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|#if " r"0\b")


def strip(text):
    """C without comments and strings, line numbers kept."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0)) if m.group(0)[0] == "/" else '""' + "\n" * m.group(0).count("\n")
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def sources(root, *folders):
    for folder in folders:
        top = root / folder
        for path in sorted(top.rglob("*.[ch]")) + sorted(top.rglob("*.def")):
            if "node_modules" not in path.parts:
                yield path


def home(root, path):
    """The row of the table a file belongs to: src/x, port/x, app or tools."""
    parts = path.relative_to(root).parts
    return "/".join(parts[:2]) if parts[0] in ("src", "port") else parts[0]


def check_includes(root):
    for path in sources(root, "src", "port", "app", "tools"):
        row = home(root, path)
        if row not in MAY_INCLUDE:
            yield f"{path}: folder {row} is not in the table of who may include whom"
            continue
        own = row[4:] + "/" if row.startswith("src/") else row + "/"
        allowed = MAY_INCLUDE[row] + ["base/", own]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            m = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not m:
                continue
            name = m.group(2)
            if m.group(1) == "<" and name.split("/")[0] not in LIBRARY_FOLDERS:
                if row.startswith("src/") and name not in FREESTANDING:
                    yield f"{path}:{number}: <{name}> is not a freestanding header"
            elif "/" not in name:
                if not (path.parent / name).exists():
                    yield f"{path}:{number}: \"{name}\" does not say its folder"
            elif not any(name == a or (a.endswith("/") and name.startswith(a)) for a in allowed):
                yield f"{path}:{number}: {row} may not include {name}"


def check_text(root):
    for path in sources(root, "src", "port", "app", "tools", "tests"):
        text = path.read_text()
        row = home(root, path)
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line):
                yield f"{path}:{number}: unfinished: {line.strip()[:60]}"
        if not row.startswith("src/"):
            continue
        for number, line in enumerate(strip(text).splitlines(), 1):
            if re.search(r"\b(float|double)\b", line):
                yield f"{path}:{number}: floating point"
        if path.suffix == ".h" and not re.match(r"/\* " + re.escape(path.name) + r" - \S", text):
            yield f"{path}:1: does not open with \"/* {path.name} - what it is\""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check_variables(tools, archives):
    """Nothing of src/ is writable; const pointers that the host's loader relocates are not variables."""
    for archive in archives:
        member = "?"
        for line in run(tools + "objdump", "-h", str(archive)).splitlines():
            m = re.match(r"(\S+\.(?:o|obj)):\s+file format", line)
            if m:
                member = m.group(1)
            m = re.match(r"\s*\d+\s+(\.(?:data|bss|tdata|tbss|common)\S*)\s+([0-9a-f]+)\s", line)
            if m and int(m.group(2), 16) and not m.group(1).startswith(".data.rel.ro"):
                yield f"{archive.name}({member}): {int(m.group(2), 16)} bytes of variables in {m.group(1)}"
        for line in run(tools + "nm", str(archive)).splitlines():
            if re.match(r"\S+ C ", line):
                yield f"{archive.name}: common variable {line.split()[-1]}"


def check_symbols(tools, archives):
    defined, asked = set(), []
    for archive in archives:
        member = "?"
        for line in run(tools + "nm", str(archive)).splitlines():
            m = re.match(r"(\S+\.(?:o|obj)):$", line)
            if m:
                member = m.group(1)
            elif re.match(r"\s+[Uw] ", line):
                asked.append((archive, member, line.split()[-1]))
            elif len(line.split()) == 3:
                defined.add(line.split()[-1])
    for archive, member, name in asked:
        if name in defined or name in SYMBOLS or INTEGER_HELPER.match(name):
            continue
        if archive.name == "libcrypto.a" and name.startswith("mbedtls_"):
            continue
        yield f"{archive.name}({member}) asks for {name}"


def local_names(tools, archive):
    """{(object, static function)}: two files may each have their own."""
    member, names = "?", set()
    for line in run(tools + "nm", str(archive)).splitlines():
        m = re.match(r"(\S+\.(?:o|obj)):$", line)
        if m:
            member = m.group(1)
        elif re.match(r"\S+ t ", line):
            names.add((member, line.split()[-1]))
    return names


def calls(tools, archives):
    """{function: {callee}} from the branches in the objects' code, and the functions that compute in floating point."""
    graph, floats = {}, set()
    for archive in archives:
        local = local_names(tools, archive)
        member, at, direct = "?", None, None

        def full(name):
            return f"{member}:{name}" if (member, name) in local else name

        for line in run(tools + "objdump", "-dr", "--no-show-raw-insn", str(archive)).splitlines():
            m = re.search(r"R_ARM_THM_(?:CALL|JUMP24|JUMP19)\s+(\S+)", line)
            if m:
                graph[at].add(full(m.group(1)))
                direct = None  # what the branch before this line showed was not its target
                continue
            if direct:
                graph[at].add(direct)
            direct = None
            m = re.match(r"(\S+\.(?:o|obj)):\s+file format", line)
            if m:
                member, at = m.group(1), None
            m = re.match(r"[0-9a-f]+ <([^>]+)>:$", line)
            if m:
                at = full(m.group(1))
                graph.setdefault(at, set())
            m = re.match(r"\s+[0-9a-f]+:\s+bl\s+[0-9a-f]+ <([^>+]+)>", line)
            if m and at:
                direct = full(m.group(1))
            if re.match(r"\s+[0-9a-f]+:\s+v(?!mov)\w+(\.\w+)*\.f(16|32|64)", line):
                floats.add(at)
    return graph, floats


def cycles(graph):
    """Functions that can reach themselves. Plain reachability: a few thousand functions."""
    reach = {}
    for start in graph:
        seen, stack = set(), list(graph[start])
        while stack:
            f = stack.pop()
            if f not in seen:
                seen.add(f)
                stack.extend(graph.get(f, ()))
        reach[start] = seen
    return sorted(f for f in graph if f in reach[f])


def check_code(tools, archives):
    graph, floats = calls(tools, archives)
    for f in cycles(graph):
        yield f"{f} can reach itself: recursion"
    for f in sorted(floats):
        yield f"{f} computes in floating point"


def check_build(root, build):
    top = root / "build" / build / "src"
    archives = sorted(top.rglob("lib*.a"))
    if not archives:
        yield f"build/{build} has no libraries of src/: build it first"
        return
    tools = "arm-none-eabi-" if build == "target" else ""
    yield from check_variables(tools, archives)
    yield from check_symbols(tools, archives)
    if build == "target":
        yield from check_code(tools, archives)


def main(builds):
    problems = list(check_includes(ROOT)) + list(check_text(ROOT))
    for build in builds:
        problems += check_build(ROOT, build)
    for p in problems:
        print(p.replace(str(ROOT) + "/", ""))
    print(f"arch: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
