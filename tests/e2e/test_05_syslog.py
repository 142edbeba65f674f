"""The drill of the seed's log, and its lines: hap1 and hap2 start one after the other, hap2's proxy
stops and comes back, hap1's proxy stops."""
import re

import pytest

from pair import INCUMBENT, wait_until

pytestmark = pytest.mark.skipif(INCUMBENT, reason="these are the lines of 2016; Debian's keepalived has others")

# What the seed shows. Other lines may stand between them (addresses set, announcements sent), but
# none of these kinds more often or in another order.
KINDS = re.compile(r"hapair-vrrp\[\d+\]: (VRRP_Script\(chk_haproxy\) (?:succeeded|failed)"
                   r"|VRRP_Instance\(VI_1\) (?:Transition to MASTER STATE|Entering \w+ STATE|forcing a new MASTER election"
                   r"|Received (?:lower|higher) prio advert.*))$")


def told(host, since=0, name="hapair.log"):
    """The lines of the seed's kinds, from the tag's end on."""
    return [found.group(1) for found in map(KINDS.search, host.log_lines(name, since)) if found]


def assert_told(host, lines, since, name="hapair.log"):
    """Exactly those, as soon as the last of them is written: rsyslog may be on its way with it."""
    wait_until(lambda: told(host, since, name)[len(lines) - 1:], 5, lambda: f"{lines} of {host}: {told(host, since, name)}")
    assert told(host, since, name) == lines


@pytest.fixture
def drill(lab):
    """The drill of the seed's log, as it happened; the places in the logs where it begins."""
    for balancer in reversed(lab.balancers):  # so that hap2 does not take over from hap1
        balancer.stop("vrrp")
    begins = {host.name: host.log_mark() for host in lab.balancers}
    syslog = {host.name: host.log_mark("syslog") for host in lab.balancers}

    lab.hap1.start("vrrp")
    lab.hap1.wait_for("Entering MASTER STATE", 6, since=begins["hap1"])
    lab.hap2.start("vrrp")
    lab.hap2.wait_for("Entering BACKUP STATE", 6, since=begins["hap2"])
    lab.hap2.wait_for(r"VRRP_Script\(chk_haproxy\) succeeded", 3, since=begins["hap2"])

    mark = lab.hap2.log_mark()
    lab.hap2.stop("proxy")
    lab.hap2.wait_for(r"VRRP_Script\(chk_haproxy\) failed", 4, since=mark)
    lab.hap2.start("proxy")
    lab.hap2.wait_for(r"VRRP_Script\(chk_haproxy\) succeeded", 4, since=mark)

    mark = lab.hap2.log_mark()
    lab.hap1.stop("proxy")
    lab.hap2.wait_for("Entering MASTER STATE", 7, since=mark)
    lab.wait_for_master(lab.hap2, 2)
    return begins, syslog


def test_the_drill_reads_as_the_seed_shows_it(lab, drill):
    begins, syslog = drill
    hap1 = [
        "VRRP_Script(chk_haproxy) succeeded",
        "VRRP_Instance(VI_1) Transition to MASTER STATE",
        "VRRP_Instance(VI_1) Entering MASTER STATE",
        "VRRP_Instance(VI_1) Received lower prio advert, forcing new election",
        "VRRP_Script(chk_haproxy) failed",
        "VRRP_Instance(VI_1) Received higher prio advert",
        "VRRP_Instance(VI_1) Entering BACKUP STATE",
    ]
    hap2 = [
        "VRRP_Script(chk_haproxy) succeeded",
        "VRRP_Instance(VI_1) Transition to MASTER STATE",
        "VRRP_Instance(VI_1) Received higher prio advert",
        "VRRP_Instance(VI_1) Entering BACKUP STATE",
        "VRRP_Script(chk_haproxy) failed",
        "VRRP_Script(chk_haproxy) succeeded",
        "VRRP_Instance(VI_1) forcing a new MASTER election",
        "VRRP_Instance(VI_1) Transition to MASTER STATE",
        "VRRP_Instance(VI_1) Entering MASTER STATE",
    ]
    assert_told(lab.hap1, hap1, begins["hap1"])
    assert_told(lab.hap2, hap2, begins["hap2"])
    # And in the file that the seed's text names.
    assert_told(lab.hap1, hap1, syslog["hap1"], "syslog")
    assert_told(lab.hap2, hap2, syslog["hap2"], "syslog")


def test_the_return_of_hap1s_proxy_reads_alike(lab, drill):
    mark = {host.name: host.log_mark() for host in lab.balancers}
    lab.hap1.start("proxy")
    lab.wait_for_master(lab.hap1, 7)
    lab.hap2.wait_for("Entering BACKUP STATE", 3, since=mark["hap2"])
    assert_told(lab.hap1, [
        "VRRP_Script(chk_haproxy) succeeded",
        "VRRP_Instance(VI_1) forcing a new MASTER election",
        "VRRP_Instance(VI_1) Transition to MASTER STATE",
        "VRRP_Instance(VI_1) Entering MASTER STATE",
    ], mark["hap1"])
    assert_told(lab.hap2, [
        "VRRP_Instance(VI_1) Received higher prio advert",
        "VRRP_Instance(VI_1) Entering BACKUP STATE",
    ], mark["hap2"])


def test_lines_carry_host_tag_and_process(lab):
    line = lab.hap1.wait_for("Entering MASTER STATE", 5)
    found = re.match(r"\w{3} [ \d]\d \d\d:\d\d:\d\d hap1 hapair-vrrp\[(\d+)\]: VRRP_Instance\(VI_1\) ", line)
    assert found and int(found.group(1)) > 0
