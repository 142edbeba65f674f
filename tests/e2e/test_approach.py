"""How connections get to a server: Unix sockets, source addresses and ports, announced clients, urgent data."""

import contextlib
import os
import socket
import subprocess

import pytest

from loopback import Connection, Origin, Proxy, binary, ok, wait_until
from test_listeners import ANNOUNCED, REQUEST, free_range, v2

TCP = {"frontend": 'mode = "tcp"\nlog_format = "tcp"', "backend": 'mode = "tcp"'}


class UnixOrigin(Origin):
    """An origin at a Unix socket."""

    def __init__(self, path, serve):
        self.path = path
        super().__init__(serve)

    def _accept(self):
        self.listener.close()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(512)
        super()._accept()


@contextlib.contextmanager
def proxied(tmp_path, serve, address=None, **options):
    """A proxy and the one server behind it, at `address` if that is given."""
    origin = Origin(serve) if address is None else UnixOrigin(address.removeprefix("unix:"), serve)
    proxy = Proxy(tmp_path, [origin.port], run=False, **options)
    if address:
        proxy.path.write_text(proxy.path.read_text().replace(f"127.0.0.1:{origin.port}", address))
        wait_until(lambda: os.path.exists(origin.path), "the server's socket")
    proxy.start()
    try:
        yield proxy, origin
    finally:
        proxy.stop()
        origin.close()


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_server_at_a_unix_socket(tmp_path, mode):
    big = bytes(range(256)) * 8192

    def serve(connection, _number):
        while True:
            connection.until(b"\r\n\r\n")
            connection.send(ok(big))

    with proxied(tmp_path, serve, f"unix:{tmp_path}/app.sock", server_extra="check = true",
                 **(TCP if mode == "tcp" else {})) as (proxy, _):
        wait_until(lambda: proxy.get()[0] == "HTTP/1.1 200 OK" if mode == "http" else True, "it is up")
        client = wait_until(lambda: served(proxy), "it is up")
        for _ in range(5):
            client.send(REQUEST)
            line, _fields, body = client.message()
            assert line == "HTTP/1.1 200 OK" and body == big


def served(proxy):
    """A connection on which a request is answered well, once there is one."""
    client = proxy.connect()
    client.send(REQUEST)
    with contextlib.suppress(EOFError, ConnectionError):
        if client.message()[0] == "HTTP/1.1 200 OK":
            return client
    return None


def test_a_unix_server_that_is_not_there_is_503(tmp_path):
    proxy = Proxy(tmp_path, [1], run=False, defaults="retries = 1")
    proxy.path.write_text(proxy.path.read_text().replace('"127.0.0.1:1"', f'"unix:{tmp_path}/none.sock"'))
    proxy.start()
    try:
        assert proxy.get()[0] == "HTTP/1.1 503 Service Unavailable"
        proxy.log.wait_for("SC--")
    finally:
        proxy.stop()


def remembering(peers, respond=lambda: ok()):
    def serve(connection, _number):
        peers.append(connection.socket.getpeername())
        while True:
            connection.message()
            connection.send(respond())

    return serve


def test_a_server_has_its_own_source(tmp_path):
    peers = []
    with proxied(tmp_path, remembering(peers), backend='source = "127.0.0.7"',
                 server_extra='source = "127.0.0.8"') as (proxy, _):
        proxy.get()
    assert [peer[0] for peer in peers] == ["127.0.0.8"]
    peers.clear()
    with proxied(tmp_path, remembering(peers), backend='source = "127.0.0.7"') as (proxy, _):
        proxy.get()
    assert [peer[0] for peer in peers] == ["127.0.0.7"]


def test_a_range_of_source_ports(tmp_path):
    peers, first = [], free_range(4)
    source = f'source = {{ address = "127.0.0.9", ports = "{first}-{first + 3}" }}'
    with proxied(tmp_path, remembering(peers), backend=source) as (proxy, _):
        clients = [proxy.connect() for _ in range(4)]
        for client in clients:  # each holds a connection of its own: they are all under way at once
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx")
        wait_until(lambda: len(peers) == 4, "four connections")
        assert sorted(peers) == [("127.0.0.9", port) for port in range(first, first + 4)]
        # The range is used up: one more waits for nobody.
        assert proxy.get()[0] == "HTTP/1.1 503 Service Unavailable"
        for client in clients:
            client.send(b"y")
            assert client.message()[0] == "HTTP/1.1 200 OK"
        # And one that has come free, even just now, serves again.
        for client in clients:
            client.reset()
        assert wait_until(lambda: proxy.get()[0] == "HTTP/1.1 200 OK", "a port")


