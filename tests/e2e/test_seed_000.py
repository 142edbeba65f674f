"""Seed 000, told with real servers: two Apache backends with PHP; images only on backend1; the PHP
session's cookie decides the server; renaming check.txt takes a backend out. Each test is named after
the row of the reference that it shows. The configuration is etc/seed-000-images-sessions.toml as it is."""
import collections
import json
import pathlib
import re
import subprocess

import pytest

from loopback import wait_until
from town import founded, seed

SEED = seed("000")
SITE = "http://192.168.0.123"
BACKENDS = {"A": "backend1", "B": "backend2"}
ADDRESSES = {"backend1": "192.168.0.11", "backend2": "192.168.0.12"}

INDEX = '<html><body><h1>{0}</h1>\n <p>{0} works!</p>\n <p><img src="tux.jpg"/></p>\n</body></html>\n'
SESION = """<?php
session_start();
if (!isset($_SESSION['server']))
{
  echo "seteando server=BACKEND";
  $_SESSION['server'] = "BACKEND";
}
echo "El servidor es: ".$_SESSION['server'];
?>
"""
CERRAR_SESION = """<?php
session_start();
$_SESSION = array();
if (ini_get("session.use_cookies")) {
  $params = session_get_cookie_params();
  setcookie(session_name(), '', time() - 42000,
    $params["path"], $params["domain"],
    $params["secure"], $params["httponly"]
  );
}
session_destroy();
echo "sesion borrada en BACKEND";
?>
"""
TUX = bytes(range(256)) * 64


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with founded(tmp_path_factory.mktemp("seed000")) as town:
        town.balancer = town.host("haproxy", "192.168.0.123/24")
        town.client = town.host("client", "192.168.0.1/24")
        town.backends = {}
        for name, address in ADDRESSES.items():
            backend = town.backends[name] = town.host(name, f"{address}/24")
            backend.page("index.html", INDEX.format(name))
            backend.page("sesion.php", SESION.replace("BACKEND", name))
            backend.page("cerrar_sesion.php", CERRAR_SESION.replace("BACKEND", name))
            backend.page("check.txt", "")
            backend.start_apache(php=True)
        image = town.backends["backend1"].www / "tux.jpg"
        image.write_bytes(TUX)
        image.chmod(0o644)
        town.balancer.start_proxy(SEED, 80)
        yield town


@pytest.fixture
def site(town):
    """Both backends are in use."""
    wait_until(lambda: set(states(town).values()) == {"UP"}, "both backends are up", 15)
    return town


def states(town):
    status, _, body = town.client.curl("-u", "admin:admin", SITE + "/haproxy?stats;csv")
    rows = [row.split(",") for row in body.splitlines() if status == 200 and row.startswith("webs,backend")]
    return {row[1]: row[17] for row in rows}


def heading(page):
    return re.search(r"<h1>(.*?)</h1>", page)[1]


def log_in(town, wanted=None):
    """(cookie, backend) of a new session; of one on `wanted` if that matters."""
    for _ in range(6):
        status, fields, body = town.client.curl(SITE + "/sesion.php")
        cookie = re.match(r"PHPSESSID=(([AB])~\w+); path=/$", fields["set-cookie"][0])
        backend = BACKENDS[cookie[2]]
        assert status == 200 and body == f"seteando server={backend}El servidor es: {backend}"
        if wanted in (None, backend):
            return cookie[1], backend
    raise AssertionError(f"no session on {wanted}")


def test_seed_000_images_come_from_backend1(site):
    """20 times tux.jpg, which backend2 does not have; the page around it comes from both."""
    before = {name: len(backend.accesses("tux.jpg")) for name, backend in site.backends.items()}
    assert before["backend2"] == 0
    for _ in range(20):
        done = site.client.run("curl", "-sS", SITE + "/tux.jpg", text=False)
        assert done.stdout == TUX
    assert len(site.backends["backend1"].wait_for_accesses("tux.jpg", before["backend1"] + 20)) == before["backend1"] + 20
    assert site.backends["backend2"].accesses("tux.jpg") == []
    assert {heading(page) for page in site.client.bodies(SITE + "/", 6)} == {"backend1", "backend2"}


def test_seed_000_server_weight(site):
    """Weights 2 and 1."""
    seen = collections.Counter(heading(page) for page in site.client.bodies(SITE + "/index.html", 30))
    assert seen == {"backend1": 20, "backend2": 10}


