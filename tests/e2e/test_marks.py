"""What goes on at a server that goes down, or at a backup when the servers are back."""

import contextlib
import socket
import threading

import pytest

from loopback import TIMEOUT, Connection, Origin, free_port, ok, wait_until
from test_control import farm_of

DOWN = 'on_marked_down = "shutdown-sessions"'


class Slow:
    """Answers what it is asked for: nothing at all, or half of it; the rest when the gate opens."""

    def __init__(self):
        self.gate = threading.Event()
        self.asked = []  # until then a request may still be connecting, and go elsewhere

    def __call__(self, connection, _number):
        while True:
            head = connection.until(b"\r\n\r\n")  # not the content: that of an upload is still to come
            self.asked.append(head)
            if b"/silent" in head:
                self.gate.wait(TIMEOUT)
            elif b"/half" in head:
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
                self.gate.wait(TIMEOUT)
                return
            connection.send(ok())


def ask(farm, path, method="GET", body=b"", length=0):
    client = farm.proxy.connect()
    client.send(f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode() + body)
    return client


def ended(client):
    """What came before the end, however it ended."""
    pieces = [client.buffer]
    with contextlib.suppress(ConnectionResetError):
        while piece := client.socket.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


@contextlib.contextmanager
def busy(tmp_path, **options):
    """A farm whose first server, alone in use, has a silent request, half an answer and an upload."""
    slow = Slow()
    with farm_of(tmp_path, slow, **options) as farm:
        farm.ask("set server app/s2 state maint")
        silent, half = ask(farm, "/silent"), ask(farm, "/half")
        upload = ask(farm, "/silent", "POST", b"abc", 100)
        half.until(b"hello")
        wait_until(lambda: len(slow.asked) == 3, "all three are at the server")
        assert farm.rows()["app", "s1"]["scur"] == "3"
        yield farm, silent, half, upload
        slow.gate.set()


@pytest.mark.parametrize("command", ["set server app/s1 health down", "set server app/s1 state maint"])
def test_whoever_is_at_a_server_that_goes_down_is_told_at_once(tmp_path, command):
    with busy(tmp_path, server_extra=DOWN) as (farm, silent, half, upload):
        idle = farm.proxy.connect()
        farm.ask("set server app/s2 state ready")
        idle.send(b"GET /quick HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.message()[2] == b"hello"
        farm.ask(command)
        assert silent.message()[0] == "HTTP/1.1 502 Bad Gateway"
        assert ended(half) == b""
        assert upload.message()[0] == "HTTP/1.1 502 Bad Gateway"
        log = farm.proxy.log
        log.wait_for(r'app/s1 \d+/\d+/\d+/-1/\d+ 502 \d+ - - DH-- .* "GET /silent')
        log.wait_for(r'app/s1 \d+/\d+/\d+/\d+/\d+ 200 \d+ - - DD-- .* "GET /half')
        log.wait_for(r'app/s1 \d+/\d+/\d+/-1/\d+ 502 \d+ - - DD-- .* "POST /silent')
        row = farm.rows()["app", "s1"]
        assert (row["scur"], row["eresp"], row["srv_abrt"]) == ("0", "2", "1")
        # Who waits for nothing of it goes on.
        idle.send(b"GET /quick HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.message()[2] == b"hello"


def test_unless_asked_sessions_end_in_peace(tmp_path):
    slow = Slow()
    with farm_of(tmp_path, slow) as farm:
        farm.ask("set server app/s2 state maint")
        silent = ask(farm, "/silent")
        wait_until(lambda: slow.asked, "it is at the server")
        farm.ask("set server app/s1 health down")
        slow.gate.set()
        assert silent.message()[2] == b"hello"


def test_a_request_that_is_still_connecting_goes_to_another_server(tmp_path):
    """The first server's queue is full, so it does not answer and does not refuse."""
    deaf = socket.socket()
    deaf.bind(("127.0.0.1", 0))
    deaf.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(deaf.getsockname())
        fillers.append(filler)
    with farm_of(tmp_path, server_extra=DOWN, backend='timeout = { connect = "60s" }') as farm:
        farm.ask(f"set server app/s1 addr 127.0.0.1 port {deaf.getsockname()[1]}")
        client = ask(farm, "/")
        wait_until(lambda: farm.rows()["app", "s1"]["scur"] == "1", "it is being connected")
        farm.ask("set server app/s1 state maint")
        assert client.message()[2] == b"hello"
        farm.proxy.log.wait_for(r'app/s2 \S+ 200 \d+ - - ---- \d+/\d+/\d+/\d+/\+1 .*"GET / ')
    for filler in fillers:
        filler.close()
    deaf.close()


def test_tcp_connections_end_too_and_by_tracking(tmp_path):
    echoes = Origin(lambda connection, _number: [connection.send(connection.fill()) for _ in range(9)])
    port = free_port()
    section = (f'\n[listen.tcp]\nmode = "tcp"\nlog_format = "tcp"\nbind = "127.0.0.1:{port}"\n{DOWN}\n'
               f'[[listen.tcp.server]]\nname = "t1"\naddress = "127.0.0.1:{echoes.port}"\ntrack = "app/s1"\n')
    with farm_of(tmp_path, server_extra=lambda number: "check = true" + (section if number == 2 else "")) as farm:
        wait_until(lambda: farm.rows()["tcp", "t1"]["status"] == "UP", "it follows")
        client = Connection(socket.create_connection(("127.0.0.1", port), TIMEOUT))
        client.send(b"hello")
        assert client.exactly(5) == b"hello"
        farm.ask("set server app/s1 health down")
        assert ended(client) == b""
        line = farm.proxy.log.wait_for(r" tcp tcp/t1 ")
        assert " 5 DD " in line, line
    echoes.close()


def test_backups_are_left_when_a_server_is_back(tmp_path):
    slow = Slow()

    def role(number):
        return "backup = true" if number == 2 else 'on_marked_up = "shutdown-backup-sessions"'

    with farm_of(tmp_path, slow, server_extra=role) as farm:
        farm.ask("set server app/s1 state maint")
        silent, half = ask(farm, "/silent"), ask(farm, "/half")
        half.until(b"hello")
        wait_until(lambda: len(slow.asked) == 2, "both are at the backup")
        assert farm.rows()["app", "s2"]["scur"] == "2"
        farm.ask("set server app/s1 weight 0")
        farm.ask("set server app/s1 state ready")
        farm.ask("set server app/s1 state maint")
        assert farm.rows()["app", "s2"]["scur"] == "2", "one that takes nothing new replaces nobody"
        farm.ask("set server app/s1 weight 1")
        farm.ask("set server app/s1 state ready")
        assert silent.message()[0] == "HTTP/1.1 502 Bad Gateway"
        assert ended(half) == b""
        farm.proxy.log.wait_for(r'app/s2 \S+ 502 \d+ - - UH-- .* "GET /silent')
        farm.proxy.log.wait_for(r'app/s2 \S+ 200 \d+ - - UD-- .* "GET /half')
        slow.gate.set()
