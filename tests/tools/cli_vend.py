"""`magno vend`: the API as a front end, a careless and a hostile client see it; the shell; a campaign
that is killed. VEND_DB names another database than files: vend_postgres.py sets it."""
import concurrent.futures
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from magno import MAGNO, magno, main

WORDS = {"MAGNO_VEND_PASSPHRASE": "a test passphrase"}
METER = "00000000018"


class Station:
    """A served station; its operators have their own names as passwords."""

    def __init__(self, *options, demo=True):
        command = [MAGNO, "vend", "serve", "--port", "0", "--json", "--rounds", "10", *options]
        if demo:
            command.append("--demo")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **WORDS})
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.stderr.read())
        self.port = json.loads(line)["vend"]
        self.tokens = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, errors

    def http(self, method, path, body=None, headers=()):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request(method, path, body, dict(headers))
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, data, r.headers

    def ask(self, op, fields=None, who="clerk"):
        headers = {"Content-Type": "application/json"}
        if who:
            headers["Authorization"] = "Bearer " + self.login(who)
        status, data, _ = self.http("POST", "/api/" + op, json.dumps(fields or {}), headers)
        return status, json.loads(data)

    def login(self, who):
        if who not in self.tokens:
            status, answer = self.ask("login", {"operator": who, "password": who}, None)
            assert status == 200, answer
            self.tokens[who] = answer["token"]
        return self.tokens[who]

    def good(self, op, fields=None, who="clerk"):
        status, answer = self.ask(op, fields, who)
        assert status == 200, (op, fields, answer)
        return answer


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.station = Station().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.station.__exit__()

    def test_a_sale_is_what_a_meter_takes(self):
        s = self.station.good("sell", {"meter": METER, "amount": "11.50"})
        self.assertEqual((s["units_kwh"], s["vat"], s["operator"]), ("40.0", "1.50", "clerk"))
        key = magno("token", "key", "--json", "dkga=02", "vending_key=abababababababab", "base_date=2014",
                    f"drn={METER}", "sgc=123456", "ti=1", "krn=1").lines()[0]["decoder_key"]
        decoded = magno("token", "decode", "--json", f"decoder_key={key}", s["token"]).lines()[0]
        self.assertEqual(decoded["meaning"], "40 kWh")

    def test_everybody_must_log_in(self):
        for op in "status", "sell", "keys", "nonsense":
            self.assertEqual(self.station.ask(op, {}, None)[0], 401)
        for header in "", "Bearer", "Bearer ", "Bearer " + "0" * 64, "Basic Y2xlcms6Y2xlcms=", "Bearer " + "x" * 4000:
            status, _, _ = self.station.http("POST", "/api/status", "{}", {
                "Content-Type": "application/json", "Authorization": header})
            self.assertIn(status, (401, 400, 431), header[:20])
        status, answer = self.station.ask("status", {}, "clerk")
        self.assertEqual((status, answer["role"]), (200, "clerk"))

    def test_a_session_ends(self):
        _, answer = self.station.ask("login", {"operator": "clerk", "password": "clerk"}, None)
        self.station.tokens["gone"] = answer["token"]
        self.assertEqual(self.station.ask("status", {}, "gone")[0], 200)
        self.assertEqual(self.station.ask("logout", {}, "gone")[0], 200)
        self.assertEqual(self.station.ask("status", {}, "gone")[0], 401)

    def test_rights(self):
        self.assertEqual(self.station.ask("manage", {}, "clerk")[0], 403)
        self.assertEqual(self.station.ask("keys", {}, "supervisor")[0], 403)
        self.assertEqual(self.station.ask("keys", {}, "admin")[0], 200)
        self.assertNotIn("abab", json.dumps(self.station.good("keys", {}, "admin")).lower())

    def test_get_reads_and_never_changes(self):
        head = {"Authorization": "Bearer " + self.station.login("supervisor")}
        status, data, _ = self.station.http("GET", "/api/meters?q=" + METER, headers=head)
        self.assertEqual((status, json.loads(data)["meters"][0]["meter"]), (200, METER))
        status, _, _ = self.station.http("GET", f"/api/sell?meter={METER}&amount=5", headers=head)
        self.assertEqual(status, 405)
        status, data, headers = self.station.http("GET", "/api/export?list=meters", headers=head)
        self.assertEqual((status, headers["Content-Type"].split(";")[0]), (200, "text/csv"))
        self.assertTrue(data.startswith(b"meter,sgc,krn,ti"))
        status, data, _ = self.station.http("GET", "/api/customers?q=%25Demo%22%3B", headers=head)
        self.assertEqual((status, json.loads(data)["customers"]), (200, []))

    def test_clerks_at_the_same_time(self):
        def sell(n):
            return self.station.good("sell", {"meter": METER, "amount": 5, "request_id": f"many-{n % 40}"})
        self.station.login("clerk")
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            sold = list(pool.map(sell, range(80)))
        self.assertEqual(len({s["token"] for s in sold}), 40)  # each request came twice
        self.assertEqual(len({s["receipt"] for s in sold}), 40)

    def test_hostile_requests(self):
        head = {"Content-Type": "application/json", "Authorization": "Bearer " + self.station.login("admin")}
        for body, status in ((b"", 200), (b"{", 400), (b"[]", 400), (b"null", 400), (b'"x"', 400), (b"\xff\xfe", 400),
                             (b'{"a":1,"a":2}', 400), (b"[" * 5000, 400), (b'{"a":' * 3000, 400),
                             (b'{"q":"\\u0000"}', 400), (b'{"x":1e999}', 400)):
            got, data, _ = self.station.http("POST", "/api/status", body, head)
            self.assertEqual(got, status, body[:20])
        got, _, _ = self.station.http("POST", "/api/status", b"{}" + b" " * 70000, head)
        self.assertEqual(got, 413)
        got, _, _ = self.station.http("POST", "/api/status", b"{}", {**head, "Content-Type": "text/plain"})
        self.assertEqual(got, 415)
        for method in "PUT", "DELETE", "OPTIONS", "PATCH":
            got, _, _ = self.station.http(method, "/api/status", headers=head)
            self.assertIn(got, (403, 404, 405))
        for path in "/api/%ff%fe", "/api/sell%00x", "/../etc/passwd", "/api/", "/api/../keys", "/sell.js/", "/%2e%2e/x", "/api/" + "x" * 3000:
            try:
                got, _, _ = self.station.http("GET", path, headers=head)
            except http.client.RemoteDisconnected:
                got = None  # hung up on: an answer too
            self.assertIn(got, (None, 400, 403, 404, 405, 414, 431), path[:20])
        self.station.good("status")
        wrong = ({"meter": 7}, {"meter": [METER]}, {"meter": {"$gt": ""}}, {"meter": "' OR '1'='1"}, {"meter": METER * 50})
        for fields in wrong:
            status, answer = self.station.ask("sell", {**fields, "amount": 5})
            self.assertIn(status, (400, 404), fields)
            self.assertIn("error", answer)

    def test_half_requests_hold_nothing_up(self):
        sockets = []
        for text in b"GET / HT", b"POST /api/login HTTP/1.1\r\nContent-Length: 5000\r\n\r\n{", b"\x16\x03\x01\x02", b"\r\n" * 100:
            s = socket.create_connection(("127.0.0.1", self.station.port))
            s.sendall(text)
            sockets.append(s)
        began = time.time()
        self.station.good("status")
        self.assertLess(time.time() - began, 5)
        for s in sockets:
            s.close()

    def test_wrong_passwords_wait(self):
        statuses = [self.station.ask("login", {"operator": "mallory", "password": str(i)}, None)[0] for i in range(9)]
        self.assertEqual(statuses[:6], [401] * 6)
        self.assertIn(429, statuses[6:])
        self.assertEqual(self.station.ask("login", {"operator": "clerk", "password": "clerk"}, None)[0], 200)
        self.assertEqual(self.station.ask("login", {"operator": ["clerk"], "password": "clerk"}, None)[0], 400)

    def test_the_page_is_served_and_asks_for_nothing_else(self):
        status, data, headers = self.station.http("GET", "/")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertNotIn(b"http://", data + self.station.http("GET", "/sell.js")[1])
        self.assertEqual(self.station.http("GET", "/sell.css")[2]["Content-Type"].split(";")[0], "text/css")


