"""What a hostile client or server sends over HTTP/1, and that nobody behind us is fooled by it.

Every byte a server received is read again by a parser of its own (strict_http1.py): a request that
hapair did not take for one must never be one to the server, whole or in the wake of another. The same
for what a client received. Each message is sent at once and again in small pieces.
"""

import contextlib
import socket
import threading
import time

import pytest

import strict_http1
from loopback import TIMEOUT, Connection, Origin, Proxy, ok, wait_until

HOST = b"Host: a\r\n"
# What a smuggler wants the server to take for a request of its own.
WAKE = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


class Recorder:
    """A server that keeps every byte, answers whole requests, and is read again afterwards."""

    def __init__(self):
        self.streams = []
        self.broken = []
        self.answers = {}
        self.lock = threading.Lock()
        self.origin = Origin(self.serve)

    def serve(self, connection, _number):
        stream = bytearray()
        with self.lock:
            self.streams.append(stream)
        answered = 0
        try:
            while True:
                requests, rest = strict_http1.read_requests(bytes(stream))
                for request in requests[answered:]:
                    answer = self.answers.get(request.target)
                    if answer is None:
                        connection.send(ok(request.target.encode()))
                    elif answer(connection) is False:
                        return
                answered = len(requests)
                data = connection.socket.recv(65536)
                if not data:
                    return
                stream += data
        except strict_http1.Violation as violation:
            self.broken.append((violation, bytes(stream)))

    def settle(self):
        """Until everything that the proxy sent before is here, where each of its connections has one request: they
        are taken in order, and the last is ours."""
        with socket.create_connection(("127.0.0.1", self.origin.port), timeout=TIMEOUT) as last:
            last.shutdown(socket.SHUT_WR)
            assert last.recv(1) == b""
        wait_until(lambda: all(sock.fileno() < 0 for sock in self.origin.connections), "the server's connections are closed")

    def start(self):
        """Forgets what was."""
        with self.lock:
            self.streams = [stream for stream in self.streams if not stream]
            self.broken = []

    def requests(self):
        """Whole ones, and what was left of broken-off ones."""
        assert not self.broken, self.broken
        whole, pieces = [], []
        for stream in self.streams:
            requests, rest = strict_http1.read_requests(bytes(stream))
            whole += requests
            if rest:
                pieces.append(rest)
        return whole, pieces


@pytest.fixture(scope="module")
def farm(tmp_path_factory):
    recorder = Recorder()
    proxy = Proxy(tmp_path_factory.mktemp("hostile"), [recorder.origin.port], workers=1,
                  backend='connection = "server-close"')
    proxy.recorder = recorder
    yield proxy
    proxy.stop()
    recorder.origin.close()
    assert proxy.process.returncode == 0


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    """The same with connections that are used again: what one exchange leaves behind, the next meets."""
    recorder = Recorder()
    proxy = Proxy(tmp_path_factory.mktemp("pooled"), [recorder.origin.port], workers=1)
    proxy.recorder = recorder
    yield proxy
    proxy.stop()
    recorder.origin.close()
    assert proxy.process.returncode == 0


def exchange(proxy, pieces, methods=("GET",) * 8):
    """What a client that sends these gets until the connection ends: (responses, interim, left over)."""
    client = proxy.connect()
    client.socket.setsockopt(6, 1, 1)  # TCP_NODELAY: each piece is a packet
    with contextlib.suppress(ConnectionError):
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(0.0005)
            client.send(piece)
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := client.socket.recv(65536):
            received += data
    client.close()
    return strict_http1.read_responses(received, methods)


def cut(message, size):
    return [message[at:at + size] for at in range(0, len(message), size)]


def lengths(value):
    return b"POST /h HTTP/1.1\r\n" + HOST + b"Content-Length: " + value + b"\r\n\r\nhello"


def coding(line):
    return b"POST /h HTTP/1.1\r\n" + HOST + line + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


def field(line):
    return b"GET /h HTTP/1.1\r\n" + HOST + line + b"\r\n\r\n"


def first(line):
    return line + b"\r\n" + HOST + b"\r\n"


