"""The words the end-to-end tests are written in: a Lab of Hosts, what a host can be told to do,
what can be seen from it, and waiting for something to become true.

Everything goes through `vagrant/lab`, as a person's drill does.
"""
from __future__ import annotations

import dataclasses
import itertools
import json
import os
import pathlib
import re
import shlex
import subprocess
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
VIRTUAL_ADDRESS = "192.168.50.10"
PAIR = f"http://{VIRTUAL_ADDRESS}"

# The pair the lab runs: ours, or Debian's haproxy and keepalived, against which most of these tests
# can be run too (LAB_STACK=incumbent), which tells a wrong test from a wrong daemon.
STACK = os.environ.get("LAB_STACK", "hapair")
INCUMBENT = STACK == "incumbent"

# The longest that two nodes of the seed may need (1 s adverts, checks every 2 s, fall 3 …).
TAKEOVER_AFTER_DEATH = 3.61  # three adverts of 1 s and the skew of priority 102 (154/256 s)
SCRIPT_INTERVAL = 2.0
CHECK_INTERVAL = 2.0

_marks = itertools.count(1)


def wait_until(condition, timeout: float, what="", interval: float = 0.05):
    """Returns what `condition` returns as soon as that is true; fails after `timeout` seconds, saying `what`,
    a text or what makes it then."""
    deadline = time.monotonic() + timeout
    while True:
        # Asked before the condition: whoever was kept waiting himself looks once more before he says that time is up.
        over = time.monotonic() >= deadline
        value = condition()
        if value:
            return value
        if over:
            told = what() if callable(what) else what or condition
            raise AssertionError(f"not within {timeout} s: {told}; last seen: {value!r}")
        time.sleep(interval)


@dataclasses.dataclass
class Response:
    """What curl got. status is 0 if there was no response; curl_exit tells why."""

    status: int
    headers: dict[str, str]
    body: bytes
    curl_exit: int

    REFUSED = 7
    TIMED_OUT = 28


@dataclasses.dataclass
class Outcome:
    """One request of a Load: when it began and ended (this machine's monotonic clock), and how."""

    begun: float
    ended: float
    result: str  # a status ("200"), or "refused", "timeout", "reset", …
    server: str  # the heading of the page: which Apache answered

    @property
    def good(self) -> bool:
        return self.result == "200"


class Host:
    def __init__(self, lab: "Lab", name: str, address: str):
        self.lab, self.name, self.address = lab, name, address

    def __repr__(self):
        return self.name

    # ---- commands in the host

    def _argv(self, command) -> list[str]:
        if len(command) == 1:  # one string is a shell's line
            command = ("bash", "-c", command[0])
        return [self.lab.program, "exec", self.name, *map(str, command)]

    def run(self, *command, check=True, timeout=30, text=True, input=None):
        done = subprocess.run(self._argv(command), env=self.lab.environment, capture_output=True,
                              timeout=timeout, text=text, input=input,
                              stdin=subprocess.DEVNULL if input is None else None)
        if check and done.returncode:
            raise AssertionError(f"{self}: {shlex.join(map(str, command))} gave {done.returncode}:\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done

    def output(self, *command, **options) -> str:
        return self.run(*command, **options).stdout

    def popen(self, *command, **options) -> subprocess.Popen:
        return subprocess.Popen(self._argv(command), env=self.lab.environment, **options)

    def curl(self, url: str, *options, timeout: float = 10) -> Response:
        done = self.run("curl", "-sS", "-i", "-m", timeout, *options, url, check=False, text=False,
                        timeout=timeout + 10)
        status, headers, rest = 0, {}, done.stdout
        while rest.startswith(b"HTTP/"):  # past 100 Continue, to the last head
            head, _, rest = rest.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            status = int(first.split()[1])
            headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
            if status >= 200:
                break
        return Response(status, headers, rest, done.returncode)

    def load(self, *, rate: int, seconds: float, url: str = PAIR + "/", timeout: float = 5) -> "Load":
        return Load(self, rate, seconds, url, timeout)

    # ---- what it logs, seen from outside, so that it can be off

    def log_path(self, name: str) -> pathlib.Path:
        return self.lab.state / "hosts" / self.name / "disk" / "log" / name

    def log_lines(self, name: str = "hapair.log", since: int = 0) -> list[str]:
        try:
            return self.log_path(name).read_text(errors="replace").splitlines()[since:]
        except FileNotFoundError:
            return []

    def log_mark(self, name: str = "hapair.log") -> int:
        """To be given as `since`: only what is logged from now on counts. What a daemon has said before may still be
        on its way through rsyslog: so a line is sent after it, and waited for. Apache is nobody's sender: what it
        will log of a request that is answered cannot be waited for so, and is told from others by its words."""
        if self in self.lab.balancers:
            line = f"mark {next(_marks)}"
            self.run("logger", "--rfc3164", "--server", "127.0.0.1", "--udp", "--port", "514", "--tag", "hapair-test", line)
            self.wait_for(f"hapair-test: {line}$", 10, name=name)
        return len(self.log_lines(name))

    def wait_for(self, pattern: str, timeout: float, since: int = 0, name: str = "hapair.log") -> str:
        """The first line of the log that matches."""
        expression = re.compile(pattern)
        return wait_until(lambda: next(filter(expression.search, self.log_lines(name, since)), None),
                          timeout, f"{pattern!r} in {self}'s {name}")

    # ---- what happens to it

    def start(self, service: str):
        self.lab.run("start", self.name, service)

    def stop(self, service: str):
        self.lab.run("stop", self.name, service)

    def power_off(self):
        self.lab.run("poweroff", self.name)

    def power_on(self):
        self.lab.run("poweron", self.name)

    def cut(self):
        self.lab.run("cut", self.name)

    def join(self):
        self.lab.run("join", self.name)

    # ---- what can be seen of it

    def has_virtual_address(self) -> bool:
        done = subprocess.run(["ip", "-n", f"{self.lab.prefix}-{self.name}", "-o", "address", "show",
                               "dev", "eth1", "to", VIRTUAL_ADDRESS], capture_output=True, text=True)
        return bool(done.stdout.strip())  # nor has a host that is off

    PROGRAMS = {
        "proxy": "haproxy" if INCUMBENT else "hapair-proxy",
        "vrrp": "keepalived" if INCUMBENT else "hapair-vrrp",
    }

    def pids(self, service: str) -> list[int]:
        """The service's processes, numbered as in the host, oldest first."""
        output = self.output("pgrep", "-x", self.PROGRAMS[service], check=False)
        return [int(word) for word in output.split()]

    def proxy_memory(self, field: str = "VmHWM") -> int:
        """Bytes, over all processes of the proxy. VmHWM: the most it ever held."""
        total = 0
        for pid in self.pids("proxy"):
            status = self.output("cat", f"/proc/{pid}/status")
            total += int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M).group(1)) * 1024
        return total


