"""Routes, error pages and the monitor, on loopback: who is asked, who answers, what is logged."""

import contextlib
import os
import time

import pytest

from loopback import Connection, Origin, Proxy, answering, ok, wait_until

TIMEOUTS = 'timeout = { connect = "1s", client = "5s", server = "5s" }\n'


@contextlib.contextmanager
def farm(tmp_path, rules, backends=("one", "two", "images"), mode="http", backend_keys=None, globals_=""):
    """A proxy with one frontend and a backend for each name, whose two servers answer with its name and
    theirs: one/s1."""
    origins, text = [], ""
    for name in backends:
        text += f'[backend.{name}]\n{(backend_keys or {}).get(name, "")}\n'
        for number in (1, 2):
            if name == "images" and number == 2:
                continue  # one server alone, as in seed 000

            def respond(line, fields, _body, who=f"{name}/s{number}"):
                seen = ",".join(fields.get("x-forwarded-for", []))
                return ok(f"{who} {line.split()[1]} {seen}".strip().encode())

            serve = answering(respond)
            if mode == "tcp":
                def serve(connection, _number, who=f"{name}/s{number}"):
                    connection.send(who.encode())

            origins.append(Origin(serve))
            text += (f'[[backend.{name}.server]]\nname = "s{number}"\n'
                     f'address = "127.0.0.1:{origins[-1].port}"\n')
    proxy = Proxy(tmp_path, [], run=False)
    proxy.path.write_text(f"""
[global]
workers = 1
{globals_}
[[global.log]]
target = "udp:127.0.0.1:{proxy.log.port}"
facility = "local0"
[defaults]
mode = "{mode}"
log_format = "{mode}"
{TIMEOUTS}
{text}
[frontend.web]
bind = ["127.0.0.1:{proxy.port}"]
{rules}
""")
    proxy.origins = origins
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        for origin in origins:
            origin.close()
    assert proxy.process.returncode == 0


def backend_of(proxy, path, fields="", host="test", method="GET"):
    line, _, body = ask(proxy, path, fields, host, method)
    assert line == "HTTP/1.1 200 OK", (line, body)
    return body.decode().split()[0]


def ask(proxy, path, fields="", host="test", method="GET", version="HTTP/1.1", closes=True):
    connection = proxy.connect()
    try:
        last = "Connection: close\r\n" if closes else ""
        connection.send(f"{method} {path} {version}\r\nHost: {host}\r\n{fields}{last}\r\n".encode())
        return connection.message(body_expected=method != "HEAD")
    finally:
        connection.close()


def test_seed_000_images_go_to_backend1_alone(tmp_path):
    """The seed's route, word for word."""
    rules = """default_backend = "one"
[[frontend.web.route]]
when = { path_suffix = [".jpg", ".jpeg", ".png", ".gif", ".ico"] }
backend = "images"
"""
    with farm(tmp_path, rules) as proxy:
        assert {backend_of(proxy, "/tux.jpg") for _ in range(20)} == {"images/s1"}
        assert [backend_of(proxy, "/") for _ in range(4)] == ["one/s1", "one/s2", "one/s1", "one/s2"]
        assert proxy.log.wait_for(r" web images/s1 .*GET /tux.jpg")
        assert backend_of(proxy, "/tux.jpg?x=1") == "images/s1"
        assert backend_of(proxy, "/?x=tux.jpg").startswith("one/")


def test_the_first_route_that_matches_wins(tmp_path):
    rules = """default_backend = "one"
[[frontend.web.route]]
when = { host = "img.example.org" }
backend = "images"
[[frontend.web.route]]
when = [{ path_prefix = "/two/", method = ["GET", "HEAD"] }, { header = { X-Two = true } }]
backend = "two"
[[frontend.web.route]]
when = { path_prefix = "/two/" }
deny = 404
"""
    with farm(tmp_path, rules) as proxy:
        assert backend_of(proxy, "/two/", host="IMG.example.org:8080") == "images/s1"
        assert backend_of(proxy, "/two/x").startswith("two/")
        assert backend_of(proxy, "/", "X-Two: \r\n").startswith("two/")
        assert ask(proxy, "/two/x", method="DELETE")[0] == "HTTP/1.1 404 Not Found"
        assert backend_of(proxy, "/").startswith("one/")


