"""Seed 004, told with real servers: an active and a passive balancer of TCP, TLS that ends on the web
servers, and a syslog server elsewhere, at the seed's addresses. Each test is named after the row of
the reference that it shows. The configuration is etc/seed-004-active-passive.toml as it is.

The virtual address is moved by the test: the election has its own tests (test_02, test_04)."""
import re
import signal

import pytest

from loopback import wait_until
from town import founded, seed

VIRTUAL = "10.1.1.80"
VISITORS = [f"10.1.1.{number}" for number in range(100, 112)]
LOGGED = "10.1.1.120"  # comes once: what is logged of the others may be on its way


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with founded(tmp_path_factory.mktemp("seed004")) as town:
        town.nodes = [town.host("haproxy01", "10.1.1.20/24"), town.host("haproxy02", "10.1.1.21/24")]
        town.webs = {name: town.host(name, address) for name, address in
                     (("web01", "10.1.1.30/24"), ("web02", "10.1.1.31/24"))}
        town.syslog = town.host("syslog", "10.1.1.10/24")
        town.client = town.host("client", *[f"{address}/24" for address in (*VISITORS, LOGGED)])
        town.syslog.start_rsyslog("10.1.1.10")
        for name, web in town.webs.items():
            web.page("index.html", name)
            web.start_apache(tls=name)
        yield town


def give_address(town, node):
    for host in town.nodes:
        host.run("ip", "address", "del", f"{VIRTUAL}/32", "dev", "eth0", check=False)
    node.run("ip", "address", "add", f"{VIRTUAL}/32", "dev", "eth0")
    town.client.run("ip", "neighbour", "flush", "dev", "eth0")


@pytest.fixture
def pair(town):
    """Both nodes serve, the first has the address, both servers run."""
    for web in town.webs.values():
        if "apache" not in web.processes:
            web.resume_apache()
    give_address(town, town.nodes[0])
    for node in town.nodes:
        if "proxy" not in node.processes:
            node.start_proxy(seed("004"), 443, "--node", node.name)
    return town


def ask(town, visitor, count=1):
    return town.client.bodies(f"http://{VIRTUAL}/", count, "--interface", visitor)


def test_seed_004_the_standby_starts_without_the_address(pair):
    """The seed forgot ip_nonlocal_bind; the standby starts all the same, and serves when it gets the address."""
    standby = pair.nodes[1]
    assert standby.out("sysctl", "-n", "net.ipv4.ip_nonlocal_bind").strip() == "0"
    assert VIRTUAL not in standby.out("ip", "-o", "address", "show")
    assert standby.listens(80) and standby.listens(443)
    give_address(pair, standby)
    assert ask(pair, VISITORS[0])[0] in pair.webs


def test_seed_004_mode_tcp_tls_ends_on_the_servers(pair):
    """listen https is TCP: the certificate is the web server's, and they take turns."""
    names = []
    for _ in range(4):
        shown = pair.client.out("sh", "-c", f"openssl s_client -connect {VIRTUAL}:443 </dev/null 2>/dev/null")
        names.append(re.search(r"subject=CN = (\w+)", shown)[1])
    assert names in (["web01", "web02"] * 2, ["web02", "web01"] * 2)


def test_seed_004_mode_tcp_adds_nothing(pair):
    """No X-Forwarded-For: the server sees the balancer and the bytes the client sent."""
    body = pair.client.curl("-k", f"https://{VIRTUAL}/?plain")[2]
    (line,) = pair.webs[body].wait_for_accesses("plain")
    assert line == '10.1.1.20 - "GET /?plain HTTP/1.1" 200'


