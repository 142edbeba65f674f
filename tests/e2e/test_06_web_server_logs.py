"""What Apache sees: health checks from both balancers, and who the visitor really is."""
import contextlib
import re
import socket
import statistics

import pytest

from pair import PAIR, wait_until
from vrrp_watch import Wire

CHECK = re.compile(r'^(\S+) - - \[[^]]+\] "OPTIONS / HTTP/1\.0" 200 ')


def checks(web, balancer, since):
    """The lines of this balancer's checks of this web server."""
    return [found for found in map(CHECK.match, web.log_lines("apache2/all.log", since))
            if found and found.group(1) == balancer.address]


def questions(wire, balancer):
    """When they came to its card."""
    wire.read()
    sender = socket.inet_aton(balancer.address)
    return [at for at, frame in wire.frames if frame[26:30] == sender and b"OPTIONS / HTTP/1.0\r\n" in frame]


def test_both_balancers_check_both_web_servers_every_2_s(lab):
    marks = {web: web.log_mark("apache2/all.log") for web in lab.webs}
    with contextlib.ExitStack() as wires:
        seen = {web: wires.enter_context(contextlib.closing(Wire(lab.namespace(web.name)))) for web in lab.webs}
        for web in lab.webs:
            for balancer in lab.balancers:
                times = wait_until(lambda: (asked := questions(seen[web], balancer))[6:] and asked, 30,
                                   f"seven checks of {web} by {balancer}")
                gaps = [later - earlier for earlier, later in zip(times, times[1:])]
                # By the kernel's time, and the median, as a busy machine has its pauses: a check can come late.
                assert 1.8 <= statistics.median(gaps) <= 2.6, gaps
                wait_until(lambda: len(checks(web, balancer, marks[web])) >= 6, 5, f"{web} logs those of {balancer}")


def test_the_access_log_is_free_of_them(lab):
    for web in lab.webs:
        assert not [line for line in web.log_lines("apache2/access.log") if "OPTIONS" in line]


def test_the_access_log_has_the_clients_address(lab):
    for _ in range(2):
        assert lab.client.curl(PAIR + "/?whose").status == 200
    for web in lab.webs:
        line = web.wait_for("whose", 5, name="apache2/access.log")
        assert re.match(r'192\.168\.50\.1 - - \[[^]]+\] "GET /\?whose HTTP/1\.1" 200 \d+ "-" "curl/', line)


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-for"])
def test_a_client_cannot_pass_for_another(lab, name):
    """The address is added as a field of its own, after the client's: Apache joins them in order."""
    for _ in range(2):
        assert lab.client.curl(f"{PAIR}/?as-{name}", "-H", f"{name}: 9.9.9.9").status == 200
    for web in lab.webs:
        line = web.wait_for(f"as-{name}", 5, name="apache2/access.log")
        assert line.startswith("9.9.9.9, 192.168.50.1 - - ")
