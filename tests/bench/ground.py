"""The ground a bench runs on: a network of its own, pinned processes, and the kernel's accounting."""
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
BIN = TREE / "build/bench/bin"
HAPAIR = Path(os.environ.get("HAPAIR_BIN", TREE / "build/release/bin/hapair-proxy"))
if HAPAIR.is_dir():
    HAPAIR = HAPAIR / "hapair-proxy"

SYSCTLS = {
    "net/ipv4/tcp_congestion_control": "reno",  # bbr, where it is the default, paces the loopback
    "net/ipv4/tcp_tw_reuse": "1",
    "net/ipv4/ip_local_port_range": "20000 65535",  # all listeners are below
    "net/core/somaxconn": "20000",
}
INSIDE = "HAPAIR_BENCH_INSIDE"


class Refusal(Exception):
    """The bench cannot run here; the text says what is missing."""


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def enter(program, arguments):
    """Runs `program` again in network, process and mount namespaces of its own, and ends with it.

    Nothing has a name, so nothing has to be removed: whatever ends this process, the kernel ends
    all that ran inside and the network with it.
    """
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
               sys.executable, str(program), *arguments]
    inside = subprocess.Popen(command, env=os.environ | {INSIDE: "1"}, preexec_fn=die_with_parent)

    def end(number, frame):
        inside.kill()  # --kill-child takes the rest
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    return inside.wait()


def prepare():
    """Called inside: the loopback up, the settings every figure depends on, a /run of our own."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    for name, value in SYSCTLS.items():
        Path("/proc/sys", name).write_text(value)


def build():
    """The bench's own programs, quietly unless that fails. Tests that run side by side ask for them, and
    two builds in one folder would break each other."""
    BIN.parent.mkdir(parents=True, exist_ok=True)
    with open(BIN.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build()


def _build():
    for command in (["cmake", "-S", str(TREE / "tests/bench"), "-B", str(TREE / "build/bench"), "-G", "Ninja"],
                    ["cmake", "--build", str(TREE / "build/bench")]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Refusal(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def cores():
    """(the proxy's core, everything else's core)"""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise Refusal("the bench needs two processor cores: one for the proxy, one for the load")
    return usable[0], usable[1]


class Process:
    """A program of the bench on given cores. Its processor time and memory include its children."""

    def __init__(self, command, on, ready=False, **options):
        def begin():
            die_with_parent()
            os.sched_setaffinity(0, on)

        self.errors = tempfile.TemporaryFile(mode="w+")
        self.popen = subprocess.Popen([str(part) for part in command], preexec_fn=begin, text=True,
                                      stderr=self.errors, **({"stdout": subprocess.PIPE} | options))
        if ready and not self.popen.stdout.readline():
            raise RuntimeError(f"{command[0]} did not start: {self.complaint()}")

    def complaint(self):
        self.errors.seek(0)
        return self.errors.read().strip()

    def ids(self):
        """Our process and all below it."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                parents[int(entry.name)] = int(stat[stat.rindex(")") + 2:].split()[1])
        found = {self.popen.pid}
        while more := {child for child, parent in parents.items() if parent in found} - found:
            found |= more
        return found

    def cpu_ns(self):
        """Nanoseconds on a processor, user and system, of every task so far."""
        total = 0
        for pid in self.ids():
            for task in Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
        return total

    def pss(self):
        """Bytes of memory: each page divided by how many processes share it."""
        total = 0
        for pid in self.ids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total

    def running(self):
        return self.popen.poll() is None

    def stop(self):
        for end in (self.popen.terminate, self.popen.kill):
            if not self.running():
                break
            end()
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                continue
        for stream in (self.popen.stdin, self.popen.stdout, self.errors):
            if stream:
                stream.close()


def wait_for_port(port, process, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        if not process.running():
            raise RuntimeError(f"ended with {process.popen.returncode}: {process.complaint()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise RuntimeError(f"port {port} was not opened: {process.complaint()}") from None
            time.sleep(0.02)
