"""Seed 001, told with real servers: one director, three Apache servers behind it on the internal
network, statistics on the frontend. NFS is left out: the three have the same pages on their own disks.
Each test is named after the row of the reference that it shows. The configuration is
etc/seed-001-farm.toml as it is."""
import pathlib
import re
import signal

import pytest

from loopback import binary, wait_until
from town import founded, seed

SITE = "http://192.168.1.101"
STATS = SITE + "/haproxy_stats"
INTERNAL = {"cluster2": "10.0.100.12", "cluster3": "10.0.100.13", "cluster4": "10.0.100.14"}

INDEX_PHP = """<html>
<body>
Pagina de prueba para COS. NFS
<?php
date_default_timezone_set('CET');
echo "Hoy es ".date("d/m/y")."<br>";
echo "Son las ".date("h:i:s")."<br>";
echo "Soy el servidor ".$_SERVER['SERVER_ADDR']."<br>";
?>
</body>
</html>
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory):
    with founded(tmp_path_factory.mktemp("seed001")) as town:
        town.director = town.host("cluster1", "192.168.1.101/24", "10.0.100.1/24")
        town.client = town.host("client", "192.168.1.1/24")
        town.director.start_rsyslog()
        town.servers = {}
        for number, (name, address) in enumerate(INTERNAL.items(), 2):
            server = town.servers[name] = town.host(name, f"{address}/24")
            server.page("index.html", f"<html><body>Pagina de prueba para COS. Servidor {number} </body></html>\n")
            server.page("index.php", INDEX_PHP)
            server.start_apache(php=True)
        yield town


@pytest.fixture
def serving(farm):
    """The director serves, all three servers are known to be up."""
    for server in farm.servers.values():
        if "apache" not in server.processes:
            server.resume_apache()
    if "apache" in farm.director.processes:
        farm.director.stop("apache")
    if "proxy" not in farm.director.processes:
        farm.director.start_proxy(seed("001"), 80)
    wait_until(lambda: states(farm) == {name: "UP" for name in INTERNAL}, "all servers are up", 15)
    return farm


def states(farm):
    status, _, body = farm.client.curl("-u", "admin:haproxy", STATS + ";csv")
    rows = [row.split(",") for row in body.splitlines() if status == 200 and row.startswith("http_back,cluster")]
    return {row[1]: row[17] for row in rows}


def server_of(page):
    return re.search(r"Soy el servidor (\S+?)<br>", page)[1]


def test_seed_001_start_fails_because_apache_holds_the_port(farm):
    """The service does not start: Apache listens on every address of the director. Then on the internal one alone."""
    director = farm.director
    director.start_apache()
    done = director.run(binary("hapair-proxy"), "-f", str(seed("001")), check=False)
    assert done.returncode == 2
    assert "192.168.1.101:80" in done.stderr and "apache2" in done.stderr, done.stderr
    director.stop("apache")
    config = director.root / "run/apache.conf"
    config.write_text(config.read_text().replace("Listen 0.0.0.0:80", "Listen 10.0.100.1:80"))
    director.resume_apache()
    director.start_proxy(seed("001"), 80)
    assert farm.client.curl(STATS)[0] == 401
    assert "apache" in director.processes and director.processes["apache"].poll() is None
    director.stop("proxy")
    director.stop("apache")


def test_seed_001_balance_roundrobin(serving):
    """Reload the page: every server in its turn."""
    pages = serving.client.bodies(SITE + "/index.html", 9)
    turns = [re.search(r"Servidor (\d)", page)[1] for page in pages]
    assert sorted(turns[:3]) == ["2", "3", "4"] and turns == turns[:3] * 3


def test_seed_001_the_page_shows_its_server(serving):
    """index.php through curl and through w3m."""
    servers = {server_of(page) for page in serving.client.bodies(SITE + "/index.php", 3)}
    assert servers == set(INTERNAL.values())
    shown = serving.client.out("w3m", "-dump", SITE + "/index.php")
    assert re.search(r"Pagina de prueba para COS\. NFS Hoy es \d\d/\d\d/\d\d\s+Son las [\d:]+\s+Soy el servidor 10\.0\.100\.1[234]",
                     shown), shown


def test_seed_001_stats_auth_and_colours(serving):
    """admin:haproxy; all green; a server that stops turns red, and nobody is refused meanwhile."""
    status, fields, _ = serving.client.curl(STATS)
    assert status == 401 and fields["www-authenticate"][0].startswith("Basic realm=")
    status, _, page = serving.client.curl("-u", "admin:haproxy", STATS)
    assert status == 200 and all(name in page for name in ("http_front", "http_back", *INTERNAL))
    serving.servers["cluster3"].stop("apache")
    assert INTERNAL["cluster3"] not in {server_of(page) for page in serving.client.bodies(SITE + "/index.php", 6)}
    wait_until(lambda: states(serving)["cluster3"].startswith("DOWN"), "cluster3 is red", 10)
    assert states(serving) == {"cluster2": "UP", "cluster3": "DOWN", "cluster4": "UP"}
    serving.servers["cluster3"].resume_apache()
    wait_until(lambda: states(serving)["cluster3"] == "UP", "cluster3 is green", 10)


def test_seed_001_forwardfor_except(serving):
    """The client's address is added, but not one of 127.0.0.0/8."""
    serving.client.curl(SITE + "/index.html?there")
    serving.director.curl("--interface", "127.0.0.1", SITE + "/index.html?here")
    def lines():
        return [line for server in serving.servers.values() for line in server.accesses("(there|here)")]
    wait_until(lambda: len(lines()) >= 2, "both are in the servers' logs")  # written after the answer
    assert sorted(lines()) == ['10.0.100.1 - "GET /index.html?here HTTP/1.1" 200',
                             '10.0.100.1 192.168.1.1 "GET /index.html?there HTTP/1.1" 200']


