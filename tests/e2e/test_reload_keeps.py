"""What operators have set, and what the file takes back, when the configuration changes in place."""

import socket
import threading

import pytest

from loopback import TIMEOUT, Origin, Proxy, answering, free_port, ok, wait_until
from test_control import farm_of
from test_reload import reload
from test_tcp_relay import TCP


def touched(farm, *changes):
    """Reloads: the same file but for these changes (old, new), and a comment."""
    text = farm.proxy.path.read_text() + "# once more\n"
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    lines = reload(farm.proxy, text)
    assert any("Reloaded: " in line for line in lines), lines


@pytest.fixture
def farm(tmp_path):
    with farm_of(tmp_path, backend='connection = "close"') as farm:
        yield farm


@pytest.mark.parametrize("state, status", [("drain", "DRAIN"), ("maint", "MAINT")])
def test_state(farm, state, status):
    farm.ask(f"set server app/s1 state {state}")
    touched(farm)
    assert farm.status("s1") == status
    assert farm.who_answers(4) == [0, 4]
    farm.ask("set server app/s1 state ready")
    touched(farm)
    assert farm.who_answers(4) == [2, 2]


def test_weight(farm):
    farm.ask("set server app/s1 weight 3")
    touched(farm)
    assert farm.ask("get weight app/s1") == "3 (initial 1)\n"
    assert farm.who_answers(8) == [6, 2]
    touched(farm, ('name = "s1"', 'name = "s1"\nweight = 2'))
    assert farm.ask("get weight app/s1") == "2 (initial 2)\n", "the file spoke last"


def test_address(farm):
    elsewhere = Origin(answering(lambda *_: ok(b"elsewhere")))
    farm.ask(f"set server app/s1 addr 127.0.0.1 port {elsewhere.port}")
    touched(farm)
    assert farm.states()["s1"]["srv_port"] == str(elsewhere.port)
    assert {farm.proxy.get()[2] for _ in range(4)} == {b"hello", b"elsewhere"}
    farm.proxy.log.wait_for(r"Reloaded: ")
    # Another address in the file is another server, and that is where it is.
    third = Origin(answering(lambda *_: ok(b"third")))
    touched(farm, (f"127.0.0.1:{farm.origins[0].port}", f"127.0.0.1:{third.port}"))
    assert {farm.proxy.get()[2] for _ in range(4)} == {b"hello", b"third"}
    elsewhere.close()
    third.close()


def test_an_address_that_the_file_takes_over_is_the_same_server(tmp_path):
    release, serving = threading.Event(), []

    def slow(connection, _number):
        while line := connection.until(b"\r\n\r\n"):
            serving.append(line)
            release.wait(TIMEOUT)
            connection.send(ok(b"elsewhere"))

    elsewhere = Origin(slow)
    with farm_of(tmp_path, server_extra="maxconn = 1", backend='timeout = { queue = "200ms" }') as farm:
        farm.ask("disable server app/s2")
        farm.ask(f"set server app/s1 addr 127.0.0.1 port {elsewhere.port}")
        farm.ask("set server app/s1 weight 2")
        first = farm.proxy.connect()
        first.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: serving, "the server is busy")
        touched(farm, (f"127.0.0.1:{farm.origins[0].port}", f"127.0.0.1:{elsewhere.port}"))
        row = farm.rows()["app", "s1"]
        assert (row["addr"], row["weight"], row["scur"]) == (f"127.0.0.1:{elsewhere.port}", "2", "1")
        farm.proxy.log.wait_for(r"Reload: server app/s1 stays where an operator has moved it")
        assert farm.proxy.get()[0] == "HTTP/1.1 503 Service Unavailable", "its one place is taken"
        release.set()
        assert first.message()[2] == b"elsewhere"
        first.close()
    elsewhere.close()


