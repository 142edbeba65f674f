"""Schemes that authenticate a connection and not a request (NTLM, Negotiate): such a connection to a server is
one client's own, through the real binary."""

import threading
import time

import pytest

from loopback import Origin, Proxy, ok, wait_until
from test_reload import reload

CHALLENGE = "HTTP/1.1 401 Unauthorized\r\n{}Content-Length: 0\r\n\r\n"


class Domain:
    """Servers that know who is at the other end of each of their connections, once he has shown it in three
    legs: a 401, an offer that is answered by a challenge of this connection, and the answer to that."""

    def __init__(self, tmp_path, servers=1, offers="WWW-Authenticate: NTLM\r\n", header=None, **options):
        self.offers, self.header = offers, header
        self.lock = threading.Lock()
        self.ended = []  # connections, by number, that the proxy has closed
        self.members = {}  # who came in by which connection
        self.origins = [Origin(self._serve(name)) for name in ("s1", "s2")[:servers]]
        # Clients are silent while others come between, however long that takes.
        self.proxy = Proxy(tmp_path, [origin.port for origin in self.origins],
                           frontend='timeout = { client = "60s", http_keep_alive = "60s" }', **options)

    def _serve(self, name):
        def serve(connection, number):
            here = f"{name}/{number}"
            user = challenged = None
            if self.header:
                connection.until(b"\r\n")
            try:
                while True:
                    line, fields, _ = connection.message()
                    scheme, _, word = fields.get("authorization", [""])[0].partition(" ")
                    if word == "offer":
                        challenged = here
                        answer = CHALLENGE.format(f"WWW-Authenticate: {scheme} {here}\r\n").encode()
                    elif word.startswith("i-am-"):
                        user = word.removeprefix("i-am-").removesuffix("@" + here) if challenged == here else None
                        self.members[user] = here
                        answer = ok(f"{user} at {here}".encode())
                    elif word.startswith("ticket-"):  # Kerberos: one leg, and nobody has asked
                        user = word.removeprefix("ticket-")
                        answer = ok(f"{user} at {here}".encode())
                    elif user:
                        answer = ok(f"{user} at {here}".encode())
                    else:
                        answer = CHALLENGE.format(self.offers).encode()
                    connection.send(answer)
                    if "/last" in line:
                        return
            finally:
                with self.lock:
                    self.ended.append(here)
        return serve

    def ask(self, client, authorization="", path="/", method="GET"):
        """(status, who and where, the challenge)"""
        fields = f"Authorization: {authorization}\r\n" if authorization else ""
        client.send(f"{method} {path} HTTP/1.1\r\nHost: t\r\n{fields}Content-Length: 0\r\n\r\n".encode())
        line, answer, body = client.message()
        return int(line.split()[1]), body.decode(), answer.get("www-authenticate", [""])[0]

    def log_in(self, client, user, scheme="NTLM", between=lambda: None):
        assert self.ask(client)[0] == 401
        between()
        status, _, challenge = self.ask(client, f"{scheme} offer")
        assert status == 401
        here = challenge.split()[1]
        between()
        status, who, _ = self.ask(client, f"{scheme} i-am-{user}@{here}")
        assert (status, who) == (200, f"{user} at {here}")
        return here

    def close(self):
        self.proxy.stop()
        for origin in self.origins:
            origin.close()


