"""How hapair-proxy lives on a host: command line, background, pid file, rights, ports."""

import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess

import pytest

from loopback import Origin, Proxy, answering, binary, free_port, wait_until


def run(*arguments):
    return subprocess.run([binary("hapair-proxy"), *arguments], capture_output=True, text=True,
                          timeout=20, check=False)


@pytest.fixture
def origin():
    server = Origin(answering())
    yield server
    server.close()


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # also between opening and reading
        return False
    return state != "Z"


def test_check_says_that_a_file_is_valid(tmp_path):
    proxy = Proxy(tmp_path, [1], run=False)
    result = run("-c", "-f", str(proxy.path))
    assert (result.returncode, result.stdout) == (0, "Configuration file is valid\n")


def test_help_and_version():
    assert "--node" in run("--help").stdout
    assert re.fullmatch(r"hapair-proxy \d+\.\d+\.\d+\n", run("-V").stdout)
    result = run("--no-such-option")
    assert result.returncode == 1 and "no-such-option" in result.stderr


def test_a_port_that_is_taken_is_named_with_its_holder(tmp_path, origin):
    proxy = Proxy(tmp_path, [origin.port], run=False)
    with socket.create_server(("127.0.0.1", proxy.port)):
        result = run("-f", str(proxy.path))
    assert result.returncode == 2
    assert f"127.0.0.1:{proxy.port}" in result.stderr
    assert f"(pid {os.getpid()})" in result.stderr


def test_a_second_daemon_on_the_same_port_is_refused(tmp_path, origin):
    proxy = Proxy(tmp_path, [origin.port])
    try:
        result = run("-f", str(proxy.path))
        assert result.returncode == 2
        assert f"hapair-proxy (pid {proxy.process.pid})" in result.stderr
    finally:
        proxy.stop()


@pytest.mark.parametrize("where", ["[[global.log]]\ntarget = ", "[frontend.own]\nlog = { target = "])
def test_a_log_file_that_cannot_be_opened_is_no_start(tmp_path, origin, where):
    path = tmp_path / "none" / "web.log"
    end = f' }}\nbind = ["127.0.0.1:{free_port()}"]\ndefault_backend = "app"\n' if "{" in where else "\n"
    proxy = Proxy(tmp_path, [origin.port], run=False)
    proxy.path.write_text(proxy.path.read_text() + where + f'"file:{path}"' + end)
    what = f"log target file:{path}: No such file or directory: its folder must be there, and this user able to write to it\n"
    checked, started = run("--check", "-f", str(proxy.path)), run("-f", str(proxy.path))
    assert (checked.returncode, started.returncode) == (0, 2)
    assert f"hapair-proxy: warning: {what}" in checked.stderr
    assert f"hapair-proxy: {what}" in started.stderr
    path.parent.mkdir()
    checked = run("--check", "-f", str(proxy.path))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert not path.exists(), "who only checks makes nothing"


def test_a_log_socket_that_is_not_there_yet_keeps_nobody_from_starting(tmp_path, origin):
    proxy = Proxy(tmp_path, [origin.port], globals_=f'[[global.log]]\ntarget = "unix:{tmp_path}/none/log"\n')
    assert proxy.get()[0] == "HTTP/1.1 200 OK"
    proxy.stop()


def test_an_address_the_host_does_not_hold_can_be_bound(tmp_path, origin):
    # TEST-NET-1: nobody's; nothing is sent there.
    proxy = Proxy(tmp_path, [origin.port], run=False)
    proxy.path.write_text(proxy.path.read_text().replace(
        f'bind = ["127.0.0.1:{proxy.port}"]', f'bind = ["127.0.0.1:{proxy.port}", "192.0.2.10:8080"]'))
    proxy.start()
    try:
        assert proxy.get()[0] == "HTTP/1.1 200 OK"
    finally:
        proxy.stop()


def test_in_the_background_with_a_pid_file(tmp_path, origin):
    pidfile = tmp_path / "proxy.pid"
    proxy = Proxy(tmp_path, [origin.port], run=False)
    result = run("-D", "-p", str(pidfile), "-f", str(proxy.path))
    assert result.returncode == 0, result.stderr
    pid = int(pidfile.read_text())
    try:
        assert re.fullmatch(r"\d+\n", pidfile.read_text())
        assert proxy.get()[0] == "HTTP/1.1 200 OK"  # it serves before the parent returns
        again = run("-D", "-p", str(pidfile), "-f", str(proxy.path))
        assert again.returncode == 2 and str(pid) in again.stderr
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not alive(pid), "it ends")
    assert not pidfile.exists()


