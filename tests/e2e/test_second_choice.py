"""Where a request goes whose server will not have it: one that failed, one that was lost while it waited, one that
nobody knows yet."""
import re
import socket
import threading

import pytest

from loopback import TIMEOUT, Origin, Proxy, answering, free_port, ok, wait_until
from test_control import everything
from test_reload import reload
from test_tcp_relay import TCP

ALGORITHMS = ['"roundrobin"', '"static-rr"', '"leastconn"', '"first"', '"source"', '{ header = "X-Key" }',
              '{ header = "X-Key" }\nhash_type = "consistent"', '{ random = 2 }']


@pytest.mark.parametrize("balance", ALGORITHMS)
def test_two_dead_servers_do_not_hide_the_third(tmp_path, balance):
    """Without checks: only trying tells."""
    origin = Origin(answering())
    proxy = Proxy(tmp_path, [free_port(), free_port(), origin.port], balance=balance)
    try:
        answers = [proxy.get(fields=f"X-Key: {key}\r\n")[0] for key in range(30)]
        assert set(answers) == {"HTTP/1.1 200 OK"}
    finally:
        proxy.stop()
        origin.close()


def test_two_dead_servers_do_not_hide_the_third_in_tcp_mode(tmp_path):
    echo = Origin(lambda connection, _number: connection.send(connection.fill()))
    proxy = Proxy(tmp_path, [free_port(), free_port(), echo.port], balance='"source"', **TCP)
    try:
        for last in range(1, 31):
            client = proxy.connect(source=f"127.0.0.{last}")
            client.send(b"hello")
            assert client.exactly(5) == b"hello"
    finally:
        proxy.stop()
        echo.close()


class Server:
    """One that says who it is; to /held only when it may."""

    def __init__(self, name, port=None):
        self.name, self.held, self.go = name.encode(), 0, threading.Event()
        self.origin = Origin(self._serve, port)

    def _serve(self, connection, _number):
        while True:
            line = connection.message()[0]
            if "/held" in line:
                self.held += 1
                self.go.wait(TIMEOUT)
            connection.send(ok(self.name))


class Farm:
    """Servers s1, s2, … behind a proxy with a control socket."""

    def __init__(self, tmp_path, ports, **options):
        self.socket = tmp_path / "admin.sock"
        self.proxy = Proxy(tmp_path, ports, globals_=f'[[global.control]]\nbind = "unix:{self.socket}"\nlevel = "admin"\n',
                           **options)

    def command(self, line):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT)
            client.connect(str(self.socket))
            client.sendall(line.encode() + b"\n")
            return everything(client).decode()

    def begin(self, path="/", fields=""):
        client = self.proxy.connect()
        client.send(f"GET {path} HTTP/1.1\r\nHost: t\r\n{fields}\r\n".encode())
        return client

    def wait_for_queue(self, server, length):
        wait_until(lambda: f"\napp,{server},{length}," in self.command("show stat"), f"{length} wait for {server}")


@pytest.fixture
def made():
    """What is in here is stopped or closed at the end."""
    things = []
    yield things
    for thing in things:
        thing.stop() if isinstance(thing, Proxy) else thing.close()


def three_servers(made):
    servers = [Server(f"s{number}") for number in (1, 2, 3)]
    made.extend(server.origin for server in servers)
    return servers


def test_who_waits_for_a_lost_server_goes_to_the_next_of_its_cookie(tmp_path, made):
    servers = three_servers(made)
    words = {1: "A", 2: "A", 3: "B"}
    farm = Farm(tmp_path, [server.origin.port for server in servers], backend='cookie = { name = "SRV", mode = "insert" }',
                server_extra=lambda number: f'cookie = "{words[number]}"\nmaxconn = {1 if number == 1 else 9}')
    made.append(farm.proxy)
    holder = farm.begin("/held", "Cookie: SRV=A\r\n")
    wait_until(lambda: servers[0].held, "the only slot of s1 is taken")
    waiting = [farm.begin(fields="Cookie: SRV=A\r\n") for _ in range(4)]
    farm.wait_for_queue("s1", 4)
    farm.command("set server app/s1 state maint")
    assert {client.message()[2] for client in waiting} == {b"s2"}
    farm.proxy.log.wait_for("app/s1 is going DOWN for maintenance.* 1 sessions active, 4 requeued, 4 remaining in queue")
    servers[0].go.set()
    assert holder.message()[2] == b"s1"


def test_who_waits_for_a_lost_server_goes_to_the_next_of_its_key(tmp_path, made):
    servers = three_servers(made)
    farm = Farm(tmp_path, [server.origin.port for server in servers],
                balance='{ header = "X-Key" }\nhash_type = "consistent"', server_extra=lambda number: f"maxconn = {1 if number == 1 else 9}")
    made.append(farm.proxy)
    key = lambda number: f"X-Key: {number}\r\n"
    theirs = [number for number in range(60) if farm.proxy.get(fields=key(number))[2] == b"s1"][:8]
    holder = farm.begin("/held", key(theirs[0]))
    wait_until(lambda: servers[0].held, "the only slot of s1 is taken")
    waiting = [farm.begin(fields=key(number)) for number in theirs]
    farm.wait_for_queue("s1", len(theirs))
    farm.command("set server app/s1 state maint")
    went = [client.message()[2] for client in waiting]
    assert went == [farm.proxy.get(fields=key(number))[2] for number in theirs], "where whoever comes now goes"
    assert len(set(went)) == 2
    servers[0].go.set()
    assert holder.message()[2] == b"s1"


