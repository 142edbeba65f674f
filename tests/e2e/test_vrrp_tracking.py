"""What instances track besides themselves: interfaces, files, processes, and scripts that are run safely."""
import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import pytest

import vrrp_link
from pair import wait_until
from vrrp_watch import Asker

FILE = """
[node.hap1]
address = "192.168.50.11"
vrrp.instance.VI_1.priority = 101
[node.hap2]
address = "192.168.50.12"
{sections}
[vrrp.instance.VI_1]
version = 3
interface = "eth1"
virtual_router_id = 51
advert_interval = "100ms"
virtual_addresses = ["192.168.50.10"]
{lists}
"""
LIMIT = 10  # of waiting, in seconds: a busy machine takes its time


@pytest.fixture
def link():
    # Not pytest's own folder: other users must be able to read what is in it.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-link-"))
    link = vrrp_link.Link(os.environ.get("LAB_PREFIX", "haptest") + "trk", folder)
    link.up()
    yield link
    link.down()
    shutil.rmtree(folder)


def file(lists, sections=""):
    return FILE.format(lists=lists, sections=sections)


def start_pair(link, lists, sections=""):
    """Both daemons, hap1 the master."""
    text = file(lists, sections)
    daemons = {name: link.start(name, text=text) for name in ("hap1", "hap2")}
    moves_to(link, "hap1")
    return daemons


def moves_to(link, name, timeout=LIMIT):
    """As far as both kernels say."""
    other = {"hap1": "hap2", "hap2": "hap1"}[name]
    wait_until(lambda: link.holds(name) and not link.holds(other), timeout, f"{name} alone has the address", 0.01)


def script(link, name, text, mode=0o755):
    path = link.folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(mode)
    link.folder.chmod(0o755)
    return path


def chk(path, more="", timeout="5s"):
    """On a busy machine a script that only ends takes longer than its interval."""
    return f'[vrrp.script.chk]\ncommand = "{path}"\ninterval = "20ms"\ntimeout = "{timeout}"\n{more}\n'


def only_on_hap1(path):
    """The script gets the word hap1 there."""
    return f'[node.hap1.vrrp.script.chk]\ncommand = "{path} hap1"\n'


def own_program(link):
    """A program that only waits, by a name that no other process has."""
    path = link.folder / f"w{os.getpid()}"
    shutil.copy("/bin/sleep", path)
    return path