@pytest.mark.parametrize("state, status", [("maint", "MAINT"), ("drain", "DRAIN")])
def test_who_is_out_of_use_stays_so_at_another_address(farm, state, status):
    elsewhere = Origin(answering(lambda *_: ok(b"elsewhere")))
    farm.ask(f"set server app/s1 state {state}")
    touched(farm, (f"127.0.0.1:{farm.origins[0].port}", f"127.0.0.1:{elsewhere.port}"))
    assert farm.status("s1") == status
    assert {farm.proxy.get()[2] for _ in range(4)} == {b"hello"}
    farm.ask("set server app/s1 state ready")
    assert {farm.proxy.get()[2] for _ in range(4)} == {b"hello", b"elsewhere"}
    touched(farm, (f"127.0.0.1:{elsewhere.port}", f"127.0.0.1:{farm.origins[0].port}"))
    assert farm.status("s1") == "no check", "what is in use stays in use"
    elsewhere.close()


def test_maxconn_of_a_server(farm):
    farm.ask("set server app/s1 maxconn 7")
    touched(farm)
    assert farm.rows()["app", "s1"]["slim"] == "7"
    touched(farm, ("maxconn = 32", "maxconn = 5"))
    assert farm.rows()["app", "s1"]["slim"] == "5"


def test_limits_of_clients(farm):
    farm.ask("set maxconn frontend http-in 1")
    farm.ask("set maxconn global 50")
    touched(farm)
    assert farm.rows()["http-in", "FRONTEND"]["slim"] == "1"
    assert "\nMaxconn: 50\n" in farm.ask("show info")
    first = farm.proxy.connect()
    first.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert first.message()[2] == b"hello"
    second = farm.proxy.connect()
    second.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    second.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        second.fill()
    first.close()
    second.socket.settimeout(TIMEOUT)
    assert second.message()[2] == b"hello"
    second.close()


def test_a_closed_frontend(farm):
    farm.ask("disable frontend http-in")
    touched(farm)
    assert farm.rows()["http-in", "FRONTEND"]["status"] == "PAUSED"
    with pytest.raises(ConnectionRefusedError):
        farm.proxy.connect()
    farm.ask("enable frontend http-in")
    assert farm.proxy.get()[2] == b"hello"


def test_health_that_an_operator_knows_better(farm):
    farm.ask("set server app/s1 health down")
    touched(farm)
    assert farm.status("s1") == "DOWN"
    assert farm.who_answers(4) == [0, 4]


def test_what_the_file_disables_later_is_disabled_and_back_when_it_says_so(tmp_path):
    with farm_of(tmp_path, backend='connection = "close"', server_extra="check = true") as farm:
        wait_until(lambda: farm.status("s1") == farm.status("s2") == "UP", "both are up")
        touched(farm, ('name = "s1"', 'name = "s1"\ndisabled = true'))
        farm.proxy.log.wait_for(r"Server app/s1 is going DOWN for maintenance\. 1 active")
        assert farm.status("s1") == "MAINT" and farm.states()["s1"]["srv_admin_state"] == "5"
        assert farm.who_answers(4) == [0, 4]
        farm.ask("enable server app/s1")
        wait_until(lambda: farm.status("s1") == "UP", "an operator's word counts")
        touched(farm)
        assert farm.status("s1") == "UP", "until the file says something new"
        farm.ask("disable server app/s1")
        touched(farm, ("disabled = true", "disabled = false"))
        farm.proxy.log.wait_for(r"Server app/s1 is \S+/READY \(leaving forced maintenance\)\.")
        wait_until(lambda: farm.status("s1") == "UP", "its check looks at it again")
        assert farm.who_answers(4) == [2, 2]


def test_a_frontend_that_the_file_disables_later(farm):
    port = free_port()
    touched(farm, (f'bind = ["127.0.0.1:{farm.proxy.port}"]', f'disabled = true\nbind = ["127.0.0.1:{farm.proxy.port}"]'))
    farm.proxy.log.wait_for(r"Reload: frontend http-in is disabled")
    assert farm.rows()["http-in", "FRONTEND"]["status"] == "STOP"
    with pytest.raises(ConnectionRefusedError):
        farm.proxy.connect()
    farm.ask("enable frontend http-in")
    assert farm.proxy.get()[2] == b"hello"
    # A new listener of a frontend that an operator has opened is open.
    touched(farm, (f'bind = ["127.0.0.1:{farm.proxy.port}"]',
                   f'bind = ["127.0.0.1:{farm.proxy.port}", "127.0.0.1:{port}"]'))
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
    farm.ask("disable frontend http-in")
    touched(farm, ("disabled = true", ""))
    farm.proxy.log.wait_for(r"Reload: frontend http-in is no longer disabled")
    assert farm.proxy.get()[2] == b"hello"


