"""hapair-vrrp mails what changed, and nothing waits for that."""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import tempfile
import time

import pytest

import vrrp_link
from advert_watch import AdvertWatch
from pair import wait_until
from smtp_server import SmtpServer, make_certificate, socket_in

SERVER = "192.168.50.12"  # an address of hap2: the mail crosses the link
FILE = """
[node.hap1]
address = "192.168.50.11"
[node.hap2]
address = "192.168.50.12"
[vrrp.instance.VI_1]
version = 3
interface = "eth1"
virtual_router_id = 51
priority = 101
advert_interval = "100ms"
virtual_addresses = ["192.168.50.10"]
alert_mail = true
[alert.mail]
to = ["alerts@example.org", "second@example.org"]
from = "hapair@example.org"
smtp_server = "192.168.50.12:2525"
timeout = "{timeout}"
{more}
"""
BACKUP = "[hap1] VRRP Instance VI_1 - Entering BACKUP state"
MASTER = "[hap1] VRRP Instance VI_1 - Entering MASTER state"
STOP = "[hap1] VRRP Instance VI_1 - Stopping"


@pytest.fixture
def link():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hapair-link-"))
    link = vrrp_link.Link(os.environ.get("LAB_PREFIX", "haptest") + "mail", folder)
    link.up()
    yield link
    link.down()
    shutil.rmtree(folder)


def file(more="", timeout="5s"):
    return FILE.format(more=more, timeout=timeout)


def server(link, **manners):
    return SmtpServer(f"{link.prefix}-hap2", SERVER, **manners)


def policies(daemon):
    """Scheduling policy of each thread: the main one's first. 0 is SCHED_OTHER, 2 SCHED_RR (| 1 << 30: reset on fork)."""
    out = []
    for task in sorted(pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir(), key=lambda path: int(path.name)):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            out.append(int((task / "stat").read_text().rsplit(")", 1)[1].split()[38]) & 0xFF)
    return out


def test_mails_are_keepaliveds(link):
    with server(link) as mail:
        daemon = link.start("hap1", text=file())
        mail.wait_for(2, 10)
        assert daemon.end() == 0
        assert mail.subjects() == [BACKUP, MASTER, STOP], "the last one too, before the daemon ends"
        first = mail.mails[1]
        assert first.sender == "hapair@example.org"
        assert first.receivers == ["alerts@example.org", "second@example.org"]
        assert re.fullmatch(
            r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n"
            r"From: hapair@example\.org\r\n"
            r"Subject: \[hap1\] VRRP Instance VI_1 - Entering MASTER state\r\n"
            r"X-Mailer: Keepalived\r\n"
            r"To: alerts@example\.org, second@example\.org\r\n"
            r"\r\n"
            r"=> VRRP Instance is now owning VRRP VIPs <=\r\n"
            r"\r\n", first.text)
        assert f'mail "{MASTER}" was delivered to 192.168.50.12' in daemon.lines()
        assert mail.verbs[0] == "EHLO hap1"


def test_groups_mail_too(link):
    text = file().replace("alert_mail = true\n", "") + '[vrrp.sync_group.VG_1]\ninstances = ["VI_1"]\nalert_mail = true\n'
    with server(link) as mail:
        link.start("hap1", text=text)
        mail.wait_for(2, 10)
        assert mail.subjects() == ["[hap1] VRRP Group VG_1 - Entering BACKUP state",
                                   "[hap1] VRRP Group VG_1 - Entering MASTER state"]
        assert "=> All VRRP group instances are now in MASTER state <=" in mail.mails[1].text


# ---- encryption and passwords

def password_file(link, password="open sesame"):
    path = link.folder / "password"
    path.write_text(password + "\n")
    path.chmod(0o640)
    return path


def test_starttls_and_a_password(link):
    certificate = make_certificate(link.folder, SERVER)
    with server(link, certificate=certificate, login=("lb", "open sesame")) as mail:
        daemon = link.start("hap1", text=file(f"""starttls = "require"
ca_file = "{certificate[0]}"
user = "lb"
password_file = "{password_file(link)}"
"""))
        mail.wait_for(2, 10)
        assert all(each.secure and each.user == "lb" for each in mail.mails)
        assert "warning" not in daemon.lines()


