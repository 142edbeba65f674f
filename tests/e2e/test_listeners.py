"""Where a frontend listens: Unix sockets, ranges, IPv6, inherited descriptors, interfaces; who announces clients."""

import contextlib
import fcntl
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading

import pytest

from loopback import (TIMEOUT, Connection, LogSink, Origin, Proxy, answering, binary, free_port, free_range, ok,
                      wait_until)

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def origin():
    seen = []

    def respond(_line, fields, _body):
        seen.append(fields)
        return ok()

    server = Origin(answering(respond))
    server.seen = seen
    yield server
    server.close()


@pytest.fixture
def listening(tmp_path, origin):
    """Makes a proxy whose frontend binds `binds` (TOML) besides its own port."""
    made = []

    def make(binds, start=True, **options):
        proxy = Proxy(tmp_path, [origin.port], run=False, **options)
        own = f'bind = ["127.0.0.1:{proxy.port}"]'
        proxy.path.write_text(proxy.path.read_text().replace(own, own[:-1] + (f", {binds}]" if binds else "]")))
        made.append(proxy)
        if start:
            proxy.start()
        return proxy

    yield make
    for proxy in made:
        proxy.stop()


def refused(proxy, *wrapper):
    """What a start that must fail says."""
    done = subprocess.run([*wrapper, binary("hapair-proxy"), "-f", str(proxy.path)], capture_output=True,
                          text=True, timeout=20, check=False)
    assert done.returncode == 2, (done.returncode, done.stderr)
    return done.stderr


