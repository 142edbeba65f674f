"""What the seed's visitor sees: web1, web2, web1, …, and pages of any size, unharmed."""
import re
import time

import pytest

from pair import PAIR, Response, heading, wait_until

MEBI = 1 << 20
SIZE = 200 * 1000 * 1000

# The same bytes on both web servers, not worth compressing, and cheap to make anywhere.
MAKE_BYTES = (f"head -c {SIZE} /dev/zero | "
              "openssl enc -aes-128-ctr -nosalt -K 00112233445566778899aabbccddeeff -iv 0123456789abcdef0123456789abcdef")


def test_twenty_requests_alternate(lab):
    servers = [heading(lab.client.curl(PAIR + "/").body) for _ in range(20)]
    assert servers in (["web1", "web2"] * 10, ["web2", "web1"] * 10)


def test_bodies_are_apaches_byte_for_byte(lab):
    direct = {web.name: lab.client.curl(f"http://{web.address}/") for web in lab.webs}
    for _ in range(4):
        through = lab.client.curl(PAIR + "/")
        original = direct[heading(through.body)]
        assert through.status == 200
        assert through.body == original.body
        for name in ("content-type", "etag", "last-modified", "content-length", "server"):
            assert through.headers[name] == original.headers[name]


def test_requests_on_one_connection_alternate_too(lab):
    """server-close: the client's connection stays, every request chooses a server."""
    done = lab.client.run("curl", "-sSv", *[PAIR + "/"] * 6)
    servers = re.findall(r"<h1>(.*?)</h1>", done.stdout)
    assert servers in (["web1", "web2"] * 3, ["web2", "web1"] * 3)
    assert done.stderr.count("Re-using existing connection") == 5


@pytest.fixture
def big_file(lab):
    for web in lab.webs:
        web.run(f"{MAKE_BYTES} > /var/www/html/big", timeout=60)
    yield lab.client.output(f"{MAKE_BYTES} | sha256sum", timeout=60).split()[0]
    for web in lab.webs:
        web.run("rm", "/var/www/html/big")


@pytest.fixture
def upload_digest(lab):
    """On both web servers, /cgi-bin/digest answers with the SHA-256 of what it was sent."""
    for web in lab.webs:
        web.run("mkdir -p /usr/lib/cgi-bin; a2enmod -q cgid")
        web.run("bash", "-c", "cat > /var/digest && chmod 755 /var/digest",
                input="#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nsha256sum\n")
        web.run("echo 'ScriptAlias /digest /var/digest\n<Files digest>\nRequire all granted\n</Files>' "
                "> /etc/apache2/conf-enabled/digest.conf")
        web.stop("apache")
        web.start("apache")
    wait_until(lab.both_answer, 15, "both balancers use both web servers")


def memory_growth_during(lab, transfer) -> int:
    before = lab.hap1.proxy_memory("VmHWM")
    transfer()
    return lab.hap1.proxy_memory("VmHWM") - before


def test_a_200_mb_download_is_intact_in_bounded_memory(lab, big_file):
    def download():
        done = lab.client.output(f"curl -sS {PAIR}/big | sha256sum", timeout=120)
        assert done.split()[0] == big_file

    assert memory_growth_during(lab, download) < 16 * MEBI


def test_a_download_slower_than_its_server_holds_it_back(lab, big_file):
    """The client takes 8 MB/s; Apache could give hundreds. Nobody may keep the difference."""
    def download():
        begun = time.monotonic()
        done = lab.client.run(f"curl -s --limit-rate 8M {PAIR}/big | head -c {24 * MEBI} | wc -c", timeout=60)
        assert int(done.stdout) == 24 * MEBI
        assert time.monotonic() - begun > 1.5, "it was slow"

    assert memory_growth_during(lab, download) < 16 * MEBI


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_a_200_mb_upload_is_intact_in_bounded_memory(lab, upload_digest, framing):
    lab.client.run(f"{MAKE_BYTES} > /tmp/upload", timeout=60)
    digest = lab.client.output("sha256sum /tmp/upload", timeout=60).split()[0]
    options = ["-T", "/tmp/upload", "-X", "POST"]
    if framing == "chunked":
        options += ["-H", "Transfer-Encoding: chunked"]

    def upload():
        response: Response = lab.client.curl(PAIR + "/digest", *options, timeout=120)
        assert response.status == 200
        assert response.body.split()[0].decode() == digest

    assert memory_growth_during(lab, upload) < 16 * MEBI
