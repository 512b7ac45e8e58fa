"""The panel's server against well-behaved, careless and hostile clients, over raw sockets."""
import base64
import json
import os
import socket
import struct
import subprocess
import time
import unittest

STANDIN = os.environ["STANDIN"]
# The sanitizers keep freed memory for a while.
MEMORY_KIB = 65536 if os.environ.get("SANITIZE") == "ON" else 4096
KEY = base64.b64encode(b"0123456789abcdef").decode()


class Server:
    def __init__(self, scene="day", port=0):
        self.process = subprocess.Popen([STANDIN, str(port), scene], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["panel"]

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(timeout=20)
        self.process.stdout.close()
        return code

    def memory_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(x.split()[1]) for x in f if x.startswith("VmRSS"))


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def read_response(s, head=False):
    data = b""
    while b"\r\n\r\n" not in data:
        got = s.recv(65536)
        if not got:
            raise ConnectionError(f"closed after {data!r}")
        data += got
    top, body = data.split(b"\r\n\r\n", 1)
    lines = top.decode().split("\r\n")
    headers = {k.lower(): v for k, v in (x.split(": ", 1) for x in lines[1:])}
    want = 0 if head else int(headers.get("content-length", 0))
    while len(body) < want:
        got = s.recv(65536)
        if not got:
            raise ConnectionError("closed inside a body")
        body += got
    return Response(int(lines[0].split()[1]), headers, body)


def request(server, method, path, headers=None, body=b"", raw_head=None):
    h = {"Host": f"127.0.0.1:{server.port}", **(headers or {})}
    if body and "Content-Length" not in h:
        h["Content-Length"] = len(body)
    head = raw_head or (f"{method} {path} HTTP/1.1\r\n" +
                        "".join(f"{k}: {v}\r\n" for k, v in h.items() if v is not None) + "\r\n")
    with server.connect() as s:
        s.sendall(head.encode() + body)
        return read_response(s, method == "HEAD")


def command(server, order, **headers):
    body = order if isinstance(order, bytes) else json.dumps(order).encode()
    h = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return request(server, "POST", "/api/command", h, body)


