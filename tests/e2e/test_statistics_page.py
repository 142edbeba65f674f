"""The statistics page in a browser, with a server in each state."""

import contextlib
import re
import socket
import subprocess

import pytest
from PIL import Image

from loopback import TIMEOUT, Proxy, free_port, wait_until
from pair import TREE
from test_checks import STATS, Site, column
from test_control import everything


@pytest.fixture
def farm(tmp_path):
    """Servers s1 UP, s2 DOWN, s3 NOLB, s4 DRAIN, s5 MAINT, s6 a backup, s7 without a check."""
    sites = [Site(f"s{number}") for number in range(1, 8)]
    ports = [site.port for site in sites]
    ports[1] = free_port()
    extra = {6: "backup = true", 7: "check = false"}
    path = tmp_path / "control.sock"
    proxy = Proxy(tmp_path, ports, frontend=STATS, server_extra=lambda number: extra.get(number, ""),
                  backend='check = { request = "GET /check.txt", disable_on_404 = true, interval = "50ms", timeout = "5s" }',
                  globals_=f'[[global.control]]\nbind = "unix:{path}"\nlevel = "admin"\n')
    sites[2].page = False
    def is_heard():
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            return True
    wait_until(is_heard, "operators are heard")
    for server, state in (("s4", "drain"), ("s5", "maint")):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT)
            client.connect(str(path))
            client.sendall(f"set server app/{server} state {state}\n".encode())
            assert everything(client) == b"\n"
    states = ["UP", "DOWN", "NOLB", "DRAIN", "MAINT", "UP", "no check"]
    wait_until(lambda: [column(proxy, f"s{i}", "status") for i in range(1, 8)] == states, "each is in its state")
    yield proxy
    proxy.stop()
    for site in sites:
        site.origin.close()


def test_every_state_has_its_own_colour(farm, tmp_path):
    page = farm.get("/stats")[2].decode()
    wanted = dict(re.findall(r"--(\w+):(#[0-9a-f]{6})", page))
    picture = tmp_path / "page.png"
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    f"--user-data-dir={tmp_path}/chromium", "--window-size=1500,700", f"--screenshot={picture}",
                    f"http://127.0.0.1:{farm.port}/stats"], check=True, capture_output=True, timeout=180)
    image = Image.open(picture).convert("RGB")
    folder = TREE / "build" / "test-results"  # to be looked at
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / "statistics-states.png")
    shown = {f"#{r:02x}{g:02x}{b:02x}": count for count, (r, g, b) in image.getcolors(image.width * image.height)}
    row = 5000  # pixels of a row, and less than two; the key has some hundreds
    for name, rows in {"up": 3, "spare": 1, "down": 1, "leave": 2, "maint": 1, "blind": 1}.items():
        assert shown.get(wanted[name], 0) > rows * row, (name, shown.get(wanted[name]))
    assert len({wanted[name] for name in ("up", "spare", "down", "leave", "maint", "blind", "change")}) == 7
