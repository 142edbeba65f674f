"""Seed 003, told with real servers: one proxy in front of two LAMP servers at the seed's addresses.
Every test is named after the row of the reference that it shows; the seed's own words are in its
docstring. The configuration is etc/seed-003-stickiness.toml, with the one line changed that a chapter
of the seed changes."""
import collections
import re

import pytest

from loopback import wait_until
from town import founded, seed, varied

PUBLIC = "http://1.1.1.1"
VISITOR = "117.213.87.127"

FILE_PHP = """<?php
header('Content-Type: text/plain');
echo "Server IP: ".$_SERVER['SERVER_ADDR'];
echo "\\nClient IP: ".$_SERVER['REMOTE_ADDR'];
echo "\\nX-Forwarded-for: ".$_SERVER['HTTP_X_FORWARDED_FOR'];
?>
"""
SESSION_PHP = """<?php
header('Content-Type: text/plain');
session_start();
if(!isset($_SESSION['visit']))
{
  echo "This is the first time you're visiting this server";
  $_SESSION['visit'] = 0;
}
else
  echo "Your number of visits: ".$_SESSION['visit'];
$_SESSION['visit']++;
echo "\\nServer IP: ".$_SERVER['SERVER_ADDR'];
echo "\\nClient IP: ".$_SERVER['REMOTE_ADDR'];
echo "\\nX-Forwarded-for: ".$_SERVER['HTTP_X_FORWARDED_FOR']."\\n";
print_r($_COOKIE);
?>
"""

PREFIX = ('cookie = { name = "SRVNAME", mode = "insert" } ', 'cookie = { name = "PHPSESSID", mode = "prefix" } ')
KEEP_ALIVE = ('connection = "close"  ', 'connection = "server-close"  ')


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with founded(tmp_path_factory.mktemp("seed003")) as town:
        town.client = town.host("client", VISITOR + "/32")
        town.proxy = town.host("haproxy", "1.1.1.1/32", "10.0.0.100/24")
        town.lamps = {"10.0.0.1": town.host("lamp1", "10.0.0.1/24"), "10.0.0.2": town.host("lamp2", "10.0.0.2/24")}
        # The public network between visitor and proxy.
        town.client.run("ip", "route", "add", "1.1.1.1", "dev", "eth0")
        town.proxy.run("ip", "route", "add", VISITOR, "dev", "eth0", "src", "1.1.1.1")
        town.proxy.start_rsyslog()
        for lamp in town.lamps.values():
            lamp.page("file.php", FILE_PHP)
            lamp.page("session.php", SESSION_PHP)
            lamp.page("index.html", f"<h1>{lamp.name}</h1>\n")
            lamp.start_apache(php=True)
        yield town


class Farm:
    """The town with the proxy running by one variation of the seed's configuration."""

    def __init__(self, town):
        self.town, self.client, self.lamps = town, town.client, town.lamps

    def serve(self, *lines):
        for lamp in self.lamps.values():
            if "apache" not in lamp.processes:
                lamp.resume_apache()
        self.town.proxy.start_proxy(varied(seed("003"), self.town.folder, lines=lines), 80)
        cookie = "PHPSESSID=S{}~x" if PREFIX in lines else "SRVNAME=S{}"
        for number in (1, 2):
            wait_until(lambda: self.server(PUBLIC + "/file.php", "--cookie", cookie.format(number), good=False)
                       == f"10.0.0.{number}", f"lamp{number} is known to be up")

    def server(self, url=PUBLIC + "/file.php", *words, good=True):
        status, _, body = self.client.curl(*words, url)
        assert status == 200 or not good, (status, body)
        return re.search(r"Server IP: (\S+)", body)[1] if status == 200 else None

    def servers(self, count, url=PUBLIC + "/file.php", *words):
        return [self.server(url, *words) for _ in range(count)]

    def log(self, path, since=0):
        return self.town.proxy.wait_for_log(re.escape(f'"GET {path} HTTP/1.1"'), since)

    def logs(self, path):
        return len(self.town.proxy.logged(re.escape(f'"GET {path} HTTP/1.1"')))


