"""hapair-vrrp tells of changes: scripts with keepalived's arguments, and a FIFO."""
import os
import pathlib
import pwd
import shutil
import socket
import stat
import tempfile
import time

import pytest

import vrrp_link
from pair import wait_until

FILE = """
[node.hap1]
address = "192.168.50.11"
vrrp.instance.VI_1.priority = 101
[node.hap2]
address = "192.168.50.12"
vrrp.instance.VI_1.priority = 90
[vrrp]
notify_user = "nobody"
{vrrp}
[vrrp.instance.VI_1]
version = 3
interface = "eth1"
virtual_router_id = 51
advert_interval = "100ms"
virtual_addresses = ["192.168.50.10"]
{instance}
"""


@pytest.fixture
def link():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-link-"))
    link = vrrp_link.Link(os.environ.get("LAB_PREFIX", "haptest") + "notify", folder)
    link.up()
    yield link
    link.down()
    shutil.rmtree(folder)


def file(instance="", vrrp=""):
    return FILE.format(instance=instance, vrrp=vrrp)


class Script:
    """A script, and what it wrote: what its runs were given."""

    def __init__(self, link, name, text):
        self.path, self.told = link.folder / name, link.folder / f"{name}.told"
        self.path.write_text(f"#!/bin/sh\ntold={self.told}\n{text}\n")
        self.path.chmod(0o755)
        self.told.touch()
        self.told.chmod(0o666)
        link.folder.chmod(0o755)

    def __str__(self):
        return str(self.path)

    def lines(self):
        return self.told.read_text().splitlines()

    def wait_for(self, line, timeout):
        wait_until(lambda: line in self.lines(), timeout, f"{line!r} in {self.lines()}")


# Without a process of its own for that: at the end of the daemon the scripts have a second, on a busy machine too.
WHO = """while read -r key who rest; do [ "$key" = Uid: ] && break; done < /proc/self/status
case $who in 65534) who=nobody ;; 1) who=daemon ;; esac
"""


@pytest.fixture
def teller(link):
    return Script(link, "tell", WHO + 'echo "$who $*" >> $told')


def set_link(link, host, state):
    vrrp_link.ip("-n", f"{link.prefix}-{host}", "link", "set", "eth1", state)


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_scripts_are_told_in_order_as_the_user(link, teller):
    """Each key its state, then notify with keepalived's arguments; and the daemon waits for the last ones."""
    daemon = link.start("hap1", text=file(f"""
notify = "{teller} any"
notify_master = "{teller} 'up now'"
notify_backup = ["{teller}", "down"]
notify_fault = {{ command = "{teller} fault", user = "daemon" }}
notify_stop = "{teller} stop"
"""))
    teller.wait_for("nobody any INSTANCE VI_1 MASTER 101", 8)
    set_link(link, "hap1", "down")
    teller.wait_for("nobody any INSTANCE VI_1 FAULT 101", 8)
    set_link(link, "hap1", "up")
    wait_until(lambda: teller.lines().count("nobody any INSTANCE VI_1 MASTER 101") == 2, 8, "master again")
    assert daemon.end() == 0
    master = ["nobody up now", "nobody any INSTANCE VI_1 MASTER 101"]
    backup = ["nobody down", "nobody any INSTANCE VI_1 BACKUP 101"]
    assert teller.lines() == [*backup, *master, "daemon fault", "nobody any INSTANCE VI_1 FAULT 101", *backup, *master,
                              "nobody stop", "nobody any INSTANCE VI_1 STOP 101"]
    assert daemon.lines().count("notifying scripts run as nobody") == 1


def test_a_claim_is_not_told(link, teller):
    """It may be taken back: nobody is to act on it."""
    daemon = link.start("hap1", text=file(f'notify = "{teller}"\nstate = "master"'))
    daemon.wait_for("Transition to MASTER STATE", 8)
    teller.wait_for("nobody INSTANCE VI_1 MASTER 101", 8)
    assert teller.lines() == ["nobody INSTANCE VI_1 MASTER 101"]


def test_groups_have_scripts_too(link, teller):
    second = file().split("[vrrp.instance.VI_1]")[1].replace("51", "52").replace("50.10", "50.20")
    daemon = link.start("hap1", text=file() + f"""
[vrrp.instance.VI_2]{second}
[vrrp.sync_group.VG_1]
instances = ["VI_1", "VI_2"]
notify = "{teller}"
notify_master = "{teller} up"
""")
    teller.wait_for("nobody GROUP VG_1 MASTER 0", 8)
    assert daemon.end() == 0
    assert teller.lines() == ["nobody GROUP VG_1 BACKUP 0", "nobody up", "nobody GROUP VG_1 MASTER 0",
                              "nobody GROUP VG_1 STOP 0"]


