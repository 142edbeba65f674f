"""hapair-vrrp beside Debian's FRR (vrrpd) on one link, both families: F1 … F6 of the list of interoperability in
README.md.

FRR has the addresses on macvlans of its own with the virtual MAC, and switches those on and off; ours has them on
eth1. So whose hardware address answers the client tells who is master."""
import os
import pathlib
import shutil
import time

import pytest

import vrrp_link
import vrrp_packets
import vrrp_watch
from pair import wait_until

FOLDER = pathlib.Path("/usr/lib/frr")
VIRTUAL = {4: "192.168.50.10", 6: "fe80::10"}
MAC = {4: vrrp_packets.VIRTUAL_MAC4, 6: vrrp_packets.VIRTUAL_MAC6}
FILE = """
[node.hap1]
address = "192.168.50.11"
[node.hap2]
address = "192.168.50.12"
[vrrp.instance.VI_1]
version = {version}
interface = "eth1"
virtual_router_id = 51
priority = {priority}
advert_interval = "{interval}"
virtual_addresses = ["{address}"]
{more}
"""


class Frr:
    """zebra and vrrpd on hap2, as their own user, with folders of their own. `families`: which it serves."""

    def __init__(self, link, version, priority, families):
        self.link = link
        self.folder = link.folder / f"frr-{time.monotonic_ns()}"
        self.folder.mkdir()
        lines = [f"vrrp 51 version {version}", f"vrrp 51 priority {priority}",
                 f"vrrp 51 advertisement-interval {100 if version == 3 else 1000}"]
        lines += [f"vrrp 51 {'ip' if family == 4 else 'ipv6'} {VIRTUAL[family]}" for family in families]
        (self.folder / "vrrpd.conf").write_text("interface eth1\n " + "\n ".join(lines) + "\n")
        (self.folder / "zebra.conf").write_text("")
        for path in (self.folder, *self.folder.iterdir()):
            shutil.chown(path, "frr", "frr")
        for family in families:
            self.make_macvlan(family)
        self.daemons = [self.start("zebra", "-s", "90000000")]
        wait_until((self.folder / "zserv").exists, 5, f"zebra listens: {self.daemons[0].lines()}")
        self.daemons.append(self.start("vrrpd"))

    def make_macvlan(self, family):
        host, name = self.link.namespace("hap2"), f"vrrp{family}-2-1"
        vrrp_link.ip("-n", host, "link", "add", name, "link", "eth1", "address", MAC[family].hex(":"), "type", "macvlan",
                     "mode", "bridge")
        vrrp_link.ip("-n", host, "link", "set", name, "addrgenmode", "none")
        more = ["nodad"] if family == 6 else []
        vrrp_link.ip("-n", host, "link", "set", name, "up")
        vrrp_link.ip("-n", host, "addr", "add", VIRTUAL[family] + ("/64" if family == 6 else "/32"), "dev", name, *more)
        # eth1 is in the same network, and shall not answer for what the macvlan has.
        self.link.run("hap2", "sysctl", "-q", "net.ipv4.conf.eth1.arp_ignore=1", check=True)

    def start(self, name, *more):
        return self.link.start_other(f"hap2-{name}", [
            # Real-time as ours, or what is measured beside it would be how long it waits for a core.
            "ip", "netns", "exec", self.link.namespace("hap2"), "chrt", "--rr", "10", FOLDER / name, "-u", "frr", "-g", "frr",
            "-f", self.folder / f"{name}.conf", "-i", self.folder / f"{name}.pid", "-z", self.folder / "zserv",
            "--vty_socket", self.folder, "-P", "0", "-A", "127.0.0.1", "--log", "stdout", *more])

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.end()
        for name in ("vrrp4-2-1", "vrrp6-2-1"):
            self.link.run("hap2", "ip", "link", "del", name)


@pytest.fixture
def link():
    with vrrp_link.made("frr") as link:
        yield link


class Meeting:
    """Ours on hap1, FRR on hap2, and the client asking who is there."""

    def __init__(self, link, version, family):
        self.link, self.version, self.family = link, version, family
        self.asker = vrrp_watch.Asker(link, VIRTUAL[family])
        self.wire = vrrp_watch.Wire(link.namespace("client"))

    def ours(self, priority, more=""):
        return self.link.start("hap1", text=FILE.format(
            version=self.version, priority=priority, interval="100ms" if self.version == 3 else "1s",
            address=VIRTUAL[self.family], more=more))

    def frr(self, priority):
        return Frr(self.link, self.version, priority, [self.family])

    def master_is(self, who, timeout):
        """It speaks, and alone answers. FRR answers already while its macvlans are not yet switched off."""
        wanted = self.link.mac("hap1") if who == "ours" else MAC[self.family]
        self.wire.next_advert(timeout, mac=wanted)
        wait_until(lambda: self.asker.now() == {wanted}, timeout, f"{who} alone answers")


@pytest.mark.parametrize("version, family", [(2, 4), (3, 4), (3, 6)], ids=["v2", "v3", "v3-ipv6"])
def test_f1_to_f5_frr_and_ours_take_turns(link, version, family):
    interval = 0.1 if version == 3 else 1
    meeting = Meeting(link, version, family)
    with meeting.asker as asker:
        frr = meeting.frr(150)
        meeting.master_is("frr", 5 * interval + 5)
        lower = meeting.ours(100)  # F1
        lower.wait_for("Entering BACKUP STATE", 3)
        begun = time.time()
        time.sleep(4 * interval)  # longer than the master-down interval: nothing may happen
        assert {answer.mac for answer in asker.heard(begun)} == {MAC[family]}
        begun = time.time()
        frr.stop()  # F4: it resigns
        meeting.master_is("ours", interval + 0.5)
        assert asker.unanswered(begun) < 1000 * (interval + 0.3), "the skew of priority 100"
        frr = meeting.frr(150)  # F5: it does not answer our lower adverts, but speaks soon enough
        meeting.master_is("frr", 5 * interval + 5)
        lower.end()
        higher = meeting.ours(200)  # F2
        meeting.master_is("ours", 5 * interval + 1)
        begun = time.time()
        higher.end()  # F3
        meeting.master_is("frr", interval + 0.5)
        for daemon in (lower, higher):
            assert "ignoring" not in daemon.lines()
        frr.stop()


def test_f6_frr_refuses_authentication(link):
    """Which its version 2 does not have: both are masters then, and ours says why."""
    meeting = Meeting(link, 2, 4)
    with meeting.asker as asker:
        frr = meeting.frr(150)
        meeting.master_is("frr", 10)
        ours = meeting.ours(100, 'auth = { type = "pass", password = "secret" }')
        ours.wait_for("from 192.168.50.12: authentication type mismatch", 5)
        wait_until(lambda: asker.now() == {MAC[4], link.mac("hap1")}, 8, "two masters")
        frr.stop()
