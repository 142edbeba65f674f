"""SIGHUP and SIGUSR1: the configuration changes, or the daemon leaves, and nobody notices."""

import contextlib
import csv
import io
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import one_thread
import pytest
from daemons import listens
from loopback import Connection, LogSink, Origin, Proxy, TIMEOUT, answering, free_port, free_range, ok, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
import ground  # noqa: E402

RELOADS = 100
RATE = 2000


def reload(proxy, text=None):
    """Answers the lines logged by it, once it is over."""
    begin = len(proxy.log.lines)
    if text is not None:
        proxy.path.write_text(text)
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any("Reloaded: " in line or "Reload refused" in line
                           for line in proxy.log.lines[begin:]), "the reload is over")
    return proxy.log.lines[begin:]


def changed(proxy, old, new):
    text = proxy.path.read_text()
    assert old in text
    return text.replace(old, new)


@pytest.fixture
def origins():
    def named(name):
        return Origin(answering(lambda line, fields, body: ok(name)))

    servers = [named(b"one"), named(b"two")]
    yield servers
    for server in servers:
        server.close()


@pytest.fixture
def proxy(tmp_path, origins):
    running = Proxy(tmp_path, [origins[0].port])
    yield running
    running.stop()
    assert running.process.returncode in (0, None)


# ---- reload -------------------------------------------------------------------------------------


def test_a_kept_connection_goes_over_to_the_new_servers(proxy, origins):
    client = proxy.connect()

    def ask():
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return client.message()[2]

    assert ask() == b"one"
    lines = reload(proxy, changed(proxy, f"127.0.0.1:{origins[0].port}",
                                  f"127.0.0.1:{origins[1].port}"))
    assert any("server app/s1 at another address" in line for line in lines)
    assert ask() == b"two"
    client.close()


def test_a_request_under_way_ends_where_it_began(tmp_path):
    gate = threading.Event()

    def slow(connection, _number):
        connection.message()
        gate.wait(TIMEOUT)
        connection.send(ok(b"old"))

    old, new = Origin(slow), Origin(answering(lambda *_: ok(b"new")))
    proxy = Proxy(tmp_path, [old.port])
    try:
        client = proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: old.accepted, "the request is at the server")
        reload(proxy, changed(proxy, f"127.0.0.1:{old.port}", f"127.0.0.1:{new.port}"))
        assert proxy.get()[2] == b"new"
        gate.set()
        assert client.message()[2] == b"old"
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.message()[2] == b"new"
        client.close()
    finally:
        proxy.stop()
        old.close()
        new.close()


