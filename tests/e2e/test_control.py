"""The control socket, as a person with socat, a script, and hatop use it."""
import contextlib
import csv
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import grp
import socket
import struct
import subprocess
import termios
import threading
import time

import pyte
import pytest

from loopback import TIMEOUT, Origin, Proxy, answering, deaf_port, free_port, ok, wait_until
from test_reload import reload


class Farm:
    """A proxy with two servers and a socket for each level."""

    def __init__(self, tmp_path, serve=None, **options):
        self.folder = tmp_path
        self.served = [0, 0]  # requests, where the test gives no script of its own
        self.origins = [Origin(serve or self._counting(server)) for server in range(2)]
        self.tcp_port = free_port()
        sockets = "".join(f'[[global.control]]\nbind = "unix:{tmp_path}/{level}.sock"\nlevel = "{level}"\n'
                          f'timeout = "{options.get("timeout", "5s")}"\n' for level in ("user", "operator", "admin"))
        sockets += f'[[global.control]]\nbind = "127.0.0.1:{self.tcp_port}"\nlevel = "user"\n'
        self.proxy = Proxy(tmp_path, [origin.port for origin in self.origins], globals_=options.get("globals_", "") + sockets,
                           server_extra=options.get("server_extra", "maxconn = 32"), backend=options.get("backend", ""),
                           balance=options.get("balance", '"roundrobin"'), defaults=options.get("defaults", ""), frontend=options.get("frontend", ""))

    def _counting(self, server):
        def respond(*_):
            self.served[server] += 1
            return ok()
        return answering(respond)

    def connect(self, level="admin"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(TIMEOUT)
        client.connect(f"{self.folder}/{level}.sock")
        return client

    def ask(self, line, level="admin"):
        """The whole answer, without the empty line that ends it."""
        with self.connect(level) as client:
            client.sendall(line.encode() + b"\n")
            answer = everything(client).decode()
        assert answer.endswith("\n")
        return answer[:-1]

    def rows(self, selection="", level="admin"):
        text = self.ask(f"show stat {selection}", level)
        assert text.startswith("# pxname,svname,")
        return {(row["pxname"], row["svname"]): row for row in csv.DictReader(io.StringIO(text[2:]))}

    def status(self, server):
        return self.rows()["app", server]["status"]

    def states(self):
        """{server: {column: value}} of `show servers state`."""
        lines = self.ask("show servers state").splitlines()
        assert lines[0] == "1"
        names = lines[1][2:].split()
        rows = [dict(zip(names, line.split(), strict=True)) for line in lines[2:]]
        return {row["srv_name"]: row for row in rows}

    def who_answers(self, count=8):
        """Which server took each of so many requests. (Not connections: a check may be one.)"""
        before = list(self.served)
        for _ in range(count):
            assert self.proxy.get(fields="Connection: close\r\n")[0] == "HTTP/1.1 200 OK"
        return [served - was for served, was in zip(self.served, before)]

    def stop(self):
        self.proxy.stop()
        for origin in self.origins:
            origin.close()


def until(client, mark):
    received = b""
    while not received.endswith(mark):
        piece = client.recv(100)
        assert piece, received
        received += piece
    return received


def everything(client):
    pieces = []
    while piece := client.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


@contextlib.contextmanager
def farm_of(tmp_path, serve=None, **options):
    farm = Farm(tmp_path, serve, **options)
    try:
        yield farm
    finally:
        farm.stop()
    assert farm.proxy.process.returncode == 0


@pytest.fixture
def farm(tmp_path):
    with farm_of(tmp_path, backend='connection = "close"') as farm:
        yield farm


def test_socat_asks_and_is_answered(farm):
    answer = subprocess.run(["socat", "-", f"UNIX-CONNECT:{farm.folder}/admin.sock"], input="show info\n", text=True,
                            capture_output=True, timeout=TIMEOUT, check=True).stdout
    info = dict(line.split(": ", 1) for line in answer.strip().splitlines())
    assert int(info["Pid"]) == farm.proxy.process.pid
    assert int(info["CurrConns"]) == 0
    assert int(info["Nbthread"]) == 2
    assert int(info["Maxconn"]) > 0
    assert re.fullmatch(r"0d 0h00m\d\ds", info["Uptime"])
    assert answer.endswith("\n\n")


def test_every_name_tools_look_for_is_there(farm):
    info = farm.ask("show info")
    for name in ("Name Version Pid Uptime_sec Maxconn Hard_maxconn CurrConns CumConns CumReq ConnRate SessRate SslRate CurrSslConns Tasks "
                 "Run_queue Idle_pct node Stopping Jobs Listeners ActivePeers ConnectedPeers DroppedLogs TotalBytesOut BytesOutRate").split():
        assert re.search(rf"^{name}: ", info, re.M), name
    typed = farm.ask("show info typed")
    assert re.search(r"^6\.Pid\.1:SGP:u32:\d+$", typed, re.M)
    assert re.search(r"^49\.Idle_pct\.1:MaP:u32:\d+$", typed, re.M) and re.search(r"^63\.BytesOutRate\.1:MRP:u64:\d+$", typed, re.M)
    figures = json.loads(farm.ask("show info json"))
    assert {f["field"]["name"]: f["value"]["value"] for f in figures}["Pid"] == farm.proxy.process.pid


def test_the_last_second_is_told(farm):
    """How idle the workers were in it, and what was sent."""
    def figure(name):
        return int(re.search(rf"^{name}: (\d+)$", farm.ask("show info"), re.M)[1])

    assert 0 <= figure("Idle_pct") <= 100
    busy = threading.Event()
    visitors = [threading.Thread(target=lambda: [farm.proxy.get() for _ in iter(busy.is_set, True)]) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    wait_until(lambda: figure("Idle_pct") < 100 and figure("BytesOutRate") > 0, "it has worked and sent")
    busy.set()
    for visitor in visitors:
        visitor.join()
    wait_until(lambda: (figure("Idle_pct"), figure("BytesOutRate")) == (100, 0), "it rests")


def test_show_stat_selects_and_formats(farm):
    farm.proxy.get()
    assert set(farm.rows()) == {("http-in", "FRONTEND"), ("app", "s1"), ("app", "s2"), ("app", "BACKEND")}
    assert set(farm.rows("app 4 -1")) == {("app", "s1"), ("app", "s2")}
    assert set(farm.rows("-1 1 -1")) == {("http-in", "FRONTEND")}
    assert set(farm.rows("app 4 2")) == {("app", "s2")}
    number = farm.rows()["app", "BACKEND"]["iid"]
    assert set(farm.rows(f"{number} 2 -1")) == {("app", "BACKEND")}
    assert farm.ask("show stat nosuch 4 -1") == "No such proxy.\n"
    assert f"S.{number}.1.0.pxname.1:KNS:str:app\n" in farm.ask("show stat typed")
    rows = json.loads(farm.ask("show stat json"))
    assert [row[0]["objType"] for row in rows] == ["Frontend", "Server", "Server", "Backend"]
    assert farm.rows()["http-in", "FRONTEND"]["req_tot"] == "1"


def test_addresses_are_for_operators(farm):
    for level, shown in (("user", ""), ("operator", f"127.0.0.1:{farm.origins[0].port}")):
        rows = farm.rows(level=level)
        assert rows["app", "s1"]["addr"] == shown
        assert rows["app", "BACKEND"]["algo"] == ("" if level == "user" else "roundrobin")


def test_every_level_is_held(farm):
    denied = "Permission denied\n"
    for line in ("show sess", "show errors", "clear counters", "set server app/s1 state maint"):
        assert farm.ask(line, "user") == denied
    for line in ("set weight app/s1 1", "clear counters all", "disable frontend http-in", "shutdown session 0x1",
                 "set maxconn global 10"):
        assert farm.ask(line, "operator") == denied
    assert farm.ask("clear counters", "operator") == ""
    assert farm.ask("user;set weight app/s1 5") == "\n" + denied
    assert farm.states()["s1"]["srv_admin_state"] == "0"


def test_the_tcp_socket_answers_too(farm):
    with socket.create_connection(("127.0.0.1", farm.tcp_port), TIMEOUT) as client:
        client.sendall(b"show version;set weight app/s1 5\n")
        version, _, rest = everything(client).partition(b"\n\n")
        assert re.fullmatch(rb"\d+\.\d+\.\d+", version)
        assert rest == b"Permission denied\n\n"


def test_unknown_commands_are_answered_with_what_there_is(farm):
    assert farm.ask("shwo info").startswith("Unknown command, but maybe one of the following ones is a better match:\n  show ")
    assert farm.ask("frobnicate").startswith("Unknown command. Please enter one of the following commands only:\n  clear counters [all]")
    assert "  set server <bk>/<srv> [opts]            : " in farm.ask("help")


def test_many_commands_and_a_prompt(farm):
    assert farm.ask("get weight app/s1;get weight app/s2") == "1 (initial 1)\n\n1 (initial 1)\n"
    with farm.connect() as client:
        client.sendall(b"prompt\n")
        assert until(client, b"> ") == b"\n> "
        client.sendall(b"get weight app/s1\n")
        assert until(client, b"> ") == b"1 (initial 1)\n\n> "
        client.sendall(b"quit\n")
        assert everything(client) == b""


def test_drain_sends_no_new_visitors_and_goes_on_checking(tmp_path):
    with farm_of(tmp_path, backend='check = { type = "tcp", interval = "50ms" }\nconnection = "close"') as farm:
        wait_until(lambda: farm.status("s1") == "UP" and farm.status("s2") == "UP", "both are up")
        assert farm.ask("set server app/s1 state drain") == ""
        farm.proxy.log.wait_for(r"Server app/s1 enters drain state\. 1 active and 0 backup servers online\. 0 sessions requeued, 0 total "
                                r"in queue\.")
        assert farm.status("s1") == "DRAIN"
        assert farm.states()["s1"]["srv_admin_state"] == "8"
        before = farm.rows()["app", "s1"]["stot"]
        for _ in range(4):
            farm.proxy.get()
        assert farm.rows()["app", "s1"]["stot"] == before
        assert farm.ask("set server app/s1 state ready") == ""
        farm.proxy.log.wait_for(r"Server app/s1 is UP \(leaving forced drain\)\.")
        assert farm.status("s1") == "UP"


def test_maintenance_ends_nothing_and_gets_nothing(tmp_path):
    release, asked = threading.Event(), []

    def serve(connection, number):
        asked.append((connection.socket.getsockname()[1], connection.message()[0].split()[1]))
        if asked[-1][1] == "/slow":
            assert release.wait(TIMEOUT)
        connection.send(ok())

    with farm_of(tmp_path, serve, backend='check = { type = "tcp", interval = "50ms" }\nconnection = "close"') as farm:
        wait_until(lambda: farm.status("s1") == "UP" and farm.status("s2") == "UP", "both are up")
        results = []
        slow = [threading.Thread(target=lambda: results.append(farm.proxy.get("/slow")[0])) for _ in range(2)]
        for thread in slow:
            thread.start()
        wait_until(lambda: sorted(asked) == sorted((origin.port, "/slow") for origin in farm.origins), "both are under way")
        assert farm.ask("set server app/s1 state maint") == ""
        farm.proxy.log.wait_for(r"Server app/s1 is going DOWN for maintenance\. 1 active and 0 backup servers left\. 1 sessions "
                                r"active, 0 requeued, 0 remaining in queue\.")
        state = farm.states()["s1"]
        assert (state["srv_op_state"], state["srv_admin_state"], state["srv_check_state"]) == ("0", "1", "14")
        assert farm.status("s1") == "MAINT"
        for _ in range(6):
            farm.proxy.get(fields="Connection: close\r\n")
        assert asked[2:] == [(farm.origins[1].port, "/")] * 6
        assert ("app", "s1") not in farm.rows("-1 -1 -1 no-maint")
        release.set()
        for thread in slow:
            thread.join(TIMEOUT)
        assert results == ["HTTP/1.1 200 OK"] * 2

        assert farm.ask("set server app/s1 state ready") == ""
        farm.proxy.log.wait_for(r"Server app/s1 is (UP|DOWN)/READY \(leaving forced maintenance\)\.")
        wait_until(lambda: farm.status("s1") == "UP", "it is back")


def test_disable_and_enable_are_maintenance_and_ready(farm):
    for server in ("s1", "s2"):
        assert farm.ask(f"disable server app/{server}") == ""
        assert farm.status(server) == "MAINT"
    farm.proxy.log.wait_for(r"backend app has no server available!")
    assert farm.proxy.get()[0] == "HTTP/1.1 503 Service Unavailable"
    for server in ("s1", "s2"):
        assert farm.ask(f"enable server app/{server}") == ""
    farm.proxy.log.wait_for(r"Server app/s1 is UP/READY \(leaving forced maintenance\)\.")
    assert farm.who_answers(4) == [2, 2]


def test_a_disabled_server_waits_for_an_operator(tmp_path):
    with farm_of(tmp_path, backend='connection = "close"',
                 server_extra=lambda number: "check = true\ndisabled = true" if number == 1 else "") as farm:
        assert farm.status("s1") == "MAINT"
        assert farm.states()["s1"]["srv_admin_state"] == "5"
        assert farm.who_answers(4) == [0, 4]
        assert farm.ask("enable server app/s1") == ""
        farm.proxy.log.wait_for(r"Server app/s1 is \S+/READY \(leaving forced maintenance\)\.")
        farm.proxy.log.wait_for(r"Server app/s1 is UP, reason: Layer4 check passed")
        assert farm.status("s1") == "UP"
        assert farm.states()["s1"]["srv_admin_state"] == "0"
        assert farm.who_answers(4) == [2, 2]


def test_health_is_what_an_operator_says(farm):
    assert farm.ask("set server app/s1 health down") == ""
    farm.proxy.log.wait_for(r"Server app/s1 is DOWN, changed from CLI\.")
    assert farm.who_answers(4) == [0, 4]
    assert farm.ask("set server app/s1 health up") == ""
    assert farm.who_answers(4) == [2, 2]


def test_weights_take_effect_at_once(farm):
    assert farm.ask("set server app/s1 weight 3") == ""
    assert farm.ask("get weight app/s1") == "3 (initial 1)\n"
    assert farm.who_answers(8) == [6, 2]
    assert farm.ask("set weight app/s1 0") == ""
    assert farm.who_answers(4) == [0, 4]
    # HAProxy rounds half of 1 down to nothing.
    assert farm.ask("set weight app/s1 50%") == ""
    assert farm.ask("get weight app/s1") == "1 (initial 1)\n"
    assert farm.ask("set weight app/s1 257") == "Absolute weight can only be between 0 and 256 inclusive.\n"
    assert farm.ask("get weight app/nosuch") == "No such server.\n"
    assert farm.ask("get weight nosuch/s1") == "No such backend.\n"


SLOW_SITE = 'check = { request = "GET /check", interval = "100ms", disable_on_404 = true }\n'


def last_change(farm, server):
    """Seconds, as the statistics and the server state have it."""
    seconds = farm.rows()["app", server]["lastchg"]
    return int(seconds), int(farm.states()[server]["srv_time_since_last_change"])


def test_drain_and_404_are_changes_with_a_time(tmp_path):
    status = [b"200 OK"]
    answer = answering(lambda line, *_: ok() if "/check" not in line else b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status[0])
    with farm_of(tmp_path, answer, backend=SLOW_SITE) as farm:
        def changes(act, server, word):
            """The time begins anew with what act() does: no more is shown than has gone by since."""
            wait_until(lambda: min(last_change(farm, server)) >= 1, "a second goes by")
            begun = time.monotonic()
            act()
            wait_until(lambda: farm.status(server) == word, f"{server} is {word}")
            assert max(last_change(farm, server)) <= time.monotonic() - begun

        wait_until(lambda: farm.status("s1") == "UP" and farm.status("s2") == "UP", "both are up")
        changes(lambda: farm.ask("set server app/s2 state drain"), "s2", "DRAIN")
        changes(lambda: farm.ask("set server app/s2 state ready"), "s2", "UP")
        changes(lambda: status.__setitem__(0, b"404 Not Found"), "s1", "NOLB")
        assert farm.states()["s1"]["srv_check_result"] == "4"
        changes(lambda: status.__setitem__(0, b"200 OK"), "s1", "UP")
        assert farm.states()["s1"]["srv_check_result"] == "3"


def test_a_probe_under_way_is_marked(tmp_path):
    """As HAProxy does it; what the last one found stands behind the mark."""
    release = threading.Event()

    def respond(line, _fields, _body):
        if "/check" in line and not first.is_set():
            first.set()
        elif "/check" in line:
            release.wait(TIMEOUT)
        return ok()

    first = threading.Event()
    agent = Origin(lambda connection, number: (number > 1 and release.wait(TIMEOUT), connection.send(b"up\n")))
    with farm_of(tmp_path, answering(respond), server_extra=lambda number: "" if number > 1 else
                 f'check = {{ request = "GET /check", interval = "100ms", timeout = "9s" }}\nagent = {{ port = {agent.port}, interval = "100ms", '
                 'timeout = "9s" }') as farm:
        wait_until(lambda: farm.rows()["app", "s1"]["check_status"] == "* L7OK", "the second probe is under way")
        wait_until(lambda: farm.rows()["app", "s1"]["agent_status"] == "* L7OK", "the second question is under way")
        assert farm.ask("set server app/s1 state maint") == ""
        release.set()
        assert farm.ask("set server app/s1 state ready") == ""
        wait_until(lambda: farm.rows()["app", "s1"]["check_status"] == "L7OK", "none is under way")
        wait_until(lambda: farm.rows()["app", "s1"]["agent_status"] == "L7OK", "none is under way")
    agent.close()


def test_operators_see_cookies_and_full_load(tmp_path):
    with farm_of(tmp_path, backend='cookie = { name = "SRV", mode = "insert" }', frontend="maxconn = 500",
                 server_extra=lambda number: f'cookie = "C{number}"') as farm:
        assert [row["cookie"] for row in farm.rows().values()] == ["", "C1", "C2", "SRV"]
        assert [row["cookie"] for row in farm.rows(level="user").values()] == [""] * 4
        assert farm.rows()["app", "BACKEND"]["slim"] == "50", "a tenth of its frontend's"
    with farm_of(tmp_path, backend="fullconn = 7") as farm:
        assert farm.rows()["app", "BACKEND"]["slim"] == "7"


def test_a_slow_start_is_shown_in_weight_and_state(tmp_path):
    with farm_of(tmp_path, server_extra='weight = 10\nslow_start = "60s"') as farm:
        assert farm.states()["s1"]["srv_op_state"] == "2"
        farm.ask("set server app/s1 state maint")
        assert farm.rows()["app", "s1"]["weight"] == "10", "as HAProxy, which does not take it away"
        farm.ask("set server app/s1 state ready")
        row, whole = farm.rows()["app", "s1"], farm.rows()["app", "BACKEND"]
        assert (row["weight"], row["uweight"], farm.states()["s1"]["srv_op_state"]) == ("1", "10", "1")
        assert (whole["weight"], whole["uweight"]) == ("11", "20")


def test_a_server_that_begins_disabled_is_down_from_the_start(tmp_path):
    with farm_of(tmp_path, server_extra="check = true\ndisabled = true") as farm:
        def figures(server):
            row = farm.rows()["app", server]
            return int(row["downtime"]) >= 1 and (row["chkdown"], row["downtime"] == row["lastchg"])
        for each in ("s1", "BACKEND"):
            assert wait_until(lambda each=each: figures(each), "a second goes by") == ("0", True)


def test_other_places_of_checks_and_agents_are_in_the_server_state(tmp_path):
    site = Origin(answering())
    agent = Origin(lambda connection, _number: connection.send(b"up\n"))
    extra = (f'check = {{ port = {site.port}, address = "127.0.0.2" }}\nagent = {{ port = {agent.port}, address = "127.0.0.1" }}',
             f"check = true\nagent = {{ port = {agent.port} }}")
    with farm_of(tmp_path, server_extra=lambda number: extra[number - 1]) as farm:
        columns = ("srv_check_state", "srv_agent_state", "srv_check_port", "srv_check_addr", "srv_agent_addr", "srv_agent_port")
        states = farm.states()
        assert [states["s1"][column] for column in columns] == ["6", "22", str(site.port), "127.0.0.2", "127.0.0.1", str(agent.port)]
        assert [states["s2"][column] for column in columns] == ["6", "22", "0", "-", "-", str(agent.port)]
    site.close()
    agent.close()


def test_the_last_weight_is_as_good_as_the_last_server(farm):
    """HAProxy's alarm and its figures of the backend: an outage is one, however it comes about."""
    alarm = "backend app has no server available!"
    for server in ("s1", "s2"):
        assert not any(alarm in line for line in farm.proxy.log.lines)
        assert farm.ask(f"set weight app/{server} 0") == ""
    farm.proxy.log.wait_for(alarm)
    wait_until(lambda: int(farm.rows()["app", "BACKEND"]["downtime"]) >= 1, "the outage is timed")
    backend = farm.rows()["app", "BACKEND"]
    assert (backend["status"], backend["chkdown"]) == ("DOWN", "1")
    begun = time.monotonic()
    assert farm.ask("set weight app/s1 1") == ""
    backend = farm.rows()["app", "BACKEND"]
    assert (backend["status"], backend["chkdown"]) == ("UP", "1")
    assert int(backend["lastchg"]) <= time.monotonic() - begun
    assert sum(alarm in line for line in farm.proxy.log.lines) == 1


@pytest.mark.parametrize("balance", ('"source"', '{ url_param = "id" }'))
def test_weights_of_hashes_follow_if_they_are_consistent(tmp_path, balance):
    with farm_of(tmp_path, balance=balance) as farm:
        assert farm.ask("set weight app/s1 5").startswith("Backend is using a static LB algorithm")
    with farm_of(tmp_path, balance=balance, backend='hash_type = "consistent"') as farm:
        assert farm.ask("set weight app/s1 5") == ""
        assert farm.ask("get weight app/s1") == "5 (initial 1)\n"


def test_a_static_algorithm_takes_all_or_nothing(tmp_path):
    with farm_of(tmp_path, balance='"static-rr"', backend='connection = "close"', server_extra="weight = 2") as farm:
        refused = "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n"
        assert farm.ask("set weight app/s1 50%") == refused
        assert farm.ask("set weight app/s1 0%") == ""
        assert farm.who_answers(4) == [0, 4]
        assert farm.ask("set weight app/s1 100%") == ""
        assert farm.who_answers(4) == [2, 2]


def test_a_server_moves_with_its_connections_and_checks(tmp_path):
    other = Origin(answering(lambda *_: ok(b"other")))
    with farm_of(tmp_path, backend='check = { type = "tcp", interval = "50ms" }') as farm:
        wait_until(lambda: farm.status("s1") == "UP", "s1 is up")
        assert farm.ask("disable server app/s2") == ""
        assert farm.proxy.get()[2] == b"hello"  # and its connection stays, idle
        old = farm.origins[0].port
        assert farm.ask(f"set server app/s1 addr 127.0.0.1 port {other.port}") == (
            f"no need to change the addr, port changed from '{old}' to '{other.port}' by 'stats socket command'\n")
        assert farm.rows()["app", "s1"]["addr"] == f"127.0.0.1:{other.port}"
        for _ in range(8):  # whichever worker
            assert farm.proxy.get()[2] == b"other"
        assert farm.ask("set server app/s1 addr 127.0.0.1") == "no need to change the addr by 'stats socket command'\n"
        assert farm.ask("set server app/s1 addr nowhere") == "Invalid addr 'nowhere' by 'stats socket command'\n"
    other.close()


def test_a_limit_of_a_server_holds_at_once_and_lets_waiters_in(tmp_path):
    release = threading.Event()

    def respond(_line, _fields, _body):
        assert release.wait(TIMEOUT)
        return ok()

    with farm_of(tmp_path, answering(respond), server_extra="maxconn = 1") as farm:
        farm.ask("disable server app/s2")
        results = []
        clients = [threading.Thread(target=lambda: results.append(farm.proxy.get()[0])) for _ in range(3)]
        for client in clients:
            client.start()
        wait_until(lambda: farm.rows()["app", "BACKEND"]["qcur"] == "2", "two wait")
        assert farm.rows()["app", "s1"]["slim"] == "1"
        assert farm.ask("set maxconn server app/s1 2") == ""
        wait_until(lambda: (farm.rows()["app", "s1"]["scur"], farm.rows()["app", "BACKEND"]["qcur"]) == ("2", "1"), "one more is let in")
        assert farm.ask("enable server app/s2") == ""
        wait_until(lambda: farm.rows()["app", "BACKEND"]["qcur"] == "0", "nobody waits")
        release.set()
        for client in clients:
            client.join(TIMEOUT)
        assert results == ["HTTP/1.1 200 OK"] * 3


@pytest.mark.parametrize("limit", ["set maxconn frontend http-in 1", "set maxconn global 1"])
def test_limits_of_clients_hold_at_once(farm, limit):
    assert farm.ask(limit) == ""
    assert farm.rows()["http-in", "FRONTEND"]["slim"] == "1"
    first = farm.proxy.connect()
    first.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    assert first.message()[0] == "HTTP/1.1 200 OK"
    second = farm.proxy.connect()
    second.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    assert farm.rows()["http-in", "FRONTEND"]["status"] == "FULL"
    assert select.select([second.socket], [], [], 0.3)[0] == []
    # In force when its answer comes: nobody has to wait for the next look at the limits, ten a second.
    for _ in range(5):
        assert farm.ask(limit.rsplit(" ", 1)[0] + " 10") == ""
        assert farm.rows()["http-in", "FRONTEND"]["scur"] == "2"
        second.close()
        wait_until(lambda: farm.rows()["http-in", "FRONTEND"]["scur"] == "1", "it has left")
        assert farm.ask(limit) == ""
        second = farm.proxy.connect()
        second.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    assert farm.ask(limit.rsplit(" ", 1)[0] + " 10") == ""
    assert second.message()[0] == "HTTP/1.1 200 OK"
    first.close()
    second.close()


def test_a_frontend_is_closed_and_opened_again(farm):
    held = farm.proxy.connect()
    wait_until(lambda: farm.proxy.has_accepted(held), "it is in")
    assert farm.ask("disable frontend http-in") == ""
    farm.proxy.log.wait_for(r"Paused frontend http-in\.")
    with pytest.raises(ConnectionRefusedError):
        farm.proxy.connect()
    assert farm.rows()["http-in", "FRONTEND"]["status"] == "PAUSED"
    before = farm.proxy.processor_seconds()
    assert select.select([held.socket], [], [], 0.2)[0] == []
    assert farm.proxy.processor_seconds() - before < 0.1, "a closed listener keeps it busy"
    held.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")  # those who are in stay in
    assert held.message()[0] == "HTTP/1.1 200 OK"
    held.close()
    assert farm.ask("disable frontend http-in") == "All sockets are already disabled.\n"
    assert farm.ask("enable frontend http-in") == ""
    for _ in range(8):  # on every worker's socket
        assert farm.proxy.get()[0] == "HTTP/1.1 200 OK"
    assert farm.ask("enable frontend http-in") == "All sockets are already enabled.\n"
    assert farm.ask("enable frontend nosuch") == "No such frontend.\n"


def test_a_disabled_frontend_waits_for_an_operator(tmp_path):
    port = free_port()
    section = (f'\n[frontend.later]\ndisabled = true\nbind = ["127.0.0.1:{port}", "unix:{tmp_path}/later.sock"]\n'
               'default_backend = "app"\n')
    with farm_of(tmp_path, server_extra=lambda number: section if number == 2 else "") as farm:
        def ask(family, address):
            with socket.socket(family) as client:
                client.settimeout(TIMEOUT)
                client.connect(address)
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return everything(client)

        assert farm.rows()["later", "FRONTEND"]["status"] == "STOP"
        with pytest.raises(ConnectionRefusedError):
            ask(socket.AF_INET, ("127.0.0.1", port))
        waiting = []
        thread = threading.Thread(target=lambda: waiting.append(ask(socket.AF_UNIX, f"{tmp_path}/later.sock")))
        thread.start()
        assert farm.ask("disable frontend later") == "All sockets are already disabled.\n"
        assert farm.ask("enable frontend later") == ""
        farm.proxy.log.wait_for(r"Resumed frontend later\.")
        assert farm.rows()["later", "FRONTEND"]["status"] == "OPEN"
        for _ in range(8):  # on every worker's socket
            assert ask(socket.AF_INET, ("127.0.0.1", port)).startswith(b"HTTP/1.1 200 OK")
        thread.join(TIMEOUT)
        assert waiting[0].startswith(b"HTTP/1.1 200 OK")


def test_a_frontend_that_listens_again_has_its_own_backlog(tmp_path):
    with farm_of(tmp_path, frontend="backlog = 7") as farm:
        def backlogs():
            rows = subprocess.run(["ss", "-ltnH", f"sport = :{farm.proxy.port}"], text=True, capture_output=True, timeout=TIMEOUT,
                                  check=True).stdout.splitlines()
            return [row.split()[2] for row in rows]
        assert backlogs() == ["7", "7"]  # a socket for each worker
        assert farm.ask("disable frontend http-in") == ""
        assert backlogs() == []
        assert farm.ask("enable frontend http-in") == ""
        assert backlogs() == ["7", "7"]


def test_warmup_lets_those_begin_slowly_that_shall_at_a_takeover(tmp_path):
    def slowly(number):
        return 'slow_start = { duration = "6s", at = ["takeover"] }' if number == 1 else 'slow_start = "6s"'

    with farm_of(tmp_path, backend='connection = "close"', server_extra=slowly) as farm:
        assert farm.who_answers(8) == [4, 4]
        assert farm.ask("warmup") == ""
        rows = farm.rows()
        assert 1 <= int(rows["app", "s1"]["throttle"]) < 50 and rows["app", "s2"]["throttle"] == ""
        part = farm.who_answers(8)[0]
        warm = int(farm.rows()["app", "s1"]["throttle"] or 100)  # at the end: its part of the eight was no greater
        assert part <= 8 * warm / (100 + warm) + 1, (part, warm)
        farm.proxy.log.wait_for(r"<133>.*Warm-up: 1 server begins slowly")
        wait_until(lambda: farm.rows()["app", "s1"]["throttle"] == "", "it is warm", 20)
        assert farm.who_answers(8) == [4, 4]
        farm.ask("set server app/s1 state maint")
        assert farm.ask("warmup") == "No server that is up has slow_start at takeover.\n"


def test_a_draining_proxy_says_so_to_the_end(tmp_path):
    gate = threading.Event()

    def slow(connection, _number):
        connection.message()
        gate.wait(TIMEOUT)
        connection.send(ok())

    with farm_of(tmp_path, slow) as farm:
        def figures():
            return dict(line.split(": ", 1) for line in farm.ask("show info").splitlines() if ": " in line)

        assert (figures()["Stopping"], figures()["Listeners"]) == ("0", "1")
        client = farm.proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: figures()["CurrConns"] == "1" and sum(origin.accepted for origin in farm.origins) == 1,
                   "it is there, and its request at a server")
        farm.proxy.process.send_signal(signal.SIGUSR1)
        farm.proxy.log.wait_for("Draining: ")
        shown = figures()
        assert (shown["Stopping"], shown["CurrConns"], shown["Listeners"]) == ("1", "1", "0")
        assert farm.rows()["http-in", "FRONTEND"]["status"] == "STOP"
        assert farm.rows()["app", "s1"]["status"] == "no check"
        gate.set()
        assert client.message()[2] == b"hello"
        assert farm.proxy.process.wait(TIMEOUT) == 0


def test_log_lines_that_nobody_takes_are_counted(tmp_path):
    with farm_of(tmp_path, globals_=f'[[global.log]]\ntarget = "unix:{tmp_path}/nobody"\nfacility = "local0"\n') as farm:
        def dropped():
            return int(re.search(r"^DroppedLogs: (\d+)$", farm.ask("show info"), re.M)[1])
        before = dropped()
        for _ in range(3):
            farm.proxy.get()
        wait_until(lambda: dropped() >= before + 3, "they are counted")


def test_counters_are_cleared(farm):
    for _ in range(4):
        farm.proxy.get()
    assert farm.rows()["http-in", "FRONTEND"]["smax"] != "0"
    wait_until(lambda: farm.rows()["http-in", "FRONTEND"]["scur"] == "0", "all have left")
    assert farm.ask("clear counters") == ""
    row = farm.rows()["http-in", "FRONTEND"]
    assert (row["smax"], row["req_tot"], row["rate_max"]) == ("0", "4", "0")
    assert farm.ask("clear counters all") == ""
    rows = farm.rows()
    assert (rows["http-in", "FRONTEND"]["req_tot"], rows["app", "BACKEND"]["stot"], rows["app", "s1"]["bout"]) == ("0", "0", "0")
    farm.proxy.get()
    assert farm.rows()["http-in", "FRONTEND"]["req_tot"] == "1"


def test_sessions_are_shown_and_ended(tmp_path):
    release = threading.Event()

    def respond(_line, _fields, _body):
        release.wait(TIMEOUT)
        return ok()

    with farm_of(tmp_path, answering(respond), frontend="log_null = true") as farm:
        idle, busy = farm.proxy.connect(), farm.proxy.connect()
        busy.send(b"GET /report HTTP/1.1\r\nHost: test\r\n\r\n")
        line = wait_until(lambda: next((x for x in farm.ask("show sess").splitlines() if "state=response" in x), None), "it waits")
        peer = "%s:%s" % busy.socket.getsockname()
        found = re.fullmatch(rf"(0x[0-9a-f]+): proto=tcpv4 src={peer} fe=http-in be=app srv=(s[12]) ts=0[01] age=\d+s "
                             r"state=response exp=\d+s rc=0", line)
        assert found, line
        wait_until(lambda: "be=<NONE> srv=<none>" in farm.ask("show sess"), "the idle one is shown too")
        details = farm.ask(f"show sess {found[1]}")
        assert f"{found[1]}: [" in details and 'request="GET /report HTTP/1.1"' in details
        assert re.search(rf"server={found[2]} addr=127\.0\.0\.1:\d+", details)
        assert farm.ask("show sess 0xffffff") == "Session not found.\n"
        other = {"s1": "s2", "s2": "s1"}[found[2]]
        assert found[1] in farm.ask(f"show sess server app/{found[2]}") and found[1] not in farm.ask(f"show sess server app/{other}")
        assert 'request="GET /report' in farm.ask(f"show sess all server app/{found[2]}")
        assert [farm.ask(f"show sess {words}") for words in ("server app/s9", "older 1h", "older 3600 all")] == ["No such server.\n", "", ""]
        wait_until(lambda: found[1] in farm.ask("show sess older 300ms"), "it is older than that at last")

        assert farm.ask(f"shutdown session {found[1]}") == ""
        with contextlib.suppress(ConnectionResetError):
            assert busy.rest() == b""
        farm.proxy.log.wait_for(r'" ?.*-1 0 - - KH-- .*"GET /report HTTP/1\.1"|KH-- ')
        assert farm.ask(f"shutdown session {found[1]}") == "No such session (use 'show sess').\n"

        # Half a request, and none: each has its line (log_null).
        for said in (b"GET / HT", b""):
            begun = farm.proxy.connect()
            begun.send(said)
            peer = "%s:%s" % begun.socket.getsockname()
            state = "request" if said else "idle"
            shown = wait_until(lambda: re.search(rf"(0x[0-9a-f]+): .* src={peer} .* state={state} ", farm.ask("show sess")), "it is shown")
            assert farm.ask(f"shutdown session {shown[1]}") == ""
            assert begun.rest() == b""
            assert '"<BADREQ>"' in farm.proxy.log.wait_for(rf"{peer} .* http-in http-in/<NOSRV> .* -1 0 - - KR-- ")

        others = [farm.proxy.connect() for _ in range(4)]
        for other in others:
            other.send(b"GET /more HTTP/1.1\r\nHost: test\r\n\r\n")
        wait_until(lambda: [farm.rows()["app", name]["scur"] for name in ("s1", "s2")] == ["2", "2"], "two are at each server")
        assert farm.ask("shutdown sessions server app/s1") == ""
        assert farm.rows()["app", "s1"]["scur"] == "0"  # it answers when the workers have ended them
        assert farm.rows()["app", "s2"]["scur"] == "2"
        release.set()
        idle.close()


def test_what_began_under_an_earlier_configuration_is_shown_and_ended_by_name(tmp_path):
    release, moved = threading.Event(), Origin(answering())

    def respond(_line, _fields, _body):
        release.wait(TIMEOUT)
        return ok()

    with farm_of(tmp_path, answering(respond)) as farm:
        text = farm.proxy.path.read_text()
        s2 = text[text.rindex("[[backend.app.server]]"):]
        moved_s1 = text.replace(f":{farm.origins[0].port}", f":{moved.port}")
        for server, after in (("s1", moved_s1), ("s2", text.replace(s2, ""))):
            other = {"s1": "s2", "s2": "s1"}[server]
            farm.ask(f"disable server app/{other}")
            client = farm.proxy.connect()
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda: farm.rows()["app", server]["scur"] == "1", "it is at the server")
            reload(farm.proxy, after)
            assert f"srv={server} " in farm.ask(f"show sess server app/{server}")
            assert farm.ask(f"shutdown sessions server app/{server}") == ""
            with contextlib.suppress(ConnectionResetError):
                assert client.rest() == b""
            farm.proxy.log.wait_for(rf"app/{server} .* KH-- ")
            farm.proxy.log.lines.clear()
            client.close()
            if server == "s1":
                reload(farm.proxy, text)
                farm.ask("enable server app/s2")
        unknown = ["show sess server app/s2", "shutdown sessions server app/s2"]
        assert [farm.ask(line) for line in unknown] == ["No such server.\n"] * 2
        assert farm.ask("shutdown sessions server nobody/s1") == "No such backend.\n"
        release.set()
    moved.close()


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_what_is_under_way_is_shown_and_logged_where_it_is(tmp_path, mode):
    release, moved = threading.Event(), Origin(answering())

    def serve(connection, _number):
        while connection.message()[0]:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            release.wait(TIMEOUT)
            connection.send(b"hello")

    where = '\nlog_format = "at %si:%sp"'
    options = {"backend": "", "frontend": where}
    if mode == "tcp":
        options = {"backend": 'mode = "tcp"', "frontend": f'mode = "tcp"{where}'}
    with farm_of(tmp_path, serve, **options) as farm:
        farm.ask("disable server app/s2")
        place = f"127.0.0.1:{farm.origins[0].port}"
        client = farm.proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.until(b"\r\n\r\n")
        farm.ask(f"set server app/s1 addr 127.0.0.1 port {moved.port}")
        assert f"server=s1 addr={place}\n" in farm.ask("show sess all")
        release.set()
        assert client.exactly(5) == b"hello"
        client.close()
        farm.proxy.log.wait_for(rf": at {place}$")
        assert farm.proxy.get()[2] == b"hello"
        farm.proxy.log.wait_for(rf": at 127\.0\.0\.1:{moved.port}$")
    moved.close()


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_who_waits_for_a_server_is_shown_with_the_time_that_is_left(tmp_path, mode):
    release = threading.Event()

    def serve(connection, _number):
        connection.fill()
        release.wait(TIMEOUT)

    def line(state):
        return next((x for x in farm.ask("show sess").splitlines() if f"state={state} " in x), None)

    timeout = 'timeout = { queue = "9s", connect = "7s" }'
    lines = f'mode = "{mode}"\n'
    with deaf_port() as deaf, farm_of(tmp_path, serve, server_extra="maxconn = 1", frontend=lines,
                                      backend=lines + timeout) as farm:
        farm.ask("disable server app/s2")
        clients = []
        for state, exp in (("response" if mode == "http" else "data", r"\d+s"), ("queue", "[5-8]s")):
            clients.append(farm.proxy.connect())
            clients[-1].send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            shown = wait_until(lambda: line(state), f"one is in state {state}")
            assert re.search(rf" exp={exp} ", shown), shown
        farm.ask(f"set server app/s2 addr 127.0.0.1 port {deaf}")
        farm.ask("enable server app/s2")
        shown = wait_until(lambda: line("connect"), "it got the other one's place")
        assert re.search(r" exp=[3-6]s ", shown), shown
        release.set()
        for client in clients:
            client.close()


