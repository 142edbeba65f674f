"""Runs one hapair-proxy under a counter and a fixed script of requests through it.

Counts do not depend on how busy the machine is, seconds do. What a start, an end and 64 connections
cost cancels: every count is the difference of two runs, of N and of 2N requests, over N.
"""
import json
import os
import re
import struct
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import ground
import peers
import scenarios

ORIGIN_PORT, SINK_PORT, PROXY_PORT = 9000, 8000, 5000


class Proxy:
    """hapair-proxy with one worker in front of one origin, started by `wrapper`."""

    def __init__(self, folder, stack, job, wrapper=(), environment=None):
        everywhere = os.sched_getaffinity(0)
        for command in (["bench_origin", f"127.0.0.1:{ORIGIN_PORT}"], ["bench_sink", f"127.0.0.1:{SINK_PORT}"]):
            helper = ground.Process([ground.BIN / command[0], *command[1:]], everywhere, ready=True)
            stack.callback(helper.stop)
        place = peers.Place(folder, PROXY_PORT, ORIGIN_PORT, SINK_PORT, everywhere)
        command = [*wrapper, *peers.Hapair().command(job, place)]
        self.process = ground.Process(command, everywhere, env=os.environ | (environment or {}))
        stack.callback(self.process.stop)
        ground.wait_for_port(PROXY_PORT, self.process, seconds=60)  # valgrind takes its time
        self.job = job

    def ask(self, requests, clients=64):
        """The script: `requests` requests over `clients` connections; all must be answered rightly."""
        lines = scenarios.lines_of(SINK_PORT) if self.job.log else 0
        done = subprocess.run(
            [ground.BIN / "bench_load", "keepalive", f"127.0.0.1:{PROXY_PORT}", "--clients", str(clients),
             "--requests", str(requests)], capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(done.stderr + done.stdout)
        result = scenarios.checked(json.loads(done.stdout.splitlines()[-1]))
        if result["answered"] != requests:
            raise RuntimeError(f"{result['answered']} of {requests} requests were answered")
        if self.job.log:
            scenarios.wait_for_lines(SINK_PORT, lines + requests)

    def end(self):
        """SIGTERM to the daemon itself, not to what counts it; then the counter has written its result."""
        daemons = [pid for pid in self.process.ids()
                   if Path(f"/proc/{pid}/comm").read_text().strip() not in ("strace", "unshare")]
        for pid in daemons:
            os.kill(pid, 15)
        self.process.popen.wait(60)


@contextmanager
def proxy(job=peers.Job(), wrapper=(), environment=None):
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/run")))
        yield Proxy(folder, stack, job, [str(part).replace("FOLDER", str(folder)) for part in wrapper],
                    {name: value.replace("FOLDER", str(folder)) for name, value in (environment or {}).items()}), folder


def difference(once, twice, requests):
    """{what: count a request}"""
    return {name: (twice.get(name, 0) - once.get(name, 0)) / requests for name in sorted({*once, *twice})}


# What a connection to a server takes. How many there are is chance: as many as were under way at once.
PER_CONNECTION = {"socket": 1, "connect": 1, "setsockopt": 3, "epoll_ctl": 1, "close": 1, "mprotect": 2}


def system_calls(requests=4000, log=False):
    """{system call: how many a request}"""
    def run(count):
        with proxy(peers.Job(log=log), ["strace", "-f", "-c", "-o", "FOLDER/strace"]) as (daemon, folder):
            daemon.ask(count)
            daemon.end()
            calls = calls_of((folder / "strace").read_text())
            connections = calls.get("connect", 0)
            return {call: number - connections * PER_CONNECTION.get(call, 0) for call, number in calls.items()}
    return difference(run(requests), run(2 * requests), requests)


def calls_of(table):
    """strace -c: % time, seconds, usecs/call, calls, errors (may be blank), syscall"""
    found = {}
    for line in table.splitlines():
        if match := re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line):
            if match[2] != "total":
                found[match[2]] = int(match[1])
    return found


# The C library chooses its string functions by processor: the plainest are the same everywhere.
PLAIN_PROCESSOR = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-AVX512VL,-AVX512BW,-AVX512F,-EVEX,-BMI2,"
                                     "-ERMS,-FSRM"}


def count_instructions(requests, clients=64, log=False, keep=None):
    """Instructions of user space, of all threads, from start to end. keep: where callgrind's file goes."""
    with proxy(peers.Job(log=log), ["valgrind", "--tool=callgrind", "--callgrind-out-file=FOLDER/callgrind"],
               PLAIN_PROCESSOR) as (daemon, folder):
        daemon.ask(requests, clients)
        daemon.end()
        text = (folder / "callgrind").read_text()
    if keep:
        Path(keep).write_text(text)
    return int(re.search(r"^(?:summary|totals): (\d+)", text, re.M)[1])


def instructions(requests=1000, **script):
    """Instructions a request."""
    return (count_instructions(2 * requests, **script) - count_instructions(requests, **script)) / requests


def allocations(requests=4000, log=False):
    """Allocations a request, once every pool has its size."""
    with proxy(peers.Job(log=log), environment={"LD_PRELOAD": str(ground.BIN / "bench_allocations.so"),
                                                "BENCH_ALLOCATIONS": "FOLDER/count"}) as (daemon, folder):
        def made():
            return struct.unpack("=Q", (folder / "count").read_bytes()[:8])[0]

        def cost(count):
            before = made()
            daemon.ask(count)
            return made() - before

        if not made():
            raise RuntimeError("no allocation was counted: the counter is not in the daemon")
        cost(2 * requests)  # the pools grow
        # Some container may still grow in one of three; what a request takes is there in each.
        rounds = [(cost(requests), cost(2 * requests)) for _ in range(3)]
        return {"per_request": median(twice - once for once, twice in rounds) / requests,
                "per_connection": median(once for once, _ in rounds) / 64}
