"""A link with two hosts and nothing else on it, for what the whole lab is too much for: hapair-vrrp
with any configuration and any rights. Everything is in network namespaces, the bridge too."""
from __future__ import annotations

import os
import pathlib
import subprocess

import pair

BINARY = pathlib.Path(os.environ.get("LAB_BIN", pair.TREE / "build" / "release" / "bin")).resolve() / "hapair-vrrp"
ADDRESSES = {"hap1": "192.168.50.11", "hap2": "192.168.50.12"}

CONFIGURATION = """
[node.hap1]
address = "192.168.50.11"
vrrp.instance.VI_1.priority = 101
[node.hap2]
address = "192.168.50.12"
[vrrp.instance.VI_1]
interface = "eth1"
state = "master"
virtual_router_id = 51
virtual_addresses = ["192.168.50.10"]
"""


def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


class Daemon:
    """A hapair-vrrp in the foreground, its log in a file."""

    def __init__(self, process, log):
        self.process, self.log = process, log

    def lines(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, text, timeout):
        pair.wait_until(lambda: text in self.lines(), timeout, f"{text!r} in {self.lines()}")

    def end(self, how="terminate", timeout=5):
        """Sends the signal (SIGTERM, or "kill") and returns the exit code."""
        if self.process.poll() is None:
            getattr(self.process, how)()
        return self.process.wait(timeout)


class Link:
    def __init__(self, prefix, folder):
        self.prefix, self.folder = prefix, folder
        self.daemons = []

    def up(self):
        self.down()
        for name in ("switch", *ADDRESSES):
            ip("netns", "add", f"{self.prefix}-{name}")
        switch = f"{self.prefix}-switch"
        ip("-n", switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        ip("-n", switch, "link", "set", "br0", "up")
        for name, address in ADDRESSES.items():
            host = f"{self.prefix}-{name}"
            ip("-n", host, "link", "add", "eth1", "type", "veth", "peer", "name", name, "netns", switch)
            ip("-n", switch, "link", "set", name, "master", "br0", "up")
            ip("-n", host, "addr", "add", f"{address}/24", "dev", "eth1")
            ip("-n", host, "link", "set", "eth1", "up")
            ip("-n", host, "link", "set", "lo", "up")

    def down(self):
        for daemon in self.daemons:
            daemon.end("kill")
        for name in ("switch", *ADDRESSES):
            subprocess.run(["ip", "netns", "del", f"{self.prefix}-{name}"], capture_output=True)

    def file(self, text=CONFIGURATION):
        path = self.folder / "pair.toml"
        path.write_text(text)
        path.chmod(0o644)
        self.folder.chmod(0o755)
        return path

    def run_directory(self, name):
        """What is /run/hapair on a host of its own: the namespaces share the machine's files."""
        path = self.folder / f"run-{name}"
        if not path.exists():
            path.mkdir()
            path.chmod(0o777)
        return path

    def own_file(self):
        """The run directories, in words that are the same on both hosts, as the files of a pair should be."""
        path = self.folder / "own.toml"
        path.write_text("".join(f'[node.{name}]\nvrrp.run_directory = "{self.run_directory(name)}"\n' for name in ADDRESSES))
        path.chmod(0o644)
        return path

    def run(self, name, *command, **options):
        return subprocess.run(["ip", "netns", "exec", f"{self.prefix}-{name}", *map(str, command)],
                              capture_output=True, text=True, timeout=20, **options)

    def start(self, name, *before, text=CONFIGURATION, binary=BINARY) -> Daemon:
        """The daemon of that node; `before` are the words of a command that runs it."""
        return self.start_other(name, ["ip", "netns", "exec", f"{self.prefix}-{name}", *before, binary, "-d",
                                       "-f", self.file(text), "-f", self.own_file(), "--node", name])

    def start_other(self, name, command) -> Daemon:
        """Any daemon, ended with the link."""
        log = self.folder / f"{name}-{len(self.daemons)}.log"
        with log.open("w") as out:
            process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.daemons.append(Daemon(process, log))
        return self.daemons[-1]

    def addresses(self, name):
        return ip("-n", f"{self.prefix}-{name}", "-o", "addr", "show", "dev", "eth1")

    def holds(self, name):
        return "inet 192.168.50.10/32 " in self.addresses(name)
