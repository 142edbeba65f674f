"""hapair-vrrp on one balancer, Debian's keepalived with the seed's own keepalived.conf on the other,
both ways round, in front of Debian's haproxy: one master, whatever is stopped."""
import os
import pathlib
import re

import pytest

import pair
from pair import TAKEOVER_AFTER_DEATH, wait_until

BINARIES = pathlib.Path(os.environ.get("LAB_BIN", pair.TREE / "build" / "release" / "bin")).resolve()
SEED = (pair.TREE / "etc" / "seed-002-pair.toml").read_text()
KEEPALIVED = (pair.TREE / "vagrant" / "incumbent" / "keepalived.conf").read_text()
PRIORITY = {"hap1": 101, "hap2": 100}
# What the script needs to see a change, and a turn of the scheduler on two busy cores.
DETECTION = pair.SCRIPT_INTERVAL + 0.5
# Who has not resigned is believed in for three adverts and the skew after his last one, of which he may have had one
# already. So whoever takes over sooner has heard that he resigns (and waits for the skew, 0.6 s).
SOONER_THAN_AFTER_DEATH = TAKEOVER_AFTER_DEATH - 1
COMPLAINTS = re.compile(r"ignoring received|invalid|Invalid|bogus|mismatch|unexpected|WARNING - equal|too (?:short|long)")


class Mixed:
    """The lab with haproxy everywhere, and the two VRRP daemons as a test asks for them."""

    def __init__(self, lab):
        self.lab = lab
        self.running = {}  # host -> its daemon's command
        self.our_name = None  # where ours runs, when the pair is the seed's
        self.marks = {}

    def host(self, name):
        return getattr(self.lab, name)

    def ours(self, name, lines=None):
        """hapair-vrrp on the seed's file, which watches haproxy here."""
        text = SEED.replace("hapair-proxy", "haproxy")
        for line, replacement in (lines or {}).items():
            assert line in text
            text = text.replace(line, replacement)
        path = self._put(name, "/run/pair.toml", text)
        # A host does not see every folder of the machine, such as a checkout below /tmp.
        program = "/run/hapair-vrrp"
        self.host(name).run(f"cat > {program}.new && chmod 755 {program}.new && mv {program}.new {program}",
                            text=False, input=(BINARIES / "hapair-vrrp").read_bytes())
        self.start(name, [program, "-f", path, "--node", name, "-D", "-p", "/run/vrrp.pid"])

    def theirs(self, name, lines=None):
        """Debian's keepalived on the seed's file, to the letter unless `lines` change it."""
        text = KEEPALIVED.replace("${PRIORITY}", str(PRIORITY[name]))
        for line, replacement in (lines or {}).items():
            assert line in text
            text = text.replace(line, replacement)
        path = self._put(name, "/run/keepalived.conf", text)
        self.start(name, ["keepalived", "--vrrp", "-f", path, "-p", "/run/vrrp.pid", "-r", "/run/vrrp-child.pid"])

    def _put(self, name, path, text):
        self.host(name).run("tee", path, input=text)  # a host's /run is its own
        return path

    def start(self, name, command):
        self.marks.setdefault(name, self.host(name).log_mark())
        self.host(name).run(*command)
        self.running[name] = command
        wait_until(lambda: self.pid(name), 5, f"the VRRP daemon of {name} runs")

    def pid(self, name):
        done = self.host(name).run('pid=$(cat /run/vrrp.pid) && kill -0 "$pid" && echo "$pid"', check=False)
        return done.stdout.strip()

    def stop(self, name):
        """As an operator does: SIGTERM, and wait for the end."""
        self.host(name).run("kill", "-TERM", self.pid(name))
        wait_until(lambda: not self.pid(name), 5, f"the VRRP daemon of {name} has ended")
        self.running.pop(name)

    def stop_all(self):
        for name in list(self.running):
            self.stop(name)
        self.marks, self.our_name = {}, None

    def complaints(self):
        return [line for name, mark in self.marks.items()
                for line in self.host(name).log_lines(since=mark) if COMPLAINTS.search(line)]


@pytest.fixture(scope="module")
def daemons():
    lab = pair.Lab(os.environ.get("LAB_PREFIX", "haptest") + "mix")
    lab.environment["LAB_STACK"] = "incumbent"
    lab.down()
    lab.up()
    for host in lab.balancers:
        host.stop("vrrp")
    yield Mixed(lab)
    lab.down()


@pytest.fixture
def mixed(daemons):
    """haproxy runs, and no VRRP daemon yet."""
    daemons.stop_all()
    return daemons


@pytest.fixture(scope="module", params=["hap1", "hap2"])
def our_name(request):
    """Where hapair-vrrp runs. Of the module's scope, so that the pair is built once for each."""
    return request.param


@pytest.fixture
def settled(daemons, our_name):
    """Both daemons run, and hap1 is the master."""
    for host in daemons.lab.balancers:
        host.start("proxy")
    if daemons.our_name != our_name or len(daemons.running) < 2:
        daemons.stop_all()
        daemons.theirs("hap2" if our_name == "hap1" else "hap1")
        daemons.ours(our_name)
        daemons.our_name = our_name
    daemons.lab.wait_for_master(daemons.lab.hap1, 8)
    wait_until(lambda: daemons.lab.ask(), 5, "the pair answers")
    return daemons


