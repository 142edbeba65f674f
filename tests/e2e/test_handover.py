"""A planned handover: the address moves, and nobody loses a connection or a request.

The knob is a tracked file: a node whose file says more than before has the higher priority, and asks for
the address."""
import json
import os
import pathlib
import shutil
import signal
import tempfile
import time

import pytest
from duo import BIN, NODES, VIRTUAL, Duo
from pair import wait_until

OTHER = {"hap1": "hap2", "hap2": "hap1"}
ROOM = 10.0  # for a machine that also runs two other test processes


@pytest.fixture
def found():
    """Pairs as a test wants them, settled, with hap1 as master."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-duo-"))
    made = []

    def make(**settings):
        duo = Duo(os.environ.get("LAB_PREFIX", "haptest") + "ho", folder, **settings)
        made.append(duo)
        duo.up()
        duo.wait_for_master("hap1")
        for node in NODES:
            duo.wait_for_line(node, f"pair channel: {OTHER[node]} is heard")
        # Whoever came up first may have handed over already.
        wait_until(lambda: not any("hapair_51" in line for node in NODES for line in duo.leftovers(node)), 10)
        duo.usual = {node: duo.leftovers(node) for node in NODES}
        return duo

    yield make
    for duo in made:
        duo.down()
    shutil.rmtree(folder)


def nothing_is_left(duo):
    for node in NODES:
        wait_until(lambda: duo.leftovers(node) == duo.usual[node], 10,
                   lambda: f"{node} keeps {duo.leftovers(node)}\n{duo.logs()}")


def test_ten_handovers_under_load(found):
    duo = found()
    seconds = 16
    logged = {node: len(duo.vrrp[node].lines()) for node in NODES}
    clients = [duo.traffic("keepalive", 200, seconds), duo.traffic("download", 50, seconds),
               duo.traffic("idle", 50, seconds), duo.traffic("connect", 500, seconds)]
    for number in range(10):
        begun = time.monotonic()
        duo.move("hap2" if number % 2 == 0 else "hap1")
        # At that pace: each falls into the drain of the one before.
        time.sleep(max(0.0, 1.2 - (time.monotonic() - begun)))
    reports = {report["kind"]: report for report in map(duo.report, clients)}
    for kind, report in reports.items():
        print(f"{kind}: {report['done']} done, {len(report['failed'])} failed, longest gap "
              f"{report['longest_gap'] * 1000:.0f} ms, slowest {report['slowest'] * 1000:.0f} ms")
    assert {kind: report["failed"] for kind, report in reports.items()} == dict.fromkeys(reports, [])
    assert reports["connect"]["longest_gap"] <= 0.050 * ROOM
    for node in NODES:
        told = duo.vrrp[node].lines()[logged[node]:]
        assert told.count("handing over: connections that are established stay") == 5, told
    nothing_is_left(duo)


@pytest.mark.parametrize("settings", [
    {"instance": "track_proxy = true\nvirtual_mac = true"},
    {"addresses": ', "192.168.50.13/32", "192.168.50.14/32"'},
], ids=["virtual-mac", "three-addresses"])
def test_connections_stay(found, settings):
    duo = found(**settings)
    clients = [duo.traffic("keepalive", 20, 4), duo.traffic("download", 3, 4), duo.traffic("connect", 100, 4)]
    duo.move("hap2")
    time.sleep(1)  # of work under way at both nodes, while the first drains
    duo.move("hap1")
    for report in map(duo.report, clients):
        assert report["failed"] == [] and report["done"] > 0, duo.logs()
    nothing_is_left(duo)


def test_switchover_says_how_long_nobody_had_the_address(found):
    duo = found()
    clients = duo.traffic("connect", 100, 3)
    told = duo.run("hap1", BIN / "hapair", "switchover", "--socket", duo.folder / "hap1-run/vrrp.sock")
    assert "hap2" in told.stdout
    assert duo.masters() == ["hap2"]

    def handover():
        status = json.loads(duo.run("hap1", BIN / "hapair", "status", "--json", "--socket",
                                    duo.folder / "hap1-run/vrrp.sock").stdout)
        return status["instances"][0]["handover"]

    wait_until(lambda: handover()["gap_seconds"] is not None, 3, handover)
    assert handover()["kept_connections"] and handover()["gap_seconds"] <= 0.050 * ROOM
    assert duo.report(clients)["failed"] == []


def test_a_daemon_that_is_asked_to_leave_waits_for_its_connections(found):
    """SIGUSR1 to hapair-vrrp: the address goes at once, the daemon when the last connection has ended."""
    duo = found()
    begun = time.monotonic()  # before the clients count their three seconds
    clients = [duo.traffic("keepalive", 20, 3), duo.traffic("download", 3, 3)]
    duo.vrrp["hap1"].send(signal.SIGUSR1)
    duo.wait_for_master("hap2", 2)
    assert duo.vrrp["hap1"].process.wait(15) == 0
    assert time.monotonic() - begun >= 3
    for report in map(duo.report, clients):
        assert report["failed"] == []
    nothing_is_left(duo)


def test_the_drain_limit_ends_it(found):
    duo = found(pair_keys='drain_limit = "1s"')
    duo.traffic("keepalive", 5, 20)
    duo.vrrp["hap1"].send(signal.SIGUSR1)
    duo.wait_for_master("hap2", 2)
    assert duo.vrrp["hap1"].process.wait(5) == 0
    nothing_is_left(duo)


@pytest.mark.parametrize("victim", ["giver", "taker"])
def test_either_node_dies_in_the_middle(found, victim):
    """Then it is an ordinary failover, and what was installed is removed all the same."""
    duo = found()
    duo.traffic("keepalive", 20, 30)  # longer than the test: they are at work when one dies
    duo.traffic("download", 3, 30)
    duo.move("hap2")
    wait_until(lambda: any("hapair_51" in line for line in duo.leftovers("hap2")), 5,
               lambda: f"hap2 passes on\n{duo.logs()}")
    assert any(VIRTUAL in line for line in duo.leftovers("hap1")), duo.logs()
    node, survivor = ("hap1", "hap2") if victim == "giver" else ("hap2", "hap1")
    duo.vrrp[node].send(signal.SIGKILL)
    duo.proxy[node].send(signal.SIGKILL)
    duo.wait_for_master(survivor, 3)
    gap = duo.longest_gap(lambda: None, 1)
    assert gap < 0.3
    nothing_is_left(duo)


def test_without_the_other_node_the_address_stays(found):
    duo = found()
    duo.vrrp["hap2"].end()
    duo.wait_for_line("hap1", "pair channel: hap2 is not heard any more")
    duo.proxy["hap1"].send(signal.SIGUSR1)
    duo.wait_for_line("hap1", "the proxy is leaving, and the address stays: hap2 is not heard")
    assert duo.masters() == ["hap1"]
    assert duo.proxy["hap1"].process.wait(10) == 0
