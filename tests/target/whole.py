"""The Cortex-M image as a meter: an hour that ends as on the host, and answers over its optical UART and TCP.

usage: whole.py hour|talk|board|cable|kill|ctt|crowd|push|tokens [SEED]
"""
import hashlib, json, os, random, socket, subprocess, sys, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu

ROOT = qemu.ROOT
MAGNO = os.environ.get("MAGNO", str(ROOT / "build/host/magno"))
HOUR = os.environ.get("HOUR", str(ROOT / "build/host/tests/hour"))
DATA_FLASH = 8 << 20
START = "2026-03-01T06:00:00"
START_S = 1772344800


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read(DATA_FLASH)).hexdigest()


def wait_for(what, seconds):
    end = time.monotonic() + seconds
    while not what():
        check(time.monotonic() < end, "waited %d s in vain" % seconds)
        time.sleep(0.2)


def check(condition, text):
    if not condition:
        raise SystemExit(text)


def hour(seconds=3600, seed=22):
    """The same samples on both targets: registers and flash image are equal, bit for bit."""
    with qemu.Folder() as folder:
        flash = qemu.new_flash(str(folder / "flash"))
        with qemu.Meter(folder, flash=flash, args=("until=%d" % seconds, "load=household", "seed=%d" % seed), start=START) as m:
            status = m.wait(600)
            said = m.rest()
        check(status == 0, "the image ended with %d: %s" % (status, said))
        there = dict(line.split("=") for line in said.splitlines() if "=" in line)
        host = str(folder / "host")
        ours = subprocess.run([HOUR, str(seconds), str(seed), str(START_S), host], capture_output=True, text=True, check=True)
        here = dict(line.split("=") for line in ours.stdout.splitlines())
        for name, value in here.items():
            check(there[name] == value, "%s: %s on the Cortex-M, %s on the host" % (name, there[name], value))
        check(digest(flash) == digest(host), "the flash images differ")
        print("%d s of samples: %s, flash image %s, stack %s octets" % (
            seconds, ", ".join("%s %s" % x for x in here.items()), digest(flash)[:16], there["stack"]))


