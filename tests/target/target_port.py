#!/usr/bin/env python3
"""The Cortex-M port by itself: UARTs, Ethernet, RTC, time, flash window, arguments, faults."""
import socket
import struct
import threading
import time
import unittest

import qemu
from qemu import Folder, read_exactly, read_until

IMAGE = "port_image.elf"
ALL = (1 << 32) - 1


def meter(folder, *args, **more):
    return qemu.Meter(folder, image=IMAGE, args=args, **more)


def ended(*args, **more):
    """Status and console text of a run that ends itself."""
    with Folder() as folder, meter(folder, *args, **more) as m:
        status = m.wait(60)
        return status, m.rest(), m.said()


class Links(unittest.TestCase):
    def test_serial_ports(self):
        with Folder() as folder, meter(folder) as m:
            m.console(b"up\n")
            for name in ("optical", "rs485", "wan"):
                s = m.connect(name)
                s.sendall(b"to " + name.encode())
                self.assertEqual(read_exactly(s, 3 + len(name)), b"to " + name.encode())
                s.close()

    def test_nothing_is_lost_at_full_speed(self):
        data = bytes(i * 7 % 251 for i in range(60000))
        with Folder() as folder, meter(folder) as m:
            m.console(b"up\n")
            s = m.connect("rs485")
            threading.Thread(target=s.sendall, args=(data,), daemon=True).start()
            self.assertEqual(read_exactly(s, len(data), 30), data)
            s.close()

    def test_tcp_six_and_the_seventh(self):
        with Folder() as folder, meter(folder, net=0) as m:
            m.console(b"up\n")
            clients = []
            for k in range(6):
                clients.append(m.tcp())
                clients[k].sendall(b"client %d" % k)
                self.assertEqual(read_exactly(clients[k], 8), b"client %d" % k)
            seventh = m.tcp()
            seventh.settimeout(10)
            try:
                self.assertEqual(seventh.recv(1), b"")
            except ConnectionResetError:
                pass
            seventh.close()
            clients[2].close()  # its place is free again, the others live on
            again = m.tcp()
            again.sendall(b"again")
            self.assertEqual(read_exactly(again, 5), b"again")
            clients[5].sendall(b"still")
            self.assertEqual(read_exactly(clients[5], 5), b"still")
            again.sendall(b"bye\n")  # the meter hangs up
            self.assertEqual(again.recv(1), b"")
            for c in clients + [again]:
                c.close()

    def test_tcp_long_stream(self):
        data = bytes(i * 13 % 253 for i in range(100000))
        with Folder() as folder, meter(folder, net=0) as m:
            m.console(b"up\n")
            c = m.tcp()
            threading.Thread(target=c.sendall, args=(data,), daemon=True).start()
            self.assertEqual(read_exactly(c, len(data), 30), data)
            c.close()

    def test_udp_peers(self):
        with Folder() as folder, meter(folder, net=0) as m:
            m.console(b"up\n")
            peers = []
            for k in range(4):  # more than there are numbers: the oldest gives way
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.settimeout(5)
                s.connect(("127.0.0.1", m.net))
                peers.append(s)
                for size in (1, 100, 1400):
                    text = bytes([65 + k]) * size
                    s.send(text)
                    self.assertEqual(s.recv(2000), text)
            peers[0].send(b"back")
            self.assertEqual(peers[0].recv(2000), b"back")
            for s in peers:
                s.close()


class Time(unittest.TestCase):
    def test_live_samples_keep_the_wall(self):
        with Folder() as folder, meter(folder, "do=time", "load=off") as m:
            m.console(b"up\n")
            s = m.connect("optical")
            ticks = []
            for pause in (0.3, 2.0):
                time.sleep(pause)
                s.sendall(b"?")
                ticks.append((time.monotonic(), int(m.console(b"\n").split()[-1])))
            s.close()
            wall = ticks[1][0] - ticks[0][0]
            self.assertAlmostEqual((ticks[1][1] - ticks[0][1]) / 1e6 / wall, 1, delta=0.1)

    def test_pulled_runs_repeat(self):
        runs = [ended("do=samples", "pull=7", "noise=500", "seed=3") for _ in range(2)]
        self.assertEqual(runs[0][0], 0)
        self.assertEqual(runs[0][1], runs[1][1])
        self.assertIn("us 7000000", runs[0][1])
        other = ended("do=samples", "pull=7", "noise=500", "seed=4")
        self.assertNotEqual(runs[0][1], other[1])

    def test_rtc(self):
        status, text, _ = ended("do=rtc", start="2026-03-29T00:59:58")
        self.assertEqual(status, 0)
        self.assertEqual(text.split()[1], "1774745998")
        self.assertIn(text.split()[3], ("1709251199", "1709251200"))  # a second may pass before it is read


