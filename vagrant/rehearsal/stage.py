"""The stage of a drill: a lab of its own, and everything that can be seen in it while it goes on."""
from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import pathlib
import re
import selectors
import signal
import subprocess
import time

from rehearsal.cost import Answered, Fresh, Held, Kept, Said, Seen

FOLDER = pathlib.Path(__file__).resolve().parents[1]
VIRTUAL_ADDRESS = "192.168.50.10"
PREFIX = os.environ.get("LAB_PREFIX", "hapair") + "-drill"


class Trouble(Exception):
    """Why a drill cannot be done, as a person is told."""


@dataclasses.dataclass(frozen=True)
class Node:
    name: str
    address: str

    @property
    def space(self) -> str:
        return f"{PREFIX}-{self.name}"

    def __str__(self):
        return self.name


# The higher priority first: it is the master of a pair that is well.
NODES = [Node("hap1", "192.168.50.11"), Node("hap2", "192.168.50.12")]

# What the kernel shows of a program's name. "guarded" is the VRRP daemon with whoever looks after it: the
# guardian of ours; keepalived's two look after each other.
PROGRAMS = {
    "hapair": {"proxy": {"hapair-proxy"}, "vrrp": {"hapair-vrrp"}, "guarded": {"hapair-vrrp", "hapair-guard"}},
    "keepalived": {"proxy": {"haproxy"}, "vrrp": {"keepalived"}, "guarded": {"keepalived"}},
}
VRRP_TAGS = {"hapair": {"hapair-vrrp"}, "keepalived": {"Keepalived", "Keepalived_vrrp"}}
LINE = re.compile(r"\w{3} [ \d]\d [\d:]{8} \S+ ([^\s\[:]+)(?:\[\d+\])?: ?(.*)")
ACCESS = re.compile(r"\d+\.\d+\.\d+\.\d+:\d+ \[")  # how both proxies begin an access line


