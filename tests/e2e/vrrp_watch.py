"""What is seen and felt on a link: frames with the kernel's time on them, who answers for an address, and a
visitor who is answered or not. Sockets belong to the namespace they were made in, so all of it runs here."""
from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
import subprocess
import time

import vrrp_packets
from pair import wait_until

CLONE_NEWNET = 0x40000000
SO_TIMESTAMPNS, SO_RCVBUFFORCE, SO_ATTACH_FILTER = 35, 33, 26
PACKET_OUTGOING, ETH_P_ALL = 4, 3
BUFFER = 32 << 20
LIBC = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(namespace):
    """What this thread opens, it opens there."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if LIBC.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
        yield
    finally:
        assert LIBC.setns(here, CLONE_NEWNET) == 0, "cannot come back"
        os.close(here)
        os.close(there)


def open_socket(namespace, family, kind, protocol=0):
    """A socket there whose packets carry the kernel's time, with room for those of many seconds."""
    with inside(namespace):
        made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return made


def received(from_socket):
    """(Unix time, bytes, address) of everything that waits there."""
    out = []
    while True:
        try:
            data, control, _, address = from_socket.recvmsg(2048, 64, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return out
        at = next((struct.unpack("ll", value) for level, kind, value in control
                   if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)), (0, 0))
        out.append((at[0] + at[1] / 1e9, data, address))


class Wire:
    """An interface of a namespace: what comes by, and a way to put any frame on it. `only_from`: nothing but
    what that hardware address sends is kept."""

    def __init__(self, namespace, device="eth1", only_from=None):
        self.socket = open_socket(namespace, socket.AF_PACKET, socket.SOCK_RAW, 0)
        if only_from:
            self._keep_only(only_from)
        self.socket.bind((device, ETH_P_ALL))
        self.frames = []  # (Unix time, bytes)
        self.expected = None  # a frame that is sent there by another socket:
        self.sent = []        # its times

    def _keep_only(self, mac):
        first, rest = struct.unpack(">LH", mac)
        steps = [(0x20, 0, 0, 6), (0x15, 0, 3, first), (0x28, 0, 0, 10), (0x15, 0, 1, rest), (6, 0, 0, 0xFFFF),
                 (6, 0, 0, 0)]
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
        header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, header)

    def send(self, frame):
        self.socket.send(frame)

    def read(self):
        for at, data, address in received(self.socket):
            if address[2] != PACKET_OUTGOING:
                self.frames.append((at, data))
            elif data == self.expected:
                self.sent.append(at)

    def adverts(self, since=0.0, **wanted):
        """Those that came after that time and have these values, as source="192.168.50.11"."""
        self.read()
        read = (vrrp_packets.read_advert(data, at) for at, data in self.frames if at >= since)
        return [advert for advert in read
                if advert and all(getattr(advert, name) == value for name, value in wanted.items())]

    def answers(self, since=0.0, **wanted):
        self.read()
        read = (vrrp_packets.read_answer(data, at) for at, data in self.frames if at >= since)
        return [answer for answer in read
                if answer and all(getattr(answer, name) == value for name, value in wanted.items())]

    def next_advert(self, timeout=3, **wanted):
        """The first that comes from now on."""
        begun = time.time()
        return wait_until(lambda: next(iter(self.adverts(since=begun, **wanted)), None), timeout,
                          f"an advert with {wanted}", interval=0.002)

    def close(self):
        self.socket.close()