def database(folder):
    return os.environ.get("VEND_DB") or f"{folder}/vend.db"


class Shell(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.db = f"{self.folder.name}/vend.db"

    def tearDown(self):
        self.folder.cleanup()

    def vend(self, *args, code=0):
        r = magno("vend", "--db", self.db, "--rounds", "10", "--json", *args, env=WORDS)
        self.assertEqual(r.code, code, r.err + r.out)
        return r.lines()[0] if r.out.startswith("{") else r

    def test_from_nothing_to_a_sale(self):
        self.vend("serve", code=1)  # nobody could log in
        self.vend("group_put", "sgc=4711", "name=North")
        self.vend("key_generate", "sgc=4711", "dkga=4", "krn=1", "base_date=2014")
        self.vend("tariff_put", "ti=1", "name=Domestic", "price=0.25")
        self.vend("customer_put", "name=Ama Mensah", "phone=0244")
        self.vend("meter_put", f"meter={METER}", "sgc=4711", "ti=1", "ea=11", "customer_id=1")
        self.vend("operator_put", "name=kofi", "role=clerk", "password=long enough")
        sold = self.vend("sell", f"meter={METER}", "units=20")
        self.assertEqual((sold["customer"], sold["units_kwh"], sold["amount"]), ("Ama Mensah", "20.0", "5.00"))
        self.assertEqual(self.vend("receipt", "receipt=1")["token"], sold["token"])
        self.vend("sell", "meter=00000000026", "amount=5", code=1)
        trail = self.vend("audit", "verify=1")
        self.assertTrue(trail["is_whole"])
        self.assertEqual(trail["audit"][0]["action"], "reprint")

    def test_only_the_passphrase_opens_it(self):
        self.vend("status")
        r = magno("vend", "--db", self.db, "status", env={"MAGNO_VEND_PASSPHRASE": "another"})
        self.assertEqual((r.code, r.out), (4, ""))
        self.assertIn("passphrase is wrong", r.err)
        self.assertEqual(os.stat(self.db).st_mode & 0o77, 0)
        r = magno("vend", "--db", "/nowhere/x.db", "status", env=WORDS)
        self.assertEqual(r.code, 3)

    def test_lists_go_round(self):
        self.vend("group_put", "sgc=1", "name=One")
        self.vend("key_generate", "sgc=1", "dkga=2", "krn=1", "base_date=2014")
        file = f"{self.folder.name}/in.csv"
        with open(file, "w") as f:
            f.write("name,phone\n\"Doe, Jane\",1\n=SUM(A1),2\n")
        self.assertEqual(self.vend("import", "list=customers", f"file={file}")["rows"], 2)
        out = f"{self.folder.name}/out.csv"
        r = magno("vend", "--db", self.db, "export", "list=customers", "-o", out, env=WORDS)
        self.assertEqual(r.code, 0, r.err)
        with open(out) as f:
            self.assertEqual(f.read(), "id,name,phone,address\n1,\"Doe, Jane\",1,\n2,\"'=SUM(A1)\",2,\n")

    def test_beyond_this_machine_only_by_tls(self):
        r = magno("vend", "--demo", "--listen", "0.0.0.0", "--port", "0", env=WORDS)
        self.assertEqual(r.code, 2)
        self.assertIn("TLS", r.err)

    def test_tls(self):
        cert, key = f"{self.folder.name}/cert.pem", f"{self.folder.name}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-days", "2"], check=True,
                       capture_output=True)
        import ssl
        with Station("--cert", cert, "--key", key) as s:
            context = ssl.create_default_context(cafile=cert)
            context.check_hostname = False
            c = http.client.HTTPSConnection("127.0.0.1", s.port, context=context, timeout=20)
            c.request("GET", "/")
            self.assertEqual(c.getresponse().status, 200)


