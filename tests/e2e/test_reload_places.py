"""Where operators are heard, where logs go and who may open a listener's file: changed in place."""

import contextlib
import grp
import os
import pwd
import socket
import stat
import subprocess

import pytest

from loopback import TIMEOUT, Connection, LogSink, wait_until
from test_control import everything, farm_of
from test_log_targets import Receiver, octet_counted
from test_reload import reload
from test_reload_keeps import touched


@pytest.fixture
def farm(tmp_path):
    with farm_of(tmp_path, backend='connection = "close"') as farm:
        yield farm


def ask_at(path, line="show version"):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT)
        client.connect(str(path))
        client.sendall(line.encode() + b"\n")
        return everything(client).decode()


def refused(farm, *changes):
    """Reloads; answers why it was refused."""
    text = farm.proxy.path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    before = farm.proxy.path.read_text()
    lines = reload(farm.proxy, text)
    farm.proxy.path.write_text(before)
    return next(line.split("stays as it was: ", 1)[1] for line in lines if "Reload refused" in line)


def rights(path):
    found = os.stat(path)
    assert stat.S_ISSOCK(found.st_mode)
    return found.st_mode & 0o777, pwd.getpwuid(found.st_uid).pw_name, grp.getgrgid(found.st_gid).gr_name


# ---- control sockets ----------------------------------------------------------------------------


def test_control_sockets_come_and_go(farm, tmp_path):
    talking = Connection(farm.connect("admin"))
    talking.send(b"prompt\n")
    assert talking.until(b"> ") == b"\n> "
    same = os.stat(tmp_path / "user.sock").st_ino
    touched(farm, (f"{tmp_path}/operator.sock", f"{tmp_path}/other.sock"))
    assert not (tmp_path / "operator.sock").exists()
    assert ask_at(tmp_path / "other.sock", "clear counters") == "\n"
    assert os.stat(tmp_path / "user.sock").st_ino == same
    farm.proxy.log.wait_for(f"Reload: listens for operators at {tmp_path}/other.sock")
    farm.proxy.log.wait_for(f"Reload: no longer listens for operators at {tmp_path}/operator.sock")
    talking.send(b"get weight app/s1\n")  # nobody was disturbed
    assert talking.until(b"> ") == b"1 (initial 1)\n\n> "
    talking.close()


def test_a_control_sockets_level_and_rights_change_in_place(farm, tmp_path):
    path = tmp_path / "user.sock"
    same = os.stat(path).st_ino
    assert ask_at(path, "set weight app/s1 7") == "Permission denied\n\n"
    touched(farm, ('level = "user"', 'level = "admin"\nmode = "0622"\nuser = "nobody"\ngroup = "nogroup"'))
    assert os.stat(path).st_ino == same
    assert rights(path) == (0o622, "nobody", "nogroup")
    assert ask_at(path, "set weight app/s1 7") == "\n"
    touched(farm, ('mode = "0622"\nuser = "nobody"\ngroup = "nogroup"', ""))
    assert rights(path) == (0o660, "root", "root")


def test_a_control_socket_that_cannot_be_changes_nothing(farm, tmp_path):
    why = refused(farm, ('level = "user"', 'level = "user"\nmode = "0600"'),
                  (f"{tmp_path}/operator.sock", f"{tmp_path}/other.sock"),
                  (f"{tmp_path}/admin.sock", f"{tmp_path}/none/admin.sock"))
    assert why == f"control socket {tmp_path}/none/admin.sock: cannot make it: No such file or directory"
    assert rights(tmp_path / "user.sock") == (0o660, "root", "root")
    assert not (tmp_path / "other.sock").exists()
    assert ask_at(tmp_path / "operator.sock", "clear counters") == "\n"
    assert farm.ask("get weight app/s1") == "1 (initial 1)\n"
    why = refused(farm, ('level = "admin"', 'level = "admin"\nuser = "no-such-user"'))
    assert why == f'control socket {tmp_path}/admin.sock: there is no user "no-such-user"'


