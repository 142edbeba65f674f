"""SIGHUP of hapair-vrrp: the file changes, and the link does not notice what it need not."""
import os
import pathlib
import re
import shutil
import signal
import tempfile
import time

import pytest

import vrrp_link
from pair import wait_until
from vrrp_watch import Wire

INTERVAL = 0.1
HAP1, HAP2 = "192.168.50.11", "192.168.50.12"
FIRST, SECOND = "192.168.50.10", "192.168.50.20"
ENDS = ("Reloaded: the new configuration is in force", "Reload refused, the configuration stays as it was")

FILE = """
[node.hap1]
address = "192.168.50.11"
vrrp.instance.VI_1.priority = {hap1}
[node.hap2]
address = "192.168.50.12"
{head}
[vrrp.instance.VI_1]
version = 3
interface = "eth1"
virtual_router_id = {vrid}
priority = 100
advert_interval = "100ms"
virtual_addresses = [{addresses}]
{more}
"""


class Pair:
    """Two daemons at ten adverts a second, and what they say on the link. hap1 is the better one."""

    def __init__(self, link):
        self.link = link
        self.wire = Wire(f"{link.prefix}-switch", "br0")
        self.daemons = {}

    def write(self, hap1=110, vrid=51, addresses=(FIRST,), head="", more=""):
        listed = ", ".join(f'"{address}"' for address in addresses)
        return FILE.format(hap1=hap1, vrid=vrid, addresses=listed, head=head, more=more)

    def up(self, **words):
        text = self.write(**words)
        for name in ("hap1", "hap2"):
            self.daemons[name] = self.link.start(name, text=text)
        self.daemons["hap2"].wait_for("Entering BACKUP STATE", 3)
        wait_until(lambda: self.link.holds("hap1") and not self.link.holds("hap2"), 5, "hap1 alone has the address")
        self.begun = time.time()
        self.changes_at_start = {name: self.lines(name).count("Entering") for name in self.daemons}
        wait_until(lambda: self.adverts(HAP1), 1, "an advert", interval=0.005)
        return self

    def lines(self, name):
        return self.daemons[name].lines()

    def reload(self, *names, text=None):
        """Answers what the last of them logged meanwhile."""
        if text is not None:
            self.link.file(text)
        for name in names:
            before = len(self.lines(name))
            self.daemons[name].process.send_signal(signal.SIGHUP)
            wait_until(lambda: any(end in self.lines(name)[before:] for end in ENDS), 5,
                       lambda: f"the reload of {name} is over: {self.lines(name)[before:]}", interval=0.005)
        return self.lines(names[-1])[before:]

    def adverts(self, source, since=None, **wanted):
        return self.wire.adverts(since=since or self.begun, source=source, **wanted)

    def gap(self, source=HAP1, since=None, **wanted):
        """The longest between two adverts, until now, in intervals."""
        until = time.time()  # before it is looked: all that was sent until then is seen
        times = [advert.at for advert in self.adverts(source, since, **wanted)]
        times += [until] if until > times[-1] else []
        return max(later - earlier for earlier, later in zip(times, times[1:])) / INTERVAL

    def nothing_happened(self):
        """hap1 was the one master all the time."""
        assert self.gap() < 2.5
        assert not self.adverts(HAP2), "a second master"
        assert all(advert.priority for advert in self.adverts(HAP1)), "it resigned"
        for name, changes in self.changes_at_start.items():
            assert self.lines(name).count("Entering") == changes


@pytest.fixture
def pair():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-link-"))
    link = vrrp_link.Link(os.environ.get("LAB_PREFIX", "haptest") + "rl", folder)
    link.up()
    yield Pair(link)
    link.down()
    shutil.rmtree(folder)


def test_a_bad_file_changes_nothing_and_says_why(pair):
    pair.up()
    for wrong, place in ((pair.write(vrid=951), ":11:21: "),
                         (pair.write().replace('"eth1"', '"eth7"'), "instance VI_1: there is no interface eth7"),
                         (pair.write(addresses=()), ""), (pair.write() + "[vrrp", "")):
        lines = pair.reload("hap1", text=wrong)
        assert "Reload refused" in lines and place in lines
    assert pair.link.holds("hap1")
    assert "Reloaded" in pair.reload("hap1", text=pair.write())
    pair.nothing_happened()