def test_seed_000_source(site):
    """The backends see the balancer's address, in traffic and in checks."""
    site.client.bodies(SITE + "/", 3)
    for backend in site.backends.values():
        backend.wait_for_accesses('"HEAD /check.txt HTTP/1.[01]" 200')
        backend.wait_for_accesses('"GET / HTTP/1.1" 200')
        assert {line.split()[0] for line in backend.accesses()} == {"192.168.0.123"}


def test_seed_000_cookie_prefix_php_session(site):
    """sesion.php: the next visits go to the server of the session, and PHP knows it."""
    for _ in range(3):
        cookie, backend = log_in(site)
        for _ in range(3):
            status, fields, body = site.client.curl("-b", f"PHPSESSID={cookie}", SITE + "/sesion.php")
            assert (status, body) == (200, f"El servidor es: {backend}") and "set-cookie" not in fields


def test_seed_000_log_out_frees_the_visitor(site, tmp_path):
    """cerrar_sesion.php goes to the session's server, ends the cookie, and then both serve again."""
    cookie, backend = log_in(site, "backend2")
    status, fields, body = site.client.curl("-b", f"PHPSESSID={cookie}", SITE + "/cerrar_sesion.php")
    assert (status, body) == (200, f"sesion borrada en {backend}")
    assert re.match(r"PHPSESSID=B~deleted; expires=Thu, 01[ -]Jan[ -]1970 00:00:01 GMT; Max-Age=0; path=/",
                    fields["set-cookie"][-1]), fields
    # A client that keeps cookies, as browsers do.
    jar = tmp_path / "jar"
    browse = ("-b", str(jar), "-c", str(jar))
    first = site.client.curl(*browse, SITE + "/sesion.php")[2]
    home = first.split()[-1]
    assert {site.client.curl(*browse, SITE + "/sesion.php")[2] for _ in range(3)} == {f"El servidor es: {home}"}
    assert site.client.curl(*browse, SITE + "/cerrar_sesion.php")[2] == f"sesion borrada en {home}"
    assert "PHPSESSID" not in jar.read_text()
    assert {heading(site.client.curl(*browse, SITE + "/")[2]) for _ in range(6)} == {"backend1", "backend2"}


def test_seed_000_mv_check_txt_takes_a_backend_out_with_no_failed_request(site):
    """mv check.txt check.txt-: no new visitor, those with a session stay, and no request fails. And back."""
    cookie, _ = log_in(site, "backend2")
    check = site.backends["backend2"].www / "check.txt"
    script = (pathlib.Path(__file__).parent / "steady_load.py").read_text()
    load = subprocess.Popen(site.client.argv(["/usr/bin/python3", "-c", script, "40", "12", SITE + "/", "5"]),
                            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        assert load.stdout.readline() == "begun\n"
        check.rename(check.with_name("check.txt-"))
        wait_until(lambda: states(site)["backend2"].startswith("NOLB"), "backend2 is taken out", 10)
        assert states(site)["backend1"] == "UP"
        assert {heading(page) for page in site.client.bodies(SITE + "/", 6)} == {"backend1"}
        assert site.client.curl("-b", f"PHPSESSID={cookie}", SITE + "/sesion.php")[2] == "El servidor es: backend2"
        check.with_name("check.txt-").rename(check)
        wait_until(lambda: states(site)["backend2"] == "UP", "backend2 is back", 10)
        # The load takes turns too.
        wait_until(lambda: heading(site.client.curl(SITE + "/")[2]) == "backend2", "backend2 serves again", 10)
    finally:
        if not check.exists():
            check.with_name("check.txt-").rename(check)
        output, _ = load.communicate(timeout=30)
    outcomes = [json.loads(line) for line in output.splitlines()]
    assert len(outcomes) == 480 and {outcome["result"] for outcome in outcomes} == {"200"}


def test_seed_000_a_dead_backend_costs_its_visitors_the_session_and_nothing_else(site):
    """The session's server dies: the visitor begins anew at the other one."""
    cookie, _ = log_in(site, "backend2")
    site.backends["backend2"].stop("apache")
    try:
        status, fields, body = site.client.curl("-b", f"PHPSESSID={cookie}", SITE + "/sesion.php", timeout=15)
        assert (status, body) == (200, "seteando server=backend1El servidor es: backend1")
    finally:
        site.backends["backend2"].resume_apache()