class Source:
    """The lines of a process, as they come."""

    def __init__(self, command, on_line, **options):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, **{"stdin": subprocess.DEVNULL, **options})
        self.on_line, self.rest = on_line, b""
        os.set_blocking(self.process.stdout.fileno(), False)

    def read(self) -> bool:
        """Answers whether there may be more."""
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        now = time.monotonic()
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.on_line(line.decode(errors="replace"), now)
        return bool(data)

    def end(self):
        if self.process.stdin:
            self.process.stdin.close()
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Stage:
    """Use it in a `with`: the lab is gone after it. One stage of this prefix at a time."""

    def __init__(self, stack: str):
        self.stack = stack
        self.switch = f"{PREFIX}-switch"
        self.state = pathlib.Path("/run") / f"{PREFIX}-lab"
        self.environment = {"LAB_CONFIG": str(FOLDER / "drill.toml"), **os.environ, "LAB_PREFIX": PREFIX,
                            "LAB_STACK": "hapair" if stack == "hapair" else "incumbent"}
        self.selector = selectors.DefaultSelector()
        self.sources, self.watches = [], {}
        self.visitors = None
        self.holds = {node.name: False for node in NODES}
        self.served = None  # the answer to "nodes"
        self.seen = Seen()

    def __enter__(self):
        self.lock = open(f"/run/{PREFIX}.lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(f"another drill is at work (it has locked {self.lock.name})") from None
        try:
            self.lab("down")  # what a drill that was killed may have left
            self.lab("up")
            for node in NODES:
                self.watch(node)
                log = self.state / "hosts" / node.name / "disk" / "log" / "hapair.log"
                self.follow(["tail", "--lines=0", "-F", log], lambda line, now, node=node: self.on_log(node, line, now),
                            stderr=subprocess.DEVNULL)
            script = (pathlib.Path(__file__).parent / "visitors.py").read_text()
            self.visitors = self.follow([FOLDER / "lab", "exec", "client", "/usr/bin/python3", "-c", script,
                                         VIRTUAL_ADDRESS, "eth1", *(node.address for node in NODES)],
                                        self.on_visitor, stdin=subprocess.PIPE, env=self.environment)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is impatient would leave the lab behind
        for source in self.sources:
            source.end()
        self.selector.close()
        # Not through lab(): nothing is looked at any more.
        subprocess.run([FOLDER / "lab", "down"], env=self.environment, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)
        os.unlink(self.lock.name)
        self.lock.close()
        signal.signal(signal.SIGINT, before)

    # ---- looking

    def follow(self, command, on_line, **options) -> Source:
        source = Source(command, on_line, **options)
        self.sources.append(source)
        self.selector.register(source.process.stdout, selectors.EVENT_READ, source)
        return source

    def forget(self, source: Source):
        self.selector.unregister(source.process.stdout)
        self.sources.remove(source)
        source.end()

    def look(self, timeout: float):
        """Takes in what comes within so many seconds, the first of it at once."""
        if not self.selector.get_map():
            time.sleep(timeout)
            return
        for key, _ in self.selector.select(timeout):
            source = key.data
            if not source.read():
                if source is self.visitors:
                    raise Trouble("the visitors have ended before their time")
                self.forget(source)

    def look_for(self, seconds: float):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.look(left)

    def wait(self, condition, timeout: float, what: str):
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() >= deadline:
                raise Trouble(f"not within {timeout} s: {what}")
            self.look(0.01)

    def watch(self, node: Node):
        """Sees the virtual address come and go; anew after the node was off."""
        self.follow(["ip", "-n", node.space, "-o", "monitor", "address"],
                    lambda line, now: self.on_address(node, line, now))
        shown = self.run(["ip", "-n", node.space, "-o", "address", "show", "dev", "eth1"])
        self.set_held(node, f" {VIRTUAL_ADDRESS}/" in shown, time.monotonic())

    def on_address(self, node: Node, line: str, now: float):
        if f" {VIRTUAL_ADDRESS}/" in line and " eth1 " in line:
            self.set_held(node, not line.startswith("Deleted"), now)

    def set_held(self, node: Node, held: bool, now: float):
        if held != self.holds[node.name]:  # it is renewed all the time
            self.holds[node.name] = held
            self.seen.held.append(Held(now, node.name, held))

    def on_log(self, node: Node, line: str, now: float):
        found = LINE.match(line)
        if found and not ACCESS.match(found.group(2)):
            self.seen.said.append(Said(now, node.name, *found.groups()))

    def on_visitor(self, line: str, _: float):
        kind, *rest = json.loads(line)
        if kind == "fresh":
            self.seen.fresh.append(Fresh(*rest))
        elif kind == "kept":
            self.seen.kept.append(Kept(*rest))
        elif kind == "arp":
            self.seen.answered.append(Answered(rest[0], frozenset(rest[1])))
        elif kind == "nodes":
            self.served = rest[0]

    # ---- asking

    def masters(self) -> list[str]:
        return [name for name, held in self.holds.items() if held]

    def leftovers(self) -> list[str]:
        """Where the address is besides: a handover keeps it on the loopback until its last connection ends."""
        found = []
        for node in NODES:
            shown = self.run(["ip", "-n", node.space, "-o", "address", "show", "dev", "lo"])
            found += [f"{node} lo"] if f" {VIRTUAL_ADDRESS}/" in shown else []
        return found

    def pids(self, node: Node, service: str) -> list[int]:
        """As the machine numbers them, the oldest first."""
        found = []
        for word in self.run(["ip", "netns", "pids", node.space]).split():
            try:
                name = pathlib.Path(f"/proc/{word}/comm").read_text().strip()
                state, *fields = pathlib.Path(f"/proc/{word}/stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue  # it has just ended
            if name in PROGRAMS[self.stack][service] and state != "Z":
                found.append((int(fields[18]), int(word)))
        return [pid for _, pid in sorted(found)]

    def init(self, node: Node) -> int:
        return int((self.state / "hosts" / node.name / "init").read_text().split()[0])

    # ---- doing

    def tell(self, command: str):
        self.visitors.process.stdin.write(f"{command}\n".encode())
        self.visitors.process.stdin.flush()

    def run(self, command) -> str:
        """Runs it and goes on looking meanwhile; answers what it printed."""
        output = []
        process = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        os.set_blocking(process.stdout.fileno(), False)
        while True:
            ended = process.poll() is not None
            while data := process.stdout.read():
                output.append(data)
            if ended:
                break
            self.look(0.002)
        process.stdout.close()
        text = b"".join(output).decode(errors="replace")
        if process.returncode:
            raise Trouble(f"{' '.join(map(str, command))} gave {process.returncode}:\n{text}")
        return text

    def inside(self, node: Node, *command: str) -> str:
        """As `lab exec` does, without a shell on the way."""
        return self.run(["nsenter", f"--target={self.init(node)}", "--mount", "--uts", "--ipc", "--net", "--pid",
                         "--wd=/", "--", *command])

    def lab(self, *words: str):
        self.run([FOLDER / "lab", *words])
