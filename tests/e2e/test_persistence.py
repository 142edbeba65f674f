"""Cookies that keep visitors on their server, through the real binary. What is sent and the letters
of the log are as HAProxy 2.6.12 was seen to do it; every mode's details are unit tests."""

import re
import threading

import pytest

from loopback import TIMEOUT, Origin, Proxy, ok, wait_until

NAMES = ("s1", "s2", "s3")


class Shop:
    """Servers s1, s2, … with the cookies S1, S2, …, which say what cookies they saw."""

    def __init__(self, tmp_path, cookie, servers=2, **options):
        self.extra = b""  # fields that the servers add
        self.seen = []
        self.held = []
        self.hold = threading.Event()
        self.hold.set()
        self.origins = [Origin(self._serve(name)) for name in NAMES[:servers]]
        options.setdefault("server_extra", lambda number: f'cookie = "S{number}"')
        self.proxy = Proxy(tmp_path, [origin.port for origin in self.origins],
                           backend=f"cookie = {{ {cookie} }}\n" + options.pop("backend", ""), **options)

    def _serve(self, name):
        def serve(connection, _number):
            while True:
                line, fields, _ = connection.message()
                self.seen.append(fields.get("cookie"))
                if "/held" in line:
                    self.held.append(name)
                    self.hold.wait(TIMEOUT)
                connection.send(ok(name.encode(), self.extra))
        return serve

    def visit(self, cookie=None, path="/", method="GET"):
        """(server, what the servers saw, Set-Cookie fields, letters of the log)"""
        before = len(self.proxy.log.lines)
        connection = self.proxy.connect()
        fields = f"Cookie: {cookie}\r\n" if cookie else ""
        connection.send(f"{method} {path} HTTP/1.1\r\nHost: test\r\n{fields}Content-Length: 0\r\n\r\n".encode())
        line, answer, body = connection.message()
        connection.close()
        # Lines about servers may come between.
        self.line = wait_until(lambda: [one for one in self.proxy.log.lines[before:] if " - - " in one],
                               "the log line")[0]
        letters = re.search(r" - - (....) ", self.line)[1]
        seen = self.seen[-1] if line.split()[1] == "200" else None
        return body.decode() if seen is not None or line.split()[1] == "200" else line, seen, \
            answer.get("set-cookie"), letters

    def close(self):
        self.hold.set()
        self.proxy.stop()
        for origin in self.origins:
            origin.close()


