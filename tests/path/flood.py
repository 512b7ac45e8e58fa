"""Malformed frames at every port of a running meter, as fast as it takes them, and after each thirtieth of them a
correct reading. FRAMES in the environment says how many (300 000), SEED which."""
import os
import random
import select
import struct
import time

from ctt import DISC, MANAGEMENT, PUBLIC, RR, SNRM, Line, aarq, frame, get, parameters
from many import memory_kib
from meter import LLS, HLS, Meter, check, read

KINDS, BATCH = 4000, 5000


def spoilt(rng, octets):
    """One to three octets turned, lost, doubled or added."""
    x = bytearray(octets)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(x))
        what = rng.randrange(4)
        if what == 0:
            x[at] ^= rng.randrange(1, 256)
        elif what == 1 and len(x) > 2:
            del x[at]
        elif what == 2:
            x[at:at] = x[at:at + rng.randrange(1, 9)]
        else:
            x[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(x)


def hdlc(rng):
    llc = b"\xe6\xe6\x00"
    whole = [frame(SNRM), frame(SNRM, parameters(2030, 2030, 7, 7)), frame(DISC), frame(RR), frame(0x10, llc + aarq()),
             frame(0x32, llc + get()), frame(0x10, llc + aarq(), segmented=True), frame(0x13, llc + get()),
             frame(0x97, b"\x10\x00\x01"), frame(SNRM, server=b"\xfe\xff")]
    return [spoilt(rng, rng.choice(whole)) for _ in range(KINDS)]


def wrapper(rng):
    """From the public client: a wrong password would be a guess, and guesses lock a port."""
    whole = [aarq(), aarq(between=bytes.fromhex("a60a0408") + b"MGC\x00\x00\x00\x00\x01"), get(), b"\xc1\x01\xc1" + get()[3:] + b"\x11\x01", bytes.fromhex("6203800100"),
             b"\xc3\x01\xc1\x00\x0f\x00\x00\x28\x00\x00\xff\x01\x01\x09\x10" + bytes(16), b"\xc8\x1e\x30" + bytes(28),
             b"\xdb\x08MGC\x00\x00\x00\x00\x01\x1e\x30" + bytes(28), b"\xe0\xc1\x00\x01\x00\x00\x0d" + get(), b"\xd9" + bytes(40)]
    apdus = [spoilt(rng, rng.choice(whole)) for _ in range(KINDS)]
    return [struct.pack(">HHHH", 1, PUBLIC, MANAGEMENT, len(a)) + a for a in apdus]


def pour(line, octets):
    """Send it all and throw away what comes back. False: hung up on."""
    line.s.setblocking(False)
    at = 0
    while at < len(octets):
        readable, writable, _ = select.select([line.s], [line.s], [], 20)
        check(readable or writable, "the port takes nothing any more")
        try:
            if readable and not line.s.recv(1 << 16):
                return False
            if writable:
                at += line.s.send(octets[at:at + (1 << 16)])
        except BlockingIOError:
            pass
        except ConnectionError:
            return False
    return True


def main():
    frames, seed = int(os.environ.get("FRAMES", 300000)), int(os.environ.get("SEED", 22))
    rng = random.Random(seed)
    ways = (("dlms", wrapper, HLS), ("optical", hdlc, LLS), ("rs485", hdlc, LLS))
    print("SEED=%d FRAMES=%d" % (seed, frames))
    with Meter("--load", "off").start() as m:
        check(read(m.ports["dlms"], "0-0:42.0.0")[0]["text"] == "MAG2200000000001", "wrong from the beginning")
        for name, make, options in ways:
            begin, sent, hangups, line = time.monotonic(), 0, 0, None
            readings, next_reading, early = 0, 0, 0
            kinds = make(rng)
            while sent < frames // len(ways):
                line = line or Line(m.ports[name])
                if not pour(line, b"".join(rng.choices(kinds, k=BATCH))):
                    line, hangups = line.close(), hangups + 1
                sent += BATCH
                early = early or memory_kib(m.process.pid)
                if sent >= next_reading:  # on a line of its own: a serial port has one head at a time
                    line = line and line.close()
                    time.sleep(0.2)
                    check(read(m.ports[name], "0-0:42.0.0", options=options)[0]["text"] == "MAG2200000000001", "wrong after %d" % sent)
                    readings, next_reading = readings + 1, next_reading + frames // 30
            if line:
                line.close()
            check(memory_kib(m.process.pid) - early < 4096, "memory grew from %d to %d KiB" % (early, memory_kib(m.process.pid)))
            print("%s: %d malformed frames at %.0f a second, %d hang-ups, %d correct readings" % (
                name, sent, sent / (time.monotonic() - begin), hangups, readings), flush=True)
        check(read(m.ports["dlms"], "0-0:42.0.0")[0]["text"] == "MAG2200000000001", "wrong at the end")


if __name__ == "__main__":
    main()