@contextlib.contextmanager
def running(*program):
    process = subprocess.Popen([*program, "1000"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


# ---- interfaces

def add_eth2(link, host):
    vrrp_link.ip("-n", f"{link.prefix}-{host}", "link", "add", "eth2", "type", "veth", "peer", "name", f"{host}-2",
                 "netns", f"{link.prefix}-switch")
    set_link(link, "switch", f"{host}-2", "up")
    set_link(link, host, "eth2", "up")


def set_link(link, host, name, *words):
    vrrp_link.ip("-n", f"{link.prefix}-{host}", "link", "set", name, *words)


@pytest.fixture
def eth2(link):
    for host in vrrp_link.ADDRESSES:
        add_eth2(link, host)


@pytest.mark.parametrize("item, state", [('"eth2"', "FAULT"), ('{ name = "eth2", weight = -20 }', "BACKUP")])
def test_an_interface_that_goes_down_moves_the_address_and_back(link, eth2, item, state):
    ours = start_pair(link, f"track_interfaces = [{item}]")["hap1"]
    told = len(ours.lines())
    set_link(link, "switch", "hap1-2", "down")  # the carrier goes
    moves_to(link, "hap2")
    ours.wait_for("Kernel is reporting: interface eth2 DOWN", LIMIT)
    wait_until(lambda: f"Entering {state} STATE" in ours.lines()[told:], LIMIT, state)
    if state == "BACKUP":
        assert "Changing effective priority from 101 to 81" in ours.lines() and "FAULT" not in ours.lines()
    set_link(link, "switch", "hap1-2", "up")
    moves_to(link, "hap1")
    ours.wait_for("Kernel is reporting: interface eth2 UP", LIMIT)


def test_an_interface_that_is_renamed_or_removed_is_down_until_there_is_one_again(link, eth2):
    ours = start_pair(link, 'track_interfaces = ["eth2"]')["hap1"]
    set_link(link, "hap1", "eth2", "down")
    set_link(link, "hap1", "eth2", "name", "uplink")
    set_link(link, "hap1", "uplink", "up")
    moves_to(link, "hap2")
    vrrp_link.ip("-n", f"{link.prefix}-hap1", "link", "del", "uplink")
    add_eth2(link, "hap1")
    moves_to(link, "hap1")
    assert ours.lines().count("interface eth2 DOWN") == 1


def test_an_interface_that_flaps_within_its_delay_moves_nothing(link, eth2):
    ours = start_pair(link, 'track_interfaces = [{ name = "eth2", down_delay = "4s", up_delay = "300ms" }]')["hap1"]
    for _ in range(3):
        for way in ("down", "up"):
            line = f"interface eth2 {way.upper()}"
            seen = ours.lines().count(line)
            set_link(link, "switch", "hap1-2", way)
            wait_until(lambda: ours.lines().count(line) > seen, LIMIT, "the flap was seen", 0.01)
    assert link.holds("hap1") and "FAULT" not in ours.lines()
    begun = time.monotonic()
    set_link(link, "switch", "hap1-2", "down")
    moves_to(link, "hap2")
    assert time.monotonic() - begun > 4
    begun = time.monotonic()
    set_link(link, "switch", "hap1-2", "up")
    moves_to(link, "hap1")
    assert time.monotonic() - begun > 0.3


# ---- files

def test_a_file_is_the_operators_knob(link):
    """One file a node, at the same path: here each node's is told by an overlay."""
    knobs = {name: link.folder / f"drain-{name}" for name in ("hap1", "hap2")}
    sections = '[vrrp.track_file.drain]\npath = "/nowhere"\n'
    for name, knob in knobs.items():
        sections += f'[node.{name}.vrrp.track_file.drain]\npath = "{knob}"\n'
    daemons = start_pair(link, 'track_files = ["drain"]', sections)
    daemons["hap1"].wait_for("VRRP_File(drain) says 0", LIMIT)
    knobs["hap1"].write_text("-50\n")
    moves_to(link, "hap2")
    daemons["hap1"].wait_for("Changing effective priority from 101 to 51", LIMIT)
    knobs["hap2"].write_text("-60\n")
    moves_to(link, "hap1")
    knobs["hap1"].unlink()
    knobs["hap2"].unlink()
    daemons["hap2"].wait_for("Changing effective priority from 40 to 100", LIMIT)
    assert link.holds("hap1")
    new = link.folder / "new"
    new.write_text("-254")
    new.rename(knobs["hap1"])
    moves_to(link, "hap2")
    daemons["hap1"].wait_for("Now in FAULT state", LIMIT)
    knobs["hap1"].write_text("later\n")
    daemons["hap1"].wait_for('"later" is no whole number: -254 still counts', LIMIT)
    knobs["hap1"].write_text("0")
    moves_to(link, "hap1")


# ---- processes

@pytest.mark.parametrize("by", ["name", "pidfile"])
def test_a_process_that_is_killed_is_known_within_50_ms(link, by):
    """By the time at which the daemon wrote its line, to the kernel's tick. Median of five."""
    program, pidfile = own_program(link), link.folder / "pid"
    which = f'name = "{program.name}"' if by == "name" else f'pidfile = "{pidfile}"'
    # Alone and still no lower than the other would be, so that nothing follows of it and those are the last lines.
    ours = link.start("hap1", text=file('track_processes = [{ name = "waiter", weight = 1 }]',
                                        f"[vrrp.track_process.waiter]\n{which}\n"))
    wait_until(lambda: link.holds("hap1"), LIMIT, "it is master")

    def told(line, times):
        wait_until(lambda: ours.lines().count(line) == times, LIMIT, line)

    took = []
    lower = "Changing effective priority from 102 to 101"
    for times in range(1, 6):
        with running("chrt", "--rr", "10", program) as process:  # it dies at once: no core is waited for
            pidfile.write_text(f"{process.pid}\n")
            told("Quorum gained for tracked process waiter", times)
            told("Changing effective priority from 101 to 102", times)
            lost = ours.lines().count("Quorum lost")
            begun = time.time()
            process.kill()
            told("Quorum lost", lost + 1)
            told(lower, times)
            assert ours.lines().rstrip().endswith(lower), ours.lines()
            took.append((ours.log.stat().st_mtime - begun) * 1000)
    figures = [f"{value:.1f}" for value in took]
    print(f"a killed process ({by}) was known after {statistics.median(took):.1f} ms of {figures}")
    assert statistics.median(took) < 50, figures


def test_a_process_moves_the_address_and_back(link):
    """Both hosts see the same processes: the second one minds this test."""
    program = own_program(link)
    mine = pathlib.Path("/proc/self/comm").read_text().strip()
    section = f'[vrrp.track_process.waiter]\nname = "{program.name}"\n'
    section += f'[node.hap2.vrrp.track_process.waiter]\nname = "{mine}"\n'
    with running(program):
        ours = start_pair(link, 'track_processes = ["waiter"]', section)["hap1"]
    moves_to(link, "hap2")
    ours.wait_for("Now in FAULT state", LIMIT)
    with running(program):
        moves_to(link, "hap1")


def watches(daemon, pid):
    """Whether the daemon holds a descriptor of the process."""
    for one in pathlib.Path(f"/proc/{daemon.process.pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if f"Pid:\t{pid}\n" in one.read_text():
                return True
    return False


def test_a_restart_within_terminate_delay_moves_nothing(link):
    program = own_program(link)
    section = f'[vrrp.track_process.waiter]\nname = "{program.name}"\nterminate_delay = "6s"\n'
    with running(program):
        ours = start_pair(link, 'track_processes = ["waiter"]', section)["hap1"]
    with running(program) as successor:
        wait_until(lambda: watches(ours, successor.pid), LIMIT, "the successor is watched")
        assert "Quorum lost" not in ours.lines() and link.holds("hap1")
        begun = time.monotonic()
    ours.wait_for("Quorum lost for tracked process waiter", LIMIT)
    assert time.monotonic() - begun > 6


# ---- scripts

def test_a_timeout_ends_the_whole_process_group(link):
    """A script that hangs, with a child of its own that does not care for SIGTERM."""
    program = own_program(link)
    path = script(link, "chk.sh", f"""
[ "$1" = hap1 ] && [ -e {link.folder}/hang ] || exit 0
sh -c 'trap "" TERM; echo $$ >> {link.folder}/children; {program} 1000; exec {program} 1000' &
wait
""")
    sections = chk(path, timeout="3s") + only_on_hap1(path)  # of which a run that only ends needs a part
    ours = start_pair(link, 'track_scripts = ["chk"]', sections)["hap1"]
    children = link.folder / "children"
    (link.folder / "hang").touch()
    moves_to(link, "hap2")
    ours.wait_for("VRRP_Script(chk) failed", LIMIT)
    (link.folder / "hang").unlink()
    moves_to(link, "hap1")
    pids = children.read_text().split()
    assert pids
    wait_until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids), LIMIT,
               f"{pids} have ended")
    wait_until(lambda: subprocess.run(["pgrep", "-x", program.name], capture_output=True).returncode == 1, LIMIT,
               f"{program.name} has ended")


def test_a_script_runs_as_the_user_that_is_named_and_with_his_groups(link):
    out = link.folder / "who"
    out.touch()
    out.chmod(0o666)
    path = script(link, "chk.sh", f'echo "$(id -un) $(id -Gn) $(grep CapEff /proc/self/status)" > {out}\n')
    for user, by_script in (("nobody", 'user = "nobody"'), ("www-data", "")):
        out.write_text("")
        daemon = link.start("hap1", text=file('track_scripts = ["chk"]',
                                              f'[vrrp]\nscript_user = "www-data"\n{chk(path, by_script)}'))
        group = subprocess.run(["id", "-Gn", user], capture_output=True, text=True).stdout.strip()
        wait_until(lambda: out.read_text().strip(), LIMIT, "the script has run")
        wait_until(lambda: out.read_text() == f"{user} {group} CapEff:\t{0:016x}\n", LIMIT, f"as {user}")
        assert daemon.end() == 0


def test_a_daemon_that_may_not_become_another_says_so_and_runs_scripts_as_itself(link):
    binary = link.folder / "hapair-vrrp"
    shutil.copy(vrrp_link.BINARY, binary)
    out = link.folder / "who"
    out.touch()
    out.chmod(0o666)
    path = script(link, "chk.sh", f"id -un > {out}\n")
    rights = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all,+net_admin,+net_raw",
              "--inh-caps=-all,+net_admin,+net_raw", "--ambient-caps=-all,+net_admin,+net_raw"]
    text = file('track_scripts = ["chk"]', chk(path, 'user = "www-data"'))
    daemon = link.start("hap1", *rights, text=text, binary=binary)
    daemon.wait_for("script chk runs as nobody: the daemon may not become www-data", LIMIT)
    wait_until(lambda: out.read_text() == "nobody\n", LIMIT, "as the daemon")