@pytest.fixture
def shop(tmp_path):
    made = []

    def make(*arguments, **options):
        made.append(Shop(tmp_path, *arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


INSERT = 'name = "SRV", mode = "insert"'


def test_an_inserted_cookie_is_given_once_and_kept_to(shop):
    app = shop(INSERT)
    assert app.visit() == ("s1", None, ["SRV=S1; path=/"], "--NI")
    for _ in range(5):
        assert app.visit("SRV=S2") == ("s2", ["SRV=S2"], None, "--VN")
    assert app.visit("a=1; SRV=S1; b=2") == ("s1", ["a=1; SRV=S1; b=2"], None, "--VN")
    assert app.visit("SRV=S9") == ("s2", ["SRV=S9"], ["SRV=S2; path=/"], "--II")


def test_indirect_keeps_the_cookie_from_the_servers(shop):
    app = shop(INSERT + ", indirect = true")
    assert app.visit("a=1; SRV=S2; b=2") == ("s2", ["a=1; b=2"], None, "--VN")
    assert app.visit("SRV=S2") == ("s2", None, None, "--VN")


def test_every_word_of_an_inserted_cookie(shop):
    app = shop(INSERT + ', indirect = true, nocache = true, httponly = true, secure = true, '
               'domain = ".ex.com", attr = "SameSite=Lax", max_idle = "30m", max_life = "8h"')
    app.extra = b"ETag: x\r\n"
    server, _, (cookie,), letters = app.visit()
    found = re.fullmatch(r"SRV=S1\|(\S{5})\|(\S{5}); path=/; domain=\.ex\.com; HttpOnly; Secure; SameSite=Lax",
                         cookie)
    assert found and found[1] == found[2] and (server, letters) == ("s1", "--NI")
    # A visit from two hours ago is no visit any more; one of these four seconds is not told again.
    assert app.visit(f"SRV=S1|{found[1]}|{found[1]}")[3] in ("--VN", "--VU")
    assert app.visit("SRV=S1|aaaaa|aaaaa")[3] == "--OI"
    assert app.proxy.get()[1]["cache-control"] == ["private"]
    app.extra = b""
    assert "cache-control" not in app.proxy.get()[1]


def test_a_prefix_is_put_before_the_applications_value_and_taken_off_again(shop):
    app = shop('name = "SRV", mode = "prefix"')
    app.extra = b"Set-Cookie: SRV=abc; path=/\r\nSet-Cookie: other=1\r\n"
    assert app.visit() == ("s1", None, ["SRV=S1~abc; path=/", "other=1"], "--NR")
    app.extra = b""
    assert app.visit("SRV=S2~abc; x=1") == ("s2", ["SRV=abc; x=1"], None, "--VN")
    assert app.visit("SRV=S9~abc") == ("s2", ["SRV=abc"], None, "--IN")


def test_a_rewritten_cookie_names_the_server(shop):
    app = shop('name = "SRV", mode = "rewrite"')
    app.extra = b"Set-Cookie: SRV=; path=/\r\n"
    assert app.visit() == ("s1", None, ["SRV=S1; path=/"], "--NR")
    assert app.visit("SRV=S2") == ("s2", ["SRV=S2"], ["SRV=S2; path=/"], "--VR")


def test_postonly_and_preserve(shop):
    app = shop(INSERT + ", postonly = true, preserve = true")
    assert app.visit()[2:] == (None, "--NN")
    assert app.visit(method="POST")[2:] == (["SRV=S2; path=/"], "--NI")
    app.extra = b"Set-Cookie: SRV=; Max-Age=0\r\n"
    assert app.visit("SRV=S1") == ("s1", ["SRV=S1"], ["SRV=; Max-Age=0"], "--VP")


def test_dynamic_cookies_are_the_same_on_both_nodes(shop, tmp_path):
    cookie = INSERT + ', dynamic = true, key = "of the pair"'
    app = shop(cookie, server_extra="")
    given = app.visit()[2][0].split(";")[0]
    assert re.fullmatch("SRV=[0-9a-f]{16}", given)
    (tmp_path / "peer").mkdir()
    peer = Proxy(tmp_path / "peer", [origin.port for origin in app.origins], backend=f"cookie = {{ {cookie} }}")
    try:
        for _ in range(4):
            assert peer.get(fields=f"Cookie: {given}\r\n")[2] == b"s1"
    finally:
        peer.stop()


def test_a_server_that_refuses_is_tried_again_and_then_left_for_another_and_a_new_cookie(shop):
    """003: the server dies, and no check has noticed."""
    app = shop(INSERT, defaults='retries = 2')
    app.origins[0].close()
    assert app.visit("SRV=S1") == ("s2", ["SRV=S1"], ["SRV=S2; path=/"], "--DI")
    assert " app/s2 " in app.line and "/+2 0/0 " in app.line


def test_of_servers_with_one_cookie_the_next_takes_over_first(shop):
    app = shop(INSERT, servers=3, server_extra=lambda number: f'cookie = "{"ABA"[number - 1]}"',
               defaults="retries = 1")
    assert app.visit("SRV=A") == ("s1", ["SRV=A"], None, "--VN")
    app.origins[0].close()
    assert app.visit("SRV=A") == ("s3", ["SRV=A"], None, "--VN")


def test_without_redispatch_a_tied_request_fails_with_its_server(shop):
    app = shop(INSERT, defaults="retries = 1\nredispatch = false")
    app.origins[0].close()
    assert app.visit("SRV=S1") == ("HTTP/1.1 503 Service Unavailable", None, None, "SCVN")
    assert app.visit("SRV=S2")[3] == "--VN"


def test_a_checked_server_that_is_down_loses_its_visitors_and_one_of_weight_zero_does_not(shop):
    app = shop(INSERT, servers=3,
               server_extra=lambda number: f'cookie = "S{number}"\n'
               + ('check = { interval = "100ms", fall = 1, rise = 1 }' if number == 1 else "")
               + ("weight = 0" if number == 3 else ""))
    wait_until(lambda: app.visit("SRV=S1")[0] == "s1", "s1 is known to be up")
    app.origins[0].close()
    app.proxy.log.wait_for("Server app/s1 is DOWN")
    server, _, cookie, letters = app.visit("SRV=S1")
    assert (server, cookie, letters) == ("s2", ["SRV=S2; path=/"], "--DI")
    for _ in range(4):
        assert app.visit()[0] == "s2"  # nobody new goes to weight 0
        assert app.visit("SRV=S3") == ("s3", ["SRV=S3"], None, "--VN")


def test_tied_requests_queue_at_their_server_while_others_are_free(shop):
    app = shop(INSERT, backend='timeout = { queue = "300ms" }',
               server_extra=lambda number: f'cookie = "S{number}"\nmaxconn = 1')
    app.hold.clear()
    holder = app.proxy.connect()
    holder.send(b"GET /held HTTP/1.1\r\nHost: test\r\nCookie: SRV=S1\r\n\r\n")
    wait_until(lambda: app.held == ["s1"], "the slot of s1 is taken")
    assert app.visit("SRV=S2") == ("s2", ["SRV=S2"], None, "--VN")
    server, _, _, letters = app.visit("SRV=S1")
    assert (server, letters) == ("HTTP/1.1 503 Service Unavailable", "sQVN")
    waited = re.search(r" app/<NOSRV> \d+/(\d+)/-1/-1/\d+ 503 .* 1/0 ", app.line)
    assert 300 <= int(waited[1]) < TIMEOUT * 1000  # and not the 20 s of the defaults
    app.hold.set()
    assert holder.message()[2] == b"s1"
    app.proxy.log.wait_for('"GET /held ')
    assert app.visit("SRV=S1") == ("s1", ["SRV=S1"], None, "--VN")


def test_the_letters_of_a_listen_sections_own_answers(tmp_path):
    """As HAProxy 2.6.12 writes them."""
    proxy = Proxy(tmp_path, [], run=False)
    proxy.path.write_text(re.sub(r"(?s)\[frontend\.http-in\](.*?)default_backend = \"app\"(.*?)\[backend\.app\]",
                                 r"[listen.app]\1\2", proxy.path.read_text())
                          + 'cookie = { name = "S", mode = "insert" }\nstats = { uri = "/stats", auth = ["a:b"] }\n')
    proxy.start()
    try:
        proxy.get("/stats", "Authorization: Basic YTpi\r\n")
        assert " LRNN " in proxy.log.wait_for("<STATS>")
        connection = proxy.connect()
        connection.send(b"BAD\r\n\r\n")
        connection.rest()
        assert " PR-- " in proxy.log.wait_for("<BADREQ>")
    finally:
        proxy.stop()


def test_a_cookie_costs_no_other_field_a_byte(shop):
    app = shop(INSERT + ", indirect = true")
    heads = []
    app.origins[0].serve = lambda connection, _number: (
        heads.append(connection.until(b"\r\n\r\n")), connection.send(ok(extra=b"X-A:  b \r\n")))
    connection = app.proxy.connect()
    connection.send(b"GET / HTTP/1.1\r\nHost: test\r\nX:  y \r\nCookie: SRV=S1; a=\"1; 2\" ; b\r\n"
                    b"Accept:*/*\r\n\r\n")
    assert connection.until(b"\r\n\r\n") == b"HTTP/1.1 200 OK\r\nX-A:  b \r\nContent-Length: 5\r\n\r\n"
    assert heads == [b"GET / HTTP/1.1\r\nHost: test\r\nX:  y \r\nCookie: a=\"1; 2\" ; b\r\nAccept:*/*\r\n\r\n"]
