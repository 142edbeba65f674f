"""What is tried again, what never is, and how often: through the real binary."""

import re
import socket
import time

import pytest

from loopback import Origin, Proxy, answering, deaf_port, free_port, ok, wait_until
from test_control import farm_of
from test_tcp_relay import TCP


class Pair:
    """A server that fails in a way of its own and one that is well, and a proxy in front."""

    def __init__(self, tmp_path, fail, backend, **options):
        self.bad_requests, self.good_requests = [], []
        self.bad = Origin(self._serve(self.bad_requests, fail))
        self.good = Origin(self._serve(self.good_requests, lambda connection: connection.send(ok(b"good"))))
        self.proxy = Proxy(tmp_path, [self.bad.port, self.good.port], backend=backend, workers=1, **options)

    @staticmethod
    def _serve(requests, answer):
        def serve(connection, _number):
            while True:
                requests.append(connection.message(body_expected=True)[0])
                if answer(connection) == "close":
                    return

        return serve

    def ask(self, method="GET", body=b""):
        connection = self.proxy.connect()
        connection.send(b"%s / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s" % (method.encode(), len(body), body))
        line, _, content = connection.message()
        connection.close()
        return int(line.split()[1]), content

    def close(self):
        self.proxy.stop()
        self.bad.close()
        self.good.close()


FAILURES = {
    "empty-response": lambda connection: "close",
    "junk-response": lambda connection: connection.send(b"I am no HTTP server\r\n\r\n") or "close",
    "response-timeout": lambda connection: connection.rest() or "close",  # until it is given up
    "500": lambda connection: connection.send(b"HTTP/1.1 500 Broken\r\nContent-Length: 3\r\n\r\nbad"),
    "503": lambda connection: connection.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nbad"),
    "404": lambda connection: connection.send(b"HTTP/1.1 404 Gone\r\nContent-Length: 3\r\n\r\nbad"),
}
ANSWERS = {"empty-response": 502, "junk-response": 502, "response-timeout": 504, "500": 500, "503": 503, "404": 404}