class Leads:
    """Two checked servers, of which the second is down, and a server that tracks one of them."""

    def __init__(self, tmp_path, track):
        self.up = Origin(answering())
        leads = "".join(f'\n[[backend.lead.server]]\nname = "l{i}"\naddress = "127.0.0.1:{port}"\n'
                        'check = { interval = "50ms", fall = 1, rise = 1 }\n'
                        for i, port in enumerate([self.up.port, free_port()], 1))
        self.options = {"backend": 'connection = "close"',
                        "server_extra": lambda number: f'track = "{track}"' if number == 1 else leads}


def test_a_server_that_tracks_another_one_takes_over_at_once_what_is_known(tmp_path):
    leads = Leads(tmp_path, "lead/l2")
    with farm_of(tmp_path, **leads.options) as farm:
        farm.proxy.log.wait_for(r"Server lead/l2 is DOWN")
        wait_until(lambda: farm.status("s1") == "DOWN", "it follows")
        assert farm.who_answers(4) == [0, 4]
        farm.ask("set server app/s2 state maint")
        touched(farm, ('track = "lead/l2"', 'track = "lead/l1"'))
        farm.proxy.log.wait_for(r"Server app/s1 is UP via lead/l1\. 1 active and 0 backup servers online\.")
        assert farm.proxy.get()[0] == "HTTP/1.1 200 OK"
        touched(farm, ('track = "lead/l1"', 'track = "lead/l2"'))
        farm.proxy.log.wait_for(r"Server app/s1 is DOWN via lead/l2\. 0 active")
        farm.proxy.log.wait_for(r"backend app has no server available!")
    leads.up.close()


def test_whoever_waits_is_served_when_his_server_tracks_one_that_is_up(tmp_path):
    """He waits for the only server with a slot; the one that becomes usable serves him."""
    gate = threading.Event()

    def slow(connection, _number):
        line = connection.message()[0]
        if "/slow" in line:
            gate.wait(TIMEOUT)
        connection.send(ok())

    leads = Leads(tmp_path, "lead/l2")
    leads.options["server_extra"] = (lambda extra: lambda number: "maxconn = 1\n" + extra(number))(
        leads.options["server_extra"])
    with farm_of(tmp_path, slow, **leads.options) as farm:
        wait_until(lambda: farm.status("s1") == "DOWN", "it follows")
        first, second = farm.proxy.connect(), farm.proxy.connect()
        first.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: farm.rows()["app", "s2"]["scur"] == "1", "one is served")
        second.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: farm.rows()["app", "BACKEND"]["qcur"] == "1", "one waits")
        touched(farm, ('track = "lead/l2"', 'track = "lead/l1"'))
        assert second.message()[2] == b"hello"
        gate.set()
        assert first.message()[2] == b"hello"
    leads.up.close()


def test_a_server_that_no_longer_tracks_stands_for_itself(tmp_path):
    leads = Leads(tmp_path, "lead/l2")
    with farm_of(tmp_path, **leads.options) as farm:
        wait_until(lambda: farm.status("s1") == "DOWN", "it follows")
        touched(farm, ('track = "lead/l2"', 'check = { interval = "50ms" }'))
        wait_until(lambda: farm.status("s1") == "UP", "its own check says so")
        touched(farm, ('check = { interval = "50ms" }', 'track = "lead/l1"'))
        farm.ask("set server lead/l1 state maint")
        assert farm.status("s1") == "MAINT (via lead/l1)"
        touched(farm, ('track = "lead/l1"', ""))
        assert farm.status("s1") == "no check"
        assert farm.who_answers(4) == [2, 2]
    leads.up.close()