class Load:
    """Requests at a steady rate from a host, whatever becomes of the ones before: each on a
    connection of its own, as from as many visitors. Use it in a `with`; it has ended after it."""

    def __init__(self, host: Host, rate: int, seconds: float, url: str, timeout: float):
        self._script = (pathlib.Path(__file__).parent / "steady_load.py").read_text()
        self._host, self._arguments = host, (rate, seconds, url, timeout)
        self._seconds = seconds
        self.outcomes: list[Outcome] = []

    def __enter__(self):
        self._process = self._host.popen("/usr/bin/python3", "-c", self._script, *self._arguments,
                                         stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        assert self._process.stdout.readline() == "begun\n"
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self._process.kill()
        output, _ = self._process.communicate(timeout=self._seconds + 30)
        if kind is None:
            assert self._process.returncode == 0
            self.outcomes = sorted((Outcome(**json.loads(line)) for line in output.splitlines()),
                                   key=lambda outcome: outcome.begun)

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.good]

    def servers(self, begun: float = 0, ended: float = float("inf")) -> set[str]:
        """Who answered the requests that were made between these two moments."""
        return {outcome.server for outcome in self.outcomes if begun <= outcome.begun <= ended and outcome.good}

    def longest_gap(self, since: float) -> float:
        """From `since`, or from the last answer before it, the longest time without an answer."""
        answers = sorted(outcome.ended for outcome in self.outcomes if outcome.good)
        moments = [since] + [answer for answer in answers if answer > since]
        assert len(moments) > 1, "no answer at all after the event"
        return max(later - earlier for earlier, later in zip(moments, moments[1:]))


class Lab:
    def __init__(self, prefix: str):
        self.prefix = prefix
        self.program = str(TREE / "vagrant" / "lab")
        self.state = pathlib.Path("/run") / f"{prefix}-lab"
        self.environment = os.environ | {"LAB_PREFIX": prefix, "LAB_STACK": STACK}
        self.hap1 = Host(self, "hap1", "192.168.50.11")
        self.hap2 = Host(self, "hap2", "192.168.50.12")
        self.web1 = Host(self, "web1", "192.168.50.21")
        self.web2 = Host(self, "web2", "192.168.50.22")
        self.client = Host(self, "client", "192.168.50.1")
        self.balancers = [self.hap1, self.hap2]
        self.webs = [self.web1, self.web2]

    def namespace(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def run(self, *words, check=True, timeout=90) -> subprocess.CompletedProcess:
        done = subprocess.run([self.program, *words], env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)
        if check and done.returncode:
            raise AssertionError(f"lab {' '.join(words)} gave {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def up(self):
        return self.run("up")

    def down(self):
        return self.run("down")

    def master(self) -> Host | None:
        """Who has the virtual address, if exactly one has it."""
        holders = [host for host in self.balancers if host.has_virtual_address()]
        return holders[0] if len(holders) == 1 else None

    def wait_for_master(self, host: Host, timeout: float):
        wait_until(lambda: self.master() is host, timeout, f"{host} alone has {VIRTUAL_ADDRESS}")

    def ask(self, path: str = "/") -> str:
        """Which web server answers a visitor of the pair now ("" if none does)."""
        response = self.client.curl(PAIR + path, timeout=2)
        return heading(response.body) if response.status == 200 else ""

    def both_answer(self) -> bool:
        """Through hap1 and through hap2: both nodes see both web servers up."""
        for balancer in self.balancers:
            url = f"http://{balancer.address}/"
            pages = {heading(self.client.curl(url, timeout=2).body) for _ in range(4)}
            if pages != {"web1", "web2"}:
                return False
        return True

    def settle(self):
        """Everything on and connected, hap1 the master, both web servers used: where each test begins."""
        self.up()
        self.wait_for_master(self.hap1, 15)
        wait_until(self.both_answer, 15, "both balancers use both web servers")


def heading(page: bytes) -> str:
    found = re.search(rb"<h1>(.*?)</h1>", page)
    return found.group(1).decode() if found else ""