def test_each_request_of_a_connection_finds_its_own_route(tmp_path):
    rules = """default_backend = "one"
[[frontend.web.route]]
when = { path_suffix = ".jpg" }
backend = "images"
"""
    with farm(tmp_path, rules) as proxy:
        client = proxy.connect()
        for path, who in (("/a.jpg", b"images"), ("/a", b"one"), ("/b.jpg", b"images"), ("/b", b"one")):
            client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert client.message()[2].startswith(who)


def test_a_denied_path_is_denied_however_it_is_written(tmp_path):
    rules = """default_backend = "one"
[[frontend.web.route]]
when = { path_prefix = "/admin", not = { source = "10.0.0.0/8" } }
deny = true
"""
    with farm(tmp_path, rules) as proxy:
        for target in ("/admin", "/%61dmin", "//admin", "/x/../admin", "/./admin/", "/%2Fadmin", "/\\admin",
                       "/;x/admin", "http://test/admin"):
            line, _, body = ask(proxy, target)
            assert line == "HTTP/1.1 403 Forbidden" and b"administrative rules" in body, target
        for target in ("/x%2f..%2fadmin", "/%zz", "/x/..;/admin", "/%00admin"):
            assert ask(proxy, target)[0] == "HTTP/1.1 400 Bad request", target
        assert proxy.log.wait_for(r' web web/<NOSRV> 0/-1/-1/-1/\d+ 403 \d+ - - PR-- \S+ 0/0 "GET /%61dmin ')
        # What goes to a server goes as it came.
        assert ask(proxy, "/a%2Fb//c?d")[2].split()[1] == b"/a%2Fb//c?d"


def test_redirects(tmp_path):
    rules = """default_backend = "one"
[[frontend.web.route]]
when = { path = "/old" }
redirect = { location = "https://new.example.org/", code = 301 }
[[frontend.web.route]]
when = { path_prefix = "/move/" }
redirect = { prefix = "/moved" }
[[frontend.web.route]]
when = { not = { path = "/plain" } }
redirect = { scheme = "https", code = 308 }
"""
    with farm(tmp_path, rules) as proxy:
        def moved(path, **how):
            line, fields, body = ask(proxy, path, closes=False, **how)
            assert body == b"" and fields["content-length"] == ["0"]
            return line.split()[1], fields["location"][0]

        assert moved("/old?x") == ("301", "https://new.example.org/")
        assert moved("/move/a?b=c") == ("302", "/moved/move/a?b=c")
        assert moved("/x?y=%20", host="www.example.org:8080") == ("308", "https://www.example.org/x?y=%20")
        assert moved("/x", method="HEAD") == ("308", "https://test/x")
        assert backend_of(proxy, "/plain").startswith("one/")
        assert ask(proxy, "*", method="OPTIONS")[0] == "HTTP/1.1 400 Bad request"
        assert proxy.log.wait_for(r' web web/<NOSRV> 0/-1/-1/-1/\d+ 301 \d+ - - LR-- \S+ 0/0 "GET /old\?x ')


def test_a_connection_lives_on_after_an_answer_of_ours(tmp_path):
    rules = """default_backend = "one"
[[frontend.web.route]]
when = { path = "/teapot" }
return = { status = 418, content_type = "text/x-tea", body = "short and stout" }
[[frontend.web.route]]
when = { path = "/no" }
deny = 403
"""
    with farm(tmp_path, rules) as proxy:
        client = proxy.connect()
        client.send(b"GET /teapot HTTP/1.1\r\nHost: a\r\n\r\n"
                    b"HEAD /teapot HTTP/1.1\r\nHost: a\r\n\r\n"
                    b"POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                    b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n")
        line, fields, body = client.message()
        assert line == "HTTP/1.1 418 I'm a teapot"
        assert (fields["content-type"], body) == (["text/x-tea"], b"short and stout")
        line, fields, _ = client.message(body_expected=False)
        assert (line, fields["content-length"]) == ("HTTP/1.1 418 I'm a teapot", ["15"])
        assert client.message()[0] == "HTTP/1.1 403 Forbidden"
        assert client.message()[2].startswith(b"one/")
        assert proxy.log.wait_for(r' web web/<NOSRV> \S+ 418 \d+ - - LR-- ')


