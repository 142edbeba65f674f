"""The recommended pair on two hosts, a client and a server behind, each in a network namespace of its own
on one bridge: what the whole lab is too much for, and one daemon too little."""
from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pair
from pair import wait_until

BIN = pathlib.Path(os.environ.get("LAB_BIN", pair.TREE / "build" / "release" / "bin")).resolve()
TRAFFIC = pathlib.Path(__file__).with_name("handover_traffic.py")
NODES = {"hap1": "192.168.50.11", "hap2": "192.168.50.12"}
ADDRESSES = {**NODES, "web": "192.168.50.21", "client": "192.168.50.1"}
VIRTUAL = "192.168.50.10"

CONFIGURATION = """
[global]
workers = 2
health_interval = "{beats}"

[node.hap1]
address = "192.168.50.11"
global.health_socket = "{folder}/hap1-health.sock"
vrrp.run_directory = "{folder}/hap1-run"
vrrp.track_file.knob.path = "{folder}/hap1-knob"
vrrp.instance.VI_1.priority = 103
[node.hap2]
address = "192.168.50.12"
global.health_socket = "{folder}/hap2-health.sock"
vrrp.run_directory = "{folder}/hap2-run"
vrrp.track_file.knob.path = "{folder}/hap2-knob"

[pair]
key_file = "{folder}/pair.key"
{pair}

[defaults]
timeout = {{ connect = "2s", client = "60s", server = "60s", http_keep_alive = "60s" }}

[frontend.web]
mode = "http"
bind = "*:80"
default_backend = "web"
[backend.web]
mode = "http"
check = {{ interval = "200ms", timeout = "5s", fall = 20 }}
[[backend.web.server]]
name = "web1"
address = "192.168.50.21:8080"

[listen.echo]
mode = "tcp"
bind = "*:7000"
[[listen.echo.server]]
name = "web1"
address = "192.168.50.21:7000"

[vrrp.instance.VI_1]
interface = "eth1"
version = 3
virtual_router_id = 51
priority = 101
advert_interval = "100ms"
virtual_addresses = ["192.168.50.10/24"{addresses}]
track_files = ["knob"]
{instance}
"""


def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


class Process:
    """One of ours, ended with the pair."""

    def __init__(self, command, log):
        self.log = log
        with log.open("a") as out:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    @property
    def pid(self):
        return self.process.pid

    def lines(self):
        return self.log.read_text(errors="replace")

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM, timeout=10):
        if self.process.poll() is None:
            self.process.send_signal(number)
            if number != signal.SIGCONT:
                self.process.send_signal(signal.SIGCONT)
        return self.process.wait(timeout)


