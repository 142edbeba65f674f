"""accept = false: the master has the addresses, and nobody may speak to them."""
import contextlib
import os
import pathlib
import signal
import socket
import struct

import pytest

import vrrp_link
import vrrp_packets
from pair import wait_until
from vrrp_watch import Asker, inside

FIRST, OTHER, GLOBAL6, LOCAL6, OWN = "192.168.50.10", "192.168.50.20", "fd00:50::10", "fe80::10", "192.168.50.11"
PORT = 7070
IN_VAIN = 0.5  # seconds that somebody waits who is not to be answered
FILE = """
[node.hap1]
address = "192.168.50.11"
[node.hap2]
address = "192.168.50.12"
[vrrp.script.slow]
command = "/usr/bin/sleep 5"
timeout = "10s"
weight = 10
[vrrp.instance.VI_1]
version = 3
interface = "eth1"
state = "master"
virtual_router_id = 51
priority = {priority}
advert_interval = "100ms"
virtual_addresses = ["192.168.50.10", "fe80::10", "fd00:50::10/64"]
accept = {accept}
{more}
[vrrp.instance.VI_2]
version = 3
interface = "eth1"
state = "master"
virtual_router_id = 52
advert_interval = "100ms"
virtual_addresses = ["192.168.50.20"]
"""


class Host:
    """hap1 as the master of two instances, the first of which may be closed, with a server that listens everywhere."""

    def __init__(self, link):
        self.link, self.client = link, link.namespace("client")
        vrrp_link.ip("-n", self.client, "addr", "add", "fd00:50::1/64", "dev", "eth1", "nodad")
        with inside(link.namespace("hap1")):
            self.server = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)

    def start(self, **words):
        self.daemon = self.link.start("hap1", text=self.file(**words))
        wait_until(lambda: all(self.link.holds("hap1", address) for address in (f"{FIRST}/32", f"{OTHER}/32",
                                                                                  f"{GLOBAL6}/64")),
                   5, "hap1 has the addresses")

    def file(self, accept="false", priority=100, more=""):
        return FILE.format(accept=accept, priority=priority, more=more)

    def reload(self, **words):
        self.link.file(self.file(**words))
        self.daemon.process.send_signal(signal.SIGHUP)

    def place(self, address):
        if address != LOCAL6:
            return address, PORT
        with inside(self.client):
            return address, PORT, 0, socket.if_nametoindex("eth1")

    def hears(self, address, timeout=5):
        """That somebody connects, within so many seconds."""
        with inside(self.client):
            visitor = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        visitor.settimeout(timeout)
        with visitor:
            try:
                visitor.connect(self.place(address))
            except TimeoutError:
                return False
            return True

    def echoes(self, address, timeout=5):
        """That an echo request is answered, within so many seconds."""
        v6 = ":" in address
        with inside(self.client), socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW,
                                                socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP) as visitor:
            visitor.connect(self.place(address))
            visitor.settimeout(timeout)
            request = struct.pack(">BBHHH", 128 if v6 else 8, 0, 0, 7, 1)
            # Over IPv6 the kernel writes the checksum.
            visitor.send(request if v6 else vrrp_packets.with_checksum(request, 2))
            try:
                while True:
                    answer = visitor.recv(2048)
                    if v6 and answer[0] == 129 or not v6 and answer[20] == 0:
                        return True
            except TimeoutError:
                return False

    def tables(self):
        return self.link.run("hap1", "nft", "list", "tables", check=True).stdout

    def close(self):
        self.server.close()


@pytest.fixture
def host():
    with vrrp_link.made("ac") as link, contextlib.closing(Host(link)) as host:
        yield host


def test_a_master_that_does_not_accept_answers_for_its_addresses_and_to_nobody(host):
    host.start()
    for address in (FIRST, GLOBAL6, LOCAL6):
        assert not host.echoes(address, IN_VAIN), address
        assert not host.hears(address, IN_VAIN), address
    for address in (OWN, OTHER):
        assert host.echoes(address) and host.hears(address), address
    for address in (FIRST, GLOBAL6, LOCAL6):
        with Asker(host.link, address) as asker:
            wait_until(lambda: asker.now() == {host.link.mac("hap1")}, 2, f"the hardware address of {address} is told")
    assert host.daemon.end() == 0
    assert host.tables() == ""


@pytest.mark.parametrize("words", [dict(accept="true"), dict(priority=255)], ids=["it accepts", "it owns them"])
def test_others_are_served(host, words):
    host.start(**words)
    for address in (FIRST, GLOBAL6, LOCAL6):
        assert host.echoes(address) and host.hears(address), address
    assert host.tables() == ""


def test_a_reload_closes_and_opens(host):
    host.start(accept="true")
    assert host.hears(FIRST)
    host.reload(accept="false")
    wait_until(lambda: not host.hears(FIRST, IN_VAIN), 5, "it is closed")
    assert not host.hears(LOCAL6, IN_VAIN) and host.hears(OTHER)
    host.reload(accept="true")
    wait_until(lambda: host.hears(FIRST), 5, "it is open")
    assert host.hears(LOCAL6)
    assert host.tables() == ""
    assert "master" not in host.daemon.lines().lower().split("reloaded", 1)[1], "the role has changed"


@pytest.mark.parametrize("guardian_too", [False, True], ids=["daemon", "daemon and guardian"])
def test_a_dead_daemon_leaves_nothing_in_the_packet_filter(host, guardian_too):
    # A script that outlives the daemon must not keep it there.
    host.start(more='track_scripts = ["slow"]')
    def names():
        found = {}
        for pid in host.daemon.children():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                found[pid] = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        return found

    wait_until(lambda: "sleep" in names().values(), 5, "the script runs")
    assert "hapair_accept" in host.tables()
    if guardian_too:
        for pid, name in names().items():
            if name == "hapair-guard":
                os.kill(pid, signal.SIGKILL)
    host.daemon.end("kill")
    assert host.tables() == ""
    wait_until(lambda: not host.link.holds("hap1", f"{FIRST}/32"), 5, "the address is gone")