@pytest.fixture
def pair(tmp_path):
    made = []

    def make(cause, backend, **options):
        # The well server has as long to answer as the other one has to be found silent.
        patience = "2s" if cause == "response-timeout" else "20s"
        made.append(Pair(tmp_path, FAILURES[cause], f'timeout = {{ server = "{patience}" }}\n{backend}', **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("cause", FAILURES)
def test_a_named_cause_sends_the_request_to_the_other_server(pair, cause):
    farm = pair(cause, f'retry_on = ["{cause}"]')
    assert farm.ask() == (200, b"good")
    assert len(farm.bad_requests) == 1 and len(farm.good_requests) == 1
    assert re.search(r" app/s2 .*/\+1 0/0 ", farm.proxy.log.wait_for(r"/\+1 "))


@pytest.mark.parametrize("cause", FAILURES)
def test_a_cause_that_is_not_named_is_told_to_the_client(pair, cause):
    farm = pair(cause, "")  # conn-failure alone
    assert farm.ask()[0] == ANSWERS[cause]
    assert len(farm.bad_requests) == 1 and not farm.good_requests


@pytest.mark.parametrize("cause", FAILURES)
def test_a_post_is_never_sent_twice(pair, cause):
    farm = pair(cause, f'retry_on = ["conn-failure", "{cause}"]')
    assert farm.ask("POST", b"pay")[0] == ANSWERS[cause]
    assert len(farm.bad_requests) == 1 and not farm.good_requests


def test_a_post_is_sent_twice_by_those_who_ask_for_it(pair):
    farm = pair("503", 'retry_on = ["503"]\nretry_methods = "any"')
    assert farm.ask("POST", b"pay") == (200, b"good")


def test_all_retryable_errors_are_all(pair):
    farm = pair("503", 'retry_on = "all-retryable-errors"')
    assert farm.ask() == (200, b"good")


def test_the_last_answer_stands_when_the_attempts_are_used_up(pair):
    farm = pair("503", 'retry_on = ["503"]\nretries = 0')
    assert farm.ask() == (503, b"bad")


HEAD_AND_JUNK = b"X-Long: %s\r\nSet-Cookie: SRV=%s\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\njunk" % (b"a" * 100, b"x" * 400)


@pytest.mark.parametrize("cookie", ["insert", "prefix", "rewrite"])
def test_what_a_withdrawn_answer_made_of_the_cookie_is_forgotten(tmp_path, cookie):
    """Its edits were for its own head: in another one they reach beyond what was received."""
    def junk(connection):
        connection.send(b"HTTP/1.1 200 OK\r\n" + HEAD_AND_JUNK)
        return "close"

    answer = b"X-Mine: %s\r\n" % (b"b" * 150) + (b"Set-Cookie: SRV=y\r\n" if cookie != "insert" else b"")
    farm = Pair(tmp_path, junk, f'cookie = {{ name = "SRV", mode = "{cookie}" }}\nretry_on = ["junk-response"]',
                server_extra=lambda number: f'cookie = "S{number}"')
    farm.good.serve = farm._serve(farm.good_requests, lambda connection: connection.send(ok(b"good", answer)))
    try:
        for _ in range(4):
            connection = farm.proxy.connect()
            connection.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            line, fields, body = connection.message()
            connection.close()
            assert (line, body) == ("HTTP/1.1 200 OK", b"good")
            assert fields["set-cookie"] == [{"insert": "SRV=S2; path=/", "prefix": "SRV=S2~y", "rewrite": "SRV=S2"}[cookie]]
        assert farm.bad_requests and farm.proxy.process.poll() is None
    finally:
        farm.close()


def test_the_line_captures_nothing_of_an_answer_that_the_client_did_not_get(tmp_path):
    busy = b"HTTP/1.1 503 Busy\r\nX-Who: one\r\nSet-Cookie: SID=secret\r\nContent-Length: 0\r\n\r\n"
    origin = Origin(answering(lambda *_request: busy))
    proxy = Proxy(tmp_path, [origin.port, free_port()], balance='"first"', backend='retry_on = ["503", "conn-failure"]\nretries = 1',
                  frontend='capture_response_headers = [{ name = "X-Who", length = 10 }]\ncapture_cookie = { name = "SID", length = 20 }')
    try:
        assert proxy.get()[0] == "HTTP/1.1 503 Service Unavailable"
        assert re.search(r" app/s2 \S+ 503 \d+ - - SC-- \S+ \S+ \{\} ", proxy.log.wait_for('"GET / HTTP'))
    finally:
        proxy.stop()
        origin.close()


def test_a_failed_connect_is_not_tried_again_where_nothing_is(tmp_path):
    with socket.socket() as held:  # a port where nobody listens
        held.bind(("127.0.0.1", 0))
        proxy = Proxy(tmp_path, [held.getsockname()[1]], backend='retry_on = "none"')
        try:
            assert proxy.get()[0].startswith("HTTP/1.1 503 ")
            assert re.search(r" SC-- \S+/0 0/0 ", proxy.log.wait_for(r" 503 "))
        finally:
            proxy.stop()


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_the_time_with_a_server_that_failed_is_waiting_and_not_connecting(tmp_path, mode):
    """As in HAProxy: Tc and ctime are the answering server's own."""
    timeout = '\ntimeout = { connect = "300ms", client = "5s", server = "5s", queue = "5s" }'
    options = dict(TCP) if mode == "tcp" else {"frontend": "", "backend": ""}
    options["frontend"] += '\nstats = { uri = "/stats" }' if mode == "http" else ""
    options["backend"] += timeout
    with deaf_port() as deaf:
        origin = Origin(answering())
        proxy = Proxy(tmp_path, [deaf, origin.port], **options)
        try:
            assert proxy.get()[2] == b"hello"
            line = proxy.log.wait_for(r"app/s2 ")
            found = re.search(r" app/s2 (?:\d+/)?(\d+)/(\d+)/(?:\d+/)?\d+ (?:200 )?\d+ ", line)
            assert int(found[1]) >= 300 and int(found[2]) < 100, line
            assert "/+1 0/0" in line
            if mode == "http":
                assert int(proxy.column("s2", "qtime")) >= 300 and int(proxy.column("s2", "ctime")) < 100
        finally:
            proxy.stop()
            origin.close()


def test_the_last_attempt_at_the_only_server_is_one_with_a_server_chosen_anew(tmp_path):
    proxy = Proxy(tmp_path, [free_port()], backend='timeout = { connect = "100ms" }')
    try:
        assert proxy.get()[0].startswith("HTTP/1.1 503 ")
        found = re.search(r" 0/(\d+)/-1/-1/\d+ 503 .* SC-- ", proxy.log.wait_for(" 503 "))
        assert int(found[1]) >= 300, "three pauses, then it was chosen once more"
    finally:
        proxy.stop()


def test_a_tcp_connection_counts_its_times(tmp_path):
    def late(connection, _number):
        connection.fill()
        time.sleep(0.2)  # the time that has to be counted
        connection.send(b"done")

    with farm_of(tmp_path, late, frontend='mode = "tcp"\nlog_format = "tcp"', backend='mode = "tcp"') as farm:
        client = farm.proxy.connect()
        client.send(b"x")
        assert client.rest() == b"done"
        client.close()
        row = wait_until(lambda: farm.rows()["app", "BACKEND"]["ttime"] != "0" and farm.rows()["app", "BACKEND"], "it is counted")
        assert int(row["ttime"]) >= 200
        assert int(row["ctime"]) < 100 and row["rtime"] == "0"


def test_the_budget_bounds_what_the_farm_is_given_twice(tmp_path):
    farm = Pair(tmp_path, FAILURES["503"],
                'retry_on = ["503"]\nretry_budget = { percent = 20, per_second = 0 }')
    try:
        answers = [farm.ask()[0] for _ in range(200)]
        repeated = len(farm.bad_requests) + len(farm.good_requests) - len(answers)
        assert 0 < repeated <= 0.2 * len(answers)
        assert answers.count(503) > 0  # what the budget does not pay for is told
    finally:
        farm.close()


@pytest.mark.parametrize("workers", [1, 8])
def test_some_retries_a_second_are_always_paid_for_however_many_workers_there_are(tmp_path, workers):
    bad = Origin(answering(lambda *_: b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))
    good = Origin(answering())
    proxy = Proxy(tmp_path, [bad.port, good.port], balance='"first"', server_extra="maxconn = 9", workers=workers,
                  backend='retry_on = ["503"]\nretry_budget = { percent = 0, per_second = 10 }')
    try:
        client = proxy.connect()  # of one worker
        answers = []
        while len(answers) < 16:
            client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            answers.append(int(client.message()[0].split()[1]))
            time.sleep(0.12)  # after the answer: never more than eight a second, whoever is late
        assert answers == [200] * 16
    finally:
        proxy.stop()
        bad.close()
        good.close()


def test_without_a_budget_every_request_may_be_saved(tmp_path):
    farm = Pair(tmp_path, FAILURES["503"], 'retry_on = ["503"]\nretry_budget = false')
    try:
        assert {farm.ask()[0] for _ in range(60)} == {200}
    finally:
        farm.close()


# ------------------------------------------------------------------ check_post

def test_check_post_waits_for_the_body_and_sends_it_once(tmp_path):
    seen = {"s1": [], "s2": [], "s3": []}

    def server(name):
        def serve(connection, _number):
            while True:
                seen[name].append(connection.message()[2])
                connection.send(ok(name.encode()))
        return serve

    origins = [Origin(server(name)) for name in seen]
    proxy = Proxy(tmp_path, [origin.port for origin in origins],
                  balance='{ url_param = "user", check_post = true }')
    try:
        def post(user, pieces=1, expect=b"", chunked=False):
            body = b"a=1&user=%s" % user
            connection = proxy.connect()
            framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
            connection.send(b"POST / HTTP/1.1\r\nHost: t\r\n%s%s\r\n\r\n" % (expect, framing))
            if expect:
                assert connection.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
            size = -(-len(body) // pieces)
            for at in range(0, len(body), size):
                piece = body[at:at + size]
                connection.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                if pieces > 1:
                    time.sleep(0.02)  # so that they are read apart
            if chunked:
                connection.send(b"0\r\n\r\n")
            # A second request on the connection: the first one's end was found to the byte.
            connection.send(b"GET /?user=%s HTTP/1.1\r\nHost: t\r\n\r\n" % user)
            servers = [connection.message()[2] for _ in range(2)]
            assert servers[0] == servers[1]
            connection.close()
            return servers[0]

        users = [b"anna", b"bert", b"carla", b"dora", b"emil", b"franz"]
        homes = {user: post(user) for user in users}
        assert len(set(homes.values())) > 1
        for user in users:
            assert post(user, pieces=4) == homes[user]
            assert post(user, pieces=3, chunked=True) == homes[user]
            assert post(user, expect=b"Expect: 100-continue\r\n") == homes[user]
        bodies = [body for name in seen for body in seen[name] if body]
        assert sorted(bodies) == sorted(b"a=1&user=%s" % user for user in users for _ in range(4))
    finally:
        proxy.stop()
        for origin in origins:
            origin.close()


# ------------------------------------------------------------------ backups, priorities

def test_a_backup_serves_while_nobody_else_can(tmp_path):
    origins = [Origin(lambda connection, _number, name=name: [
        connection.message() and connection.send(ok(name)) for _ in range(1000)]) for name in (b"s1", b"s2")]
    extra = 'check = { interval = "100ms" }'
    proxy = Proxy(tmp_path, [origins[0].port], server_extra=extra, run=False)
    with proxy.path.open("a") as file:
        file.write(f'[[backend.app.server]]\nname = "s2"\naddress = "127.0.0.1:{origins[1].port}"\nbackup = true\n')
    proxy.start()
    try:
        wait_until(lambda: proxy.get()[2] == b"s1", "the first verdict")
        assert {proxy.get()[2] for _ in range(10)} == {b"s1"}
        origins[0].close()
        line = proxy.log.wait_for("is DOWN")
        assert "0 active and 1 backup servers left. Running on backup." in line
        assert {proxy.get()[2] for _ in range(10)} == {b"s2"}
    finally:
        proxy.stop()
        origins[1].close()


# How an exchange may end while its content is gathered: what the client does, the status it gets, and the log's
# letters. 408 and 400 have the backend's page.
ENDINGS = {
    "the client closes": (lambda client: client.close(), None, "CR--"),
    "the client resets": (lambda client: client.reset(), None, "CR--"),
    "nothing comes": (lambda client: None, b"408", "cR--"),
    "a broken chunk": (lambda client: client.send(b"nonsense\r\n"), b"400", "PR--"),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_an_exchange_may_end_while_its_content_is_gathered(tmp_path, how):
    (tmp_path / "page").write_text("HTTP/1.1 408 Slow\r\n\r\nthe backend's page")
    origin = Origin(answering())
    proxy = Proxy(tmp_path, [origin.port], balance='{ url_param = "user", check_post = true }',
                  backend=f'error_files = {{ 408 = "{tmp_path}/page" }}',
                  frontend=f'timeout = {{ http_request = "{"2s" if how == "nothing comes" else "20s"}" }}')
    try:
        action, status, letters = ENDINGS[how]
        client = proxy.connect()
        framing = b"Transfer-Encoding: chunked" if how == "a broken chunk" else b"Content-Length: 99"
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\n%s\r\n\r\n%s" % (framing, b"" if b"chunked" in framing else b"a=1"))
        if how != "nothing comes":
            wait_until(lambda: proxy.has_read(client), "it is here")
        action(client)
        if status:
            line, _fields, body = client.message()
            assert status in line.encode()
            assert ("the backend's page" in body.decode()) == (status == b"408")
        line = proxy.log.wait_for(rf" {letters} ")
        assert re.search(r" http-in app/<NOSRV> .* 1/1/0/0/0 0/0 ", line), "it has left the backend"
        assert proxy.get()[0] == "HTTP/1.1 200 OK"
        assert proxy.log.wait_for(r' app/s1 .* 200 ')
    finally:
        proxy.stop()
        origin.close()
