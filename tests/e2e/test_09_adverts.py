"""Our adverts as tshark reads them, on the client's card: well formed, checksum good, one a second."""
import statistics

import pytest

FIELDS = ["frame.time_epoch", "eth.dst", "ip.src", "ip.dst", "ip.ttl", "ip.checksum.status", "vrrp.version",
          "vrrp.type", "vrrp.virt_rtr_id", "vrrp.prio", "vrrp.addr_count", "vrrp.auth_type", "vrrp.adver_int",
          "vrrp.checksum.status", "vrrp.ip_addr", "_ws.malformed", "_ws.expert"]
GOOD = "1"  # of a checksum's status


def adverts(lab, count, timeout):
    """The next adverts on the wire, each as {field: value}."""
    output = lab.client.output(
        "tshark", "-i", "eth1", "-f", "ip proto 112", "-c", count, "-a", f"duration:{timeout}", "-l", "-n",
        "-o", "ip.check_checksum:TRUE", "-T", "fields", "-E", "separator=|",
        *[word for field in FIELDS for word in ("-e", field)], timeout=timeout + 20)
    packets = [dict(zip(FIELDS, line.split("|"))) for line in output.splitlines()]
    assert len(packets) == count
    return packets


@pytest.fixture
def five(lab):
    return adverts(lab, 5, 15)


def test_tshark_has_nothing_to_complain_of(five):
    for packet in five:
        assert packet["_ws.malformed"] == packet["_ws.expert"] == ""
        assert packet["vrrp.checksum.status"] == GOOD
        assert packet["ip.checksum.status"] == GOOD


def test_they_are_the_seeds(lab, five):
    for packet in five:
        assert packet["eth.dst"] == "01:00:5e:00:00:12"
        assert packet["ip.src"] == lab.hap1.address
        assert packet["ip.dst"] == "224.0.0.18"
        assert packet["ip.ttl"] == "255"
        assert packet["vrrp.version"] == "2"
        assert packet["vrrp.type"] == "1"
        assert packet["vrrp.virt_rtr_id"] == "51"
        assert packet["vrrp.prio"] == "103"  # 101, and 2 while the proxy runs
        assert packet["vrrp.addr_count"] == "1"
        assert packet["vrrp.ip_addr"] == "192.168.50.10"
        assert packet["vrrp.auth_type"] == "0"
        assert packet["vrrp.adver_int"] == "1"


def test_they_come_once_a_second(five):
    times = [float(packet["frame.time_epoch"]) for packet in five]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    # The lab's daemon has no real-time priority (it lacks the right), so one of them may be late: the next is on time.
    assert 0.8 < statistics.median(gaps) < 1.2, gaps
    assert max(gaps) < 2, gaps