def test_starttls_is_used_where_it_is_offered(link):
    """Whoever is on the other side: the default, against those who only listen."""
    with server(link, certificate=make_certificate(link.folder, SERVER)) as mail:
        link.start("hap1", text=file())
        assert all(each.secure for each in mail.wait_for(1, 12))


def test_a_server_that_cannot_prove_its_name_gets_no_mail_and_no_password(link):
    certificate = make_certificate(link.folder, "192.168.50.99")
    with server(link, certificate=certificate, login=("lb", "open sesame")) as mail:
        daemon = link.start("hap1", text=file(f"""starttls = "require"
ca_file = "{certificate[0]}"
user = "lb"
password_file = "{password_file(link)}"
"""))
        daemon.wait_for(f'mail "{BACKUP}" is not delivered yet, and will be tried again: 192.168.50.12: SSL: ', 10)
        assert not any(verb.startswith(("AUTH", "MAIL")) for verb in mail.verbs)


def test_no_mail_in_the_clear_where_tls_is_required(link):
    with server(link) as mail:
        daemon = link.start("hap1", text=file('starttls = "require"'))
        daemon.wait_for("will be tried again: 192.168.50.12: STARTTLS not supported.", 10)
        assert not any(verb.startswith("MAIL") for verb in mail.verbs)


def test_a_wrong_password_is_told_without_it(link):
    with server(link, login=("lb", "another")):
        daemon = link.start("hap1", text=file(f'user = "lb"\npassword_file = "{password_file(link)}"'))
        daemon.wait_for(f'mail "{BACKUP}" is lost: 192.168.50.12: Login denied', 10)
        assert "sesame" not in daemon.lines()
        assert "b3BlbiBzZXNhbWU" not in daemon.lines()
        assert "warning: the password may cross the network readable by everybody" in daemon.lines()


@pytest.mark.parametrize("mode, content, message", [
    (0o644, "x\n", "everybody may read the password file {path}: chmod 0640 {path}"),
    (0o640, "", "the password file {path} is empty"),
    (None, "", "there is no password file {path}")])
def test_a_password_that_cannot_be_used_is_named(link, mode, content, message):
    path = link.folder / "password"
    if mode is not None:
        path.write_text(content)
        path.chmod(mode)
    done = link.run("hap1", vrrp_link.BINARY, "-c", "-f", link.file(file(f'user = "lb"\npassword_file = "{path}"')),
                    "--node", "hap1")
    assert done.returncode == 1
    assert message.format(path=path) in done.stderr


# ---- servers in trouble

def test_a_server_that_is_down_at_first_gets_every_mail_in_order(link):
    daemon = link.start("hap1", text=file())
    daemon.wait_for(f'mail "{BACKUP}" is not delivered yet, and will be tried again: 192.168.50.12: cannot connect to port 2525: Connection refused', 10)
    wait_until(lambda: link.holds("hap1"), 10, "hap1 is master meanwhile")
    with server(link) as mail:
        mail.wait_for(2, 10)
        assert mail.subjects() == [BACKUP, MASTER]
    assert daemon.lines().count("will be tried again") == 1, "the same trouble is told once"


def test_a_server_that_refuses_for_now_is_asked_again_and_one_that_refuses_for_good_is_not(link):
    with server(link, replies={"MAIL": "451 later"}) as mail:
        daemon = link.start("hap1", text=file())
        daemon.wait_for("is not delivered yet, and will be tried again: 192.168.50.12: MAIL failed: 451", 10)
        mail.replies["MAIL"] = "550 never"
        daemon.wait_for(f'mail "{BACKUP}" is lost: 192.168.50.12: MAIL failed: 550', 10)
        daemon.wait_for(f'mail "{MASTER}" is lost', 10)


