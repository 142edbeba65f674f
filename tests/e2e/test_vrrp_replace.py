"""SIGUSR2 of hapair-vrrp: another program takes the daemon's place, and the link does not notice."""
import os
import signal
import subprocess
import time

import pytest

import vrrp_link
from pair import wait_until
from test_vrrp_reload import FIRST, HAP1, HAP2, INTERVAL, Pair

DONE = "goes on in the place of the program before it"
REFUSED = "SIGUSR2 refused, nothing changes: "
BUSY = "a handover is under way, try again when it is over"
FAKE = "#!/bin/sh\nexit {}\n"


class Town(Pair):
    """Two daemons that run from a copy of the program, which may change."""

    def __init__(self, link):
        super().__init__(link)
        self.binary = link.folder / "hapair-vrrp"
        self.install(vrrp_link.BINARY.read_bytes())
        self.monitor = None

    def install(self, content):
        """As a package does it: the file that runs stays what it was."""
        fresh = self.binary.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.chmod(0o755)
        fresh.replace(self.binary)

    def up(self, **words):
        start = self.link.start
        self.link.start = lambda name, text: start(name, text=text, binary=self.binary)
        super().up(**words)
        self.changes = (self.link.folder / "changes").open("w+")
        self.monitor = subprocess.Popen(["ip", "-n", self.link.namespace("hap1"), "monitor", "addr"],
                                        stdout=self.changes)
        return self

    def pid(self, name):
        return self.daemons[name].process.pid

    def send(self, name, expected):
        """SIGUSR2; what is logged until that is."""
        deadline = time.monotonic() + 10
        while True:
            before = len(self.lines(name))
            self.daemons[name].process.send_signal(signal.SIGUSR2)
            wait_until(lambda: any(word in self.lines(name)[before:] for word in (expected, BUSY)), 5, lambda:
                       f"{expected!r} in {self.lines(name)[before:]}", interval=0.005)
            if BUSY not in self.lines(name)[before:]:
                return self.lines(name)[before:]
            assert time.monotonic() < deadline, "the handover at the start does not end"
            time.sleep(INTERVAL)  # nothing says that it could be asked again: asking does

    def replace(self, name):
        return self.send(name, DONE)

    def refused(self, name):
        return self.send(name, REFUSED)

    def descriptors(self, name):
        return len(os.listdir(f"/proc/{self.pid(name)}/fd"))

    def program(self, name):
        return os.stat(f"/proc/{self.pid(name)}/exe").st_ino

    def go_on(self, adverts=5):
        """What is late has the time of so many adverts of the master to show itself."""
        at = time.time()
        wait_until(lambda: len(self.adverts(HAP1, at)) >= adverts, 5 * adverts * INTERVAL, f"{adverts} adverts of hap1")

    def nothing_happened(self):
        super().nothing_happened()
        self.changes.seek(0)
        assert "Deleted" not in self.changes.read(), "an address was away"
        for name in self.daemons:
            assert self.daemons[name].process.poll() is None
            assert "is not heard any more" not in self.lines(name)
            assert "hung" not in self.lines(name) and "has died" not in self.lines(name)

    def down(self):
        if self.monitor:
            self.monitor.kill()
            self.monitor.wait()
            self.changes.close()


@pytest.fixture
def pair():
    with vrrp_link.made("rp") as link:
        town = Town(link)
        yield town
        town.down()


def history(pair, name):
    return (pair.link.run_directory(name) / "vrrp-history").read_text()


@pytest.mark.parametrize("name", ["hap1", "hap2"])
def test_ten_times_and_nobody_notices(pair, name):
    """On the master, and on the backup."""
    pair.up()
    told = history(pair, name)
    descriptors = pair.descriptors(name)
    for _ in range(10):
        pair.install(vrrp_link.BINARY.read_bytes())
        before = pair.program(name)
        pair.replace(name)
        assert pair.program(name) != before, "the new file runs"
    pair.go_on()
    pair.nothing_happened()
    assert pair.link.holds("hap1") and not pair.link.holds("hap2")
    assert history(pair, name) == told
    wait_until(lambda: len(pair.daemons[name].children()) == 1, 2, "one guardian, and nothing else is left")
    wait_until(lambda: pair.descriptors(name) == descriptors, 2, "no descriptor is left")
    print(f"longest gap between two adverts: {pair.gap():.2f} intervals")


