"""Live traffic as evidence of health: observe, error_limit, on_error. Checks alone would find nothing."""

import contextlib
import re
import socket
import threading

import pytest

from loopback import TIMEOUT, Origin, Proxy, answering, ok, wait_until
from test_checks import STATS, column

# Checks that pass, and so far apart that they decide nothing within a test.
QUIET = 'check = { interval = "60s", rise = 2, fall = 3 }'


class Site:
    """A server whose answers a test sets; None closes the connection instead."""

    def __init__(self):
        self.answer = ok()
        self.origin = Origin(self._serve)
        self.port = self.origin.port

    def _serve(self, connection, _number):
        while True:
            connection.message()
            if self.answer is None:
                return
            connection.send(self.answer)

    def status(self, status):
        self.answer = b"HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n" % status


@contextlib.contextmanager
def observed(tmp_path, keys, backend=QUIET, **options):
    """One observed site and one that is not, each asked in turn."""
    site, other = Site(), Origin(answering())
    proxy = Proxy(tmp_path, [site.port, other.port], backend=backend, frontend=STATS,
                  server_extra=lambda number: keys if number == 1 else "", **options)
    try:
        wait_until(lambda: column(proxy, "s1", "status") == column(proxy, "s2", "status") == "UP",
                   "both are up")
        yield proxy, site
    finally:
        proxy.stop()
        site.origin.close()
        other.close()
    assert proxy.process.returncode == 0


def spoil(proxy, count):
    """So many requests to the first server, and as many to the other."""
    for _ in range(2 * count):
        proxy.get()


def test_errors_in_a_row_mark_a_server_down_and_its_checks_bring_it_back(tmp_path):
    with observed(tmp_path, 'observe = "layer7"\nerror_limit = 3\non_error = "mark-down"',
                  'check = { interval = "300ms", rise = 2, fall = 3 }') as (proxy, site):
        for forgiven in (404, 501, 505, 200):
            site.status(500)
            spoil(proxy, 2)
            site.status(forgiven)
            spoil(proxy, 1)
        assert column(proxy, "s1", "status") == "UP" and column(proxy, "s1", "hanafail") == "0"
        site.status(503)
        spoil(proxy, 3)
        line = proxy.log.wait_for(r"Server app/s1 is ")
        assert line.startswith("<129>"), line
        # The last of them may still be under way.
        assert re.search(
            ": Server app/s1 is DOWN, reason: Health analyze, "
            r'info: "Detected 3 consecutive errors, last one was: Wrong http response"\. '
            r"1 active and 0 backup servers left\. [01] sessions active, 0 requeued, 0 remaining in queue\.$", line), line
        assert column(proxy, "s1", "hanafail") == "1"
        assert column(proxy, "s2", "hanafail") == ""
        proxy.log.wait_for(r"Server app/s1 is UP, reason: Layer4 check passed")
        assert column(proxy, "s1", "chkdown") == "1"


def test_a_streak_counts_as_a_failed_check(tmp_path):
    with observed(tmp_path, 'observe = "layer7"\nerror_limit = 2') as (proxy, site):
        site.status(500)
        for status in ("UP 2/3", "UP 1/3", "DOWN"):
            spoil(proxy, 2)
            wait_until(lambda: column(proxy, "s1", "status") == status, status)
        row = {name: column(proxy, "s1", name) for name in ("hanafail", "chkfail", "chkdown", "check_status",
                                                            "check_code", "check_duration", "check_desc")}
        row["check_status"] = row["check_status"].removeprefix("* ")
        assert row == {"hanafail": "3", "chkfail": "3", "chkdown": "1", "check_status": "HANA", "check_code": "",
                       "check_duration": "", "check_desc": "Health analyze"}


def test_sudden_death_leaves_one_life(tmp_path):
    with observed(tmp_path, 'observe = "layer7"\nerror_limit = 2\non_error = "sudden-death"') as (proxy, site):
        site.status(500)
        for status in ("UP 1/3", "DOWN"):
            spoil(proxy, 2)
            wait_until(lambda: column(proxy, "s1", "status") == status, status)