def test_a_server_that_comes_to_track_is_what_the_other_is(tmp_path):
    """Whatever its own check found last: it has none any more."""
    with farm_of(tmp_path, backend='check = { interval = "50ms" }\nconnection = "close"') as farm:
        wait_until(lambda: farm.status("s1") == "UP", "s1 is up")
        farm.origins[1].close()
        farm.proxy.log.wait_for(r"Server app/s2 is DOWN, reason: ")
        touched(farm, ('name = "s2"', 'name = "s2"\ntrack = "s1"'))
        farm.proxy.log.wait_for(r"Server app/s2 is UP via app/s1\. 2 active")
        assert farm.status("s2") == "UP"
        assert farm.states()["s2"]["srv_check_status"] == "1", "nobody has looked at it"
        refused = "cannot change health on a tracking server.\n"
        assert [farm.ask(f"set server app/s2 health {word}") for word in ("down", "stopping", "up")] == [refused] * 3
        assert farm.status("s2") == "UP"
        farm.ask("set server app/s1 state maint")
        assert farm.status("s2") == "MAINT (via app/s1)"


def test_weights_of_nothing_in_the_file_are_an_outage(farm):
    backend = farm.rows()["app", "BACKEND"]
    assert (backend["status"], backend["chkdown"]) == ("UP", "0")
    touched(farm, ('name = "s1"', 'name = "s1"\nweight = 0'), ('name = "s2"', 'name = "s2"\nweight = 0'))
    farm.proxy.log.wait_for(r"backend app has no server available!")
    backend = farm.rows()["app", "BACKEND"]
    assert (backend["status"], backend["chkdown"]) == ("DOWN", "1")
    touched(farm, ("weight = 0", "weight = 1"))
    assert farm.rows()["app", "BACKEND"]["status"] == "UP"


def test_a_connection_of_a_configuration_in_between_ends_well(tmp_path):
    """The second client's request belongs to the first configuration, its connection to the second, and it ends in the
    third: nothing of what it goes back to may be gone. (The address sanitizer looks.)"""
    gates, served = [threading.Event(), threading.Event()], []

    def serve(connection, _number):
        served.append(connection)
        gate = gates[min(len(served), 2) - 1]
        connection.message()
        gate.wait(TIMEOUT)
        connection.send(ok(b"hello", b"Connection: close\r\n"))

    origin = Origin(serve)
    proxy = Proxy(tmp_path, [origin.port], workers=1, server_extra="maxconn = 1")
    plain = proxy.path.read_text()
    try:
        def ask():
            client = proxy.connect()
            client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            return client

        first = ask()
        wait_until(lambda: origin.accepted == 1, "the first is served")
        second = ask()
        wait_until(lambda: proxy.has_read(second), "the second is here")
        reload(proxy, plain.replace("[backend.app]", '[backend.app]\nsource = "127.0.0.1"'))
        gates[0].set()
        assert first.message()[2] == b"hello"
        first.close()
        wait_until(lambda: origin.accepted == 2, "the second has a connection of the second configuration")
        reload(proxy, plain)
        gates[1].set()
        assert second.message()[2] == b"hello"
        second.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert second.message()[2] == b"hello"
    finally:
        proxy.stop()
        origin.close()


@pytest.mark.parametrize("leaves", ["server", "backend"])
@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_what_outlives_its_place_in_two_configurations_ends_well(tmp_path, monkeypatch, mode, leaves):
    """The connection is of the first configuration, the slot it holds of the second, and the third has neither. Freed
    memory is overwritten, so that whoever still looks at it falls."""
    monkeypatch.setenv("MALLOC_PERTURB_", "165")
    gate = threading.Event()

    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        gate.wait(TIMEOUT)
        connection.send(b"67890")
        if mode == "tcp":
            connection.rest()

    origin = Origin(serve)
    options = {} if mode == "http" else TCP
    proxy = Proxy(tmp_path, [origin.port], workers=1, server_extra="maxconn = 3", **options)
    plain = proxy.path.read_text()
    moved = plain.replace("[backend.app]", '[backend.app]\nsource = "127.0.0.1"')
    gone = {"server": moved.replace('name = "s1"', 'name = "s2"'),
            "backend": moved.replace('"app"', '"other"').replace("backend.app", "backend.other")}[leaves]
    try:
        client = proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        client.until(b"12345")
        reload(proxy, moved)
        reload(proxy, gone)
        gate.set()
        assert client.exactly(5) == b"67890"
        client.close()
        proxy.log.wait_for("app/s1")
        reload(proxy, plain)  # looks at all that is left
        assert proxy.process.poll() is None
    finally:
        proxy.stop()
        origin.close()
