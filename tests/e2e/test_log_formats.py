"""What log lines say: formats of one's own, captured fields, JSON; and that nobody forges them."""

import json
import re

import pytest

from loopback import answering, ok, proxy_and_origin, wait_until

CAPTURES = """
capture_request_headers = ["Host", { name = "User-Agent", length = 8 }]
capture_response_headers = ["Server"]
"""
TOML_FORMAT = "log_format = '%s'\n" + CAPTURES
# As bytes on the wire: what a line feed, a quote, a brace or a bar could end, and what is no UTF-8.
HOSTILE_PATH = b'/"}|{\\\xff\xc3\x80?x="} 1.2.3.4'.replace(b" ", b"%20")
HOSTILE_AGENT = b'"}|\\\xff\x9b\xc2\x85'


def serve(connection, _number):
    """A server whose own name is hostile too."""
    while True:
        connection.message()
        connection.send(ok(extra=b'Server: A"|}\xe9\r\n'))


def ask(proxy, path=b"/a?b=c", agent=b"curl", body=b"", host=b"shop.example"):
    """Until its line is there, too: lines of two workers come in any order."""
    before = len(proxy.log.lines)
    connection = proxy.connect()
    connection.send(b"POST " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\nUser-Agent: " + agent
                    + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    connection.message()
    connection.close()
    wait_until(lambda: len(proxy.log.lines) > before, "a line")


def text_of(line):
    return re.sub(r"^<\d+>[A-Z][a-z]{2} [ \d]\d [\d:]{8} hapair-proxy\[\d+\]: ", "", line)


def lines_of(proxy, count):
    def texts():
        return [text_of(line) for line in proxy.log.lines if not text_of(line).startswith("Server ")]

    wait_until(lambda: len(texts()) >= count, f"{count} lines")
    return texts()


def test_a_format_of_ones_own(tmp_path):
    form = TOML_FORMAT % ('%ci %{+Q}r %ST %B in=%U %f>%b/%s %hr %hs '
                          '[%[capture.req.hdr(0)]] %HM %HP %HQ %tsc %Ta 100%% %si:%sp %{+Q}hrl')
    with proxy_and_origin(tmp_path, serve, frontend=form) as (proxy, origin):
        ask(proxy, body=b"x" * 1000)
        line, = lines_of(proxy, 1)
    found = re.fullmatch(r'127\.0\.0\.1 "POST /a\?b=c HTTP/1\.1" 200 (\d+) in=(\d+) http-in>app/s1 '
                         r'\{shop\.example\|curl\} \{A#22#7C#7D#E9\} \[shop\.example\] POST /a \?b=c ---- \d+ 100% '
                         rf'127\.0\.0\.1:{origin.port} "shop\.example" "curl"', line)
    assert found, line
    assert int(found[1]) > 5
    assert int(found[2]) > 1000, "head and body"


def test_where_our_ends_are_and_what_number_it_is(tmp_path):
    form = TOML_FORMAT % "%ci:%cp>%fi:%fp %bi:%bp>%si:%sp %rt %lc %Tu %[dst] %[dst_port]"
    peers = []

    def note(connection, number):
        peers.append(connection.socket.getpeername())
        serve(connection, number)

    with proxy_and_origin(tmp_path, note, frontend=form) as (proxy, origin):
        for _ in range(3):
            ask(proxy)
        lines = lines_of(proxy, 3)
    for number, line in enumerate(lines):
        found = re.fullmatch(rf"127\.0\.0\.1:\d+>127\.0\.0\.1:{proxy.port} 127\.0\.0\.1:(\d+)>"
                             rf"127\.0\.0\.1:{origin.port} {number} {number} \d+ 127\.0\.0\.1 {proxy.port}",
                             line)
        assert found, line
        assert int(found[1]) in [port for _, port in peers]


def test_a_request_that_is_none_has_an_end_of_ours_and_no_source(tmp_path):
    form = TOML_FORMAT % "%fi:%fp %bi:%bp %ST"
    with proxy_and_origin(tmp_path, serve, frontend=form) as (proxy, _origin):
        connection = proxy.connect()
        connection.send(b"no request\r\n\r\n")
        connection.message()
        line, = lines_of(proxy, 1)
    assert line == f"127.0.0.1:{proxy.port} -:- 400"


def test_tcp_lines_know_our_ends_too(tmp_path):
    form = 'mode = "tcp"\nlog_format = "%fi:%fp %bi:%bp>%si:%sp %rt %lc"'
    with proxy_and_origin(tmp_path, serve, frontend=form, backend='mode = "tcp"') as (proxy, origin):
        ask(proxy)
        line, = lines_of(proxy, 1)
    assert re.fullmatch(rf"127\.0\.0\.1:{proxy.port} 127\.0\.0\.1:[1-9]\d*>127\.0\.0\.1:{origin.port} 0 0",
                        line), line


def test_captured_fields_stand_in_haproxys_line(tmp_path):
    with proxy_and_origin(tmp_path, serve, frontend=CAPTURES) as (proxy, _):
        ask(proxy, agent=b"Mozilla/5.0")
        line, = lines_of(proxy, 1)
        assert re.fullmatch(r'127\.0\.0\.1:\d+ \[[^]]+\] http-in app/s1 [\d/]+ 200 \d+ - - ---- [\d/]+ 0/0 '
                            r'\{shop\.example\|Mozilla/\} \{A#22#7C#7D#E9\} "POST /a\?b=c HTTP/1\.1"', line), line


def test_a_captured_cookie_stands_in_haproxys_line(tmp_path):
    """The visitor's and the one the server sets; the cookie of ours is not shown."""
    answers = iter([b"Set-Cookie: SIDX=new; path=/\r\n", b"", b"Set-Cookie: other=1\r\n"])
    with proxy_and_origin(tmp_path, answering(lambda *_: ok(extra=next(answers))),
                          frontend='capture_cookie = { name = "SID", length = 10 }',
                          backend='cookie = { name = "SRV", mode = "insert" }',
                          server_extra='cookie = "S1"') as (proxy, _):
        client = proxy.connect()  # one connection: what was captured before is forgotten
        for cookie in (b"Cookie: a=1; SID=0123456789; SID=x\r\n", b"Cookie: SID=a b\r\n", b""):
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + cookie + b"\r\n")
            client.message()
        client.close()
        seen = [re.search(r" 200 \d+ (\S+ \S+) --NI ", line)[1] for line in lines_of(proxy, 3)]
        assert seen == ["SID=012345 SIDX=new", "SID=a#20b -", "- -"]


