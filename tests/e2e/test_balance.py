"""Each balancing algorithm through the real binary, in HTTP and in TCP mode."""

import collections
import re
import threading

import pytest

from loopback import TIMEOUT, Origin, Proxy, ok, wait_until

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

    def ask_slowly(self, count, fields=""):
        """Requests whose answer the test gives. Each is at its server before the next: two that come at once may
        choose the same one."""
        for _ in range(count):
            before = self.all_held()
            connection = self.proxy.connect()
            connection.send(f"GET /slow HTTP/1.1\r\nHost: test\r\n{fields}\r\n".encode())
            self.slow.append(connection)
            wait_until(lambda: self.all_held() > before, "it is at a server")

    def all_held(self):
        return sum(map(len, self.held.values()))

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

    def visit_alone(self, fields=""):
        """Which server answered. The visit is over and counts nowhere when this returns: the answer is there a
        moment before that, and another worker may have the next visitor already."""
        before = len(self.proxy.log.lines)
        server = self.proxy.get("/", fields)[2].decode()
        wait_until(lambda: len(self.proxy.log.lines) > before, "the visit is over")
        return server

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
    assert [len(app.held[name]) for name in ("s1", "s2")] == [5, 5]
    app.answer("s2")
    wait_until(lambda: len(app.proxy.log.lines) == 5, "five are over")
    app.ask_slowly(5)
    assert [len(app.held[name]) for name in ("s1", "s2")] == [5, 5]


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
    assert [len(app.held[name]) for name in ("s1", "s2")] == [2, 1]


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
    # Nine for one of them would be chance less often than once in 10^12 runs.
    seen = collections.Counter(visits(app, 150))
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


# ------------------------------------------------------------------ bounded load

TENANT = "X-Tenant: big\r\n"


def bounded(farm, factor):
    return farm("http", '{ header = "X-Tenant" }', servers=4,
                backend=f'hash_type = "consistent"\nhash_balance_factor = {factor}')


@pytest.mark.parametrize("factor, spread", [(0, [40, 0, 0, 0]), (150, [15, 15, 10, 0])])
def test_a_bound_sends_what_is_too_much_for_one_server_on(farm, factor, spread):
    """Forty requests of one tenant: all at his server, or no more than 150 % of a quarter of them."""
    app = bounded(farm, factor)
    home = app.visit_alone(TENANT)
    app.ask_slowly(40, TENANT)
    held = {name: len(requests) for name, requests in app.held.items()}
    assert sorted(held.values(), reverse=True) == spread and held[home] == spread[0], (home, held)
    for name in held:
        app.answer(name)
    wait_until(lambda: len(app.proxy.log.lines) == 41, "all are answered")
    assert [app.visit_alone(TENANT) for _ in range(5)] == [home] * 5  # where there is room


@pytest.mark.parametrize("factor", [0, 125])
def test_a_bound_holds_while_load_goes_on(farm, factor):
    """Forty clients, of whom most are of two tenants. A quarter of what they ask at once, and a quarter of that
    on top, is 12.8 requests. An answer is given while at least 36 are under way, first come, first served: so
    nearly all are, however slow the clients may be."""
    app = bounded(farm, factor)
    lock, now, most, served = threading.Lock(), collections.Counter(), collections.Counter(), collections.Counter()
    clients, under_way = 40, collections.deque()

    def answer_the_first():
        while len(under_way) > max(0, clients - 5):
            under_way.popleft().set()

    def serve(name):
        def answer(connection, _number):
            while True:
                connection.message()
                release = threading.Event()
                with lock:
                    now[name] += 1
                    served[name] += 1
                    most[name] = max(most[name], now[name])
                    under_way.append(release)
                    answer_the_first()
                assert release.wait(TIMEOUT)
                with lock:
                    now[name] -= 1
                connection.send(ok())

        return answer

    for number, origin in enumerate(app.origins, 1):
        origin.serve = serve(f"s{number}")

    def client(number):
        nonlocal clients
        connection = app.proxy.connect()
        for turn in range(25):
            tenant = turn % 20 if number % 5 == 0 else number % 2
            connection.send(f"GET / HTTP/1.1\r\nHost: t\r\nX-Tenant: t{tenant}\r\n\r\n".encode())
            assert connection.message()[0] == "HTTP/1.1 200 OK"
        connection.close()
        with lock:
            clients -= 1
            answer_the_first()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(served.values()) == 1000
    if factor == 0:
        assert max(served.values()) > 400, (most, served)
    else:  # two workers may choose the same server in the same moment
        assert max(most.values()) <= 15 and max(served.values()) < 360, (most, served)


# ------------------------------------------------------------------ slow start

# Without a timeout of its own the check would have 50 ms, and one that fails counts.
RETURNING = 'check = { interval = "50ms", timeout = "2s", fall = 1 }\nslow_start = "6s"'


def part_of(throttle):
    """How many of twenty belong to one of two servers that is so warm, in percent."""
    return 20 * throttle / (100 + throttle)


def test_the_share_of_a_returning_server_grows(farm):
    app = farm("http", '"roundrobin"', server_extra=RETURNING, frontend='stats = { uri = "/stats" }')
    visits(app, 4)  # both are known to be up
    assert app.proxy.column("s1", "throttle") == ""  # who has not failed is warm from the start
    port = app.origins[0].port
    app.origins[0].close()
    app.proxy.log.wait_for("Server app/s1 is DOWN")
    assert visits(app, 6) == ["s2"] * 6
    app.origins[0] = Origin(app._serve("s1"), port)
    app.proxy.log.wait_for("Server app/s1 is UP")
    throttle = int(app.proxy.column("s1", "throttle"))
    assert throttle < 50, "the beginning was missed"
    seen = []  # its visits of 20, and what belonged to it at the first of them and at the last

    def warm():
        nonlocal throttle
        before, part = throttle, collections.Counter(visits(app, 20))["s1"]
        left = app.proxy.column("s1", "throttle")
        throttle = int(left or 100)
        seen.append((part, part_of(before), part_of(throttle + 1)))  # percents are cut off
        return not left

    wait_until(warm, "the start is over", 20)
    assert abs(collections.Counter(visits(app, 40))["s1"] - 20) <= 1
    # Each of two workers goes around by itself, and begins anew when weights change.
    assert all(least - 3 <= part <= most + 3 for part, least, most in seen), seen
    parts, least, most = (sum(column) / len(seen) for column in zip(*seen))
    assert least - 1 <= parts <= most + 1, seen


def test_least_connections_gives_a_returning_server_a_growing_part_of_what_is_held(farm):
    app = farm("http", '"leastconn"', server_extra=RETURNING, frontend='stats = { uri = "/stats" }')
    visits(app, 4)
    port = app.origins[0].port
    app.origins[0].close()
    app.proxy.log.wait_for("Server app/s1 is DOWN")
    app.origins[0] = Origin(app._serve("s1"), port)
    app.proxy.log.wait_for("Server app/s1 is UP")

    def part_of_twenty():
        app.ask_slowly(20)
        part = len(app.held["s1"])
        for name in app.held:
            app.answer(name)
        return part

    before = int(app.proxy.column("s1", "throttle"))
    assert before < 50, "the beginning was missed"
    part, after = part_of_twenty(), int(app.proxy.column("s1", "throttle") or 100)
    assert part_of(before) - 1 <= part <= part_of(after + 1) + 1, (before, part, after)
    wait_until(lambda: app.proxy.column("s1", "throttle") == "", "the start is over", 20)
    assert part_of_twenty() == 10