def proxy(path):
    """A TCP port in front of a UART's Unix socket, for one client after another; its number."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(a, b):
        try:
            while piece := a.recv(4096):
                b.sendall(piece)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve():
        while True:
            client, _ = listener.accept()
            uart = qemu.unix(path)
            other = threading.Thread(target=pump, args=(uart, client), daemon=True)
            other.start()
            pump(client, uart)
            other.join()
            client.close(), uart.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def read(port, *options):
    done = subprocess.run([MAGNO, "read", "--json", "--port", str(port), "--timeout", "60", *options], capture_output=True, text=True,
                          timeout=300)  # the emulator of a busy machine is slow
    check(done.returncode == 0, "magno read %s: exit %d: %s%s" % (" ".join(options), done.returncode, done.stderr, done.stdout))
    return [json.loads(line) for line in done.stdout.splitlines()]


def talk():
    """HLS 5 over TCP through lwIP and over HDLC on the optical UART, LLS and the public client beside it."""
    with qemu.Folder() as folder:
        flash = qemu.new_flash(str(folder / "flash"))
        with qemu.Meter(folder, flash=flash, args=("load=household",), net=0, start=START) as m:
            m.console(b"on\n")
            optical = proxy(m.socket("optical"))
            time.sleep(2)  # the first windows
            for options in (("--client", "1", "--auth", "gmac"),
                            ("--client", "32", "--auth", "low", "--password", "00000001")):
                tcp = read(m.net, *options, "1-0:1.8.0.255", "1-0:32.7.0.255", "0-0:1.0.0.255")
                hdlc = read(optical, "--hdlc", *options, "1-0:1.8.0.255", "1-0:32.7.0.255", "0-0:1.0.0.255")
                for got in (tcp, hdlc):
                    volts = got[1]["value"] * 10 ** got[1]["scaler"]
                    check(200 < volts < 260, "it measures %s V" % volts)
            sign_on = read(optical, "--hdlc", "--mode-e", "--client", "16", "--auth", "none", "0-0:42.0.0.255")
            check(sign_on[0]["text"] == "MAG2200000000001", "sign-on: %s" % sign_on)
            objects = read(m.net, "--client", "1", "--auth", "gmac", "--list")
            check(len(objects) > 100, "%d objects" % len(objects))
            print("TCP and optical UART: HLS 5, LLS, mode E; %d objects listed; %.1f V" % (len(objects), volts))


def board():
    """A program with a turned bit is found by the meter that runs it; the one that was built finds nothing."""
    told = {}
    for name, turned in (("spoiled", 1), ("sound", 0)):
        with qemu.Folder() as folder:
            flash, elf = qemu.new_flash(str(folder / "flash")), bytearray(qemu.build("magno22.elf").read_bytes())
            elf[elf.index(b": invariant broken")] ^= turned
            (folder / "image.elf").write_bytes(elf)
            with qemu.Meter(folder, image=folder / "image.elf", flash=flash, args=("until=600", "load=off"), start=START) as m:
                check(m.wait(600) == 0, m.said())
            with qemu.Meter(folder, flash=flash, args=("load=off",), net=0, start=START) as m:
                m.console(b"on\n")
                rows = read(m.net, "--client", "1", "--auth", "gmac", "0-0:99.98.8.255")
            told[name] = [r["values"][1] for r in rows if "row" in r]
    check(12 in told["spoiled"] and not {12, 13, 15, 355} & set(told["sound"]), "told: %s" % told)
    print("a turned bit of the program: events %s; without: %s" % (told["spoiled"], told["sound"]))


def cable():
    """The cable of the network is pulled and plugged: told, and the meter is reached again."""
    with qemu.Folder() as folder:
        flash = qemu.new_flash(str(folder / "flash"))
        with qemu.Meter(folder, flash=flash, args=("load=off",), net=0, start=START,
                        more=("-qmp", "unix:%s,server=on,wait=off" % (folder / "qmp"))) as m:
            m.console(b"on\n")
            read(m.net, "--client", "16", "--auth", "none", "0-0:42.0.0.255")
            m.plug(False)
            time.sleep(3)
            m.plug(True)
            time.sleep(3)
            rows = read(m.net, "--client", "1", "--auth", "gmac", "--timeout", "20", "0-0:99.98.5.255")
            told = [r["values"][1] for r in rows if "row" in r]
    check(told.count(455) == 1 and told.count(454) == 1, "told: %s" % told)
    print("cable pulled and plugged: events %s" % told)


def kill(seed=22, kills=20):
    """kill -9 of QEMU at random moments: registers at most a minute of energy behind and never ahead."""
    random.seed(seed)
    power_w, clock = 36000, START_S
    with qemu.Folder() as folder:
        flash = qemu.new_flash(str(folder / "flash"))
        before = 0
        for n in range(kills):
            when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(clock))
            with qemu.Meter(folder, flash=flash, args=("until=86400", "load=const:%d,0,240000,50000" % (power_w * 1000)),
                            start=when) as m:
                m.console(b"on\n")
                time.sleep(0.3 + random.random() * 2)
                m.kill()
            clock += 86400
            when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(clock))
            with qemu.Meter(folder, flash=flash, args=("load=off",), net=0, start=when) as m:
                m.console(b"on\n")
                after = read(m.net, "--client", "1", "--auth", "gmac", "1-0:1.8.0.255")[0]["value"]
                rows = [r["values"] for r in read(m.net, "--client", "1", "--auth", "gmac", "1-0:99.1.0.255") if "row" in r]
                events = [r for r in read(m.net, "--client", "1", "--auth", "gmac", "0-0:99.98.0.255") if "row" in r]
            values = [r[2] for r in rows]
            minute = power_w / 60
            check(after >= before, "kill %d (seed %d): %d Wh after %d" % (n, seed, after, before))
            check(values == sorted(values) and (not values or values[-1] <= after), "kill %d: rows go back" % n)
            check(not values or after - values[-1] <= 15 * minute + minute, "kill %d: a row is missing" % n)
            times = [e["time"] for e in events]
            check(times == sorted(times), "kill %d: events out of order: %s" % (n, events[-6:]))
            before = after
        print("%d kills, seed %d: %d Wh kept, %d rows, %d events" % (kills, seed, after, len(rows), len(events)))


KEY = ("key.dkga=02", "key.vending_key=abababababababab", "key.base_date=2014", "key.drn=00000000018", "key.kt=2", "key.sgc=123456",
       "key.ti=1", "key.krn=1", "ea=07")


def token(what, *fields):
    done = subprocess.run([MAGNO, "token", what, "--json", *KEY, *fields], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def tokens():
    """The virtual token carrier port, its UART: 10 kWh count once, also over a kill; what is no order is an error."""
    sold = token("make", "class=0", "subclass=0", "requested_amount=10", "issue_utc=2026-03-01T06:00:00Z")["token"]
    with qemu.Folder() as folder:
        flash = qemu.new_flash(str(folder / "flash"))
        args = ("load=off", "decoder=" + token("key")["decoder_key"])

        def talk(*lines):
            with qemu.Meter(folder, flash=flash, args=args, net=0, start=START) as m:
                m.console(b"on\n")
                vtc = m.connect("vtc")
                heard = vtc.makefile("rb")
                answers = []
                for line in lines:
                    vtc.sendall(line.encode() + b"\r\n")
                    answers.append(heard.readline().decode().strip())
                credit = read(m.net, "--client", "1", "--auth", "gmac", "0-0:19.10.0.255:2")[0]["value"]
                m.kill()
            return answers, credit

        wrong = "%s%d" % (sold[:19], (int(sold[19]) + 1) % 10)  # the last digit: the class stays
        answers, credit = talk("hello", "TOKEN " + wrong, "TOKEN " + sold, "TOKEN " + sold)
        check(answers == ["ERROR", "RESULT 13 CRCError", "RESULT 1 Accept", "RESULT 10 UsedError"], "it answered %s" % answers)
        check(credit == 10000, "credit is %d" % credit)
        answers, credit = talk("TOKEN " + sold)
        check(answers == ["RESULT 10 UsedError"] and credit == 10000, "after a kill: %s, %d" % (answers, credit))
        print("VTC on its UART: wrong, accepted once, used; used and counted after a kill")


def cases():
    """The cases of tests/path/ctt.py: HDLC on the optical UART, the wrapper through lwIP."""
    sys.path.insert(0, str(ROOT / "tests/path"))
    import ctt
    with qemu.Folder() as folder:
        flash = qemu.new_flash(str(folder / "flash"))
        with qemu.Meter(folder, flash=flash, args=("load=off",), net=0, start=START) as m:
            m.console(b"on\n")

            def set_inactivity(seconds):
                subprocess.run([MAGNO, "write", "--port", str(m.net), "0-0:22.0.0:inactivity_time_out", "long-unsigned:%d" % seconds],
                               check=True, stdout=subprocess.DEVNULL)

            check(ctt.suite({"tcp": m.net, "hdlc": proxy(m.socket("optical")), "line": True}, set_inactivity), "cases failed")


def crowd():
    """Six clients at once over lwIP, each associated; the seventh is refused, and served once there is room."""
    sys.path.insert(0, str(ROOT / "tests/path"))
    import ctt
    with qemu.Folder() as folder:
        flash = qemu.new_flash(str(folder / "flash"))
        with qemu.Meter(folder, flash=flash, args=("load=off",), net=0, start=START) as m:
            m.console(b"on\n")
            time.sleep(2)
            clients = []
            for n in range(1, 7):
                clients.append(ctt.Wrapper({"tcp": m.net}, ctt.READER))
                said = clients[-1].ask(ctt.aarq(1))
                check(said and ctt.verdict(said)[0] == 0, "client %d of six is refused: %s" % (n, said.hex()))
            seventh = ctt.Wrapper({"tcp": m.net}, ctt.READER)
            seventh.line.s.settimeout(10)
            check(seventh.line.s.recv(1) == b"", "the seventh is not hung up on")
            for _ in range(3):
                for c in clients:
                    check(c.ask(ctt.get())[:4].hex() == "c401c100", "one of six is not answered")
            clients.pop().close()
            time.sleep(2)
            again = ctt.Wrapper({"tcp": m.net}, ctt.READER)
            check(ctt.verdict(again.ask(ctt.aarq(1)))[0] == 0, "no room when one is gone")
            print("six clients are served, the seventh is refused until there is room")


def push():
    """The meter calls through lwIP: a confirmed push over TCP, one over UDP, one that wants no answer."""
    with qemu.Folder() as folder:
        flash = qemu.new_flash(str(folder / "flash"))
        with qemu.Meter(folder, flash=flash, args=("load=off",), net=0, start=START) as m:
            m.console(b"on\n")
            listen = subprocess.Popen([MAGNO, "listen", "--json", "--port", "0", "--for", "200"], stdout=subprocess.PIPE, text=True,
                                      env={**os.environ, "XDG_STATE_HOME": str(folder)})
            port = json.loads(listen.stdout.readline())["port"]
            for n, transport, method in ((1, 0, 2), (2, 1, 2), (3, 0, 0)):
                for attr, value in ((3, "structure(enum:%d, text:10.0.2.2:%d, enum:0)" % (transport, port)), (11, "enum:%d" % method)):
                    subprocess.run([MAGNO, "write", "--port", str(m.net), "40/0-%d:25.9.0:%d" % (n, attr), value], check=True, stdout=subprocess.DEVNULL)
                subprocess.run([MAGNO, "action", "--port", str(m.net), "40/0-%d:25.9.0:1" % n], check=True, stdout=subprocess.DEVNULL)
                got = json.loads(listen.stdout.readline())
                check(got["push"] == "0-%d:25.9.0" % n and got["encrypted"], "push %d: %s" % (n, got))
                confirmed = lambda: read(m.net, "40/0-%d:25.9.0:13" % n)[0]["time"].startswith("2026")
                if method == 2:
                    wait_for(confirmed, 60)
                else:
                    time.sleep(1)
                    check(not confirmed(), "push %d is confirmed" % n)
            listen.kill()
            listen.wait()
            net = read(m.net, "0-0:25.1.0:3", "0-0:25.0.0:2")
            check(net[0]["value"] == 0x0A00020F and net[1]["value"] == 4059, "the network: %s" % net)
            wait_for(lambda: any(a.upper().startswith("FE80") for a in read(m.net, "0-0:25.7.0:4")[0]["value"]), 60)
            listen = subprocess.Popen([MAGNO, "listen", "--json", "--listen", "::1", "--port", "0", "--for", "60"], stdout=subprocess.PIPE, text=True,
                                      env={**os.environ, "XDG_STATE_HOME": str(folder)})
            port = json.loads(listen.stdout.readline())["port"]
            for n in (1, 2):
                subprocess.run([MAGNO, "write", "--port", str(m.net), "40/0-%d:25.9.0:3" % n, "structure(enum:%d, text:[fec0::2]:%d, enum:0)" % (n - 1, port)],
                               check=True, stdout=subprocess.DEVNULL)
                subprocess.run([MAGNO, "action", "--port", str(m.net), "40/0-%d:25.9.0:1" % n], check=True, stdout=subprocess.DEVNULL)
                got = json.loads(listen.stdout.readline())
                check(got["push"] == "0-%d:25.9.0" % n and got["from"].startswith("[::1]"), "push %d by IPv6: %s" % (n, got))
            listen.kill()
            listen.wait()
            # elsewhere: the client of this connection still gets its answer, the next finds nobody
            subprocess.run([MAGNO, "write", "--port", str(m.net), "41/0-0:25.0.0:2", "long-unsigned:4100"], check=True, stdout=subprocess.DEVNULL)
            left = lambda: subprocess.run([MAGNO, "read", "--port", str(m.net), "--timeout", "2", "0-0:42.0.0"], capture_output=True, timeout=60)
            wait_for(lambda: left().returncode == 3, 60)
        for transport in (0, 1):
            gasps(folder, transport)
        print("pushes over TCP and UDP, IPv4 and IPv6, through lwIP, sealed and confirmed; the port moves when told; the last gasp is heard by both")


def gasps(folder, transport):
    """The supply fails: by a connection, or a datagram, somebody hears of it."""
    flash = qemu.new_flash(str(folder / ("gasp%d" % transport)))
    with qemu.Meter(folder, flash=flash, args=("load=off",), net=0, start=START) as m:
        m.console(b"on\n")
        listen = subprocess.Popen([MAGNO, "listen", "--json", "--port", "0", "--for", "60"], stdout=subprocess.PIPE, text=True,
                                  env={**os.environ, "XDG_STATE_HOME": str(folder)})
        port = json.loads(listen.stdout.readline())["port"]
        subprocess.run([MAGNO, "write", "--port", str(m.net), "40/0-5:25.9.0:3", "structure(enum:%d, text:10.0.2.2:%d, enum:0)" % (transport, port)],
                       check=True, stdout=subprocess.DEVNULL)
    with qemu.Meter(folder, flash=flash, args=("load=off", "fails=5"), net=0, start=START) as m:
        m.console(b"on\n")
        while True:
            got = json.loads(listen.stdout.readline())
            if got.get("push") == "0-5:25.9.0":
                break
        check(got["encrypted"], "the last gasp: %s" % got)
    listen.kill()
    listen.wait()


if __name__ == "__main__":
    {"hour": hour, "talk": talk, "board": board, "cable": cable, "kill": kill, "ctt": cases, "crowd": crowd, "push": push, "tokens": tokens}[sys.argv[1]](*[int(a) for a in sys.argv[2:]])
