"""hapair-vrrp beside Debian's keepalived on one link, as far as that is not shown by test_09_keepalived_interop
(the seed's pair, with a proxy) and test_vrrp_version3. K1 … K14 is the list of interoperability in README.md."""
import os
import pathlib
import signal
import time

import pytest

import vrrp_link
import vrrp_packets
import vrrp_watch
from pair import wait_until

VIRTUAL, OTHER = "192.168.50.10", "192.168.50.20"
VIRTUAL6 = "fe80::10"
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
virtual_addresses = [{addresses}]
{more}
"""
KEEPALIVED = """
global_defs {{
  vrrp_version {version}
}}
vrrp_instance VI_1 {{
  interface eth1
  state BACKUP
  virtual_router_id 51
  priority {priority}
  advert_int {interval}
  {more}
  virtual_ipaddress {{
    {addresses}
  }}
}}
"""
# What either says when something is not understood.
COMPLAINTS = ("ignoring", "nvalid", "bogus", "mismatch", "unexpected", "WARNING - equal", "too short", "too long",
              "other virtual addresses")


@pytest.fixture
def link():
    with vrrp_link.made("keep") as link:
        yield link


def ours(link, priority=100, version=3, interval=None, addresses=(VIRTUAL,), more="", name="hap1"):
    quoted = ", ".join(f'"{address}"' for address in addresses)
    text = FILE.format(priority=priority, version=version, interval=interval or ("100ms" if version == 3 else "1s"),
                       addresses=quoted, more=more)
    return link.start(name, text=text)


def theirs(link, priority=100, version=3, interval=None, addresses=(VIRTUAL,), more="", name="hap2"):
    text = KEEPALIVED.format(priority=priority, version=version, interval=interval or (0.1 if version == 3 else 1),
                             addresses="\n".join(addresses), more=more)
    return link.start_keepalived(name, text)


def becomes_master(link, name, timeout=6, address=VIRTUAL):
    """That one alone has the address."""
    other = {"hap1": "hap2", "hap2": "hap1"}[name]
    size = 128 if ":" in address else 32

    def alone():
        return link.holds(name, f"{address}/{size}") and not link.holds(other, f"{address}/{size}")
    wait_until(alone, timeout, f"{name} alone has {address}")


def no_complaints(*daemons):
    for daemon in daemons:
        assert not [line for line in daemon.lines().splitlines() if any(word in line for word in COMPLAINTS)]


def both_ways(link, we, they, timeout=6, address=VIRTUAL):
    """Ours preempts keepalived and gives way to it when it stops; then keepalived stops, and preempts ours."""
    lower = they(90)
    becomes_master(link, "hap2", timeout, address)
    higher = we(100)
    becomes_master(link, "hap1", timeout, address)
    higher.end()
    becomes_master(link, "hap2", timeout, address)
    again = we(80)
    again.wait_for("Entering BACKUP STATE", 4)
    lower.end()
    becomes_master(link, "hap1", timeout, address)
    last = they(90)
    becomes_master(link, "hap2", timeout, address)
    no_complaints(lower, higher, again, last)


# ---- K1, K4: version 2

def test_k1_a_killed_keepalived_of_version_2_is_replaced(link):
    lower = ours(link, version=2)
    higher = theirs(link, 150, version=2)
    becomes_master(link, "hap2", 9)
    with vrrp_watch.Visitor(link, VIRTUAL) as visitor:
        for pid in link.keepalived_pids("hap2"):
            os.kill(pid, signal.SIGKILL)
        # Three adverts and the skew of priority 100; its address stays, as nothing of it is left to remove it.
        wait_until(lambda: link.holds("hap1"), 4.5, "hap1 takes over")
        begun = time.time()
        wait_until(lambda: visitor.is_answered(begun), 2, "somebody answers")
    no_complaints(lower, higher)


def test_k4_another_interval_of_version_2_is_refused_by_both(link):
    slow = theirs(link, 150, version=2, interval=2)
    quick = ours(link, version=2)
    quick.wait_for("192.168.50.12: advertisement interval mismatch", 12)
    slow.wait_for("advertisement interval mismatch mine=2 sec rcv'd=1 sec", 12)


# ---- K7: AH

@pytest.mark.parametrize("addresses", [(VIRTUAL,), (VIRTUAL, OTHER, "192.168.50.30")], ids=["one", "three"])
def test_k7_the_same_key_is_understood_both_ways(link, addresses):
    auth = "authentication {\n auth_type AH\n auth_pass PASSWORD\n }"
    key = 'auth = { type = "ah", password = "PASSWORD" }'
    both_ways(link, lambda priority: ours(link, priority, 2, addresses=addresses, more=key),
              lambda priority: theirs(link, priority, 2, addresses=addresses, more=auth), timeout=9)


def test_k7_another_key_is_said_by_both(link):
    they = theirs(link, 150, 2, more="authentication {\n auth_type AH\n auth_pass PASSWORD\n }")
    we = ours(link, 100, 2, more='auth = { type = "ah", password = "PASSWORE" }')
    we.wait_for("from 192.168.50.12: wrong signature", 9)
    they.wait_for("invalid IPSEC HMAC-MD5 value", 9)
    # Neither believes the other: what a wrong key means, and why it must be said.
    wait_until(lambda: link.holds("hap1") and link.holds("hap2"), 9, "two masters")


# ---- K9: unicast

@pytest.mark.parametrize("version, check", [(2, ""), (3, "check_unicast_src")])
def test_k9_unicast(link, version, check):
    peer = f"unicast_src_ip 192.168.50.12\n unicast_peer {{\n 192.168.50.11\n }}\n {check}"
    both_ways(link, lambda priority: ours(link, priority, version, more='unicast_peers = ["192.168.50.12"]'),
              lambda priority: theirs(link, priority, version, more=peer), timeout=9)


# ---- K10: a virtual MAC

@pytest.mark.parametrize("ours_has, theirs_has", [(True, True), (True, False), (False, True)],
                         ids=["both", "ours", "theirs"])
def test_k10_virtual_mac(link, ours_has, theirs_has):
    mine, keepaliveds = (vrrp_packets.VIRTUAL_MAC4 if has else link.mac(name)
                         for name, has in (("hap1", ours_has), ("hap2", theirs_has)))
    with vrrp_watch.Asker(link, VIRTUAL) as asker:
        # At its end keepalived has the address, and ours has seen it come back.
        both_ways(link, lambda priority: ours(link, priority, more=f"virtual_mac = {str(ours_has).lower()}"),
                  lambda priority: theirs(link, priority, more="use_vmac" if theirs_has else ""))
        wait_until(lambda: asker.now() == {keepaliveds}, 3, f"{keepaliveds.hex(':')} answers: {asker.now()}")
        link.daemons[-1].end()
        becomes_master(link, "hap1")
        wait_until(lambda: asker.now() == {mine}, 3, f"{mine.hex(':')} answers: {asker.now()}")
        link.daemons[-2].end()
    assert "vrrp" not in link.interfaces("hap1"), "nothing of ours is left"


# ---- K11: IPv6

@pytest.mark.parametrize("vmac", [False, True], ids=["plain", "vmac"])
def test_k11_ipv6_and_what_the_client_hears(link, vmac):
    addresses = (VIRTUAL6, "2001:db8::10")
    wire = vrrp_watch.Wire(link.namespace("client"))
    both_ways(link, lambda priority: ours(link, priority, addresses=addresses, more=f"virtual_mac = {str(vmac).lower()}"),
              lambda priority: theirs(link, priority, addresses=addresses, more="use_vmac" if vmac else ""),
              address=VIRTUAL6)
    wanted = vrrp_packets.VIRTUAL_MAC6 if vmac else link.mac("hap1")
    for address in addresses:
        heard = wire.answers(address=address, announced=True, mac=wanted)
        assert heard and all(answer.flags == 0x20 for answer in heard), "override; no router, nor an answer"
    adverts = wire.adverts(source=link.link_local("hap1"))
    assert {(advert.version, advert.ttl, tuple(advert.addresses)) for advert in adverts} == {(3, 255, addresses)}


# ---- K12: synchronization groups

def group(priority, name):
    """Two instances on two wires, in keepalived's words and in ours."""
    keepalived = "global_defs {\n vrrp_version 3\n}\nvrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n}\n"
    text = """
[node.hap1]
address = "192.168.50.11"
[node.hap2]
address = "192.168.50.12"
[vrrp.sync_group.G]
instances = ["VI_1", "VI_2"]
"""
    for number, address, own in (1, VIRTUAL, "192.168.50"), (2, "192.168.60.10", "192.168.60"):
        keepalived += (f"vrrp_instance VI_{number} {{\n interface eth{number}\n state BACKUP\n virtual_router_id 5{number}\n"
                       f" priority {priority}\n advert_int 0.1\n virtual_ipaddress {{\n {address}\n }}\n}}\n")
        text += (f'[vrrp.instance.VI_{number}]\nversion = 3\ninterface = "eth{number}"\nvirtual_router_id = 5{number}\n'
                 f'priority = {priority}\nadvert_interval = "100ms"\nvirtual_addresses = ["{address}"]\n'
                 f'source_address = "{own}.{vrrp_link.ADDRESSES[name].rsplit(".")[-1]}"\npeers = "link"\n')
    return text, keepalived


