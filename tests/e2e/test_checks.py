"""Health checks on loopback: what they ask, what they conclude, what it does to the traffic."""

import contextlib
import csv
import io
import pathlib
import socket
import threading
import time

from loopback import Origin, Proxy, answering, free_port, wait_until


@contextlib.contextmanager
def checked(tmp_path, ports, check, backend="", **options):
    """A proxy whose backend has this check table."""
    proxy = Proxy(tmp_path, ports, backend=f"check = {{ {check} }}\n{backend}", **options)
    try:
        yield proxy
    finally:
        proxy.stop()
    assert proxy.process.returncode == 0


def syn_counter():
    """Connections begun in this network namespace (others may add to it)."""
    with open("/proc/net/snmp") as table:
        names, values = [line.split() for line in table if line.startswith("Tcp:")]
    return int(values[names.index("ActiveOpens")])


def test_a_tcp_check_never_reaches_the_servers_program_and_still_sees_it_go_and_come(tmp_path):
    origin = Origin(answering())
    with checked(tmp_path, [origin.port], 'interval = "50ms"') as proxy:
        wait_until(lambda: proxy.get()[0].endswith("200 OK"), "the server is in use")
        visits = origin.accepted
        before = syn_counter()
        wait_until(lambda: syn_counter() > before + 10, "ten more checks")
        # None, but where the proxy had to wait for a processor: the kernel holds the last packet of a handshake back
        # for 40 ms. A handshake of the ordinary kind shows the program every one.
        assert origin.accepted - visits < 5
        port = origin.port
        origin.close()
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: Layer4 connection problem, "
                           r'info: "Connection refused", check duration: \d+ms\. '
                           r"0 active and 0 backup servers left\.")
        with socket.create_server(("127.0.0.1", port)):
            proxy.log.wait_for(r"Server app/s1 is UP, reason: Layer4 check passed, check duration: \d+ms\.")


