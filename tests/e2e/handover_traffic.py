"""Both ends of the traffic that a planned handover must not disturb, each a process of its own.

    handover_traffic.py origin                     the server behind the pair: pages, slow downloads, an echo
    handover_traffic.py KIND ADDRESS COUNT SECONDS clients; KIND is keepalive, download, idle or connect

Whatever sleeps here is a client or server keeping its pace. Clients print "begun" when all are connected (of
KIND connect: when the first was answered) and, at the end, one JSON object: what they did, what failed, the longest gap.
"""
import asyncio
import json
import sys
import time

BLOCK = bytes(range(256)) * 400  # 100 KiB
RATE = 0.1                       # seconds a block: 1 MB/s


# ---- the origin

async def serve_page(reader, writer):
    try:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            if b" /stream " in request.split(b"\r\n")[0]:
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                while True:
                    writer.write(BLOCK)
                    await writer.drain()
                    await asyncio.sleep(RATE)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve_echo(reader, writer):
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def origin():
    pages = await asyncio.start_server(serve_page, "0.0.0.0", 8080, backlog=4096)
    echo = await asyncio.start_server(serve_echo, "0.0.0.0", 7000, backlog=4096)
    print("begun", flush=True)
    await asyncio.gather(pages.serve_forever(), echo.serve_forever())


# ---- clients

class Report:
    def __init__(self):
        self.done, self.failed, self.longest, self.slowest = 0, [], 0.0, 0.0
        self.last = None
        self.to_come = 1  # connections, or answers, before it has begun

    def begins(self):
        self.to_come -= 1
        if self.to_come == 0:
            print("begun", flush=True)

    def good(self, begun):
        now = time.monotonic()
        if self.last is not None:
            self.longest = max(self.longest, now - self.last)
        self.last = now
        self.slowest = max(self.slowest, now - begun)
        self.done += 1

    def bad(self, begun, what):
        self.failed.append(f"{begun:.3f} {time.monotonic() - begun:.3f} {what}")


async def within(seconds, work):
    return await asyncio.wait_for(work, seconds)


async def get(reader, writer):
    writer.write(b"GET / HTTP/1.1\r\nHost: pair\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    assert await reader.readexactly(4) == b"fine"
    return head


async def keepalive(address, until, report, number):
    """Requests on one connection, which stays the same all the time."""
    reader, writer = await asyncio.open_connection(address, 80)
    report.begins()
    await asyncio.sleep(number * 0.002)
    while time.monotonic() < until:
        begun = time.monotonic()
        try:
            await within(5, get(reader, writer))
            report.good(begun)
        except Exception as error:  # whatever it is, it is a failed request
            report.bad(begun, repr(error))
            return
        await asyncio.sleep(0.4)
    writer.close()


async def download(address, until, report, number):
    """A megabyte a second, none of which may stall or differ."""
    reader, writer = await asyncio.open_connection(address, 80)
    report.begins()
    begun = time.monotonic()
    writer.write(b"GET /stream HTTP/1.1\r\nHost: pair\r\n\r\n")
    try:
        await within(5, reader.readuntil(b"\r\n\r\n"))
        while time.monotonic() < until:
            begun = time.monotonic()
            assert await within(5, reader.readexactly(len(BLOCK))) == BLOCK, "other bytes"
            report.good(begun)
    except Exception as error:
        report.bad(begun, repr(error))
    writer.close()


async def idle(address, until, report, number):
    """Says something now and then, after a silence."""
    reader, writer = await asyncio.open_connection(address, 7000)
    report.begins()
    spoken = 0
    await asyncio.sleep(number * 0.04)
    while time.monotonic() < until:
        begun = time.monotonic()
        try:
            word = f"{number} {spoken} ".encode().ljust(64, b".")
            writer.write(word)
            assert await within(5, reader.readexactly(len(word))) == word
            report.good(begun)
            spoken += 1
        except Exception as error:
            report.bad(begun, repr(error))
            return
        await asyncio.sleep(2.0)
    writer.close()


async def one_connection(address, report):
    begun = time.monotonic()
    writer = None
    try:
        async def all_of_it():
            nonlocal writer
            reader, writer = await asyncio.open_connection(address, 80)
            await get(reader, writer)
        await within(5, all_of_it())
        report.good(begun)
        report.begins()
    except Exception as error:
        report.bad(begun, repr(error))
    finally:
        if writer:
            writer.close()


async def connect(address, until, report, rate):
    """So many new connections a second, each due at its time whatever became of the others."""
    start, number, tasks = time.monotonic(), 0, set()
    while time.monotonic() < until:
        await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
        task = asyncio.create_task(one_connection(address, report))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
    if tasks:
        await asyncio.wait(tasks)


async def clients(kind, address, count, seconds):
    report, until = Report(), time.monotonic() + seconds
    if kind != "connect":
        report.to_come = count
    if kind == "connect":
        await connect(address, until, report, count)
    else:
        one = {"keepalive": keepalive, "download": download, "idle": idle}[kind]
        await asyncio.gather(*(one(address, until, report, number) for number in range(count)))
    print(json.dumps({"kind": kind, "done": report.done, "failed": report.failed, "longest_gap": report.longest,
                      "slowest": report.slowest}), flush=True)


if sys.argv[1] == "origin":
    asyncio.run(origin())
else:
    asyncio.run(clients(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