class Beat:
    """Sends the same frames by a socket again and again, from now on. In a process of its own with real-time priority: a
    thread of this one would wait for its interpreter, and with it for a core, as long as the test's own thread does."""

    PROGRAM = """
import socket, sys, time
sender, period = socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])
frames = [bytes.fromhex(word) for word in sys.argv[3:]]
due = time.monotonic()
while True:
    for frame in frames:
        try:
            sender.send(frame, socket.MSG_DONTWAIT)
        except OSError:
            pass  # the link is down, or nobody is there
    if sys.stdout:
        print("begun", flush=True)
        sys.stdout = None
    due = max(due + period, time.monotonic())
    time.sleep(max(0.0, due - time.monotonic()))  # the sender's period
"""

    def __init__(self, sender, period, *frames):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "chrt", "--rr", "10", "/usr/bin/python3", "-IS", "-c", self.PROGRAM,
             str(sender.fileno()), str(period), *(frame.hex() for frame in frames)], pass_fds=[sender.fileno()],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"begun\n"

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Asker:
    """Asks the link every few milliseconds who has an address, and counts those who answer. The kernel tells when a
    question left, as it does of the answers."""

    def __init__(self, link, address, period=0.004, host="client"):
        self.address = address
        self.wire = Wire(link.namespace(host))
        with inside(link.namespace(host)):  # another one: a socket does not see what it sends itself
            self.sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sender.bind(("eth1", 0))
        mac = link.mac(host)
        v6 = ":" in address
        own = link.link_local(host) if v6 else link.address(host)
        ask = vrrp_packets.neighbour_solicit if v6 else vrrp_packets.arp_request
        self.wire.expected = ask(mac, own, address)
        self.beat = Beat(self.sender, period, self.wire.expected)

    def asked(self, since=0.0):
        """When."""
        self.wire.read()
        return [at for at in self.wire.sent if at >= since]

    def heard(self, since=0.0):
        """The answers, in their order."""
        return [answer for answer in self.wire.answers(since, address=self.address) if not answer.announced]

    def rounds(self, since=0.0):
        """(asked at, until the next question, who answered in between), in their order."""
        asked = self.asked(since)
        answers = iter(self.heard(since))
        answer, out = next(answers, None), []
        for begun, ended in zip(asked, asked[1:]):
            macs = []
            while answer and answer.at < ended:
                if answer.at >= begun:  # the first may be to a question before
                    macs.append(answer.mac)
                answer = next(answers, None)
            out.append((begun, ended, macs))
        return out

    def doubled(self, since=0.0):
        """How many milliseconds two answered."""
        return sum(ended - begun for begun, ended, macs in self.rounds(since) if len(set(macs)) > 1) * 1000

    def unanswered(self, since=0.0):
        """The longest time without any answer, in milliseconds."""
        longest = quiet_since = 0.0
        for begun, _, macs in self.rounds(since):
            if macs:
                quiet_since = 0.0
            else:
                quiet_since = quiet_since or begun
                longest = max(longest, begun - quiet_since)
        return longest * 1000

    def now(self, last=0.05):
        """The hardware addresses that answered lately."""
        return {answer.mac for answer in self.heard(time.time() - last)}

    def first_answer(self, mac, since, timeout=5):
        """When that one answered for the first time."""
        return wait_until(lambda: next((answer.at for answer in self.heard(since) if answer.mac == mac), None), timeout,
                          f"{mac.hex(':')} answers for {self.address}", interval=0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.beat.close()
        self.wire.close()
        self.sender.close()


class Visitor:
    """Somebody on the link who sends an address an echo request every few milliseconds, over the kernel's own
    neighbour table: what a client would feel."""

    def __init__(self, link, address, period=0.005, host="client"):
        self.socket = open_socket(link.namespace(host), socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.socket.connect((address, 0))
        self.answered = []
        request = vrrp_packets.with_checksum(struct.pack(">BBHHH", 8, 0, 0, os.getpid() & 0xFFFF, 1), 2)
        self.beat = Beat(self.socket, period, request)

    def is_answered(self, since):
        self._read()
        return bool(self.answered) and self.answered[-1] >= since

    def _read(self):
        self.answered += [at for at, data, _ in received(self.socket) if data[20] == 0]

    def gap(self, since=0.0):
        """The longest time between two answers, in milliseconds; the last before `since` counts as the first."""
        self._read()
        before = [at for at in self.answered if at < since][-1:]
        times = before + [at for at in self.answered if at >= since]
        assert len(times) > 1, "no answers"
        return max(later - earlier for earlier, later in zip(times, times[1:])) * 1000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.beat.close()
        self.socket.close()


@contextlib.contextmanager
def machine(load):
    """An "idle" one, or a "busy" one: something at normal priority takes every core."""
    words = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", "while :; do :; done"]
    hogs = [subprocess.Popen(words) for _ in range(os.cpu_count() if load == "busy" else 0)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