def test_seed_004_balance_source_outlives_a_failover(pair):
    """The same client, the same server; after the active node has died, on the other node too."""
    homes = {visitor: ask(pair, visitor)[0] for visitor in VISITORS}
    assert set(homes.values()) == {"web01", "web02"}
    for visitor in VISITORS[:3]:
        assert ask(pair, visitor, 10) == [homes[visitor]] * 10
    pair.nodes[0].stop("proxy", signal.SIGKILL)
    give_address(pair, pair.nodes[1])
    assert {visitor: ask(pair, visitor)[0] for visitor in VISITORS} == homes
    for visitor in VISITORS[:3]:
        assert ask(pair, visitor, 10) == [homes[visitor]] * 10


def test_seed_004_a_dead_servers_visitors_are_sent_on(pair):
    """No checks: the failure is hidden by retries and redispatch. HAProxy 2.6 loses these visitors."""
    homes = {visitor: ask(pair, visitor)[0] for visitor in VISITORS}
    pair.webs["web01"].stop("apache")
    assert {ask(pair, visitor)[0] for visitor in VISITORS} == {"web02"}
    line = pair.syslog.wait_for_log(r" http http/web02 .*/\+1 0/0$")
    assert " -- " in line
    pair.webs["web01"].resume_apache()
    assert {visitor: ask(pair, visitor)[0] for visitor in VISITORS} == homes


def test_seed_004_remote_syslog_and_tcplog(pair):
    """log 10.1.1.10 local0, option tcplog."""
    server = ask(pair, LOGGED)[0]
    line = pair.syslog.wait_for_log(f" {LOGGED}:.* http http/")
    # The visits before may just be ending: how many there are is their business.
    assert re.fullmatch(
        rf"local0\.info 10\.1\.1\.20 hapair-proxy\[\d+\]: {LOGGED}:\d+ \[\d\d/\w{{3}}/\d{{4}}:\d\d:\d\d:\d\d\.\d{{3}}\] "
        rf"http http/{server} \d+/\d+/\d+ \d+ -- \d+/\d+/\d+/\d+/0 0/0", line), line
    pair.client.curl("-k", "--interface", LOGGED, f"https://{VIRTUAL}/")
    assert re.search(r" https https/web0[12] \d+/\d+/\d+ \d+ (--|CD) ",
                     pair.syslog.wait_for_log(f" {LOGGED}:.* https https/"))


def test_seed_004_stats_on_the_management_address(pair):
    """Each node answers on its own address, the standby too; the virtual address shows the site."""
    for node, address in zip(pair.nodes, ("10.1.1.20", "10.1.1.21")):
        page = f"http://{address}/stats"
        assert pair.client.curl(page)[0] == 401
        assert pair.client.curl(page)[1]["www-authenticate"] == ['Basic realm="HAProxy Statistics"']
        status, _, body = pair.client.curl("-u", "admin:PASSWORD", page)
        assert status == 200 and f"pid {node.processes['proxy'].pid}" in body
    assert pair.client.curl("-u", "admin:PASSWORD", f"http://{VIRTUAL}/stats")[0] == 404


def test_seed_004_user_and_group(pair):
    """Ports below 1024 are bound, and the process is nobody special."""
    process = pair.nodes[0].processes["proxy"].pid
    user = next(line.split(":") for line in pair.nodes[0].out("getent", "passwd", "hapair").splitlines())
    status = open(f"/proc/{process}/status").read()
    assert re.search(r"Uid:\s+(\d+)", status)[1] == user[2] and re.search(r"Gid:\s+(\d+)", status)[1] == user[3]
    assert user[2] != "0"


def test_seed_004_both_nodes_answer_when_the_address_comes_back(pair):
    """A planned visit to the first node and back, under a client that asks all the time."""
    for node in (pair.nodes[1], pair.nodes[0]):
        give_address(pair, node)
        wait_until(lambda: pair.client.curl(f"http://{VIRTUAL}/")[0] == 200, f"{node.name} answers")
        page = f"/?through-{node.name}"
        (web,) = pair.client.bodies(f"http://{VIRTUAL}{page}", 1, "--interface", VISITORS[0])
        (line,) = pair.webs[web].wait_for_accesses(re.escape(page))
        assert line.split()[0] == node.addresses[0].split("/")[0]
