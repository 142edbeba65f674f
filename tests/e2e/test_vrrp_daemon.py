"""hapair-vrrp as a program: its rights, its exit codes, its signals, and what it leaves behind."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

import vrrp_link
from pair import wait_until

UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture
def link():
    # Not pytest's own folder: nobody must be able to read the file in it.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-link-"))
    link = vrrp_link.Link(os.environ.get("LAB_PREFIX", "haptest") + "vrrp", folder)
    link.up()
    yield link
    link.down()
    shutil.rmtree(folder)


@pytest.fixture
def unprivileged_binary(link):
    """A copy that nobody may reach, wherever the build is."""
    copy = link.folder / "hapair-vrrp"
    shutil.copy(vrrp_link.BINARY, copy)
    link.folder.chmod(0o755)
    return copy


def becomes_master(link, name, timeout=4):
    wait_until(lambda: link.holds(name), timeout, f"{name} has the address")


def test_sigterm_and_sigint_resign_and_leave_nothing(link):
    for number in (signal.SIGTERM, signal.SIGINT):
        daemon = link.start("hap1")
        becomes_master(link, "hap1")
        daemon.process.send_signal(number)
        assert daemon.process.wait(5) == 0
        assert not link.holds("hap1")
        assert daemon.lines().rstrip().endswith("removing protocol VIPs.")


def test_a_signal_to_a_daemon_that_is_just_starting_is_obeyed(link):
    """From the moment its pid file is there."""
    pid_file = link.folder / "hap1.pid"
    words = ["ip", "netns", "exec", link.namespace("hap1"), vrrp_link.BINARY, "-d", "-p", pid_file, "-f", link.file(), "--node", "hap1"]
    for number, (word, line) in enumerate([(signal.SIGHUP, "Reloaded: "), (signal.SIGUSR1, "once the other node has taken over"),
                                           (signal.SIGTERM, "Stopping ")] * 4, 1):
        daemon = link.start_other("hap1", words)
        wait_until(lambda: pid_file.exists() and pid_file.read_text(), 5, "the pid file is there")
        os.kill(int(pid_file.read_text()), word)
        daemon.wait_for(line, 5)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(5) == 0, f"{word} ended it ({number})"
        assert not link.holds("hap1")


def test_a_reader_of_its_log_that_went_away_does_not_end_it(link):
    reader, writer = os.pipe()
    command = ["ip", "netns", "exec", f"{link.prefix}-hap1", vrrp_link.BINARY, "-d", "-f", link.file(), "--node", "hap1"]
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=writer, stderr=writer)
    try:
        os.close(writer)
        becomes_master(link, "hap1")
        os.close(reader)
        process.send_signal(signal.SIGHUP)  # makes it log
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert not link.holds("hap1")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_two_capabilities_are_enough(link, unprivileged_binary):
    rights = [*UNPRIVILEGED, "--bounding-set=-all,+net_admin,+net_raw",
              "--inh-caps=-all,+net_admin,+net_raw", "--ambient-caps=-all,+net_admin,+net_raw"]
    daemon = link.start("hap1", *rights, binary=unprivileged_binary)
    becomes_master(link, "hap1")
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    assert "Uid:\t65534\t" in status
    assert f"CapEff:\t{1 << 12 | 1 << 13:016x}" in status
    assert daemon.end() == 0
    assert not link.holds("hap1")


@pytest.mark.parametrize("held, missing", [
    ("", "CAP_NET_ADMIN and CAP_NET_RAW"), ("net_raw", "CAP_NET_ADMIN:"), ("net_admin", "CAP_NET_RAW:")])
def test_a_missing_capability_is_named(link, unprivileged_binary, held, missing):
    rights = [f"--inh-caps=-all,+{held}", f"--ambient-caps=-all,+{held}"] if held else []
    done = link.run("hap1", *UNPRIVILEGED, *rights, unprivileged_binary, "-f", link.file(), "--node", "hap1")
    assert done.returncode == 2
    assert f"missing {missing}" in done.stderr


def test_an_interface_that_is_not_there_is_named(link):
    text = vrrp_link.CONFIGURATION.replace('"eth1"', '"eth7"')
    done = link.run("hap1", vrrp_link.BINARY, "-f", link.file(text), "--node", "hap1")
    assert done.returncode == 2
    assert "instance VI_1: there is no interface eth7; this host has lo, eth1" in done.stderr


def test_a_log_file_that_cannot_be_opened_is_no_start(link):
    path = link.folder / "none" / "vrrp.log"
    words = [vrrp_link.BINARY, "-f", link.file(vrrp_link.CONFIGURATION + f'\n[[global.log]]\ntarget = "file:{path}"\n'), "--node", "hap1"]
    what = f"log target file:{path}: No such file or directory: its folder must be there, and this user able to write to it"
    checked, started = link.run("hap1", *words, "-c"), link.run("hap1", *words)
    assert (checked.returncode, started.returncode) == (0, 2)
    assert f"hapair-vrrp: warning: {what}" in checked.stderr
    assert f"hapair-vrrp: {what}" in started.stderr
    assert not link.holds("hap1")


def test_check_tells_every_mistake_and_touches_nothing(link):
    good = link.run("hap1", vrrp_link.BINARY, "-c", "-f", link.file(), "--node", "hap1")
    assert (good.returncode, good.stdout) == (0, "Configuration file is valid\n")
    text = vrrp_link.CONFIGURATION.replace("= 51", "= 300").replace('"master"', '"mastr"')
    bad = link.run("hap1", vrrp_link.BINARY, "-c", "-f", link.file(text), "--node", "hap1")
    assert bad.returncode == 1
    assert "pair.toml:9:9: error:" in bad.stderr and "pair.toml:10:21: error:" in bad.stderr


def test_a_file_without_instances_is_refused(link):
    done = link.run("hap1", vrrp_link.BINARY, "-f", link.file("[defaults]\n"))
    assert done.returncode == 1
    assert "no [vrrp.instance.NAME]" in done.stderr


def test_what_a_predecessor_left_is_removed_by_the_next_backup(link):
    """Another program's address stays until somebody removes it."""
    vrrp_link.ip("-n", f"{link.prefix}-hap1", "addr", "add", "192.168.50.10/32", "dev", "eth1")
    second = link.start("hap1", text=vrrp_link.CONFIGURATION.replace('"master"', '"backup"'))
    second.wait_for("Entering BACKUP STATE", 3)
    assert not link.holds("hap1")
    assert "removing protocol VIPs." in second.lines()


