"""The rows of the table: what each one loads a proxy with, and what it counts."""
import json
import os
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import ground
from peers import Job

GIB = 1 << 30


@dataclass(frozen=True)
class Figure:
    name: str      # unique; the scenario's name, or it and what is read
    unit: str
    bar: float     # at most this times the best peer; a limit in the row's unit if `absolute`
    absolute: bool = False


@dataclass(frozen=True)
class Scenario:
    number: str
    name: str
    title: str
    job: Job
    measure: object                # (Visit) -> {figure's name: value}
    figures: tuple
    seconds: float = 1.8           # of load in each round
    # So many visits in turn with the others' make them: the machine's speed drifts by a tenth within
    # seconds, and so hits all of them alike.
    slices: int = 6
    quick: float = 0.5
    fresh: bool = False            # alone, and started for each visit: memory does not shrink again
    peers: tuple = ("haproxy", "nginx", "nghttpx", "relay", "hapair")


class Wrong(Exception):
    """Something was lost, refused or answered wrongly: no figure."""


@dataclass
class Visit:
    """One proxy's turn in one round."""
    process: ground.Process
    port: int
    first_server: int
    sink: int
    seconds: float
    job: Job
    load_on: set
    counts_lines: bool = True
    notes: dict = field(default_factory=dict)

    def load(self, mode, *options, seconds=True):
        return self.finish(self.begin(mode, *options, *(["--seconds", self.seconds] if seconds else [])))

    def begin(self, mode, *options):
        command = [ground.BIN / "bench_load", mode, f"127.0.0.1:{self.port}", *options]
        return ground.Process(command, self.load_on)

    def finish(self, process):
        text, _ = process.popen.communicate(timeout=self.seconds + 60)
        complaint = process.complaint()
        process.stop()
        if process.popen.returncode != 0 or not text:
            raise Wrong(f"load ended with {process.popen.returncode}: {complaint} {text}".strip())
        return checked(json.loads(text.splitlines()[-1]))


def checked(result):
    if result["errors"] or result.get("lost"):
        raise Wrong(f"{result['errors']} errors, the first: {result['first_error']}")
    if not result["answered"]:
        raise Wrong("no request was answered")
    return result


def settled_cpu(process):
    """What an idle process has used: the kernel adds what is running only at the next switch or tick."""
    before = process.cpu_ns()
    for _ in range(20):
        time.sleep(0.01)
        now = process.cpu_ns()
        if now - before < 200_000:
            return now
        before = now
    return before


def lines_of(port):
    """How many datagrams the syslog sink has got on this port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        asker.sendto(b"?", ("127.0.0.1", port))
        return int(asker.recv(64))


def connections_begun():
    """How often anybody in this network has called connect(). An origin does not see every check:
    HAProxy's reset the connection before the handshake is complete."""
    names, values = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()
                     if line.startswith("Tcp:")]
    return int(values[names.index("ActiveOpens")])


def cpu_per(mode, *options, per="answered", unit=1e3):
    """Processor time of the proxy for each `per` of a load; unit: nanoseconds in the figure's unit."""
    def measure(visit):
        lines = lines_of(visit.sink) if visit.job.log and visit.counts_lines else None
        before = settled_cpu(visit.process)
        result = visit.load(mode, *options)
        used = settled_cpu(visit.process) - before
        if lines is not None:
            wait_for_lines(visit.sink, lines + result["answered"])
        visit.notes["rate"] = result["answered"] / result["seconds"]
        amount = result["bytes"] / GIB if per == "GiB" else result[per]
        return {"": used / unit / amount}
    return measure


def wait_for_lines(port, expected):
    deadline = time.monotonic() + 3
    while (got := lines_of(port)) < expected and time.monotonic() < deadline:
        time.sleep(0.05)
    if got != expected:
        raise Wrong(f"{expected} log lines were due, {got} came")


def checks(visit):
    """The proxy is alone and is left alone: what connects are its checks."""
    time.sleep(1.5)  # the first check of every server
    begun, before, at = connections_begun(), visit.process.cpu_ns(), time.monotonic()
    time.sleep(visit.seconds)
    used, seconds = visit.process.cpu_ns() - before, time.monotonic() - at
    made = connections_begun() - begun
    if not 0.9 * visit.job.servers <= made / seconds <= 1.1 * visit.job.servers:
        raise Wrong(f"{made / seconds:.0f} checks a second, {visit.job.servers} are due")
    return {"": used / 1e3 / made}


def memory(count):
    """Growth of Pss while `count` clients rest, one request after they came, divided by `count`."""
    def measure(visit):
        visit.load("keepalive", "--clients", "64", "--requests", "2000", seconds=False)  # what the first need
        time.sleep(0.3)
        before = visit.process.pss()
        command = [ground.BIN / "bench_load", "hold", f"127.0.0.1:{visit.port}", "--clients", count]
        process = ground.Process(command, visit.load_on, stdin=subprocess.PIPE)
        if process.popen.stdout.readline().strip() != "held":
            raise Wrong(f"could not hold {count} connections: {process.complaint()}")
        time.sleep(1.0)  # buffers given back a little later count as given back
        grown = visit.process.pss() - before
        text, _ = process.popen.communicate(timeout=30)
        process.stop()
        result = checked(json.loads(text))
        if result["answered"] != count:
            raise Wrong(f"{result['answered']} of {count} clients were answered")
        return {"": grown / count}
    return measure


