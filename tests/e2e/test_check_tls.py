"""Checks within TLS against real servers: what they believe, what they say of what they do not."""

import contextlib
import signal
import socket
import time

import pytest

from daemons import Daemon, ldap, open_to, redis, smtp
from loopback import Origin, answering, checking, free_port, wait_until
from pki import Authority

@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki") / "lab", "Lab CA")


def s_server(certificate, key, *options, port=None):
    port = port or free_port()
    return Daemon(port, "openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert", certificate,
                  "-key", key, *options)


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
        ports = [good.port, two.port, old.port, unknown.port, plain.port, silent.getsockname()[1], closing.port,
                 wary.port, free_port()]
        # Who says nothing has his time soon, the others as much as a busy machine may take.
        limits = {silent.getsockname()[1]: "500ms"}
        with checking(tmp_path, [(port, f'{tls}, timeout = "{limits.get(port, "9s")}"') for port in ports]) as proxy:
            down = r"Server app/s{} is DOWN, reason: {}, check duration: \d+ms\. "
            invalid = 'Layer6 invalid response, info: "{}"'
            for server, reason in [
                    (2, invalid.format(r"the certificate is not for one\.test but for two\.test")),
                    (3, invalid.format(r"the certificate of one\.test expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC")),
                    (4, invalid.format(r"the certificate of one\.test is of an unknown authority, Other CA")),
                    (5, invalid.format("the other side does not speak TLS")),
                    (6, "Layer6 timeout"),
                    (7, invalid.format("the other side closed during the handshake")),
                    (8, invalid.format("the other side refused: handshake failure")),
                    (9, 'Layer4 connection problem, info: "Connection refused"')]:
                line = proxy.log.wait_for(down.format(server, reason))
                assert line.startswith("<129>"), line
            # Each check has its own; a check that the machine held up says nothing, one that was too short does.
            durations = []
            wait_until(lambda: durations.append(int(proxy.column("s6", "check_duration"))) or durations[-1] < 1000,
                       "a check takes its time and no more")
            assert min(durations) >= 500, durations
            proxy.wait_for_check("s1", "L6OK")
            assert proxy.column("s1", "status") == "UP"
            assert proxy.column("s1", "check_desc") == "Layer6 check passed"
            proxy.wait_for_check("s2", "L6RSP")
            assert proxy.column("s2", "check_desc") == "Layer6 invalid response"
            assert proxy.column("s2", "last_chk") == "the certificate is not for one.test but for two.test"
            assert proxy.column("s6", "check_status").endswith("L6TOUT")  # or "* L6TOUT": the next one is under way
            page = proxy.get("/stats")[2].decode()
            assert "Layer6 invalid response: the certificate is not for one.test but for two.test" in page
            assert not [line for line in proxy.log.lines if "app/s1 is" in line]
    plain.close()
    closing.close()
    silent.close()


def test_a_server_that_renews_its_certificate_comes_back(tmp_path, lab):
    port = free_port()
    with contextlib.ExitStack() as stack:
        with s_server(*lab.issue("one.test", days=-1), "-www", port=port):
            proxy = stack.enter_context(checking(tmp_path, [
                (port, f'tls = {{ server_name = "one.test", ca_file = "{lab.pem}" }}')]))
            proxy.log.wait_for("app/s1 is DOWN, .*expired on")
        with s_server(*lab.issue("one.test"), "-www", port=port):
            proxy.log.wait_for(r"Server app/s1 is UP, reason: Layer6 check passed, check duration: \d+ms\.")


def test_authorities_are_read_again_with_the_file(tmp_path, lab):
    other = Authority(tmp_path / "other", "Other CA")
    believed = tmp_path / "believed.pem"
    believed.write_text(other.pem.read_text())
    with s_server(*lab.issue("one.test"), "-www") as server:
        # Relative: it stands beside the configuration.
        with checking(tmp_path, [(server.port, 'tls = { server_name = "one.test", ca_file = "believed.pem" }')]) as proxy:
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
        with checking(tmp_path, [
                (address.port, f'tls = {{ ca_file = "{lab.pem}" }}'),
                (name.port, f'tls = {{ ca_file = "{lab.pem}" }}'),
                (name.port, "tls = { verify = false }")], globals_=f'chroot = "{jail}"') as proxy:
            proxy.log.wait_for(r"app/s2 is DOWN, .*the certificate is not for 127\.0\.0\.1 but for one\.test")
            proxy.wait_for_check("s1", "L6OK")
            proxy.wait_for_check("s3", "L6OK")


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
    return Daemon(port, "apache2", "-f", folder / "apache.conf", "-DFOREGROUND")


