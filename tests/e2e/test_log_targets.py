"""Where log lines go: every kind of target, in every form, well, slow and dead."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from loopback import Origin, answering, free_port, ok, proxy_and_origin, wait_until

# What a hostile client asks for: quotes, control bytes in their disguises, the separators of a line.
HOSTILE = ['/a"b', "/%0a<129>Jan 1 forged", "/\x7f", "/\xff\xfe", "/\\\"x", "/{a|b}", "/'`$(x)", "/\u0085x"]


class Receiver:
    """A server that collects what clients send; may refuse to read."""

    def __init__(self, family, kind, address, reads=True):
        self.socket = socket.socket(family, kind)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not reads:  # a window that does not grow
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.bind(address)
        self.streams, self.datagrams, self.peers, self.kind, self.reads = {}, [], [], kind, reads
        if kind == socket.SOCK_STREAM:
            self.socket.listen()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            while self.kind == socket.SOCK_DGRAM:
                self.datagrams.append(self.socket.recv(65536))
            while True:
                peer, _ = self.socket.accept()
                self.peers.append(peer)
                if self.reads:
                    threading.Thread(target=self._read, args=(peer,), daemon=True).start()

    def _read(self, peer):
        with contextlib.suppress(OSError):
            while chunk := peer.recv(65536):
                self.streams[peer] = self.streams.get(peer, b"") + chunk

    @property
    def data(self):
        """All connections' bytes: every thread of the proxy has its own, and one of them speaks here."""
        return b"".join(self.streams.values())

    def read_on(self):
        for peer in self.peers:
            threading.Thread(target=self._read, args=(peer,), daemon=True).start()

    def lines(self):
        return [datagram.decode("latin-1") for datagram in self.datagrams]

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for peer in self.peers:
            peer.close()


def target(where, **keys):
    return "\n".join(["[[global.log]]", f'target = "{where}"', 'facility = "local0"',
                      *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]) + "\n"


def octet_counted(data):
    """RFC 6587 3.4.1: what a strict reader makes of it."""
    messages = []
    while b" " in data:  # the last may be on its way
        count, rest = data.split(b" ", 1)
        assert re.fullmatch(rb"[1-9][0-9]*", count), data[:80]
        if len(rest) < int(count):
            break
        messages.append(rest[:int(count)].decode("latin-1"))
        data = rest[int(count):]
    return messages


def tcp_receiver(port=0, reads=True):
    return Receiver(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port), reads)


def ask_hostile(proxy):
    for path in HOSTILE:
        connection = proxy.connect()
        connection.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nUser-Agent: x\"\\|}}\r\n\r\n".encode("latin-1"))
        connection.message()
        connection.close()


PREFIX = {
    "local": r"<134>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d hapair-proxy\[\d+\]: ",
    "rfc3164": r"<134>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ hapair-proxy\[\d+\]: ",
    "rfc5424": r"<134>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d \S+ hapair-proxy \d+ - - ",
    "raw": "",
}
ACCESS = r'127\.0\.0\.1:\d+ \[[^]]+\] http-in \S+ \S+ \d{3} \d+ - - \S{4} \S+ \S+ "[ -!#-~]*"'