def test_a_signal_to_a_daemon_that_is_just_starting_is_obeyed(tmp_path, origin):
    """From the moment its pid file is there. Without that about half of them ended it."""
    pid_file = tmp_path / "hapair.pid"
    proxy = Proxy(tmp_path, [origin.port], run=False, globals_=f'pidfile = "{pid_file}"')
    for number, (word, line) in enumerate([(signal.SIGHUP, "Reloaded: "), (signal.SIGUSR2, "SIGUSR2 "), (signal.SIGUSR1, "Drained: ")] * 6, 1):
        told = sum(line in each for each in proxy.log.lines)
        process = subprocess.Popen([binary("hapair-proxy"), "-f", str(proxy.path)])
        try:
            wait_until(lambda: pid_file.exists() and pid_file.read_text(), "the pid file is there")
            process.send_signal(word)
            wait_until(lambda: process.poll() is not None or sum(line in each for each in proxy.log.lines) > told, f"{word} is obeyed ({number})")
        finally:
            process.terminate()
        assert process.wait(10) == 0, f"{word} ended it ({number})"


def test_a_background_start_that_fails_says_so(tmp_path, origin):
    proxy = Proxy(tmp_path, [origin.port], run=False)
    with socket.create_server(("127.0.0.1", proxy.port)):
        result = run("-D", "-f", str(proxy.path))
    assert result.returncode == 2 and str(proxy.port) in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="changing user and root needs root")
def test_user_group_and_chroot(tmp_path, origin):
    jail = tmp_path / "jail"
    jail.mkdir()
    proxy = Proxy(tmp_path, [origin.port], run=False,
                  globals_=f'user = "nobody"\ngroup = "nogroup"\nchroot = "{jail}"\n')
    proxy.start()
    try:
        assert proxy.get()[0] == "HTTP/1.1 200 OK"  # it listens before it is somebody else
        status = pathlib.Path(f"/proc/{proxy.process.pid}/status").read_text()
        uid = pwd.getpwnam("nobody").pw_uid
        assert re.search(rf"^Uid:\s+{uid}\s+{uid}\s+{uid}\s+{uid}$", status, re.M)
        assert re.search(r"^CapEff:\s+0+$", status, re.M)
        assert os.readlink(f"/proc/{proxy.process.pid}/root") == str(jail)
        assert "200" in proxy.log.wait_for('"GET / HTTP')
    finally:
        proxy.stop()


def test_what_is_not_built_yet_is_refused_by_name(tmp_path, origin):
    proxy = Proxy(tmp_path, [origin.port])
    try:
        proxy.process.send_signal(signal.SIGUSR2)
        assert "not built yet" in proxy.log.wait_for("SIGUSR2")
        assert proxy.get()[0] == "HTTP/1.1 200 OK"
    finally:
        proxy.stop()


def test_the_end_is_logged_with_what_was_served(tmp_path, origin):
    proxy = Proxy(tmp_path, [origin.port])
    for _ in range(3):
        proxy.get()
    proxy.process.send_signal(signal.SIGTERM)
    assert proxy.process.wait(10) == 0
    line = proxy.log.wait_for("Proxy http-in stopped")
    assert line.startswith("<132>") and "(cumulated conns: FE: 3, BE: 0)." in line
    assert "(cumulated conns: FE: 0, BE: 3)." in proxy.log.wait_for("Proxy app stopped")
    proxy.stop()


def test_descriptors_that_are_not_granted_lower_maxconn(tmp_path, origin):
    proxy = Proxy(tmp_path, [origin.port], globals_="maxconn = 100000000", run=False)
    command = f"ulimit -n 400; exec {binary('hapair-proxy')} -d -f {proxy.path}"
    # Without the right to raise the hard limit, as a daemon under systemd.
    process = subprocess.Popen(["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource",
                                "bash", "-c", command], stderr=subprocess.PIPE, text=True)
    try:
        line = wait_until(process.stderr.readline, "a warning")
        assert re.search(r"global.maxconn lowered from 100000000 to \d+", line), line
    finally:
        process.terminate()
        process.wait(10)
    strict = Proxy(tmp_path, [origin.port], globals_="maxconn = 100000000\nstrict_limits = true",
                   run=False)
    result = subprocess.run(
        ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource", "bash", "-c",
         f"ulimit -n 400; exec {binary('hapair-proxy')} -f {strict.path}"],
        capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 2 and "LimitNOFILE" in result.stderr
