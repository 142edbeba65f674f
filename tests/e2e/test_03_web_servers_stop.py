"""A web server stops and comes back: the visitor must not notice. Both stop: the 503 page."""
import re
import time

import pytest

from pair import PAIR, heading, wait_until

PAGE_503 = (b"<html><body><h1>503 Service Unavailable</h1>\n"
            b"No server is available to handle this request.\n</body></html>\n")


@pytest.mark.parametrize("name", ["web1", "web2"])
def test_one_stops_and_returns_and_no_request_fails(lab, name):
    stopped = getattr(lab, name)
    other = lab.web2 if stopped is lab.web1 else lab.web1

    marks = {web: web.log_mark("apache2/access.log") for web in lab.webs}
    with lab.client.load(rate=50, seconds=10) as load:
        wait_until(lambda: all(len(web.log_lines("apache2/access.log", marks[web])) >= 5 for web in lab.webs), 5,
                   "both answer")
        stopping = time.monotonic()
        stopped.stop("apache")
        down = time.monotonic()
    assert load.failed == []
    assert load.servers(ended=stopping) == {"web1", "web2"}
    assert load.servers(begun=down) == {other.name}
    assert sum(outcome.begun > down for outcome in load.outcomes) > 100

    # A request every 20 ms while it returns: rise 2 at checks every 2 s.
    with lab.client.load(rate=50, seconds=12) as load:
        stopped.start("apache")
    assert load.failed == []
    assert load.servers(begun=load.outcomes[-1].begun - 1) == {"web1", "web2"}


def test_both_stopped_gives_the_503_page(lab):
    for web in lab.webs:
        web.stop("apache")
    response = lab.client.curl(PAIR + "/")
    assert response.status == 503
    assert response.body == PAGE_503
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-type"] == "text/html"
    assert response.headers["content-length"] == "107"

    # Noticed by the checks within fall 3 × 2 s, and said so.
    lab.hap1.wait_for("backend webservers has no server available!", 18)
    assert lab.client.curl(PAIR + "/").body == PAGE_503

    lab.web2.start("apache")
    wait_until(lambda: lab.ask() == "web2", 12, "web2 is used again")


def test_the_state_lines_are_haproxys(lab):
    mark = lab.hap1.log_mark()
    lab.web1.stop("apache")
    lab.hap1.wait_for(
        r"Server webservers/web1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused"
        r".*, check duration: \d+ms\. 1 active and 0 backup servers left\. "
        r"\d+ sessions active, 0 requeued, 0 remaining in queue\.$", 18, since=mark)
    lab.web1.start("apache")
    lab.hap1.wait_for(
        r"Server webservers/web1 is UP, reason: Layer7 check passed, code: 200, check duration: \d+ms\. "
        r"2 active and 0 backup servers online\. 0 sessions requeued, 0 total in queue\.$", 12, since=mark)


def test_the_access_log_line_is_haproxys(lab):
    mark = lab.hap1.log_mark()
    assert heading(lab.client.curl(PAIR + "/?the-line").body)
    line = lab.hap1.wait_for(r"the-line", 3, since=mark)
    assert re.search(
        r"192\.168\.50\.1:\d+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] http-in webservers/web[12] "
        r"\d+/\d+/\d+/\d+/\d+ 200 \d+ - - ---- \d+/\d+/\d+/\d+/0 0/0 \"GET /\?the-line HTTP/1\.1\"$", line)