@pytest.fixture
def farm(town):
    farm = Farm(town)
    yield farm
    if "proxy" in town.proxy.processes:
        town.proxy.stop("proxy")


def test_seed_003_balance_roundrobin(farm):
    """> curl http://1.1.1.1/file.php, three times: 10.0.0.1, 10.0.0.2, 10.0.0.1"""
    farm.serve()
    seen = farm.servers(6)
    assert seen in (["10.0.0.1", "10.0.0.2"] * 3, ["10.0.0.2", "10.0.0.1"] * 3)


def test_seed_003_option_forwardfor(farm):
    """Client IP is the balancer's private address, X-Forwarded-for the visitor's."""
    farm.serve()
    for _ in range(2):
        assert re.fullmatch(r"Server IP: 10\.0\.0\.[12]\nClient IP: 10\.0\.0\.100\nX-Forwarded-for: 117\.213\.87\.127\n?",
                            farm.client.curl(PUBLIC + "/file.php")[2])


def test_seed_003_option_httplog(farm):
    farm.serve()
    farm.client.curl(PUBLIC + "/file.php?logged")
    line = farm.log("/file.php?logged")
    # The visits before may just be ending: how many there are is their business.
    assert re.fullmatch(
        r"local0\.info 127\.0\.0\.1 hapair-proxy\[\d+\]: 117\.213\.87\.127:\d+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] "
        r"appname appname/lamp[12] \d+/\d+/\d+/\d+/\d+ 200 \d+ - - --NI \d+/\d+/\d+/\d+/0 0/0 \"GET /file\.php\?logged HTTP/1\.1\"",
        line), line


def test_seed_003_cookie_insert(farm):
    """Set-Cookie: SRVNAME=S1; path=/ behind the server's fields; then none, and $_COOKIE shows it."""
    farm.serve()
    before = farm.logs("/session.php")
    status, fields, body = farm.client.curl(PUBLIC + "/session.php")
    assert status == 200 and "This is the first time you're visiting this server" in body
    session, ours = fields["set-cookie"]
    session = re.fullmatch(r"PHPSESSID=(\w+); path=/", session)[1]
    server = re.search(r"Server IP: (\S+)", body)[1]
    word = {"10.0.0.1": "S1", "10.0.0.2": "S2"}[server]
    assert ours == f"SRVNAME={word}; path=/"
    assert list(fields).index("set-cookie") > 0 and " --NI " in farm.log("/session.php", before)
    for visit in (1, 2):
        before = farm.logs("/session.php")
        _, fields, body = farm.client.curl(PUBLIC + "/session.php", "--cookie", f"PHPSESSID={session};SRVNAME={word};")
        assert f"Your number of visits: {visit}\nServer IP: {server}\n" in body
        assert f"[PHPSESSID] => {session}\n    [SRVNAME] => {word}\n" in body
        assert "set-cookie" not in fields and " --VN " in farm.log("/session.php", before)


def test_seed_003_cookie_prefix(farm):
    """Set-Cookie: PHPSESSID=S1~6l2pou…; path=/, and PHP sees its own value alone."""
    farm.serve(PREFIX)
    before = farm.logs("/session.php")
    status, fields, body = farm.client.curl(PUBLIC + "/session.php")
    (cookie,) = fields["set-cookie"]
    found = re.fullmatch(r"PHPSESSID=(S[12])~(\w+); path=/", cookie)
    server = {"S1": "10.0.0.1", "S2": "10.0.0.2"}[found[1]]
    assert status == 200 and f"Server IP: {server}" in body
    assert " --NR " in farm.log("/session.php", before)
    for visit in (1, 2):
        before = farm.logs("/session.php")
        _, fields, body = farm.client.curl(PUBLIC + "/session.php", "--cookie", f"PHPSESSID={found[1]}~{found[2]};")
        assert f"Your number of visits: {visit}\nServer IP: {server}\n" in body
        assert f"[PHPSESSID] => {found[2]}\n" in body
        assert "set-cookie" not in fields and " --VN " in farm.log("/session.php", before)


