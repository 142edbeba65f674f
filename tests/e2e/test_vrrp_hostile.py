"""Hostile input: what is refused changes nothing. Each row has an instance of its own in one daemon, a master,
and is held to its role, the spacing of its adverts, and one log line.

What is sent is built by vrrp_packets.py and put on the wire whole; the sender is the peer by its address, so that
every refusal is for the reason that the row is about."""
import contextlib
import dataclasses
import pathlib
import statistics
import time
from typing import Callable

import pytest

import vrrp_link
import vrrp_packets
import vrrp_watch
from pair import wait_until
from vrrp_packets import message2, message3, packet, trailer, with_auth_header

OURS, PEER, STRANGER = "192.168.50.11", "192.168.50.12", "192.168.50.66"
OURS6, PEER6, STRANGER6 = "fe80::11", "fe80::12", "fe80::66"
SECRET = bytes(range(32))

VERSION2 = 'version = 2\nadvert_interval = "1s"'
PASSWORD = VERSION2 + '\nauth = { type = "pass", password = "secret" }'
HEADER = VERSION2 + '\nauth = { type = "ah", password = "PASSWORD" }'
VERSION3 = 'version = 3\nadvert_interval = "100ms"\nauth = { type = "none" }'
FROM_LINK = VERSION3 + '\npeers = "link"'
SIGNED = 'version = 3\nadvert_interval = "100ms"\nauth = { type = "hmac" }'


@dataclasses.dataclass
class Row:
    """`sends`: packets of the router with that id. `says`: the reason in the log; None: it is silent."""

    name: str
    settings: str
    sends: Callable[[int], list[bytes]]
    says: str | None
    v6: bool = False
    is_answered: bool = False  # its first packet is a good one
    vrid: int = 0


def two(**values):
    return lambda vrid: [packet(message2(vrid, 200, [vip(vrid)], **values))]


def three(source=PEER, **values):
    return lambda vrid: [packet(message3(vrid, 200, [vip(vrid)], source=source, **values), source)]


def six(source=PEER6, **values):
    return lambda vrid: [packet(message3(vrid, 200, [vip6(vrid)], source=source, **values), source)]


def cut(size):
    """The first bytes of a good message."""
    return lambda vrid: [packet(message3(vrid, 200, [vip(vrid)])[:size])]


def header(key=b"PASSWORD", **values):
    return lambda vrid: [with_auth_header(message2(vrid, 200, [vip(vrid)], auth_type=2), key, 5, **values)]


def signed(secret=SECRET, key_id=1, age=0.0, **values):
    def sends(vrid):
        message = message3(vrid, 200, [vip(vrid)])
        return [packet(message + trailer(message, secret, time.time() - age, key_id=key_id, **values))]
    return sends


def lower_with_header(vrid):
    return with_auth_header(message2(vrid, 50, [vip(vrid)], auth_type=2), b"PASSWORD", 5)


def lower_signed(vrid):
    message = message3(vrid, 50, [vip(vrid)])
    return packet(message + trailer(message, SECRET, time.time()))


def vip(vrid):
    return f"192.168.50.{100 + vrid}"


def vip6(vrid):
    return f"fe80::1:{vrid}"


