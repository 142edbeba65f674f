"""Connections that end or break at every step leave no descriptor and no memory behind: 10 000 of each kind."""

import ctypes
import multiprocessing
import os
import select
import socket
import struct
import subprocess

import pytest

from loopback import Proxy, wait_until

EACH = 10_000
CLIENTS = 4
TIMEOUT = 20
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
RESET = struct.pack("ii", 1, 0)
MODES = {"http": {}, "tcp": {"frontend": 'mode = "tcp"\nlog_format = "tcp"', "backend": 'mode = "tcp"'}}
GROWTH = 4_000_000  # bytes: what malloc keeps varies


@pytest.fixture(autouse=True)
def network():
    """One of our own: the kernel remembers so many connections for a minute after their end, and whoever asks for any
    port meanwhile finds none. They go with their network."""
    CLONE_NEWNET = 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as before:
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "cannot make a network namespace")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            if libc.setns(before.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "cannot go back to the network namespace")


def serve(listener):
    """In turn: answers whole, breaks off in the middle, resets, half-closes at once. One thread: cheap."""
    ready = select.epoll()
    ready.register(listener, select.EPOLLIN)
    listener.setblocking(False)
    connections, number = {}, 0
    while True:
        for fd, _events in ready.poll():
            if fd == listener.fileno():
                try:
                    sock, _ = listener.accept()
                except BlockingIOError:
                    continue
                number += 1
                connections[sock.fileno()] = (sock, number % 4)
                ready.register(sock, select.EPOLLIN)
                continue
            sock, kind = connections[fd]
            try:
                if sock.recv(65536):
                    if kind == 0:
                        sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
                        continue
                    if kind == 1:
                        sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
                    elif kind == 2:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    else:
                        sock.shutdown(socket.SHUT_WR)
                        connections[fd] = (sock, 1)
                        continue
            except OSError:
                pass
            del connections[fd]
            sock.close()


def visit(port, kind, numbers):
    """One connection for each number, which says how much of a request is sent before the end."""
    for number in numbers:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as sock:
                sock.send(POST[:number % (len(POST) + 1)])
                if kind == "reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                elif kind == "half-closed":
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
        except TimeoutError:
            os._exit(1)
        except OSError:  # the server's reset, passed on
            pass


def visit_all(port, kind, count):
    processes = [multiprocessing.Process(target=visit, args=(port, kind, range(part, count, CLIENTS)))
                 for part in range(CLIENTS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * CLIENTS


@pytest.mark.parametrize("mode", MODES)
def test_half_closed_and_reset_connections_leave_nothing_behind(tmp_path, mode):
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    server = multiprocessing.Process(target=serve, args=(listener,), daemon=True)
    server.start()
    proxy = Proxy(tmp_path, [listener.getsockname()[1]], defaults="retries = 0", **MODES[mode])
    listener.close()
    try:
        before = proxy.descriptors()
        memory = grown = None
        # At first pools grow to what so many at once need, which on a busy machine may be more a second time. A leak
        # grows with every round.
        for _ in range(5):
            for kind in ("half-closed", "reset"):
                visit_all(proxy.port, kind, EACH)
                # Connections to the server that wait for use are closed after four seconds.
                wait_until(lambda: proxy.descriptors() <= before, f"{before} descriptors after those {kind}", TIMEOUT)
            before_that, memory = memory, proxy.resident_bytes()
            grown = memory - before_that if before_that else None
            if grown is not None and grown < GROWTH:
                break
        assert grown < GROWTH
    finally:
        proxy.stop()
        server.terminate()
        server.join()
    assert proxy.process.returncode == 0