def test_twenty_reloads_of_the_same_file_and_twenty_of_others(pair):
    pair.up()
    for _ in range(20):
        assert "VI_1" not in pair.reload("hap1", "hap2"), "what is equal is not touched"
    for number in range(20):
        text = pair.write(hap1=110 + number % 3, addresses=(FIRST, SECOND)[:1 + number % 2],
                          more=f'preempt = "delay"\npreempt_delay = "{number + 1}s"')
        assert "VRRP_Instance(VI_1) changed" in pair.reload("hap1", "hap2", text=text)
    pair.nothing_happened()
    print(f"longest gap between two adverts: {pair.gap():.2f} intervals")


def test_addresses_come_and_go_on_one_node_after_the_other(pair):
    """Lists that differ meanwhile are told and borne. Keepalived 2.2.7 has two masters then."""
    pair.up()
    pair.reload("hap1", text=pair.write(addresses=(FIRST, SECOND)))
    at = time.time()
    assert SECOND in pair.link.addresses("hap1")
    wait_until(lambda: pair.adverts(HAP1, at)[-1:] and pair.adverts(HAP1, at)[-1].addresses == [FIRST, SECOND], 1,
               "it is advertised")
    assert [answer for answer in pair.wire.answers(address=SECOND) if answer.announced]
    pair.daemons["hap2"].wait_for("192.168.50.11 advertises other virtual addresses than ours", 1)
    time.sleep(5 * INTERVAL)  # longer than the master-down interval
    pair.reload("hap2")
    pair.reload("hap1", "hap2", text=pair.write(addresses=(SECOND,)))
    assert FIRST not in pair.link.addresses("hap1") and SECOND in pair.link.addresses("hap1")
    time.sleep(5 * INTERVAL)
    pair.nothing_happened()
    assert "was removed from" not in pair.lines("hap1")


def test_a_priority_below_the_peers_moves_the_address_at_once(pair):
    pair.up()
    pair.reload("hap1", text=pair.write(hap1=90))
    wait_until(lambda: pair.adverts(HAP2), 1, "hap2 speaks", interval=0.005)
    # From the last that hap1 said of its old priority, which was an interval before it said anything else.
    assert pair.adverts(HAP2)[0].at - pair.adverts(HAP1, priority=110)[-1].at < 4 * INTERVAL
    wait_until(lambda: pair.link.holds("hap2") and not pair.link.holds("hap1"), 1, "hap2 alone has the address")
    assert "Changing effective priority from 110 to 90" in pair.lines("hap1")
    pair.reload("hap1", text=pair.write())
    wait_until(lambda: pair.link.holds("hap1") and not pair.link.holds("hap2"), 2, "and back")


def test_an_instance_comes_and_goes_beside_one_that_stays(pair):
    pair.up()
    other = f"""
[vrrp.instance.VI_2]
version = 3
interface = "eth1"
virtual_router_id = 52
advert_interval = "100ms"
virtual_addresses = ["{SECOND}"]
"""
    assert "VRRP_Instance(VI_2) added" in pair.reload("hap1", text=pair.write(more=other))
    wait_until(lambda: SECOND in pair.link.addresses("hap1"), 2, "VI_2 is master")
    lines = pair.reload("hap1", text=pair.write())
    assert "VRRP_Instance(VI_2) removed" in lines and "VI_1" not in lines
    assert SECOND not in pair.link.addresses("hap1")
    wait_until(lambda: pair.adverts(HAP1, vrid=52)[-1].priority == 0, 1, "it resigned")
    assert pair.gap(vrid=51) < 2.5
    assert not pair.adverts(HAP2)