def test_the_other_node_takes_over_as_ever_afterwards(pair):
    pair.up()
    pair.replace("hap1")
    pair.replace("hap2")
    at = time.time()
    assert pair.daemons["hap1"].end() == 0
    wait_until(lambda: pair.link.holds("hap2") and not pair.link.holds("hap1"), 1, "hap2 has the address")
    assert pair.adverts(HAP2, at)[0].at - at < 3 * INTERVAL


def test_a_program_that_is_broken_changes_nothing(pair):
    pair.up()
    program = pair.program("hap1")
    for code, said in ((1, "ended with exit code 1"), (2, "does not understand what this version would hand over")):
        pair.install(FAKE.format(code).encode())
        assert said in pair.refused("hap1")
    pair.install(b"\x7fELF and no more")
    pair.refused("hap1")
    pair.binary.unlink()
    pair.refused("hap1")
    assert pair.program("hap1") == program
    pair.install(vrrp_link.BINARY.read_bytes())
    pair.replace("hap1")
    pair.go_on()
    pair.nothing_happened()


def test_a_program_that_cannot_be_run_when_its_time_has_come_changes_nothing(pair):
    """It could be run when it was tried."""
    pair.up()
    # Only the words of the trial are answered, and the file is gone with them.
    pair.install(f"#!/bin/sh\nrm {pair.binary}\n".encode())
    assert "cannot run" in pair.refused("hap1")
    pair.install(vrrp_link.BINARY.read_bytes())
    pair.replace("hap1")
    pair.go_on()
    pair.nothing_happened()


def test_a_configuration_that_became_wrong_changes_nothing(pair):
    pair.up()
    pair.link.file(pair.write(vrid=951))
    lines = pair.refused("hap1")
    assert ":11:21: " in lines and "1 mistake in the configuration" in lines
    pair.link.file(pair.write(hap1=120))
    assert "the configuration is not the one in force (instance VI_1): reload it first" in pair.refused("hap1")
    pair.reload("hap1")
    pair.replace("hap1")
    pair.reload("hap1", text=pair.write(hap1=110))
    pair.go_on()
    pair.nothing_happened()


@pytest.mark.parametrize("delay", [0, 0.02, 0.05, 0.1, 0.2])
def test_killed_amid_a_replacement_it_leaves_nothing_behind(pair, delay):
    """Whichever of the programs runs just then."""
    pair.up()
    pair.daemons["hap1"].process.send_signal(signal.SIGUSR2)
    time.sleep(delay)  # the very time is what is tried
    at = time.time()
    pair.daemons["hap1"].end("kill")
    wait_until(lambda: not pair.link.holds("hap1"), 1, "the address is gone", interval=0.002)
    gone = time.time() - at
    wait_until(lambda: pair.link.holds("hap2"), 1, "hap2 has it")
    assert [advert for advert in pair.adverts(HAP1, at) if advert.priority == 0], "the guardian resigned for it"
    print(f"killed {delay * 1000:.0f} ms after the signal: gone after {gone * 1000:.0f} ms")


def test_killed_after_a_replacement_it_leaves_nothing_behind(pair):
    pair.up()
    for _ in range(3):
        pair.replace("hap1")
    pair.daemons["hap1"].end("kill")
    wait_until(lambda: not pair.link.holds("hap1"), 0.5, "the address is gone", interval=0.002)
    pair.daemons["hap1"].wait_for("the daemon has died: resigned for it, 1 addresses removed", 1)


