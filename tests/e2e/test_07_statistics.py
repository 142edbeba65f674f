"""The statistics page at /haproxy?stats, as a person, a script and two browsers see it."""
import csv
import io
import re

import pytest
from PIL import Image

from pair import INCUMBENT, PAIR, TREE, wait_until

PAGE = PAIR + "/haproxy?stats"
ADMIN = ("-u", "admin:admin")


def rows(lab):
    """The CSV, as {(proxy, server): {column: value}}."""
    response = lab.client.curl(PAGE + ";csv", *ADMIN)
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/plain")
    text = response.body.decode()
    assert text.startswith("# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,")
    return {(row["pxname"], row["svname"]): row for row in csv.DictReader(io.StringIO(text[2:]))}


@pytest.mark.parametrize("credentials", [(), ("-u", "admin:wrong"), ("-u", "root:admin"), ("-u", "admin:"),
                                         ("-H", "Authorization: Basic !!!"), ("-H", "Authorization: Bearer YWRtaW46YWRtaW4=")],
                         ids=["none", "wrong password", "wrong name", "empty password", "not base64", "not Basic"])
@pytest.mark.parametrize("suffix", ["", ";csv"])
def test_401_without_the_right_credentials(lab, credentials, suffix):
    response = lab.client.curl(PAGE + suffix, *credentials)
    assert response.status == 401
    assert re.match(r'Basic realm="[^"]+"', response.headers["www-authenticate"])
    assert b"web1" not in response.body


def test_200_with_them(lab):
    response = lab.client.curl(PAGE, *ADMIN)
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["cache-control"] == "no-cache"


def pid_on_the_page(lab) -> int:
    page = lab.client.curl(PAGE, *ADMIN).body.decode()
    return int(re.search(r"Statistics Report for pid (\d+)", page).group(1))


def test_the_pid_tells_which_balancer_is_active(lab):
    shown = pid_on_the_page(lab)
    assert shown in lab.hap1.pids("proxy")
    assert shown not in lab.hap2.pids("proxy")

    lab.hap1.power_off()
    lab.wait_for_master(lab.hap2, 5)
    assert pid_on_the_page(lab) in lab.hap2.pids("proxy")


@pytest.mark.skipif(INCUMBENT, reason="haproxy names no node here")
def test_the_heading_names_the_node(lab):
    page = lab.client.curl(PAGE, *ADMIN).body.decode()
    assert re.search(rf"Statistics Report for pid {lab.hap1.pids('proxy')[0]} on hap1\b", page)


def test_the_csv_counts_and_shows_states(lab):
    before = rows(lab)
    assert set(before) == {("http-in", "FRONTEND"), ("webservers", "web1"), ("webservers", "web2"), ("webservers", "BACKEND")}
    backend = ("webservers", "BACKEND")
    for _ in range(10):
        lab.client.curl(PAIR + "/")

    def counted():
        """What a worker has answered it counts a moment later, and another one may tell of it meanwhile."""
        found = rows(lab)
        return int(found[backend]["hrsp_2xx"]) - int(before[backend]["hrsp_2xx"]) >= 10 and found
    after = wait_until(counted, 5, "ten good responses")
    for server in ("web1", "web2"):
        key = ("webservers", server)
        assert int(after[key]["stot"]) - int(before[key]["stot"]) == 5
        assert after[key]["status"] == "UP"
        assert after[key]["check_status"] in ("L7OK", "* L7OK")
        assert after[key]["slim"] == "32"
    assert after["http-in", "FRONTEND"]["status"] == "OPEN"


def wait_for_down(lab, server):
    wait_until(lambda: rows(lab)["webservers", server]["status"] == "DOWN", 18, f"{server} is DOWN in the CSV")


def screenshot(lab, name) -> Image.Image:
    """What Chromium shows in the client host. Kept beside the test results, to be looked at."""
    lab.client.run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update", "--disable-sync",
                   "--user-data-dir=/tmp/chromium", "--window-size=1500,700", "--screenshot=/tmp/page.png",
                   PAGE.replace("http://", "http://admin:admin@"), timeout=60)
    folder = TREE / "build" / "test-results"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"statistics-{name}.png"
    path.write_bytes(lab.client.run("cat", "/tmp/page.png", text=False).stdout)
    return Image.open(path).convert("RGB")


def colours(image) -> tuple[int, int]:
    """How many pixels are clearly red, and how many clearly green, pale or strong."""
    red = green = 0
    for count, (r, g, b) in image.getcolors(maxcolors=image.width * image.height):
        if r - max(g, b) > 24:
            red += count
        elif g - max(r, b) > 12:
            green += count
    return red, green


def test_a_stopped_server_is_red_in_a_browser(lab):
    red_before, green_before = colours(screenshot(lab, "all-up"))
    assert green_before > 500  # two servers up, whatever the shade

    lab.web1.stop("apache")
    wait_for_down(lab, "web1")
    red, green = colours(screenshot(lab, "web1-down"))
    assert red > red_before + 500
    assert green < green_before


def test_the_page_can_be_read_in_w3m(lab):
    """No script, no style sheet: a terminal over ssh is what an operator has at night."""
    lab.web1.stop("apache")
    wait_for_down(lab, "web1")
    text = lab.client.output("w3m", "-dump", "-cols", "200", PAGE.replace("http://", "http://admin:admin@"))
    assert "Statistics Report for pid" in text
    row = {name: next(line for line in text.splitlines() if re.search(rf"\b{name}\b", line)) for name in ("web1", "web2")}
    assert re.search(r"\bDOWN\b", row["web1"])
    assert re.search(r"\bUP\b", row["web2"])