@pytest.mark.parametrize("form", PREFIX)
@pytest.mark.parametrize("kind", ["udp", "unix", "tcp", "tcp lines", "unix-stream", "file"])
def test_every_target_gets_one_line_a_request_whatever_the_client_sends(tmp_path, kind, form):
    path, receiver = tmp_path / "log", None
    if kind == "udp":
        receiver = Receiver(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        where = f"udp:127.0.0.1:{receiver.socket.getsockname()[1]}"
    elif kind.startswith("tcp"):
        receiver = tcp_receiver()
        where = f"tcp:127.0.0.1:{receiver.socket.getsockname()[1]}"
    elif kind.startswith("unix"):
        receiver = Receiver(socket.AF_UNIX, socket.SOCK_DGRAM if kind == "unix" else socket.SOCK_STREAM, str(path))
        where = f"{kind}:{path}"
    else:
        where = f"file:{path}"
    keys = {"format": form} | ({"framing": "lines"} if kind == "tcp lines" else {})
    with proxy_and_origin(tmp_path, answering(), globals_=target(where, **keys), workers=1) as (proxy, _):
        ask_hostile(proxy)

        def lines():
            if kind in ("udp", "unix"):
                return receiver.lines()
            if kind in ("tcp", "unix-stream"):
                return octet_counted(receiver.data)
            data = receiver.data if receiver else path.read_bytes() if path.exists() else b""
            return data.decode("latin-1").split("\n")[:-1]

        wait_until(lambda: len(lines()) >= len(HOSTILE), "a line each")
        prefix = PREFIX[form].replace("<134>", "") if kind == "file" and form in ("local", "rfc3164") else PREFIX[form]
        for line in lines():
            assert re.fullmatch(prefix + ACCESS, line), line
        assert len(lines()) == len(HOSTILE)
    if receiver:
        receiver.close()


def test_standard_output_and_standard_error_are_targets(tmp_path):
    globals_ = target("stdout", format="raw") + target("stderr")
    with proxy_and_origin(tmp_path, answering(), globals_=globals_) as (proxy, _):
        ask_hostile(proxy)
        wait_until(lambda: len(proxy.log.lines) >= len(HOSTILE), "a line each")
    out, err = proxy.process.communicate()
    access = [line for line in out.splitlines() if "] http-in " in line]
    assert len(access) == len(HOSTILE)
    assert all(re.fullmatch(ACCESS, line) for line in access)
    assert len([line for line in err.splitlines() if "] http-in " in line]) == len(HOSTILE)


def test_a_target_that_never_reads_delays_nobody_and_what_it_misses_is_counted(tmp_path):
    # Its window fills soon; lines beyond what may be kept are lost, and nobody waits for it.
    slow = tcp_receiver(reads=False)
    where = f"tcp:127.0.0.1:{slow.socket.getsockname()[1]}"
    with proxy_and_origin(tmp_path, answering(), workers=1,
                          globals_=target(where, length=8000)) as (proxy, _):
        wait_until(lambda: len(slow.peers) == 2, "the worker connects, and the main thread")
        connection = proxy.connect()
        worst, path = 0.0, "/" + "x" * 6000
        for _ in range(2000):  # 12 MB of lines
            began = time.monotonic()
            connection.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            connection.message()
            worst = max(worst, time.monotonic() - began)
        # Who waits for it waits for ever.
        assert worst < 3, f"a request took {worst:.3f} s"
        # It reads again: the line that tells how many it missed comes with those that follow.
        slow.read_on()
        asked = 2000

        def told():
            nonlocal asked
            proxy.get("/after")
            asked += 1
            return b'"GET /after' in slow.data and missed()

        def missed():
            return sum(map(int, re.findall(rb"(\d+) log lines could not be delivered to tcp:127", slow.data)))

        def seen():
            return sum(1 for message in octet_counted(slow.data) if '"GET /' in message)

        wait_until(told, "the target hears what it missed, and what came later")
        assert missed() >= 100
        wait_until(lambda: seen() + missed() == asked, f"{seen()} and {missed()} lost ones are {asked}")
    slow.close()


@pytest.mark.parametrize("kind", ["tcp", "unix-stream", "unix"])
def test_a_target_that_is_dead_delays_nobody_and_gets_lines_once_it_lives(tmp_path, kind):
    port, path = free_port(), tmp_path / "log"
    where = f"tcp:127.0.0.1:{port}" if kind == "tcp" else f"{kind}:{path}"
    with proxy_and_origin(tmp_path, answering(), globals_=target(where), workers=1) as (proxy, _):
        for number in range(20):
            assert proxy.get(f"/dead{number}")[0] == "HTTP/1.1 200 OK"
        if kind == "tcp":
            receiver = tcp_receiver(port)
        else:
            receiver = Receiver(socket.AF_UNIX, socket.SOCK_DGRAM if kind == "unix" else socket.SOCK_STREAM, str(path))

        def said():
            return "".join(receiver.lines()) if kind == "unix" else receiver.data.decode("latin-1")

        asked = 0

        def alive():
            nonlocal asked
            proxy.get("/alive")
            asked += 1
            return "/alive" in said()

        wait_until(alive, "a line at the target that came back")
        if kind != "unix":  # a short outage of a stream loses nothing
            assert all(f'"GET /dead{number} ' in said() for number in range(20))
        else:
            # The last of them may leave after its answer, and find somebody there; and if we are slow, the kernel has
            # no room for some that follow. What is told and what came is what was asked.
            def loss():
                return sum(map(int, re.findall(r"(\d+) log lines? could not be delivered to unix:", said())))

            wait_until(lambda: loss() + said().count('"GET /') == 20 + asked, "the loss is told")
    receiver.close()


def test_a_stream_that_breaks_begins_again_with_a_whole_line(tmp_path):
    receiver = tcp_receiver()
    where = f"tcp:127.0.0.1:{receiver.socket.getsockname()[1]}"
    with proxy_and_origin(tmp_path, answering(), globals_=target(where), workers=1) as (proxy, _):
        proxy.get("/one")
        wait_until(lambda: b"/one" in receiver.data, "the first line")
        wait_until(lambda: len(receiver.peers) == 2, "the worker and the main thread are connected")
        receiver.streams.clear()
        for peer in receiver.peers[:]:
            peer.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: len(receiver.peers) == 4, "both connect again")
        proxy.get("/two")
        wait_until(lambda: any('"GET /two' in line for line in octet_counted(receiver.data)), "a whole line over the new connection")
    receiver.close()