@pytest.mark.skipif(os.geteuid() != 0, reason="a namespace of its own needs root")
def test_an_outgoing_interface(tmp_path):
    """By lo there is a way to 127.0.0.1, by v0 there is none."""
    proxy = Proxy(tmp_path, [18080], run=False, defaults='retries = 0')
    script = """ip link set lo up; ip link add v0 type veth peer name v1; ip addr add 10.99.0.1/24 dev v0; ip link set v0 up; ip link set v1 up
/usr/bin/python3 -m http.server --bind 127.0.0.1 18080 -d {folder} >/dev/null 2>&1 & server=$!
for try in $(seq 100); do curl -s -m 5 -o /dev/null http://127.0.0.1:18080/ && break; sleep 0.1; done
{binary} -f {path} & proxy=$!
for try in $(seq 100); do curl -s -m 5 -o /dev/null http://127.0.0.1:{port}/ && break; sleep 0.1; done
curl -s -m 9 -o /dev/null -w '%{{http_code}} ' http://127.0.0.1:{port}/
kill $proxy $server; wait $proxy; echo $?"""
    text = proxy.path.read_text()
    for interface, status in (("lo", "200"), ("v0", "503")):
        proxy.path.write_text(text.replace("[backend.app]", f'[backend.app]\nsource = {{ interface = "{interface}" }}'))
        done = subprocess.run(["unshare", "-n", "bash", "-c", script.format(
            folder=tmp_path, binary=binary("hapair-proxy"), path=proxy.path, port=proxy.port)],
            capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.split() == [status, "0"], (interface, done)
    proxy.log.close()


def announced_to(connection):
    """What the header on a connection says: its bytes."""
    start = connection.exactly(1)
    if start == b"P":
        return start + connection.until(b"\r\n")
    start += connection.exactly(15)
    return start + connection.exactly(int.from_bytes(start[14:16], "big"))


def telling(headers):
    """A server that expects a header on every connection."""

    def serve(connection, _number):
        headers.append((announced_to(connection), connection))
        while True:
            connection.message()
            connection.send(ok())

    return serve


@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("version", ["v1", "v2", "crc"])
def test_a_server_is_told_who_the_client_is(tmp_path, version, mode):
    how = '{ version = "v2", crc32c = true }' if version == "crc" else f'"{version}"'
    headers = []
    options = TCP if mode == "tcp" else {}
    with proxied(tmp_path, telling(headers), server_extra=f"send_proxy = {how}", **options) as (proxy, _):
        client = proxy.connect()
        for _ in range(2):
            client.send(REQUEST)
            assert client.message()[0] == "HTTP/1.1 200 OK"
        source, destination = client.socket.getsockname(), client.socket.getpeername()
        client.close()
        header = headers[0][0]
        if version == "v1":
            assert header == f"PROXY TCP4 127.0.0.1 127.0.0.1 {source[1]} {destination[1]}\r\n".encode()
        elif version == "v2":
            assert header == v2(source, destination)
        else:
            assert header[16:28] == v2(source, destination)[16:] and header[28:31] == b"\x03\0\x04"
            assert int.from_bytes(header[31:], "big") == crc32c(header[:31] + bytes(4))


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


@pytest.mark.parametrize("how", ["v1", "v1-v6", "v2", "v2-v6"])
def test_what_was_announced_to_us_is_passed_on(tmp_path, how):
    headers = []
    with proxied(tmp_path, telling(headers), frontend='accept_proxy = ["127.0.0.1"]',
                 server_extra='send_proxy = "v2"') as (proxy, _):
        client = proxy.connect()
        client.send(ANNOUNCED[how][0] + REQUEST)
        assert client.message()[0] == "HTTP/1.1 200 OK"
    assert headers[0][0] == ANNOUNCED[how.replace("v1", "v2")][0]


def test_connections_of_announced_clients_are_not_shared(tmp_path):
    headers = []
    with proxied(tmp_path, telling(headers), server_extra='send_proxy = "v1"') as (proxy, origin):
        for _ in range(3):
            assert proxy.get()[0] == "HTTP/1.1 200 OK"
        assert origin.accepted == 3
        assert len({header for header, _ in headers}) == 3


def test_a_client_without_an_address_is_announced_as_unknown(tmp_path):
    headers = []
    with proxied(tmp_path, telling(headers), server_extra='send_proxy = "v1"') as (proxy, _):
        proxy.process.terminate()
        proxy.process.wait(10)
        proxy.path.write_text(proxy.path.read_text().replace('bind = ["', f'bind = ["unix:{tmp_path}/web.sock", "'))
        proxy.start()
        client = socket.socket(socket.AF_UNIX)
        client.connect(f"{tmp_path}/web.sock")
        client = Connection(client)
        client.send(REQUEST)
        assert client.message()[0] == "HTTP/1.1 200 OK"
    assert headers[0][0] == b"PROXY UNKNOWN\r\n"


@pytest.mark.parametrize("version, header", [("v1", b"PROXY UNKNOWN\r\n"),
                                             ("v2", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0")])
def test_checks_speak_for_themselves(tmp_path, version, header):
    headers = []
    with proxied(tmp_path, telling(headers), server_extra=f'send_proxy = "{version}"',
                 backend='check = { type = "http", interval = "100ms" }') as (proxy, _):
        wait_until(lambda: header in [told for told, _ in headers], "the check speaks")
        wait_until(lambda: proxy.get()[0] == "HTTP/1.1 200 OK", "the check passes")


@pytest.mark.parametrize("direction", ["from the client", "from the server"])
def test_urgent_data_is_data(tmp_path, direction):
    """A byte sent out of band stands where it was sent, and what follows is not lost."""
    received = []

    def speak(sock):
        sock.send(b"abc")
        sock.send(b"!", socket.MSG_OOB)
        sock.send(b"def")
        sock.shutdown(socket.SHUT_WR)

    def serve(connection, _number):
        if direction == "from the server":
            speak(connection.socket)
        received.append(connection.rest())

    with proxied(tmp_path, serve, **TCP) as (proxy, _):
        client = proxy.connect()
        if direction == "from the server":
            assert client.rest() == b"abc!def"
        else:
            speak(client.socket)
            assert client.rest() == b""
            wait_until(lambda: received == [b"abc!def"], "all of it")
