"""What hapair-vrrp says of itself: the control socket, its history, metrics, and `hapair status`."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

import vrrp_link
from pair import wait_until

HAPAIR = vrrp_link.BINARY.parent / "hapair"
SCRAPED = """
[[vrrp.control]]
bind = "127.0.0.1:9650"
level = "user"
"""


@pytest.fixture
def link():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-link-"))
    link = vrrp_link.Link(os.environ.get("LAB_PREFIX", "haptest") + "say", folder)
    link.up()
    yield link
    link.down()
    shutil.rmtree(folder)


def connect(link, name):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect(str(link.run_directory(name) / "vrrp.sock"))
    return client


def ask(link, name, line):
    """The whole answer, without the empty line that ends it."""
    with connect(link, name) as client:
        client.sendall(line.encode() + b"\n")
        answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    assert answer.endswith("\n")
    return answer[:-1]


def instance(link, name):
    return json.loads(ask(link, name, "show instance VI_1 json"))


def wait_for_state(link, name, state, timeout=5):
    """Its own account, once that is the state."""
    def seen():
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            told = instance(link, name)
            return told if told["state"] == state else None
    return wait_until(seen, timeout, f"{name} is {state}")


def history(link, name):
    return [(one["from"], one["to"], one["why"]) for one in json.loads(ask(link, name, "show history json"))]


def status(link, name, *options):
    return subprocess.run([HAPAIR, "status", "--socket", link.run_directory(name) / "vrrp.sock", *options],
                          capture_output=True, text=True, timeout=10)


def test_both_nodes_tell_before_and_after_a_failover(link):
    upper, _ = link.start("hap1"), link.start("hap2")
    ours = wait_for_state(link, "hap1", "MASTER")
    theirs = wait_for_state(link, "hap2", "BACKUP")
    assert ours["why"] == "nobody better answered the claim"
    assert ours["master"] == theirs["master"] == {"address": "192.168.50.11", "node": "hap1"}
    assert ours["priority"] == {"effective": 101, "base": 101, "parts": []}
    assert theirs["why"] == "192.168.50.11 speaks with priority 101"
    assert theirs["last_advert"]["from"] == {"address": "192.168.50.11", "node": "hap1"}
    assert theirs["last_advert"]["priority"] == 101 and 0 <= theirs["last_advert"]["age_seconds"] < 2
    upper.end("kill")
    after = wait_for_state(link, "hap2", "MASTER")
    assert after["why"] == "192.168.50.11 resigned"  # the guardian did, for the daemon that died
    assert after["master"] == {"address": "192.168.50.12", "node": "hap2"}
    assert after["counters"]["resignations_received"] >= 1
    assert history(link, "hap2")[-1] == ("BACKUP", "MASTER", "192.168.50.11 resigned")
    block = ask(link, "hap2", "show instance VI_1")
    assert re.match(r"VI_1 is MASTER since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z; router 51, version 2, on eth1\n", block)
    assert "    priority   100 = 100\n    addresses  192.168.50.10/32 on eth1\n    master     hap2 (192.168.50.12)\n" in block


def test_a_script_is_a_part_of_the_priority(link):
    flag = link.folder / "flag"
    flag.touch()
    script = f'track_scripts = ["chk"]\n[vrrp.script.chk]\ncommand = "/usr/bin/test -e {flag}"\ninterval = "100ms"\ntimeout = "5s"\nweight = 20\n'
    link.start("hap1", text=vrrp_link.CONFIGURATION + script)
    assert wait_for_state(link, "hap1", "MASTER")["priority"] == {
        "effective": 121, "base": 101,
        "parts": [{"kind": "script", "name": "chk", "verdict": "good", "weight": 20, "adds": 20}]}
    flag.unlink()
    wait_until(lambda: instance(link, "hap1")["priority"]["effective"] == 101, 8, "the script's part is gone")
    assert "    priority   101 = 101 + 0 (script chk is bad)\n" in ask(link, "hap1", "show status")


def test_refusals_are_counted_by_reason_and_can_be_cleared(link):
    password = 'auth = { type = "pass", password = "secret" }\n'
    link.start("hap1", text=vrrp_link.CONFIGURATION + password)
    wait_for_state(link, "hap1", "MASTER")
    link.start("hap2")  # without it
    wait_until(lambda: instance(link, "hap1")["counters"]["refused"]["auth_type"] > 1, 5, "its adverts are refused")
    assert re.search(r"\n    refused    \d+ auth_type\n", ask(link, "hap1", "show status"))
    counters = json.loads(ask(link, "hap1", "show counters json"))["VI_1"]
    assert counters["adverts_sent"] > 0 and counters["became_master"] == 1
    assert re.search(r"^VI_1 refused_auth_type \d+$", ask(link, "hap1", "show counters"), re.M)
    assert ask(link, "hap1", "clear counters") == ""
    assert instance(link, "hap1")["counters"]["became_master"] == 0  # and not of those that go on


def test_the_history_outlives_kill_and_restart(link):
    link.start("hap1")
    wait_for_state(link, "hap1", "MASTER")
    first = history(link, "hap1")
    assert [to for _, to, _ in first] == ["CLAIMING", "MASTER"]
    link.daemons[-1].end("kill")
    link.start("hap1")
    wait_for_state(link, "hap1", "MASTER")
    assert history(link, "hap1") == first + first
    assert link.daemons[-1].end() == 0
    link.start("hap1")
    wait_for_state(link, "hap1", "MASTER")
    assert history(link, "hap1")[4] == ("MASTER", "INIT", "the daemon stopped")


def test_a_history_of_rubbish_is_passed_over(link):
    path = link.run_directory("hap1") / "vrrp-history"
    path.write_bytes(b"hapair-vrrp-history 1\n\xff\x00 rubbish\n1 BACKUP MASTER 100 VI_1\tlong ago\n")
    link.start("hap1")
    wait_for_state(link, "hap1", "MASTER")
    assert history(link, "hap1")[0] == ("BACKUP", "MASTER", "long ago")
    assert len(history(link, "hap1")) == 3


def test_a_run_directory_that_cannot_be_is_said_once_and_no_obstacle(link):
    folder = link.run_directory("hap1")
    folder.rmdir()
    folder.write_text("a file, and no folder")
    daemon = link.start("hap1")
    wait_until(lambda: link.holds("hap1"), 5, "it is master")
    assert daemon.lines().count("what it is for does not outlive this process") == 1
    assert daemon.lines().count("nobody can ask this daemon how it stands") == 1


def test_a_socket_that_was_asked_for_must_be_there_and_the_default_need_not(link):
    path = link.run_directory("hap1") / "vrrp.sock"
    path.write_text("a file, and no socket")
    daemon = link.start("hap1")
    wait_until(lambda: link.holds("hap1"), 5, "it is master")
    assert f"control socket {path}: there is a file of that name that is no socket" in daemon.lines()
    daemon.end()
    daemon = link.start("hap1", text=vrrp_link.CONFIGURATION + f'[[vrrp.control]]\nbind = "unix:{path}"\n')
    assert daemon.process.wait(5) == 2
    assert f"control socket {path}: there is a file of that name that is no socket" in daemon.lines()
    assert path.read_text() == "a file, and no socket"


def test_levels_and_wrong_words(link):
    socket_of = link.run_directory("hap1") / "vrrp.sock"
    link.start("hap1", text=vrrp_link.CONFIGURATION + f'[[vrrp.control]]\nbind = "unix:{socket_of}"\nlevel = "user"\nmode = "0600"\n')
    wait_for_state(link, "hap1", "MASTER")
    assert ask(link, "hap1", "clear counters") == ask(link, "hap1", "switchover") == "Permission denied\n"
    assert ask(link, "hap1", "show status jsn") == "Unexpected 'jsn'.\n"
    assert ask(link, "hap1", "show metrics json") == "Unexpected 'json'.\n"
    assert ask(link, "hap1", "show instance") == "Which instance? 'show status' names them.\n"
    assert ask(link, "hap1", "show instance VI_2") == "No such instance.\n"
    assert "show status [json]" in ask(link, "hap1", "show stats")
    assert socket_of.stat().st_mode & 0o777 == 0o600


# ---- scrapers

def curl(link, name, path, *options):
    done = link.run(name, "curl", "-s", "-i", *options, f"http://127.0.0.1:9650{path}")
    head, _, body = done.stdout.partition("\r\n\r\n" if "\r\n\r\n" in done.stdout else "\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    return int(head.split()[1]), fields, body


def series_of(text):
    """{series: value}, of an exposition that keeps strictly to the text format 0.0.4."""
    name, label = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
    found, seen, family, kind = {}, set(), None, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if help_line := re.fullmatch(rf"# HELP ({name}) (.+)", line):
            assert help_line[1] not in seen, f"{help_line[1]} twice"
            family, kind = help_line[1], None
            seen.add(family)
        elif type_line := re.fullmatch(rf"# TYPE ({name}) (counter|gauge)", line):
            assert type_line[1] == family and kind is None
            kind = type_line[2]
        else:
            series = re.fullmatch(rf"(({name})(?:\{{{label}(?:,{label})*\}})?) ([0-9.e+-]+)", line)
            assert series and series[2] == family and kind, line
            assert series[1] not in found, f"{series[1]} twice"
            assert kind == "gauge" or family.endswith("_total")
            found[series[1]] = float(series[3])
    return found


LABELS = 'iname="VI_1",intf="eth1",vrid="51"'


def test_prometheus_scrapes_it(link):
    link.start("hap1", text=vrrp_link.CONFIGURATION + SCRAPED)
    wait_until(lambda: link.holds("hap1"), 5, "it is master")
    code, fields, body = curl(link, "hap1", "/metrics")
    assert code == 200
    assert fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert int(fields["Content-Length"]) == len(body.encode())
    series = series_of(body)
    assert series["keepalived_up"] == 1
    assert series[f'keepalived_vrrp_state{{{LABELS},ip_address="192.168.50.10"}}'] == 2
    assert series[f"keepalived_become_master_total{{{LABELS}}}"] == 1
    assert series[f"keepalived_advertisements_sent_total{{{LABELS}}}"] >= 1
    assert series[f'hapair_vrrp_refused_total{{{LABELS},reason="checksum"}}'] == 0
    assert series["hapair_vrrp_healthy"] == series["hapair_vrrp_guardian_alive"] == 1
    assert abs(series[f"hapair_vrrp_last_transition_timestamp_seconds{{{LABELS}}}"] - time.time()) < 10


def test_only_two_pages_and_nothing_else_by_http(link):
    link.start("hap1", text=vrrp_link.CONFIGURATION + SCRAPED.replace('"user"', '"admin"'))
    wait_until(lambda: link.holds("hap1"), 5, "it is master")
    code, fields, body = curl(link, "hap1", "/status")
    assert (code, fields["Content-Type"]) == (200, "application/json")
    assert json.loads(body)["instances"][0]["state"] == "MASTER"
    code, _, body = curl(link, "hap1", "/")
    assert code == 404 and "/metrics\n/status\n" in body
    # A page that somebody's browser posts to this port is no operator.
    code, _, body = curl(link, "hap1", "/metrics", "--data-binary", "x\nclear counters\n")
    assert code == 405
    sent = json.loads(curl(link, "hap1", "/status")[2])["instances"][0]["counters"]["adverts_sent"]
    assert sent >= 1


# ---- the operator's command

def test_hapair_status_tells_and_its_exit_code_judges(link):
    nothing = status(link, "hap1")
    assert nothing.returncode == 1
    assert "vrrp.sock: is the daemon running?" in nothing.stderr
    upper = link.start("hap1")
    wait_for_state(link, "hap1", "MASTER")
    link.start("hap2")
    wait_for_state(link, "hap2", "BACKUP")
    for name, state in (("hap1", "MASTER"), ("hap2", "BACKUP")):
        well = status(link, name)
        assert (well.returncode, well.stderr) == (0, "")
        assert well.stdout.startswith(f"{name}: all is well; hapair-vrrp ")
        assert f"\nVI_1 is {state} since " in well.stdout
        assert json.loads(status(link, name, "--json").stdout)["healthy"] is True
    vrrp_link.ip("-n", f"{link.prefix}-hap1", "link", "set", "eth1", "down")
    wait_for_state(link, "hap1", "FAULT")
    wrong = status(link, "hap1")
    assert wrong.returncode == 1
    assert wrong.stdout.startswith("hap1: VI_1 is FAULT: interface eth1 is down or gone; ")
    told = json.loads(status(link, "hap1", "--json").stdout)
    assert told["healthy"] is False and told["troubles"] == ["VI_1 is FAULT: interface eth1 is down or gone"]
    upper.end("kill")
    gone = status(link, "hap1")
    assert gone.returncode == 1 and "nobody listens at" in gone.stderr


def test_a_backup_without_a_master_is_not_well(link):
    link.start("hap1", text=vrrp_link.CONFIGURATION.replace('"master"', '"backup"').replace("[vrrp.instance.VI_1]\n", '[vrrp.instance.VI_1]\nadvert_interval = "3s"\n'))
    wait_for_state(link, "hap1", "BACKUP")
    alone = status(link, "hap1")
    assert alone.returncode == 1
    assert alone.stdout.startswith("hap1: VI_1 is BACKUP and hears no master; ")


def test_hapair_status_says_who_may_ask(link):
    link.start("hap1")
    wait_for_state(link, "hap1", "MASTER")
    copy = link.folder / "hapair"
    shutil.copy(HAPAIR, copy)
    denied = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy, "status", "--socket",
                             link.run_directory("hap1") / "vrrp.sock"], capture_output=True, text=True, timeout=10)
    assert denied.returncode == 1
    assert "is not for everybody: ask as root, or as its group" in denied.stderr


def test_hapair_status_does_not_wait_for_ever(link):
    deaf = link.folder / "deaf.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(deaf))
        listener.listen()
        begun = time.monotonic()
        done = subprocess.run([HAPAIR, "status", "--socket", deaf], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "no answer from" in done.stderr
    assert time.monotonic() - begun < 10


def test_hapair_status_has_its_mistakes_told():
    for words, told in ((["--jsn"], "no option --jsn"), (["--socket"], "needs the path"), (["x"], "no option x")):
        done = subprocess.run([HAPAIR, "status", *words], capture_output=True, text=True, timeout=10)
        assert done.returncode == 2 and told in done.stderr
    done = subprocess.run([HAPAIR, "status", "--socket", "nowhere"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "nowhere" in done.stderr


# ---- the other node, and switching over

def paired(link, more=""):
    key = link.folder / "pair.key"
    if not key.exists():
        assert keygen(key).returncode == 0
    return vrrp_link.CONFIGURATION + f'[pair]\nkey_file = "{key}"\n' + more


def switchover(link, name, *words):
    return subprocess.run([HAPAIR, "switchover", "--socket", link.run_directory(name) / "vrrp.sock", *words],
                          capture_output=True, text=True, timeout=20)


def peer(link, name):
    return json.loads(ask(link, name, "show status json"))["peer"]


def wait_for_peer(link, name, instances):
    """Once it says that of its instances."""
    def seen():
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            told = peer(link, name)
            return told if told["heard"] and [one["state"] for one in told["instances"]] == instances else None
    return wait_until(seen, 10, f"{name} hears that the other is {instances}")


def test_each_node_tells_of_the_other(link):
    link.start("hap1", text=paired(link))
    wait_for_state(link, "hap1", "MASTER")
    assert peer(link, "hap1") == {"node": "hap2", "address": "192.168.50.12", "heard": False, "age_seconds": None, "refused": 0}
    assert "\nhap2: not heard over the pair channel yet\n" in ask(link, "hap1", "show status")
    other = link.start("hap2", text=paired(link))
    theirs = wait_for_peer(link, "hap1", ["BACKUP"])
    assert theirs["age_seconds"] < 2 and theirs["same_configuration"] is True and theirs["differing_keys"] == []
    assert theirs["version"] == json.loads(ask(link, "hap1", "show status json"))["version"]
    assert theirs["instances"][0]["priority"] == 100 and theirs["instances"][0]["can_serve"] is True
    assert wait_for_peer(link, "hap2", ["MASTER"])["node"] == "hap1"
    text = status(link, "hap1").stdout
    assert re.search(r"\nhap2: heard \d\.\d s ago; hapair-vrrp \S+, up .+; the same configuration\n    VI_1 +BACKUP for .+, priority 100: ", text)
    other.end("kill")
    wait_until(lambda: not peer(link, "hap1")["heard"], 5, "its silence is noticed")
    assert "\nhap2: not heard over the pair channel for " in ask(link, "hap1", "show status")
    link.start("hap2", text=paired(link, "[vrrp]\nguardian = false\n"))
    drifted = wait_until(lambda: (told := peer(link, "hap1")).get("differing_keys") and told, 5, "the drift is known")
    assert drifted["same_configuration"] is False and drifted["differing_keys"] == ["vrrp.guardian"]
    assert "; another configuration\n    differs    vrrp.guardian\n" in ask(link, "hap1", "show status")


def test_switchover_moves_the_address_and_back(link):
    for name in ("hap1", "hap2"):
        link.start(name, text=paired(link))
    wait_for_peer(link, "hap1", ["BACKUP"])
    wait_for_peer(link, "hap2", ["MASTER"])
    there = switchover(link, "hap1")
    assert there.returncode == 0, there
    assert re.match(r"VI_1: hap2 is master now, after \d\.\d s", there.stdout)
    wait_until(lambda: link.holds("hap2") and not link.holds("hap1"), 2, "the address has moved")
    assert history(link, "hap1")[-1][:2] == ("MASTER", "BACKUP")
    assert link.daemons[0].process.poll() is None, "it goes on, as a backup"
    wait_for_peer(link, "hap2", ["BACKUP"])
    back = switchover(link, "hap2", "VI_1")
    assert back.returncode == 0, back
    assert re.match(r"VI_1: hap1 is master now, after \d\.\d s", back.stdout)
    wait_until(lambda: link.holds("hap1") and not link.holds("hap2"), 2, "the address is back")


def test_switchover_says_why_not(link):
    upper = link.start("hap1", text=paired(link))
    wait_for_state(link, "hap1", "MASTER")
    alone = switchover(link, "hap1")
    assert (alone.returncode, alone.stderr) == (1, "VI_1: nothing changes: hap2 is not heard over the pair channel\n")
    link.start("hap2", text=paired(link))
    wait_for_peer(link, "hap1", ["BACKUP"])
    not_master = switchover(link, "hap2", "VI_1")
    assert (not_master.returncode, not_master.stderr) == (1, "VI_1: nothing changes: VI_1 is not master here\n")
    assert switchover(link, "hap2").stderr == "No instance is master here.\n"
    assert switchover(link, "hap1", "VI_7").stderr == "No such instance.\n"
    assert link.holds("hap1") and upper.process.poll() is None


def test_switchover_needs_the_other_to_be_able(link):
    flag = link.folder / "flag"
    script = f'[vrrp.script.chk]\ncommand = "/usr/bin/test -e {flag}"\ninterval = "100ms"\ntimeout = "5s"\n'
    flag.touch()
    text = paired(link, script).replace('virtual_router_id = 51', 'virtual_router_id = 51\ntrack_scripts = ["chk"]')
    link.start("hap1", text=text)
    wait_for_state(link, "hap1", "MASTER")
    link.start("hap2", text=text.replace(f"-e {flag}", "-e /nowhere"))
    wait_for_peer(link, "hap1", ["FAULT"])
    unable = switchover(link, "hap1")
    assert unable.returncode == 1
    assert unable.stderr.startswith("VI_1: nothing changes: hap2 cannot serve VI_1: script chk")
    assert instance(link, "hap1")["state"] == "MASTER"


def test_switchover_without_a_pair_channel_or_a_daemon(link):
    nobody = switchover(link, "hap1")
    assert nobody.returncode == 1 and "is the daemon running?" in nobody.stderr
    link.start("hap1")
    wait_for_state(link, "hap1", "MASTER")
    alone = switchover(link, "hap1")
    assert (alone.returncode, alone.stderr) == (1, "The nodes do not speak with each other: [pair] key_file is not set.\n")
    assert switchover(link, "hap1", "--force").returncode == 2


def keygen(*words):
    return subprocess.run([HAPAIR, "keygen", *words], capture_output=True, text=True, timeout=10)


def test_keygen_makes_keys_and_overwrites_none(tmp_path):
    key = tmp_path / "pair.key"
    made = keygen(key)
    assert made.returncode == 0 and made.stdout == ""
    assert key.stat().st_mode & 0o777 == 0o600
    first = key.read_text()
    assert re.fullmatch(r"1 [0-9a-f]{64}\n", first)
    again = keygen(key)
    assert again.returncode == 2 and "stays as it is" in again.stderr and key.read_text() == first
    added = keygen("--add", key)
    assert added.returncode == 0 and "has a key 2 now" in added.stderr
    assert re.fullmatch(re.escape(first) + r"2 [0-9a-f]{64}\n", key.read_text())
    printed = keygen("--id", "7")
    assert printed.returncode == 0 and re.fullmatch(r"7 [0-9a-f]{64}\n", printed.stdout)
    assert first.split()[1] not in printed.stdout + made.stderr + added.stderr
    for words, told in ((["--id", "0"], "1 to 255"), (["--add"], "needs the file"), (["a", "b"], "one file"),
                        (["--ad", key], "no option --ad"), ([tmp_path / "no" / "pair.key"], "No such file")):
        done = keygen(*words)
        assert done.returncode == 2 and told in done.stderr, words
    with open("/dev/full", "w") as full:
        assert subprocess.run([HAPAIR, "keygen"], stdout=full, stderr=subprocess.DEVNULL, timeout=10).returncode == 2


def test_two_nodes_believe_each_other_by_a_key_of_keygen(link):
    key = link.folder / "pair.key"
    assert keygen(key).returncode == 0
    text = vrrp_link.CONFIGURATION + f'[pair]\nkey_file = "{key}"\n'
    link.start("hap1", text=text)
    wait_for_state(link, "hap1", "MASTER")
    link.start("hap2", text=text)
    assert wait_for_state(link, "hap2", "BACKUP")["master"]["node"] == "hap1"
    assert status(link, "hap2").returncode == 0


# ---- clients that mean no good

FAST = vrrp_link.CONFIGURATION.replace("[vrrp.instance.VI_1]\n", '[vrrp.instance.VI_1]\nversion = 3\nadvert_interval = "100ms"\n')


class Crowd:
    """Clients that never stop: some talk rubbish and take the answers, some ask for much and take nothing,
    some never finish their line."""

    def __init__(self, link, name):
        self.over = False
        self.answered = 0
        self.idle = [connect(link, name) for _ in range(5)]
        for client in self.idle:
            client.sendall(b"show sta")
        self.deaf = [connect(link, name) for _ in range(5)]
        for client in self.deaf:
            client.sendall(b"show metrics;" * 500 + b"\n")
        # One that is busy in several ways at a time needs a thread for each.
        talkers = [(connect(link, name), words) for words in (b"\xff\x00 rubbish\n" * 300, b"show metrics;show status json\n" * 100)
                   for _ in range(3)]
        self.threads = [threading.Thread(target=work, args=(client, words)) for client, words in talkers
                        for work in (self._talk, self._listen)]
        for thread in self.threads:
            thread.start()

    def _talk(self, client, words):
        with contextlib.suppress(OSError):
            client.sendall(b"prompt i\n")
            while not self.over:
                client.sendall(words)
            client.shutdown(socket.SHUT_RDWR)

    def _listen(self, client, _):
        with contextlib.suppress(OSError):
            while received := client.recv(65536):
                self.answered += len(received)
        client.close()

    def leave(self):
        self.over = True
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        for client in self.idle + self.deaf:
            client.close()


def test_garbage_and_slow_clients_do_not_disturb_ten_adverts_a_second(link):
    link.start("hap1", text=FAST)
    link.start("hap2", text=FAST)
    wait_for_state(link, "hap1", "MASTER")
    before = wait_for_state(link, "hap2", "BACKUP")
    begun = time.monotonic()
    crowd = Crowd(link, "hap1")
    ages = []

    def borne():
        """Long enough, and enough: on a busy machine the crowd itself gets along slowly."""
        ages.append(instance(link, "hap2")["last_advert"]["age_seconds"])
        return time.monotonic() - begun > 4 and crowd.answered > 1_000_000
    wait_until(borne, 60, "a crowd that gets its answers", interval=0.02)
    crowd.leave()
    elapsed = time.monotonic() - begun  # at least what is counted until now took
    after = instance(link, "hap2")
    assert after["since"] == before["since"] and after["state"] == "BACKUP", "no takeover, not for a moment"
    received = after["counters"]["adverts_received"] - before["counters"]["adverts_received"]
    assert received > 0.9 * elapsed / 0.1, f"{received} adverts in {elapsed} s"
    assert max(ages) < 0.3, "three intervals, after which a backup begins to doubt"
    assert instance(link, "hap1")["counters"]["absences"] == 0
