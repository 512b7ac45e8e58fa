"""Tokens by the virtual token carrier port and by message at `magno run`: answered, counted once, told apart in the log."""
import json, socket, subprocess

from meter import MAGNO, Meter, check

KEY = ("key.dkga=02", "key.vending_key=abababababababab", "key.base_date=2014", "key.drn=00000000018", "key.kt=2", "key.sgc=123456",
       "key.ti=1", "key.krn=1", "ea=07")
SENDER = "+233201234567"


def token(tid):
    made = subprocess.run([MAGNO, "token", "make", "--json", *KEY, "class=0", "subclass=0", "requested_amount=10", "tid=%d" % tid],
                          capture_output=True, text=True, check=True)
    return json.loads(made.stdout)["token"]


class Line:
    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.heard = self.s.makefile("rb")

    def ask(self, text):
        self.s.sendall(text.encode() + b"\r\n")
        return self.heard.readline().decode().strip()


with Meter("--load", "off").start() as m:
    sold = [token(6400000 + i) for i in range(3)]
    vtc = Line(m.ports["vtc"])
    check(vtc.ask("TOKEN " + sold[0]) == "RESULT 1 Accept", "VTC takes it")
    check(vtc.ask("TOKEN " + sold[0]) == "RESULT 10 UsedError", "once")
    check(vtc.ask("GET / HTTP/1.1") == "ERROR", "what is no order")
    second = socket.create_connection(("127.0.0.1", m.ports["vtc"]), timeout=10)
    check(second.recv(1) == b"", "one peer at a time")
    sms = Line(m.ports["sms"])
    sms.s.sendall(("%s %s\r\n" % (SENDER, sold[1])).encode())  # nobody is heard yet, nothing is answered
    done = subprocess.run([MAGNO, "write", "--port", str(m.ports["dlms"]), "--client", "1", "--auth", "gmac", "0-0:96.64.1.255:2",
                           'structure(array(text:%s),bool:true,bool:false,bool:true)' % SENDER], capture_output=True, text=True)
    check(done.returncode == 0, "the list of senders: %s%s" % (done.stdout, done.stderr))
    check(sms.ask("%s %s" % (SENDER, sold[1])) == SENDER + " RESULT 1 Accept", "SMS takes it")
    check(sms.ask(SENDER + " bal") == SENDER + " BAL 20.000 kWh 0.00", "balance")
    check(sms.ask(SENDER + " WAKE") == SENDER + " ERROR", "waking up is not permitted")
    ciu = socket.create_connection(("127.0.0.1", m.ports["ciu"]), timeout=10)
    ciu.sendall(bytes(range(256)) * 40)  # noise
    m.kill()
    m.start()
    check(Line(m.ports["vtc"]).ask("TOKEN " + sold[1]) == "RESULT 10 UsedError", "used, by whatever way it came, also after a cut")
    check(m.value("0-0:19.10.0.255") == 20000, "20 kWh")
    rows = [r["values"] for r in m.read("0-0:99.17.0.255") if "row" in r]
    check([r[3][0] for r in rows] == [3, 6, 3, 6], "taken, used, taken, used: %s" % rows)
    check([r[1] for r in rows] == [sold[0], "", sold[1], ""], "digits of those that were taken: %s" % rows)
    check([r[6] for r in rows] == [5, 5, 6, 5], "VTC and SMS: %s" % rows)
    credits = [r["values"] for r in m.read("0-0:99.15.0.255") if "row" in r]
    check([r[1:] for r in credits] == [[100, 0, 6400000], [100, 0, 6400001]], "the history of credit: %s" % credits)
print("10 kWh by VTC, 10 kWh by SMS, each once; who is not listed is not heard")