class Duo:
    """A proxy whose beats are missed three times is taken for hung, and the address moves. By default they are so far
    apart that a proxy that waits for a core on a busy machine is not; where that time is measured, `beats` is 100ms."""

    def __init__(self, prefix, folder, pair_keys="", instance="track_proxy = true", addresses="", beats="500ms"):
        self.prefix, self.folder, self.beats = prefix, folder, beats
        self.pair_keys, self.instance, self.addresses = pair_keys, instance, addresses
        self.processes = []
        self.vrrp, self.proxy = {}, {}
        self.level = 0

    # ---- the hosts

    def up(self):
        self.down()
        for name in ("switch", *ADDRESSES):
            ip("netns", "add", self.namespace(name))
        switch = self.namespace("switch")
        ip("-n", switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        ip("-n", switch, "link", "set", "br0", "up")
        for number, (name, address) in enumerate(ADDRESSES.items(), start=1):
            host = self.namespace(name)
            ip("-n", host, "link", "set", "lo", "up")
            ip("-n", host, "link", "add", "eth1", "address", f"02:00:00:00:00:{number:02x}", "type", "veth",
               "peer", "name", name, "netns", switch)
            ip("-n", switch, "link", "set", name, "master", "br0", "up")
            ip("-n", host, "addr", "add", f"{address}/24", "dev", "eth1")
            ip("-n", host, "addr", "add", f"fd00:50::{address.rsplit('.', 1)[1]}/64", "dev", "eth1", "nodad")
            ip("-n", host, "link", "set", "eth1", "up")
        key = self.folder / "pair.key"
        key.write_text(f"1 {os.urandom(32).hex()}\n")
        key.chmod(0o600)
        for name in NODES:
            (self.folder / f"{name}-knob").write_text("0")
        self.write()
        self.origin = self.run_in("web", "chrt", "--rr", "1", sys.executable, TRAFFIC, "origin")
        wait_until(lambda: "begun" in self.origin.lines(), 10, "the server behind serves", interval=0.01)
        for name in NODES:
            self.start_proxy(name)
        for name in NODES:
            self.start_vrrp(name)

    def write(self, **changed):
        for key, value in changed.items():
            setattr(self, key, value)
        file = self.folder / "pair.toml"
        file.write_text(CONFIGURATION.format(folder=self.folder, pair=self.pair_keys, instance=self.instance, beats=self.beats,
                                             addresses=self.addresses))
        return file

    def down(self):
        for process in self.processes:
            process.end(signal.SIGKILL)
        self.processes = []
        for name in ("switch", *ADDRESSES):
            subprocess.run(["ip", "netns", "del", self.namespace(name)], capture_output=True)

    def namespace(self, name):
        return f"{self.prefix}-{name}"

    def address(self, name):
        return ADDRESSES[name]

    def mac(self, name):
        number = list(ADDRESSES).index(name) + 1
        return bytes([2, 0, 0, 0, 0, number])

    def words(self, name, *command):
        return ["ip", "netns", "exec", self.namespace(name), *map(str, command)]

    def run(self, name, *command, check=True, **options):
        return subprocess.run(self.words(name, *command), capture_output=True, text=True, timeout=30, check=check,
                              **options)

    def run_in(self, name, *command) -> Process:
        log = self.folder / f"{name}-{len(self.processes)}.log"
        self.processes.append(Process(self.words(name, *command), log))
        return self.processes[-1]

    # ---- the daemons

    def start_proxy(self, name):
        self.proxy[name] = self.run_in(name, BIN / "hapair-proxy", "-d", "-f", self.folder / "pair.toml", "--node", name)
        return self.proxy[name]

    def start_vrrp(self, name):
        self.vrrp[name] = self.run_in(name, BIN / "hapair-vrrp", "-d", "-f", self.folder / "pair.toml", "--node", name)
        return self.vrrp[name]

    # ---- what can go wrong between the hosts

    def lose(self, at, *rules):
        """`at` drops what comes in and fits one of the rules of nft, until `lose_nothing`."""
        for command in ("add table inet broken",
                        "add chain inet broken in { type filter hook input priority 0; }",
                        *(f"add rule inet broken in {rule} drop" for rule in rules)):
            self.run(at, "nft", command)

    def lose_nothing(self, at):
        self.run(at, "nft", "delete table inet broken")

    # ---- what can be asked

    def move(self, to, timeout=5.0):
        """Its priority rises above the other's, and it asks for the address."""
        self.level += 10
        (self.folder / f"{to}-knob").write_text(str(self.level))
        self.wait_for_master(to, timeout)

    # ---- what can be seen

    def holds(self, name):
        """On an interface where others are: what is on the loopback is only delivered to."""
        lines = ip("-n", self.namespace(name), "-o", "addr", "show").splitlines()
        return any(f"inet {VIRTUAL}/" in line and line.split()[1] != "lo" for line in lines)

    def masters(self):
        return [name for name in NODES if self.holds(name)]

    def logs(self):
        return "\n".join(f"{name}:\n{process.lines()}" for name, process in self.vrrp.items())

    def wait_for_master(self, name, timeout=10.0):
        wait_until(lambda: self.masters() == [name], timeout,
                   lambda: f"{name} is the master, alone\n{self.logs()}", interval=0.01)

    def wait_for_line(self, name, text, timeout=10.0, count=1):
        return wait_until(lambda: len(re.findall(text, self.vrrp[name].lines())) >= count, timeout,
                          lambda: f"{text!r} from {name}\n{self.logs()}", interval=0.01)

    def leftovers(self, name):
        """What a handover could have left: tables, addresses on the loopback, settings."""
        space = self.namespace(name)
        found = []
        tables = self.run(name, "nft", "list", "tables").stdout.split("\n")
        found += [line for line in tables if "hapair" in line]
        found += [line for line in ip("-n", space, "-o", "addr", "show", "dev", "lo").splitlines() if VIRTUAL in line]
        for key, usual in (("arp_ignore", "0"), ("arp_announce", "0")):
            value = self.run(name, "cat", f"/proc/sys/net/ipv4/conf/eth1/{key}").stdout.strip()
            if value != usual:
                found.append(f"{key} = {value}")
        return found

    # ---- what a client sees

    def traffic(self, kind, count, seconds, before=()):
        """Clients of a kind, at work from now on; see handover_traffic.py. `report` waits for their end. `before` are
        the words of a command that runs them."""
        clients = self.run_in("client", *before, sys.executable, TRAFFIC, kind, VIRTUAL, count, seconds)
        wait_until(lambda: "begun" in clients.lines(), 10, f"{kind} has begun", interval=0.01)
        return clients

    @staticmethod
    def report(clients):
        assert clients.process.wait(90) == 0, clients.lines()
        return json.loads(clients.lines().splitlines()[-1])

    def longest_gap(self, what, seconds=2.0):
        """A fresh connection and request every 5 ms while `what` happens: the longest time without a good
        answer, in seconds."""
        # Real-time: a client that waits for a core is no gap of the pair's.
        clients = self.traffic("connect", 200, seconds, before=("chrt", "--rr", "1"))
        what()
        report = self.report(clients)
        assert report["done"] > 50, report  # of 200 a second
        return report["longest_gap"]