def test_seed_001_log_local2(serving):
    serving.client.curl(SITE + "/index.html?logged")
    line = serving.director.wait_for_log("logged")
    assert re.match(r"local2\.info 127\.0\.0\.1 hapair-proxy\[\d+\]: 192\.168\.1\.1:\d+ \[[^]]+\] "
                    r"http_front http_back/cluster[234] \d+/\d+/\d+/\d+/\d+ 200 \d+ - - ---- ", line), line


def test_seed_001_chroot_pidfile_user_and_group(serving):
    pid = (serving.director.root / "run/hapair/proxy.pid").read_text()
    assert pid == f"{serving.director.processes['proxy'].pid}\n"
    proc = pathlib.Path("/proc") / pid.strip()
    assert serving.director.out("readlink", str(proc / "root")).strip() == "/var/lib/hapair"
    user = serving.director.out("getent", "passwd", "hapair").split(":")
    assert re.search(r"Uid:\s+(\d+)\s+(\d+)", (proc / "status").read_text()).groups() == (user[2], user[2])


def test_seed_001_http_server_close(serving):
    """The client's connection goes on, the servers' do not."""
    told = serving.client.run("curl", "-sv", SITE + "/index.html", SITE + "/index.html").stderr
    assert "Re-using existing connection" in told and "< connection: close" not in told.lower()


def test_seed_001_stats_socket(serving):
    """echo "show info" | socat - PATH, as operator, mode 0660."""
    path = serving.director.root / "run/hapair/proxy.sock"
    assert path.stat().st_mode & 0o777 == 0o660
    answer = serving.director.out("sh", "-c", 'echo "show info" | socat - UNIX-CONNECT:/run/hapair/proxy.sock')
    assert re.search(rf"^Pid: {serving.director.processes['proxy'].pid}$", answer, re.M), answer
    stat = serving.director.out("sh", "-c", 'echo "show stat" | socat - UNIX-CONNECT:/run/hapair/proxy.sock')
    assert [line.split(",")[1] for line in stat.splitlines() if line.startswith("http_back,")] == [*INTERNAL, "BACKEND"]


def test_seed_001_stop_is_immediate(serving):
    """systemctl stop: SIGTERM; the port is free at once."""
    assert serving.director.stop("proxy", signal.SIGTERM) == 0
    assert not serving.director.listens(80)
