"""`vagrant/lab drill`: what it reports is what happened, limits are held, and it leaves nothing. These have a lab of
their own: the drill's prefix is made from this one."""
import json
import os
import subprocess
import sys

import pytest

import pair
from test_lab import traces

sys.path.insert(0, str(pair.TREE / "vagrant"))

from rehearsal import report  # noqa: E402  (the folder has to be in the path first)
from rehearsal.cost import Answered, Cost, Fresh, Held, Kept, Said, Seen, cost  # noqa: E402

PREFIX = os.environ.get("LAB_PREFIX", "haptest") + "drill"


def drill(*words, **options):
    return subprocess.run([pair.TREE / "vagrant" / "lab", "drill", *map(str, words)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=120, env=os.environ | {"LAB_PREFIX": PREFIX, "LAB_STACK": "hapair"},
                          **options)


# ---- the real thing. A busy machine may take its time: what is wrong here is worse than slow.

ROOM = ["--limit=gap=1500", "--limit=takeover=2000", "--limit=back_gap=1500", "--limit=two_masters=200"]


def test_the_pair_passes_and_the_report_says_what_it_cost(tmp_path):
    done = drill("kill-proxy", "switchover", "--json", tmp_path / "report.json", *ROOM)
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["passed"] and "lab drill kill-proxy switchover" in content["measured"]
    killed, switched = content["outcomes"]

    assert (killed["drill"], killed["stack"], killed["master"]) == ("kill-proxy", "hapair", "hap1")
    assert 0 < killed["cost"]["takeover"] < 2000 and 0 < killed["cost"]["detected"] < 2000
    assert killed["cost"]["broken"] == 20  # they were the dead process's
    assert any(node == "hap1" and "the proxy is not running" in line for _, node, line in killed["log"])
    assert any(node == "hap2" and "Entering MASTER STATE" in line for _, node, line in killed["log"])
    assert killed["back"]["takeover"] is not None

    assert switched["cost"]["lost"] == switched["cost"]["broken"] == switched["back"]["broken"] == 0
    assert switched["cost"]["takeover"] > 0
    for outcome in content["outcomes"]:
        assert outcome["failures"] == [] and outcome["cost"]["answers"] and outcome["back"]["answers"]
        assert 0 < outcome["cost"]["gap"] <= 1500

    assert [line.split()[0] for line in done.stdout.splitlines() if line.endswith("pass")] == ["kill-proxy", "switchover"]
    assert traces(f"{PREFIX}-drill") == []

    again = drill("--from", tmp_path / "report.json")
    assert again.returncode == 0 and again.stdout in done.stdout


def test_a_limit_that_is_exceeded_fails(tmp_path):
    done = drill("stop-vrrp", "--json", tmp_path / "report.json", *ROOM, "--limit=broken=3")
    assert done.returncode == 1, done.stdout + done.stderr
    content = json.loads((tmp_path / "report.json").read_text())
    assert not content["passed"] and "broken 20 > 3" in content["outcomes"][0]["failures"]
    assert "FAIL: broken 20 > 3" in done.stdout
    assert traces(f"{PREFIX}-drill") == []


def test_a_second_one_at_the_same_time_is_refused():
    other = {"LAB_PREFIX": PREFIX}
    lock = f"/run/{PREFIX}-drill.lock"
    done = subprocess.run(["flock", lock, pair.TREE / "vagrant" / "lab", "drill", "stop-vrrp"], capture_output=True, text=True,
                          env=os.environ | other, timeout=60)
    os.unlink(lock)
    assert done.returncode == 2 and "another drill is at work" in done.stderr


@pytest.mark.parametrize("words, complaint", [
    (["kill-prxy"], "'kill-prxy' is not a drill; the drills are kill-proxy, "),
    ([], "which drills?"),
    (["kill-proxy", "--all"], "which drills?"),
    (["kill-proxy", "--limit=gpa=1"], "'gpa' is not a limit; the limits are gap, lost, "),
    (["kill-proxy", "--limit=gap=soon"], "'soon' is not a number"),
    (["kill-proxy", "--rounds=0"], "--rounds: at least 1"),
])
def test_a_wrong_word_is_named(words, complaint):
    done = drill(*words)
    assert done.returncode == 2 and complaint in done.stderr


# ---- what is made of what was seen

def steady(since: float, until: float, good=True) -> list[Fresh]:
    return [Fresh(at / 1000, at / 1000 + 0.002, good) for at in range(round(since * 1000), round(until * 1000), 5)]


def test_the_cost_of_a_story():
    """The master dies at 10 s; the other node has the address at 10.3 s and asks for it until 10.35 s with the first."""
    seen = Seen(
        fresh=steady(9, 10) + steady(10, 10.3, good=False) + steady(10.3, 13),
        kept=[Kept(9, 1, "open"), Kept(9, 2, "open"), Kept(10.1, 1, "reset"), Kept(10.2, 1, "no connection"),
              Kept(10.4, 1, "open"), Kept(12, 2, "left")],
        answered=[Answered(10 + n / 100, frozenset({"a", "b"} if 30 <= n < 35 else {"a"})) for n in range(100)],
        held=[Held(10.3, "hap2", True), Held(10.35, "hap1", False)],
        said=[Said(9.9, "hap1", "hapair-vrrp", "before"), Said(10.05, "hap1", "hapair-proxy", "not the election"),
              Said(10.1, "hap2", "hapair-vrrp", "Transition to MASTER STATE")])
    assert cost(seen, 10, 13, "hap2", {"hapair-vrrp"}) == Cost(
        gap=305, answers=True, lost=60, broken=1, two_masters=50, two_masters_end=True, detected=100, takeover=300)


def test_the_cost_of_what_does_not_end():
    seen = Seen(fresh=steady(9, 10) + steady(10, 25, good=False),
                answered=[Answered(10 + n / 100, frozenset({"a", "b"})) for n in range(1500)])
    found = cost(seen, 10, 25, "hap2", {"hapair-vrrp"})
    assert (found.answers, found.takeover, found.detected, found.two_masters_end) == (False, None, None, False)
    assert found.gap == pytest.approx(15000, abs=5)
    assert report.gap(found, True) == "never" and report.taken_over(found, True) == "never"
    assert report.two_masters(found, True) == "15.0 s, still"


def test_the_table_goes_between_its_two_lines_and_nowhere_else(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{report.BEGIN}\nolder figures\n{report.END}\nafter\n")
    report.write_readme(page, "Measured.", [], ["hapair", "keepalived"])
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "older figures" not in text and "Measured." in text and "| gap: hapair | gap: keepalived |" in text
    page.write_text("no lines\n")
    with pytest.raises(ValueError, match="between which the table goes"):
        report.write_readme(page, "Measured.", [], ["hapair"])


def test_readme_has_the_place_for_the_table():
    text = (pair.TREE / "README.md").read_text()
    assert text.index(report.BEGIN) < text.index(report.END)