def listeners(proxy):
    """{port: socket inode} of what the daemon listens on, one of its workers' sockets or more."""
    table = pathlib.Path(f"/proc/{proxy.process.pid}/net/tcp").read_text().splitlines()[1:]
    own = set()
    for fd in os.listdir(f"/proc/{proxy.process.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            own.add(os.readlink(f"/proc/{proxy.process.pid}/fd/{fd}"))
    found = {}
    for row in (line.split() for line in table):
        if row[3] == "0A" and f"socket:[{row[9]}]" in own:
            found.setdefault(int(row[1].split(":")[1], 16), set()).add(row[9])
    return found


def test_listeners_come_and_go_and_those_that_stay_are_the_same_sockets(proxy):
    other = free_port()
    before = listeners(proxy)
    bind = f'bind = ["127.0.0.1:{proxy.port}"]'
    lines = reload(proxy, changed(proxy, bind, bind.replace("]", f', "127.0.0.1:{other}"]')))
    assert any(f"frontend http-in listens on 127.0.0.1:{other}" in line for line in lines)
    during = listeners(proxy)
    assert during[proxy.port] == before[proxy.port] and len(during[other]) == 2
    kept = Connection(socket.create_connection(("127.0.0.1", other), timeout=TIMEOUT))
    kept.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert kept.message()[2] == b"one"
    reload(proxy, proxy.path.read_text().replace(f', "127.0.0.1:{other}"', ""))
    assert listeners(proxy) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", other), timeout=TIMEOUT)
    # Its frontend is still there, so the connection goes on.
    kept.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert kept.message()[2] == b"one"
    kept.close()


def test_the_connections_of_a_frontend_that_is_gone_are_served_once_more_and_told(proxy, tmp_path):
    other = free_port()
    extra = f'\n[frontend.extra]\nbind = ["127.0.0.1:{other}"]\ndefault_backend = "app"\n'
    text = proxy.path.read_text()
    reload(proxy, text.replace("[backend.app]", extra + "[backend.app]"))
    client = Connection(socket.create_connection(("127.0.0.1", other), timeout=TIMEOUT))
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert "connection" not in client.message()[1]
    reload(proxy, text)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    _, fields, body = client.message()
    assert (fields["connection"], body) == (["close"], b"one")
    assert client.rest() == b""
    client.close()


def test_what_is_known_of_a_server_is_kept(tmp_path):
    """The check probes once an hour: what is known after the reload was known before."""
    checks = []

    def serve(connection, _number):
        while True:
            line, _, _ = connection.message()
            checks.append(line) if line.startswith("OPTIONS") else None
            connection.send(ok(b"one"))

    origin, closed = Origin(serve), free_port()
    proxy = Proxy(tmp_path, [origin.port, closed],
                  server_extra='check = { type = "http", interval = "3600s", fall = 2 }')
    try:
        wait_until(lambda: proxy.get()[0] == "HTTP/1.1 200 OK", "the first check")
        proxy.log.wait_for("Server app/s2 is DOWN")
        for number in range(3):
            reload(proxy, proxy.path.read_text() + f"# {number}\n")
            assert {proxy.get()[2] for _ in range(4)} == {b"one"}
        assert len(checks) == 1
        # A check that changes begins with what the one before knew.
        reload(proxy, changed(proxy, "fall = 2", "fall = 3"))
        assert {proxy.get()[2] for _ in range(4)} == {b"one"}
    finally:
        proxy.stop()
        origin.close()


def test_a_limit_holds_across_reloads_and_those_who_wait_keep_their_place(tmp_path):
    lock, running, most = threading.Lock(), [0], [0]
    arrivals, gates = [], {}

    def serve(connection, _number):
        while True:
            line, _, _ = connection.message()
            name = line.split()[1]
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
                arrivals.append(name)
                gate = gates.setdefault(name, threading.Event())
            gate.wait(TIMEOUT)
            with lock:
                running[0] -= 1
            connection.send(ok(name.encode()))

    origin = Origin(serve)
    proxy = Proxy(tmp_path, [origin.port], server_extra="maxconn = 2", workers=2)

    def ask(name):
        client = proxy.connect()
        client.send(f"GET {name} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return client

    def queued():
        return int(next(row for row in stats_rows(proxy) if row["svname"] == "BACKEND")["qcur"])

    proxy_text = proxy.path.read_text()
    try:
        reload(proxy, proxy_text.replace("[frontend.http-in]",
                                         '[frontend.http-in]\nstats = { uri = "/stats", auth = "a:b" }'))
        clients = [ask("/a"), ask("/b")]
        wait_until(lambda: len(arrivals) == 2, "both slots are taken")
        for name in ("/c", "/d", "/e", "/f"):
            clients.append(ask(name))
            wait_until(lambda: queued() == len(clients) - 2, f"{name} waits")
        # Other servers' settings change, so the backend's state is a new one; twice.
        for weight in (7, 9):
            reload(proxy, changed(proxy, "maxconn = 2", f"maxconn = 2\nweight = {weight}")
                   if weight == 7 else changed(proxy, "weight = 7", "weight = 9"))
            assert queued() == 4
        # A slot that was taken under the first configuration goes to the first who waits.
        for done, next_one in (("/a", "/c"), ("/b", "/d"), ("/c", "/e"), ("/d", "/f")):
            gates[done].set()
            wait_until(lambda: next_one in arrivals, f"{next_one} has its slot")
            assert arrivals[-1] == next_one
        gates["/e"].set()
        gates["/f"].set()
        for client, name in zip(clients, (b"/a", b"/b", b"/c", b"/d", b"/e", b"/f")):
            assert client.message()[2] == name
            client.close()
        assert most[0] == 2
        assert queued() == 0

        def server():
            return next(row for row in stats_rows(proxy) if row["svname"] == "s1")
        wait_until(lambda: server()["scur"] == "0", "the last slot is given back, after the answer")
        assert (server()["smax"], server()["stot"]) == ("2", "6")
    finally:
        for gate in gates.values():
            gate.set()
        proxy.stop()
        origin.close()


def test_a_new_limit_counts_for_those_who_wait_already(tmp_path):
    gate, arrivals = threading.Event(), []

    def serve(connection, _number):
        line, _, _ = connection.message()
        arrivals.append(line)
        gate.wait(TIMEOUT)
        connection.send(ok())

    origin = Origin(serve)
    proxy = Proxy(tmp_path, [origin.port], server_extra="maxconn = 1")
    try:
        clients = [proxy.connect() for _ in range(3)]
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: len(arrivals) == 1, "one has the slot")
        reload(proxy, changed(proxy, "maxconn = 1", "maxconn = 2"))
        wait_until(lambda: len(arrivals) == 2, "another slot")
        reload(proxy, changed(proxy, "maxconn = 2", ""))
        wait_until(lambda: len(arrivals) == 3, "no limit")
        gate.set()
        for client in clients:
            assert client.message()[0] == "HTTP/1.1 200 OK"
            client.close()
    finally:
        gate.set()
        proxy.stop()
        origin.close()


def test_a_port_that_is_taken_changes_nothing(proxy, origins):
    before = listeners(proxy)
    free = free_port()
    bind = f'bind = ["127.0.0.1:{proxy.port}"'
    good = proxy.path.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        lines = reload(proxy, good.replace(bind, f'{bind}, "127.0.0.1:{free}", "127.0.0.1:{port}"')
                       .replace(f"127.0.0.1:{origins[0].port}", f"127.0.0.1:{origins[1].port}"))
    assert any(f"Reload refused" in line and f"127.0.0.1:{port}" in line and
               f"(pid {os.getpid()})" in line for line in lines), lines
    assert listeners(proxy) == before
    assert proxy.get()[2] == b"one"


def test_what_cannot_change_is_named_and_the_rest_changes(proxy, origins):
    text = changed(proxy, "workers = 2", 'workers = 3\nuser = "nobody"')
    lines = reload(proxy, text.replace(f"127.0.0.1:{origins[0].port}", f"127.0.0.1:{origins[1].port}"))
    for name in ("global.workers", "global.user"):
        assert any(f"{name} cannot change in a running process" in line for line in lines)
    assert proxy.get()[2] == b"two"


def test_reloads_in_quick_succession_end_with_the_last_file(proxy, origins):
    text = proxy.path.read_text()
    for number in range(20):
        proxy.path.write_text(text.replace(f"127.0.0.1:{origins[0].port}",
                                           f"127.0.0.1:{origins[number % 2].port}"))
        proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: proxy.get()[2] == b"two", "the last file is in force")


