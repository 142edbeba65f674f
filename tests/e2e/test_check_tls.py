"""Checks within TLS against real servers: what they believe, what they say of what they do not."""

import contextlib
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from loopback import Origin, Proxy, answering, free_port, wait_until

FAST = 'interval = "100ms", fall = 1, rise = 1'


def openssl(*arguments, stdin=""):
    subprocess.run(["openssl", *map(str, arguments)], input=stdin, check=True, capture_output=True, text=True)


class Authority:
    """A certificate authority that is a folder."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        folder.mkdir()
        self.pem = folder / "ca.pem"
        openssl("req", "-x509", *self._new_key("ca"), "-out", self.pem, "-subj", f"/CN={name}", "-days", "30")

    def _new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.folder / f"{name}.key"]

    def issue(self, name, names=None, days=30):
        """(certificate, key) of a server; a negative number of days is one that is over."""
        stem = f"{name}{days}"
        request, certificate = self.folder / f"{stem}.csr", self.folder / f"{stem}.pem"
        openssl("req", *self._new_key(stem), "-out", request, "-subj", f"/CN={name}")
        extensions = self.folder / f"{stem}.ext"
        extensions.write_text(f"subjectAltName={names or 'DNS:' + name}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.folder / "ca.key", "-CAcreateserial",
                "-out", certificate, "-extfile", extensions, "-days", days)
        return certificate, self.folder / f"{stem}.key"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki") / "lab", "Lab CA")


@contextlib.contextmanager
def daemon(*command, port, cwd=None):
    """A server in the foreground, once it listens."""
    process = subprocess.Popen([*map(str, command)], cwd=cwd, stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or listens(port), f"{command[0]} listens")
        assert process.poll() is None, f"{command} ended with {process.returncode}"
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def listens(port):
    table = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A" for row in table)


@contextlib.contextmanager
def s_server(certificate, key, *options):
    port = free_port()
    with daemon("openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert", certificate, "-key", key,
                *options, port=port):
        yield port


def column(proxy, server, name):
    rows = proxy.get("/stats;csv")[2].decode().splitlines()
    names = rows[0].removeprefix("# ").split(",")
    return next(row.split(",")[names.index(name)] for row in rows if row.startswith(f"app,{server},"))


@contextlib.contextmanager
def checked(tmp_path, checks, **options):
    """A proxy whose servers s1, s2 … are the (port, check) pairs."""
    proxy = Proxy(tmp_path, [port for port, _ in checks], frontend='stats = { uri = "/stats" }',
                  server_extra=lambda number: f"check = {{ {checks[number - 1][1]}, {FAST} }}",
                  **options)
    try:
        yield proxy
    finally:
        proxy.stop()
    assert proxy.process.returncode == 0


def wait_for_status(proxy, server, status):
    wait_until(lambda: column(proxy, server, "check_status") == status, f"{server} is {status}: "
               f"{column(proxy, server, 'check_status')} {column(proxy, server, 'last_chk')}")


def test_what_is_wrong_with_a_handshake_is_said_in_words(tmp_path, lab):
    """One proxy, a server for each thing that can be wrong, and a good one that none of them disturbs."""
    other = Authority(tmp_path / "other", "Other CA")
    plain = Origin(lambda connection, _number: connection.fill() and connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    silent = socket.create_server(("127.0.0.1", 0))
    closing = Origin(lambda connection, _number: connection.fill())
    tls = f'tls = {{ server_name = "one.test", ca_file = "{lab.pem}" }}'
    with s_server(*lab.issue("one.test"), "-www") as good, s_server(*lab.issue("two.test"), "-www") as two, \
            s_server(*lab.issue("one.test", days=-1), "-www") as old, \
            s_server(*other.issue("one.test"), "-www") as unknown, \
            s_server(*lab.issue("one.test"), "-www", "-tls1_2", "-Verify", "1") as wary:
        ports = [good, two, old, unknown, plain.port, silent.getsockname()[1], closing.port, wary, free_port()]
        with checked(tmp_path, [(port, tls + ', timeout = "500ms"') for port in ports]) as proxy:
            down = r"Server app/s{} is DOWN, reason: {}, check duration: \d+ms\. "
            invalid = 'Layer6 invalid response, info: "{}"'
            for server, reason in [
                    (2, invalid.format(r"the certificate is not for one\.test but for two\.test")),
                    (3, invalid.format(r"the certificate of one\.test expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC")),
                    (4, invalid.format(r"the certificate of one\.test is of an unknown authority, Other CA")),
                    (5, invalid.format("the other side does not speak TLS")),
                    (6, "Layer6 timeout"),
                    (7, invalid.format("the server closed during the handshake")),
                    (8, invalid.format("the other side refused: handshake failure")),
                    (9, 'Layer4 connection problem, info: "Connection refused"')]:
                line = proxy.log.wait_for(down.format(server, reason))
                assert line.startswith("<129>"), line
            assert 500 <= int(column(proxy, "s6", "check_duration")) < 1500
            wait_for_status(proxy, "s1", "L6OK")
            assert column(proxy, "s1", "status") == "UP"
            assert column(proxy, "s1", "check_desc") == "Layer6 check passed"
            assert column(proxy, "s2", "check_status") == "L6RSP"
            assert column(proxy, "s2", "check_desc") == "Layer6 invalid response"
            assert column(proxy, "s2", "last_chk") == "the certificate is not for one.test but for two.test"
            assert column(proxy, "s6", "check_status") == "L6TOUT"
            page = proxy.get("/stats")[2].decode()
            assert "Layer6 invalid response: the certificate is not for one.test but for two.test" in page
            assert not [line for line in proxy.log.lines if "app/s1 is" in line]
    plain.close()
    closing.close()
    silent.close()


def test_a_server_that_renews_its_certificate_comes_back(tmp_path, lab):
    port = free_port()

    def serve(certificate, key):
        return daemon("openssl", "s_server", "-quiet", "-www", "-accept", f"127.0.0.1:{port}", "-cert", certificate,
                      "-key", key, port=port)

    with contextlib.ExitStack() as stack:
        with serve(*lab.issue("one.test", days=-1)):
            proxy = stack.enter_context(checked(tmp_path, [
                (port, f'tls = {{ server_name = "one.test", ca_file = "{lab.pem}" }}')]))
            proxy.log.wait_for("app/s1 is DOWN, .*expired on")
        with serve(*lab.issue("one.test")):
            proxy.log.wait_for(r"Server app/s1 is UP, reason: Layer6 check passed, check duration: \d+ms\.")


def test_authorities_are_read_again_with_the_file(tmp_path, lab):
    other = Authority(tmp_path / "other", "Other CA")
    believed = tmp_path / "believed.pem"
    believed.write_text(other.pem.read_text())
    with s_server(*lab.issue("one.test"), "-www") as port:
        # Relative: it stands beside the configuration.
        with checked(tmp_path, [(port, 'tls = { server_name = "one.test", ca_file = "believed.pem" }')]) as proxy:
            proxy.log.wait_for("app/s1 is DOWN, .*unknown authority, Lab CA")
            believed.write_text(other.pem.read_text() + lab.pem.read_text())
            proxy.process.send_signal(signal.SIGHUP)
            proxy.log.wait_for("Server app/s1 is UP, reason: Layer6 check passed")


def test_a_name_or_the_address_must_be_the_certificates(tmp_path, lab):
    """From within a chroot too, where no authorities could be read."""
    jail = tmp_path / "jail"
    jail.mkdir()
    by_address = lab.issue("farm", names="IP:127.0.0.1")
    with s_server(*by_address, "-www") as address, s_server(*lab.issue("one.test"), "-www") as name:
        with checked(tmp_path, [
                (address, f'tls = {{ ca_file = "{lab.pem}" }}'),
                (name, f'tls = {{ ca_file = "{lab.pem}" }}'),
                (name, "tls = { verify = false }")], globals_=f'chroot = "{jail}"') as proxy:
            proxy.log.wait_for(r"app/s2 is DOWN, .*the certificate is not for 127\.0\.0\.1 but for one\.test")
            wait_for_status(proxy, "s1", "L6OK")
            wait_for_status(proxy, "s3", "L6OK")


@contextlib.contextmanager
def apache_with_two_names(folder, lab):
    """one.test and two.test at one address, each with a certificate and a page of its own."""
    port = free_port()
    hosts = ""
    for name in ("one.test", "two.test"):
        root = folder / name
        root.mkdir()
        (root / "index.html").write_text(f"this is {name}")
        certificate, key = lab.issue(name)
        hosts += f"""<VirtualHost 127.0.0.1:{port}>