def test_one_unknown_receiver_does_not_cost_the_other_his_mail(link):
    with server(link, unknown=["alerts@example.org"]) as mail:
        link.start("hap1", text=file())
        mail.wait_for(2, 10)
        assert mail.mails[0].receivers == ["second@example.org"]


@pytest.mark.parametrize("where", ["GREETING", "EHLO", "DATA", ".", "QUIT"])
def test_a_server_that_hangs_delays_no_advert(link, where):
    """At 100 ms no gap above 250 ms; what is delivered is delivered, and the end comes in time."""
    with server(link, hangs=[where]) as mail, AdvertWatch(f"{link.prefix}-hap2", "192.168.50.11") as watch:
        daemon = link.start("hap1", text=file(timeout="1s"))
        wait_until(lambda: link.holds("hap1"), 10, "hap1 is master")
        wait_until(lambda: mail.connections >= 2, 8, "a second connection")
        wait_until(lambda: len(watch.times) > 25, 10, "two seconds and a half of adverts")
        assert policies(daemon)[0] == 2, "SCHED_RR"
        assert set(policies(daemon)[1:]) == {0}, "there are others, and none of them is real-time"
        begun = time.monotonic()
        assert daemon.end() == 0
        assert time.monotonic() - begun < 4
        watch.assert_steady(0.1)
        if where == "QUIT":
            assert mail.subjects()[:2] == [BACKUP, MASTER]


def test_a_name_server_that_hangs_delays_no_advert(link):
    """A name is looked for elsewhere; and nobody answers there."""
    resolv = link.folder / "resolv.conf"
    resolv.write_text("nameserver 192.168.50.12\n")  # where port 53 takes everything and says nothing
    silent = socket_in(f"{link.prefix}-hap2", socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind((SERVER, 53))
    text = file(timeout="2s").replace('smtp_server = "192.168.50.12:2525"', 'smtp_server = "mail.example.org"')
    with AdvertWatch(f"{link.prefix}-hap2", "192.168.50.11") as watch:
        daemon = link.start("hap1", "unshare", "--mount", "sh", "-c",
                            f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh", text=text)
        daemon.wait_for(f'mail "{BACKUP}" is not delivered yet, and will be tried again: mail.example.org: ', 10)
        wait_until(lambda: len(watch.times) > 15, 10, "adverts")
        begun = time.monotonic()
        assert daemon.end() == 0
        assert time.monotonic() - begun < 4
        watch.assert_steady(0.1)
    silent.close()


def test_a_mail_on_its_way_at_the_end_has_two_seconds(link):
    with server(link, hangs=["."]) as mail:
        daemon = link.start("hap1", text=file(timeout="30s"))
        wait_until(lambda: any(verb == "DATA" for verb in mail.verbs), 10, "a mail is on its way")
        wait_until(lambda: link.holds("hap1"), 10, "hap1 is master")
        begun = time.monotonic()
        daemon.process.terminate()
        wait_until(lambda: not link.holds("hap1"), 1.5, "the address is gone long before")
        assert daemon.process.wait(5) == 0
        assert 1.9 < time.monotonic() - begun < 4
        assert "3 mails to 192.168.50.12 are lost: the daemon stops" in daemon.lines()


def test_a_second_signal_cuts_the_wait_short(link):
    with server(link, hangs=["GREETING"]) as mail:
        daemon = link.start("hap1", text=file(timeout="30s"))
        wait_until(lambda: mail.connections, 10, "a mail is on its way")
        daemon.process.terminate()
        daemon.wait_for("Stopping hapair-vrrp", 10)
        begun = time.monotonic()
        daemon.process.terminate()
        assert daemon.process.wait(5) == 0
        assert time.monotonic() - begun < 1.6


def test_a_daemon_that_mails_nobody_has_one_thread(link):
    daemon = link.start("hap1", text=file().replace("alert_mail = true\n", ""))
    wait_until(lambda: link.holds("hap1"), 10, "hap1 is master")
    assert len(policies(daemon)) == 1
