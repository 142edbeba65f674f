"""Runs in the client host and does what visitors do, until its standard input ends:

    a fresh connection with one request every 5 ms
    20 connections that stay, with a request every 100 ms on each
    the question who has the virtual address (ARP), every 5 ms

    visitors.py VIRTUAL_ADDRESS INTERFACE NODE_ADDRESS…

Every line it prints is a JSON array that begins with what it is; times are the machine's monotonic clock:

    ["fresh", begun, ended, good]          one of the requests on a connection of its own
    ["kept", time, number, what]           "open" or "left", or how a connection that was to stay came to an end
    ["arp", asked, [hardware address, …]]  who answered one question
    ["nodes", [address, …]]                the answer to the command "nodes": which of them serve at their own addresses

Commands on standard input: "nodes", and "anew": the connections that stay are left in peace, and others made.
"""
import asyncio
import fcntl
import json
import re
import socket
import struct
import sys
import time

EVERY = 0.005       # seconds between two fresh requests, and between two questions
PATIENCE = 1.0      # a fresh request without an answer for so long is lost
KEPT = 20
KEPT_EVERY = 0.1
KEPT_PATIENCE = 2.0  # a connection that says nothing for so long is as good as broken
ARP_PATIENCE = 0.1

virtual_address, interface, *nodes = sys.argv[1:]
lines = []


def say(*words):
    lines.append(json.dumps(words, separators=(",", ":")))


def moment():
    return round(time.monotonic(), 6)


def request(host: str, connection: str) -> bytes:
    return f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n".encode()


async def connected(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (address, 80))
    except BaseException:
        connection.close()
        raise
    return connection


async def is_served(address: str) -> bool:
    """One request on a connection of its own gets the whole page."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PATIENCE):
            with await connected(address) as connection:
                await loop.sock_sendall(connection, request(address, "close"))
                page = b""
                while more := await loop.sock_recv(connection, 65536):
                    page += more
        return page.startswith(b"HTTP/1.1 200 ") and b"</html>" in page
    except OSError:  # TimeoutError is one
        return False


async def fresh():
    begun = moment()
    good = await is_served(virtual_address)
    say("fresh", begun, moment(), good)


# ---- connections that stay

class Ended(Exception):
    """How a connection ended that was to stay."""


async def exchange(connection: socket.socket) -> bool:
    """One request and its answer; answers whether the connection goes on."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, request(virtual_address, "keep-alive"))
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = await loop.sock_recv(connection, 65536)
        if not more:
            raise Ended("closed")
        answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    if not head.startswith(b"HTTP/1.1 200 ") or not length:
        raise Ended(head.split(b"\r\n")[0].decode("latin-1"))
    while len(body) < int(length.group(1)):
        more = await loop.sock_recv(connection, 65536)
        if not more:
            raise Ended("closed")
        body += more
    return not re.search(rb"\r\nconnection: *close", head, re.I)


async def talk(number: int, leave: asyncio.Event):
    """On one connection, until it ends or the visitor leaves."""
    connection = None
    try:
        async with asyncio.timeout(KEPT_PATIENCE):
            connection = await connected(virtual_address)
            goes_on = await exchange(connection)
        say("kept", moment(), number, "open")
        while goes_on and not leave.is_set():
            try:
                await asyncio.wait_for(leave.wait(), KEPT_EVERY)
            except TimeoutError:
                async with asyncio.timeout(KEPT_PATIENCE):
                    goes_on = await exchange(connection)
        say("kept", moment(), number, "left")  # the proxy may have asked for it
    except Ended as ended:
        say("kept", moment(), number, str(ended))
    except ConnectionResetError:
        say("kept", moment(), number, "reset")
    except TimeoutError:
        say("kept", moment(), number, "silent" if connection else "no connection")
    except OSError as error:
        say("kept", moment(), number, error.strerror if connection else "no connection")
    finally:
        if connection:
            connection.close()


class Kept:
    """All of them: one that ended is followed by another."""

    def __init__(self):
        self.leave = asyncio.Event()

    async def visitor(self, number: int):
        await asyncio.sleep(number * KEPT_EVERY / KEPT)
        while True:
            await talk(number, self.leave)
            await asyncio.sleep(KEPT_EVERY)

    def anew(self):
        self.leave.set()
        self.leave = asyncio.Event()


# ---- who has the address

class Question:
    """ARP as a host asks it before it takes an address: without one of its own, so that nobody who is
    asked learns anything. The hardware address to answer to is the question's number, which the answer
    repeats: each answer is told from those to earlier questions, however late it comes."""

    ETH_P_ARP = 0x0806

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK,
                                    socket.htons(self.ETH_P_ARP))
        self.socket.bind((interface, self.ETH_P_ARP))
        self.own = self.socket.getsockname()[4]
        self.wanted = socket.inet_aton(virtual_address)
        self.number = 0
        self.open = {}  # number: when it was asked, who has answered
        asyncio.get_running_loop().add_reader(self.socket, self.hear)

    def ask(self):
        now = moment()
        for number in [number for number, (asked, _) in self.open.items() if now - asked > ARP_PATIENCE]:
            asked, answers = self.open.pop(number)
            say("arp", asked, sorted(answers))
        self.number += 1
        number = struct.pack("!HI", 0x0242, self.number)  # an address that is nobody's
        frame = (b"\xff" * 6 + self.own + struct.pack("!HHHBBH", self.ETH_P_ARP, 1, 0x0800, 6, 4, 1)
                 + number + bytes(4) + bytes(6) + self.wanted)
        try:
            self.socket.send(frame)
        except OSError:
            return  # not asked
        self.open[self.number] = (now, set())

    def hear(self):
        while True:
            try:
                frame = self.socket.recv(128)
            except BlockingIOError:
                return
            if len(frame) < 42 or frame[20:22] != b"\0\2" or frame[28:32] != self.wanted:
                continue
            mark, number = struct.unpack("!HI", frame[32:38])
            if mark == 0x0242 and number in self.open:
                self.open[number][1].add(frame[22:28].hex(":"))


# ---- the whole

async def regularly(what):
    """Each due at its time, whatever became of the ones before."""
    due = time.monotonic()
    while True:
        what()
        due = max(due + EVERY, time.monotonic() - EVERY)
        await asyncio.sleep(due - time.monotonic())


async def print_lines():
    while True:
        await asyncio.sleep(0.02)
        if lines:
            print("\n".join(lines), flush=True)
            lines.clear()


async def obey(kept: Kept):
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while command := (await commands.readline()).decode().strip():
        if command == "anew":
            kept.anew()
        elif command == "nodes":
            served = await asyncio.gather(*(is_served(node) for node in nodes))
            say("nodes", [node for node, good in zip(nodes, served) if good])


async def main():
    # Whoever reads may be busy for a moment; the visitors must not wait for it.
    fcntl.fcntl(sys.stdout, fcntl.F_SETPIPE_SZ, 1 << 20)
    under_way, kept, question = set(), Kept(), Question()

    def begin():
        task = asyncio.create_task(fresh())
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    async with asyncio.TaskGroup() as group:
        rest = [group.create_task(work) for work in (regularly(begin), regularly(question.ask), print_lines(),
                                                     *(kept.visitor(number) for number in range(KEPT)))]
        await obey(kept)
        for task in rest:
            task.cancel()


asyncio.run(main())