def luhn(digits):
    total = 0
    for i, d in enumerate(reversed(digits)):
        n = int(d) * (2 if i % 2 == 0 else 1)
        total += n - 9 if n > 9 else n
    return str(-total % 10)


class Campaign(unittest.TestCase):
    METERS = int(os.environ.get("CAMPAIGN_METERS", 5000))

    def test_killed_again_and_again_nothing_is_doubled(self):
        with tempfile.TemporaryDirectory() as folder:
            db = database(folder)
            base = [MAGNO, "vend", "--db", db, "--rounds", "10", "--json"]
            env = {**os.environ, **WORDS}

            def run(*args):
                r = subprocess.run([*base, *args], capture_output=True, text=True, env=env)
                self.assertEqual(r.returncode, 0, r.stderr)
                return json.loads(r.stdout.splitlines()[-1])

            run("group_put", "sgc=1", "name=One")
            for year in 1993, 2014:
                run("key_generate", "sgc=1", "dkga=4", "krn=1", f"base_date={year}")
            with open(f"{folder}/meters.csv", "w") as f:
                f.write("meter,sgc,ti,ea,base_date\n")
                for n in range(self.METERS):
                    body = f"00{n:08d}"
                    f.write(f"{body}{luhn(body)},1,1,{7 if n % 2 else 11},1993\n")
            self.assertEqual(run("import", "list=meters", f"file={folder}/meters.csv")["rows"], self.METERS)
            killed = 0
            for attempt in range(200):
                p = subprocess.Popen([*base, "rollover", "from_base_date=1993", "base_date=2014"],
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
                try:
                    p.wait(0.05 + 0.03 * attempt)
                    break
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.communicate()
                    killed += 1
            self.assertGreater(killed, 0)
            result = json.loads(p.communicate()[0].splitlines()[-1])
            self.assertEqual((result["done"], result["total"]), (self.METERS, self.METERS))
            out = subprocess.run([*base[:-1], "export", "list=tokens"], capture_output=True, text=True, env=env).stdout
            rows = out.splitlines()[1:]
            tokens = {r.split(",")[6] for r in rows}
            per_meter = {}
            for r in rows:
                cells = r.split(",")
                per_meter.setdefault(cells[2], []).append(int(cells[4]))
            self.assertEqual(len(per_meter), self.METERS)
            self.assertEqual(len(tokens), len(rows))
            for subs in per_meter.values():
                self.assertIn(sorted(subs), ([3, 4], [3, 4, 8, 9]))
            self.assertEqual(len(run("rollovers")["campaigns"]), 1)


if __name__ == "__main__":
    main()