def test_a_tied_request_in_its_pause_does_not_go_into_maintenance(tmp_path, made):
    port, other = free_port(), Server("s2")
    made.append(other.origin)
    farm = Farm(tmp_path, [port, other.origin.port], backend='cookie = { name = "SRV", mode = "insert" }',
                server_extra=lambda number: f'cookie = "S{number}"', defaults="retries = 9")  # a pause of 1 s before each
    made.append(farm.proxy)
    client = farm.begin(fields="Cookie: SRV=S1\r\n")
    wait_until(lambda: re.search(r"app,s1,(?:[^,]*,){13}[1-9]", farm.command("show stat")), "an attempt has failed")
    farm.command("set server app/s1 state maint")
    made.append(Server("s1", port).origin)  # and it listens again
    assert client.message()[2] == b"s2"
    farm.proxy.log.wait_for(r' app/s2 .* --DI \d+/\d+/\d+/\d+/\+[1-8] 0/0 "GET / ')


# Servers that nobody knows yet.

CHECKED = 'check = { request = "GET /check HTTP/1.1", interval = "200ms", timeout = "15s", rise = 1, fall = 1 }'


class Slow(Server):
    """A server whose first probe takes as long as the test likes."""

    def __init__(self, name, status=b"200 OK"):
        self.ready, self.status = threading.Event(), status
        super().__init__(name)

    def _serve(self, connection, _number):
        while True:
            line = connection.message()[0]
            if "/check" in line:
                self.ready.wait(TIMEOUT)
                connection.send(b"HTTP/1.1 " + self.status + b"\r\nContent-Length: 0\r\n\r\n")
            else:
                connection.send(ok(self.name))


def test_where_nobody_is_known_yet_requests_wait_for_the_first_good_check(tmp_path, made):
    servers = [Slow("s1"), Slow("s2")]
    made.extend(server.origin for server in servers)
    farm = Farm(tmp_path, [server.origin.port for server in servers], server_extra=lambda number: f'cookie = "S{number}"',
                backend=CHECKED + '\ncookie = { name = "SRV", mode = "insert" }')
    made.append(farm.proxy)
    new, tied = farm.begin(), farm.begin(fields="Cookie: SRV=S2\r\n")
    farm.wait_for_queue("s2", 1)
    farm.wait_for_queue("BACKEND", 2)
    servers[0].ready.set()
    assert new.message()[2] == b"s1"
    assert farm.proxy.get(fields="Cookie: SRV=S2\r\n")[2] == b"s1", "as where s2 is down"
    servers[1].ready.set()
    assert tied.message()[2] == b"s2"


def test_who_waited_for_checks_that_are_all_bad_is_told_so_at_once(tmp_path, made):
    servers = [Slow("s1", b"500 No"), Slow("s2", b"500 No")]
    made.extend(server.origin for server in servers)
    farm = Farm(tmp_path, [server.origin.port for server in servers], backend=CHECKED)
    made.append(farm.proxy)
    client = farm.begin()
    farm.wait_for_queue("BACKEND", 1)
    for server in servers:
        server.ready.set()
    assert client.message()[0] == "HTTP/1.1 503 Service Unavailable"
    assert int(re.search(r" app/<NOSRV> 0/(\d+)/-1/-1/", farm.proxy.log.wait_for(" 503 .* SC-- "))[1]) < TIMEOUT * 1000


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_reload_that_replaces_every_server_refuses_nobody(tmp_path, made, mode):
    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.send(ok(b"hello"))

    origin = Origin(serve)
    made.append(origin)
    options = TCP if mode == "tcp" else {"frontend": 'connection = "close"'}
    proxy = Proxy(tmp_path, [origin.port, origin.port], **(options | {
        "backend": options.get("backend", "") + '\ncheck = { interval = "100ms", rise = 1 }'}))
    made.append(proxy)
    wait_until(lambda: answer(proxy) == b"hello", "it is up")
    over, answers = threading.Event(), []

    def visit():
        while not over.is_set():
            answers.append(answer(proxy))

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    for turn in range(6):
        old, new = ("s", "t") if turn % 2 == 0 else ("t", "s")
        text = proxy.path.read_text()
        for number in (1, 2):
            text = text.replace(f'name = "{old}{number}"', f'name = "{new}{number}"')
        assert any("Reloaded" in line for line in reload(proxy, text))
        before = len(answers)
        wait_until(lambda: len(answers) >= before + 8, "everybody has been served again")
    over.set()
    for visitor in visitors:
        visitor.join()
    assert set(answers) == {b"hello"}


def answer(proxy):
    client = proxy.connect()
    try:
        client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        return client.message()[2]
    except (EOFError, ConnectionError):
        return b"broken"
    finally:
        client.close()