ServerName {name}
DocumentRoot {root}
SSLEngine on
SSLCertificateFile {certificate}
SSLCertificateKeyFile {key}
</VirtualHost>
"""
    modules = "\n".join(f"LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so"
                        for module in ("mpm_event", "authz_core", "dir", "ssl", "socache_shmcb"))
    (folder / "apache.conf").write_text(f"""ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
{modules}
Listen 127.0.0.1:{port}
User www-data
Group www-data
DirectoryIndex index.html
<Directory />
Require all granted
</Directory>
{hosts}""")
    for place in (folder, *folder.parents):  # for www-data
        if place.stat().st_uid == 0 and place != pathlib.Path("/"):
            place.chmod(place.stat().st_mode | 0o055)
    with daemon("apache2", "-f", folder / "apache.conf", "-DFOREGROUND", port=port):
        yield port


def test_two_names_on_one_address_are_told_apart(tmp_path, lab):
    def check(name, page):
        return (f'request = "GET / HTTP/1.1", expect = {{ body = "this is {page}" }}, '
                f'tls = {{ server_name = "{name}", ca_file = "{lab.pem}" }}')

    site = tmp_path / "site"
    site.mkdir()
    with apache_with_two_names(site, lab) as port:
        with checked(tmp_path, [(port, check("one.test", "one.test")), (port, check("two.test", "two.test")),
                                (port, check("two.test", "one.test")), (port, check("three.test", "one.test"))]) as proxy:
            proxy.log.wait_for('app/s3 is DOWN, reason: Layer7 invalid response, info: "HTTP content check did not match"')
            proxy.log.wait_for(r'app/s4 is DOWN, reason: Layer6 invalid response, info: "the certificate is not for three\.test '
                               r'but for one\.test"')
            wait_for_status(proxy, "s1", "L7OK")
            wait_for_status(proxy, "s2", "L7OK")
            assert column(proxy, "s1", "check_code") == "200"


def test_scripts_and_ready_made_checks_go_on_within_it(tmp_path, lab):
    """s_server -rev says every line backwards; Redis has TLS of its own."""
    certificate, key = lab.issue("one.test")
    tls = f'tls = {{ server_name = "one.test", ca_file = "{lab.pem}" }}'
    redis = free_port()
    with s_server(certificate, key, "-rev") as rev, \
            daemon("redis-server", "--port", "0", "--tls-port", redis, "--bind", "127.0.0.1", "--save", "",
                   "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no",
                   "--dir", tmp_path, "--logfile", tmp_path / "redis.log", port=redis):
        with checked(tmp_path, [
                (rev, rf'steps = [ {{ send = "PING\n" }}, {{ expect = "GNIP" }} ], {tls}'),
                (rev, rf'steps = [ {{ send = "PING\n" }}, {{ expect = "PONG" }} ], timeout = "300ms", {tls}'),
                (redis, f'type = "redis", {tls}')]) as proxy:
            proxy.log.wait_for(r"app/s2 is DOWN, reason: Layer7 timeout, info: \" at step 2 of tcp-check")
            wait_for_status(proxy, "s1", "L7OK")
            wait_for_status(proxy, "s3", "L7OK")
            assert column(proxy, "s3", "last_chk") == "Redis server is ok"


def test_a_stalled_handshake_holds_up_nobody(tmp_path, lab):
    """While many servers stall, each for a second, a good one is probed ten times a second."""
    silent = socket.create_server(("127.0.0.1", 0), backlog=200)
    counted = Origin(answering())
    checks = [(silent.getsockname()[1], f'tls = {{ ca_file = "{lab.pem}" }}, timeout = "1s"')] * 20
    with checked(tmp_path, [*checks, (counted.port, 'type = "http"')]) as proxy:
        proxy.log.wait_for("app/s1 is DOWN, reason: Layer6 timeout")
        before, began = counted.accepted, time.monotonic()
        wait_until(lambda: counted.accepted >= before + 10, "ten probes of the good one")
        assert time.monotonic() - began < 3
    counted.close()
    silent.close()
