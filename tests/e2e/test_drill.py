"""`hapair drill`: a failure rehearsed on a live pair, from the backup node."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest
from duo import BIN, NODES, VIRTUAL, Duo
from pair import wait_until

ROOM = ["--limit", "5000"]  # where the limit is not what is tested, a busy machine is none either


@pytest.fixture
def keys():
    """Of the pair, in the file."""
    return "drills = true"


@pytest.fixture
def duo(keys):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-duo-"))
    duo = Duo(os.environ.get("LAB_PREFIX", "haptest") + "dr", folder, pair_keys=keys)
    duo.up()
    duo.wait_for_master("hap1")
    yield duo
    duo.down()
    shutil.rmtree(folder)


def control_socket(duo, name):
    return duo.folder / f"{name}-run" / "vrrp.sock"


def ask(duo, name, words):
    return duo.run(name, BIN / "hapair", *words, "--socket", control_socket(duo, name), check=False)


def status(duo, name):
    done = ask(duo, name, ["status", "--json"])
    assert done.stdout, done.stderr + duo.logs()
    return json.loads(done.stdout)


def outlook(duo, name):
    """What the daemon tells whoever would run a drill."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(control_socket(duo, name)))
        control.sendall(b"show drill\n")
        return dict(line.split(" ", 1) for line in control.makefile().read().splitlines() if " " in line)


def ready(duo):
    """A daemon that has just started takes part in no drill, nor does one whose first handover is not over."""
    wait_until(lambda: status(duo, "hap1")["uptime_seconds"] > 2, 10, "hap1 runs for a while", interval=0.05)
    for node in NODES:
        wait_until(lambda node=node: outlook(duo, node)["quiet"] == "yes" and outlook(duo, node)["other-heard"] == "yes",
                   20, f"{node} is quiet\n{duo.logs()}", interval=0.05)


def drill(duo, name, *words, node="hap2", meanwhile=None):
    """Its exit code and what it printed; `meanwhile` runs beside it."""
    ready(duo)
    helper = threading.Thread(target=meanwhile) if meanwhile else None
    if helper:
        helper.start()
    done = ask(duo, node, ["drill", name, *words])
    if helper:
        helper.join()
    return done


def passes(duo, name, *words, **options):
    done = drill(duo, name, "--json", *ROOM, *words, **options)
    assert done.returncode == 0, done.stdout + done.stderr + duo.logs()
    report = json.loads(done.stdout)
    assert report["passed"] and report["failures"] == []
    assert (report["drill"], report["instance"], report["node"], report["other"]) == (name, "VI_1", "hap2", "hap1")
    assert 0 <= report["detected_ms"] <= report["taken_over_ms"] < 5000
    assert report["longest_gap_ms"] < report["limit_ms"] == 5000
    # Every 5 ms for more than a second; a busy machine gets along with a tenth of it.
    assert report["tries"] > 25 and report["lost"] < report["tries"]
    assert report["two_masters_ms"] is None
    assert report["settled_ms"] > 1000
    told = {event["node"] for event in report["events"]}
    assert told == {"hap1", "hap2"}, report["events"]
    last = status(duo, "hap2")["instances"][0]["drill"]
    assert last["passed"] and last["text"].startswith(f"{name}: hap2 took over after "), last
    return report


def restart_what_was_killed(processes, start):
    """As a service manager does."""
    old = processes["hap1"]

    def restart():
        assert old.process.wait(20) == -9
        start("hap1")
    return restart


def test_a_switchover(duo):
    report = passes(duo, "switchover")
    assert duo.masters() == ["hap2"]
    assert report["probe"] == f"{VIRTUAL}:80"
    history = duo.run("hap2", BIN / "hapair", "status", "--socket", control_socket(duo, "hap2")).stdout
    assert "    drill      20" in history and "passed: switchover: hap2 took over after" in history


def test_a_killed_proxy(duo):
    report = passes(duo, "kill-proxy", "--probe", f"http://{VIRTUAL}/",
                    meanwhile=restart_what_was_killed(duo.proxy, duo.start_proxy))
    assert any(event["node"] == "hap1" and "MASTER -> FAULT" in event["text"] for event in report["events"])


def test_a_hung_proxy_goes_on_again(duo):
    report = passes(duo, "hang-proxy", "--probe", f"http://{VIRTUAL}/", "--hold", "4")  # a hang is known after 1.75 s
    duo.wait_for_line("hap1", r"drill hang-proxy: undone")
    assert duo.proxy["hap1"].process.poll() is None
    stat = pathlib.Path(f"/proc/{duo.proxy['hap1'].pid}/stat").read_text()
    assert stat.rsplit(")", 1)[1].split()[0] != "T"