# What is wrong, what it replaces in a good file, and what must be said of it.
BROKEN = [
    ('mode = "http"', 'mode = "htpp"', 'did you mean "http"'),
    ('mode = "http"', "mode = 3", "mode"),
    ('mode = "http"', 'mode = "http', "hapair.toml:"),
    ("[frontend.http-in]", "[frontend.http-in", "hapair.toml:"),
    ("[frontend.http-in]", "[fronted.http-in]", "fronted"),
    ("[backend.app]", "[backend.ap]", "ap"),
    ("[backend.app]", '[backend."a b"]', "a b"),
    ('default_backend = "app"', 'default_backend = "apple"', "apple"),
    ('default_backend = "app"', "default_backend = 1", "default_backend"),
    ('balance = "roundrobin"', 'balance = "roundrobbin"', 'did you mean "roundrobin"'),
    ('balance = "roundrobin"', 'balence = "roundrobin"', "balence"),
    ('balance = "roundrobin"', 'balance = "roundrobin"\nretries = -1', "retries"),
    ('balance = "roundrobin"', 'balance = "roundrobin"\nsource = "nowhere"', "nowhere"),
    ('connect = "2s"', 'connect = "2"', "unit"),
    ('connect = "2s"', "connect = 2", "unit"),
    ('connect = "2s"', 'conect = "2s"', "conect"),
    ('connect = "2s"', 'connect = "-2s"', "negative"),
    ("workers = 2", "workers = -1", "workers"),
    ("workers = 2", "workers = 1000", "workers"),
    ("workers = 2", "wrokers = 2", "wrokers"),
    ("workers = 2", "workers = 2\nworkers = 2", "workers"),
    ("workers = 2", 'workers = 2\npidfile = "x"', "absolute"),
    ("workers = 2", 'workers = 2\nhard_stop_after = "5s"', "drain_limit"),
    ("workers = 2", 'workers = 2\ndrain_limit = "5"', "unit"),
    ('facility = "local0"', 'facility = "local9"', "local9"),
    ('target = "udp:', 'target = "upd:', "upd"),
    ('name = "s1"', 'name = ""', "name"),
    ('name = "s1"', 'name = "s1"\nweight = 300', "weight"),
    ('name = "s1"', 'name = "s1"\ncheck = { type = "htttp" }', "htttp"),
    ('name = "s1"', "nane = \"s1\"", "nane"),
    ('name = "s1"', 'name = "${HAPAIR_NOT_SET}"', "HAPAIR_NOT_SET"),
    ('address = "127.0.0.1:', 'address = "127.0.0.256:', "127.0.0.256"),
]