def test_a_kept_socket_does_not_hide_that_the_server_is_unreachable_at_once(tmp_path):
    """A listener whose queue is full drops SYNs: the check on the kept socket times out."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", free_port()))
    listener.listen(0)
    port = listener.getsockname()[1]
    with checked(tmp_path, [port], 'interval = "100ms"', "timeout = { check = \"150ms\" }") as proxy:
        before = syn_counter()
        wait_until(lambda: syn_counter() > before + 5, "checks that pass")
        fillers = []
        for _ in range(4):  # until nothing more is accepted
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: Layer4 timeout, check duration: \d+ms\.")
        for filler in fillers:
            filler.close()
    listener.close()


def column(proxy, server, name):
    """A column of the statistics."""
    text = proxy.get("/stats;csv")[2].decode().removeprefix("# ")
    return next(row[name] for row in csv.DictReader(io.StringIO(text))
                if (row["pxname"], row["svname"]) == ("app", server))


class Site:
    """A web server that says its name; its check page is there while `page` is."""

    def __init__(self, name):
        self.name, self.page, self.checks = name, True, []
        self.origin = Origin(self._serve)
        self.port = self.origin.port

    def _serve(self, connection, _number):
        while True:
            line, fields, _ = connection.message()
            if "/check.txt" in line:
                self.checks.append(fields)
                status = b"200 OK" if self.page else b"404 Not Found"
                connection.send(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
                continue
            body = self.name.encode()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


STATS = 'stats = { uri = "/stats" }'


def test_mv_check_txt_takes_a_server_out_and_no_request_fails(tmp_path):
    sites = [Site("s1"), Site("s2")]
    check = ('request = "GET /check.txt HTTP/1.1", disable_on_404 = true, send_state = true, '
             'interval = "50ms", timeout = "9s"')
    with checked(tmp_path, [site.port for site in sites], check, frontend=STATS) as proxy:
        wait_until(lambda: {proxy.get()[2] for _ in range(4)} == {b"s1", b"s2"}, "both serve")
        sites[0].page = False
        line = proxy.log.wait_for(r"Server app/s1 is stopping, ")
        assert line.startswith("<133>"), line
        assert ("reason: Layer7 check conditionally passed, code: 404, check duration: " in line
                and "1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue." in line)
        for _ in range(20):
            answer = proxy.get()
            assert answer[0].endswith("200 OK") and answer[2] == b"s2"
        assert proxy.column("s1", "status") == "NOLB"
        assert proxy.column("s1", "check_status").endswith("L7OKC")
        sites[0].page = True
        proxy.log.wait_for(r"Server app/s1 is UP, reason: Layer7 check passed, code: 200, check duration")
        wait_until(lambda: proxy.get()[2] == b"s1", "it serves again")
        wait_until(lambda: sites[0].checks[-1]["x-haproxy-server-state"][0].startswith(
            "UP; address=127.0.0.1; port="), "a check tells the server that it is up again")
        fields = sites[0].checks[-1]
        assert fields["host"] == [f"127.0.0.1:{sites[0].port}"]
    for site in sites:
        site.origin.close()


def test_content_decides(tmp_path):
    site = Site("ready")
    with checked(tmp_path, [site.port], 'request = "GET /", interval = "50ms", timeout = "9s", '
                 'expect = { status = 200, body_regex = "^ready", not = { body = "maintenance" } }') as proxy:
        wait_until(lambda: proxy.get()[0].endswith("200 OK"), "in use")
        site.name = "in maintenance"
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: Layer7 invalid response, "
                           r'info: "HTTP check matched unwanted content", check duration')
    site.origin.close()


def test_a_script_speaks_with_a_server(tmp_path):
    pong = [b"+PONG\r\n"]

    def serve(connection, _number):
        while True:
            connection.until(b"\r\n")
            connection.send(pong[0])

    origin = Origin(serve)
    check = r'steps = [ { send = "PING\r\n" }, { expect = "+PONG" } ], interval = "50ms", timeout = "2s", fall = 1'
    with checked(tmp_path, [origin.port], check) as proxy:
        wait_until(lambda: origin.accepted > 3, "checks are made")
        pong[0] = b"-LOADING\r\n"
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: Layer7 timeout, "
                           r"info: \" at step 2 of tcp-check \(expect string '\+PONG'\)\"")
        pong[0] = b"+PONG\r\n"
        proxy.log.wait_for(r"Server app/s1 is UP, reason: Layer7 check passed, check duration")
    origin.close()


def test_a_command_decides_and_its_group_ends_with_its_time(tmp_path):
    script = tmp_path / "probe.sh"
    verdict = tmp_path / "verdict"

    def decide(text):  # at once: a probe may be reading
        (tmp_path / "verdict.new").write_text(text)
        (tmp_path / "verdict.new").rename(verdict)

    decide("exit 0")
    script.write_text(f'#!/bin/sh\nenv > {tmp_path}/env.new; mv {tmp_path}/env.new {tmp_path}/env\n. {verdict}\n')
    script.chmod(0o755)
    origin = Origin(answering())
    check = f'command = "{script}", interval = "100ms", timeout = "3s", fall = 1, rise = 1'
    with checked(tmp_path, [origin.port], check) as proxy:
        wait_until(lambda: proxy.get()[0].endswith("200 OK"), "in use")
        settings = (tmp_path / "env").read_text().splitlines()
        assert f"HAPROXY_SERVER_PORT={origin.port}" in settings and "HAPROXY_SERVER_NAME=s1" in settings
        decide("exit 3")
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: External check error, code: 3, check duration")
        decide("exit 0")
        proxy.log.wait_for(r"Server app/s1 is UP, reason: External check passed, code: 0, check duration")
        decide(f"sleep 60 & echo $! >> {tmp_path}/children; wait")
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: External check timeout, check duration")
        child = (tmp_path / "children").read_text().splitlines()[0]

        def is_gone():
            try:
                return not pathlib.Path(f"/proc/{child}/cmdline").read_bytes()  # one that nobody waited for has none
            except (FileNotFoundError, ProcessLookupError):
                return True

        wait_until(is_gone, "the child is gone")
        decide("exit 0")
    origin.close()


def test_commands_do_not_bring_back_what_was_closed(tmp_path):
    """Between fork and exec a command holds a copy of every descriptor, so what a worker closes in that moment has
    events for a little longer. Clients that still send after their connection was closed make such events."""
    origin = Origin(answering())
    check = 'command = ["/bin/true"], interval = "10ms", timeout = "9s"'
    with checked(tmp_path, [origin.port] * 4, check, frontend='timeout = { http_keep_alive = "10ms" }') as proxy:
        wait_until(lambda: proxy.get()[0].endswith("200 OK"), "in use")
        end = time.monotonic() + 3

        def visit():
            while time.monotonic() < end:
                client = proxy.connect()
                with contextlib.suppress(OSError, EOFError):
                    client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
                    client.message()
                    time.sleep(0.0095)  # just before the connection's time is over: it closes while we send
                    for _ in range(25):
                        client.send(b"G")
                client.close()

        visitors = [threading.Thread(target=visit) for _ in range(12)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
        assert proxy.process.poll() is None and proxy.get()[0].endswith("200 OK")
    origin.close()


def test_an_agent_sets_weight_and_takes_its_server_out(tmp_path):
    words = [b"up\n"]
    agent = Origin(lambda connection, _number: connection.send(words[0]))
    site = Site("s1")
    proxy = Proxy(tmp_path, [site.port], frontend=STATS,
                  server_extra=f'weight = 10\nagent = {{ port = {agent.port}, interval = "50ms", timeout = "2s" }}')
    try:
        wait_until(lambda: proxy.column("s1", "last_agt") == "via agent : up", "it answers")
        words[0] = b"50%\n"
        wait_until(lambda: proxy.column("s1", "weight") == "5", "half the weight")
        words[0] = b"down #too hot\n"
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: Layer7 wrong status, code: 0, "
                           r'info: "via agent : down \(too hot\)"')
        words[0] = b"up\n"
        proxy.log.wait_for(r'Server app/s1 is UP, reason: Layer7 check passed, code: 0, info: "via agent : up"')
        words[0] = b"drain\n"
        proxy.log.wait_for(r"Server app/s1 enters drain state\. 0 active")
        words[0] = b"maint\n"
        proxy.log.wait_for(r"Server app/s1 is going DOWN for maintenance\. 0 active")
        words[0] = b"ready\n"
        proxy.log.wait_for(r"Server app/s1 is UP/READY \(leaving forced maintenance\)\.")
        assert proxy.get()[2] == b"s1"
    finally:
        proxy.stop()
        agent.close()
        site.origin.close()


def test_a_tracking_server_follows_its_own(tmp_path):
    sites = [Site("s1"), Site("s2")]
    text = (f'\n[[backend.lead.server]]\nname = "l1"\naddress = "127.0.0.1:{sites[1].port}"\n'
            'check = { request = "GET /check.txt HTTP/1.1", interval = "50ms", timeout = "9s", fall = 1, rise = 1 }\n')
    proxy = Proxy(tmp_path, [sites[0].port], run=False, server_extra='track = "lead/l1"' + text)
    proxy.start()
    try:
        wait_until(lambda: proxy.get()[2] == b"s1", "it follows")
        sites[1].page = False
        proxy.log.wait_for(r"Server lead/l1 is DOWN, reason: Layer7 wrong status, code: 404, "
                           r'info: "Not Found"')
        proxy.log.wait_for(r"Server app/s1 is DOWN via lead/l1\. 0 active and 0 backup servers left\.")
        assert proxy.get()[0].endswith("503 Service Unavailable")
        sites[1].page = True
        proxy.log.wait_for(r"Server app/s1 is UP via lead/l1\. 1 active")
    finally:
        proxy.stop()
        for site in sites:
            site.origin.close()


def test_a_server_that_may_begin_up_does(tmp_path):
    """Its check never ends in the test's time: nobody answers on the port that is asked."""
    site = Site("s1")
    silent = socket.create_server(("127.0.0.1", 0))
    check = f'request = "GET /", port = {silent.getsockname()[1]}, initial = "up", interval = "5s"'
    with checked(tmp_path, [site.port], check) as proxy:
        assert proxy.get()[2] == b"s1"
    silent.close()
    site.origin.close()