def test_a_proxy_that_was_hung_goes_on_when_the_daemon_dies(duo):
    """The guardian sees to it."""
    ready(duo)
    running = subprocess.Popen([*duo.words("hap2", BIN / "hapair", "drill", "hang-proxy", "--hold", "60", *ROOM, "--socket",
                                           control_socket(duo, "hap2"))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        stat = pathlib.Path(f"/proc/{duo.proxy['hap1'].pid}/stat")
        state = lambda: stat.read_text().rsplit(")", 1)[1].split()[0]  # noqa: E731
        wait_until(lambda: state() == "T", 10, "the proxy is stopped", interval=0.01)
        duo.wait_for_master("hap2")
        duo.vrrp["hap1"].process.kill()
        wait_until(lambda: state() != "T", 5, "the proxy goes on", interval=0.01)
    finally:
        running.kill()
        running.wait()


def test_a_stopped_daemon_listens_again(duo):
    report = passes(duo, "stop-vrrp", "--hold", "1")
    assert duo.vrrp["hap1"].process.poll() is None


def test_a_failover(duo):
    report = passes(duo, "failover", "--hold", "1")
    assert any("a drill has it fail" in event["text"] for event in report["events"])


def test_a_killed_daemon(duo):
    passes(duo, "kill-vrrp", meanwhile=restart_what_was_killed(duo.vrrp, duo.start_vrrp))


def test_a_pulled_cable(duo):
    """Nobody says that hap1 is gone: hap2 notices by its silence."""
    report = passes(duo, "link-down", "--hold", "2")
    assert any(event["node"] == "hap2" and "no master was heard" in event["text"] for event in report["events"]), report["events"]
    assert report["longest_gap_ms"] >= 200


def test_a_limit_that_is_not_held_fails(duo):
    done = drill(duo, "switchover", "--limit", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "seen from hap2: FAILED" in done.stdout
    assert "above its limit of 0 ms" in done.stdout
    assert not status(duo, "hap2")["instances"][0]["drill"]["passed"]


def refused(duo, done, why):
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == "" and why in done.stderr, done.stderr
    assert duo.masters() == ["hap1"]


def test_it_refuses_where_the_pair_is_not_ready(duo):
    refused(duo, drill(duo, "switchover", node="hap1"), "run it on hap2")
    refused(duo, drill(duo, "switchover", "--probe", f"{VIRTUAL}:81"), "does not answer well")
    refused(duo, drill(duo, "switchover", "--instance", "VI_9"), "there is no instance VI_9")
    duo.lose("hap2", "udp dport 5112")
    duo.wait_for_line("hap2", "hap1 is not heard any more")
    refused(duo, ask(duo, "hap2", ["drill", "switchover"]), "hap1 is not heard over the pair channel")


@pytest.mark.parametrize("keys", [""])
def test_it_refuses_what_the_file_does_not_allow(duo):
    """Either node's: the master's daemon still has another, in the end."""
    refused(duo, drill(duo, "kill-proxy"), "set drills = true in [pair]")
    duo.vrrp["hap2"].end()
    duo.write(pair_keys="drills = true")
    duo.start_vrrp("hap2")
    duo.wait_for_line("hap2", "pair channel: hap1 is heard")
    refused(duo, drill(duo, "kill-proxy"), "hap1 refused: the file does not allow it")
    assert duo.proxy["hap1"].process.poll() is None


def test_without_a_name_it_lists_them(duo):
    done = ask(duo, "hap2", ["drill"])
    assert done.returncode == 0
    for name in ("switchover", "failover", "kill-proxy", "hang-proxy", "stop-vrrp", "kill-vrrp", "link-down"):
        assert f"\n    {name} " in done.stdout
    assert duo.masters() == ["hap1"]


@pytest.mark.parametrize("words, why", [
    (["kil-proxy"], "did you mean kill-proxy?"),
    (["switchover", "failover"], "one drill at a time"),
    (["switchover", "--limit", "soon"], "--limit needs milliseconds"),
    (["switchover", "--hold", "0"], "--hold needs seconds"),
    (["switchover", "--probe", "web"], "'web' is no place to probe"),
])
def test_bad_words_are_told(words, why):
    done = subprocess.run([BIN / "hapair", "drill", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and why in done.stderr, done.stderr