def curl(*arguments, rc=0):
    done = subprocess.run(["curl", "-s", "-S", "-m", "10", *arguments], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == rc, (done.returncode, done.stderr)
    return done.stdout


def listens(sock):
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


def unix_connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(TIMEOUT)
    sock.connect(str(path))
    return Connection(sock)


def test_a_unix_socket(listening, tmp_path, origin):
    path = tmp_path / "web.sock"
    proxy = listening(f'{{ address = "unix:{path}", mode = "0622", group = "nogroup" }}',
                      frontend='forwarded_for = true')
    for _ in range(10):  # whichever worker wakes
        assert curl("--unix-socket", str(path), "http://web/") == "hello"
    # The client has no address: the log names the listener, and the server is told nothing.
    assert re.search(r": unix:2 \[[^]]+\] http-in app/s1 ", proxy.log.wait_for("unix:"))
    assert "x-forwarded-for" not in origin.seen[0]
    assert path.stat().st_mode & 0o777 == 0o622
    assert path.group() == "nogroup"
    assert proxy.get()[0] == "HTTP/1.1 200 OK"


def test_every_worker_serves_a_unix_socket(listening, tmp_path):
    path = tmp_path / "web.sock"
    proxy = listening(f'"unix:{path}"', workers=3)
    before = proxy.descriptors()
    clients = [unix_connect(path) for _ in range(200)]
    for client in clients:
        client.send(REQUEST)
    for client in clients:
        assert client.message()[0] == "HTTP/1.1 200 OK"
        client.close()
    wait_until(lambda: proxy.descriptors() <= before + 64, "its descriptors are back")  # idle server connections


def test_a_unix_client_that_half_closes_gets_its_answer(listening, tmp_path):
    path = tmp_path / "web.sock"
    listening(f'"unix:{path}"')
    client = unix_connect(path)
    client.send(REQUEST)
    client.socket.shutdown(socket.SHUT_WR)
    assert client.message()[0] == "HTTP/1.1 200 OK"


def test_an_abstract_unix_socket(listening):
    name = f"hapair-test-{os.getpid()}"
    proxy = listening(f'"unix:@{name}"')
    assert curl("--abstract-unix-socket", name, "http://web/") == "hello"
    said = refused_second(proxy)
    assert f"unix:@{name}" in said and f"hapair-proxy (pid {proxy.process.pid})" in said


def refused_second(proxy):
    """What a second daemon says that wants the same listeners, but for the TCP port."""
    other = proxy.path.with_name("second.toml")
    other.write_text(proxy.path.read_text().replace(f"127.0.0.1:{proxy.port}", f"127.0.0.1:{free_port()}"))
    done = subprocess.run([binary("hapair-proxy"), "-f", str(other)], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_a_unix_socket_is_replaced_only_if_nobody_answers(listening, tmp_path):
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    proxy = listening(f'"unix:{path}"')
    assert curl("--unix-socket", str(path), "http://web/") == "hello"
    said = refused_second(proxy)
    assert f"unix:{path}" in said and f"hapair-proxy (pid {proxy.process.pid})" in said
    assert curl("--unix-socket", str(path), "http://web/") == "hello"  # and took nothing from the first


def test_a_unix_path_that_is_no_socket_is_left_alone(listening, tmp_path):
    path = tmp_path / "web.sock"
    path.write_text("precious")
    said = refused(listening(f'"unix:{path}"', start=False))
    assert f"unix:{path}" in said and "no socket" in said
    assert path.read_text() == "precious"
    assert "No such file" in refused(listening(f'"unix:{tmp_path}/none/web.sock"', start=False))
    said = refused(listening(f'{{ address = "unix:{tmp_path}/x.sock", user = "nobody-here" }}', start=False))
    assert 'there is no user "nobody-here"' in said


def test_a_range_of_ports(listening):
    first = free_range(4)
    proxy = listening(f'"127.0.0.1:{first}-{first + 3}"')
    for port in range(first, first + 4):
        assert curl(f"http://127.0.0.1:{port}/") == "hello"
    proxy.stop()
    with socket.create_server(("127.0.0.1", first + 2)):
        said = refused(proxy)
    assert f"127.0.0.1:{first + 2}" in said and f"(pid {os.getpid()})" in said


def test_ipv6(listening):
    only, both = free_port(), free_port()
    proxy = listening(f'"[::1]:{only}", {{ address = "[::]:{both}", v6only = false }}')
    assert curl(f"http://[::1]:{only}/") == "hello"
    assert curl(f"http://127.0.0.1:{only}/", rc=7) == ""
    assert re.search(r": ::1:\d+ \[", proxy.log.wait_for(r": ::1:\d+ \["))
    assert curl(f"http://[::1]:{both}/") == "hello"
    proxy.log.lines.clear()
    assert curl(f"http://127.0.0.1:{both}/") == "hello"
    proxy.log.wait_for(r": 127\.0\.0\.1:\d+ \[")  # not ::ffff:127.0.0.1
    said = refused_second(proxy)
    assert f"hapair-proxy (pid {proxy.process.pid})" in said and f"[::1]:{only}" in said


def test_a_wildcard_and_an_address_share_a_port(listening):
    proxy = listening(None, start=False)
    own = f'bind = ["127.0.0.1:{proxy.port}"]'
    for binds in (f'["*:{proxy.port}", "127.0.0.1:{proxy.port}"]', f'["127.0.0.1:{proxy.port}", "*:{proxy.port}"]'):
        proxy.path.write_text(proxy.path.read_text().replace(own, f"bind = {binds}"))
        own = f"bind = {binds}"
        proxy.start()
        assert curl(f"http://127.0.0.1:{proxy.port}/") == "hello"
        assert curl(f"http://127.0.0.2:{proxy.port}/") == "hello"
        proxy.process.terminate()
        assert proxy.process.wait(TIMEOUT) == 0


@contextlib.contextmanager
def inheriting(proxy, sockets, names=None):
    """A proxy that gets `sockets` from descriptor 3 on, as the service manager passes them."""
    # Out of the way of 3, 4, …, where the shell puts them.
    high = [fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD, 50) for sock in sockets]
    moves = "".join(f"exec {3 + i}<&{fd} {fd}<&-;" for i, fd in enumerate(high))
    environment = f"export LISTEN_PID=$$ LISTEN_FDS={len(sockets)} LISTEN_FDNAMES={':'.join(names)};" if names else ""
    process = subprocess.Popen(["bash", "-c", f"{moves}{environment} exec {binary('hapair-proxy')} -d -f {proxy.path}"],
                               pass_fds=high, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for fd in high:
        os.close(fd)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=TIMEOUT)


def test_an_inherited_descriptor_by_number(listening, tmp_path):
    proxy = listening('"fd@3", "fd@4"', start=False)
    path = tmp_path / "passed.sock"
    with socket.create_server(("127.0.0.1", 0)) as inet, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(path))  # bound, and not listening yet
        port = inet.getsockname()[1]
        with inheriting(proxy, [inet, local]) as process:
            wait_until(lambda: listens(local), "the proxy listens there")
            for _ in range(5):
                assert curl(f"http://127.0.0.1:{port}/") == "hello"
                assert curl("--unix-socket", str(path), "http://web/") == "hello"
            proxy.log.wait_for(r": unix:3 \[")
        assert process.returncode == 0