def test_the_higher_is_master_and_nobody_complains(settled):
    lab = settled.lab
    # Three whole master-down intervals in which nothing may change or be said.
    marks = {host.name: host.log_mark() for host in lab.balancers}
    with lab.client.load(rate=20, seconds=3 * TAKEOVER_AFTER_DEATH) as load:
        pass
    assert load.failed == []
    assert lab.master() is lab.hap1
    for host in lab.balancers:
        assert [line for line in host.log_lines(since=marks[host.name]) if "STATE" in line or "election" in line] == []
    assert settled.complaints() == []


def test_the_address_follows_the_proxy_there_and_back(settled):
    lab = settled.lab
    lab.hap1.stop("proxy")
    lab.wait_for_master(lab.hap2, DETECTION + TAKEOVER_AFTER_DEATH + 1)
    wait_until(lambda: lab.ask(), 2, "hap2 answers")
    lab.hap1.start("proxy")
    lab.wait_for_master(lab.hap1, DETECTION + TAKEOVER_AFTER_DEATH + 1)
    wait_until(lambda: lab.ask(), 2, "hap1 answers")
    assert settled.complaints() == []


def test_a_stopped_daemon_gives_the_address_away_and_gets_it_back(settled):
    lab = settled.lab
    command = settled.running["hap1"]
    settled.stop("hap1")
    lab.wait_for_master(lab.hap2, SOONER_THAN_AFTER_DEATH)
    wait_until(lambda: lab.ask(), 2, "hap2 answers")
    settled.start("hap1", command)
    lab.wait_for_master(lab.hap1, DETECTION + TAKEOVER_AFTER_DEATH + 1)
    wait_until(lambda: lab.ask(), 2, "hap1 answers")
    assert settled.complaints() == []


def test_a_backup_may_come_and_go_unnoticed(settled):
    lab = settled.lab
    command = settled.running["hap2"]
    with lab.client.load(rate=50, seconds=8) as load:
        settled.stop("hap2")
        settled.start("hap2", command)
        lab.hap2.wait_for("Entering BACKUP STATE", 5, since=settled.marks["hap2"])
    assert load.failed == []
    assert lab.master() is lab.hap1


def test_a_cut_master_is_replaced_and_one_is_left_when_it_is_back(settled):
    lab = settled.lab
    lab.hap1.cut()
    try:
        wait_until(lab.hap2.has_virtual_address, TAKEOVER_AFTER_DEATH + 1, "hap2 has the address")
        wait_until(lambda: lab.ask(), 2, "hap2 answers")
    finally:
        lab.hap1.join()
    lab.wait_for_master(lab.hap1, 2 * TAKEOVER_AFTER_DEATH)
    wait_until(lambda: lab.ask(), 2, "hap1 answers")


@pytest.mark.parametrize("ours, theirs", [("hap1", "hap2"), ("hap2", "hap1")])
def test_of_equals_the_higher_address_wins(mixed, ours, theirs):
    mixed.theirs(theirs, {f"priority {PRIORITY[theirs]}": "priority 100"})
    mixed.lab.wait_for_master(mixed.host(theirs), 8)
    mixed.ours(ours, {f"priority = {PRIORITY[ours]}": "priority = 100"})
    # The lower address gives way, whether it is the one that was master or the one that came.
    loser, winner = mixed.lab.hap1, mixed.lab.hap2
    loser.wait_for("Received higher prio advert" if ours == "hap1" else "higher IP address than ours", 6,
                   since=mixed.marks["hap1"])
    mixed.lab.wait_for_master(winner, 3)


AUTHENTICATION = "virtual_router_id 51\nauthentication {{\nauth_type PASS\nauth_pass {}\n}}"
OUR_AUTHENTICATION = 'version = 2\nauth = {{ type = "pass", password = "{}" }}'


@pytest.mark.parametrize("ours, theirs", [("hap1", "hap2"), ("hap2", "hap1")])
def test_a_shared_password_is_understood(mixed, ours, theirs):
    mixed.theirs(theirs, {"virtual_router_id 51": AUTHENTICATION.format("secret")})
    mixed.ours(ours, {"version = 2": OUR_AUTHENTICATION.format("secret")})
    mixed.lab.wait_for_master(mixed.lab.hap1, 8)
    mixed.stop("hap1")
    mixed.lab.wait_for_master(mixed.lab.hap2, SOONER_THAN_AFTER_DEATH)
    assert mixed.complaints() == []


def test_a_wrong_password_is_refused_by_both_and_said(mixed):
    mixed.theirs("hap2", {"virtual_router_id 51": AUTHENTICATION.format("secret")})
    mixed.ours("hap1", {"version = 2": OUR_AUTHENTICATION.format("guess")})
    mixed.lab.hap1.wait_for("ignoring received advertisment from 192.168.50.12: wrong password", 6)
    mixed.lab.hap2.wait_for("received an invalid passwd!", 6)
    # Neither believes the other: that is what a wrong password means, and why it must be said.
    wait_until(lambda: all(host.has_virtual_address() for host in mixed.lab.balancers), 8, "two masters")