def test_a_lower_master_is_told(link, teller):
    link.start("hap1", text=file(f'notify_lower = "{teller} lower"'))
    wait_until(lambda: link.holds("hap1"), 8, "hap1 is master")
    link.start("hap2", text=file('state = "master"'))
    teller.wait_for("nobody lower", 8)


def test_a_script_that_hangs_is_ended_with_its_children_and_delays_only_its_own(link, teller):
    hangs = Script(link, "hang", """
trap '' TERM
sleep 600 & echo $! >> $told
echo $$ >> $told
wait; wait; sleep 600""")
    daemon = link.start("hap1", text=file(f"""
notify_backup = {{ command = "{hangs}", timeout = "2s" }}
notify = "{teller}"
"""))
    wait_until(lambda: link.holds("hap1"), 8, "master, whatever hangs")
    daemon.wait_for("VRRP_Instance(VI_1) notify_backup of BACKUP did not end within 2s and was ended", 8)
    pids = hangs.lines()
    assert len(pids) == 2
    wait_until(lambda: not any(map(alive, pids)), 8, f"{pids} are gone")
    teller.wait_for("nobody INSTANCE VI_1 MASTER 101", 8)
    assert teller.lines() == ["nobody INSTANCE VI_1 BACKUP 101", "nobody INSTANCE VI_1 MASTER 101"]


def test_of_too_many_changes_the_last_ones_are_told(link):
    slow = Script(link, "slow", 'until [ -e $told.go ]; do sleep 0.05; done\necho "$*" >> $told')
    daemon = link.start("hap1", text=file(f'notify = "{slow}"'))
    wait_until(lambda: link.holds("hap1"), 8, "hap1 is master")
    # 16 wait: more changes than that, while the first is told of.
    for count in range(1, 10):
        set_link(link, "hap1", "down")
        wait_until(lambda: daemon.lines().count("Now in FAULT state") == count, 8, f"FAULT {count}")
        set_link(link, "hap1", "up")
        wait_until(lambda: daemon.lines().count("Entering BACKUP STATE") == count + 1, 8, f"BACKUP {count}")
    wait_until(lambda: link.holds("hap1"), 8, "hap1 is master again")
    pathlib.Path(f"{slow.told}.go").touch()
    wait_until(lambda: len(slow.lines()) == 17, 10, "the first and the last sixteen")
    assert slow.lines()[0] == "INSTANCE VI_1 BACKUP 101"
    assert slow.lines()[-1] == "INSTANCE VI_1 MASTER 101"
    changes = sum(daemon.lines().count(line) for line in ("Entering BACKUP", "Entering MASTER", "Now in FAULT"))
    assert changes >= 21
    assert daemon.lines().count("is skipped: too many wait for the one that runs") == changes - 17


def test_the_last_script_has_a_second_and_then_goes_on_alone(link):
    slow = Script(link, "slow", "echo begun >> $told; sleep 4; echo done >> $told")
    daemon = link.start("hap1", text=file(f'notify_stop = "{slow}"'))
    wait_until(lambda: link.holds("hap1"), 8, "hap1 is master")
    begun = time.monotonic()
    assert daemon.end() == 0
    assert 0.9 < time.monotonic() - begun < 3
    assert "VRRP_Instance(VI_1) notify_stop of STOP has not ended, and goes on without us" in daemon.lines()
    assert not link.holds("hap1")
    slow.wait_for("done", 10)


def test_at_the_end_a_hung_script_does_not_keep_the_last_one_from_being_run(link):
    teller = Script(link, "tell", 'echo "$*" >> $told')
    hangs = Script(link, "hang", "echo $$ >> $told; exec sleep 600")
    daemon = link.start("hap1", text=file(f'notify_master = "{hangs}"\nnotify = "{teller}"\nnotify_stop = "{teller} bye"'))
    wait_until(lambda: hangs.lines(), 8, "it hangs")
    begun = time.monotonic()
    assert daemon.end() == 0
    assert time.monotonic() - begun < 3
    assert teller.lines() == ["INSTANCE VI_1 BACKUP 101", "bye", "INSTANCE VI_1 STOP 101"]
    assert "notify_master of MASTER was ended: the daemon stops" in daemon.lines()
    assert "notify of MASTER is skipped: the daemon stops" in daemon.lines()
    wait_until(lambda: not alive(hangs.lines()[0]), 8, "it is gone")


