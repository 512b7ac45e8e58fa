"""Pushes of a running meter, heard by `magno listen`: over TCP with confirmation, over UDP, in plain text on a serial
line, an alarm that nobody heard at first, the last gasp, the installation."""
import json, os, socket, subprocess, tempfile, time, unittest

from meter import MAGNO, Meter, wait_for


def is_closed(host, port):
    try:
        socket.create_connection((host, port), 2).close()
    except OSError:
        return True
    return False


class Listener:
    def __init__(self, *options, state):
        self.process = subprocess.Popen([MAGNO, "listen", "--json", *options], stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "XDG_STATE_HOME": state})
        self.port = None
        if "--connect" not in options and "--device" not in options:
            self.port = json.loads(self.process.stdout.readline())["port"]

    def next(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Push(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.meter = Meter("--load", "const:P=2300,V=230,F=50", flash=os.path.join(self.folder.name, "flash")).start()
        self.state = os.path.join(self.folder.name, "state")
        self.listener = Listener("--port", "0", "--for", "120", state=self.state)

    def tearDown(self):
        self.listener.end()
        if self.meter.process:
            self.meter.kill()
        self.folder.cleanup()

    def run_magno(self, command, *words):
        return subprocess.run([MAGNO, command, "--port", str(self.meter.ports["dlms"]), "--no-state", "--json", *words], text=True, capture_output=True)

    def magno(self, command, *words):
        r = self.run_magno(command, *words)
        self.assertEqual(r.returncode, 0, r.stderr + r.stdout)
        return [json.loads(line) for line in r.stdout.splitlines()]

    def aim(self, push, transport, to):
        self.magno("write", "40/0-%d:25.9.0:3" % push, "structure(enum:%d, text:%s, enum:0)" % (transport, to))

    def order(self, push):
        self.magno("action", "40/0-%d:25.9.0:1" % push)

    def test_tcp_confirmed(self):
        self.aim(1, 0, "127.0.0.1:%d" % self.listener.port)
        self.magno("write", "40/0-1:25.9.0:11", "enum:2")
        self.order(1)
        got = self.listener.next()
        self.assertEqual((got["push"], got["authenticated"], got["encrypted"], got["confirmed"]), ("0-1:25.9.0", True, True, True))
        self.assertEqual(bytes.fromhex(got["values"][1]), b"MAG22" + b"%011d" % 1)
        wait_for(lambda: self.magno("read", "40/0-1:25.9.0:13")[0]["time"].startswith("20"))
        first = got["counter"]
        self.order(1)
        self.assertGreater(self.listener.next()["counter"], first)

    def test_udp_and_script(self):
        self.aim(2, 1, "127.0.0.1:%d" % self.listener.port)
        self.magno("action", "9/0-0:10.0.108:1", "long-unsigned:3")
        self.assertEqual(self.listener.next()["push"], "0-2:25.9.0")

    def test_event_notification(self):
        self.magno("write", "40/0-4:25.9.0:2", "array(structure(u16:1, obis:0-0:97.98.20, integer:2, u16:0, structure(enum:0, null), array()))")
        for transport in (0, 1):
            self.magno("write", "40/0-4:25.9.0:3", "structure(enum:%d, text:127.0.0.1:%d, enum:128)" % (transport, self.listener.port))
            self.order(4)
            got = self.listener.next()
            self.assertEqual((got.get("event"), got["encrypted"], got.get("class"), got.get("attr")), ("0-0:97.98.20.255", True, 1, 2), got)

    def test_long_ones_come_in_blocks(self):
        entry = "structure(u16:1, obis:0-0:96.1.0, integer:2, u16:0, structure(enum:0, null), array())"
        for transport in (0, 1):
            self.aim(3, transport, "127.0.0.1:%d" % self.listener.port)
            self.magno("write", "40/0-3:25.9.0:2", "array(%s)" % ", ".join([
                "structure(u16:40, obis:0-3:25.9.0, integer:1, u16:0, structure(enum:0, null), array())"] + [
                "structure(u16:40, obis:0-3:25.9.0, integer:2, u16:0, structure(enum:0, null), array())"] * 8 + [entry]))
            self.order(3)
            got = self.listener.next()
            self.assertEqual((got.get("push"), len(got.get("values", ()))), ("0-3:25.9.0", 10), got)

    def test_alarm_and_nobody_there(self):
        with socket.create_server(("127.0.0.2", 0)) as free:  # where no other test listens
            port = free.getsockname()[1]  # nobody hears
        self.magno("write", "40/0-4:25.9.0:7", "structure(u16:2, u16:100, u16:2)")
        self.magno("write", "40/0-4:25.9.0:6", "unsigned:100")
        self.aim(4, 0, "127.0.0.2:%d" % port)
        for k in (0, 1, 2, 20, 21, 22):
            self.magno("write", "1/0-0:97.98.%d:2" % k, "double-long-unsigned:0")
        self.magno("write", "1-0:0.8.4:2", "u32:1800")  # that the configuration changed is an alarm
        time.sleep(3)
        late = Listener("--listen", "127.0.0.2", "--port", str(port), "--for", "60", state=self.state)
        got = late.next()
        late.end()
        self.assertEqual(got["push"], "0-4:25.9.0")
        self.assertEqual(len(got["values"]), 6)
        self.assertTrue(any(got["values"][3:]), got)

    def test_serial_line(self):
        line = Listener("--connect", "127.0.0.1:%d" % self.meter.ports["rs485"], "--for", "60", state=self.state)
        time.sleep(0.5)
        self.magno("write", "40/0-6:25.9.0:8", "obis:0-1:22.0.0")
        self.magno("write", "40/0-6:25.9.0:9", "integer:32")
        self.aim(6, 5, "")
        self.order(6)
        got = line.next()
        line.end()
        self.assertEqual(got.get("push"), "0-6:25.9.0", got)
        self.assertNotIn("encrypted", got)
        self.assertEqual(got["values"][3], 2300)

    def test_last_gasp(self):
        self.aim(5, 1, "127.0.0.1:%d" % self.listener.port)
        self.meter.stop()
        self.assertEqual(self.listener.next()["push"], "0-5:25.9.0")

    def test_last_gasp_by_tcp(self):
        self.aim(5, 0, "127.0.0.1:%d" % self.listener.port)
        self.meter.stop()
        self.assertEqual(self.listener.next()["push"], "0-5:25.9.0")

    def test_last_gasp_to_nobody(self):
        self.aim(5, 0, "127.0.0.1:1")
        self.meter.stop()  # and it ends

    def test_the_port_moves(self):
        self.magno("write", "41/0-0:25.0.0:5", "unsigned:2")
        with socket.create_server(("127.0.0.1", 0)) as free:
            number = free.getsockname()[1]
        self.magno("write", "41/0-0:25.0.0:2", "long-unsigned:%d" % number)
        wait_for(lambda: is_closed("127.0.0.1", self.meter.ports["dlms"]))
        self.meter.ports["dlms"] = number
        self.assertEqual(self.magno("read", "41/0-0:25.0.0:2")[0]["value"], number)
        two = [socket.create_connection(("127.0.0.1", number), 2) for _ in range(2)]
        with socket.create_connection(("127.0.0.1", number), 2) as third:
            third.settimeout(20)
            self.assertEqual(third.recv(1), b"")  # hung up on
        for s in two:
            s.close()
        wait_for(lambda: self.run_magno("write", "42/0-0:25.1.0:3", "u32:%d" % 0x7F000002).returncode == 0)  # once there is room
        wait_for(lambda: is_closed("127.0.0.1", number))
        socket.create_connection(("127.0.0.2", number), 2).close()

    def test_installation(self):
        self.aim(7, 0, "127.0.0.1:%d" % self.listener.port)
        self.assertEqual(self.listener.next()["push"], "0-7:25.9.0")
        wait_for(lambda: self.magno("read", "1/0-0:96.64.2:2")[0]["value"][0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