def test_what_was_tracked_still_counts(pair):
    """A script that has failed is no better, and one that has not ended yet no worse than it was."""
    scripts = """
[vrrp.script.slow]
command = "/bin/sleep {slow}"
interval = "60s"
timeout = "50s"
init_fail = true
weight = 20
[vrrp.script.bad]
command = "/bin/false"
interval = "60s"
weight = 50
"""
    more = 'track_scripts = ["slow", "bad"]'
    text = scripts.format(slow=0.4)
    pair.up(head=text, more=more)
    wait_until(lambda: pair.adverts(HAP1)[-1].priority == 130, 3, "the slow script counts")
    at = time.time()
    for _ in range(3):
        pair.replace("hap1")
        pair.replace("hap2")
    pair.go_on(10)
    assert {advert.priority for advert in pair.adverts(HAP1, at)} == {130}
    assert "Changing effective priority" not in pair.lines("hap1")[pair.lines("hap1").index(DONE):]
    assert "Changing effective priority" not in pair.lines("hap2")[pair.lines("hap2").index(DONE):]
    assert not pair.adverts(HAP2)


def test_with_a_pair_channel_and_signatures(pair):
    """The other node learns of the new life, takes nobody for dead, and a handover works as before."""
    file = pair.link.folder / "pair.key"
    file.write_text(f"1 {os.urandom(32).hex()}\n")
    file.chmod(0o600)
    pair.up(head=f'[pair]\nkey_file = "{file}"')
    pair.daemons["hap1"].wait_for("pair channel: hap2 is heard", 2)
    for name in ("hap1", "hap2", "hap1", "hap1"):
        pair.replace(name)
        wait_until(lambda: "pair channel" in pair.lines(name)[pair.lines(name).rindex(DONE):], 2, "they hear each other")
    pair.go_on(15)  # longer than the channel's patience
    pair.nothing_happened()
    for name in pair.daemons:
        assert "ignoring received advertisment" not in pair.lines(name)


def test_numbers_that_must_not_be_used_twice_go_on(pair):
    """Neither clock nor pair channel would make up for one that was forgotten."""
    file = pair.link.folder / "pair.key"
    file.write_text(f"1 {os.urandom(32).hex()}\n")
    file.chmod(0o600)
    pair.up(head=f'[pair]\nkey_file = "{file}"', more='auth = { type = "hmac", anti_replay = "monotonic" }')
    for _ in range(3):
        pair.replace("hap1")
        pair.replace("hap2")
    pair.go_on()
    pair.nothing_happened()
    for name in pair.daemons:
        assert "ignoring received advertisment" not in pair.lines(name)


def test_a_signal_amid_a_replacement_waits_for_the_next_program(pair):
    pair.up()
    process = pair.daemons["hap1"].process
    for _ in range(10):
        begun = "Replacing the program"
        while begun not in pair.send("hap1", ": "):  # or refused: the reload of before is not over
            time.sleep(0.05)  # as in send()
        before = pair.lines("hap1").rindex(begun)
        for _ in range(5):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.001)  # apart, so that the kernel does not make one of them
        wait_until(lambda: DONE in pair.lines("hap1")[before:], 5, "the next program runs")
        wait_until(lambda: "Reloaded" in pair.lines("hap1")[before:], 5, "it has heard the signal")
    pair.nothing_happened()


def test_what_cannot_be_taken_over_is_refused_by_name(pair):
    pair.up(more="virtual_mac = true\naccept = false")
    assert "not built yet for an instance with virtual_mac (VI_1)" in pair.refused("hap1")
    pair.reload("hap1", text=pair.write(more="accept = false"))
    assert "not built yet for an instance with accept = false (VI_1)" in pair.refused("hap1")


def test_those_who_are_told_hear_nothing(pair):
    told = pair.link.folder / "told"
    told.touch()
    told.chmod(0o666)  # for whoever runs the scripts
    tell = f'["/bin/sh", "-c", "echo told >> {told}"]'
    pair.up(more=f"notify_master = {tell}\nnotify_backup = {tell}")

    def all_told():
        """Of every change until now, so that no script is still on its way."""
        entered = sum(pair.lines(name).count(f"Entering {state} STATE") for name in pair.daemons
                      for state in ("MASTER", "BACKUP"))
        return told.read_text().count("told") == entered
    wait_until(all_told, 8, "they heard of the beginning")
    before = told.read_text()
    for name in pair.daemons:
        pair.replace(name)
    pair.go_on(10)
    assert told.read_text() == before
    pair.nothing_happened()