def test_fastinter_asks_the_check_soon(tmp_path):
    with observed(tmp_path, 'observe = "layer7"\nerror_limit = 2\non_error = "fastinter"',
                  'check = { request = "GET /", interval = "60s", fast_interval = "50ms", fall = 1 }'
                  ) as (proxy, site):
        site.status(500)
        spoil(proxy, 2)
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: Layer7 wrong status, code: 500")


@pytest.mark.parametrize("answer, patience, words", [
    (None, "20s", r"Close from server \(http\)"),
    (b"HTTP/1.1 200 OK\r\nBad header\r\n\r\n", "20s", r"Invalid http response \(headers\)"),
    (b"", "1s", r"Read timeout \(http\)"),
], ids=["closed", "head", "silent"])
def test_every_kind_of_error_has_its_words(tmp_path, answer, patience, words):
    with observed(tmp_path, 'observe = "layer7"\nerror_limit = 1\non_error = "mark-down"',
                  f'{QUIET}\ntimeout = {{ server = "{patience}" }}') as (proxy, site):
        site.answer = answer
        for _ in range(2):
            with contextlib.suppress(EOFError, ConnectionError):
                proxy.get()
        proxy.log.wait_for('Server app/s1 is DOWN, reason: Health analyze, '
                           f'info: "Detected 1 consecutive errors, last one was: {words}"\\.')


def test_content_that_breaks_off_its_framing_counts(tmp_path):
    """Its beginning is with the client already."""
    began = threading.Event()

    def breaking(connection, _number):
        connection.message()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        began.wait(TIMEOUT)
        connection.send(b"oops\r\n")

    origin = Origin(breaking)
    proxy = Proxy(tmp_path, [origin.port], backend=QUIET, frontend=STATS,
                  server_extra='observe = "layer7"\nerror_limit = 1\non_error = "mark-down"')
    try:
        wait_until(lambda: column(proxy, "s1", "status") == "UP", "it is up")
        client = proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.until(b"hello\r\n")
        began.set()
        proxy.log.wait_for(r'Server app/s1 is DOWN, reason: Health analyze, '
                           r'info: "Detected 1 consecutive errors, last one was: Invalid http response"')
        client.close()
    finally:
        proxy.stop()
        origin.close()


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_connections_that_fail_count_on_layer_4(tmp_path, mode):
    """The check asks another port, where all is well."""
    well = socket.create_server(("127.0.0.1", 0))
    with observed(tmp_path, 'observe = "layer4"\nerror_limit = 3\non_error = "mark-down"\n'
                  f'check = {{ port = {well.getsockname()[1]}, interval = "60s" }}',
                  defaults='retries = 0' if mode == "http" else "") as (proxy, site):
        site.status(500)
        spoil(proxy, 5)  # no business of layer 4
        assert column(proxy, "s1", "status") == "UP"
        site.origin.close()
        spoil(proxy, 4)
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: Health analyze, "
                           r'info: "Detected 3 consecutive errors, last one was: L4 unsuccessful connection"')
    well.close()


def test_an_idle_connection_that_the_server_closed_is_no_error(tmp_path):
    """Sent again on another, and nothing is held against the server."""
    served = []

    def once(connection, number):
        connection.message()
        served.append(number)
        connection.send(ok())
        connection.message()  # the next request on it finds the door closed

    origin = Origin(once)
    proxy = Proxy(tmp_path, [origin.port], backend=QUIET, frontend=STATS,
                  server_extra='observe = "layer7"\nerror_limit = 1\non_error = "mark-down"', workers=1)
    try:
        wait_until(lambda: column(proxy, "s1", "status") == "UP", "it is up")
        for _ in range(5):
            assert proxy.get()[0] == "HTTP/1.1 200 OK"
        assert len(served) == 5
        assert column(proxy, "s1", "hanafail") == "0"
    finally:
        proxy.stop()
        origin.close()
