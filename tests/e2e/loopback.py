"""One hapair-proxy on loopback between clients and servers that follow a script."""

import contextlib
import fcntl
import itertools
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 10.0


def binary(name):
    for folder in (os.environ.get("HAPAIR_BIN"), os.environ.get("LAB_BIN"),
                   TREE / "build/release/bin", TREE / "build/dev/bin"):
        if folder and (pathlib.Path(folder) / name).exists():
            return str(pathlib.Path(folder) / name)
    raise FileNotFoundError(f"{name} is not built: cmake --preset release && cmake --build --preset release")


# Below the ports the kernel gives to those who ask for any: none of these is taken between the moment it is
# chosen and the moment somebody listens there. Each process begins elsewhere.
LISTENING_PORTS = range(10000, 32768)
_next_port = itertools.cycle(LISTENING_PORTS[(os.getpid() * 101 + step) % len(LISTENING_PORTS)]
                             for step in range(len(LISTENING_PORTS)))


def free_port():
    """A TCP port of 127.0.0.1 where nobody listens, for whoever is to listen there later."""
    for port in itertools.islice(_next_port, len(LISTENING_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("every port is taken")


def wait_until(predicate, what, timeout=TIMEOUT):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = predicate()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {timeout} s: {what}")


@contextlib.contextmanager
def standing_still(pid):
    """A process that is stopped. The signal reaches one thread after the other, and one that runs meanwhile
    goes on: so this waits until all stand."""
    def all_stand():
        return all(re.search(r"^State:\s+T", (task / "status").read_text(), re.M)
                   for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(all_stand, f"process {pid} stands still")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Connection:
    """A TCP connection that reads whole HTTP/1 messages; either end of one."""

    def __init__(self, sock):
        self.socket = sock
        self.socket.settimeout(TIMEOUT)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def has_arrived(self):
        """Whether the other side's kernel has everything that was sent."""
        return struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4)))[0] == 0

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def fill(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return data

    def until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise EOFError(f"the connection ended; received so far: {self.buffer[:500]!r}")
        head, self.buffer = self.buffer.split(mark, 1)
        return head + mark

    def exactly(self, size):
        pieces, have = [self.buffer], len(self.buffer)
        while have < size:
            pieces.append(self.socket.recv(1 << 20))
            if not pieces[-1]:
                raise EOFError(f"ended after {have} of {size} bytes")
            have += len(pieces[-1])
        data = b"".join(pieces)
        self.buffer = data[size:]
        return data[:size]

    def rest(self):
        """Everything until the other side closes."""
        pieces, self.buffer = [self.buffer], b""
        while pieces[-1] or len(pieces) == 1:
            pieces.append(self.socket.recv(1 << 20))
        return b"".join(pieces)

    def chunked(self):
        body, sizes = b"", []
        while True:
            size = int(self.until(b"\r\n")[:-2], 16)
            if size == 0:
                assert self.until(b"\r\n") == b"\r\n"
                return body, sizes
            sizes.append(size)
            body += self.exactly(size)
            assert self.exactly(2) == b"\r\n"

    def message(self, body_expected=True):
        """(first line, {field: value}, body) of the next message, framed as its head says."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")[:-2]
        fields = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            fields.setdefault(name.lower(), []).append(value.strip())
        body = b""
        if body_expected:
            if fields.get("transfer-encoding") == ["chunked"]:
                body = self.chunked()[0]
            elif "content-length" in fields:
                body = self.exactly(int(fields["content-length"][0]))
            elif lines[0].startswith("HTTP/"):
                body = self.rest()
        return lines[0], fields, body


def ok(body=b"hello", extra=b""):
    return b"HTTP/1.1 200 OK\r\n" + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Origin:
    """A server on a port of its own; `serve(connection, number)` runs for every connection, in a
    thread. Health checks (OPTIONS without fields) never reach the script: the tests check none."""

    def __init__(self, serve, port=None):
        self.serve = serve
        self.port = port or free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        self.accepted = 0
        self.errors = []
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.connections.append(sock)
            threading.Thread(target=self._run, args=(sock, self.accepted), daemon=True).start()

    def _run(self, sock, number):
        try:
            self.serve(Connection(sock), number)
        except (EOFError, OSError):
            pass
        except Exception as error:  # noqa: BLE001  (a failed assertion belongs to the test)
            self.errors.append(error)
        finally:
            sock.close()

    def close(self):
        with contextlib.suppress(OSError):  # closing alone leaves it open while accept() waits
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.connections:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        if self.errors:
            raise self.errors[0]


def answering(respond=None):
    """A script that answers every request on a connection with respond(line, fields, body)."""

    def serve(connection, _number):
        while True:
            line, fields, body = connection.message()
            connection.send(respond(line, fields, body) if respond else ok())

    return serve


class LogSink:
    """Collects syslog datagrams."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.lines = []
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        while True:
            try:
                self.lines.append(self.socket.recv(65536).decode("latin-1"))
            except OSError:
                return

    def wait_for(self, pattern, timeout=TIMEOUT):
        found = re.compile(pattern)
        return wait_until(lambda: next((line for line in self.lines if found.search(line)), None),
                          f"log line {pattern!r} in {self.lines[-20:]}", timeout)

    def close(self):
        self.socket.close()


class Proxy:
    """A hapair-proxy with one frontend and one backend `app`, in the foreground."""

    def __init__(self, tmp_path, servers, backend="", frontend="", defaults="", globals_="",
                 server_extra="", workers=2, run=True, balance='"roundrobin"'):
        self.port = free_port()
        self.log = LogSink()
        self.path = tmp_path / "hapair.toml"
        text = f"""
[global]
workers = {workers}
{globals_}
[[global.log]]
target = "udp:127.0.0.1:{self.log.port}"
facility = "local0"
[defaults]
mode = "http"
log_format = "http"
log_null = false
timeout = {{ connect = "2s", client = "5s", server = "20s", http_request = "5s", http_keep_alive = "5s", queue = "20s" }}
{defaults}
[frontend.http-in]
bind = ["127.0.0.1:{self.port}"]
default_backend = "app"
{frontend}
[backend.app]
balance = {balance}
{backend}
"""
        for number, port in enumerate(servers, 1):
            text += (f'[[backend.app.server]]\nname = "s{number}"\naddress = "127.0.0.1:{port}"\n'
                     f"{server_extra(number) if callable(server_extra) else server_extra}\n")
        self.path.write_text(text)
        self.process = None
        if run:
            self.start()

    def start(self):
        self.process = subprocess.Popen([binary("hapair-proxy"), "-f", str(self.path)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(self._accepts, "the proxy listens")

    def _accepts(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the proxy ended with {self.process.returncode}: "
                                 f"{self.process.stderr.read()}")
        # Asking the kernel, not the port: a probe would be a client.
        want = f":{self.port:04X}"
        table = pathlib.Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]
        return any(row.split()[1].endswith(want) and row.split()[3] == "0A" for row in table)

    def more_frontends(self, **frontends):
        """Before the start: frontends of these names with these lines, in front of the same backend. Answers
        their ports."""
        ports = {name: free_port() for name in frontends}
        with self.path.open("a") as file:
            for name, lines in frontends.items():
                file.write(f'[frontend.{name}]\nbind = ["127.0.0.1:{ports[name]}"]\ndefault_backend = "app"\n{lines}\n')
        return ports

    def connect(self, source=None, port=None):
        # Without a bind the kernel takes a port that is free for this destination.
        return Connection(socket.create_connection(
            ("127.0.0.1", port or self.port), timeout=TIMEOUT, source_address=source and (source, 0)))

    def get(self, path="/", fields=""):
        connection = self.connect()
        try:
            connection.send(f"GET {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n".encode())
            return connection.message()
        finally:
            connection.close()

    def has_accepted(self, connection):
        """Whether it is the proxy's own by now: until then a listener that closes takes it along. For IPv4."""
        theirs = f":{connection.socket.getsockname()[1]:04X}"
        table = pathlib.Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]
        return any(row[2].endswith(theirs) and row[1].endswith(f":{self.port:04X}") and row[9] != "0"
                   for row in map(str.split, table))

    def column(self, server, name, backend="app"):
        """A column of the statistics, which the frontend must serve at /stats."""
        rows = self.get("/stats;csv")[2].decode().splitlines()
        names = rows[0].removeprefix("# ").split(",")
        return next(row.split(",")[names.index(name)] for row in rows if row.startswith(f"{backend},{server},"))

    def wait_for_check(self, server, status, info=None):
        """Until the last check of a server said so: "L7OK", and its words if they are given."""
        def said():
            return self.column(server, "check_status"), self.column(server, "last_chk")
        wait_until(lambda: said()[0] == status and info in (None, said()[1]),
                   f"the check of {server} says {status} {info or ''}: {said()}")

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def processor_seconds(self):
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.log.close()


@contextlib.contextmanager
def proxy_and_origin(tmp_path, serve, **options):
    origin = Origin(serve)
    proxy = Proxy(tmp_path, [origin.port], **options)
    try:
        yield proxy, origin
    finally:
        proxy.stop()
        origin.close()
    assert proxy.process.returncode == 0


@contextlib.contextmanager
def checking(tmp_path, checks, **options):
    """A proxy whose servers s1, s2 … are the (port, check) pairs; one check decides."""
    fast = 'interval = "100ms", fall = 1, rise = 1'
    proxy = Proxy(tmp_path, [port for port, _ in checks], frontend='stats = { uri = "/stats" }',
                  server_extra=lambda number: f"check = {{ {checks[number - 1][1]}, {fast} }}", **options)
    try:
        yield proxy
    finally:
        proxy.stop()
    assert proxy.process.returncode == 0
