"""What one request and its response go through, with clients and servers that follow a script."""

import contextlib
import fcntl
import hashlib
import re
import socket
import struct
import termios
import threading
import time

import pytest

from loopback import TIMEOUT, Origin, Proxy, answering, free_port, ok, proxy_and_origin, wait_until

LINE = re.compile(
    r"<134>\w{3} [ \d]\d \d\d:\d\d:\d\d hapair-proxy\[\d+\]: 127\.0\.0\.1:\d+ "
    r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] http-in app/(?P<server>\S+) "
    r"(?P<times>-?\d+/-?\d+/-?\d+/-?\d+/\+?\d+) (?P<status>-?\d+) (?P<bytes>\d+) - - "
    r"(?P<state>\S{4}) \d+/\d+/\d+/\d+/(?P<retries>\+?\d+) (?P<queues>\d+/\d+) \"(?P<request>.*)\"$")


def logged(proxy, request):
    return LINE.match(proxy.log.wait_for(re.escape(request)))


def test_keep_alive_on_both_sides(tmp_path):
    with proxy_and_origin(tmp_path, answering(), workers=1) as (proxy, origin):
        client = proxy.connect()
        for _ in range(10):
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            line, fields, body = client.message()
            assert (line, body) == ("HTTP/1.1 200 OK", b"hello")
            assert "connection" not in fields
        assert origin.accepted == 1


def test_the_log_line_is_haproxys_and_its_bytes_are_exact(tmp_path):
    with proxy_and_origin(tmp_path, answering()) as (proxy, _):
        client = proxy.connect()
        client.send(b"GET /a?b=c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = client.rest()
        found = logged(proxy, "/a?b=c")
        assert found["server"] == "s1"
        assert int(found["bytes"]) == len(received)
        assert (found["status"], found["state"]) == ("200", "----")
        assert found["request"] == "GET /a?b=c HTTP/1.1"


def test_a_client_cannot_forge_a_log_line(tmp_path):
    with proxy_and_origin(tmp_path, answering()) as (proxy, _):
        proxy.get('/"x"')
        assert 'GET /#22x#22 HTTP/1.1"' in proxy.log.wait_for("GET /")


def test_pipelined_requests_are_answered_in_order(tmp_path):
    def echo(line, _fields, body):
        return ok(line.split()[1].encode() + body)

    with proxy_and_origin(tmp_path, answering(echo)) as (proxy, _):
        client = proxy.connect()
        client.send(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                    b"POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                    b"PUT /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
                    b"GET /haproxy-no HTTP/1.1\r\nHost: a\r\n\r\n" * 1)
        assert [client.message()[2] for _ in range(4)] == [
            b"/1", b"/2abc", b"/3def", b"/haproxy-no"]


def test_a_request_in_single_bytes(tmp_path):
    with proxy_and_origin(tmp_path, answering(lambda l, f, b: ok(b))) as (proxy, _):
        client = proxy.connect()
        for byte in b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxyGET / HTTP/1.1":
            client.send(bytes([byte]))
        assert client.message()[2] == b"xy"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_bodies_arrive_whole_both_ways(tmp_path, framing):
    content = bytes(range(256)) * 20000  # 5 MB

    def mirror(_line, fields, body):
        if body and framing == "chunked":
            assert fields["transfer-encoding"] == ["chunked"]
        pieces = [body[i:i + 70001] for i in range(0, len(body), 70001)]
        if framing == "length":
            return ok(body)
        return (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + b"".join(b"%x;x=y\r\n%b\r\n" % (len(p), p) for p in pieces)
                + b"0\r\nTrailer: dropped\r\n\r\n")

    with proxy_and_origin(tmp_path, answering(mirror)) as (proxy, _):
        client = proxy.connect()
        if framing == "length":
            head = b"Content-Length: %d\r\n\r\n" % len(content)
            body = content
        else:
            head = b"Transfer-Encoding: chunked\r\n\r\n"
            body = b"".join(b"%x\r\n%b\r\n" % (len(content[i:i + 9973]), content[i:i + 9973])
                            for i in range(0, len(content), 9973)) + b"0\r\n\r\n"
        sender = threading.Thread(
            target=lambda: client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + head + body))
        sender.start()
        received = client.message()[2]
        sender.join()
        assert hashlib.sha256(received).digest() == hashlib.sha256(content).digest()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")  # and the connection goes on
        assert client.message()[0] == "HTTP/1.1 200 OK"