ROWS = [
    # Version 2.
    Row("v2 bad checksum", VERSION2, two(broken=1), "bad checksum"),
    Row("v2 time to live", VERSION2, lambda vrid: [packet(message2(vrid, 200, [vip(vrid)]), ttl=254)], "TTL is not 255"),
    Row("v2 hears version 3", VERSION2, three(), "version is not ours"),
    Row("v2 type 2", VERSION2, two(kind=2), "type is not advertisement"),
    Row("v2 password to none", VERSION2, two(auth_type=1, auth=b"secret"), "authentication type mismatch"),
    Row("v2 authentication 7", VERSION2, two(auth_type=7), "authentication type mismatch"),
    Row("v2 none to password", PASSWORD, two(), "authentication type mismatch"),
    Row("v2 wrong password", PASSWORD, two(auth_type=1, auth=b"secres"), "wrong password"),
    Row("v2 interval", VERSION2, two(interval=3), "advertisement interval mismatch"),
    Row("v2 three addresses of one", VERSION2, two(count=3), "address count does not fit the length"),
    Row("v2 trailing bytes", VERSION2, lambda vrid: [packet(message2(vrid, 200, [vip(vrid)]) + bytes(40))],
        "address count does not fit the length"),
    Row("ah wrong key", HEADER, header(b"PASSWORE"), "wrong signature"),
    Row("ah wrong spi", HEADER, header(spi=STRANGER), "wrong signature"),
    Row("ah replayed", HEADER, lambda vrid: 2 * [lower_with_header(vrid)], "heard before", is_answered=True),
    Row("ah to none", VERSION2, header(), None),
    Row("none to ah", HEADER, two(), None),
    # Version 3.
    Row("bad checksum", VERSION3, three(broken=1), "bad checksum"),
    Row("time to live", VERSION3, lambda vrid: [packet(message3(vrid, 200, [vip(vrid)]), ttl=1)], "TTL is not 255"),
    Row("hears version 2", VERSION3, two(), "version is not ours"),
    Row("hears version 4", VERSION3, three(version=4), "version is not ours"),
    Row("type 2", VERSION3, three(kind=2), "type is not advertisement"),
    Row("interval 0", VERSION3, three(interval=0), "advertisement interval mismatch"),
    Row("three addresses of one", VERSION3, three(count=3), "address count does not fit the length"),
    Row("4 bytes", VERSION3, cut(4), "too short"),
    Row("1 byte", VERSION3, cut(1), "too short"),
    Row("no address", VERSION3, cut(8), "address count does not fit the length"),
    Row("stranger", VERSION3, three(STRANGER), "sender is no peer of ours"),
    Row("off the link", FROM_LINK, three("8.8.8.8"), "sender is no peer of ours"),
    Row("another router", VERSION3, lambda vrid: [packet(message3(250, 200, [vip(vrid)]))], None),
    Row("router 0", VERSION3, lambda vrid: [packet(message3(0, 200, [vip(vrid)]))], None),
    Row("our own address", VERSION3, three(OURS), None),
    Row("unicast to multicast", VERSION3,
        lambda vrid: [packet(message3(vrid, 200, [vip(vrid)], destination=OURS), PEER, OURS)], None),
    Row("unsigned", SIGNED, three(), "authentication type mismatch"),
    Row("signed to none", VERSION3, signed(), "authentication type mismatch"),
    Row("unknown key", SIGNED, signed(key_id=9), "signed with a key that is not ours"),
    Row("wrong key", SIGNED, signed(bytes(32)), "wrong signature"),
    Row("signed an hour ago", SIGNED, signed(age=3600), "signed at another time"),
    Row("signed for another address", SIGNED, signed(source=STRANGER), "wrong signature"),
    Row("signed and replayed", SIGNED, lambda vrid: 2 * [lower_signed(vrid)], "heard before", is_answered=True),
    # IPv6.
    Row("v6 bad checksum", VERSION3, six(broken=1), "bad checksum", v6=True),
    Row("v6 hop limit", VERSION3,
        lambda vrid: [packet(message3(vrid, 200, [vip6(vrid)], source=PEER6), PEER6, ttl=254)], "TTL is not 255", v6=True),
    Row("v6 no link-local sender", VERSION3, six("2001:db8::12"), "sender is no peer of ours", v6=True),
    Row("v6 four of one", VERSION3, six(count=4), "address count does not fit the length", v6=True),
    Row("v6 our own address", VERSION3, six(OURS6), None, v6=True),
]
for number, row in enumerate(ROWS, 1):
    row.vrid = number


def file(link, instances):
    key = link.folder / "pair.key"
    key.write_text(f"1 {SECRET.hex()}\n")
    key.chmod(0o600)
    return f"""
[node.hap1]
address = "{OURS}"
[node.hap2]
address = "{PEER}"
[pair]
key_file = "{key}"
""" + instances