def test_seed_003_redispatch_overrides_stickiness(farm):
    """service apache2 stop on lamp1: whoever has its cookie is answered by lamp2 and told so."""
    farm.serve()
    assert farm.servers(4, PUBLIC + "/file.php", "--cookie", "SRVNAME=S1") == ["10.0.0.1"] * 4
    farm.lamps["10.0.0.1"].stop("apache")
    status, fields, body = farm.client.curl(PUBLIC + "/file.php?gone", "--cookie", "SRVNAME=S1")
    assert (status, fields["set-cookie"]) == (200, ["SRVNAME=S2; path=/"]) and "Server IP: 10.0.0.2" in body
    assert " --DI " in farm.log("/file.php?gone")
    assert farm.servers(4) == ["10.0.0.2"] * 4
    farm.lamps["10.0.0.1"].resume_apache()
    wait_until(lambda: farm.server(PUBLIC + "/file.php", "--cookie", "SRVNAME=S1") == "10.0.0.1", "lamp1 is back", 10)


def test_seed_003_a_server_stops_and_nobody_notices(farm):
    """The failover test of the seed: curl again and again while lamp2 goes."""
    farm.serve()
    farm.servers(2)
    farm.lamps["10.0.0.2"].stop("apache")
    assert farm.servers(10) == ["10.0.0.1"] * 10
    farm.town.proxy.wait_for_log("Server appname/lamp2 is DOWN, reason: Layer4 connection problem")
    assert farm.servers(4) == ["10.0.0.1"] * 4


def test_seed_003_option_httpclose(farm):
    """Connection: close in every response, and curl connects anew."""
    farm.serve()
    assert farm.client.curl(PUBLIC + "/index.html")[1]["connection"] == ["close"]
    told = farm.client.run("curl", "-sv", PUBLIC + "/index.html", PUBLIC + "/index.html").stderr
    assert "Re-using existing connection" not in told and told.count("* Connected to 1.1.1.1") == 2


def test_seed_003_option_http_server_close(farm):
    """> curl -v http://1.1.1.1/index.html http://1.1.1.1/index.html: look for "Re-using existing connection"."""
    farm.serve(KEEP_ALIVE)
    told = farm.client.run("curl", "-sv", PUBLIC + "/index.html", PUBLIC + "/index.html").stderr
    assert re.search(r"Re-using existing connection.* with host 1\.1\.1\.1", told), told
    assert told.count("* Connected to 1.1.1.1") == 1 and "< connection: close" not in told.lower()
    # The servers' side is closed after each: a connection is one line of one request there.
    assert {line.split('"')[2].strip() for lamp in farm.lamps.values() for line in lamp.accesses("index.html")} == {"200"}


def test_seed_003_timeout_http_keep_alive(farm):
    """timeout http-keep-alive 3000: the idle connection is closed without a word."""
    farm.serve(KEEP_ALIVE)
    out = farm.client.out("/usr/bin/python3", "-c", """
import socket, time
s = socket.create_connection(("1.1.1.1", 80), 10)
for _ in range(2):
    begun = time.monotonic()
    s.sendall(b"GET /index.html HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
    answer = s.recv(65536)
    while not answer.endswith(b"</h1>\\n"): answer += s.recv(65536)
print(s.recv(1), time.monotonic() - begun)""").split()
    assert out[0] == "b''" and 3 <= float(out[1]) < 9, out


@pytest.mark.parametrize("user", ["A_Username:YourPassword", "Another_User:passwd"])
def test_seed_003_stats_auth_and_realm(farm, user):
    farm.serve()
    page = PUBLIC + "/haproxy?stats"
    status, fields, _ = farm.client.curl(page)
    assert (status, fields["www-authenticate"]) == (401, ['Basic realm="Strictly Private"'])
    assert farm.client.curl("-u", "A_Username:passwd", page)[0] == 401
    status, fields, body = farm.client.curl("-u", user, page)
    assert status == 200 and fields["content-type"][0].startswith("text/html") and "lamp2" in body
    rows = farm.client.curl("-u", user, page + ";csv")[2].splitlines()
    assert [row.split(",")[1] for row in rows[1:] if row] == ["FRONTEND", "lamp1", "lamp2", "BACKEND"]