def test_a_link_that_goes_down_is_a_fault_and_its_return_an_election(link):
    ours, theirs = link.start("hap1"), link.start("hap2")
    becomes_master(link, "hap1")
    theirs.wait_for("Entering BACKUP STATE", 3)
    vrrp_link.ip("-n", f"{link.prefix}-hap1", "link", "set", "eth1", "down")
    for line in ("Now in FAULT state", "Kernel is reporting: interface eth1 DOWN", "VRRP_Instance(VI_1) Entering FAULT STATE"):
        ours.wait_for(line, 1)
    wait_until(lambda: not link.holds("hap1"), 1, "the address is gone")
    becomes_master(link, "hap2", 4.1)  # 3 adverts and the skew of priority 100 (0.61 s), and some
    vrrp_link.ip("-n", f"{link.prefix}-hap1", "link", "set", "eth1", "up")
    ours.wait_for("Kernel is reporting: interface eth1 UP", 1)
    wait_until(lambda: link.holds("hap1") and not link.holds("hap2"), 5, "hap1 alone has the address again")


def test_a_lost_source_address_is_a_fault(link):
    daemon = link.start("hap1")
    becomes_master(link, "hap1")
    host = f"{link.prefix}-hap1"
    vrrp_link.ip("-n", host, "addr", "del", "192.168.50.11/24", "dev", "eth1")
    daemon.wait_for("Now in FAULT state", 1)
    wait_until(lambda: not link.holds("hap1"), 1, "the address is gone")
    vrrp_link.ip("-n", host, "addr", "add", "192.168.50.11/24", "dev", "eth1")
    daemon.wait_for("Entering BACKUP STATE", 1)


def test_an_address_that_somebody_removed_is_put_back(link):
    daemon = link.start("hap1")
    becomes_master(link, "hap1")
    vrrp_link.ip("-n", f"{link.prefix}-hap1", "addr", "del", "192.168.50.10/32", "dev", "eth1")
    daemon.wait_for("192.168.50.10/32 was removed from eth1: putting it back", 1)
    becomes_master(link, "hap1", 1)
    assert "FAULT" not in daemon.lines()


def test_a_backup_that_slept_does_not_take_the_address_of_a_living_master(link):
    link.start("hap1")
    becomes_master(link, "hap1")
    backup = link.start("hap2")
    backup.wait_for("Entering BACKUP STATE", 3)
    told = len(backup.lines())
    backup.process.send_signal(signal.SIGSTOP)
    # The time itself is what is needed: longer than the master-down interval, so that on waking the
    # timer is over, and the adverts that say otherwise are in the queue.
    time.sleep(5)
    backup.process.send_signal(signal.SIGHUP)
    backup.process.send_signal(signal.SIGCONT)
    backup.wait_for("Reloaded:", 2)  # it has had its first turn
    assert "MASTER" not in backup.lines()[told:]
    assert not link.holds("hap2")
