"""A proxy, a daemon, a cable or a whole host fails: the pair goes on."""
import time

import pytest

from pair import PAIR, SCRIPT_INTERVAL, TAKEOVER_AFTER_DEATH, VIRTUAL_ADDRESS, Response, wait_until
from vrrp_watch import Visitor

# A script is asked every 2 s and may just have been asked; then hap2, now the higher, waits for its
# turn. Half a second for two busy cores.
TAKEOVER_AFTER_PROXY = SCRIPT_INTERVAL + TAKEOVER_AFTER_DEATH + 0.5


def answers(visitor):
    """The address does from now on."""
    begun = time.time()
    wait_until(lambda: visitor.is_answered(begun), 3, f"{VIRTUAL_ADDRESS} answers")


def test_hap1s_proxy_stops_the_address_moves_and_returns(lab):
    with lab.client.load(rate=20, seconds=TAKEOVER_AFTER_PROXY + 5, timeout=2) as load:
        stopped = time.monotonic()
        lab.hap1.stop("proxy")
        lab.wait_for_master(lab.hap2, TAKEOVER_AFTER_PROXY)
    assert load.longest_gap(since=stopped) < TAKEOVER_AFTER_PROXY
    assert load.servers(begun=load.outcomes[-1].begun - 1) == {"web1", "web2"}
    assert "02:00:c0:a8:32:0c" in lab.client.output("ip", "neigh", "show", "192.168.50.10")

    rate = 20
    with lab.client.load(rate=rate, seconds=TAKEOVER_AFTER_PROXY + 1, timeout=2) as load:
        lab.hap1.start("proxy")
        lab.wait_for_master(lab.hap1, TAKEOVER_AFTER_PROXY)
    # Both proxies serve while the address moves; only what was under way in that instant may be lost (on a busy machine
    # that is more than one), and what began within two turns of it.
    if load.failed:
        instant = min(outcome.ended for outcome in load.failed)
        assert max(outcome.begun for outcome in load.failed) <= instant + 2 / rate, load.failed
    assert lab.ask()


def test_hap2s_proxy_stops_and_nothing_is_lost(lab):
    with lab.client.load(rate=50, seconds=8) as load:
        lab.hap2.stop("proxy")
    assert load.failed == []
    assert lab.master() is lab.hap1


def test_both_proxies_stopped_is_refused(lab):
    for balancer in lab.balancers:
        balancer.stop("proxy")
    # Whoever has the address now and then: nobody listens.
    for _ in range(3):
        wait_until(lab.master, 8, "one has the address")
        assert lab.client.curl(PAIR + "/").curl_exit == Response.REFUSED

    lab.hap2.start("proxy")
    wait_until(lab.ask, TAKEOVER_AFTER_PROXY, "service through hap2 alone")
    lab.wait_for_master(lab.hap2, 2)  # hap1 gives way when it hears of it


def cut(host):
    host.cut()


def power_off(host):
    host.power_off()


@pytest.mark.parametrize("fail, repair", [(cut, "join"), (power_off, "power_on")],
                         ids=["cable pulled", "power off"])
def test_hap1_is_lost_and_hap2_takes_over(lab, fail, repair):
    with Visitor(lab, VIRTUAL_ADDRESS) as visitor, lab.client.load(rate=50, seconds=8, timeout=1) as load:
        answers(visitor)
        lost, begun = time.time(), time.monotonic()
        fail(lab.hap1)
        wait_until(lab.hap2.has_virtual_address, TAKEOVER_AFTER_DEATH + 0.4, "hap2 has the address")
        answers(visitor)
        # "about 3.6 s at most", by the kernel's time.
        assert visitor.gap(lost) < (TAKEOVER_AFTER_DEATH + 0.4) * 1000
    # And for those who want a page, what one connection needs to find the new way on a machine that is busy.
    assert load.longest_gap(since=begun) < TAKEOVER_AFTER_DEATH + 1.4

    getattr(lab.hap1, repair)()
    lab.wait_for_master(lab.hap1, 12)
    wait_until(lab.ask, 3, "service through hap1 again")


def test_the_vrrp_daemon_resigns_when_stopped(lab):
    """SIGTERM: priority 0, so hap2 waits for its skew alone."""
    with Visitor(lab, VIRTUAL_ADDRESS) as visitor, lab.client.load(rate=50, seconds=4, timeout=1) as load:
        answers(visitor)
        stopped, begun = time.time(), time.monotonic()
        lab.hap1.stop("vrrp")
        lab.wait_for_master(lab.hap2, 2)
        answers(visitor)
        assert visitor.gap(stopped) < 1000
    # Sooner than after a death, for those who want a page too.
    assert load.longest_gap(since=begun) < 2


def test_hap2_is_lost_and_nobody_notices(lab):
    with lab.client.load(rate=50, seconds=5) as load:
        lab.hap2.power_off()
    assert load.failed == []
    assert lab.master() is lab.hap1