@pytest.mark.parametrize("where", ["file", "folder"])
def test_a_script_that_others_can_change_is_refused_at_start(link, where):
    folder = link.folder / "bin"
    folder.mkdir(mode=0o755)
    path = script(link, "bin/chk.sh", "exit 0\n")
    at_fault = {"file": path, "folder": folder}[where]
    at_fault.chmod(0o777)
    text = file('track_scripts = ["chk"]', chk(path))
    done = link.run("hap1", vrrp_link.BINARY, "-f", link.file(text), "--node", "hap1")
    assert done.returncode == 2
    assert f"vrrp.script.chk: the script {path} is not safe to run" in done.stderr
    assert f"chmod o-w {at_fault}" in done.stderr
    at_fault.chmod(0o755)
    link.start("hap1", text=text)
    wait_until(lambda: link.holds("hap1"), LIMIT, "mended, it starts")


def test_a_user_that_is_not_there_is_named_at_start(link):
    path = script(link, "chk.sh", "exit 0\n")
    text = file('track_scripts = ["chk"]', chk(path, 'user = "nobody-at-all"'))
    done = link.run("hap1", vrrp_link.BINARY, "-f", link.file(text), "--node", "hap1")
    assert done.returncode == 2
    assert "vrrp.script.chk: there is no user nobody-at-all on this host" in done.stderr