def test_a_body_that_is_still_coming_does_not_become_a_request(tmp_path):
    rules = """default_backend = "one"
[[frontend.web.route]]
when = { method = "POST" }
deny = 403
"""
    with farm(tmp_path, rules) as proxy:
        client = proxy.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        line, fields, _ = client.message()
        assert (line, fields["connection"]) == ("HTTP/1.1 403 Forbidden", ["close"])
        with contextlib.suppress(ConnectionError):
            client.send(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.rest() == b""
        assert all(origin.accepted == 0 for origin in proxy.origins)


def test_a_request_without_a_route_has_nowhere_to_go(tmp_path):
    rules = """[[frontend.web.route]]
when = { path = "/a" }
backend = "one"
"""
    with farm(tmp_path, rules) as proxy:
        assert backend_of(proxy, "/a").startswith("one/")
        assert ask(proxy, "/b")[0] == "HTTP/1.1 503 Service Unavailable"
        assert proxy.log.wait_for(r" web web/<NOSRV> .* 503 .* SC-- ")


def test_routes_come_before_the_statistics(tmp_path):
    rules = """default_backend = "one"
stats = { uri = "/stats", auth = ["a:b"] }
[[frontend.web.route]]
when = { path_prefix = "/stats", header = { X-Outside = true } }
deny = 403
[[frontend.web.route]]
backend = "two"
"""
    with farm(tmp_path, rules) as proxy:
        assert ask(proxy, "/stats", "X-Outside: 1\r\n")[0] == "HTTP/1.1 403 Forbidden"
        assert ask(proxy, "/stats")[0] == "HTTP/1.1 401 Unauthorized"
        csv = ask(proxy, "/stats;csv", "Authorization: Basic YTpi\r\n")[2].decode()
        frontend = next(row for row in csv.splitlines() if row.startswith("web,FRONTEND")).split(",")
        assert frontend[10] == "1"  # dreq


def test_a_tcp_frontend_routes_by_addresses(tmp_path):
    rules = """default_backend = "one"
[[frontend.web.route]]
when = { source = "127.0.0.2" }
backend = "two"
[[frontend.web.route]]
when = { source = ["127.0.0.4/30"], not = { source = "127.0.0.5" } }
deny = true
"""
    with farm(tmp_path, rules, mode="tcp") as proxy:
        def who(source):
            client = proxy.connect(source)
            try:
                return client.rest().decode().split("/")[0]
            finally:
                client.close()

        assert who("127.0.0.1") == "one"
        assert who("127.0.0.2") == "two"
        assert who("127.0.0.5") == "one"
        assert who("127.0.0.6") == ""
        assert proxy.log.wait_for(r"127.0.0.6:\d+ \[.*\] web web/<NOSRV> -1/-1/\d+ 0 PR ")


def test_a_destination_decides(tmp_path):
    rules = """default_backend = "one"
[[frontend.web.route]]
when = { destination = "127.0.0.9", destination_port = PORT }
backend = "two"
"""
    with farm(tmp_path, rules.replace("PORT", "1")) as proxy:
        # The frontend listens everywhere and learns from each connection where it arrived.
        port = proxy.port
        proxy.process.terminate()
        proxy.process.wait(10)
        text = proxy.path.read_text().replace(f'"127.0.0.1:{port}"', f'"*:{port}"')
        proxy.path.write_text(text.replace("destination_port = 1", f"destination_port = {port}"))
        proxy.start()
        assert backend_of(proxy, "/").startswith("one/")
        import socket
        client = Connection(socket.create_connection(("127.0.0.9", port)))
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.message()[2].startswith(b"two/")
        client.close()


def test_error_files_are_read_at_start(tmp_path):
    (tmp_path / "503.http").write_bytes(
        b"HTTP/1.1 503 Gone Fishing\nContent-Type: text/plain\nX-Who: me\nContent-Length: 9\n\nback soon")
    (tmp_path / "403.html").write_text("<h1>no</h1>")
    (tmp_path / "400.html").write_text("<h1>what?</h1>")
    (tmp_path / "backend.txt").write_text("the backend's own\n")
    rules = """default_backend = "one"
error_files = { 503 = "503.http", 403 = "403.html", 400 = "400.html" }
[[frontend.web.route]]
when = { path = "/no" }
deny = 403
[[frontend.web.route]]
when = { path = "/two" }
backend = "two"
"""
    with farm(tmp_path, rules, backend_keys={"two": 'error_files = { 503 = "backend.txt" }\nretries = 0',
                                             "one": "retries = 0"}) as proxy:
        for name in ("503.http", "403.html", "400.html", "backend.txt"):
            os.unlink(tmp_path / name)
        assert ask(proxy, "/no")[2] == b"<h1>no</h1>"
        client = proxy.connect()
        client.send(b"rubbish\r\n\r\n")
        line, fields, body = client.message()
        assert (line, fields["connection"], body) == ("HTTP/1.1 400 Bad Request", ["close"], b"<h1>what?</h1>")
        for origin in proxy.origins:
            origin.close()
        line, fields, body = ask(proxy, "/")
        assert (line, body) == ("HTTP/1.1 503 Gone Fishing", b"back soon")
        assert (fields["x-who"], fields["content-type"]) == (["me"], ["text/plain"])
        line, fields, body = ask(proxy, "/two")
        assert (line, body) == ("HTTP/1.1 503 Service Unavailable", b"the backend's own\n")
        assert fields["cache-control"] == ["no-cache"]
        assert ask(proxy, "/", method="HEAD")[1]["content-length"] == ["9"]


def test_a_bad_error_file_keeps_the_proxy_from_starting(tmp_path):
    (tmp_path / "503.http").write_bytes(b"HTTP/1.1 503 X\r\nContent-Length: 8\r\n\r\nback soon")
    with pytest.raises(AssertionError, match=r"(?s)503.http says Content-Length 8, and its body has 9 bytes"):
        with farm(tmp_path, 'default_backend = "one"\nerror_files = { 503 = "503.http" }\n'):
            pass


def test_the_monitor_says_whether_we_can_serve(tmp_path):
    checked = {"one": 'check = { type = "tcp", interval = "100ms", fall = 1, rise = 1 }'}
    rules = """default_backend = "one"
monitor_uri = "/ready"
monitor_fail = { backend = "one", fewer_than = 2 }
[[frontend.web.route]]
when = { path_prefix = "/" }
backend = "two"
"""
    with farm(tmp_path, rules, backend_keys=checked) as proxy:
        wait_until(lambda: ask(proxy, "/ready")[0] == "HTTP/1.1 200 OK", "both servers are up")
        assert b"Service ready." in ask(proxy, "/ready")[2]
        assert backend_of(proxy, "/ready/").startswith("two/"), "the whole URI counts"
        assert backend_of(proxy, "/ready?x").startswith("two/")
        proxy.origins[1].close()
        wait_until(lambda: ask(proxy, "/ready")[0] == "HTTP/1.1 503 Service Unavailable", "one server is down")
        proxy.log.wait_for(r'"GET /ready\?x HTTP')
        assert not [line for line in proxy.log.lines if '"GET /ready HTTP' in line], "never logged"


@pytest.mark.parametrize("setting, fields, expected", [
    ("true", "", "127.0.0.1"),
    ("true", "X-Forwarded-For: 9.9.9.9\r\n", "9.9.9.9,127.0.0.1"),
    ("{ if_none = true }", "x-forwarded-for: 9.9.9.9\r\n", "9.9.9.9"),
    ("{ if_none = true }", "X-Forwarded: 9.9.9.9\r\n", "127.0.0.1"),
    ("{ if_none = true }", "Connection: X-Forwarded-For\r\nX-Forwarded-For: 9.9.9.9\r\n", "9.9.9.9"),
    ('{ except = ["127.0.0.0/8"] }', "", ""),
    ('{ except = ["10.0.0.0/8"], header = "x-forwarded-for" }', "", "127.0.0.1"),
])
def test_forwarded_for(tmp_path, setting, fields, expected):
    with farm(tmp_path, f'default_backend = "one"\nforwarded_for = {setting}\n', backends=("one",)) as proxy:
        body = ask(proxy, "/", fields)[2].decode().split()
        assert " ".join(body[2:]) == expected


def test_a_websocket_lives_by_the_tunnel_timeout(tmp_path):
    """Longer than the other timeouts while it is idle, and no longer than its own."""
    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while data := connection.fill():
            connection.buffer = b""
            connection.send(data)

    origin = Origin(serve)
    proxy = Proxy(tmp_path, [origin.port], run=False)
    text = proxy.path.read_text()
    start = text.index("timeout = {")
    end = text.index("}", start)
    proxy.path.write_text(text[:start] + 'timeout = { connect = "2s", client = "1s", server = "1s", http_request = "5s", '
                          'tunnel = "3500ms" ' + text[end:])
    proxy.start()
    try:
        client = proxy.connect()
        client.send(b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        for _ in range(2):
            time.sleep(1.5)  # more than client and server allow, less than the tunnel does
            began = time.monotonic()
            client.send(b"\x81\x05hello")
            assert client.exactly(7) == b"\x81\x05hello"
        assert client.rest() == b""
        assert 3.5 <= time.monotonic() - began < 8
        proxy.log.wait_for(r" 101 .* cD-- ")
    finally:
        proxy.stop()
        origin.close()