def test_responses_without_a_body(tmp_path):
    def respond(line, _fields, _body):
        method, path, _ = line.split()
        if method == "HEAD":
            return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        if path == "/chunked-head":
            return b""
        return f"HTTP/1.1 {path[1:]} X\r\nETag: x\r\n\r\n".encode()

    with proxy_and_origin(tmp_path, answering(respond), workers=1) as (proxy, origin):
        client = proxy.connect()
        client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.message(body_expected=False)[1]["content-length"] == ["1000"]
        for status in (204, 304):
            client.send(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % status)
            line, fields, _ = client.message(body_expected=False)
            assert line == f"HTTP/1.1 {status} X"
            assert "connection" not in fields
        assert origin.accepted == 1


def test_expect_continue_and_early_hints_are_passed_on(tmp_path):
    def serve(connection, _number):
        head = connection.until(b"\r\n\r\n")
        assert b"Expect: 100-continue" in head
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.exactly(4) == b"body"
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok(b"done"))
        connection.rest()

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        client = proxy.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 Continue\r\n")
        client.send(b"body")
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        assert client.message()[2] == b"done"


def test_a_client_that_waits_for_continue_owes_nothing(tmp_path):
    """It is the server that is slow then; once the client was told to go on, it is the client."""
    def serve(connection, _number):
        if b"POST /told" in connection.until(b"\r\n\r\n"):
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.rest()

    with proxy_and_origin(tmp_path, serve, frontend='timeout = { client = "200ms" }',
                          backend='timeout = { server = "2s" }') as (proxy, _):
        for path, expected in (("/untold", ("504", "sH--")), ("/told", ("408", "cD--"))):
            client = proxy.connect()
            client.send(b"POST %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
                        % path.encode())
            found = logged(proxy, f"POST {path} ")
            assert (found["status"], found["state"]) == expected


def test_interim_responses_are_not_for_http_1_0(tmp_path):
    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + ok())
        connection.rest()

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        client = proxy.connect()
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        line, fields, body = client.message()
        assert (line, fields["connection"], body) == ("HTTP/1.1 200 OK", ["close"], b"hello")


def test_an_upgrade_becomes_a_tunnel(tmp_path):
    def serve(connection, _number):
        head = connection.until(b"\r\n\r\n")
        assert b"Upgrade: echo" in head and b"connection: upgrade" in head
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n"
                        b"Connection: Upgrade\r\n\r\nhi")
        while data := connection.buffer or connection.fill():
            connection.buffer = b""
            connection.send(data.upper())
        connection.send(b"BYE")

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        client = proxy.connect()
        client.send(b"GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nahead")
        head = client.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ") and b"Upgrade: echo" in head
        assert client.exactly(7) == b"hiAHEAD"
        client.send(b"x" * 100_000)
        assert client.exactly(100_000) == b"X" * 100_000
        client.socket.shutdown(1)  # half-closed: the server still has something to say
        assert client.rest() == b"BYE"
        assert logged(proxy, "/up")["status"] == "101"


def test_a_body_that_ends_with_the_connection(tmp_path):
    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 300_000)

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        line, fields, body = proxy.get()
        assert fields["connection"] == ["close"]
        assert body == b"z" * 300_000


def test_a_chunked_body_for_an_http_1_0_client(tmp_path):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with proxy_and_origin(tmp_path, answering(lambda *_: chunked)) as (proxy, _):
        client = proxy.connect()
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        line, fields, body = client.message()
        assert "transfer-encoding" not in fields and body == b"abc"


