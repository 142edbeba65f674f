"""TCP mode: bytes both ways, ends, resets, the log line."""

import contextlib
import re
import threading

import pytest

from loopback import TIMEOUT, Origin, Proxy, free_port, wait_until

TCP = {"defaults": "", "frontend": 'mode = "tcp"\nlog_format = "tcp"', "backend": 'mode = "tcp"'}
LINE = re.compile(
    r"<134>\w{3} [ \d]\d \d\d:\d\d:\d\d hapair-proxy\[\d+\]: 127\.0\.0\.1:\d+ "
    r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] http-in app/(?P<server>\S+) "
    r"-?\d+/-?\d+/\d+ (?P<bytes>\d+) (?P<state>\S\S) \d+/\d+/\d+/\d+/\+?\d+ \d+/\d+$")


@pytest.fixture
def relay(tmp_path):
    made = []

    def make(serve, **options):
        origin = Origin(serve)
        proxy = Proxy(tmp_path, [origin.port], **(TCP | options))
        made.append((proxy, origin))
        return proxy, origin

    yield make
    for proxy, origin in made:
        proxy.stop()
        origin.close()


def test_an_echo_with_half_closed_ends(relay):
    def serve(connection, _number):
        data = connection.rest()  # until the client's end
        connection.send(data[::-1])

    proxy, _ = relay(serve)
    client = proxy.connect()
    client.send(b"abcdef")
    client.socket.shutdown(1)
    assert client.rest() == b"fedcba"
    found = LINE.match(proxy.log.wait_for("app/s1"))
    assert (found["bytes"], found["state"]) == ("6", "--")


def test_a_client_that_has_said_all_waits_in_the_queue(relay):
    held, release = threading.Event(), threading.Event()

    def serve(connection, number):
        if number == 1:
            held.set()
            release.wait(TIMEOUT)
        connection.send(connection.rest()[::-1])

    proxy, origin = relay(serve, server_extra="maxconn = 1")
    clients = []
    for _ in range(2):
        clients.append(proxy.connect())
        clients[-1].send(b"abc")
        clients[-1].socket.shutdown(1)
        assert held.wait(TIMEOUT)  # the slot is the first one's
    proxy.connect().close()  # without a word: there is nothing to wait for
    assert LINE.match(proxy.log.wait_for("app/<NOSRV>"))["state"] == "CQ"
    release.set()
    assert [client.rest() for client in clients] == [b"cba"] * 2
    wait_until(lambda: sum("app/s1" in line for line in proxy.log.lines) == 2, "two lines")
    assert {LINE.match(line)["state"] for line in proxy.log.lines if "app/s1" in line} == {"--"}
    assert origin.accepted == 2


def test_a_server_that_speaks_first(relay):
    proxy, _ = relay(lambda connection, _: connection.send(b"220 ready\r\n"))
    assert proxy.connect().rest() == b"220 ready\r\n"


@pytest.mark.parametrize("direction", ["down", "up"])
def test_bulk_arrives_whole(relay, direction):
    content = bytes(range(256)) * 80_000  # 20 MB: copied first, then spliced
    received = []

    def serve(connection, _number):
        if direction == "down":
            connection.send(content)
        else:
            received.append(connection.rest())
            connection.send(b"done")

    proxy, _ = relay(serve)
    client = proxy.connect()
    if direction == "down":
        assert client.rest() == content
    else:
        client.send(content)
        client.socket.shutdown(1)
        assert client.rest() == b"done"
        assert received == [content]


def test_both_directions_at_once(relay):
    content = bytes(range(256)) * 20_000

    def serve(connection, _number):
        sender = threading.Thread(target=connection.send, args=(content,))
        sender.start()
        assert connection.exactly(len(content)) == content
        sender.join()

    proxy, _ = relay(serve)
    client = proxy.connect()
    sender = threading.Thread(target=client.send, args=(content,))
    sender.start()
    assert client.exactly(len(content)) == content
    sender.join()


def test_a_reset_is_passed_on(relay):
    def serve(connection, _number):
        connection.exactly(1)
        connection.reset()

    proxy, _ = relay(serve)
    client = proxy.connect()
    client.send(b"x")
    with pytest.raises(ConnectionResetError):
        client.rest()
    assert LINE.match(proxy.log.wait_for("app/s1"))["state"] == "SD"


def test_a_client_that_vanishes_frees_the_server(relay):
    here, gone = threading.Event(), threading.Event()

    def serve(connection, _number):
        connection.exactly(1)
        here.set()
        try:
            connection.rest()
        except ConnectionResetError:
            pass
        gone.set()

    proxy, _ = relay(serve)
    client = proxy.connect()
    client.send(b"x")
    assert here.wait(TIMEOUT)
    client.reset()
    assert gone.wait(TIMEOUT)
    assert LINE.match(proxy.log.wait_for("app/s1"))["state"] == "CD"


def test_no_server_ends_the_connection(tmp_path):
    proxy = Proxy(tmp_path, [free_port()], **(TCP | {"defaults": "retries = 0"}))
    try:
        assert proxy.connect().rest() == b""
        assert LINE.match(proxy.log.wait_for("app/s1"))["state"] == "SC"
    finally:
        proxy.stop()


def test_a_limit_counts_connections(relay):
    release = threading.Event()

    def serve(connection, _number):
        connection.send(b"hello")
        release.wait(TIMEOUT)

    proxy, origin = relay(serve, server_extra="maxconn = 1")
    first = proxy.connect()
    assert first.exactly(5) == b"hello"
    leaver = proxy.connect()
    wait_until(lambda: proxy.has_accepted(leaver), "it is here")
    leaver.reset()
    assert re.search(r" app/<NOSRV> \d+/-1/\d+ 0 CQ ", proxy.log.wait_for("<NOSRV>")), "how long it waited is known"
    second = proxy.connect()  # not before: another worker might be quicker with it
    assert origin.accepted == 1
    second.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        second.fill()
    second.socket.settimeout(TIMEOUT)
    release.set()
    first.close()
    assert second.exactly(5) == b"hello"