def test_each_of_two_instances_changes_while_the_other_stays(pair):
    other = """
[vrrp.instance.VI_2]
version = 3
interface = "eth1"
virtual_router_id = 52
priority = {priority}
advert_interval = "100ms"
virtual_addresses = ["192.168.50.20"]
"""
    head = "vrrp.instance.VI_2.priority = 50"  # of hap2
    pair.up(head=head, more=other.format(priority=120))
    wait_until(lambda: SECOND in pair.link.addresses("hap1"), 2, "VI_2 is master")
    lines = pair.reload("hap1", text=pair.write(hap1=111, head=head, more=other.format(priority=120)))
    assert "VRRP_Instance(VI_1) changed" in lines and "VI_2" not in lines
    lines = pair.reload("hap1", text=pair.write(hap1=111, head=head, more=other.format(priority=121)))
    assert "VRRP_Instance(VI_2) changed" in lines and "VI_1" not in lines
    wait_until(lambda: pair.adverts(HAP1, vrid=52, priority=121), 1, "it says so")
    assert pair.gap(vrid=51) < 2.5 and pair.gap(vrid=52) < 2.5


def test_a_group_comes_and_goes_around_a_master(pair):
    """Who is new in the group is master with it, although the other node does not know of it yet."""
    group = f"""
[vrrp.instance.VI_2]
version = 3
interface = "eth1"
virtual_router_id = 52
priority = 100
advert_interval = "100ms"
virtual_addresses = ["{SECOND}"]
[vrrp.sync_group.both]
instances = ["VI_1", "VI_2"]
"""
    pair.up()
    pair.reload("hap1", text=pair.write(more=group))
    wait_until(lambda: SECOND in pair.link.addresses("hap1"), 3 * INTERVAL, "VI_2 is master too", interval=0.005)
    time.sleep(5 * INTERVAL)
    pair.reload("hap2")
    time.sleep(5 * INTERVAL)
    pair.reload("hap2", "hap1", text=pair.write())
    assert SECOND not in pair.link.addresses("hap1")
    time.sleep(5 * INTERVAL)
    assert pair.gap(vrid=51) < 2.5
    assert all(advert.priority for advert in pair.adverts(HAP1, vrid=51)), "it resigned"
    assert not pair.adverts(HAP2, vrid=51)


def test_another_router_id_is_another_router(pair):
    """The old one resigns, and the new one is elected."""
    pair.up()
    assert "VRRP_Instance(VI_1) is another virtual router" in pair.reload("hap2", "hap1", text=pair.write(vrid=61))
    assert pair.adverts(HAP1, vrid=51)[-1].priority == 0
    wait_until(lambda: pair.link.holds("hap1") and not pair.link.holds("hap2"), 2, "hap1 alone has the address again")
    wait_until(lambda: pair.adverts(HAP1, vrid=61), 1, "under the new number")


def test_with_a_pair_channel_the_nodes_need_not_agree_at_once(pair):
    """One listens to another number than the other for a second, and still one of them is master."""
    file = pair.link.folder / "pair.key"
    file.write_text(f"1 {os.urandom(32).hex()}\n")
    file.chmod(0o600)
    head = f'[pair]\nkey_file = "{file}"'
    pair.up(head=head)
    pair.daemons["hap1"].wait_for("pair channel: hap2 is heard", 2)
    pair.reload("hap1", text=pair.write(vrid=61, head=head))
    wait_until(lambda: pair.link.holds("hap1") and not pair.link.holds("hap2"), 3, "hap1 alone has the address again")
    for _ in range(20):
        time.sleep(INTERVAL / 2)  # twenty times a second for longer than the master-down interval
        assert not pair.link.holds("hap2")
    pair.reload("hap2")
    time.sleep(5 * INTERVAL)
    assert pair.link.holds("hap1") and not pair.link.holds("hap2")


def test_what_needs_a_restart_is_named_and_the_rest_follows(pair):
    pair.up()
    text = pair.write(addresses=(FIRST, SECOND), head="[vrrp]\nguardian = false\nrealtime = false")
    lines = pair.reload("hap1", text=text)
    for key in ("vrrp.guardian", "vrrp.realtime"):
        assert f"{key} cannot change in a running process: it stays as it was" in lines
    assert SECOND in pair.link.addresses("hap1")
    pair.nothing_happened()