def test_two_names_on_one_address_are_told_apart(tmp_path, lab):
    def check(name, page):
        return (f'request = "GET / HTTP/1.1", expect = {{ body = "this is {page}" }}, '
                f'tls = {{ server_name = "{name}", ca_file = "{lab.pem}" }}')

    with apache_with_two_names(open_to("www-data", tmp_path / "site"), lab) as apache:
        checks = [check("one.test", "one.test"), check("two.test", "two.test"), check("two.test", "one.test"),
                  check("three.test", "one.test")]
        with checking(tmp_path, [(apache.port, each) for each in checks]) as proxy:
            proxy.log.wait_for('app/s3 is DOWN, reason: Layer7 invalid response, info: "HTTP content check did not match"')
            proxy.log.wait_for(r'app/s4 is DOWN, reason: Layer6 invalid response, info: "the certificate is not for three\.test '
                               r'but for one\.test"')
            proxy.wait_for_check("s1", "L7OK")
            proxy.wait_for_check("s2", "L7OK")
            assert proxy.column("s1", "check_code") == "200"


def test_scripts_and_ready_made_checks_go_on_within_it(tmp_path, lab):
    """s_server -rev says every line backwards, to one client at a time; the others have TLS of their own."""
    certificate, key = lab.issue("one.test")
    tls = f'tls = {{ server_name = "one.test", ca_file = "{lab.pem}" }}'
    with s_server(certificate, key, "-rev") as rev, s_server(certificate, key, "-rev") as other, redis(tmp_path / "redis", tls=(certificate, key)) as store, \
            ldap(tmp_path / "ldap", tls=(certificate, key)) as directory, \
            smtp(tmp_path / "smtp", tls=(certificate, key)) as mail:
        with checking(tmp_path, [
                (rev.port, rf'steps = [ {{ send = "PING\n" }}, {{ expect = "GNIP" }} ], {tls}'),
                (other.port, rf'steps = [ {{ send = "PING\n" }}, {{ expect = "PONG" }} ], {tls}'),
                (store.port, f'type = "redis", {tls}'),
                (directory.port, f'type = "ldap", {tls}'),
                (mail.port, f'type = "smtp", {tls}')]) as proxy:
            proxy.log.wait_for(r"app/s2 is DOWN, reason: Layer7 timeout, info: \" at step 2 of tcp-check")
            for server, words in [("s1", ""), ("s3", "Redis server is ok"), ("s4", "LDAP server is ok")]:
                proxy.wait_for_check(server, "L7OK")
                assert proxy.column(server, "last_chk") == words
            proxy.wait_for_check("s5", "L7OK")
            assert proxy.column("s5", "check_code") == "250"


def test_a_stalled_handshake_holds_up_nobody(tmp_path, lab):
    """While many servers stall, each for a second, a good one is probed ten times a second: far from ten seconds for
    ten probes, which whoever waits for a single one of the others would need."""
    silent = socket.create_server(("127.0.0.1", 0), backlog=200)
    counted = Origin(answering())
    checks = [(silent.getsockname()[1], f'tls = {{ ca_file = "{lab.pem}" }}, timeout = "1s"')] * 20
    with checking(tmp_path, [*checks, (counted.port, 'type = "http"')]) as proxy:
        proxy.log.wait_for("app/s1 is DOWN, reason: Layer6 timeout")
        before, began = counted.accepted, time.monotonic()
        wait_until(lambda: counted.accepted >= before + 10, "ten probes of the good one")
        assert time.monotonic() - began < 5
    counted.close()
    silent.close()
