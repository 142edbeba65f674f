"""What Apache sees: health checks from both balancers, and who the visitor really is."""
import datetime
import re

import pytest

from pair import PAIR, wait_until

CHECK = re.compile(r'^(\S+) - - \[([^]]+)\] "OPTIONS / HTTP/1\.0" 200 ')


def checks(web, balancer, since):
    """When this balancer checked this web server."""
    return [datetime.datetime.strptime(found.group(2), "%d/%b/%Y:%H:%M:%S %z")
            for found in map(CHECK.match, web.log_lines("apache2/all.log", since))
            if found and found.group(1) == balancer.address]


def test_both_balancers_check_both_web_servers_every_2_s(lab):
    marks = {web.name: web.log_mark("apache2/all.log") for web in lab.webs}
    for web in lab.webs:
        for balancer in lab.balancers:
            times = wait_until(lambda: (seen := checks(web, balancer, marks[web.name]))[5:] and seen, 30,
                               f"six checks of {web} by {balancer}")
            # Five intervals; the log's clock has whole seconds, and a busy machine its pauses.
            assert 9 <= (times[5] - times[0]).total_seconds() <= 13


def test_the_access_log_is_free_of_them(lab):
    for web in lab.webs:
        assert not [line for line in web.log_lines("apache2/access.log") if "OPTIONS" in line]


def test_the_access_log_has_the_clients_address(lab):
    marks = {web.name: web.log_mark("apache2/access.log") for web in lab.webs}
    for _ in range(2):
        assert lab.client.curl(PAIR + "/").status == 200
    for web in lab.webs:
        line = web.wait_for("GET", 3, since=marks[web.name], name="apache2/access.log")
        assert re.match(r'192\.168\.50\.1 - - \[[^]]+\] "GET / HTTP/1\.1" 200 \d+ "-" "curl/', line)


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-for"])
def test_a_client_cannot_pass_for_another(lab, name):
    """The address is added as a field of its own, after the client's: Apache joins them in order."""
    marks = {web.name: web.log_mark("apache2/access.log") for web in lab.webs}
    for _ in range(2):
        assert lab.client.curl(PAIR + "/", "-H", f"{name}: 9.9.9.9").status == 200
    for web in lab.webs:
        line = web.wait_for("GET", 3, since=marks[web.name], name="apache2/access.log")
        assert line.startswith("9.9.9.9, 192.168.50.1 - - ")