def test_a_captured_cookie_in_json(tmp_path):
    with proxy_and_origin(tmp_path, answering(), frontend='log_format = "json"\ncapture_cookie = "SID="',
                          defaults="") as (proxy, _):
        proxy.get(fields="Cookie: SIDX=1; SID=\"quoted\"\r\n")
        line = json.loads(text_of(lines_of(proxy, 1)[0]))
        assert (line["request_cookie"], line["response_cookie"]) == ('SID="quoted"', None)


def test_nothing_is_left_of_the_request_before_on_one_connection(tmp_path):
    with proxy_and_origin(tmp_path, answering(), frontend=CAPTURES) as (proxy, _):
        connection = proxy.connect()
        for fields in (b"Host: first\r\nUser-Agent: a\r\n", b"Host: second\r\n", b"Host: third\r\nuser-agent: c\r\n"):
            connection.send(b"GET / HTTP/1.1\r\n" + fields + b"\r\n")
            connection.message()
        connection.send(b"nonsense\r\n\r\n")
        connection.message()
        connection.close()
        lines = lines_of(proxy, 4)
    assert [re.search(r"(\{.*?\}) (\{.*?\}) ", line).groups() for line in lines] == [
        ("{first|a}", "{}"), ("{second|}", "{}"), ("{third|c}", "{}"), ("{|}", "{}")]
    assert lines[3].endswith('"<BADREQ>"')