class Live:
    """The least WebSocket client that can also misbehave."""

    def __init__(self, server, origin=None, path="/live", host=None):
        self.s = server.connect()
        h = f"127.0.0.1:{server.port}" if host is None else host
        self.s.sendall((f"GET {path} HTTP/1.1\r\nHost: {h}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n" +
                        (f"Origin: {origin}\r\n" if origin else "") + "\r\n").encode())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            got = self.s.recv(65536)
            if not got:
                self.s.close()
                raise ConnectionError("refused")
            self.data += got
        top, self.data = self.data.split(b"\r\n\r\n", 1)
        self.status = int(top.split()[1])
        if self.status != 101:
            self.s.close()
            raise ConnectionError(f"status {self.status}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def _take(self, n):
        while len(self.data) < n:
            got = self.s.recv(65536)
            if not got:
                raise ConnectionError("closed")
            self.data += got
        part, self.data = self.data[:n], self.data[n:]
        return part

    def frame(self):
        a, b = self._take(2)
        n = b & 127
        if n == 126:
            n, = struct.unpack(">H", self._take(2))
        elif n == 127:
            n, = struct.unpack(">Q", self._take(8))
        return a & 15, self._take(n)

    def message(self):
        while True:
            opcode, payload = self.frame()
            if opcode == 1:
                return json.loads(payload)
            if opcode == 8:
                raise ConnectionError(struct.unpack(">H", payload[:2])[0] if payload else 1005)

    def until(self, found, seconds=5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            m = self.message()
            if found(m):
                return m
        raise TimeoutError

    def reply(self):
        return self.until(lambda m: "reply" in m)["reply"]

    def send_frame(self, payload, opcode=1, final=True, mask=True):
        n = len(payload)
        head = bytes([opcode | (0x80 if final else 0)])
        bit = 0x80 if mask else 0
        head += bytes([bit | n]) if n < 126 else bytes([bit | 126]) + struct.pack(">H", n)
        if mask:
            key = b"\x11\x22\x33\x44"
            payload = bytes(x ^ key[i & 3] for i, x in enumerate(payload))
            head += key
        self.s.sendall(head + payload)

    def order(self, **what):
        self.send_frame(json.dumps(what).encode())

    def close_code(self):
        try:
            while True:
                self.message()
        except ConnectionError as e:
            return e.args[0]


SECTIONS = {"identity", "clock", "now", "energy", "pulses", "profile", "rows", "events", "lcd", "world",
            "alarms", "ports", "wave"}


class Case(unittest.TestCase):
    scene = "day"

    def setUp(self):
        self.server = Server(self.scene)
        self.addCleanup(lambda: self.assertEqual(self.server.stop(), 0))


class Requests(Case):
    def test_page_and_its_headers(self):
        r = request(self.server, "GET", "/")
        self.assertEqual(r.status, 200)
        self.assertIn(b"Magno 22", r.body)
        self.assertIn("default-src 'none'", r.headers["content-security-policy"])
        self.assertIn("frame-ancestors 'none'", r.headers["content-security-policy"])
        self.assertEqual(r.headers["x-content-type-options"], "nosniff")
        self.assertEqual(r.headers["cross-origin-resource-policy"], "same-origin")
        self.assertEqual(r.headers["cache-control"], "no-store")
        self.assertNotIn("access-control-allow-origin", r.headers)

    def test_state_is_whole(self):
        r = request(self.server, "GET", "/api/state")
        self.assertEqual((r.status, r.headers["content-type"]), (200, "application/json"))
        state = r.json()
        self.assertEqual(set(state), SECTIONS)
        e = state["energy"]
        self.assertEqual(e["q1_wh"] + e["q4_wh"], e["import_wh"])
        self.assertEqual(len(state["wave"]["u_mv"]), 320)
        self.assertEqual(len(state["rows"]), 58)

    def test_head_has_no_body(self):
        with self.server.connect() as s:
            for _ in range(2):
                s.sendall(f"HEAD / HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n\r\n".encode())
                r = read_response(s, head=True)
                self.assertEqual((r.status, r.body), (200, b""))
                self.assertGreater(int(r.headers["content-length"]), 100)

    def test_one_socket_takes_many_requests(self):
        get = f"GET /api/state HTTP/1.1\r\nHost: localhost:{self.server.port}\r\n\r\n".encode()
        with self.server.connect() as s:
            for _ in range(5):
                s.sendall(get)
                self.assertEqual(read_response(s).status, 200)

    def test_what_is_not_there(self):
        for path in ("/missing", "/assets/", "/../../etc/passwd", "/%2e%2e/etc/passwd", "/live", "/api/",
                     "/index.html?x=" + "y" * 500):
            self.assertEqual(request(self.server, "GET", path).status, 404, path)

    def test_other_methods(self):
        for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
            self.assertIn(request(self.server, method, "/").status, (405, 403), method)

    def test_foreign_host_or_origin(self):
        for host in ("evil.example", f"evil.example:{self.server.port}", "", "127.0.0.1.evil.example", "x" * 300):
            self.assertEqual(request(self.server, "GET", "/api/state", {"Host": host}).status, 403, host)
        for origin in ("http://evil.example", "null", f"https://127.0.0.1:{self.server.port}", "x" * 300):
            self.assertEqual(request(self.server, "GET", "/", {"Origin": origin}).status, 403, origin)
            self.assertEqual(command(self.server, {"do": "supply", "value": False}, Origin=origin).status, 403)
        ours = f"http://127.0.0.1:{self.server.port}"
        self.assertEqual(request(self.server, "GET", "/", {"Origin": ours}).status, 200)
        self.assertTrue(request(self.server, "GET", "/api/state").json()["world"]["supply"])


class Commands(Case):
    def test_done(self):
        r = command(self.server, {"do": "voltage", "value": 231.5, "id": 9})
        self.assertEqual((r.status, r.json()), (200, {"id": 9, "ok": True}))
        self.assertEqual(request(self.server, "GET", "/api/state").json()["now"]["urms_v"], 231.5)

    def test_refused_with_a_reason(self):
        for status, order in ((400, {"do": "voltage", "value": 501}), (400, {"do": "no"}), (400, b"{"), (400, b"\xff" * 9),
                              (400, b"[" * 1024), (400, {"do": "load", "value": "nuclear"}),
                              (409, {"do": "power", "value": 5})):
            r = command(self.server, order)
            self.assertEqual(r.status, status, order)
            self.assertFalse(r.json()["ok"])
            self.assertTrue(r.json()["error"])

    def test_needs_json_and_a_length(self):
        body = b'{"do":"supply","value":false}'
        plain = request(self.server, "POST", "/api/command", {"Content-Type": "text/plain"}, body)
        self.assertEqual(plain.status, 415)
        form = request(self.server, "POST", "/api/command",
                       {"Content-Type": "application/x-www-form-urlencoded"}, body)
        self.assertEqual(form.status, 415)
        head = (f"POST /api/command HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n"
                "Content-Type: application/json\r\n")
        self.assertEqual(request(self.server, "POST", "", raw_head=head + "\r\n").status, 411)
        for length in ("1025", "99999999999", "9" * 30, "-1", "x"):
            r = request(self.server, "POST", "", raw_head=head + f"Content-Length: {length}\r\n\r\n")
            self.assertEqual(r.status, 413, length)
        self.assertEqual(request(self.server, "POST", "/", {"Content-Type": "application/json"}, body).status, 404)
        self.assertTrue(request(self.server, "GET", "/api/state").json()["world"]["supply"])

    def test_body_in_pieces(self):
        body = b'{"do":"voltage","value":222}'
        with self.server.connect() as s:
            s.sendall((f"POST /api/command HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n"
                       f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode())
            for i in range(len(body)):
                time.sleep(.005)
                s.sendall(body[i:i + 1])
            self.assertEqual(read_response(s).status, 200)


class LivePages(Case):
    def test_whole_then_changes(self):
        with Live(self.server) as a:
            self.assertEqual(set(a.message()), SECTIONS)
            a.order(do="speed", value=3600)
            self.assertTrue(a.reply()["ok"])
            m = a.until(lambda m: "clock" in m)
            self.assertNotIn("identity", m)
            m = a.until(lambda m: "rows" in m)
            self.assertGreater(len(m["rows"]), 58)
            with Live(self.server) as b:
                self.assertEqual(set(b.message()), SECTIONS)

    def test_rate(self):
        with Live(self.server) as a:
            a.order(do="speed", value=60)
            a.message()
            start = time.monotonic()
            n = sum(1 for _ in iter(lambda: a.until(lambda m: "clock" in m) and time.monotonic() < start + 2, False))
            self.assertGreater(n, 5)
            self.assertLess(n, 13)

    def test_a_section_that_goes_away(self):
        with Live(self.server) as a:
            a.message()
            a.order(do="supply", value=False)
            m = a.until(lambda m: "wave" in m)
            self.assertIsNone(m["wave"])

    def test_button_turns_the_page(self):
        with Live(self.server) as a:
            self.assertEqual(a.message()["lcd"]["code"], "1.8.0")
            a.order(do="button", id=1)
            self.assertEqual(a.reply(), {"id": 1, "ok": True})
            lcd = a.until(lambda m: "lcd" in m)["lcd"]
            self.assertEqual((lcd["code"], lcd["automatic"]), ("32.7.0", False))

    def test_flood_is_answered_in_order(self):
        with Live(self.server) as a:
            for i in range(1, 501):
                a.order(do="voltage", value=200 + i % 50, id=i)
            self.assertEqual([a.reply()["id"] for _ in range(500)], list(range(1, 501)))

    def test_pieces(self):
        with Live(self.server) as a:
            a.send_frame(b'{"do":"vol', final=False)
            a.send_frame(b'tage","val', opcode=0, final=False)
            a.send_frame(b'ue":210}', opcode=0)
            self.assertTrue(a.reply()["ok"])

    def test_foreign_pages_are_refused(self):
        for kw in ({"origin": "http://evil.example"}, {"origin": "null"}, {"host": "evil.example"}, {"path": "/"},
                   {"path": "/api/state"}, {"path": "/live/x"}):
            with self.assertRaises(ConnectionError, msg=kw):
                Live(self.server, **kw)
        Live(self.server, origin=f"http://127.0.0.1:{self.server.port}").s.close()

    def test_bad_frames(self):
        for code, frames in ((1003, [(b"\x01\x02", 2, True, True)]), (1009, [(b"x" * 1025, 1, True, True)]),
                             (1009, [(b"x" * 1000, 1, False, True), (b"x" * 1000, 0, True, True)])):
            with Live(self.server) as a:
                a.message()
                for payload, opcode, final, mask in frames:
                    a.send_frame(payload, opcode, final, mask)
                self.assertEqual(a.close_code(), code)
        for raw in (b"\x81\xff" + b"\xff" * 8, b"\x8f\x80aaaa", os.urandom(400), b"\x88\x80abcd", b"GET / HTTP/1.1\r\n\r\n"):
            with Live(self.server) as a:
                a.s.sendall(raw)
                a.s.settimeout(.5)
                try:
                    a.close_code()
                except OSError:
                    pass
        self.assertEqual(request(self.server, "GET", "/api/state").status, 200)

    def test_at_most_32(self):
        pages = [Live(self.server) for _ in range(32)]
        with self.assertRaises(ConnectionError):
            Live(self.server)
        self.assertEqual(request(self.server, "GET", "/api/state").status, 200)
        pages.pop().s.close()
        for _ in range(50):
            try:
                pages.append(Live(self.server))
                break
            except ConnectionError:
                time.sleep(.1)
        self.assertEqual(len(pages), 32)
        for p in pages:
            self.assertIn("clock", p.message())
            p.s.close()


class Hostile(Case):
    def test_who_does_not_read_costs_nothing(self):
        with Live(self.server) as lazy, Live(self.server) as a:
            a.order(do="speed", value="max")
            a.until(lambda m: "clock" in m)
            before = self.server.memory_kib()
            for _ in range(30):
                a.until(lambda m: "clock" in m)
            self.assertLess(self.server.memory_kib() - before, MEMORY_KIB)
            now = a.until(lambda m: "clock" in m)["clock"]["utc"]
            lazy.until(lambda m: m.get("clock", {}).get("utc", "") >= now, 10)

    def test_garbage(self):
        for raw in (b"\0" * 100, os.urandom(2000), b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 500,
                    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 3000, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
                    b"POST /api/command HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    b"Content-Length: 10\r\n\r\n" + b"x" * 5000,
                    b"POST /api/command HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"):
            with self.server.connect() as s:
                try:
                    s.sendall(raw)
                    s.settimeout(.3)
                    s.recv(65536)
                except OSError:
                    pass
        self.assertEqual(request(self.server, "GET", "/api/state").status, 200)

    def test_idle_sockets_do_not_keep_the_door(self):
        idle = [self.server.connect() for _ in range(100)]
        for s in idle[::2]:
            s.sendall(b"GET /")
        start = time.monotonic()
        with self.server.connect() as s:
            s.settimeout(20)
            s.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n\r\n".encode())
            self.assertEqual(read_response(s).status, 200)
        self.assertLess(time.monotonic() - start, 12)
        for s in idle:
            s.close()

    def test_live_page_survives_idle_sockets(self):
        with Live(self.server) as a:
            a.message()
            idle = [self.server.connect() for _ in range(100)]
            a.order(do="speed", value=60)
            self.assertTrue(a.reply()["ok"])
            for s in idle:
                s.close()


class Life(unittest.TestCase):
    def test_port_in_use(self):
        first = Server()
        second = subprocess.run([STANDIN, str(first.port)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=20)
        self.assertEqual(second.returncode, 1)
        self.assertIn(str(first.port), second.stderr)
        self.assertEqual(request(first, "GET", "/api/state").status, 200)
        self.assertEqual(first.stop(), 0)

    def test_stops_under_its_visitors(self):
        server = Server()
        pages = [Live(server) for _ in range(3)]
        half = server.connect()
        half.sendall(b"GET / HT")
        for p in pages:
            p.message()
        self.assertEqual(server.stop(), 0)
        for s in [half] + [p.s for p in pages]:
            s.close()


if __name__ == "__main__":
    unittest.main(verbosity=1)