def all_with(link, name, timeout=5):
    for address in (VIRTUAL, "192.168.60.10"):
        becomes_master(link, name, timeout, address)


def test_k12_groups_move_whole(link):
    link.second_wire()
    text, _ = group(100, "hap1")
    _, config = group(90, "hap2")
    we, they = link.start("hap1", text=text), link.start_keepalived("hap2", config)
    all_with(link, "hap1")
    link.pull("hap1-2")  # one of ours: keepalived gets both
    all_with(link, "hap2")
    link.plug("hap1-2")
    all_with(link, "hap1")
    we.end()
    all_with(link, "hap2")
    link.pull("hap2-2")  # one of theirs, and ours gets both
    we = link.start("hap1", text=group(80, "hap1")[0])
    all_with(link, "hap1")
    link.plug("hap2-2")
    all_with(link, "hap2")
    no_complaints(we, they)


# ---- K13: processes that stop

def test_k13_a_stopped_keepalived_and_its_return(link):
    higher = theirs(link, 150)
    becomes_master(link, "hap2")
    lower = ours(link)
    lower.wait_for("Entering BACKUP STATE", 3)
    with vrrp_watch.Asker(link, VIRTUAL) as asker:
        for pid in link.keepalived_pids("hap2"):
            os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: link.holds("hap1"), 2, "hap1 takes over from a silent master")
        wait_until(lambda: link.mac("hap1") in asker.now(), 2, "hap1 answers")
        woken = time.time()
        for pid in link.keepalived_pids("hap2"):
            os.kill(pid, signal.SIGCONT)
        becomes_master(link, "hap2", 2)
        wait_until(lambda: asker.now() == {link.mac("hap2")}, 2, "keepalived alone answers")
        # It asserts itself with its next advert, and ours gives way on hearing it. (How long it needs to wake is its own.)
        asserted = asker.wire.adverts(woken, source=link.address("hap2"))[0].at
        assert asker.doubled(asserted) <= 150
    no_complaints(lower, higher)


