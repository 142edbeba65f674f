"""The authentication header's sequence numbers outlive the daemon: against Debian's keepalived, which counts from one
again, and against whoever recorded adverts."""
import json
import os
import pathlib
import shutil
import signal
import socket
import sys
import tempfile
import time

import pytest

import vrrp_link
import vrrp_watch
from pair import wait_until

FILE = """
[node.hap1]
address = "192.168.50.11"
vrrp.instance.VI_1.priority = {hap1}
[node.hap2]
address = "192.168.50.12"
vrrp.instance.VI_1.priority = {hap2}
[vrrp.instance.VI_1]
interface = "eth1"
virtual_router_id = 51
auth = {{ type = "ah", password = "PASSWORD" }}
virtual_addresses = ["192.168.50.10"]
"""
KEEPALIVED = """
vrrp_instance VI_1 {{
  interface eth1
  state BACKUP
  virtual_router_id 51
  priority {priority}
  advert_int 1
  authentication {{
    auth_type AH
    auth_pass PASSWORD
  }}
  virtual_ipaddress {{
    192.168.50.10/32
  }}
}}
"""
SEND = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth1", 0))
wire.send(bytes.fromhex(sys.argv[1]))
"""
HEARD_FOR = 1.3  # seconds that a sender of adverts once a second counts as a master, and some


class Advert:
    """One with a header, from a port of the switch."""

    def __init__(self, at, port, frame):
        self.at, self.port, self.frame = at, port, frame
        packet = frame[14:]
        self.sequence = int.from_bytes(packet[28:32], "big")
        self.priority = packet[46]


class Wire:
    """Every advert on the link, as the switch sees it, with the kernel's time."""

    def __init__(self, link):
        self.ports = {name: vrrp_watch.Wire(link.namespace("switch"), name) for name in ("hap1", "hap2")}

    def adverts(self):
        found = []
        for port, wire in self.ports.items():
            wire.read()
            found += [Advert(at, port, frame) for at, frame in wire.frames if frame[12:14] == b"\x08\x00" and frame[23] == 51]
        return sorted(found, key=lambda advert: advert.at)

    def close(self):
        for wire in self.ports.values():
            wire.close()

    def is_only_master(self, port):
        """It alone has been one for two adverts."""
        since = time.time() - 2.5
        last = [advert.port for advert in self.adverts() if advert.at > since and advert.priority]
        return len(last) >= 2 and set(last) == {port}

    def longest_rivalry(self):
        """Seconds for which both were masters, at the most."""
        heard, since, longest = {}, None, 0
        for advert in self.adverts():
            if advert.priority:
                heard[advert.port] = advert.at
            else:
                heard.pop(advert.port, None)
            if len(heard) == 2 and max(heard.values()) - min(heard.values()) < HEARD_FOR:
                since = since or advert.at
                longest = max(longest, advert.at - since)
            else:
                since = None
        return longest


@pytest.fixture
def link():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-link-"))
    link = vrrp_link.Link(os.environ.get("LAB_PREFIX", "haptest") + "seq", folder)
    link.up()
    yield link
    link.down()
    shutil.rmtree(folder)


@pytest.fixture
def wire(link):
    wire = Wire(link)
    yield wire
    wire.close()


class Keepalived:
    def __init__(self, link, priority):
        self.link, self.priority = link, priority
        self.daemon = None

    def start(self):
        path = self.link.folder / "keepalived.conf"
        path.write_text(KEEPALIVED.format(priority=self.priority))
        self.pids = [self.link.folder / name for name in ("parent.pid", "child.pid")]
        self.daemon = self.link.start_other("hap2", [
            "ip", "netns", "exec", f"{self.link.prefix}-hap2", "chrt", "--rr", "10", "keepalived", "--vrrp", "--dont-fork",
            "--log-console", "--log-detail", "-f", path, "-p", self.pids[0], "-r", self.pids[1]])
        self.daemon.wait_for("Entering BACKUP STATE", 5)

    def end(self, how):
        if how == "kill":  # both of its processes, before the one can notice the other's end
            self.daemon.process.send_signal(signal.SIGSTOP)
            os.kill(int(self.pids[1].read_text()), signal.SIGKILL)
        self.daemon.end(how)
        for path in self.pids:  # it would not start while one names a process that nobody has reaped yet
            path.unlink(missing_ok=True)


class Ours:
    def __init__(self, link, priority):
        self.link, self.text = link, FILE.format(hap1=priority, hap2=priority)
        self.daemon = None

    def start(self):
        self.daemon = self.link.start("hap1", text=self.text)
        self.daemon.wait_for("Entering BACKUP STATE", 5)

    def end(self, how):
        self.daemon.end(how)


@pytest.mark.parametrize("how", ["terminate", "kill"])
@pytest.mark.parametrize("who", ["ours", "theirs"])
@pytest.mark.parametrize("priority", [150, 50], ids=["ours_higher", "ours_lower"])
def test_a_restart_beside_keepalived_never_makes_two_masters_for_long(link, wire, priority, who, how):
    ours, theirs = Ours(link, priority), Keepalived(link, 100)
    upper = "hap1" if priority > 100 else "hap2"
    ours.start()
    theirs.start()
    wait_until(lambda: wire.is_only_master(upper), 15, f"{upper} is the only master")
    restarted = ours if who == "ours" else theirs
    restarted.end(how)
    restarted.start()
    begun = time.time()
    wait_until(lambda: time.time() > begun + 4 and wire.is_only_master(upper), 15, f"{upper} is the only master again")
    assert wire.longest_rivalry() < 4
    sequences = [advert.sequence for advert in wire.adverts() if advert.port == "hap1"]
    assert sequences == sorted(set(sequences)), "ours only grow, whoever restarts"


def counters(link):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(link.run_directory("hap1") / "vrrp.sock"))
        client.sendall(b"show counters json\n")
        return json.loads(b"".join(iter(lambda: client.recv(65536), b"")))["VI_1"]


def test_a_recorded_advert_is_refused_after_a_restart(link, wire):
    text = FILE.format(hap1=100, hap2=101)
    ours, theirs = link.start("hap1", text=text), link.start("hap2", text=text)
    wait_until(lambda: wire.is_only_master("hap2"), 10, "hap2 is master")
    theirs.end()
    ours.end("kill")
    recorded = [advert for advert in wire.adverts() if advert.port == "hap2" and advert.priority == 101][-1]

    def replay():
        """To a daemon that has just started: (believed, refused as a replay)."""
        daemon = link.start("hap1", text=text)
        daemon.wait_for("Entering BACKUP STATE", 3)
        link.run("hap2", sys.executable, "-c", SEND, recorded.frame.hex(), check=True)
        told = wait_until(lambda: (now := counters(link)) and (now["adverts_received"] or now["refused"]["replay"]) and now, 3,
                          "the recorded advert has come")
        daemon.end("kill")
        return told["adverts_received"], told["refused"]["replay"]

    assert replay() == (0, 1)
    (link.run_directory("hap1") / "vrrp-sequences").unlink()
    assert replay() == (1, 0), "it is the file that makes the difference"