def test_a_target_that_talks_back_without_end_delays_nobody(tmp_path):
    over = threading.Event()

    def talk(connection, _number):
        noise = b"x" * 65536
        while not over.is_set():
            connection.send(noise)

    loud = Origin(talk)
    with proxy_and_origin(tmp_path, answering(), globals_=f'[[global.log]]\ntarget = "tcp:127.0.0.1:{loud.port}"\n') as (proxy, _):
        wait_until(lambda: loud.accepted >= 2, "it is connected")
        took = []
        for _ in range(20):
            begun = time.monotonic()
            assert proxy.get()[0] == "HTTP/1.1 200 OK"
            took.append(time.monotonic() - begun)
        assert sorted(took)[10] < 1, took  # the median: two threads of ours make the noise, and take turns with this one
        over.set()
    loud.errors.clear()
    loud.close()


def test_a_file_that_was_renamed_is_opened_anew(tmp_path):
    path = tmp_path / "access.log"
    with proxy_and_origin(tmp_path, answering(), workers=2,
                          globals_=target(f"file:{path}", format="raw")) as (proxy, _):
        proxy.get("/before")
        wait_until(lambda: "/before" in path.read_text(), "a line in the file")
        assert path.stat().st_mode & 0o777 == 0o640
        path.rename(tmp_path / "access.log.1")

        def written():
            proxy.get("/after")
            return path.exists() and "/after" in path.read_text()

        wait_until(written, "a line in the new file")


def test_a_file_that_went_is_let_go_by_those_who_log_nothing(tmp_path):
    path = tmp_path / "access.log"
    with proxy_and_origin(tmp_path, answering(), workers=2,
                          globals_=target(f"file:{path}", format="raw")) as (proxy, _):
        def held():
            folder = f"/proc/{proxy.process.pid}/fd"
            links = []
            for name in os.listdir(folder):
                with contextlib.suppress(FileNotFoundError):
                    links.append(os.readlink(f"{folder}/{name}"))
            return [link for link in links if "access.log" in link]

        threads = len(held())
        assert threads == 3  # the main thread and two workers
        path.rename(tmp_path / "access.log.1")
        (tmp_path / "access.log.1").unlink()
        wait_until(lambda: held() == [str(path)] * threads, "every thread holds the new one, and its disk is free")