def test_the_last_invalid_messages_are_kept(tmp_path):
    with farm_of(tmp_path, lambda connection, _: (connection.message(), connection.send(b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n"))) as farm:
        assert re.fullmatch(r"Total events captured on \[\d\d/\w{3}/\d{4}:[\d:.]+\] : 0\n", farm.ask("show errors"))
        client = farm.proxy.connect()
        client.send(b"GET /a HTTP/1.1\r\nHost: x\r\nE vil: yes\r\n\r\n")
        assert client.message()[0] == "HTTP/1.1 400 Bad request"
        assert farm.proxy.get("/b")[0] == "HTTP/1.1 502 Bad Gateway"
        errors = farm.ask("show errors", "operator")
        assert " : 2\n" in errors.splitlines(keepends=True)[0]
        port = client.socket.getsockname()[1]
        request = (rf"\] frontend http-in \(#2\): invalid request\n  backend <NONE> \(#-1\), server <NONE> \(#-1\), event #0, src "
                   rf"127\.0\.0\.1:{port}\n  len 40, error at position 27: white space before a colon :\n  \n"
                   r"  00000  GET /a HTTP/1\.1\\r\\n\n  00017  Host: x\\r\\n\n  00026  E vil: yes\\r\\n\n  00038  \\r\\n\n")
        response = (r"\] backend app \(#3\): invalid response\n  frontend http-in \(#2\), server s[12] \(#[12]\), event #1, src "
                    r"127\.0\.0\.1:\d+\n  len 34, error at position 20: white space before a colon :\n  \n  00000  HTTP/1\.1 200 OK\\r\\n\n"
                    r"  00017  Bad Header: x\\r\\n\n  00032  \\r\\n\n")
        assert re.search(request, errors), errors
        assert re.search(response, errors), errors
        assert "invalid response" not in farm.ask("show errors http-in request")
        assert "invalid request" not in farm.ask("show errors app")
        assert farm.ask("show errors nosuch") == "No such proxy.\n"
        client.close()


def test_slow_and_silent_clients_hinder_nobody(tmp_path):
    with farm_of(tmp_path, timeout="2s") as farm:
        half = [farm.connect() for _ in range(20)]
        for client in half:
            client.sendall(b"show st")
        deaf = farm.connect()
        deaf.sendall(b"show stat typed;" * 500 + b"show info\n")  # far more than a socket holds
        answered = 0
        while answered < 20 and not select.select(half, [], [], 0)[0]:
            assert farm.ask("get weight app/s1") == "1 (initial 1)\n"
            assert farm.proxy.get()[0] == "HTTP/1.1 200 OK"
            answered += 1
        assert answered > 2  # of twenty, if the machine is very slow; whoever is hindered waits for the end of their time
        for client in half:  # and are gone when their time is up
            assert everything(client) == b""
            client.close()
        gone = select.poll()
        gone.register(deaf, 0)  # hears of the end without reading
        assert gone.poll(TIMEOUT * 1000) == [(deaf.fileno(), select.POLLHUP)]
        received = 0
        with contextlib.suppress(ConnectionResetError):
            received = len(everything(deaf))
        assert 0 < received < 500 * 1000
        deaf.close()


def test_many_commands_of_one_client_are_all_answered(farm):
    with farm.connect() as client:  # more than are answered at a time, ours and the proxy's
        client.sendall(b"get weight app/s1;help;" * 500 + b"show version\n")
        answers = everything(client).decode()
    assert answers.count("1 (initial 1)\n\n") == 500
    assert answers.count("The following commands are valid at this level:\n") == 500
    assert re.search(r"\n\n\d+\.\d+\.\d+\n\n$", answers)


def test_a_client_that_hangs_up_in_the_middle_leaves_nothing_behind(farm):
    before = farm.proxy.descriptors()
    for line in (b"show stat typed;" * 200 + b"show sess\n", b"show sess;" * 300 + b"\n", b"half"):
        for _ in range(10):
            client = farm.connect()
            client.sendall(line)
            client.close()
    assert farm.ask("get weight app/s1") == "1 (initial 1)\n"
    wait_until(lambda: farm.proxy.descriptors() <= before + 1, "all are closed")


def test_a_socket_left_behind_is_replaced_and_one_in_use_is_not(tmp_path):
    with farm_of(tmp_path) as farm:
        other = subprocess.run([farm.proxy.process.args[0], "-f", _other_config(tmp_path, farm)], capture_output=True, text=True,
                               timeout=TIMEOUT)
        assert other.returncode == 2
        assert f"control socket {tmp_path}/admin.sock: process {farm.proxy.process.pid} listens there" in other.stderr
        farm.proxy.process.kill()
        farm.proxy.process.wait()
        assert os.path.exists(f"{tmp_path}/admin.sock")
        farm.proxy.start()
        assert farm.ask("get weight app/s1") == "1 (initial 1)\n"
    assert not os.path.exists(f"{tmp_path}/admin.sock")


def _other_config(tmp_path, farm):
    path = tmp_path / "other.toml"
    path.write_text(f'[global]\n[[global.control]]\nbind = "unix:{tmp_path}/admin.sock"\n[frontend.f]\nbind = ["127.0.0.1:{free_port()}"]\n'
                    f'default_backend = "b"\n[backend.b]\n[[backend.b.server]]\nname = "s"\naddress = "127.0.0.1:{farm.origins[0].port}"\n')
    return str(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a chroot")
def test_the_socket_is_reached_from_outside_the_chroot(tmp_path):
    jail = tmp_path / "jail"
    jail.mkdir()
    os.chmod(tmp_path, 0o755)
    with farm_of(tmp_path, globals_=f'user = "nobody"\ngroup = "nogroup"\nchroot = "{jail}"\n') as farm:
        # It listens first, with the privileges of the start.
        wait_until(lambda: os.readlink(f"/proc/{farm.proxy.process.pid}/root") == str(jail), "it is in its jail")
        assert farm.ask("get weight app/s1") == "1 (initial 1)\n"
        status = os.stat(f"{tmp_path}/admin.sock")
        assert status.st_mode & 0o777 == 0o660
        assert (status.st_uid, status.st_gid) == (0, grp.getgrnam("nogroup").gr_gid)


def hatop_screen(path, keys, until, timeout=20):
    """Drives hatop on a terminal of 120x40: waits for each pattern and types what goes with it. Answers what stands there once
    `until` is on it."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(["hatop", "-i", "1", "-s", path], stdin=its, stdout=its, stderr=its, start_new_session=True,
                               env={**os.environ, "TERM": "linux"})
    os.close(its)
    screen = pyte.Screen(120, 40)
    stream = pyte.ByteStream(screen)
    deadline = time.monotonic() + timeout
    keys = list(keys)
    seen = ""
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    stream.feed(os.read(ours, 65536))
                except OSError:  # it has ended
                    break
            seen = "\n".join(screen.display)
            if keys and re.search(keys[0][0], seen):
                os.write(ours, keys.pop(0)[1])
            elif not keys and re.search(until, seen):
                return seen
        raise AssertionError(f"{until!r} (and {keys}) not on the screen:\n{seen}")
    finally:
        process.kill()
        process.wait(TIMEOUT)
        os.close(ours)


def test_hatop_shows_the_farm(farm):
    for _ in range(4):
        farm.proxy.get()
    # Until the last of it is there: what is read may end within a line.
    screen = hatop_screen(f"{farm.folder}/admin.sock", [], r"\n *BACKEND +2 UP( +\d+)+ +4 *\n")
    assert re.search(rf"hapair-proxy Version: \d.*PID: {farm.proxy.process.pid}\b", screen), screen
    assert re.search(r">>> http-in +\n *FRONTEND +0 OPEN", screen), screen
    for server in ("s1", "s2"):
        assert re.search(rf"\n *{server} +1 - +none( +\d+)+ +2 *\n", screen), screen  # two requests each


def test_hatop_disables_a_server(farm):
    # On its command line (page 5); escape and 1 lead back.
    keys = [(r">>> app", b"5"), (r"Type `help'", b"disable server app/s1\r"), (r"disable server app/s1\s[^>]*> ", b"\x1b1")]
    hatop_screen(f"{farm.folder}/admin.sock", keys, r"\bs1\b.*MAINT[^>]*\bs2 +1 - ")
    assert farm.status("s1") == "MAINT"


def test_w3m_shows_the_statistics_page(tmp_path):
    with farm_of(tmp_path, frontend='stats = { uri = "/stats" }') as farm:
        farm.proxy.get()
        assert farm.ask("disable server app/s2") == ""
        page = subprocess.run(["w3m", "-dump", "-cols", "250", f"http://127.0.0.1:{farm.proxy.port}/stats"], text=True,
                              capture_output=True, timeout=TIMEOUT, check=True).stdout
    assert f"Statistics Report for pid {farm.proxy.process.pid} on " in page
    for name in ("http-in", "app", "Frontend", "s1", "s2", "Backend"):
        assert re.search(rf"\b{name}\b", page), page
    assert re.search(r"\bs2\b.*MAINT", page), page
