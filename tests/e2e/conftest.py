import ctypes
import json
import os
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import pair  # noqa: E402  (the folder has to be in the path first)


def pytest_configure(config):
    """Each process of a parallel run has a network, and so ports, and a lab of its own."""
    # A daemon that writes to a busy disk waits for it, and its guardian for nobody. Logs and run directories are
    # in memory on the hosts, too.
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if not worker:
        return
    CLONE_NEWNET = 0x40000000
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot make a network namespace")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.environ["LAB_PREFIX"] = os.environ.get("LAB_PREFIX", "haptest") + worker


@pytest.fixture(scope="session")
def running_lab():
    """One lab for all tests, beside any lab that a person has up."""
    lab = pair.Lab(os.environ.get("LAB_PREFIX", "haptest"))
    lab.down()
    lab.up()
    yield lab
    lab.down()


@pytest.fixture
def lab(running_lab):
    """The lab with everything on, hap1 the master and both web servers in use."""
    running_lab.settle()
    return running_lab


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What the two balancers logged goes with a failure: the lab is gone when it is read."""
    report = (yield).get_result()
    lab = item.funcargs.get("running_lab") if report.when == "call" and report.failed else None
    if lab:
        for host in lab.balancers:
            report.sections.append((f"{host}: hapair.log", "\n".join(host.log_lines()[-60:])))


FIGURE = "figure: "


def pytest_terminal_summary(terminalreporter):
    """What tests have measured (record_property("figure: …", …)) is shown, and kept beside their results."""
    figures = {name.removeprefix(FIGURE): value for reports in terminalreporter.stats.values() for report in reports
               for name, value in getattr(report, "user_properties", ()) if name.startswith(FIGURE)}
    if not figures:
        return
    terminalreporter.section("figures")
    for name, value in figures.items():
        terminalreporter.write_line(f"{name}: {value}")
    results = pair.TREE / "build" / "test-results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "vrrp-failover.json").write_text(json.dumps(figures, indent=1) + "\n")
