"""Put the CRC-32 of an image into its last word: what the meter compares its program with (meter/io.h).

usage: seal.py IMAGE.elf: everything that lies in flash from address 0 up to section .sum
"""
import struct, sys, zlib


def sections(elf):
    at, size, count, names = struct.unpack_from("<I", elf, 32) + struct.unpack_from("<HHH", elf, 46)
    rows = [struct.unpack_from("<10I", elf, at + size * i) for i in range(count)]
    for name, _, _, addr, offset, *_ in rows:
        begin = rows[names][4] + name
        yield elf[begin:elf.index(b"\0", begin)].decode(), addr, offset


def image(elf, end):
    """The octets of [0, end); a hole is not allowed: what a part has there is not known."""
    at, size, count = struct.unpack_from("<I", elf, 28) + struct.unpack_from("<HH", elf, 42)
    pieces = []
    for i in range(count):
        kind, offset, _, to, n = struct.unpack_from("<5I", elf, at + size * i)
        if kind == 1 and n and to < end:
            pieces.append((to, elf[offset:offset + n]))
    whole = b""
    for to, octets in sorted(pieces):
        if to != len(whole):
            sys.exit("seal.py: a hole in flash at %#x, before %#x" % (len(whole), to))
        whole += octets
    return whole[:end]


path = sys.argv[1]
elf = bytearray(open(path, "rb").read())
addr, offset = next((a, o) for name, a, o in sections(elf) if name == ".sum")
struct.pack_into("<I", elf, offset, zlib.crc32(image(elf, addr)))
open(path, "wb").write(elf)