def test_thirty_broken_files_change_nothing_and_each_is_told(proxy):
    assert len(BROKEN) >= 30
    good = proxy.path.read_text()
    before = listeners(proxy)
    said = []
    threading.Thread(target=lambda: said.extend(proxy.process.stderr), daemon=True).start()
    client = proxy.connect()
    for old, new, word in BROKEN:
        assert old in good, old
        begin = len(said)
        lines = reload(proxy, good.replace(old, new, 1))
        assert any("Reload refused" in line and "mistake" in line for line in lines), (new, lines)
        assert any(word in line and "hapair.toml:" in line for line in lines), (word, lines)
        wait_until(lambda: any("Reload refused" in line for line in said[begin:]), "it is said on stderr")
        assert any(word in line for line in said[begin:]), (word, said[begin:])
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.message()[2] == b"one"
    assert listeners(proxy) == before
    proxy.path.unlink()
    assert any(proxy.path.name in line for line in reload(proxy))
    assert "Reloaded" in "".join(reload(proxy, good))
    client.close()


# ---- a hundred reloads under load ---------------------------------------------------------------


def stats_rows(proxy, path="/stats;csv"):
    line, _, body = proxy.get(path, "Authorization: Basic YTpi\r\n")
    assert line == "HTTP/1.1 200 OK", line
    return list(csv.DictReader(io.StringIO(body.decode().removeprefix("# "))))


class Farm:
    """A configuration that changes with every call of text(), and never so that it cannot serve."""

    def __init__(self, path, log, origin, websocket):
        self.path, self.log, self.origin, self.websocket = path, log, origin, websocket
        self.port, self.tunnel_port = free_port(), free_port()
        self.spare = [free_port() for _ in range(4)]
        self.dice = random.Random(7)

    def text(self):
        dice = self.dice
        servers = ""
        for number in range(1, 9):
            # Two always serve; the others come, go, change their settings and their addresses.
            if number > 2 and dice.random() < 0.4:
                continue
            port = self.origin + (number - 1 if number <= 2 or dice.random() < 0.7 else dice.randrange(8))
            servers += (f'[[backend.app.server]]\nname = "s{number}"\naddress = "127.0.0.1:{port}"\n'
                        f"weight = {dice.randint(1, 9)}\nmaxconn = {dice.choice((0, 20, 40))}\n")
            if number == 3:
                servers += 'check = { type = "tcp", interval = "100ms" }\n'
        extra = "".join(f'[frontend.extra{i}]\nbind = ["127.0.0.1:{port}"]\ndefault_backend = "app"\n'
                        for i, port in enumerate(self.spare) if dice.random() < 0.5)
        balance = dice.choice(("roundrobin", "static-rr", "leastconn", "first", "random"))
        if balance == "first":
            balance = "leastconn"
        return f"""
[global]
workers = 2
[[global.log]]
target = "udp:127.0.0.1:{self.log.port}"
facility = "local0"
level = "notice"
[defaults]
mode = "http"
timeout = {{ connect = "5s", client = "30s", server = "30s", queue = "10s" }}
[frontend.main]
bind = ["127.0.0.1:{self.port}"]
default_backend = "app"
stats = {{ uri = "/stats", auth = "a:b" }}
[frontend.tunnel]
bind = ["127.0.0.1:{self.tunnel_port}"]
default_backend = "echo"
{extra}
[backend.echo]
[[backend.echo.server]]
name = "e1"
address = "127.0.0.1:{self.websocket}"
maxconn = {dice.randint(10, 20)}
[backend.app]
balance = "{balance}"
{servers}
"""