# Never a request: 400, nothing goes to a server, the connection ends.
REFUSED_HEADS = {
    "two lengths": lengths(b"5\r\nContent-Length: 6"),
    "the same length twice": lengths(b"5\r\nContent-Length: 5"),
    "a list of lengths": lengths(b"5, 5"),
    "a length with a sign": lengths(b"+5"),
    "a negative length": lengths(b"-5"),
    "a hexadecimal length": lengths(b"0x5"),
    "a length with a point": lengths(b"5.0"),
    "a length in two words": lengths(b"5 5"),
    "an empty length": lengths(b""),
    "a length beyond 64 bits": lengths(b"18446744073709551616"),
    "a length of a hundred digits": lengths(b"1" * 100),
    "a length with a NUL": lengths(b"5\0"),
    "a length in foreign digits": lengths("٥".encode()),
    "a length with a vertical tab": lengths(b"\x0b5"),
    "length beside coding": coding(b"Content-Length: 5\r\nTransfer-Encoding: chunked"),
    "coding beside length": coding(b"Transfer-Encoding: chunked\r\nContent-Length: 5"),
    "coding beside a length of none": coding(b"Transfer-Encoding: chunked\r\nContent-Length: 0"),
    "coding twice": coding(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    "coding chunked, chunked": coding(b"Transfer-Encoding: chunked, chunked"),
    "coding identity": coding(b"Transfer-Encoding: identity"),
    "coding gzip, chunked": coding(b"Transfer-Encoding: gzip, chunked"),
    "coding chunked, identity": coding(b"Transfer-Encoding: chunked, identity"),
    "coding identity, then chunked": coding(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
    "an empty coding": coding(b"Transfer-Encoding:"),
    "an empty element": coding(b"Transfer-Encoding: ,chunked"),
    "coding with a parameter": coding(b"Transfer-Encoding: chunked;q=1"),
    "quoted coding": coding(b'Transfer-Encoding: "chunked"'),
    "coding xchunked": coding(b"Transfer-Encoding: xchunked"),
    "coding chunkedx": coding(b"Transfer-Encoding: chunkedx"),
    "coding with a vertical tab": coding(b"Transfer-Encoding: \x0bchunked"),
    "coding with a form feed behind": coding(b"Transfer-Encoding: chunked\x0c"),
    "coding with a NUL": coding(b"Transfer-Encoding: chunked\0"),
    "coding with a bare CR": coding(b"Transfer-Encoding: chunked\rX: y"),
    "coding with a bare LF": coding(b"Transfer-Encoding: chunked\nX: y"),
    "coding on a folded line": coding(b"Transfer-Encoding:\r\n chunked"),
    "coding folded with a tab": coding(b"Transfer-Encoding: chunked\r\n\t, identity"),
    "coding with a space before the colon": coding(b"Transfer-Encoding : chunked"),
    "coding with a tab before the colon": coding(b"Transfer-Encoding\t: chunked"),
    "coding behind a space": coding(b" Transfer-Encoding: chunked"),
    "coding behind another field's LF": coding(b"X: y\nTransfer-Encoding: chunked"),
    "coding in HTTP/1.0": b"POST /h HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "lines that end with LF": b"GET /h HTTP/1.1\nHost: a\n\n",
    "a head that ends with LF": b"GET /h HTTP/1.1\r\nHost: a\r\n\n",
    "a head that ends with CR CR LF": b"GET /h HTTP/1.1\r\nHost: a\r\n\r\r\n",
    "a CR in a value": field(b"X: a\rb"),
    "a NUL in a value": field(b"X: a\0b"),
    "a NUL in a name": field(b"X\0: a"),
    "an escape in a value": field(b"X: \x1b[0m"),
    "a DEL in a value": field(b"X: \x7f"),
    "a folded field": field(b"X: a\r\n b"),
    "a field that begins with a fold": b"GET /h HTTP/1.1\r\n X: a\r\n" + HOST + b"\r\n",
    "a space before a colon": field(b"X : a"),
    "a space in a name": field(b"X Y: a"),
    "a name with a high byte": field(b"X\xe9: a"),
    "a name in brackets": field(b"[X]: a"),
    "a field without a name": field(b": a"),
    "a field without a colon": field(b"X"),
    "two spaces": first(b"GET  /h HTTP/1.1"),
    "a tab for a space": first(b"GET\t/h HTTP/1.1"),
    "a space behind the version": first(b"GET /h HTTP/1.1 "),
    "a space before the method": first(b" GET /h HTTP/1.1"),
    "no version": first(b"GET /h"),
    "HTTP/0.9": b"GET /h\r\n\r\n",
    "HTTP/1.2": first(b"GET /h HTTP/1.2"),
    "HTTP/1.10": first(b"GET /h HTTP/1.10"),
    "HTTP/2.0": first(b"GET /h HTTP/2.0"),
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http/1.1": first(b"GET /h http/1.1"),
    "a method with a sign": first(b"G@T /h HTTP/1.1"),
    "no method": first(b" /h HTTP/1.1"),
    "a space in the target": first(b"GET /h x HTTP/1.1"),
    "a fragment": first(b"GET /h#x HTTP/1.1"),
    "a NUL in the target": first(b"GET /h\0 HTTP/1.1"),
    "a high byte in the target": first(b"GET /h\xe9 HTTP/1.1"),
    "a CR in the target": first(b"GET /h\rX HTTP/1.1"),
    "a target without a slash": first(b"GET h HTTP/1.1"),
    "a star for GET": first(b"GET * HTTP/1.1"),
    "CONNECT": b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    "CONNECT with a path": first(b"CONNECT /h HTTP/1.1"),
    "CONNECT with an absolute target": first(b"CONNECT http://a/h HTTP/1.1"),
    "another host in the target": first(b"GET http://b/h HTTP/1.1"),
    "another port in the target": first(b"GET http://a:81/h HTTP/1.1"),
    "the other scheme's port in the target": first(b"GET http://a:443/h HTTP/1.1"),
    "a target's host that is none": b'GET http://a"b/h HTTP/1.0\r\n\r\n',
    "a port alone in the target": b"GET http://:80/h HTTP/1.0\r\n\r\n",
    "a user in the target": first(b"GET http://u@a/h HTTP/1.1"),
    "no host in the target": first(b"GET http:///h HTTP/1.1"),
    "another scheme": first(b"GET ftp://a/h HTTP/1.1"),
    "an absolute target that begins with its query": first(b"GET http://a?h HTTP/1.1"),
    "no Host": b"GET /h HTTP/1.1\r\n\r\n",
    "two Hosts": field(b"Host: b"),
    "the same Host twice": field(b"Host: a"),
    "a Host with a space": b"GET /h HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a Host with a path": b"GET /h HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a Host with a user": b"GET /h HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "a Host with two ports": b"GET /h HTTP/1.1\r\nHost: a:80:80\r\n\r\n",
    "a Host with a port that is none": b"GET /h HTTP/1.1\r\nHost: a:b\r\n\r\n",
    "a Host with half a bracket": b"GET /h HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "a folded Host": b"GET /h HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
    "a Host behind a space": b"GET /h HTTP/1.1\r\n Host: a\r\n\r\n",
    "a target of 17 KiB": first(b"GET /" + b"h" * 17_000 + b" HTTP/1.1"),
    "a value of 17 KiB": field(b"X: " + b"x" * 17_000),
    "a name of 17 KiB": field(b"X" * 17_000 + b": x"),
    "a hundred and one fields": field(b"\r\n".join([b"X: y"] * 101)),
    "a method of 17 KiB": first(b"G" * 17_000 + b" /h HTTP/1.1"),
    "blank lines without end": b"\r\n" * 5000,
    "two blank lines first": b"\r\n\r\n" + field(b"X: y"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),
}


def chunked(content):
    return b"POST /h HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + content


# A good head whose content goes wrong: never a whole request.
REFUSED_BODIES = {
    "a size that is no number": chunked(b"g\r\nhello\r\n0\r\n\r\n"),
    "no size": chunked(b"\r\nhello\r\n0\r\n\r\n"),
    "a size with 0x": chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a size with a sign": chunked(b"+5\r\nhello\r\n0\r\n\r\n"),
    "a negative size": chunked(b"-5\r\nhello\r\n0\r\n\r\n"),
    "a size behind a space": chunked(b" 5\r\nhello\r\n0\r\n\r\n"),
    "a size before a space": chunked(b"5 \r\nhello\r\n0\r\n\r\n"),
    "a size with an underscore": chunked(b"0_5\r\nhello\r\n0\r\n\r\n"),
    "a size beyond 64 bits": chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "a size that wraps to none": chunked(b"10000000000000000\r\n\r\n" + WAKE),
    "the largest size": chunked(b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "endless zeros": chunked(b"0" * 6000 + b"5\r\nhello\r\n0\r\n\r\n"),
    "a size line that ends with LF": chunked(b"5\nhello\r\n0\r\n\r\n"),
    "a size line that ends with CR": chunked(b"5\rhello\r\n0\r\n\r\n"),
    "a size with a NUL": chunked(b"5\0\r\nhello\r\n0\r\n\r\n"),
    "a chunk longer than its size": chunked(b"4\r\nhello\r\n0\r\n\r\n"),
    "a chunk shorter than its size": chunked(b"6\r\nhello\r\n0\r\n\r\n"),
    "a chunk that ends with LF": chunked(b"5\r\nhello\n0\r\n\r\n"),
    "a chunk without an end": chunked(b"5\r\nhello0\r\n\r\n"),
    "an extension with a LF": chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "an extension with a CR": chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    "an extension with a NUL": chunked(b"5;a=\0\r\nhello\r\n0\r\n\r\n"),
    "an extension with a quoted line end": chunked(b'5;a="\r\nhello"\r\n0\r\n\r\n'),
    "an extension of 5 KiB": chunked(b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n"),
    "a last chunk that ends with LF": chunked(b"5\r\nhello\r\n0\n\n"),
    "a body that ends with LF": chunked(b"5\r\nhello\r\n0\r\n\n"),
    "a trailer with a space": chunked(b"0\r\n X: y\r\n\r\n"),
    "a trailer with a space before the colon": chunked(b"0\r\nX : y\r\n\r\n"),
    "a trailer without a colon": chunked(b"0\r\nX\r\n\r\n"),
    "a trailer without a name": chunked(b"0\r\n: y\r\n\r\n"),
    "a folded trailer": chunked(b"0\r\nX: y\r\n z\r\n\r\n"),
    "a trailer that is a request": chunked(b"0\r\n" + WAKE),
    "a trailer with a LF": chunked(b"0\r\nX: y\n\r\n"),
    "a trailer with a NUL": chunked(b"0\r\nX: \0\r\n\r\n"),
    "trailers of 5 KiB": chunked(b"0\r\nX: " + b"y" * 5000 + b"\r\n\r\n"),
}


@pytest.mark.parametrize("size", [1 << 20, 7], ids=["at once", "in pieces"])
@pytest.mark.parametrize("name", REFUSED_HEADS)
def test_what_is_no_request_reaches_no_server(farm, name, size):
    farm.recorder.start()
    message = REFUSED_HEADS[name]
    pieces = cut(message + WAKE, size if len(message) < 1000 else max(size, 997))
    responses, interim, rest = exchange(farm, pieces)
    farm.recorder.settle()
    whole, broken = farm.recorder.requests()
    assert not whole and not broken
    assert [response.line[1] for response in responses] == [b"400"]
    assert responses[0].values("connection") == [b"close"]
    assert not interim and not rest


@pytest.mark.parametrize("size", [1 << 20, 7], ids=["at once", "in pieces"])
@pytest.mark.parametrize("name", REFUSED_BODIES)
def test_what_has_a_broken_body_is_never_whole(farm, name, size):
    farm.recorder.start()
    message = REFUSED_BODIES[name]
    pieces = cut(message + WAKE, size if len(message) < 1000 else max(size, 997))
    responses, interim, rest = exchange(farm, pieces)
    farm.recorder.settle()
    whole, broken = farm.recorder.requests()
    assert not whole, "broken off: it may have begun, and must not have ended"
    assert all(piece.startswith(b"POST /h ") for piece in broken)
    assert [response.line[1] for response in responses] == [b"400"]
    assert not interim and not rest


def seen(method, target, body=b""):
    return (method, target, body)


# Legal, if odd: what goes to the server, as (method, target, content), and which fields it must or
# must not have.
TAKEN = {
    "one blank line first": (b"\r\n" + field(b"X: y"), [seen("GET", "/h")], ["x"], []),
    "white space around a length": (lengths(b" \t 5 \t "), [seen("POST", "/h", b"hello")], [], []),
    "leading zeros": (lengths(b"0005"), [seen("POST", "/h", b"hello")], [], []),
    "CHUNKED": (coding(b"Transfer-Encoding: CHUNKED"), [seen("POST", "/h", b"hello")], [], []),
    "chunk sizes in capitals and zeros": (
        chunked(b"00A\r\n0123456789\r\n000\r\n\r\n"), [seen("POST", "/h", b"0123456789")], [], []),
    "extensions go": (chunked(b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'), [seen("POST", "/h", b"hello")], [], []),
    "trailers go": (chunked(b"5\r\nhello\r\n0\r\nHost: b\r\nContent-Length: 9\r\n\r\n"),
                    [seen("POST", "/h", b"hello")], [], ["content-length", "trailer"]),
    "a request behind a request": (field(b"X: y") + b"GET /i HTTP/1.1\r\n" + HOST + b"\r\n",
                                   [seen("GET", "/h"), seen("GET", "/i")], [], []),
    "a body that looks like a request": (
        b"POST /h HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(WAKE) + WAKE,
        [seen("POST", "/h", WAKE)], [], []),
    "a chunk that looks like a request": (
        chunked(b"%x\r\n" % len(WAKE) + WAKE + b"\r\n0\r\n\r\n"), [seen("POST", "/h", WAKE)], [], []),
    "GET with a body": (b"GET /h HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello",
                        [seen("GET", "/h", b"hello")], [], []),
    "a field that is almost a coding": (
        field(b"Transfer_Encoding: chunked"), [seen("GET", "/h")], ["transfer_encoding"], ["transfer-encoding"]),
    "an absolute target": (first(b"GET http://a/h?x HTTP/1.1"), [seen("GET", "/h?x")], ["host"], []),
    "an absolute target without a path": (first(b"GET HTTP://a HTTP/1.1"), [seen("GET", "/")], [], []),
    "an absolute target whose port says nothing": (
        first(b"GET http://a:80/h HTTP/1.1") + first(b"GET https://a:443/i HTTP/1.1"),
        [seen("GET", "/h"), seen("GET", "/i")], ["host"], []),
    "an absolute target in HTTP/1.0": (
        b"GET http://a/h HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", [seen("GET", "/h")], ["host"], []),
    "a star by way of a proxy": (first(b"OPTIONS http://a HTTP/1.1"), [seen("OPTIONS", "*")], ["host"], []),
    "a star": (first(b"OPTIONS * HTTP/1.1"), [seen("OPTIONS", "*")], [], []),
    "an empty value": (field(b"X:"), [seen("GET", "/h")], ["x"], []),
    "a value with high bytes": (field(b"X: \xe9\xff"), [seen("GET", "/h")], ["x"], []),
    "fields for the next hop go": (
        field(b"Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X\r\n"
              b"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-End: 1"),
        [seen("GET", "/h")], ["x-end"], ["keep-alive", "proxy-connection", "te", "trailer", "x-hop"]),
    "Connection cannot take the length": (
        lengths(b"5\r\nConnection: content-length"), [seen("POST", "/h", b"hello")], ["content-length"], []),
    "Connection cannot take the coding": (
        coding(b"Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding"),
        [seen("POST", "/h", b"hello")], ["transfer-encoding"], []),
    "Connection cannot take what is for the server": (
        field(b"Connection: Host, Cookie, Authorization, X-Forwarded-For, x-forwarded-proto, Cache-Control\r\n"
              b"Cookie: a\r\nAuthorization: b\r\nX-Forwarded-For: c\r\nX-Forwarded-Proto: d\r\nCache-Control: e"),
        [seen("GET", "/h")], ["host", "cookie", "authorization", "x-forwarded-for", "x-forwarded-proto",
                              "cache-control"], []),
    "an upgrade to another HTTP is not passed on": (
        field(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"),
        [seen("GET", "/h")], [], ["upgrade", "http2-settings"]),
    "nor hidden behind another": (
        field(b"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: x, H2C"), [seen("GET", "/h")], [], ["upgrade"]),
    "an upgrade nobody announced": (field(b"Upgrade: websocket"), [seen("GET", "/h")], [], ["upgrade"]),
    "a hundred fields": (field(b"\r\n".join([b"X: y"] * 99)), [seen("GET", "/h")], ["x"], []),
}


@pytest.mark.parametrize("size", [1 << 20, 3], ids=["at once", "in pieces"])
@pytest.mark.parametrize("name", TAKEN)
def test_what_is_odd_arrives_as_one_thing(farm, name, size):
    message, expected, present, absent = TAKEN[name]
    farm.recorder.start()
    last = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    responses, _, rest = exchange(farm, cut(message + last, size), ("GET",) * (len(expected) + 1))
    whole, broken = farm.recorder.requests()
    assert [(request.line[0].decode(), request.target, request.body) for request in whole] == \
        [*expected, seen("GET", "/last")]
    for field_name in present:
        assert whole[0].values(field_name), f"{field_name} in {whole[0]}"
    for field_name in absent:
        assert not whole[0].values(field_name), f"{field_name} in {whole[0]}"
    assert [response.line[1] for response in responses] == [b"200"] * (len(expected) + 1)
    assert not broken and not rest


def test_our_own_field_cannot_be_unsaid(tmp_path):
    recorder = Recorder()
    proxy = Proxy(tmp_path, [recorder.origin.port], backend="forwarded_for = true")
    try:
        assert proxy.get("/", "Connection: close, X-Forwarded-For\r\nX-Forwarded-For: 9.9.9.9\r\n")[0].endswith("OK")
        (request,), _ = recorder.requests()
        assert request.values("x-forwarded-for") == [b"9.9.9.9", b"127.0.0.1"]
    finally:
        proxy.stop()
        recorder.origin.close()


@pytest.mark.parametrize("name", ["X-Client", "X" * 128], ids=["short", "the longest"])
def test_a_field_cannot_be_unsaid_where_it_counts_as_ours(tmp_path, name):
    """Whoever could take it away would come without an address. With the longest head there is, too."""
    recorder = Recorder()
    proxy = Proxy(tmp_path, [recorder.origin.port],
                  frontend=f'forwarded_for = {{ header = "{name}", if_none = true }}')
    try:
        for fields, expected in (("", b"127.0.0.1"),
                                 (f"Connection: close, {name}\r\n{name}: 9.9.9.9\r\n", b"9.9.9.9")):
            filling = f"X-Long: {'x' * (16 * 1024 - len(fields) - 60)}\r\n"
            assert proxy.get("/", fields + filling)[0].endswith("OK")
            assert recorder.requests()[0][-1].values(name.lower()) == [expected]
    finally:
        proxy.stop()
        recorder.origin.close()


GOOD = b"HTTP/1.1 200 OK\r\n"


def answer(head, body=b"hello"):
    return GOOD + head + b"\r\n\r\n" + body


# From a server: a 502, the connection is not used again, nothing of it reaches the client.
BAD_RESPONSES = {
    "two lengths": answer(b"Content-Length: 5\r\nContent-Length: 6"),
    "the same length twice": answer(b"Content-Length: 5\r\nContent-Length: 5"),
    "a list of lengths": answer(b"Content-Length: 5, 5"),
    "a length with a sign": answer(b"Content-Length: +5"),
    "a length beyond 64 bits": answer(b"Content-Length: 18446744073709551621"),
    "length beside coding": answer(b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    "coding twice": answer(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    "coding gzip, chunked": answer(b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"),
    "coding identity": answer(b"Transfer-Encoding: identity"),
    "coding with a vertical tab": answer(b"Transfer-Encoding: \x0bchunked", b"0\r\n\r\n"),
    "coding in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding with a space before the colon": answer(b"Transfer-Encoding : chunked", b"0\r\n\r\n"),
    "a folded field": answer(b"X: a\r\n b\r\nContent-Length: 5"),
    "a bare LF": answer(b"X: a\nContent-Length: 5"),
    "a bare CR": answer(b"X: a\rb\r\nContent-Length: 5"),
    "a NUL": answer(b"X: a\0\r\nContent-Length: 5"),
    "a field without a colon": answer(b"X\r\nContent-Length: 5"),
    "lines that end with LF": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "another protocol": b"ICY 200 OK\r\n\r\nhello",
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\nhello",
    "HTTP/0.9": b"<html>hello</html>\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\nhello",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\nhello",
    "a status below a hundred": b"HTTP/1.1 099 OK\r\n\r\nhello",
    "a status with a sign": b"HTTP/1.1 +20 OK\r\n\r\nhello",
    "two spaces before the status": b"HTTP/1.1  200 OK\r\n\r\nhello",
    "a NUL in the reason": b"HTTP/1.1 200 O\0K\r\n\r\nhello",
    "a head of 17 KiB": answer(b"X: " + b"x" * 17_000),
    "a hundred and one fields": answer(b"\r\n".join([b"X: y"] * 101)),
    "an upgrade nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "a request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a chunk size that is no number": answer(b"Transfer-Encoding: chunked", b"x\r\nhello\r\n0\r\n\r\n"),
    "a chunk size beyond 64 bits": answer(b"Transfer-Encoding: chunked", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "a chunk size that ends with LF": answer(b"Transfer-Encoding: chunked", b"5\nhello\r\n0\r\n\r\n"),
    "a chunk longer than its size": answer(b"Transfer-Encoding: chunked", b"4\r\nhello\r\n0\r\n\r\n"),
    "a trailer with a space before the colon": answer(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\nX : y\r\n\r\n"),
    "a trailer that is a response": answer(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n"),
}


def respond_with(proxy, data, close=False):
    """Makes the server answer /bad so."""

    def answer_bad(connection):
        connection.send(data)
        return False if close else None

    proxy.recorder.answers["/bad"] = answer_bad


@pytest.mark.parametrize("name", BAD_RESPONSES)
def test_what_is_no_response_reaches_no_client(pooled, name):
    pooled.recorder.start()
    respond_with(pooled, BAD_RESPONSES[name] + ok(b"POISON"))
    request = b"GET /bad HTTP/1.1\r\nHost: a\r\n\r\n" \
              b"GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    responses, interim, rest = exchange(pooled, [request], ("GET", "GET"))
    assert [(response.line[1], response.body[:5]) for response in responses] == \
        [(b"502", b"<html"), (b"200", b"/next")]
    assert not interim and not rest
    pooled.recorder.requests()


@pytest.mark.parametrize("content", [b"5\r\nhello\r\nx\r\n", b"5\r\nhello!\r\n", b"5\r\nhello\r\n0\r\nX\0: y\r\n\r\n", b"5\r\nhello\r\n0\r\n",
                                     b"5\r\nhello\r\n0\r\n" + b"X: " + b"y" * 5000 + b"\r\n\r\n"])
def test_a_chunk_that_goes_wrong_later_cuts_the_response(pooled, content):
    """What is out cannot be taken back; what the client has must not look whole."""
    is_out = threading.Event()

    def answer_bad(connection):
        connection.send(answer(b"Transfer-Encoding: chunked", content[:5]))
        assert is_out.wait(TIMEOUT)
        connection.send(content[5:] + ok(b"POISON"))

    pooled.recorder.answers["/bad"] = answer_bad
    client = pooled.connect()
    client.send(b"GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")
    received = client.until(b"\r\n\r\n")
    is_out.set()
    with contextlib.suppress(ConnectionError):
        while client.fill():
            pass
    responses, _, rest = strict_http1.read_responses(received + client.buffer, ["GET"])
    assert not responses and rest.startswith(GOOD) and b"POISON" not in rest and not rest.endswith(b"0\r\n\r\n")
    assert pooled.get("/next")[2] == b"/next"


# Legal, or what one makes of it: (method, from the server, status and content for the client).
ODD_RESPONSES = {
    "a body for HEAD": ("HEAD", answer(b"Content-Length: 5"), (200, b"")),
    "chunks for HEAD": ("HEAD", answer(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"), (200, b"")),
    "a body behind 204": ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", (204, b"")),
    "a length in an interim response": (
        "GET", b"HTTP/1.1 103 Early Hints\r\nContent-Length: 60\r\n\r\n" + answer(b"Content-Length: 5"), (200, b"hello")),
    "chunks behind 204": ("GET", b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (204, b"")),
    "a body behind 304": ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", (304, b"")),
    "bytes behind the response": ("GET", answer(b"Content-Length: 5"), (200, b"hello")),
    "bytes behind the last chunk": ("GET", answer(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
                                    (200, b"hello")),
    "no reason": ("GET", b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", (200, b"hello")),
    "an empty body": ("GET", answer(b"Content-Length: 0", b""), (200, b"")),
    "trailers go": ("GET", answer(b"Transfer-Encoding: chunked", b"5;x=y\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n"),
                    (200, b"hello")),
    "Connection cannot take the length": (
        "GET", answer(b"Connection: content-length\r\nContent-Length: 5"), (200, b"hello")),
    "64 interim responses": (
        "GET", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 64 + answer(b"Content-Length: 5"), (200, b"hello")),
}


@pytest.mark.parametrize("name", ODD_RESPONSES)
def test_bytes_nobody_asked_for_are_nobodys(pooled, name):
    """Whatever follows a response must not be the answer to the next request."""
    method, data, expected = ODD_RESPONSES[name]
    respond_with(pooled, data + ok(b"POISON"))
    request = f"{method} /bad HTTP/1.1\r\nHost: a\r\n\r\n".encode() + \
              b"GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    responses, _, rest = exchange(pooled, [request], (method, "GET"))
    assert [(int(response.line[1]), response.body) for response in responses] == [expected, (200, b"/next")]
    assert not rest
    pooled.recorder.requests()


def test_a_flood_of_interim_responses_ends(pooled):
    respond_with(pooled, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + ok(b"late"))
    responses, interim, _ = exchange(
        pooled, [b"GET /bad HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"])
    assert [response.line[1] for response in responses] == [b"502"]
    assert len(interim) <= 65


@pytest.mark.parametrize("early", [ok(b"POISON"), b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", b"x"])
def test_a_server_that_speaks_unasked_is_not_used_again(pooled, early):
    """The bytes come while its connection waits for the next request."""

    used, was_answered = [], threading.Event()

    def answer_and_speak(connection):
        used.append(connection.socket)
        connection.send(ok(b"own"))
        assert was_answered.wait(TIMEOUT)
        connection.send(early)

    pooled.recorder.answers["/bad"] = answer_and_speak
    assert pooled.get("/bad")[2] == b"own"
    was_answered.set()
    wait_until(lambda: used[0].fileno() < 0, "the proxy has closed that connection")
    assert pooled.get("/next")[2] == b"/next"


@pytest.mark.parametrize("data", [answer(b"Content-Length: 9"), answer(b"Transfer-Encoding: chunked", b"9\r\nhello"),
                                  answer(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n")])
def test_half_a_response_is_not_made_whole(pooled, data):
    respond_with(pooled, data, close=True)
    responses, _, rest = exchange(pooled, [b"GET /bad HTTP/1.1\r\nHost: a\r\n\r\n"])
    assert not responses and rest.startswith(GOOD)


def test_a_client_that_is_not_done_gets_its_answer_and_no_second(farm):
    """The server answers before the request has ended: what else the client sends is not a request."""
    proxy = farm
    proxy.recorder.start()
    client = proxy.connect()
    client.send(b"POST /h HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n" + WAKE)
    wait_until(lambda: proxy.recorder.requests()[1], "it is on its way")
    client.send(WAKE)  # still its content
    client.socket.shutdown(1)
    assert client.rest() == b""
    whole, (broken,) = proxy.recorder.requests()
    assert not whole and broken.startswith(b"POST /h ")


def test_websocket_frames_are_not_requests(farm):
    """After the switch the bytes are the tunnel's, both ways, whatever they look like."""

    def switch(connection):
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        raw = Connection(connection.socket)
        assert raw.exactly(len(WAKE)) == WAKE
        raw.send(ok(b"frame"))
        return False

    farm.recorder.answers["/ws"] = switch
    client = farm.connect()
    client.send(b"GET /ws HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
    client.send(WAKE)
    assert client.rest() == ok(b"frame")