def test_a_script_that_changes_does_not_cost_the_address(pair):
    """Until it has run for the first time it counts as it did: 110 without its weight is less than 100 with it."""
    script = '[vrrp.script.chk]\ncommand = "{}"\ninterval = "1s"\ntimeout = "5s"\nweight = 20\n'
    tracked = 'track_scripts = ["chk"]'
    pair.up(head=script.format("/bin/true"), more=tracked, hap1=110)
    wait_until(lambda: pair.adverts(HAP1)[-1].priority == 130, 3, "the script counts")
    at = time.time()
    pair.reload("hap1", text=pair.write(head=script.format("/bin/sleep 0.3"), more=tracked))
    time.sleep(8 * INTERVAL)
    assert {advert.priority for advert in pair.adverts(HAP1, at)} == {130}
    pair.reload("hap1", text=pair.write(head=script.format("/bin/false"), more=tracked))
    wait_until(lambda: pair.adverts(HAP2, at), 8, "it has failed, and hap2 takes over")


def test_those_who_are_told_follow(pair):
    """Who was to hear of an end hears of it, and who is new hears of what comes next."""
    stopped, moved, again = (pair.link.folder / name for name in ("stopped", "moved", "again"))
    pair.link.folder.chmod(0o777)  # for whoever runs the scripts
    other = f"""
[vrrp.instance.VI_2]
version = 3
interface = "eth1"
virtual_router_id = 52
advert_interval = "100ms"
virtual_addresses = ["{SECOND}"]
notify_stop = "/usr/bin/touch {stopped}"
"""
    pair.up()
    pair.reload("hap1", text=pair.write(more=other))
    wait_until(lambda: SECOND in pair.link.addresses("hap1"), 2, "VI_2 is master")
    told = f'notify_master = "/usr/bin/touch {again}"\nnotify_backup = "/usr/bin/touch {moved}"'
    pair.reload("hap1", text=pair.write(more=told))
    wait_until(stopped.exists, 8, "notify_stop of what was removed has run")
    assert not moved.exists() and not again.exists(), "nothing has changed that they are told of"
    pair.reload("hap1", text=pair.write(hap1=90, more=told))
    wait_until(moved.exists, 8, "notify_backup has run")


def test_the_control_socket_follows(pair):
    pair.up()
    elsewhere = pair.link.folder / "control.sock"
    pair.reload("hap1", text=pair.write(head=f'[[vrrp.control]]\nbind = "{elsewhere}"'))
    assert elsewhere.is_socket() and not (pair.link.run_directory("hap1") / "vrrp.sock").exists()
    pair.reload("hap1", text=pair.write())
    assert not elsewhere.exists() and (pair.link.run_directory("hap1") / "vrrp.sock").is_socket()


def test_the_guardian_knows_what_came_with_a_reload(pair):
    pair.up()
    pair.reload("hap1", text=pair.write(addresses=(FIRST, SECOND)))
    assert SECOND in pair.link.addresses("hap1")
    pair.daemons["hap1"].end("kill")
    wait_until(lambda: FIRST not in pair.link.addresses("hap1") and SECOND not in pair.link.addresses("hap1"), 1,
               "nothing is left", interval=0.005)


def test_another_log_is_another_guardian_and_the_old_one_is_gone(pair):
    link = pair.link

    def file(log):
        return pair.write(head=f'[[global.log]]\ntarget = "file:{link.folder}/{log}"')

    said = lambda log: (link.folder / log).read_text() if (link.folder / log).exists() else ""
    daemon = link.start_other("hap1", ["ip", "netns", "exec", link.namespace("hap1"), vrrp_link.BINARY,
                                       "-f", link.file(file("one.log")), "-f", link.own_file(), "--node", "hap1"])
    wait_until(lambda: "Entering MASTER STATE" in said("one.log"), 5, "it is master")
    first = daemon.children()
    assert len(first) == 1
    link.file(file("two.log"))
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(daemon.children()) == 1 and daemon.children() != first, 5, "one guardian, another one")
    assert link.holds("hap1")
    daemon.end("kill")
    wait_until(lambda: not link.holds("hap1"), 1, "the new one knows what to do", interval=0.005)
    wait_until(lambda: "resigned for it, 1 addresses removed" in said("two.log"), 5, "its line is in the new log")