@pytest.mark.parametrize("weight", [0, -20])
def test_the_address_has_moved_80_ms_after_a_scripts_verdict(link, weight):
    """At ten adverts a second; asked every 4 ms. Median of five."""
    fails, stamp = link.folder / "fails", link.folder / "stamp"
    path = script(link, "chk.sh", f"""
[ "$1" = hap1 ] && [ -e {fails} ] || exit 0
# From the time that is written down on, it waits for no core.
exec chrt --rr 10 sh -c '[ -e {stamp} ] || date +%s.%N > {stamp}; exit 1'
""")
    sections = chk(path) + only_on_hap1(path)
    start_pair(link, f'track_scripts = [{{ name = "chk", weight = {weight} }}]', sections)
    took, gaps = [], []
    with Asker(link, "192.168.50.10") as asker:
        for _ in range(5):
            moves_to(link, "hap1")
            begun = asker.first_answer(link.mac("hap1"), time.time())
            fails.touch()
            moved = asker.first_answer(link.mac("hap2"), begun, LIMIT)
            took.append((moved - float(stamp.read_text())) * 1000)
            gaps.append((moved - max(answer.at for answer in asker.heard(begun) if answer.at < moved)) * 1000)
            fails.unlink()
            stamp.unlink()
    figures = [f"{value:.1f}" for value in took]
    print(f"weight {weight}: from the verdict to an answer {statistics.median(took):.1f} ms of {figures}, "
          f"without an answer {statistics.median(gaps):.1f} ms")
    assert statistics.median(took) <= 80, figures