def test_a_line_after_a_full_disk_stands_alone(tmp_path):
    """And what was lost is told in full, although the disk stayed full for longer than a moment's calm."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], check=True)
    try:
        path, ballast = folder / "log", folder / "ballast"
        with proxy_and_origin(tmp_path, answering(), workers=2, globals_=target(f"file:{path}", format="raw")) as (proxy, _):
            ballast.write_bytes(bytes(8 * 1024 * 1024 - 32768))
            asked = 0

            def ask(word):
                nonlocal asked
                proxy.get(f"/{word}" + "x" * 50)
                asked += 1

            while path.stat().st_size < 32768:
                ask("first")
            for _ in range(20):
                ask("lost")
            for _ in range(2):
                time.sleep(1.2)  # longer than a target has to be well before it is told
                ask("lost")
            ballast.unlink()

            def told():
                return sum(map(int, re.findall(r"^(\d+) log lines? could not be delivered to file:", path.read_text(), re.M)))

            def all_told():
                if told() + len(re.findall(r'"GET /\w+ HTTP/1.1"$', path.read_text(), re.M)) == asked:
                    return True
                ask("after")  # notices come with other lines
                return False

            wait_until(all_told, "every line is there or told of")
            assert told() >= 20
            for line in path.read_text().splitlines():
                assert line.count("127.0.0.1:") <= 1, f"two lines in one: {line}"
    finally:
        subprocess.run(["umount", folder], check=True)


def test_rsyslog_understands_every_form(tmp_path):
    """Debian's rsyslogd is the judge: UDP, TCP in both framings, a Unix socket."""
    assert shutil.which("rsyslogd"), "rsyslog is missing: apt-get install rsyslog"
    udp, tcp, out = free_port(), free_port(), tmp_path / "out"
    sockets = tmp_path / "dev-log"
    configuration = tmp_path / "rsyslog.conf"
    configuration.write_text(f"""
module(load="imudp")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
input(type="imudp" address="127.0.0.1" port="{udp}")
input(type="imtcp" address="127.0.0.1" port="{tcp}")
input(type="imuxsock" Socket="{sockets}" UseSpecialParser="on")
template(name="t" type="string" string="%syslogfacility-text%.%syslogseverity-text% %programname% %procid% %inputname%|%msg%\\n")
*.* action(type="omfile" file="{out}" template="t" asyncWriting="off" flushOnTXEnd="on")
""")
    daemon = subprocess.Popen(["rsyslogd", "-n", "-f", configuration, "-i", str(tmp_path / "pid")],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        def listens(protocol, port):
            return f":{port:04X} " in pathlib.Path(f"/proc/net/{protocol}").read_text()
        wait_until(lambda: sockets.exists() and listens("udp", udp) and listens("tcp", tcp), "rsyslogd listens")
        globals_ = "".join([
            *(target(f"udp:127.0.0.1:{udp}", format=form, tag=f"udp-{form}") for form in ("local", "rfc3164", "rfc5424")),
            *(target(f"tcp:127.0.0.1:{tcp}", format=form, framing=framing, tag=f"tcp-{framing}-{form}")
              for form in ("rfc3164", "rfc5424") for framing in ("octets", "lines")),
            target(f"unix:{sockets}", tag="unix-local")])
        with proxy_and_origin(tmp_path, answering(), globals_=globals_, workers=1) as (proxy, _):
            ask_hostile(proxy)
            tags = re.findall(r'tag = "([^"]+)"', globals_)

            def lines():
                return out.read_text(encoding="latin-1").split("\n")[:-1] if out.exists() else []

            wait_until(lambda: len(lines()) >= len(tags) * len(HOSTILE), "all lines: " + "\n".join(lines()[-5:]))
            for tag in tags:
                of_tag = [line for line in lines() if line.startswith(f"local0.info {tag} {proxy.process.pid} ")]
                assert len(of_tag) == len(HOSTILE), tag
                assert all(re.search(r"\| ?" + ACCESS + "$", line) for line in of_tag), of_tag
            assert len(lines()) == len(tags) * len(HOSTILE)
    finally:
        daemon.terminate()
        daemon.wait(10)


def test_a_frontends_own_targets_are_not_everybodys(tmp_path):
    own = Receiver(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
    port = own.socket.getsockname()[1]
    frontend = f'log = [{{ target = "udp:127.0.0.1:{port}", tag = "own" }}]'
    with proxy_and_origin(tmp_path, answering(), frontend=frontend, workers=2) as (proxy, _):
        proxy.get("/own")
        wait_until(lambda: any("/own" in line for line in own.lines()), "the line at the frontend's target")
        assert " own[" in own.lines()[0]
    assert not [line for line in proxy.log.lines if "/own" in line]
    own.close()


def test_a_frontend_adds_a_target_to_those_of_all(tmp_path):
    own = Receiver(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
    frontend = f'log = ["global", {{ target = "udp:127.0.0.1:{own.socket.getsockname()[1]}" }}]'
    with proxy_and_origin(tmp_path, answering(), frontend=frontend) as (proxy, _):
        proxy.get("/both")
        proxy.log.wait_for("/both")
        wait_until(lambda: any("/both" in line for line in own.lines()), "the line at the frontend's target")
    own.close()


def test_a_sample_is_as_large_as_it_says_and_state_lines_are_not_sampled(tmp_path):
    sampled = Receiver(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
    globals_ = target(f"udp:127.0.0.1:{sampled.socket.getsockname()[1]}", sample="2/10")
    with proxy_and_origin(tmp_path, answering(), globals_=globals_, workers=1) as (proxy, _):
        for number in range(50):
            proxy.get(f"/n{number}")
        proxy.log.wait_for("/n49")

    def access():
        return len([line for line in sampled.lines() if '"GET /n' in line])

    # The state line is another thread's.
    wait_until(lambda: any("Proxy http-in stopped" in line for line in sampled.lines()) and access() >= 10, "all lines")
    assert access() == 10
    sampled.close()


@pytest.mark.parametrize("separate", [False, True])
def test_errors_alone_are_logged_and_graver(tmp_path, separate):
    def respond(line, _fields, _body):
        return b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" if "/bad" in line else ok()

    frontend = "log_errors_only = true\n" + ("log_separate_errors = true" if separate else "")
    with proxy_and_origin(tmp_path, answering(respond), frontend=frontend) as (proxy, _):
        proxy.get("/good")
        proxy.get("/bad")
        assert proxy.log.wait_for("/bad").startswith("<131>" if separate else "<134>")
        assert not [line for line in proxy.log.lines if "/good" in line]


def test_graver_lines_are_sent_at_the_least_level(tmp_path):
    capped = Receiver(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
    globals_ = target(f"udp:127.0.0.1:{capped.socket.getsockname()[1]}", min_level="notice")
    with proxy_and_origin(tmp_path, answering(), globals_=globals_) as (proxy, _):
        proxy.get("/")
    wait_until(lambda: any("stopped" in line for line in capped.lines()), "a warning")
    assert all(line.startswith("<133>") for line in capped.lines() if "stopped" in line)  # not <132>
    capped.close()