class Running:
    """What the helpers above want of a proxy, for a configuration of one's own."""

    def __init__(self, farm):
        self.port, self.path, self.log = farm.port, farm.path, farm.log
        self.path.write_text(farm.text())
        self.start()

    start, _says_ready = Proxy.start, Proxy._says_ready
    connect, get = Proxy.connect, Proxy.get
    resident_bytes, descriptors = Proxy.resident_bytes, Proxy.descriptors


def echo(connection, _number):
    head = connection.until(b"\r\n\r\n")
    assert b"upgrade" in head.lower()
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    while data := connection.socket.recv(65536):
        connection.send(data)


class Background(threading.Thread):
    """Work that must not fail; ended by stop(), which raises what went wrong."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.ending, self.error, self.rounds = work, threading.Event(), None, 0
        self.start()

    def run(self):
        try:
            self.work(self)
        except Exception as error:  # noqa: BLE001  (told by stop())
            self.error = error

    def stop(self):
        self.ending.set()
        self.join(60)
        assert not self.is_alive()
        if self.error:
            raise self.error


def tunnel(farm):
    def work(job):
        client = Connection(socket.create_connection(("127.0.0.1", farm.tunnel_port), timeout=TIMEOUT))
        client.send(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert b" 101 " in client.until(b"\r\n\r\n")
        while not job.ending.wait(0.01):
            message = b"%08d" % job.rounds
            client.send(message)
            assert client.exactly(8) == message
            job.rounds += 1
        client.close()

    return work


def download(farm, size):
    """One long answer, taken so slowly that it lasts until the end."""

    def work(job):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        sock.settimeout(TIMEOUT)
        sock.connect(("127.0.0.1", farm.port))
        client = Connection(sock)
        client.send(b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\n\r\n" % size)
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        taken = 0
        piece = 256 << 10  # bench_origin repeats one of this size
        pattern = bytes(ord("a") + i % 26 for i in range(piece)) * 2
        while taken < size:
            data = client.buffer or sock.recv(16 << 10)
            client.buffer = b""
            assert data, f"ended after {taken} of {size}"
            begin = taken % piece
            assert data == pattern[begin:begin + len(data)], f"other bytes after {taken}"
            taken += len(data)
            if not job.ending.is_set():
                time.sleep(0.004)
        client.close()

    return work


def newcomer(farm):
    """A connection for every request."""

    def work(job):
        while not job.ending.wait(0.005):
            client = Connection(socket.create_connection(("127.0.0.1", farm.port), timeout=TIMEOUT))
            client.send(b"POST /bytes/64 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        if job.rounds % 2 else
                        b"GET /bytes/64 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            line, _, body = client.message()
            assert (line, len(body)) == ("HTTP/1.1 200 OK", 64), line
            assert client.rest() == b""
            client.close()
            job.rounds += 1

    return work


def test_a_hundred_reloads_under_load_lose_nothing(tmp_path):
    ground.build()
    origin_port = free_range(8)
    origin = subprocess.Popen([ground.BIN / "bench_origin", f"127.0.0.1:{origin_port}+8"],
                              stdout=subprocess.DEVNULL)
    wait_until(lambda: listens(origin_port + 7), "the servers listen")
    websocket, log = Origin(echo), LogSink()
    farm = Farm(tmp_path / "hapair.toml", log, origin_port, websocket.port)
    proxy = Running(farm)
    first, descriptors = proxy.path.read_text(), proxy.descriptors()
    work, load = [], None
    try:
        work = [Background(tunnel(farm)), Background(tunnel(farm)), Background(newcomer(farm)),
                Background(download(farm, 40_000_000)), Background(download(farm, 40_000_000))]
        load = subprocess.Popen(
            [ground.BIN / "bench_load", "open", f"127.0.0.1:{farm.port}", "--rate", str(RATE),
             "--clients", "64", "--seconds", "600"], stdout=subprocess.PIPE, text=True)
        wait_until(lambda: total(proxy) > 1000, "the load has begun")
        counted, memory, number = total(proxy), 0, 0
        # A hundred, and as many more as it takes that nobody has slept through them.
        while number < RELOADS or min(job.rounds for job in work[:3]) <= 50:
            lines = reload(proxy, farm.text())
            assert any("Reloaded: " in line for line in lines), lines
            assert not any(job.error for job in work), [job.error for job in work]
            now = total(proxy)
            assert now >= counted, f"counters fell from {counted} to {now}"
            counted = now
            if number == RELOADS // 4:  # buffers and tables have their size by now
                memory = proxy.resident_bytes()
            number += 1
        assert proxy.resident_bytes() - memory < 16 << 20
        load.terminate()
        result = json.loads(load.communicate(timeout=TIMEOUT)[0])
        assert result["errors"] == 0 and result["answered"] > 1000, result
        for job in work:
            job.stop()
        work = []
        # The clients have checked each answer; the daemon counts each that was none.
        rows = stats_rows(proxy)
        main = next(row for row in rows if row["pxname"] == "main")
        assert main["hrsp_4xx"] == main["hrsp_5xx"] == "0", main
        app = next(row for row in rows if (row["pxname"], row["svname"]) == ("app", "BACKEND"))
        assert [app[name] for name in ("econ", "eresp", "srv_abrt")] == ["0", "0", "0"], app
        wait_until(lambda: all(int(row["scur"]) == int(row["qcur"]) == 0 for row in stats_rows(proxy)
                               if row["svname"] not in ("FRONTEND",)), "no slot is lost")
        # No reload has left one behind. Those of connections that wait for their next use end within 4 s;
        # some pipes stay.
        reload(proxy, first)
        wait_until(lambda: proxy.descriptors() < descriptors + RELOADS // 2, "they are as many as at the start")
        websocket.close()
    finally:
        for job in work:
            job.ending.set()
        for process in (load, origin, proxy.process):
            if process and process.poll() is None:
                process.terminate()
                process.wait(TIMEOUT)
        log.close()
    assert proxy.process.returncode == 0


def total(proxy):
    return int(next(row for row in stats_rows(proxy) if row["pxname"] == "main")["req_tot"])


# ---- drain --------------------------------------------------------------------------------------


def test_draining_ends_with_the_last_answer(tmp_path):
    gate, asked = threading.Event(), []

    def serve(connection, _number):
        while True:
            line, _, _ = connection.message()
            asked.append(line)
            if "slow" in line:
                gate.wait(TIMEOUT)
            connection.send(ok())

    origin = Origin(serve)
    proxy = Proxy(tmp_path, [origin.port], frontend='timeout = { http_keep_alive = "60s" }')
    try:
        busy, idle, used = proxy.connect(), proxy.connect(), proxy.connect()
        for client in (idle, used):
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert "connection" not in client.message()[1]
        busy.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: any("/slow" in line for line in asked), "it is under way")
        # Who asks once more in the next moment is answered, and told. The workers hear both at once, of the
        # drain first, however long this test takes in between.
        with one_thread.stuck(proxy.process.pid, "worker-0"), one_thread.stuck(proxy.process.pid, "worker-1"):
            proxy.process.send_signal(signal.SIGUSR1)
            proxy.log.wait_for("Draining: the listeners are closed, 3 connections go on for at most 60s")
            used.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(used.has_arrived, "it has asked")
        line, fields, body = used.message()
        assert (line, fields["connection"], body) == ("HTTP/1.1 200 OK", ["close"], b"hello")
        assert used.rest() == b""
        wait_until(lambda: not listeners(proxy), "nobody listens")
        with pytest.raises(ConnectionRefusedError):
            proxy.connect()
        assert idle.rest() == b""  # ends soon, not after its 60 s
        assert proxy.process.poll() is None
        gate.set()
        line, fields, _ = busy.message()
        assert (line, fields["connection"]) == ("HTTP/1.1 200 OK", ["close"])
        assert busy.rest() == b""
        for client in (busy, idle, used):
            client.close()
        assert proxy.process.wait(TIMEOUT) == 0
        proxy.log.wait_for("Drained: the last connection has ended")
    finally:
        gate.set()
        proxy.stop()
        origin.close()


def test_a_tunnel_is_cut_at_the_drain_limit(tmp_path):
    origin = Origin(echo)
    proxy = Proxy(tmp_path, [origin.port], globals_='drain_limit = "4s"')
    try:
        client = proxy.connect()
        client.send(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        client.until(b"\r\n\r\n")
        begun = time.monotonic()
        proxy.process.send_signal(signal.SIGUSR1)
        proxy.log.wait_for("go on for at most 4s")
        client.send(b"still here")
        assert client.exactly(10) == b"still here"
        assert proxy.process.wait(TIMEOUT) == 0
        assert 4 <= time.monotonic() - begun
        proxy.log.wait_for("The drain limit is reached: 1 connections are cut")
        assert '"GET /ws HTTP/1.1"' in proxy.log.wait_for(r" 101 \d+ - - KD-- ")
        client.close()
    finally:
        proxy.stop()
        origin.close()


def test_whatever_is_cut_at_the_drain_limit_has_its_line(tmp_path):
    port = free_port()
    gate = threading.Event()

    def respond(_line, _fields, _body):
        gate.wait(TIMEOUT)
        return ok()

    def say_back(connection, _number):
        connection.send(connection.exactly(5))
        gate.wait(TIMEOUT)

    origin, other = Origin(answering(respond)), Origin(say_back)
    proxy = Proxy(tmp_path, [origin.port], workers=2, globals_='drain_limit = "1s"', frontend=f"""