class Siege:
    """hap1 with a daemon, and an attacker where hap2 would be. `settings`: of its instances."""

    def __init__(self, link, instances):
        self.link = link
        self.daemon = link.start("hap1", text=file(link, instances))
        self.attacker, self.victim = link.mac("hap2"), link.mac("hap1")
        self.wire = vrrp_watch.Wire(link.namespace("hap2"), only_from=self.victim)

    def frames(self, packets):
        for one in packets:
            unicast = one[0] >> 4 == 4 and one[16:20] == vrrp_packets.packed(OURS)
            yield vrrp_packets.frame(one, self.attacker, self.victim if unicast else None)

    def send(self, *packets):
        for frame in self.frames(packets):
            self.wire.send(frame)

    def beat(self, period, *packets):
        """The same ones again and again; use it in a `with`."""
        return contextlib.closing(vrrp_watch.Beat(self.wire.socket, period, *self.frames(packets)))

    def wait_for_address(self, *addresses):
        wait_until(lambda: all(f" {address}/" in self.link.addresses("hap1") for address in addresses), 8,
                   f"{addresses} in {self.daemon.lines()}")

    def gaps(self, vrid, since, until=float("inf")):
        """Between its adverts, in seconds."""
        times = [advert.at for advert in self.wire.adverts(since, vrid=vrid) if advert.at <= until]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def said(self, vrid, since=0):
        return [line for line in self.daemon.lines()[since:].splitlines() if f"(R{vrid})" in line]


@pytest.fixture(scope="module")
def link():
    with vrrp_link.made("siege") as link:
        yield link


@pytest.fixture
def siege(link, request):
    """A daemon of the test's own."""
    made = []

    def begin(instances):
        made.append(Siege(link, instances))
        return made[0]
    yield begin
    for one in made:
        one.daemon.end("kill")
        one.wire.close()


def instance(vrid, settings, v6=False, state="master"):
    return f"""
[vrrp.instance.R{vrid}]
{settings}
interface = "eth1"
state = "{state}"
virtual_router_id = {vrid}
virtual_addresses = ["{vip6(vrid) if v6 else vip(vrid)}"]
garp = {{ probe = "0s" }}
"""


@pytest.fixture(scope="module")
def besieged(link):
    """Every row at once: four rounds in an interval of its instance's, at whatever phase of its timer. What that
    left: of each router's id the seconds between its adverts and what was said of it, the addresses, and how long
    it took."""
    siege = Siege(link, "".join(instance(row.vrid, row.settings, row.v6) for row in ROWS))
    siege.wait_for_address(*(vip6(row.vrid) if row.v6 else vip(row.vrid) for row in ROWS))
    begun, told = time.time(), len(siege.daemon.lines())
    for interval in 1, 0.1:
        rows = [row for row in ROWS if ("version = 2" in row.settings) == (interval == 1)]
        for _ in range(4):
            for row in rows:
                siege.send(*row.sends(row.vrid))
            time.sleep(interval / 4)
    time.sleep(2)  # the adverts that a timer that was touched would have late
    ended = time.time()
    left = ({row.vrid: (siege.gaps(row.vrid, begun, ended), siege.said(row.vrid, told)) for row in ROWS},
            link.addresses("hap1"), ended - begun)
    siege.daemon.end("kill")
    return left


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))
def test_what_is_refused_changes_nothing(besieged, row):
    gaps, said = besieged[0][row.vrid]
    interval = 1 if "version = 2" in row.settings else 0.1
    # A timer that each packet set anew would be a quarter late at least, and four times in a row.
    assert len(gaps) >= 2 and statistics.median(gaps) < 1.1 * interval and max(gaps) < 3 * interval, gaps
    if not row.is_answered:
        assert len(gaps) <= besieged[2] / interval + 1, gaps
    assert not any("STATE" in line for line in said), said
    # What ends before its router's id is everybody's.
    lines = [line for line in said if "ignoring received advertisment" in line
             and ("too short" not in line or row.says == "too short")]
    if row.says:
        assert len(lines) == 1 and row.says in lines[0], said
    else:
        assert lines == [], said
    assert f" {vip6(row.vrid) if row.v6 else vip(row.vrid)}/" in besieged[1]


MASTER, LOWEST = 100, "192.168.50.5"


def is_master(siege, vrid):
    siege.daemon.wait_for("Entering MASTER STATE", 8)  # the address might be one that a daemon before it has left
    siege.wait_for_address(vip(vrid))
    return time.time(), len(siege.daemon.lines())


