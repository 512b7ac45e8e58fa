"""A sale from the station to the running meter: 10 kWh, typed on the panel; the credit shows, and the same token says used."""
import json, os, signal, subprocess, urllib.request

from meter import MAGNO, Meter, check

ENV = {**os.environ, "MAGNO_VEND_PASSPHRASE": "a test passphrase"}


class Station:
    def __enter__(self):
        self.process = subprocess.Popen([MAGNO, "vend", "serve", "--demo", "--port", "0", "--json", "--rounds", "10"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV)
        self.port = json.loads(self.process.stdout.readline())["vend"]
        self.session = self.ask("login", operator="clerk", password="clerk")["token"]
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)

    def ask(self, operation, **fields):
        headers = {"Content-Type": "application/json"}
        if operation != "login":
            headers["Authorization"] = "Bearer " + self.session
        return post("http://127.0.0.1:%d/api/%s" % (self.port, operation), fields, headers)


def post(url, fields, headers):
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(fields).encode(), headers), timeout=30) as r:
        return json.load(r)


def panel(m, token):
    """Type it; what the panel then says of prepayment."""
    base = "http://127.0.0.1:%d/api/" % m.ports["panel"]
    reply = post(base + "command", {"do": "token", "value": token}, {"Content-Type": "application/json"})
    check(reply.get("reply", reply)["ok"], "the panel takes it: %s" % reply)
    with urllib.request.urlopen(base + "state", timeout=30) as r:
        return json.load(r)["prepay"]


with Meter("--load", "off").start() as m, Station() as station:
    receipt = station.ask("sell", meter="00000000018", units="10", request_id="one")
    token = receipt["token"].replace(" ", "")
    typed = " ".join(token[i:i + 4] for i in range(0, 20, 4))
    p = panel(m, typed)
    check(p["name"] == "Accept" and p["words"] == "accepted", "accepted: %s" % p)
    check(p["wallets"][0] == {"unit": "kWh", "balance": 10, "open": True, "active": True}, "10 kWh show: %s" % p)
    check(m.value("0-0:19.10.0.255") == 10000, "10 kWh by DLMS")
    p = panel(m, typed)
    check(p["name"] == "UsedError" and p["words"] == "used token", "used: %s" % p)
    check(p["wallets"][0]["balance"] == 10, "nothing was added: %s" % p)
    m.kill()
    m.start()
    p = panel(m, token)
    check(p["name"] == "UsedError" and p["wallets"][0]["balance"] == 10, "used after a cut: %s" % p)
    check(m.read("0-0:19.40.0.255:2")[0]["value"] == "", "no digits of a token that was refused")
    digits = station.ask("sell", meter="00000000018", units="2.5", request_id="two")["token"].replace(" ", "")
    done = subprocess.run([MAGNO, "action", "--json", "--port", str(m.ports["dlms"]), "--client", "1", "--auth", "gmac",
                           "0-0:19.40.0.255:1", "octet-string:" + digits], capture_output=True, text=True, timeout=60)
    check(done.returncode == 0, "by the token gateway: %s%s" % (done.stdout, done.stderr))
    check(m.value("0-0:19.10.0.255") == 12500, "12.5 kWh")
    gateway = m.read("0-0:19.40.0.255:2")[0]["value"]
    check(gateway == digits, "the token that was taken, by DLMS: %s" % gateway)
print("10 kWh sold, typed, shown; the same token is used, also after a cut; 2.5 kWh by the gateway")
