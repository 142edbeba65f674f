"""Who answers for the virtual address of a vrrp_link.Link, asked every 5 ms from a host of its own on the link."""
from __future__ import annotations

import subprocess

import pair
import vrrp_link

ADDRESS, PORT = "192.168.50.10", 7007
PYTHON = "/usr/bin/python3"

ANSWER = f"""
import socket, sys
voice = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
voice.bind(("{ADDRESS}", {PORT}))
while True:
    question, who = voice.recvfrom(64)
    try:
        voice.sendto(sys.argv[1].encode(), who)
    except OSError:
        pass  # the address has gone since the question came
"""
ASK = f"""
import socket, sys, threading, time
voice = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
voice.bind(("", 0))
def hear():
    while True:
        answer = voice.recv(64)
        print(time.time(), answer.decode(), flush=True)
threading.Thread(target=hear, daemon=True).start()
due = time.monotonic()
while True:
    try:
        voice.sendto(b"?", ("{ADDRESS}", {PORT}))
    except OSError:
        pass  # nobody has it now
    due += 0.005  # a question every 5 ms
    time.sleep(max(0, due - time.monotonic()))
"""


class Probe:
    """Use it in a `with`, while the link is up."""

    def __init__(self, link: vrrp_link.Link):
        self.link, self.processes = link, []

    def __enter__(self):
        switch = f"{self.link.prefix}-switch"
        vrrp_link.ip("-n", switch, "addr", "add", "192.168.50.1/24", "dev", "br0")
        for name in vrrp_link.ADDRESSES:
            # It answers before the host has the address, and after.
            self.link.run(name, "sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1", check=True)
            self._start(f"{self.link.prefix}-{name}", ANSWER, name)
        self.log = self.link.folder / "probe.log"
        with self.log.open("w") as out:
            self._start(switch, ASK, stdout=out)
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()

    def _start(self, namespace, script, *words, stdout=None):
        self.processes.append(subprocess.Popen(
            ["ip", "netns", "exec", namespace, PYTHON, "-c", script, *words], stdin=subprocess.DEVNULL, stdout=stdout))

    def answers(self, since: float = 0) -> list[tuple[float, str]]:
        """When (the wall's clock) who has answered."""
        lines = self.log.read_text().rpartition("\n")[0].splitlines()
        pairs = ((float(at), name) for at, name in map(str.split, lines))
        return [(at, name) for at, name in pairs if at >= since]

    def first_answer(self, name: str, since: float, timeout: float = 5) -> float:
        """When `name` answered for the first time."""
        found = pair.wait_until(lambda: [at for at, who in self.answers(since) if who == name], timeout,
                                f"{name} answers for {ADDRESS}")
        return found[0]
