"""The pair channel: a second way to hear the other node."""
import os
import pathlib
import shutil
import signal
import tempfile
import time

import pytest
from duo import NODES, VIRTUAL, Duo
from pair import wait_until
from vrrp_watch import Asker

ADVERTS, CHANNEL = "ip protocol vrrp", "udp dport 5112"
OTHER = {"hap1": "hap2", "hap2": "hap1"}


@pytest.fixture
def duo():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-duo-"))
    duo = Duo(os.environ.get("LAB_PREFIX", "haptest") + "pc", folder)
    duo.up()
    duo.wait_for_master("hap1")
    for node in NODES:
        duo.wait_for_line(node, f"pair channel: {OTHER[node]} is heard")
    yield duo
    duo.down()
    shutil.rmtree(folder)


@pytest.mark.parametrize("deaf", [["hap1"], ["hap2"], ["hap1", "hap2"]], ids=["by-hap1", "by-hap2", "by-both"])
def test_lost_adverts_make_no_second_master(duo, deaf):
    """Ten master-down intervals long. Keepalived has two masters all the while."""
    logged = {node: len(duo.vrrp[node].lines()) for node in NODES}
    with Asker(duo, VIRTUAL) as asker:
        for node in deaf:
            duo.lose(node, ADVERTS)
        time.sleep(4)
        for node in deaf:
            duo.lose_nothing(node)
        assert asker.doubled() == 0
        assert asker.now(last=1) == {duo.mac("hap1")}
    if "hap2" in deaf:  # who ought to hear some
        duo.wait_for_line("hap2", "is master, as it says over the pair channel, but its adverts do not come in on eth1")
        duo.wait_for_line("hap2", "the adverts of 192.168.50.11 come in on eth1 again")
    for node in NODES:
        assert "Entering" not in duo.vrrp[node].lines()[logged[node]:]


def test_a_dead_master_behind_a_deaf_link_is_followed_at_once(duo):
    """The channel alone says that it resigns."""
    duo.lose("hap2", ADVERTS)
    time.sleep(1)
    duo.vrrp["hap1"].send(signal.SIGTERM)
    duo.wait_for_master("hap2", 1)


def test_everything_cut_is_a_dead_peer(duo):
    """And when the cut heals, one of the two gives way within an interval and the other announces itself."""
    for node in NODES:
        duo.lose(node, ADVERTS, CHANNEL)
    # 3.6 intervals without an advert, or what the channel's patience asks for.
    wait_until(lambda: len(duo.masters()) == 2, 2.5, "each believes the other dead", interval=0.01)
    with Asker(duo, VIRTUAL) as asker:
        begun = time.time()
        for node in NODES:
            duo.lose_nothing(node)
        healed = time.time()  # not before: the commands have to wait for a core
        duo.wait_for_master("hap1", 2)

        def announced_last():
            seen = [answer for answer in asker.wire.answers(since=begun, address=VIRTUAL) if answer.announced]
            return seen and seen[-1].mac == duo.mac("hap1")

        wait_until(announced_last, 3, duo.logs)
        assert asker.doubled(healed) <= 250


def test_a_lost_channel_is_told_and_changes_nothing(duo):
    duo.lose("hap2", CHANNEL)
    duo.wait_for_line("hap2", "hap1 is not heard any more although its adverts come in")
    assert duo.masters() == ["hap1"]
    duo.lose_nothing("hap2")
    duo.wait_for_line("hap2", "pair channel: hap1 is heard", count=2)


def test_other_configurations_are_told_by_their_keys(duo):
    duo.vrrp["hap2"].end()
    duo.write(instance="track_proxy = true\nstartup_delay = '50ms'")
    duo.start_vrrp("hap2")
    for node in NODES:
        duo.wait_for_line(node, rf"{OTHER[node]} has another configuration: vrrp.instance.VI_1.startup_delay differs")


def test_another_key_is_not_heard(duo):
    """Neither over the channel nor, since adverts of a pair with a key are signed with it, on the link."""
    duo.vrrp["hap2"].end()
    (duo.folder / "pair.key").write_text(f"1 {os.urandom(32).hex()}\n")
    duo.start_vrrp("hap2")
    duo.wait_for_line("hap1", "pair channel: hap2 is not heard any more")
    duo.wait_for_line("hap1", "ignoring received advertisment from 192.168.50.12: wrong signature")
    assert "is heard" not in duo.vrrp["hap2"].lines()


def test_a_node_that_died_is_heard_again(duo):
    """Its numbers begin after those of its life before, so that they are no replay."""
    duo.vrrp["hap2"].send(signal.SIGKILL)
    duo.wait_for_line("hap1", "pair channel: hap2 is not heard any more")
    duo.start_vrrp("hap2")
    duo.wait_for_line("hap1", "pair channel: hap2 is heard", count=2)
    assert duo.masters() == ["hap1"]