@pytest.fixture
def domain(tmp_path):
    made = []

    def make(**options):
        made.append(Domain(tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def strangers(farm, count=4):
    """Requests of clients who show no credentials, over connections of their own: nobody is let in."""
    clients = [farm.proxy.connect() for _ in range(count)]
    answers = [farm.ask(client)[:2] for client in clients]
    for client in clients:
        client.close()
    assert answers == [(401, "")] * count


@pytest.mark.parametrize("offers, scheme", [
    ("WWW-Authenticate: NTLM\r\n", "NTLM"),
    ("www-authenticate: Basic realm=x, negotiate\r\n", "Negotiate"),
    ('WWW-Authenticate: Basic realm="a, b"\r\nWWW-Authenticate: ntlm\r\n', "nTLM")])
def test_nobody_is_let_in_by_anothers_connection(domain, offers, scheme):
    farm = domain(offers=offers, workers=1)
    alice = farm.proxy.connect()
    here = farm.log_in(alice, "alice", scheme)
    strangers(farm)
    assert farm.ask(alice)[:2] == (200, f"alice at {here}")
    alice.close()
    strangers(farm)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_legs_of_a_handshake_take_one_connection_while_others_come_between(domain, workers):
    farm = domain(servers=2, workers=workers)
    clients = {name: farm.proxy.connect() for name in ("alice", "bob", "carol")}
    homes = {}
    for name, client in clients.items():
        homes[name] = farm.log_in(client, name, between=lambda: strangers(farm, 3))
    assert len(set(homes.values())) == 3
    for _ in range(3):
        for name, client in clients.items():
            assert farm.ask(client)[:2] == (200, f"{name} at {homes[name]}")


def test_credentials_that_nobody_has_asked_for_claim_the_connection_too(domain):
    farm = domain(workers=1)
    strangers(farm)  # leaves a connection that anybody may use
    alice = farm.proxy.connect()
    status, who, _ = farm.ask(alice, "Negotiate ticket-alice")
    assert status == 200 and who.startswith("alice at ")
    strangers(farm)
    assert farm.ask(alice)[:2] == (200, who)


def test_a_request_that_must_not_be_repeated_goes_out_on_it_however_long_it_waited(domain):
    farm = domain(workers=1)
    alice = farm.proxy.connect()
    here = farm.log_in(alice, "alice")
    time.sleep(1.1)  # such a request goes out on other idle connections within a second
    assert farm.ask(alice, method="POST")[:2] == (200, f"alice at {here}")


def test_it_ends_with_its_client(domain):
    farm = domain(workers=1)
    alice = farm.proxy.connect()
    here = farm.log_in(alice, "alice")
    assert here not in farm.ended
    alice.close()
    wait_until(lambda: here in farm.ended, "the server hears of the end")


def test_a_server_that_ends_it_begins_anew(domain):
    farm = domain(workers=1)
    alice = farm.proxy.connect()
    here = farm.log_in(alice, "alice")
    assert farm.ask(alice, path="/last")[0] == 200
    wait_until(lambda: here in farm.ended, "the server has closed it")
    assert farm.log_in(alice, "alice") != here


def test_a_server_that_goes_away_sends_its_clients_to_another(domain):
    farm = domain(servers=2, workers=1)
    alice = farm.proxy.connect()
    here = farm.log_in(alice, "alice")
    gone = farm.origins[0 if here.startswith("s1") else 1]
    gone.close()
    wait_until(lambda: here in farm.ended, "the server has gone")
    assert not farm.log_in(alice, "alice").startswith(here.split("/")[0])


def test_a_reload_leaves_it_to_its_client(domain):
    farm = domain(servers=2)
    alice = farm.proxy.connect()
    here = farm.log_in(alice, "alice", between=lambda: reload(farm.proxy))
    for _ in range(3):
        reload(farm.proxy)
        assert farm.ask(alice)[:2] == (200, f"alice at {here}")
        strangers(farm)


def test_a_reload_that_drops_the_server_ends_it(domain):
    farm = domain(servers=2, workers=1)
    alice = farm.proxy.connect()
    here = farm.log_in(alice, "alice")
    number = here[1]
    text = farm.proxy.path.read_text()
    reload(farm.proxy, text.replace(f'name = "s{number}"', 'name = "other"', 1))
    wait_until(lambda: here in farm.ended, "the connection to a server that left has ended")
    assert farm.ask(alice)[0] == 401


def test_a_connection_announced_by_a_proxy_header_serves_its_client_again(domain):
    farm = domain(header=True, server_extra='send_proxy = "v1"', workers=1)
    alice = farm.proxy.connect()
    here = farm.log_in(alice, "alice")
    strangers(farm)
    assert farm.ask(alice)[:2] == (200, f"alice at {here}")
