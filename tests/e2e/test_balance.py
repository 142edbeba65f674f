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