BAD_REQUESTS = {
    "bare line feed": b"GET / HTTP/1.1\nHost: a\n\n",
    "no version": b"GET /\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in disguise": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "folded": b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
    "null byte": b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "head too large": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    "bad chunk at once": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


def test_a_bad_request_gets_400_and_no_byte_of_it_reaches_a_server(tmp_path):
    seen = []

    def serve(connection, _number):
        seen.append(connection.fill())

    with proxy_and_origin(tmp_path, serve) as (proxy, origin):
        for name, data in BAD_REQUESTS.items():
            client = proxy.connect()
            client.send(data)
            answer = client.rest()
            assert answer == (
                b"HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\n"
                b"Connection: close\r\nContent-Type: text/html\r\n\r\n"
                b"<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n"
                b"</body></html>\n"), name
        wait_until(lambda: len(proxy.log.lines) >= len(BAD_REQUESTS), "a log line each")
        assert all(" 400 " in line and " PR-- " in line for line in proxy.log.lines)
        assert seen == [] and origin.accepted == 0


def test_a_bad_chunk_later_ends_the_exchange(tmp_path):
    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.rest()

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        client = proxy.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        client.send(b"nonsense\r\n")
        assert client.message()[0] == "HTTP/1.1 400 Bad request"


@pytest.mark.parametrize("answer, state", [
    (b"nonsense\r\n\r\n", "PH--"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "PH--"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", "PH--"),
    (b"HTTP/1.1 200 OK\r\nContent-Le", "SH--"),
    (b"", "SH--"),
])
def test_a_bad_response_becomes_502(tmp_path, answer, state):
    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.send(answer)

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        assert proxy.get("/bad")[0] == "HTTP/1.1 502 Bad Gateway"
        found = logged(proxy, "/bad")
        assert (found["status"], found["state"]) == ("502", state)


def test_a_response_that_breaks_off_is_seen_to_break_off(tmp_path):
    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        with pytest.raises(EOFError, match="3 of 10"):
            proxy.get("/broken")
        assert logged(proxy, "/broken")["state"] == "SD--"


@pytest.mark.parametrize("rest, state", [(b"", "SD--"), (b"zz\r\n", "PD--")])
def test_a_response_that_only_the_close_ends_breaks_off_with_a_reset(tmp_path, rest, state):
    """The server's chunks are taken off for a client of HTTP/1.0."""
    heard = threading.Event()

    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        heard.wait(TIMEOUT)
        connection.send(rest)

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        client = proxy.connect()
        client.send(b"GET /broken HTTP/1.0\r\n\r\n")
        client.until(b"hello")
        heard.set()
        with pytest.raises(ConnectionResetError):
            client.rest()
        assert logged(proxy, "/broken")["state"] == state


@pytest.mark.parametrize("late", ["before the answer", "behind it"])
@pytest.mark.parametrize("head, more", [
    (b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", b"\r\n"),
    (b"GET / HTTP/1.0\r\n\r\n", b"GET /more HTTP/1.0\r\n\r\n"),
])
def test_who_said_too_much_still_gets_the_whole_answer(tmp_path, head, more, late):
    """Bytes behind the last request, which nobody reads, must not make a reset of the connection's end. What the client
    has no room for waits in the kernel of the proxy, where a reset would destroy it."""
    body = bytes(1_000_000)
    arrived, said = threading.Event(), threading.Event()

    def serve(connection, _number):
        connection.message()
        arrived.set()
        said.wait(TIMEOUT)
        connection.send(ok(body))

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        client = proxy.connect()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(head)
        assert arrived.wait(TIMEOUT)
        if late == "before the answer":
            client.send(more)
        said.set()
        wait_until(lambda: proxy.log.lines, "the proxy thinks that it is done")
        if late == "behind it":
            client.send(more)
        received = struct.unpack("i", fcntl.ioctl(client.socket, termios.FIONREAD, bytes(4)))[0]
        assert received < len(body) / 2
        assert len(client.rest()) > len(body)


def test_bytes_after_a_response_belong_to_nobody(tmp_path):
    with proxy_and_origin(tmp_path, answering(lambda *_: ok(b"x") + ok(b"forged"))) as (proxy, origin):
        client = proxy.connect()
        for _ in range(3):
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.message()[2] == b"x"
        assert origin.accepted == 3  # none of these connections is used again


def test_forwarded_for_is_a_field_of_its_own(tmp_path):
    def show(_line, fields, _body):
        return ok(", ".join(fields.get("x-forwarded-for", [])).encode())

    with proxy_and_origin(tmp_path, answering(show), backend="forwarded_for = true") as (proxy, _):
        assert proxy.get(fields="X-Forwarded-For: 9.9.9.9\r\n")[2] == b"9.9.9.9, 127.0.0.1"
    with proxy_and_origin(tmp_path, answering(show),
                          backend='forwarded_for = { except = ["127.0.0.0/8"] }') as (proxy, _):
        assert proxy.get()[2] == b""


@pytest.mark.parametrize("mode, to_server, to_client", [
    ("keep-alive", None, None), ("server-close", ["close"], None), ("close", ["close"], ["close"])])
def test_connection_modes(tmp_path, mode, to_server, to_client):
    seen = []

    def respond(_line, fields, _body):
        seen.append(fields.get("connection"))
        return ok()

    with proxy_and_origin(tmp_path, answering(respond), backend=f'connection = "{mode}"',
                          workers=1) as (proxy, origin):
        client = proxy.connect()
        for _ in range(1 if to_client else 3):
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            assert client.message()[1].get("connection") == to_client
        assert set(map(str, seen)) == {str(to_server)}
        if to_client:
            assert client.rest() == b""
        assert origin.accepted == (1 if mode != "server-close" else 3)


def test_a_426_says_what_to_upgrade_to(tmp_path):
    """RFC 9110 15.5.22; no other answer's Upgrade is for the next connection."""
    def respond(line, _fields, _body):
        return b"HTTP/1.1 %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n" % (
            b"426 Upgrade Required" if " /426 " in line else b"200 OK")

    with proxy_and_origin(tmp_path, answering(respond)) as (proxy, _):
        fields = proxy.get("/426")[1]
        assert (fields.get("upgrade"), fields.get("connection")) == (["websocket"], ["upgrade"])
        fields = proxy.get("/426", "Connection: close\r\n")[1]
        assert (fields.get("upgrade"), fields.get("connection")) == (["websocket"], ["upgrade", "close"])
        fields = proxy.get("/200")[1]
        assert "upgrade" not in fields and "connection" not in fields


def test_a_connection_the_server_gave_up_is_not_the_clients_problem(tmp_path):
    def serve(connection, number):
        if number > 1:
            return answering()(connection, number)
        connection.message()
        connection.send(ok())
        connection.message()  # takes the second request, and goes

    with proxy_and_origin(tmp_path, serve, workers=1) as (proxy, origin):
        client = proxy.connect()
        for _ in range(2):
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.message()[0] == "HTTP/1.1 200 OK"
        assert origin.accepted == 2


def test_what_may_have_been_done_is_not_done_twice(tmp_path):
    posts = []

    def serve(connection, number):
        while True:
            line, _, _ = connection.message()
            posts.append(line)
            if line.startswith("POST"):
                return
            connection.send(ok())

    with proxy_and_origin(tmp_path, serve, workers=1) as (proxy, _):
        client = proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.message()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
        assert client.message()[0] == "HTTP/1.1 502 Bad Gateway"
        assert sum(line.startswith("POST") for line in posts) == 1


def test_a_dead_server_costs_no_request(tmp_path):
    alive = Origin(answering())
    proxy = Proxy(tmp_path, [alive.port, free_port()])
    try:
        for number in range(10):
            assert proxy.get(f"/r{number}.")[0] == "HTTP/1.1 200 OK"
        states = [logged(proxy, f"/r{number}.") for number in range(10)]
        assert {found["server"] for found in states} == {"s1"}
        assert sorted({found["retries"] for found in states}) == ["+1", "0"]
    finally:
        proxy.stop()
        alive.close()


def test_two_dead_servers_are_503(tmp_path):
    proxy = Proxy(tmp_path, [free_port(), free_port()])
    try:
        line, _, body = proxy.get("/none")
        assert line == "HTTP/1.1 503 Service Unavailable"
        assert body == (b"<html><body><h1>503 Service Unavailable</h1>\n"
                        b"No server is available to handle this request.\n</body></html>\n")
        found = logged(proxy, "/none")
        assert (found["state"], found["retries"]) == ("SC--", "+3")
    finally:
        proxy.stop()


def test_timeouts(tmp_path):
    def serve(connection, _number):
        line, _, _ = connection.message()
        if line.split()[1] == "/slow":
            connection.rest()
        connection.send(ok())
        connection.rest()

    defaults = ('timeout = { connect = "2s", client = "2s", server = "1600ms", '
                'http_request = "1200ms", http_keep_alive = "600ms" }')
    path = tmp_path / "short"
    path.mkdir()
    origin = Origin(serve)
    proxy = Proxy(path, [origin.port], run=False)
    text = proxy.path.read_text()
    proxy.path.write_text(re.sub(r"timeout = \{.*\}", defaults, text, count=1))
    proxy.start()
    try:
        assert proxy.get("/slow")[0] == "HTTP/1.1 504 Gateway Time-out"
        assert logged(proxy, "/slow")["state"] == "sH--"

        begun = time.monotonic()
        client = proxy.connect()
        client.send(b"GET /half HTTP/1.1\r\nHos")
        assert client.message()[0] == "HTTP/1.1 408 Request Time-out"
        assert 1.2 <= time.monotonic() - begun < 4
        assert " 408 " in proxy.log.wait_for("<BADREQ>") and " cR-- " in proxy.log.wait_for("<BADREQ>")

        client = proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.message()
        assert client.rest() == b""  # idle: the end, and not a byte
        client = proxy.connect()
        assert client.rest() == b""  # never asked: likewise, as log_null = false wants
        client = proxy.connect()
        client.send(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        assert client.message()[0] == "HTTP/1.1 408 Request Time-out"
        assert logged(proxy, "/body")["state"] == "cD--"
    finally:
        proxy.stop()
        origin.close()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("before, sent", [(b"", b"GET /x HTTP/1.1\r\nHos"), (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"G"),
                                          (b"", b"")], ids=["within a head", "within the second", "without a byte"])
def test_a_connection_that_ends_without_a_request_is_logged_and_counted(tmp_path, how, before, sent):
    """As in HAProxy, however it ends. The time is that of the head, or of the connection."""
    with proxy_and_origin(tmp_path, answering(), workers=1,
                          frontend='log_null = true\nstats = { uri = "/stats" }') as (proxy, _):
        client = proxy.connect()
        if before:
            client.send(before)
            client.message()
        client.send(sent)
        wait_until(lambda: proxy.has_read(client), "it is here")
        time.sleep(0.1)  # the time that the line must tell
        getattr(client, how)()
        line = proxy.log.wait_for("<BADREQ>")
        times, status, size = re.search(r" http-in/<NOSRV> (\S+) (\d+) (\d+) - - CR-- ", line).groups()
        assert times.startswith("-1/-1/-1/-1/") and int(times.split("/")[-1]) >= 90
        assert (status, int(size) > 0) == ("400", how == "close")
        assert [proxy.column("FRONTEND", name, "http-in") for name in ("ereq", "hrsp_4xx")] == ["1", "1"]


def test_nothing_said_and_nothing_asked_is_nothing_to_log(tmp_path):
    with proxy_and_origin(tmp_path, answering(), workers=1, frontend='stats = { uri = "/stats" }') as (proxy, _):
        for before in (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"):
            client = proxy.connect()
            if before:
                client.send(before)
                client.message()
            wait_until(lambda: proxy.has_accepted(client), "it is here")
            client.reset()
        assert proxy.column("FRONTEND", "ereq", "http-in") == "0"
        assert not [line for line in proxy.log.lines if "BADREQ" in line]


def test_a_servers_limit_holds_and_the_rest_wait(tmp_path):
    lock, now, most, full = threading.Lock(), 0, 0, threading.Event()

    def respond(_line, _fields, _body):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        full.wait(TIMEOUT)
        time.sleep(0.02)  # holds the slot
        with lock:
            now -= 1
        return ok()

    with proxy_and_origin(tmp_path, answering(respond), server_extra="maxconn = 4",
                          frontend='stats = { uri = "/stats" }') as (proxy, _):
        results = []
        clients = [threading.Thread(target=lambda i=i: results.append(proxy.get(f"/q{i}.")[0]))
                   for i in range(60)]
        for client in clients:
            client.start()
        wait_until(lambda: proxy.column("BACKEND", "qcur") == "56", "all but four wait")
        full.set()
        for client in clients:
            client.join()
        assert results == ["HTTP/1.1 200 OK"] * 60
        assert most == 4
        assert sum(int(logged(proxy, f"/q{i}.")["queues"].split("/")[1]) > 0 for i in range(60)) == 56


def test_the_queue_has_an_end(tmp_path):
    release = threading.Event()

    def respond(line, _fields, _body):
        if line.split()[1] == "/holds":
            release.wait(TIMEOUT)
        return ok()

    origin = Origin(answering(respond))
    proxy = Proxy(tmp_path, [origin.port], server_extra="maxconn = 1", run=False,
                  backend='stats = { uri = "/stats", auth = ["a:b"] }')
    proxy.path.write_text(proxy.path.read_text().replace('queue = "20s"', 'queue = "3s"'))
    proxy.start()

    def queued():
        page = proxy.get("/stats;csv", "Authorization: Basic YTpi\r\n")[2].decode()
        return next(row for row in page.splitlines() if row.startswith("app,BACKEND,")).split(",")[2]

    try:
        holder = proxy.connect()
        holder.send(b"GET /holds HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: origin.accepted == 1, "the slot is taken")
        assert proxy.get("/waits")[0] == "HTTP/1.1 503 Service Unavailable"
        found = logged(proxy, "/waits")
        assert (found["server"], found["state"], found["queues"]) == ("<NOSRV>", "sQ--", "0/1")
        gone = proxy.connect()
        gone.send(b"GET /gone HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: queued() == "1", "it waits")
        gone.reset()
        assert logged(proxy, "/gone")["state"] == "CQ--"
        release.set()
        assert holder.message()[0] == "HTTP/1.1 200 OK"
        assert proxy.get("/after")[0] == "HTTP/1.1 200 OK"  # no slot was lost
    finally:
        proxy.stop()
        origin.close()


def test_global_maxconn_lets_clients_wait(tmp_path):
    with proxy_and_origin(tmp_path, answering(), globals_="maxconn = 3") as (proxy, _):
        holders = [proxy.connect() for _ in range(3)]
        for holder in holders:
            holder.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            holder.message()
        late = proxy.connect()
        late.send(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
        late.socket.settimeout(0.3)
        before = proxy.processor_seconds()
        with pytest.raises(TimeoutError):
            late.fill()
        assert proxy.processor_seconds() - before < 0.1, "it asks again and again"
        late.socket.settimeout(TIMEOUT)
        holders[0].close()
        assert late.message()[0] == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("direction", ["download", "upload"])
def test_a_side_that_does_not_take_stops_the_other(tmp_path, direction):
    moved, over = 0, threading.Event()

    def serve(connection, _number):
        nonlocal moved
        connection.until(b"\r\n\r\n")
        if direction == "upload":
            over.wait(TIMEOUT)  # takes nothing
            return
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        connection.socket.settimeout(0.5)
        while True:
            moved += connection.socket.send(bytes(65536))

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        before = proxy.resident_bytes()
        client = proxy.connect()
        if direction == "download":
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.until(b"\r\n\r\n")
            wait_until(lambda: moved > 0, "it flows")
            previous = -1
            while previous != moved:  # until it stands still
                previous = moved
                time.sleep(0.2)
        else:
            client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
            client.socket.settimeout(0.5)
            with pytest.raises(TimeoutError):
                while True:
                    moved += client.socket.send(bytes(65536))
        # The kernel's socket buffers take some megabytes; the proxy itself next to nothing.
        assert moved < 64_000_000
        assert proxy.resident_bytes() - before < 4_000_000
        over.set()
        client.reset()


def upgrading(seen, asked):
    """A server that switches protocols once `asked` is set, and then only listens."""

    def serve(connection, _number):
        head = connection.until(b"\r\n\r\n")
        if b"Content-Length: 10" in head:
            connection.exactly(10)
        if b"chunked" in head:
            connection.chunked()
        assert asked.wait(TIMEOUT)
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        with contextlib.suppress(TimeoutError):
            while data := connection.buffer or connection.fill():
                connection.buffer = b""
                seen.append(data)

    return serve


@pytest.mark.parametrize("request_head, body, ahead", [
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n", [b"01234", b"56789"], b""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n", [b"5\r\nhello\r\n0\r\n\r\n"], b""),
    (b"GET / HTTP/1.1\r\nHost: a\r\n", [b""], b"EAGER"),
])
def test_a_tunnel_begins_where_the_request_ended(tmp_path, request_head, body, ahead):
    seen, asked = [], threading.Event()
    with proxy_and_origin(tmp_path, upgrading(seen, asked)) as (proxy, _):
        client = proxy.connect()
        client.send(request_head + b"Connection: upgrade\r\nUpgrade: x\r\n\r\n" + body[0])
        for piece in [*body[1:], ahead]:
            time.sleep(0.02)  # a packet of its own
            client.send(piece)
        wait_until(client.has_arrived, "what is sent ahead is there first")
        asked.set()
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        client.send(b"after")
        wait_until(lambda: b"".join(seen) == ahead + b"after", f"the tunnel's bytes, not {seen}")


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 101 S\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n",
    b"HTTP/1.0 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
])
def test_an_upgrade_that_is_none_is_a_bad_response(tmp_path, answer):
    with proxy_and_origin(tmp_path, answering(lambda *_: answer)) as (proxy, _):
        assert proxy.get("/up", "Connection: upgrade\r\nUpgrade: x\r\n")[0] == "HTTP/1.1 502 Bad Gateway"
        assert logged(proxy, "/up")["state"] == "PH--"


@pytest.mark.parametrize("body", [b"Content-Length: 10\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"])
def test_no_tunnel_begins_before_the_request_has_ended(tmp_path, body):
    seen = []

    def serve(connection, _number):
        connection.until(b"hello")
        connection.send(b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        seen.append(connection.rest())

    with proxy_and_origin(tmp_path, serve) as (proxy, _):
        client = proxy.connect()
        client.send(b"POST /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n" + body)
        line, fields, _ = client.message()
        assert (line, fields["connection"]) == ("HTTP/1.1 502 Bad Gateway", ["close"])
        client.send(b"more")
        assert logged(proxy, "/up")["state"] == "PH--"
        wait_until(lambda: seen, "the server's connection ends")
        assert b"more" not in seen[0]


def test_bytes_behind_a_long_body_are_nobodys_either(tmp_path):
    body = bytes(1_000_000)

    def respond(line, _fields, _body):
        return ok(body) + ok(b"POISON") if "long" in line else ok(b"own")

    with proxy_and_origin(tmp_path, answering(respond), workers=1) as (proxy, _):
        for _ in range(5):
            assert proxy.get("/long")[2] == body
            assert proxy.get("/victim")[2] == b"own"


def test_connections_that_carried_long_bodies_are_used_again(tmp_path):
    body = bytes(4_000_000)
    with proxy_and_origin(tmp_path, answering(lambda *_: ok(body)), workers=1) as (proxy, origin):
        client = proxy.connect()
        for _ in range(5):
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.message()[2] == body
        assert origin.accepted == 1


def test_overhead_is_bounded_for_each_chunk_only(tmp_path):
    chunk = b"00000400;name=value\r\n" + bytes(1024) + b"\r\n"
    response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 3000 + b"0\r\n\r\n"
    with proxy_and_origin(tmp_path, answering(lambda *_: response)) as (proxy, _):
        assert proxy.get()[2] == bytes(1024) * 3000


@pytest.mark.parametrize("answer, status", [
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "502 Bad Gateway"),
    (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "204 No Content"),
])
def test_answers_that_nobody_asked_for(tmp_path, answer, status):
    with proxy_and_origin(tmp_path, answering(lambda *_: answer)) as (proxy, _):
        client = proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        line, fields, _ = client.message(body_expected=False)
        assert line == f"HTTP/1.1 {status}" and "transfer-encoding" not in fields


def test_who_leaves_the_queue_leaves_it(tmp_path):
    release = threading.Event()
    asked = []

    def respond(line, _fields, _body):
        asked.append(line.split()[1])
        if asked[-1] == "/holds":
            release.wait(TIMEOUT)
        return ok()

    with proxy_and_origin(tmp_path, answering(respond), server_extra="maxconn = 1") as (proxy, _):
        holder = proxy.connect()
        holder.send(b"GET /holds HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: asked == ["/holds"], "the slot is taken")
        leaver = proxy.connect()
        leaver.send(b"GET /leaves HTTP/1.1\r\nHost: a\r\n\r\n")
        leaver.close()
        found = logged(proxy, "/leaves")
        assert found["state"] == "CQ--"
        assert re.fullmatch(r"(\d+)/\d+/-1/-1/\d+", found["times"]), "the time in the queue is known"
        release.set()
        assert proxy.get("/next")[0] == "HTTP/1.1 200 OK"
        assert "/leaves" not in asked