def test_a_script_that_fails_is_told_and_changes_nothing(link):
    fails = Script(link, "fail", "exit 3")
    daemon = link.start("hap1", text=file(f'notify_master = "{fails}"'))
    daemon.wait_for("VRRP_Instance(VI_1) notify_master of MASTER failed with exit status 3", 8)
    assert link.holds("hap1")


# ---- whom to trust

def refused(link, instance, vrrp=""):
    done = link.run("hap1", vrrp_link.BINARY, "-f", link.file(file(instance, vrrp)), "--node", "hap1")
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_a_script_that_others_can_change_is_refused(link, teller):
    teller.path.chmod(0o757)
    message = refused(link, f'notify = "{teller}"')
    assert (f"hapair-vrrp: instance VI_1: notify: the script {teller} is not safe to run: "
            f"everybody may write to {teller}: chmod o-w {teller}") in message
    folder = link.folder / "open"
    folder.mkdir()
    folder.chmod(0o777)
    inner = shutil.copy(teller.path, folder)
    os.chmod(inner, 0o755)
    message = refused(link, f'notify_stop = "{inner}"')
    assert f"notify_stop: the script {inner} is not safe to run: everybody may write to the folder {folder}: chmod" in message
    assert teller.lines() == [], "and it was not run"


def test_a_script_of_another_user_is_refused_unless_it_runs_as_him(link, teller):
    daemon_user = pwd.getpwnam("daemon").pw_uid
    os.chown(teller.path, daemon_user, 0)
    message = refused(link, f'notify = "{teller}"')
    assert f"{teller} belongs to daemon, neither to root nor to nobody, who runs the script: chown root {teller}" in message
    link.start("hap1", text=file(f'notify = {{ command = "{teller}", user = "daemon" }}'))
    teller.wait_for("daemon INSTANCE VI_1 BACKUP 101", 8)


def test_users_and_programs_that_are_not_there_are_named(link):
    message = refused(link, 'notify = { command = "/bin/true", user = "no-such-user" }')
    assert "instance VI_1: notify: there is no user no-such-user on this host: useradd --system no-such-user" in message
    message = refused(link, 'notify = "no-such-program"')
    assert "there is no program no-such-program in the folders of PATH" in message
    message = refused(link, 'notify = "/no/such/script"')
    assert "the script /no/such/script is not safe to run: cannot look at /no: No such file or directory" in message


def test_a_daemon_that_may_not_become_others_says_so_once(link):
    """As under its systemd unit."""
    teller = Script(link, "tell", 'echo "$(id -un)" >> $told')
    copy = link.folder / "hapair-vrrp"
    shutil.copy(vrrp_link.BINARY, copy)
    rights = ["setpriv", "--reuid=nobody", "--regid=65534", "--clear-groups", "--bounding-set=-all,+net_admin,+net_raw",
              "--inh-caps=-all,+net_admin,+net_raw", "--ambient-caps=-all,+net_admin,+net_raw"]
    text = file(f'notify = "{teller}"\nnotify_master = "{teller}"').replace('notify_user = "nobody"', 'notify_user = "daemon"')
    daemon = link.start("hap1", *rights, text=text, binary=copy)
    teller.wait_for("nobody", 8)
    assert daemon.lines().count("notifying scripts run as nobody, not as daemon: the daemon lacks CAP_SETUID") == 1


# ---- the journal

def test_the_journal_gets_fields(link):
    folder = link.folder / "journal"
    folder.mkdir()
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(str(folder / "socket"))
    journal.settimeout(8)
    command = ["ip", "netns", "exec", f"{link.prefix}-hap1", "unshare", "--mount", "sh", "-c",
               f'mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind {folder} /run/systemd/journal && exec "$@"',
               "sh", vrrp_link.BINARY, "-f", link.file(file() + '[[global.log]]\ntarget = "journald"\n'), "--node", "hap1"]
    link.start_other("hap1", command)
    entry = {}
    while entry.get("MESSAGE") != "VRRP_Instance(VI_1) Entering MASTER STATE":
        entry = dict(line.split("=", 1) for line in journal.recv(4096).decode().splitlines())
    assert entry["HAPAIR_INSTANCE"] == "VI_1"
    assert entry["HAPAIR_STATE"] == "MASTER"
    assert entry["HAPAIR_PRIORITY"] == "101"
    assert entry["HAPAIR_CAUSE"] == "no master was heard"
    journal.close()