def test_what_fails_later_takes_control_sockets_back(farm, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        why = refused(farm, ('level = "user"', 'level = "user"\nmode = "0600"'),
                      (f"{tmp_path}/operator.sock", f"{tmp_path}/other.sock"),
                      (f'bind = ["127.0.0.1:{farm.proxy.port}"]', f'bind = ["127.0.0.1:{farm.proxy.port}", "127.0.0.1:{port}"]'))
    assert f"cannot listen on 127.0.0.1:{port}" in why
    assert rights(tmp_path / "user.sock") == (0o660, "root", "root")
    assert not (tmp_path / "other.sock").exists()
    assert ask_at(tmp_path / "operator.sock", "clear counters") == "\n"


# ---- log targets --------------------------------------------------------------------------------


def lines_of(receiver):
    """Of each connection the lines that are whole: one that has not yet said all hides nothing of the next."""
    return [line for said in list(receiver.streams.values()) for line in octet_counted(said)]


def test_lines_go_to_the_new_targets_and_those_that_stay_keep_their_connections(tmp_path):
    stays = Receiver(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
    goes, comes = LogSink(), LogSink()
    targets = (f'[[global.log]]\ntarget = "tcp:127.0.0.1:{stays.socket.getsockname()[1]}"\n'
               f'[[global.log]]\ntarget = "udp:127.0.0.1:{goes.port}"\n')
    with farm_of(tmp_path, globals_=targets) as farm:
        farm.proxy.get("/before")
        goes.wait_for("/before")
        wait_until(lambda: any("/before" in line for line in lines_of(stays)), "the stream has it")
        wait_until(lambda: len(stays.peers) == 3, "both workers and the main thread have a connection")
        touched(farm, (f"udp:127.0.0.1:{goes.port}", f"udp:127.0.0.1:{comes.port}"))
        for _ in range(8):  # whichever worker
            farm.proxy.get("/after")
        wait_until(lambda: sum("/after" in line for line in comes.lines) == 8, "access lines")
        comes.wait_for(f"Reload: logs to udp:127.0.0.1:{comes.port}")
        comes.wait_for(f"Reload: no longer logs to udp:127.0.0.1:{goes.port}")
        farm.ask("set server app/s1 state maint")
        comes.wait_for("Server app/s1 is going DOWN for maintenance")
        wait_until(lambda: sum("/after" in line for line in lines_of(stays)) == 8, "the stream has them")
        assert len(stays.peers) == 3
        assert not any("/after" in line or "Server app/s1" in line for line in goes.lines)
    stays.close()


def test_a_level_changes_like_a_target(tmp_path):
    sink = LogSink()
    with farm_of(tmp_path, globals_=f'[[global.log]]\ntarget = "udp:127.0.0.1:{sink.port}"\n') as farm:
        farm.proxy.get("/before")
        sink.wait_for("/before")
        touched(farm, (f'target = "udp:127.0.0.1:{sink.port}"', f'target = "udp:127.0.0.1:{sink.port}"\nlevel = "notice"'))
        farm.proxy.get("/after")
        farm.proxy.log.wait_for("/after")
        farm.ask("set server app/s1 state drain")
        sink.wait_for("Server app/s1 enters drain state")
        assert not any("/after" in line for line in sink.lines)


@pytest.mark.parametrize("where", ["[[global.log]]\ntarget = ", "[frontend.http-in]\nlog = { target = "])
def test_a_file_that_cannot_be_opened_changes_nothing(farm, tmp_path, where):
    path = f"{tmp_path}/none/web.log"
    end = " }\n" if "{" in where else "\n"
    old = where.split("\n", 1)[0]
    why = refused(farm, (old, where + f'"file:{path}"' + end + (old if "global" in old else "")))
    assert why == f"log target file:{path}: No such file or directory: its folder must be there, and this user able to write to it"
    farm.proxy.get("/still")
    farm.proxy.log.wait_for("/still")


# ---- files of listeners -------------------------------------------------------------------------


@contextlib.contextmanager
def with_unix_listener(tmp_path, name="web"):
    def bind(keys):
        return f'{{ address = "unix:{tmp_path}/{name}.sock", {keys} }}'

    with farm_of(tmp_path) as farm:
        old = f'bind = ["127.0.0.1:{farm.proxy.port}"]'
        first = f'bind = ["127.0.0.1:{farm.proxy.port}", {bind("mode = " + chr(34) + "0600" + chr(34))}]'
        touched(farm, (old, first))
        yield farm, tmp_path / f"{name}.sock", (lambda keys: (first, first.replace('mode = "0600"', keys)))


def unix_get(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT)
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return everything(client)


def test_a_listeners_file_changes_its_rights_in_place(tmp_path):
    with with_unix_listener(tmp_path) as (farm, path, other):
        kept = socket.socket(socket.AF_UNIX)
        kept.settimeout(TIMEOUT)
        kept.connect(str(path))
        kept = Connection(kept)
        kept.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert kept.message()[2] == b"hello"
        same = os.stat(path).st_ino
        assert rights(path) == (0o600, "root", "root")
        touched(farm, other('mode = "0666", user = "nobody", group = "nogroup"'))
        assert os.stat(path).st_ino == same
        assert rights(path) == (0o666, "nobody", "nogroup")
        kept.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert kept.message()[2] == b"hello"
        assert unix_get(path).startswith(b"HTTP/1.1 200 OK")
        kept.close()


def test_a_unix_listeners_backlog_changes_in_place(tmp_path):
    with with_unix_listener(tmp_path) as (farm, path, other):
        def backlog():
            rows = subprocess.run(["ss", "-lxH", "src", str(path)], text=True, capture_output=True, timeout=TIMEOUT,
                                  check=True).stdout.splitlines()
            return {row.split()[3] for row in rows}

        same = os.stat(path).st_ino
        touched(farm, other('mode = "0600", backlog = 7'))
        assert os.stat(path).st_ino == same
        assert backlog() == {"7"}
        assert unix_get(path).startswith(b"HTTP/1.1 200 OK")


def test_rights_that_cannot_be_given_change_nothing(tmp_path):
    with with_unix_listener(tmp_path) as (farm, path, other):
        why = refused(farm, other('mode = "0666", user = "no-such-user"'))
        assert why == f'frontend http-in: unix:{path}: there is no user "no-such-user"'
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            old, new = other('mode = "0666", user = "nobody"')
            why = refused(farm, (old, new.replace("]", f', "127.0.0.1:{port}"]')))
        assert f"cannot listen on 127.0.0.1:{port}" in why
        assert rights(path) == (0o600, "root", "root")
        assert unix_get(path).startswith(b"HTTP/1.1 200 OK")