# ---- every algorithm the seed names, and those the configuration offers beside them

def alternates(farm):
    seen = farm.servers(6)
    assert seen in (["10.0.0.1", "10.0.0.2"] * 3, ["10.0.0.2", "10.0.0.1"] * 3)


def stays(farm):
    assert len(set(farm.servers(6))) == 1


def takes_the_first(farm):
    assert farm.servers(6) == ["10.0.0.1"] * 6


def uses_both(farm):
    seen = collections.Counter(farm.servers(40))
    assert min(seen["10.0.0.1"], seen["10.0.0.2"]) > 3  # three and less of 40 throws: once in fifty million


def follows(key, whatever_else, without=None):
    """One server for each of many keys, both among them, and the same one whatever else a request says; those
    without a key go around. Each is (path behind file.php, curl's words)."""
    def ask(farm, said):
        return farm.server(PUBLIC + "/file.php" + said[0], *said[1])

    def check(farm):
        homes = {number: ask(farm, key(number)) for number in range(16)}
        assert set(homes.values()) == {"10.0.0.1", "10.0.0.2"}, homes
        for number in (0, 5, 15):
            assert [ask(farm, whatever_else(number, turn)) for turn in range(4)] == [homes[number]] * 4
        if without:
            seen = [ask(farm, without) for _ in range(6)]
            assert seen in (["10.0.0.1", "10.0.0.2"] * 3, ["10.0.0.2", "10.0.0.1"] * 3)
    return check


def header(text):
    return ("--header", text)


ALGORITHMS = {
    '"roundrobin"': alternates,
    '"static-rr"': alternates,
    '"leastconn"': alternates,
    '"first"': takes_the_first,
    '"source"': stays,
    '"random"': uses_both,
    # The target up to '?'.
    '"uri"': follows(lambda n: (f"/page{n}", ()), lambda n, turn: (f"/page{n}?turn={turn}", header(f"X-Turn: {turn}"))),
    # One parameter of the query, wherever it stands.
    '{ url_param = "user" }': follows(
        lambda n: (f"?user=u{n}", ()), lambda n, turn: (f"/page{turn}?turn={turn}&user=u{n}&x", ()), ("?name=u1", ())),
    # One field, whatever is asked for.
    '{ header = "X-Tenant" }': follows(
        lambda n: ("", header(f"X-Tenant: t{n}")), lambda n, turn: (f"/page{turn}", header(f"x-tenant: t{n}")), ("", ())),
    # A part of it that no other algorithm takes: the network in the last element of a list.
    '{ hash = "header:X-Forwarded-For", occurrence = -1, mask = 24 }': follows(
        lambda n: ("", header(f"X-Forwarded-For: 9.9.9.9, 10.1.{n}.1")),
        lambda n, turn: ("", header(f"X-Forwarded-For: 8.8.{turn}.8, 10.1.{n}.{turn}")), ("", ())),
}


@pytest.mark.parametrize("cookie", ["insert", "prefix"])
@pytest.mark.parametrize("balance", ALGORITHMS)
def test_seed_003_balance(farm, balance, cookie):
    """balance roundrobin, static-rr, leastconn, source, uri, url_param, hdr, hash: chosen so until a cookie says otherwise."""
    change = ('balance = "roundrobin" ', f"balance = {balance} ")
    if cookie == "insert":
        farm.serve(change)
        kept = ("--cookie", "SRVNAME=S2")
    else:
        farm.serve(PREFIX, change)
        kept = ("--cookie", "PHPSESSID=S2~abc")
    ALGORITHMS[balance](farm)
    assert farm.servers(4, PUBLIC + "/file.php", *kept) == ["10.0.0.2"] * 4