def test_junk_does_not_mute_a_master(siege):
    """keepalived 2.2.7 begins its interval anew with each: 7 adverts of 20."""
    siege = siege(instance(MASTER, VERSION3))
    begun, _ = is_master(siege, MASTER)
    junk = [*three(broken=1)(MASTER), packet(message3(MASTER, 200, [vip(MASTER)]), ttl=1)]
    with siege.beat(0.08, *junk):
        time.sleep(2)  # so long it has to be borne
        ended = time.time()
    due = (ended - begun) / 0.1
    assert 0.9 * due - 1 <= len(siege.gaps(MASTER, begun, ended)) <= due + 1, "an advert in each interval"


@pytest.mark.parametrize("priority, source", [(50, PEER), (100, LOWEST), (0, PEER)], ids=["lower", "tie", "resigns"])
def test_a_rival_is_answered_seldom(siege, priority, source):
    siege = siege(instance(MASTER, FROM_LINK))
    begun, told = is_master(siege, MASTER)
    rival = packet(message3(MASTER, priority, [vip(MASTER)], source=source), source)
    with siege.beat(0.002, rival):
        wait_until(lambda: len(siege.gaps(MASTER, begun)) > 10, 5, "it goes on")
    gaps = siege.gaps(MASTER, begun)
    announced = [answer for answer in siege.wire.answers(begun, address=vip(MASTER)) if answer.announced]
    said = siege.said(MASTER, told)
    seconds = time.time() - begun  # in which all of that was
    assert len(gaps) <= 20 * seconds + 5, "its own ten a second, and ten answers"
    assert len(announced) <= 5 * (seconds + 2), "a burst a second, after that of the takeover"
    assert len(said) <= 3 * (seconds + 1) and not any("BACKUP" in line for line in said), said


def test_a_flood_leaves_the_daemon_in_charge(siege):
    """A second's worth of 20 000: junk, and good ones of a lower priority."""
    siege = siege(instance(MASTER, VERSION3))
    begun, told = is_master(siege, MASTER)
    status = pathlib.Path(f"/proc/{siege.daemon.process.pid}/status")

    def size():
        return int(next(line for line in status.read_text().splitlines() if "VmRSS" in line).split()[1])
    before = size()
    frames = [vrrp_packets.frame(one, siege.attacker) for one in
              (*three(broken=1)(MASTER), packet(message3(MASTER, 50, [vip(MASTER)])))]
    for _ in range(10_000):
        for frame in frames:
            siege.wire.send(frame)
    flooded = time.time()
    wait_until(lambda: siege.gaps(MASTER, flooded), 3, "it goes on")
    # Nobody would have thought it dead: three adverts and the skew.
    assert max(siege.gaps(MASTER, begun)) < 0.36
    assert size() - before < 1024, "kB"
    said = siege.said(MASTER, told)
    seconds = time.time() - begun
    assert not any("BACKUP" in line for line in said) and len(said) < 4 * (seconds + 1) + 4, said


def test_a_stranger_cannot_resign_for_the_master(siege):
    siege = siege(instance(MASTER, FROM_LINK, state="backup"))
    master, resigns = (packet(message3(MASTER, priority, [vip(MASTER)], source=source), source)
                       for priority, source in ((200, PEER), (0, STRANGER)))
    with siege.beat(0.03, master, resigns):
        def follows():
            states = [line for line in siege.said(MASTER) if "STATE" in line]
            return states and "Entering BACKUP STATE" in states[-1]
        wait_until(follows, 3, "it follows, whatever it was before it heard the first")
        told = len(siege.daemon.lines())
        time.sleep(1)  # more than a skew and a master-down interval: nothing may happen
        assert "MASTER" not in siege.daemon.lines()[told:]
    siege.wait_for_address(vip(MASTER))  # its own timer still runs


def test_one_packet_cannot_silence_a_backup_for_minutes(siege):
    """The longest interval of version 3 is 41 s, and the master would be believed in for 148."""
    siege = siege(instance(MASTER, VERSION3 + '\npreempt = "never"', state="backup"))
    packets = [packet(message3(MASTER, 200, [vip(MASTER)], interval=4095))]
    siege.daemon.wait_for("Entering BACKUP STATE", 3)
    siege.send(*packets)
    begun = time.time()
    siege.wait_for_address(vip(MASTER))
    assert time.time() - begun < 4, "three of its own intervals are taken for one: 1.1 s"
