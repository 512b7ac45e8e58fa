#!/usr/bin/env python3
"""Flash and RAM of an image by module, from the linker's map. Usage: ledger.py MAP [--json]

A module is a library of ours, or one from elsewhere; flash holds code, constants and the initial values of
variables, RAM the variables and what is left for the stack.
"""
import json
import re
import sys

FLASH, RAM = 512 * 1024, 128 * 1024
ELSEWHERE = {"libmbedcrypto.a": "Mbed TLS", "liblwip.a": "lwIP", "libc_nano.a": "C library", "libc.a": "C library",
             "libg_nano.a": "C library", "libgcc.a": "compiler's arithmetic", "libm.a": "C library"}


def module(path):
    archive = re.match(r"(?:.*/)?(lib[^/]+\.a)\(", path)
    if archive:
        name = archive.group(1)
        return ELSEWHERE.get(name) or name[3:-2]
    if "mps2_start" in path:
        return "port_mps2"
    m = re.search(r"CMakeFiles/(\w+)\.dir", path)
    return "app" if m and m.group(1) == "magno22" else m.group(1) if m else "other"


def rows(text):
    """(output section, module, octets) of every piece the linker kept."""
    body = text[text.index("Linker script and memory map"):]
    output = None
    name = r"(\.\S+|COMMON|\*fill\*)"
    for line in re.sub(r"(?m)^( \.\S+)\n\s+0x", r"\1 0x", body).splitlines():
        m = re.match(r"(\.[\w.]+)(?:\s|$)", line)
        if m:
            output = m.group(1)
        m = re.match(r" " + name + r"\s+0x[0-9a-f]+\s+0x([0-9a-f]+)(?:\s+(\S.*))?$", line)
        if m and output and int(m.group(2), 16):
            yield output, "padding" if m.group(1) == "*fill*" else module(m.group(3) or ""), int(m.group(2), 16)


def ledger(text):
    sums = {}
    for output, name, size in rows(text):
        flash = size if output in (".text", ".ARM.exidx", ".data") else 0
        ram = size if output in (".data", ".bss") else 0
        if flash or ram:
            old = sums.get(name, (0, 0))
            sums[name] = (old[0] + flash, old[1] + ram)
    return sums


def main(path, as_json):
    sums = ledger(open(path).read())
    flash, ram = (sum(v[k] for v in sums.values()) for k in (0, 1))
    if as_json:
        print(json.dumps({"flash": flash, "ram": ram, "modules": {k: {"flash": v[0], "ram": v[1]} for k, v in sums.items()}}))
        return
    print(f"{'module':24}{'flash':>10}{'RAM':>10}")
    for name, (f, r) in sorted(sums.items(), key=lambda kv: -kv[1][0]):
        print(f"{name:24}{f:10,}{r:10,}")
    print(f"{'sum':24}{flash:10,}{ram:10,}")
    print(f"{'of':24}{FLASH:10,}{RAM:10,}")
    print(f"{'left (RAM: the stack)':24}{FLASH - flash:10,}{RAM - ram:10,}")


if __name__ == "__main__":
    main(sys.argv[1], "--json" in sys.argv)