def test_keys_are_changed_without_a_lost_advert(pair):
    """The new one behind the old, then in front of it, then alone; each on one node after the other."""
    file = pair.link.folder / "pair.key"
    old, new = f"1 {os.urandom(32).hex()}\n", f"2 {os.urandom(32).hex()}\n"

    def write_keys(text):
        file.write_text(text)
        file.chmod(0o600)

    write_keys(old)
    pair.up(head=f'[pair]\nkey_file = "{file}"')
    assert pair.adverts(HAP1)[-1].message[-27] == 1, "the key's id is in the trailer"
    for keys in (old + new, new + old, new):
        write_keys(keys)
        assert "VRRP_Instance(VI_1) changed" in pair.reload("hap1", "hap2")
    write_keys(new + "3 tooshort\n")
    assert "Reload refused" in pair.reload("hap1")
    time.sleep(5 * INTERVAL)
    pair.nothing_happened()
    assert pair.adverts(HAP1)[-1].message[-27] == 2
    for name in ("hap1", "hap2"):
        assert "ignoring received advertisment" not in pair.lines(name)
        assert "is not heard any more" not in pair.lines(name)


# One mistake each, by what it replaces in the file; an empty first word is a line more in the instance.
MISTAKES = [
    ("version = 3", "version = 4"), ("version = 3", "versoin = 3"), ('interface = "eth1"', "interface = 1"),
    ('interface = "eth1"', 'interface = ""'), ("= 51", "= 0"), ("= 51", "= 256"), ("= 51", '= "fifty-one"'),
    ("priority = 110", "priority = 300"), ("priority = 110", "priority = -1"), ("priority = 110", "priority = 1.5"),
    ('"100ms"', '"100 parsecs"'), ('"100ms"', '"0s"'), ('"100ms"', '"100"'), ('"192.168.50.10"', '"192.168.50.256"'),
    ('"192.168.50.10"', '"the pair"'), ('["192.168.50.10"]', "[]"), ("[vrrp.instance.VI_1]", "[vrrp.instances.VI_1]"),
    ("[vrrp.instance.VI_1]", "[vrp.instance.VI_1]"), ("[vrrp.instance.VI_1]", "[vrrp.instance.VI_1"),
    ('"eth1"', '"eth1'), ("version = 3", "version = 3\nversion = 3"), ('"192.168.50.11"', '"192.168.50"'),
    ("[node.hap1]", "[nodes.hap1]"), ("", 'preempt = "sometimes"'), ("", 'preempt_delay = "soon"'),
    ("", 'track_scripts = ["nobody"]'), ("", "track_interfaces = [7]"), ("", 'auth = { type = "pas" }'),
    ("", 'auth = { type = "pass", password = "secret" }'), ("", 'unicast_peers = ["hap2"]'), ("", 'state = "mastr"'),
    ("", 'hold_down = "-1s"'), ("", "no_such_key = 1"), ("", 'track_files = ["nowhere"]'),
]


def test_no_mistake_gets_in_and_each_has_its_place(pair):
    """`hapair check` says so beforehand, too."""
    check = vrrp_link.BINARY.with_name("hapair"), "check"
    pair.up()
    good = pair.write()
    assert len(MISTAKES) >= 30
    for old, new in MISTAKES:
        assert old in good
        text = good.replace(old, new, 1) if old else good + new + "\n"
        checked = pair.link.run("hap1", *check, pair.link.file(text))
        assert checked.returncode == 1 and re.search(r"pair\.toml:\d+:\d+: error: ", checked.stderr + checked.stdout), (new, checked)
        lines = pair.reload("hap1")
        assert "Reload refused" in lines and re.search(r"pair\.toml:\d+:\d+: ", lines), (new, lines)
    assert "Reloaded" in pair.reload("hap1", text=good)
    pair.nothing_happened()
