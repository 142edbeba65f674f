"""No client keeps a worker to himself, however much he says."""

import re
import socket
import subprocess

import pytest

from loopback import TIMEOUT, Proxy, answering, proxy_and_origin, standing_still, wait_until

DENIED = '[[frontend.http-in.route]]\nwhen = { path_prefix = "/deny" }\ndeny = true'


@pytest.fixture
def proxy(tmp_path):
    with proxy_and_origin(tmp_path, answering(), frontend=DENIED, workers=1) as (proxy, _):
        yield proxy


def request(path, rest=b""):
    return b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + rest + b"\r\n"


def test_who_pipelines_does_not_go_before_who_asks_once(proxy):
    """Both have asked when the proxy wakes: some of the many are answered first, and not all of them."""
    greedy = proxy.connect()
    greedy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    greedy.send(request(b"/deny/first"))
    assert " 403 " in greedy.message()[0]
    with standing_still(proxy.process.pid):
        greedy.send(request(b"/deny/many") * 1000)
        modest = proxy.connect()
        modest.send(request(b"/deny/once"))
        wait_until(lambda: greedy.has_arrived() and modest.has_arrived(), "both have asked")
    assert " 403 " in modest.message()[0]
    for _ in range(1000):
        assert " 403 " in greedy.message()[0]
    wait_until(lambda: len(proxy.log.lines) == 1002, "a log line each")
    asked = [re.search(r'"GET /deny/(\w+)', line)[1] for line in proxy.log.lines]
    assert asked.index("once") < 100


def test_what_nobody_wants_is_read_in_pieces(proxy, tmp_path):
    """The rest of a request that is answered already is as long as its client likes."""
    client = proxy.connect()
    trace = tmp_path / "trace"
    tracer = subprocess.Popen(["strace", "-f", "-o", trace, "-e", "trace=recvfrom,epoll_wait", "-p", str(proxy.process.pid)],
                              stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: "attached" in tracer.stderr.readline(), "the tracer is there")
        client.send(b"POST /deny HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n")
        assert " 403 " in client.message()[0]
        with pytest.raises(OSError):  # it listens no more, after a second
            while True:
                client.send(bytes(4 << 20))
    finally:
        tracer.terminate()
        tracer.communicate(timeout=TIMEOUT)
    calls = re.findall(r"^\d+ +(recvfrom|epoll_wait)\(", trace.read_text(), re.M)
    turns = "".join("r" if call == "recvfrom" else " " for call in calls).split()
    assert sum(map(len, turns)) > 20
    assert max(map(len, turns)) <= 10
