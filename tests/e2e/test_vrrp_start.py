"""Two nodes that start, together and one after the other, and hosts that reboot: exactly one master, and two for
hardly longer than an advert takes."""
import random
import time

import pytest

import vrrp_link
import vrrp_watch
from pair import wait_until

VIRTUAL = "192.168.50.10"
FILE = """
[node.hap1]
address = "192.168.50.11"
vrrp.instance.VI_1.priority = 101
[node.hap2]
address = "192.168.50.12"
[vrrp.instance.VI_1]
version = 3
interface = "eth1"
state = "{state}"
virtual_router_id = 51
advert_interval = "100ms"
virtual_addresses = ["192.168.50.10"]
"""
LONGEST_OVERLAP = 50  # milliseconds
SEED = int(time.time())


@pytest.fixture
def link():
    with vrrp_link.made("start") as link:
        yield link


def settles(link, asker, since):
    """hap1 alone has the address and answers."""
    wait_until(lambda: link.holds("hap1") and not link.holds("hap2"), 5, "hap1 alone has the address")
    wait_until(lambda: asker.now() == {link.mac("hap1")}, 3, "hap1 alone answers")
    assert asker.doubled(since) <= LONGEST_OVERLAP


def follows(daemon):
    """Whatever it was in between."""
    def is_backup():
        states = [line for line in daemon.lines().splitlines() if "STATE" in line]
        return states and "Entering BACKUP STATE" in states[-1]
    wait_until(is_backup, 5, "it follows")


@pytest.mark.parametrize("state", ["master", "backup"])
@pytest.mark.parametrize("first", ["hap1", "hap2"])
@pytest.mark.parametrize("delay", [0, 0.1])
def test_two_nodes_start(link, state, first, delay):
    with vrrp_watch.Asker(link, VIRTUAL) as asker:
        begun = time.time()
        link.start(first, text=FILE.format(state=state))
        time.sleep(delay)  # what the test is about
        link.start({"hap1": "hap2", "hap2": "hap1"}[first], text=FILE.format(state=state))
        settles(link, asker, begun)


def test_twenty_reboots(link, record_property):
    """A host that reboots falls off the link with everything on it, and comes back without a word."""
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    text = FILE.format(state="master")
    with vrrp_watch.Asker(link, VIRTUAL) as asker:
        begun = time.time()
        daemons = {name: link.start(name, text=text) for name in ("hap1", "hap2")}
        follows(daemons["hap2"])
        settles(link, asker, begun)
        for _ in range(20):
            rebooted = dice.choice([["hap1"], ["hap2"], ["hap1", "hap2"]])
            for name in rebooted:
                link.power_off(name, daemons[name])
            time.sleep(dice.random() / 2)  # at any moment of the other's timers
            for name in rebooted:
                link.power_on(name)
                daemons[name] = link.start(name, text=text)
                time.sleep(dice.choice([0, 0.1]))
            follows(daemons["hap2"])
            settles(link, asker, begun)
        record_property("figure: twenty reboots: two answer (ms in all)", round(asker.doubled(begun)))