# ---- the FIFO

def read_fifo(path):
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def test_the_fifo_has_keepaliveds_lines(link):
    fifo, own = link.folder / "all.fifo", link.folder / "VI_1.fifo"
    flag = link.folder / "flag"
    flag.touch()
    text = file(f'notify_fifo = "{own}"\ntrack_scripts = ["flag"]', f"""notify_fifo = "{fifo}"
[vrrp.script.flag]
command = "/usr/bin/test -e {flag}"
interval = "50ms"
timeout = "5s"
weight = 5""") + '[vrrp.sync_group.VG_1]\ninstances = ["VI_1"]\n'
    daemon = link.start("hap1", text=text)
    wait_until(lambda: link.holds("hap1"), 8, "hap1 is master")
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert stat.S_IMODE(fifo.stat().st_mode) == 0o600
    reader = read_fifo(fifo)  # comes late, and hears all of it
    heard = []

    def hears(line):
        try:
            heard.extend(os.read(reader, 65536).decode().splitlines())
        except BlockingIOError:
            pass
        return line in heard

    flag.unlink()
    wait_until(lambda: hears('INSTANCE "VI_1" MASTER_PRIORITY 101'), 8, "the priority fell")
    link.start("hap2", text=file('state = "master"'))
    wait_until(lambda: hears('INSTANCE "VI_1" MASTER_RX_LOWER_PRI 101'), 8, "a lower one was heard")
    assert daemon.end() == 0
    hears("")
    assert heard == ['INSTANCE "VI_1" BACKUP 106', 'GROUP "VG_1" BACKUP 0', 'INSTANCE "VI_1" MASTER 106', 'GROUP "VG_1" MASTER 0',
                     'INSTANCE "VI_1" MASTER_PRIORITY 101', 'INSTANCE "VI_1" MASTER_RX_LOWER_PRI 101',
                     'INSTANCE "VI_1" STOP 101', 'GROUP "VG_1" STOP 0']
    assert fifo.exists(), "readers need not look for another"
    os.close(reader)


def test_a_fifo_of_one_instance_has_its_lines_alone(link):
    own = link.folder / "VI_1.fifo"
    second = file().split("[vrrp.instance.VI_1]")[1].replace("51", "52").replace("50.10", "50.20")
    daemon = link.start("hap1", text=file(f'notify_fifo = "{own}"') + f"[vrrp.instance.VI_2]{second}")
    daemon.wait_for("VRRP_Instance(VI_2) Entering MASTER STATE", 8)
    daemon.wait_for("VRRP_Instance(VI_1) Entering MASTER STATE", 8)
    reader = read_fifo(own)
    assert daemon.end() == 0
    assert os.read(reader, 65536).decode().splitlines() == [
        'INSTANCE "VI_1" BACKUP 101', 'INSTANCE "VI_1" MASTER 101', 'INSTANCE "VI_1" STOP 101']
    os.close(reader)


def test_a_fifo_that_nobody_reads_is_dropped_into_and_told_of_once(link):
    fifo = link.folder / "full.fifo"
    os.mkfifo(fifo, 0o600)
    keeper = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        while True:
            os.write(keeper, b"x" * 4096)
    except BlockingIOError:
        pass
    daemon = link.start("hap1", text=file(vrrp=f'notify_fifo = "{fifo}"'))
    wait_until(lambda: link.holds("hap1"), 8, "hap1 is master all the same")
    set_link(link, "hap1", "down")
    daemon.wait_for("Now in FAULT state", 8)
    assert daemon.end() == 0
    told = [line for line in daemon.lines().splitlines() if "full.fifo: " in line]
    assert len(told) == 1
    assert 'INSTANCE "VI_1" BACKUP 101 lost: nobody reads it, and it is full (1 since the last such line)' in told[0]
    os.close(keeper)


def test_what_is_in_the_way_of_a_fifo_is_named(link):
    plain = link.folder / "plain"
    plain.touch()
    assert f"instance VI_1: {plain} is there, and is no FIFO: remove it, or name another" in refused(
        link, "", f'notify_fifo = "{plain}"')
    assert "cannot make the FIFO /no/such/folder/fifo (its folder must be there): No such file" in refused(
        link, 'notify_fifo = "/no/such/folder/fifo"')
