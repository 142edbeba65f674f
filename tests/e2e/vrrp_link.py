"""A link with two hosts and a client on it, for what the whole lab is too much for: hapair-vrrp with any
configuration and any rights. Everything is in network namespaces, the bridge too."""
from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pair

BINARY = pathlib.Path(os.environ.get("LAB_BIN", pair.TREE / "build" / "release" / "bin")).resolve() / "hapair-vrrp"
ADDRESSES = {"hap1": "192.168.50.11", "hap2": "192.168.50.12", "client": "192.168.50.1"}

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

    def children(self):
        """The process ids of its children, the guardian among them."""
        pid = self.process.pid
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def end(self, how="terminate", timeout=5):
        """Sends the signal (SIGTERM, or "kill") and returns the exit code."""
        if self.process.poll() is None:
            getattr(self.process, how)()
        return self.process.wait(timeout)


@contextlib.contextmanager
def made(suffix):
    """A link that is up, with a folder of its own; `suffix` keeps the files of tests apart."""
    # Not pytest's own folder: other users must be able to read the files in it.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-link-"))
    folder.chmod(0o755)
    link = Link(os.environ.get("LAB_PREFIX", "haptest") + suffix, folder)
    link.up()
    try:
        yield link
    finally:
        link.down()
        shutil.rmtree(folder)


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
        for name in ADDRESSES:
            self.install(name)
            ip("-n", self.namespace(name), "link", "set", "lo", "up")

    def install(self, name):
        """A network card for that host, and its cable."""
        host, switch = self.namespace(name), self.namespace("switch")
        ip("-n", host, "link", "add", "eth1", "type", "veth", "peer", "name", name, "netns", switch)
        ip("-n", switch, "link", "set", name, "master", "br0", "up")
        # Its link-local address is known beforehand, and is not proven to be nobody else's first.
        ip("-n", host, "link", "set", "eth1", "addrgenmode", "none")
        ip("-n", host, "addr", "add", f"{ADDRESSES[name]}/24", "dev", "eth1")
        ip("-n", host, "link", "set", "eth1", "up")
        ip("-n", host, "addr", "add", f"{self.link_local(name)}/64", "dev", "eth1", "nodad")

    def remove(self, name):
        """The card, with all that is on it."""
        ip("-n", self.namespace(name), "link", "del", "eth1")

    def namespace(self, name):
        return f"{self.prefix}-{name}"

    def address(self, name):
        return ADDRESSES[name]

    def link_local(self, name):
        return "fe80::" + ADDRESSES[name].rsplit(".")[-1]

    def mac(self, name, device="eth1"):
        told = json.loads(ip("-n", self.namespace(name), "-j", "link", "show", "dev", device))
        return bytes.fromhex(told[0]["address"].replace(":", ""))

    def pull(self, name):
        """The cable of that host out, and in again."""
        ip("-n", self.namespace("switch"), "link", "set", name, "down")

    def plug(self, name):
        ip("-n", self.namespace("switch"), "link", "set", name, "up")

    def power_off(self, name, daemon):
        """The daemon, its guardian, what they left and the cable, all at once."""
        self.pull(name)
        for pid in (*daemon.children(), daemon.process.pid):
            os.kill(pid, signal.SIGKILL)
        daemon.process.wait()
        ip("-n", self.namespace(name), "-4", "addr", "flush", "dev", "eth1")

    def power_on(self, name):
        ip("-n", self.namespace(name), "addr", "add", f"{ADDRESSES[name]}/24", "dev", "eth1")
        self.plug(name)

    def down(self):
        for daemon in self.daemons:
            daemon.end("kill")
        for name in ("switch", *ADDRESSES):
            subprocess.run(["ip", "netns", "del", f"{self.prefix}-{name}"], capture_output=True)

    def file(self, text=CONFIGURATION):
        path = self.folder / "pair.toml"
        # At once: another daemon may be about to read it.
        written = self.folder / "pair.toml.new"
        written.write_text(text)
        written.chmod(0o644)
        written.replace(path)
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

    def start_keepalived(self, name, text) -> Daemon:
        """Debian's, in the foreground; real-time as ours, or what is measured beside it would be how long it waits for
        a core."""
        path = self.folder / f"{name}-keepalived.conf"
        path.write_text(text)
        words = ["ip", "netns", "exec", self.namespace(name), "chrt", "--rr", "10", "keepalived", "--vrrp", "--dont-fork",
                 "--log-console", "--log-detail", "-f", path, "-p", self.folder / f"{name}.pid", "-r", self.folder / f"{name}-child.pid"]
        return self.start_other(name, words)

    def keepalived_pids(self, name):
        """The child first: it has the addresses, and hears of its parent's death."""
        return [int((self.folder / f"{name}{suffix}.pid").read_text()) for suffix in ("-child", "")]

    def second_wire(self):
        """eth2 of either host, on a bridge of their own; their cables are hap1-2 and hap2-2."""
        switch = self.namespace("switch")
        ip("-n", switch, "link", "add", "br1", "type", "bridge", "mcast_snooping", "0")
        ip("-n", switch, "link", "set", "br1", "up")
        for name in ("hap1", "hap2"):
            host = self.namespace(name)
            ip("-n", host, "link", "add", "eth2", "type", "veth", "peer", "name", f"{name}-2", "netns", switch)
            ip("-n", switch, "link", "set", f"{name}-2", "master", "br1", "up")
            ip("-n", host, "addr", "add", ADDRESSES[name].replace(".50.", ".60.") + "/24", "dev", "eth2")
            ip("-n", host, "link", "set", "eth2", "up")

    def interfaces(self, name):
        return ip("-n", self.namespace(name), "-br", "link", "show")

    def addresses(self, name):
        return ip("-n", f"{self.prefix}-{name}", "-o", "addr", "show")

    def holds(self, name, address="192.168.50.10/32"):
        """On whichever interface."""
        return f" {address} " in self.addresses(name)