def test_k13_our_stopped_daemon_is_ended_and_comes_back(link):
    lower = theirs(link, 90)
    becomes_master(link, "hap2")
    higher = ours(link)
    becomes_master(link, "hap1")
    with vrrp_watch.Asker(link, VIRTUAL) as asker:
        wait_until(lambda: asker.now() == {link.mac("hap1")}, 2, "hap1 answers")
        begun = time.time()
        higher.process.send_signal(signal.SIGSTOP)
        assert higher.process.wait(2) == -signal.SIGKILL, "its guardian knows that it hangs"
        becomes_master(link, "hap2", 2)
        again = ours(link)  # as its service manager does
        becomes_master(link, "hap1")
        wait_until(lambda: asker.now() == {link.mac("hap1")}, 2, "hap1 answers again")
        assert asker.doubled(begun) <= 20, "none for the hang; on its return, until its advert is heard"
    no_complaints(lower, again)


# ---- K14: lists of addresses that differ

def test_k14_other_addresses_make_no_second_master_of_us(link):
    they = theirs(link, 150)
    becomes_master(link, "hap2")
    we = ours(link, addresses=(VIRTUAL, OTHER))
    we.wait_for("192.168.50.12 advertises other virtual addresses than ours", 3)
    they.end()
    becomes_master(link, "hap1", 2)
    assert link.holds("hap1", OTHER + "/32")
    again = theirs(link, 150)
    becomes_master(link, "hap2", 4)
    wait_until(lambda: not link.holds("hap1", OTHER + "/32"), 2, "all of it was given up")
    assert again.lines().count("Entering MASTER STATE") == 1
    assert "ignoring" not in we.lines()
