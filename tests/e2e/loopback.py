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
SO_RCVBUFFORCE, IP_BIND_ADDRESS_NO_PORT = 33, 24  # of Linux; Python has no names for them


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


def free_range(size):
    """The first of so many ports in a row."""
    ports = [free_port()]
    while len(ports) < size:
        port = free_port()
        ports = [*ports, port] if port == ports[-1] + 1 else [port]
    return ports[0]


def wait_until(predicate, what, timeout=TIMEOUT):
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= deadline  # asked before: whoever slept over the deadline looks once more
        value = predicate()
        if value:
            return value
        if late:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.005)


def stand_still(pid):
    """Stops a process. The signal reaches one thread after the other, and one that runs meanwhile goes on: so this
    waits until all stand."""
    def all_stand():
        try:
            return all(re.search(r"^State:\s+T", (task / "status").read_text(), re.M)
                       for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
        except (FileNotFoundError, ProcessLookupError):  # one has just ended
            return False
    os.kill(pid, signal.SIGSTOP)
    wait_until(all_stand, f"process {pid} stands still")


@contextlib.contextmanager
def deaf_port():
    """Where nobody takes a connection and nobody refuses it."""
    with socket.socket() as held, contextlib.ExitStack() as stack:
        held.bind(("127.0.0.1", 0))
        held.listen(0)
        for _ in range(2):  # more than there is room for
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(held.getsockname())
        yield held.getsockname()[1]


@contextlib.contextmanager
def standing_still(pid):
    """A process that is stopped."""
    try:
        stand_still(pid)
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
        # A thousand lines may come before the thread that collects them runs again; net.core.rmem_max is less than that.
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.lines = []
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self):
        while datagram := self.socket.recv(65536):
            self.lines.append(datagram.decode("latin-1"))

    def wait_for(self, pattern, timeout=TIMEOUT):
        found = re.compile(pattern)
        return wait_until(lambda: next((line for line in self.lines if found.search(line)), None),
                          f"log line {pattern!r} in {self.lines[-20:]}", timeout)

    def close(self):
        """What was sent before is in `lines` afterwards."""
        with contextlib.suppress(OSError):  # ENOTCONN; those who wait for a datagram are woken all the same
            self.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT)
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
        """Until it says to the service manager that it is ready: it has all its sockets and descriptors then, and its
        rights. The port alone tells nothing of those that come after it, and a probe would be a client."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("")  # a name of the kernel's, in this network alone
            manager.settimeout(0.1)
            name = "@" + manager.getsockname()[1:].decode()
            self.process = subprocess.Popen([binary("hapair-proxy"), "-f", str(self.path)], env={**os.environ, "NOTIFY_SOCKET": name},
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            wait_until(lambda: self._says_ready(manager), "the proxy is ready")

    def _says_ready(self, manager):
        if self.process.poll() is not None:
            raise AssertionError(f"the proxy ended with {self.process.returncode}: "
                                 f"{self.process.stderr.read()}")
        with contextlib.suppress(TimeoutError):
            return b"READY=1" in manager.recv(4096)

    def more_frontends(self, **frontends):
        """Before the start: frontends of these names with these lines, in front of the same backend. Answers
        their ports."""
        ports = {name: free_port() for name in frontends}
        with self.path.open("a") as file:
            for name, lines in frontends.items():
                file.write(f'[frontend.{name}]\nbind = ["127.0.0.1:{ports[name]}"]\ndefault_backend = "app"\n{lines}\n')
        return ports

    def connect(self, source=None, port=None):
        sock = socket.socket()
        sock.settimeout(TIMEOUT)
        if source:
            # A port is taken at the connection, one that is free for this destination: there may be none that is free
            # for all while connections that ended are remembered for a minute.
            sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((source, 0))
        try:
            sock.connect(("127.0.0.1", port or self.port))
        except OSError:
            sock.close()
            raise
        return Connection(sock)

    def get(self, path="/", fields=""):
        connection = self.connect()
        try:
            connection.send(f"GET {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n".encode())
            return connection.message()
        finally:
            connection.close()

    def has_accepted(self, connection):
        """Whether it is the proxy's own by now: until then a listener that closes takes it along. For IPv4."""
        return self._queue_of(connection) is not None

    def has_read(self, connection):
        """Whether it has taken everything that came over this connection from the kernel. For IPv4."""
        return connection.has_arrived() and self._queue_of(connection) == 0

    def _queue_of(self, connection):
        """How many bytes of an accepted connection wait for the proxy."""
        theirs = f":{connection.socket.getsockname()[1]:04X}"
        table = pathlib.Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]
        return next((int(row[4].split(":")[1], 16) for row in map(str.split, table)
                     if row[2].endswith(theirs) and row[1].endswith(f":{self.port:04X}") and row[9] != "0"), None)

    def columns(self, server, *names, backend="app"):
        """Columns of the statistics of one moment; the frontend must serve them at /stats."""
        rows = self.get("/stats;csv")[2].decode().splitlines()
        all_names = rows[0].removeprefix("# ").split(",")
        row = next(row.split(",") for row in rows if row.startswith(f"{backend},{server},"))
        return tuple(row[all_names.index(name)] for name in names)

    def column(self, server, name, backend="app"):
        return self.columns(server, name, backend=backend)[0]

    def wait_for_check(self, server, status, info=None):
        """Until the last check of a server said so: "L7OK", and its words if they are given. A mark says that the next
        one is under way, which may be at any time."""
        def said():
            last, words = self.columns(server, "check_status", "last_chk")
            return last.removeprefix("* ") == status and info in (None, words)
        wait_until(said, f"the check of {server} says {status} {info or ''}")

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
    """A proxy whose servers s1, s2 … are the (port, check) pairs; one check decides. Without a timeout of its own
    it would be the interval, which a server on a busy machine may well need to answer."""
    def text(check):
        patience = "" if "timeout" in check else ', timeout = "2s"'
        return f'check = {{ {check}, interval = "100ms", fall = 1, rise = 1{patience} }}'
    proxy = Proxy(tmp_path, [port for port, _ in checks], frontend='stats = { uri = "/stats" }',
                  server_extra=lambda number: text(checks[number - 1][1]), **options)
    try:
        yield proxy
    finally:
        proxy.stop()
    assert proxy.process.returncode == 0