class Loads(unittest.TestCase):
    def rows(self, folder, rows):
        path = folder / "rows"
        path.write_bytes(b"".join(struct.pack("<IiiII", *r) for r in rows))
        return f"load=rows:{path}"

    def test_rows_are_the_same_samples_as_a_constant(self):
        with Folder() as folder:
            rows = self.rows(folder, [(0, 1000000, 200000, 230000, 50000), (2, 2000000, 200000, 231000, 50000)])
            two = ended("do=samples", "pull=2", rows)
            self.assertEqual(two[:2], ended("do=samples", "pull=2", "load=const:1000000,200000,230000,50000")[:2])
            self.assertNotEqual(ended("do=samples", "pull=3", rows)[1],
                                ended("do=samples", "pull=3", "load=const:1000000,200000,230000,50000")[1])

    def test_wrong_arguments(self):
        with Folder() as folder:
            broken = self.rows(folder, [(0, 1, 1, 230000, 50000), (0, 1, 1, 230000, 50000)])
            for word in ("load=nonsense", "load=const:1,2,3", "load=const:1,2,900000,50000", "pull=x", "seed=",
                         "load=rows:/nowhere", broken):
                status, _, said = ended("do=samples", word)
                self.assertEqual(status, 2, word)
                self.assertIn("argument not understood: " + word.split("=")[0], said)


class Flash(unittest.TestCase):
    def test_outlives_the_process_and_erases(self):
        with Folder() as folder:
            chip = qemu.new_flash(folder / "chip")
            for first in (255, 0, 255, 0):
                with meter(folder, "do=flash", flash=chip) as m:
                    self.assertEqual(m.wait(), 0)
                    self.assertIn(f"first octet {first}\n", m.rest())
            self.assertEqual(chip.read_bytes()[:4096], b"\xff" * 4096)

    def test_power_cut_at_a_store(self):
        with Folder() as folder:
            for cut in (1, 100, 256):
                chip = qemu.new_flash(folder / "chip")
                with meter(folder, "do=flash", flash=chip, plugin=f"stores={cut}") as m:
                    self.assertEqual(m.wait(), 137)
                self.assertEqual(chip.read_bytes()[:257], bytes(range(cut)) + b"\xff" * (257 - cut))


class Faults(unittest.TestCase):
    def test_broken_invariant(self):
        status, _, said = ended("do=panic")
        self.assertEqual(status, 70)
        self.assertRegex(said, r"port_image\.c:\d+: invariant broken")

    def test_bad_address(self):
        status, _, said = ended("do=fault")
        self.assertEqual(status, 70)
        self.assertIn("fault at", said)

    def test_program_is_summed(self):
        status, said, _ = ended("do=program")
        self.assertEqual(status, 0)
        self.assertIn("as built 1", said)
        self.assertIn("sound RAM 1", said)

    def test_a_turned_bit_of_the_program_is_found(self):
        with Folder() as folder:
            elf = bytearray(qemu.build(IMAGE).read_bytes())
            elf[elf.index(b": invariant broken")] ^= 1
            (folder / "spoiled.elf").write_bytes(elf)
            with qemu.Meter(folder, image=folder / "spoiled.elf", args=("do=program",)) as m:
                self.assertEqual(m.wait(60), 0)
                self.assertIn("as built 0", m.rest())

    def test_watchdog_restarts_what_hangs(self):
        status, said, _ = ended("do=hang")
        self.assertEqual(status, 0)
        self.assertIn("hangs\nwatchdog 1", said.replace("\r", ""))

    def test_stack_is_measured(self):
        status, text, _ = ended("do=stack")
        self.assertEqual(status, 0)
        self.assertTrue(3000 < int(text.split()[1]) < 6000, text)

    def test_without_semihosting_it_runs(self):
        with Folder() as folder, meter(folder, semihosting=False) as m:
            m.console(b"up\n")
            s = m.connect("wan")
            s.sendall(b"alive")
            self.assertEqual(read_exactly(s, 5), b"alive")
            s.close()

    def test_instructions_are_counted_exactly(self):
        at = qemu.symbol(IMAGE, "loadgen_run")
        with Folder() as folder, meter(folder, "do=samples", "load=off", plugin=f"fn={at:#x}") as m:
            self.assertEqual(m.wait(), 0)
            count = m.counts()[at]
        self.assertEqual(count["calls"], 8000)
        self.assertEqual(count["min"], count["max"])
        self.assertLess(count["max"], 220)


if __name__ == "__main__":
    unittest.main()