[listen.relay]
mode = "tcp"
log_format = "tcp"
bind = ["127.0.0.1:{port}"]
[[listen.relay.server]]
name = "t"
address = "127.0.0.1:{other.port}"
""")
    try:
        asking = [proxy.connect() for _ in range(4)]
        for client in asking:
            client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        relayed = proxy.connect(port=port)
        relayed.send(b"hello")
        assert relayed.exactly(5) == b"hello"
        half = proxy.connect()
        half.send(b"GET / HT")
        wait_until(lambda: origin.accepted == 4 and proxy.has_accepted(half), "all are in")
        proxy.process.send_signal(signal.SIGUSR1)
        assert proxy.process.wait(TIMEOUT) == 0
        proxy.log.wait_for("The drain limit is reached: 6 connections are cut")
        wait_until(lambda: len([line for line in proxy.log.lines if '"GET /slow' in line and " -1 0 - - KH-- " in line]) == 4,
                   "four requests that waited for their answer")
        proxy.log.wait_for(r" relay relay/t \S+ 5 KD ")
        proxy.log.wait_for(r" -1 0 - - KR-- .*<BADREQ>")
        assert not [line for line in proxy.log.lines if "Drained:" in line]
        for client in (*asking, relayed, half):
            client.close()
    finally:
        gate.set()
        proxy.stop()
        origin.close()
        other.close()


def test_without_connections_draining_is_over_at_once(proxy):
    proxy.process.send_signal(signal.SIGUSR1)
    assert proxy.process.wait(TIMEOUT) == 0


def test_a_draining_daemon_refuses_to_reload(proxy):
    client = proxy.connect()
    client.send(b"GET / HTTP/1.1\r\n")
    wait_until(lambda: proxy.has_read(client), "it is in")
    proxy.process.send_signal(signal.SIGUSR1)
    proxy.log.wait_for("Draining")
    proxy.process.send_signal(signal.SIGHUP)
    proxy.log.wait_for("Reload refused: the daemon is draining")
    client.send(b"Host: a\r\n\r\n")
    assert client.message()[1]["connection"] == ["close"]
    client.close()
    assert proxy.process.wait(TIMEOUT) == 0