def test_inherited_descriptors_by_name(listening):
    proxy = listening('"fd@web"', start=False)
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as one, \
            socket.create_server(("127.0.0.1", 0)) as two:
        with inheriting(proxy, [other, one, two], ["other", "web", "web"]):
            for sock in (one, two):
                assert curl(f"http://127.0.0.1:{sock.getsockname()[1]}/") == "hello"
        with inheriting(proxy, [other], ["other"]) as process:
            assert process.wait(TIMEOUT) == 2
            assert "fd@web" in process.stderr.read()


def test_a_descriptor_that_is_not_there_is_named(listening):
    assert "cannot listen on fd@7: there is no such descriptor" in refused(listening('"fd@7"', start=False))
    proxy = listening('"fd@3"', start=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, inheriting(proxy, [datagrams]) as process:
        assert process.wait(TIMEOUT) == 2
        assert "descriptor 3 is no stream socket" in process.stderr.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="a namespace of its own needs root")
def test_an_interface(listening, origin):
    """In a network namespace: what comes in by lo reaches the listener on lo, not the one on d0."""
    lo, d0 = free_port(), free_port()
    proxy = listening(f'{{ address = "*:{lo}", interface = "lo" }}, {{ address = "*:{d0}", interface = "d0" }}', start=False)
    script = f"""ip link set lo up; ip link add d0 type veth peer name d1; ip link set d1 up; ip addr add 10.99.0.1/24 dev d0; ip link set d0 up
{binary('hapair-proxy')} -f {proxy.path} & pid=$!
for try in $(seq 100); do curl -s -m 20 -o /dev/null http://10.99.0.1:{d0}/ && break; sleep 0.1; done
curl -s -m 20 -o /dev/null -w '%{{http_code}} ' http://127.0.0.1:{lo}/
curl -s -m 20 -o /dev/null -w '%{{http_code}} ' http://10.99.0.1:{d0}/
curl -s -m 20 -o /dev/null -w '%{{http_code}} ' http://127.0.0.1:{d0}/
kill $pid; wait $pid; echo $?"""
    done = subprocess.run(["unshare", "-n", "bash", "-c", script], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.stdout.split() == ["503", "503", "000", "0"], done  # 503: the server is elsewhere
    proxy.path.write_text(proxy.path.read_text().replace('"d0"', '"nosuch0"'))
    said = refused(proxy)
    assert f"0.0.0.0:{d0} at interface nosuch0: No such device" in said


def test_fast_open_and_deferred_connections(listening):
    port = free_port()
    proxy = listening(f'{{ address = "127.0.0.1:{port}", defer_accept = true, tfo = true, backlog = 16 }}')
    assert curl(f"http://127.0.0.1:{port}/") == "hello"
    assert curl("--tcp-fastopen", f"http://127.0.0.1:{port}/") == "hello"
    silent = socket.create_connection(("127.0.0.1", port))
    table = pathlib.Path(f"/proc/{proxy.process.pid}/net/tcp").read_text()
    assert f":{port:04X} " in table
    # Nobody has accepted it: it has sent nothing.
    assert len([line for line in proxy.log.lines if "BADREQ" in line]) == 0
    silent.close()


# Who announces clients.

def v2(source, destination, command=0x21, extra=b""):
    family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    body = (socket.inet_pton(family, source[0]) + socket.inet_pton(family, destination[0])
            + struct.pack(">HH", source[1], destination[1]) + extra)
    return SIGNATURE + bytes([command, 0x21 if family == socket.AF_INET6 else 0x11]) + struct.pack(">H", len(body)) + body


ANNOUNCED = {
    "v1": (b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 80\r\n", "203.0.113.9", "203.0.113.9:4711"),
    "v1-v6": (b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 80\r\n", "2001:db8::9", "2001:db8::9:4711"),
    "v2": (v2(("203.0.113.9", 4711), ("198.51.100.1", 80)), "203.0.113.9", "203.0.113.9:4711"),
    "v2-v6": (v2(("2001:db8::9", 4711), ("2001:db8::1", 80)), "2001:db8::9", "2001:db8::9:4711"),
    "v2-extensions": (v2(("203.0.113.9", 4711), ("198.51.100.1", 80), extra=b"\x01\0\x02h2\xe0\0\0"), "203.0.113.9",
                      "203.0.113.9:4711"),
    "unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1", r"127\.0\.0\.1:\d+"),
    "local": (v2(("203.0.113.9", 4711), ("198.51.100.1", 80), command=0x20), "127.0.0.1", r"127\.0\.0\.1:\d+"),
    "a Unix socket": (v2(("203.0.113.9", 4711), ("198.51.100.1", 80))[:13] + b"\x31\0\xd8" + b"x" * 216,
                      "127.0.0.1", r"127\.0\.0\.1:\d+"),
    "IPv4 as IPv6": (b"PROXY TCP6 ::ffff:203.0.113.9 ::1 4711 80\r\n", "203.0.113.9", r"203\.0\.113\.9:4711"),
}


@pytest.mark.parametrize("how", ANNOUNCED)
@pytest.mark.parametrize("pieces", ["whole", "bytes"])
def test_the_client_is_the_one_announced(listening, origin, how, pieces):
    header, address, logged = ANNOUNCED[how]
    proxy = listening(None, frontend='accept_proxy = ["127.0.0.0/8"]\nforwarded_for = true')
    client = proxy.connect()
    if pieces == "whole":
        client.send(header + REQUEST)
    else:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in header:
            client.send(bytes([byte]))
        client.send(REQUEST)
    assert client.message()[0] == "HTTP/1.1 200 OK"
    client.send(REQUEST)  # and so it stays
    assert client.message()[0] == "HTTP/1.1 200 OK"
    assert [fields["x-forwarded-for"] for fields in origin.seen] == [[address]] * 2
    proxy.log.wait_for(rf": {logged} \[[^]]+\] http-in app/s1 ")


def test_curl_announces_itself(listening, origin):
    proxy = listening(None, frontend='accept_proxy = "127.0.0.1"\nforwarded_for = true')
    assert curl("--haproxy-protocol", f"http://127.0.0.1:{proxy.port}/") == "hello"
    assert origin.seen[0]["x-forwarded-for"] == ["127.0.0.1"]


def test_a_source_hash_follows_the_announced_address(tmp_path):
    origins = [Origin(answering(lambda *_, name=name: ok(name))) for name in (b"a", b"b", b"c")]
    proxy = Proxy(tmp_path, [origin.port for origin in origins], frontend='accept_proxy = ["127.0.0.1"]', balance='"source"')
    try:
        def served(address):
            client = proxy.connect()
            client.send(b"PROXY TCP4 %s 10.0.0.1 1 2\r\n" % address.encode() + REQUEST)
            body = client.message()[2]
            client.close()
            return body

        homes = {address: served(address) for address in (f"203.0.113.{i}" for i in range(20))}
        assert len(set(homes.values())) == 3
        assert all(served(address) == home for address, home in homes.items())
    finally:
        proxy.stop()
        for origin in origins:
            origin.close()


def ends_unanswered(client):
    try:
        return client.rest() == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("first, said", [
    (REQUEST, "the connection does not begin with a PROXY header"),
    (b"PROXY TCP4 203.0.113.9 198.51.100.1 4711\r\n", "the PROXY line is not as version 1 has it"),
    (b"PROXY TCP4 203.0.113.9 ::1 4711 80\r\n", "the PROXY line has a bad address or port"),
    (b"PROXY UNKNOWN " + b"x" * 100, "the PROXY header is too long"),
    (SIGNATURE + b"\x31\x11\0\0", "the PROXY header has an unknown version or command"),
    (v2(("203.0.113.9", 4711), ("198.51.100.1", 80), extra=b"\x03\0\x04\0\0\0\0"), "the PROXY header's checksum is wrong"),
])
def test_no_header_or_a_wrong_one_is_refused(listening, origin, first, said):
    proxy = listening(None, frontend='accept_proxy = ["127.0.0.1"]')
    client = proxy.connect()
    client.send(first)
    assert ends_unanswered(client)
    assert re.search(r"<134>.*: 127\.0\.0\.1:\d+ \[[^]]+\] http-in/1: " + said, proxy.log.wait_for(said))
    assert origin.accepted == 0


def test_a_refusal_goes_where_the_frontends_lines_go_in_haproxys_form(listening, tmp_path):
    sink = LogSink()
    proxy = listening(None, frontend=f"""accept_proxy = ["127.0.0.1"]
log_format = "json"
log_separate_errors = true
log = {{ target = "udp:127.0.0.1:{sink.port}", facility = "local0" }}""")
    client = proxy.connect()
    client.send(REQUEST)
    assert ends_unanswered(client)
    assert re.search(r"<131>.*: 127\.0\.0\.1:\d+ \[[^]]+\] http-in/1: the connection does not begin with a PROXY header$",
                     sink.wait_for("PROXY header"))
    assert not any("PROXY header" in line for line in proxy.log.lines)


def test_a_header_that_ends_or_stalls_is_refused(listening):
    proxy = listening(None, frontend='accept_proxy = ["127.0.0.1"]\n'
                                     'timeout = { client = "5s", http_request = "2s" }')
    client = proxy.connect()
    client.send(b"PROXY TCP4 203")
    client.socket.shutdown(socket.SHUT_WR)
    assert ends_unanswered(client)
    proxy.log.wait_for("http-in/1: the connection ended within its PROXY header")
    client = proxy.connect()
    client.send(SIGNATURE)
    assert ends_unanswered(client)
    proxy.log.wait_for("http-in/1: no PROXY header in time")
    # A connection without a byte is a balancer's probe: log_null = false leaves it out.
    before = len(proxy.log.lines)
    proxy.connect().close()
    assert curl("--haproxy-protocol", f"http://127.0.0.1:{proxy.port}/") == "hello"
    proxy.log.wait_for("GET / HTTP")
    assert len(proxy.log.lines) == before + 1


def test_only_trusted_networks_announce(listening, origin, tmp_path):
    path, open_port = tmp_path / "web.sock", free_port()
    proxy = listening(f'"unix:{path}", {{ address = "127.0.0.1:{open_port}", accept_proxy = false }}',
                      frontend='accept_proxy = ["127.0.0.2", "10.0.0.0/8"]\nforwarded_for = true')
    with contextlib.suppress(ConnectionError):  # it may come to an end before it is known here
        stranger = proxy.connect()
        stranger.send(ANNOUNCED["v1"][0] + REQUEST)
        assert ends_unanswered(stranger)
    proxy.log.wait_for(r": 127\.0\.0\.1:\d+ \[[^]]+\] http-in/1: a PROXY header from a network that is not trusted")
    trusted = proxy.connect(source="127.0.0.2")
    trusted.send(ANNOUNCED["v1"][0] + REQUEST)
    assert trusted.message()[0] == "HTTP/1.1 200 OK"
    # Who may open a Unix socket is trusted by its mode.
    local = unix_connect(path)
    local.send(ANNOUNCED["v2"][0] + REQUEST)
    assert local.message()[0] == "HTTP/1.1 200 OK"
    assert [fields["x-forwarded-for"] for fields in origin.seen] == [["203.0.113.9"]] * 2
    assert curl(f"http://127.0.0.1:{open_port}/") == "hello"  # a listener that says otherwise


def test_tcp_mode_takes_announcements_too(tmp_path):
    origin = Origin(lambda connection, _: connection.send(connection.rest()[::-1]))
    proxy = Proxy(tmp_path, [origin.port], frontend='mode = "tcp"\nlog_format = "tcp"\naccept_proxy = ["127.0.0.1"]',
                  backend='mode = "tcp"')
    try:
        client = proxy.connect()
        client.send(ANNOUNCED["v2"][0] + b"abc")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == b"cba"
        proxy.log.wait_for(r": 203\.0\.113\.9:4711 \[[^]]+\] http-in app/s1 ")
    finally:
        proxy.stop()
        origin.close()


def test_announcing_connections_leave_nothing_behind(listening):
    proxy = listening(None, frontend='accept_proxy = ["127.0.0.1"]')
    heads = [header for header, _, _ in ANNOUNCED.values()]

    def visit(number):
        client = proxy.connect()
        with contextlib.suppress(ConnectionError):
            header = heads[number % len(heads)]
            client.send(header[:number % (len(header) + 1)])
        client.close() if number % 2 else client.reset()

    for number in range(100):
        visit(number)
    settled = proxy.descriptors()

    threads = [threading.Thread(target=lambda part: [visit(n) for n in range(part, 2000, 4)], args=(part,))
               for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: proxy.descriptors() <= settled, "its descriptors are back")