def latency(visit):
    result = visit.load("open", "--rate", "1000", "--clients", "64")
    return {"-p50": result["p50_us"], "-p99": result["p99_us"]}


def latency_beside_bulk(visit):
    """Small requests at fixed times while four downloads take all they can get."""
    bulk = visit.begin("keepalive", "--clients", "4", "--path", "/bytes/67108864", "--seconds", visit.seconds + 1)
    # The downloads get what nobody else wants of the load's core, so that waiting is the proxy's doing.
    os.sched_setscheduler(bulk.popen.pid, os.SCHED_IDLE, os.sched_param(0))
    time.sleep(0.5)  # until the downloads have their speed
    result = visit.load("open", "--rate", "500", "--clients", "64")
    visit.notes["GiB/s beside"] = visit.finish(bulk)["bytes"] / GIB / (visit.seconds + 1)
    return {"-p50": result["p50_us"], "-p99": result["p99_us"]}


def one(name, unit, bar, absolute=False):
    return (Figure(name, unit, bar, absolute),)


REQUEST, CONNECTION, BULK = "µs/request", "µs/connection", "CPU s/GiB"
BULK_PEERS = ("haproxy", "haproxy-tuned", "nginx", "relay", "hapair")

ALL = [
    Scenario("1", "keepalive", "keep-alive, 1 KiB, 64 clients, no log", Job(), cpu_per("keepalive"),
             one("keepalive", REQUEST, 0.82)),
    Scenario("2", "log", "the same, a log line per request to UDP syslog", Job(log=True), cpu_per("keepalive"),
             one("log", REQUEST, 0.72)),
    Scenario("3", "reuse", "one request per client connection, server connections reused", Job(),
             cpu_per("connect"), one("reuse", CONNECTION, 0.95), peers=("haproxy", "nginx", "relay", "hapair")),
    Scenario("4", "close", "new connection on both sides", Job(connection="close"), cpu_per("connect", "--close"),
             one("close", CONNECTION, 0.94), peers=("haproxy", "nginx", "relay", "hapair")),
    Scenario("5", "tcp-bulk", "TCP mode, bulk", Job(mode="tcp", bulk=True),
             cpu_per("keepalive", "--clients", "4", "--path", "/bytes/67108864", per="GiB", unit=1e9),
             one("tcp-bulk", BULK, 1.02), slices=3, peers=BULK_PEERS),
    Scenario("6", "http-bulk", "HTTP, 10 MiB bodies", Job(bulk=True),
             cpu_per("keepalive", "--clients", "8", "--path", "/bytes/10485760", per="GiB", unit=1e9),
             one("http-bulk", BULK, 1.05), slices=3, peers=BULK_PEERS),
    Scenario("7", "tcp-rate", "TCP mode, connection rate, 1 KiB exchanged", Job(mode="tcp"), cpu_per("connect"),
             one("tcp-rate", CONNECTION, 1.00), peers=("haproxy", "nginx", "relay", "hapair")),
    Scenario("8", "roundrobin-1000", "1000 servers, round robin", Job(servers=1000), cpu_per("keepalive"),
             one("roundrobin-1000", REQUEST, 0.82), peers=("haproxy", "nginx", "hapair")),
    Scenario("8", "leastconn-1000", "1000 servers, least connections", Job(servers=1000, balance="leastconn"),
             cpu_per("keepalive"), one("leastconn-1000", REQUEST, 0.70), peers=("haproxy", "nginx", "hapair")),
    Scenario("9", "checks-1000", "1000 servers, a TCP check a second each", Job(servers=1000, check=True), checks,
             one("checks-1000", "µs/check", 0.75), seconds=3.0, quick=2.0, fresh=True,
             peers=("haproxy", "hapair")),
    Scenario("10", "two-workers", "both cores, two workers, keep-alive", Job(workers=2), cpu_per("keepalive"),
             one("two-workers", REQUEST, 0.85), peers=("haproxy", "nginx", "hapair")),
    Scenario("11", "idle", "idle HTTP keep-alive clients, 9 800", Job(maxconn=9_820, idle=True), memory(9_800),
             one("idle", "bytes/client", 600, absolute=True), fresh=True, peers=("haproxy", "nginx", "hapair")),
    Scenario("12", "pairs", "established TCP-mode pairs, 9 000", Job(mode="tcp", maxconn=9_400, idle=True),
             memory(9_000), one("pairs", "bytes/pair", 900, absolute=True), fresh=True,
             peers=("haproxy", "nginx", "relay", "hapair")),
    Scenario("13", "latency", "1000 requests/s, open loop", Job(), latency,
             (Figure("latency-p50", "µs", 0.97), Figure("latency-p99", "µs", 1.00)), seconds=5.0, quick=1.0,
             peers=("haproxy", "nginx", "relay", "hapair")),
    Scenario("14", "beside-bulk", "500 requests/s of 1 KiB beside four downloads", Job(bulk=True), latency_beside_bulk,
             (Figure("beside-bulk-p50", "µs", 1.00), Figure("beside-bulk-p99", "µs", 1.00)), seconds=3.0, slices=3, quick=1.0,
             peers=("haproxy", "haproxy-tuned", "nginx", "hapair")),
]
