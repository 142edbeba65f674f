"""What one keep-alive request through the proxy takes: system calls, allocations, instructions.

Counted, never timed (tests/bench/counting.py tells how), so a busy machine changes nothing. These
are the guards of the fast path: a change that adds to them does so on purpose or not at all.
"""
import json
import os
import subprocess
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1] / "bench"

# The four calls no proxy can avoid. strace slows the proxy alone, so events gather while it works.
FLOOR = {"recvfrom": 2.0, "sendto": 2.0}
SLACK = 0.02           # timers and the threads' own beat, spread over 4000 requests
EPOLL_SHARE = 0.2
TOLERANCE = 0.03


def count(name):
    binaries = os.environ.get("LAB_BIN")  # the build tests/run tests
    environment = dict(os.environ)
    if binaries:
        environment.setdefault("HAPAIR_BIN", str(Path(binaries).resolve()))
    done = subprocess.run([BENCH / "counts", name], env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)[name]


def calls_with_gathered_events(name):
    """How many events a turn finds depends on who else has the cores: the best of four counts."""
    for _ in range(4):
        calls = count(name)
        if calls["epoll_wait"] <= EPOLL_SHARE:
            break
    return calls


def others(calls, *known):
    return {call: number for call, number in calls.items()
            if call not in FLOOR and call not in known and number > SLACK}


def assert_floor(calls):
    for call, number in FLOOR.items():
        assert abs(calls[call] - number) <= SLACK, f"{calls[call]} {call} a request: {calls}"
    assert calls["epoll_wait"] <= EPOLL_SHARE, f"{calls['epoll_wait']} turns a request"


def test_a_request_takes_two_receives_two_sends_and_a_share_of_epoll():
    calls = calls_with_gathered_events("calls")
    assert_floor(calls)
    assert not others(calls, "epoll_wait")
    assert sum(calls.values()) <= 4.2


def test_a_log_line_takes_no_send_of_its_own():
    calls = calls_with_gathered_events("calls-logging")
    assert_floor(calls)  # no third sendto
    # Once a turn of the loop at most, and a turn has many lines.
    assert calls["sendmmsg"] <= calls["epoll_wait"] + SLACK
    assert not others(calls, "epoll_wait", "sendmmsg")


def test_a_request_allocates_nothing():
    # A block in a thousand requests is a container that grew, not a request that allocates.
    assert count("allocations")["per_request"] <= 0.001


def test_a_logged_request_allocates_nothing():
    assert count("allocations-logging")["per_request"] <= 0.002


def test_instructions_are_those_that_were_committed():
    committed = json.loads((BENCH / "instructions.json").read_text(encoding="utf-8"))
    counted = count("instructions")
    assert counted.keys() == committed.keys()
    for script, number in counted.items():
        change = number / committed[script] - 1
        assert abs(change) <= TOLERANCE, (
            f"{script}: {number:.0f} instructions a request, {committed[script]} are committed ({change:+.1%}). "
            "If that is meant, say why in the commit and run tests/bench/counts instructions --update")
