"""The units: accepted by systemd, with no more rights than they say, and installed where they belong."""
import re
import subprocess

import pytest

from pair import TREE

UNITS = ["hapair-proxy", "hapair-vrrp"]


def verify(folder, name, text):
    """systemd-analyze verify, which wants the program to be there: /bin/true stands in for it."""
    path = folder / f"{name}.service"
    path.write_text(text.replace(f"/usr/sbin/{name}", "/bin/true"))
    return subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True)


@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_the_unit(tmp_path, name):
    text = (TREE / "systemd" / f"{name}.service").read_text()
    done = verify(tmp_path, name, text)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    # The check can fail: a misspelt setting is told.
    assert "WatchdogSecond" in verify(tmp_path, name, text.replace("WatchdogSec", "WatchdogSecond")).stderr


def settings(name):
    text = (TREE / "systemd" / f"{name}.service").read_text()
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.M))


@pytest.mark.parametrize("name", UNITS)
def test_it_is_watched_and_started_again(name):
    unit = settings(name)
    assert unit["Type"] == "notify"
    assert re.fullmatch(r"\d+s", unit["WatchdogSec"])
    assert unit["Restart"] == "on-failure"
    # The check's exit code is what `systemctl reload` answers.
    text = (TREE / "systemd" / f"{name}.service").read_text()
    reload = [f"/usr/sbin/{name} --check", "/bin/kill -HUP $MAINPID"]
    assert re.findall(r"^ExecReload=(.*)$", text, re.M) == reload
    assert unit["ExecStartPre"] == f"/usr/sbin/{name} --check"


def test_the_vrrp_daemon_may_do_two_things():
    unit = settings("hapair-vrrp")
    assert unit["AmbientCapabilities"] == unit["CapabilityBoundingSet"] == "CAP_NET_ADMIN CAP_NET_RAW"


def test_the_proxy_may_bind_low_ports():
    assert settings("hapair-proxy")["AmbientCapabilities"] == "CAP_NET_BIND_SERVICE"


@pytest.mark.parametrize("name", UNITS)
def test_systemd_calls_its_exposure_ok(tmp_path, name):
    text = (TREE / "systemd" / f"{name}.service").read_text()
    path = tmp_path / f"{name}.service"
    path.write_text(text.replace(f"/usr/sbin/{name}", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=35", path],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_both_run_as_the_user_that_sysusers_makes():
    made = (TREE / "systemd" / "hapair.sysusers").read_text()
    for name in UNITS:
        assert re.search(rf"^u {settings(name)['User']} ", made, re.M)


def test_the_lists_are_understood(tmp_path):
    """systemd-sysusers and systemd-tmpfiles carry them out, in a root of their own."""
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", TREE / "systemd" / "hapair.sysusers"], check=True)
    assert re.search(r"^hapair:", (tmp_path / "etc" / "passwd").read_text(), re.M)
    done = subprocess.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create", TREE / "systemd" / "hapair.tmpfiles"],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "run" / "hapair").is_dir()


def test_cmake_installs_them(tmp_path):
    subprocess.run(["cmake", "--install", TREE / "build" / "release", "--prefix", tmp_path], check=True, capture_output=True)
    for path in ("lib/systemd/system/hapair-proxy.service", "lib/systemd/system/hapair-vrrp.service",
                 "lib/sysusers.d/hapair.conf", "lib/tmpfiles.d/hapair.conf", "lib/sysctl.d/50-hapair.conf",
                 "sbin/hapair-proxy", "sbin/hapair-vrrp", "bin/hapair"):
        assert (tmp_path / path).is_file(), path
