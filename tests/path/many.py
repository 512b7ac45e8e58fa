"""A thousand clients at once and ten thousand in turn, with slow and silent ones among them: none is left waiting, nothing
leaks, and the meter answers on. usage: many.py [AT_ONCE [IN_TURN]]"""
import os
import resource
import socket
import struct
import sys
import time

from ctt import MANAGEMENT, READER, Wrapper, aarq, get, verdict
from meter import Meter, check

HALF_S = 30  # half a header older than this is hung up on
AARQ, GET = (struct.pack(">HHHH", 1, READER, MANAGEMENT, len(apdu)) + apdu for apdu in (aarq(1), get()))


def memory_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(next(line for line in f if line.startswith("VmRSS:")).split()[1])


def open_files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def answer(c):
    """The APDU that a connection brings next."""
    buf = b""
    while len(buf) < 8 or len(buf) < 8 + struct.unpack(">H", buf[6:8])[0]:
        got = c.recv(4096)
        check(got, "hung up on")
        buf += got
    return buf[8:]


def client(port):
    c = socket.create_connection(("127.0.0.1", port), 20)
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c.sendall(AARQ)
    check(verdict(answer(c))[0] == 0, "refused")
    return c


def ask(c):
    c.sendall(GET)
    check(answer(c)[:4] == b"\xc4\x01\xc1\x00", "no answer")


def share(times, percent):
    return 1e3 * sorted(times)[len(times) * percent // 100]


def at_once(port, n):
    clients = [client(port) for _ in range(n)]
    times = []
    for _ in range(5):
        for c in clients:
            begin = time.monotonic()
            ask(c)
            times.append(time.monotonic() - begin)
    begin = time.monotonic()
    for c in clients:
        c.sendall(GET)
    for c in clients:
        check(answer(c)[:4] == b"\xc4\x01\xc1\x00", "no answer")
    burst = time.monotonic() - begin
    for c in clients:
        c.close()
    print("%d clients at once: GET p50 %.2f ms, p99 %.2f ms, worst %.2f ms; all together in %.0f ms" % (
        n, share(times, 50), share(times, 99), 1e3 * max(times), 1e3 * burst))


def in_turn(m, n):
    port, pid = m.ports["dlms"], m.process.pid
    files, times, early = open_files(pid), [], 0
    half = []
    for _ in range(20):  # the beginning of a header, and then nothing
        half.append(socket.create_connection(("127.0.0.1", port), 5))
        half[-1].sendall(GET[:5])
    born = time.monotonic()
    silent = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(20)]
    for i in range(n):
        begin = time.monotonic()
        c = client(port)
        if i % 7 == 1:
            c.sendall(GET[:11])  # gone in the middle of a request
        elif i % 7 == 2:
            c.sendall(GET)  # gone before the answer
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # by a reset
        else:
            ask(c)
            times.append(time.monotonic() - begin)
        c.close()
        if i == n // 10:
            early = memory_kib(pid)
    late = memory_kib(pid)
    for c in half:
        c.settimeout(max(0.1, born + HALF_S + 10 - time.monotonic()))
        check(c.recv(1) == b"", "half a header is waited for too long")
    check(time.monotonic() - born > HALF_S - 5, "hung up on too early")
    for c in half + silent:
        c.close()
    end = time.monotonic() + 10
    while open_files(pid) > files and time.monotonic() < end:
        time.sleep(0.05)
    check(open_files(pid) <= files, "%d files open, %d before" % (open_files(pid), files))
    check(late - early < 1024, "memory grew from %d to %d KiB" % (early, late))
    print("%d connections in turn: connect, associate, GET, p50 %.2f ms, p99 %.2f ms; memory %d KiB after a tenth, %d KiB at the end" % (
        n, share(times, 50), share(times, 99), early, late))


def main():
    numbers = [int(a) for a in sys.argv[1:]]
    most = numbers[0] if numbers else 1000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    with Meter("--load", "off").start() as m:  # started with the limit of an ordinary shell
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096) if hard > 0 else 4096, hard))
        at_once(m.ports["dlms"], most)
        in_turn(m, numbers[1] if len(numbers) > 1 else 10000)
        last = Wrapper({"tcp": m.ports["dlms"]}, READER)
        check(verdict(last.ask(aarq(1)))[0] == 0, "deaf at the end")
        last.close()


if __name__ == "__main__":
    main()
