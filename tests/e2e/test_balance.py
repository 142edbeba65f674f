"""Each balancing algorithm through the real binary, in HTTP and in TCP mode."""

import collections
import re
import threading

import pytest

from loopback import Origin, Proxy, wait_until

MODES = {
    "http": {},
    "tcp": {"frontend": 'mode = "tcp"\nlog_format = "tcp"', "backend": 'mode = "tcp"'},
}


class Farm:
    """Servers that say which they are, and a proxy in front of them. A visit is one connection with
    one request; in TCP mode the request's bytes are just bytes."""

    def __init__(self, tmp_path, mode, balance, servers=2, **options):
        self.tmp_path = tmp_path
        self.balance = balance
        self.options = MODES[mode] | options
        names = [f"s{number}" for number in range(1, servers + 1)]
        self.held = {name: [] for name in names}  # requests for /slow that wait for their answer
        self.slow = []
        self.origins = [Origin(self._serve(name)) for name in names]
        self.proxies = []
        self.proxy = self.another_proxy()

    def _serve(self, name):
        def serve(connection, _number):
            while True:
                line, _, _ = connection.message()
                if "/slow" in line:
                    release = threading.Event()
                    self.held[name].append(release)
                    release.wait(20)
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                                % (len(name), name.encode()))

        return serve

    def ask_slowly(self, count):
        """Requests whose answer the test gives."""
        for _ in range(count):
            connection = self.proxy.connect()
            connection.send(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n")
            self.slow.append(connection)

    def answer(self, name):
        for release in self.held[name]:
            release.set()
        self.held[name].clear()

    def another_proxy(self):
        """One more process with the same servers, as the peer of the pair is."""
        folder = self.tmp_path / str(len(self.proxies))
        folder.mkdir()
        proxy = Proxy(folder, [origin.port for origin in self.origins], balance=self.balance,
                      **self.options)
        self.proxies.append(proxy)
        return proxy

    def visit(self, proxy=None, source="127.0.0.1"):
        """Which server answered; the connection is closed."""
        connection = self.stay(proxy, source)
        connection.close()
        return connection.server

    def stay(self, proxy=None, source="127.0.0.1"):
        """A visitor whose connection stays open: in TCP mode it holds a slot."""
        connection = (proxy or self.proxy).connect(source)
        connection.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        connection.server = connection.message()[2].decode()
        return connection

    def close(self):
        for name in self.held:
            self.answer(name)
        for proxy in self.proxies:
            proxy.stop()
        for origin in self.origins:
            origin.close()


@pytest.fixture
def farm(tmp_path):
    made = []

    def make(*arguments, **options):
        made.append(Farm(tmp_path, *arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def visits(farm, count, **options):
    return [farm.visit(**options) for _ in range(count)]


# ------------------------------------------------------------------ leastconn

def test_leastconn_gives_the_next_five_to_the_other(farm):
    app = farm("tcp", '"leastconn"')
    first = [app.stay() for _ in range(10)]
    assert collections.Counter(one.server for one in first) == {"s1": 5, "s2": 5}
    for one in first:
        if one.server == "s2":
            one.close()
    ends = re.compile(r" app/s2 ")
    wait_until(lambda: sum(bool(ends.search(line)) for line in app.proxy.log.lines) == 5,
               "five sessions ended")
    assert [app.stay().server for _ in range(5)] == ["s2"] * 5


def test_leastconn_counts_requests_that_wait_for_their_answer(farm):
    app = farm("http", '"leastconn"')
    app.ask_slowly(10)
    wait_until(lambda: [len(app.held[name]) for name in ("s1", "s2")] == [5, 5], "five hang at each")
    app.answer("s2")
    wait_until(lambda: len(app.proxy.log.lines) == 5, "five are over")
    app.ask_slowly(5)
    wait_until(lambda: len(app.held["s2"]) == 5, "the next five hang at s2")
    assert len(app.held["s1"]) == 5


@pytest.mark.parametrize("mode", MODES)
def test_leastconn_alternates_while_nothing_is_held(farm, mode):
    app = farm(mode, '"leastconn"', workers=1)
    seen = []
    for number in range(8):
        seen.append(app.visit())
        wait_until(lambda: len(app.proxy.log.lines) >= number + 1, "the visit is over")
    assert seen == ["s1", "s2"] * 4


# ------------------------------------------------------------------ in turn

@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("balance", ["roundrobin", "static-rr"])
def test_turns_are_taken_on_whichever_worker(farm, mode, balance):
    app = farm(mode, f'"{balance}"', servers=3)
    assert visits(app, 12) == ["s1", "s2", "s3"] * 4


# ------------------------------------------------------------------ first

def test_first_fills_the_first_server_up_to_its_maxconn(farm):
    app = farm("tcp", '"first"', servers=3, server_extra="maxconn = 2")
    clients = [app.stay() for _ in range(5)]
    assert [one.server for one in clients] == ["s1", "s1", "s2", "s2", "s3"]
    clients[1].close()
    app.proxy.log.wait_for(r" app/s1 ")
    assert app.stay().server == "s1"


def test_first_fills_the_first_server_with_requests(farm):
    app = farm("http", '"first"', server_extra="maxconn = 2")
    assert visits(app, 4) == ["s1"] * 4  # none is held
    app.ask_slowly(3)
    wait_until(lambda: [len(app.held[name]) for name in ("s1", "s2")] == [2, 1], "two and one")


# ------------------------------------------------------------------ source

ADDRESSES = [f"127.0.0.{number}" for number in range(1, 41)]


@pytest.mark.parametrize("mode", MODES)
def test_source_gives_an_address_its_server_on_either_node(farm, mode):
    hap1 = farm(mode, '"source"')
    hap2 = hap1.another_proxy()
    servers = {address: hap1.visit(source=address) for address in ADDRESSES}
    assert set(servers.values()) == {"s1", "s2"}
    for address in ADDRESSES[:4]:
        assert visits(hap1, 10, source=address) == [servers[address]] * 10
    hap1.proxy.stop()
    for address in ADDRESSES:
        assert visits(hap1, 3, proxy=hap2, source=address) == [servers[address]] * 3


@pytest.mark.parametrize("mode", MODES)
def test_source_sends_the_visitors_of_a_dead_server_on_and_moves_no_others(farm, mode):
    """Nothing checks the servers, as in seed 004: the proxy finds out by trying."""
    app = farm(mode, '"source"', servers=3)
    before = {address: app.visit(source=address) for address in ADDRESSES}
    app.origins[0].close()
    after = {address: app.visit(source=address) for address in ADDRESSES}
    assert all(after[a] == before[a] for a in ADDRESSES if before[a] != "s1")
    assert {after[a] for a in ADDRESSES if before[a] == "s1"} == {"s2", "s3"}
    # HAProxy 2.6 loses these (SC, 3 retries): its hash gives the dead server again.
    assert re.search(r"/\+1 \d+/\d+", app.proxy.log.wait_for(r" app/s[23] .*/\+1 "))


# ------------------------------------------------------------------ random

@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("balance", ['"random"', "{ random = 3 }"])
def test_random_uses_every_server(farm, mode, balance):
    app = farm(mode, balance, servers=3)
    seen = collections.Counter(visits(app, 90))
    assert len(seen) == 3 and min(seen.values()) >= 10


def test_random_with_two_servers_takes_the_less_loaded(farm):
    app = farm("tcp", '"random"')
    held = [app.stay() for _ in range(10)]
    assert collections.Counter(one.server for one in held) == {"s1": 5, "s2": 5}


# ------------------------------------------------------------------ what the statistics call it

@pytest.mark.parametrize("balance", ['"leastconn"', '"static-rr"', "{ random = 3 }", '"source"', '"uri"',
                                     '{ header = "X-Tenant" }'])
def test_the_page_does_not_tell_the_world_the_algorithm(farm, balance):
    app = farm("http", balance, backend='stats = { uri = "/stats", auth = ["a:b"] }')
    page = app.proxy.get("/stats;csv", "Authorization: Basic YTpi\r\n")[2].decode()
    columns = page.splitlines()[0].lstrip("# ").split(",")
    rows = [dict(zip(columns, line.split(","))) for line in page.splitlines()[1:]]
    assert [row["algo"] for row in rows if row["svname"] == "BACKEND"] == [""]


# ------------------------------------------------------------------ what requests say

KEYED = {
    '"uri"': lambda n: (f"/page{n}?x={n}", ""),
    '{ algorithm = "uri", depth = 1 }': lambda n: (f"/dir{n}/file", ""),
    '{ url_param = "user" }': lambda n: (f"/?user=u{n}", ""),
    '{ header = "X-Tenant" }': lambda n: ("/", f"X-Tenant: t{n}\r\n"),
    '{ hash = "cookie:id" }': lambda n: ("/", f"Cookie: id=c{n}\r\n"),
    '{ hash = "header:X-Forwarded-For", mask = 24 }': lambda n: ("/", f"X-Forwarded-For: 9.9.9.9, 10.1.{n}.7\r\n"),
}


@pytest.mark.parametrize("kind", ["map-based", "consistent"])
@pytest.mark.parametrize("balance", KEYED)
def test_what_a_request_says_decides_its_server_on_both_nodes(farm, balance, kind):
    app = farm("http", balance, servers=3, backend=f'hash_type = "{kind}"')
    peer = app.another_proxy()

    def servers(proxy):
        return [proxy.get(*KEYED[balance](n))[2] for n in range(30)]

    first = servers(app.proxy)
    assert len(set(first)) == 3
    assert servers(app.proxy) == first
    assert servers(peer) == first


def test_requests_without_the_key_go_around(farm):
    app = farm("http", '{ header = "X-Tenant" }')
    assert [app.visit() for _ in range(4)] == ["s1", "s2", "s1", "s2"]