def test_json_is_what_python_reads(tmp_path):
    with proxy_and_origin(tmp_path, serve, frontend='log_format = "json"\n' + CAPTURES) as (proxy, _):
        ask(proxy, body=b"x" * 1000)
        entry = json.loads(lines_of(proxy, 1)[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", entry["time"])
    assert {key: entry[key] for key in ("client_address", "frontend", "backend", "server", "status", "termination",
                                        "retries", "redispatched", "method", "uri", "version")} == {
        "client_address": "127.0.0.1", "frontend": "http-in", "backend": "app", "server": "s1", "status": 200,
        "termination": "----", "retries": 0, "redispatched": False, "method": "POST", "uri": "/a?b=c",
        "version": "HTTP/1.1"}
    assert entry["request_headers"] == {"Host": "shop.example", "User-Agent": "curl"}
    assert entry["response_headers"] == {"Server": 'A"|}\ufffd'}
    assert entry["bytes_in"] > 1000
    assert all(isinstance(entry[key], int) for key in entry if key.endswith("_ms"))


@pytest.mark.parametrize("form", ["json", "%ci %{+Q}r %hr %hs %[capture.req.hdr(1)]"])
def test_nobody_forges_a_line(tmp_path, form):
    with proxy_and_origin(tmp_path, serve, frontend=TOML_FORMAT % form) as (proxy, _):
        ask(proxy, HOSTILE_PATH, HOSTILE_AGENT)
        ask(proxy, b"/after")
        lines = lines_of(proxy, 2)
    assert len(lines) == 2
    if form == "json":
        for line in lines:
            assert line.encode("latin-1").decode().isprintable(), line
        entry = json.loads(lines[0].encode("latin-1"))
        assert set(entry) == set(json.loads(lines[1]))
        assert entry["status"] in (200, 400)
        if entry["status"] == 200:
            assert entry["uri"] == HOSTILE_PATH.decode(errors="replace")
            assert entry["request_headers"]["User-Agent"].startswith('"}|\\\ufffd')
    else:
        assert all(32 <= ord(char) < 127 for line in lines for char in line), lines
        assert lines[0].count('"') == 2
        assert lines[0].count("{") - lines[0].split('"')[1].count("{") == 2, lines[0]
        assert re.fullmatch(r'127\.0\.0\.1 "[^"]*" \{[^{}|]*\|[^{}|]*\} \{[^{}|]*\} \S+', lines[0]), lines[0]


def test_json_that_is_too_long_is_shortened_and_stays_json(tmp_path):
    form = 'log_format = "json"\ncapture_request_headers = [{ name = "User-Agent", length = 4096 }]\n'
    with proxy_and_origin(tmp_path, serve, frontend=form) as (proxy, _):
        for size in (1, 100, 300, 1000, 5000):
            ask(proxy, b"/" + b"\x22" * size, b"\\" * size)
        lines = lines_of(proxy, 5)
        assert all(len(line) <= 1024 for line in proxy.log.lines)
    for line in lines:
        assert json.loads(line)["status"] == 200
    assert json.loads(lines[0])["uri"] == '/"'


def test_json_whose_names_are_too_long_has_fewer_members_and_stays_json(tmp_path):
    names = ", ".join(f'"X-A-Header-Of-Many-{number}"' for number in range(25))
    form = f'log_format = "json"\ncapture_request_headers = [{names}]\n'
    with proxy_and_origin(tmp_path, serve, frontend=form) as (proxy, _):
        ask(proxy)
        line, = lines_of(proxy, 1)
        assert len(proxy.log.lines[-1]) <= 1024
    assert json.loads(line)["method"] is None, "every text is at its shortest"
    assert 0 < len(json.loads(line)["request_headers"]) < 25
