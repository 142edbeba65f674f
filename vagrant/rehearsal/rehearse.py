"""One drill from a settled pair to a settled pair."""
from __future__ import annotations

import dataclasses
import time

from rehearsal.cost import Cost, Seen, cost, longest_gap, milliseconds
from rehearsal.drills import Drill, Limits
from rehearsal.stage import NODES, VIRTUAL_ADDRESS, VRRP_TAGS, Stage, Trouble

CAP = 15.0      # an address that has not moved, or that two have, after so long: never
CALM = 1.0      # so long everything has to be well for the pair to be settled
AFTERMATH = 2.5  # looked at after a takeover: a connection that says nothing for 2 s is broken
SETTLE_LIMIT = 20.0
KEPT = set(range(20))  # as visitors.py has them


@dataclasses.dataclass
class Outcome:
    drill: str
    stack: str
    master: str       # who it was done to
    quiet_gap: float  # the longest gap in the second before, when nothing happened
    cost: Cost | None  # until it was undone; None: it could not be measured, and `failures` says why
    back: Cost | None  # from then on until the pair had settled
    undone_after: float
    failures: list[str] = dataclasses.field(default_factory=list)
    log: list[tuple[float, str, str]] = dataclasses.field(default_factory=list)  # ms, node, "tag: text"


def is_well(stage: Stage, since: float) -> bool:
    """The last second, for the visitors: no request lost, no long gap, one master."""
    now = time.monotonic()
    if now - since < CALM or stage.masters() != [NODES[0].name]:
        return False
    if any(change.at > now - CALM for change in stage.seen.held):
        return False
    recent = [request for request in stage.seen.fresh if request.ended > now - CALM]
    # What was seen last is still on its way here.
    return (bool(recent) and all(request.good for request in recent)
            and longest_gap(stage.seen.fresh, now - CALM, now - 0.05) < 0.25
            and not any(len(question.by) != 1 for question in stage.seen.answered if question.asked > now - CALM))


def last_words(stage: Stage) -> str:
    return "\n".join(f"  {line.at:.3f} {line.node} {line.tag}: {line.text}" for line in stage.seen.said[-20:])


def settle(stage: Stage):
    """Waits until hap1 is the master again and both nodes serve."""
    began = time.monotonic()
    stage.served = None
    asked = 0.0
    while True:
        now = time.monotonic()
        if now - asked > 0.5:
            asked = now
            stage.tell("nodes")
        if is_well(stage, began) and len(stage.served or []) == len(NODES):
            return
        if now - began > SETTLE_LIMIT:
            raise Trouble(f"the pair of {stage.stack} has not settled within {SETTLE_LIMIT:.0f} s: {VIRTUAL_ADDRESS} is on "
                          f"{' and '.join(stage.masters()) or 'nobody'}, {len(stage.served or [])} of 2 nodes serve\n"
                          + last_words(stage))
        stage.look(0.02)


def part(stage: Stage):
    """The connections that stay are left, and with the last of them ends what a handover has kept for them."""
    began = time.monotonic()
    stage.tell("anew")
    stage.wait(lambda: KEPT <= {event.number for event in stage.seen.kept if event.at >= began and event.what == "open"},
               10, "the visitors are connected anew")
    while left := stage.leftovers():
        if time.monotonic() - began > SETTLE_LIMIT:
            raise Trouble(f"{VIRTUAL_ADDRESS} is still on {', '.join(left)}, although nobody uses it there\n"
                          + last_words(stage))
        stage.look_for(0.1)


def settled_on_it(stage: Stage, drill: Drill, event: float, other: str) -> bool:
    """Nothing more will come of it before it is undone."""
    now = time.monotonic()
    if drill.lasts:
        return now - event >= drill.lasts
    if now - event >= CAP:
        return True
    taken = [change.at for change in stage.seen.held if change.node == other and change.held and change.at >= event]
    return (bool(taken) and now - taken[0] >= AFTERMATH
            and longest_gap(stage.seen.fresh, now - 0.5, now - 0.05) < 0.25
            and not any(len(question.by) > 1 for question in stage.seen.answered if question.asked > now - 0.5))


def rehearse(stage: Stage, drill: Drill, limits: Limits) -> Outcome:
    """Trouble tells that the pair was not ready, or did not settle again."""
    stage.seen = Seen()
    settle(stage)
    part(stage)
    master, other = NODES
    act = drill.act(stage, master, other)
    event = time.monotonic()
    act()
    stage.wait(lambda: settled_on_it(stage, drill, event, other.name), CAP + 5, "the end of the drill")
    undone = time.monotonic()
    drill.undo(stage, master, other)
    settle(stage)
    end = time.monotonic()
    part(stage)
    stage.look_for(max(0, end + 1.1 - time.monotonic()))  # what the last requests and questions come to
    tags = VRRP_TAGS[stage.stack]
    outcome = Outcome(
        drill=drill.name, stack=stage.stack, master=master.name,
        quiet_gap=milliseconds(longest_gap(stage.seen.fresh, event - 1, event)),
        cost=cost(stage.seen, event, undone, other.name, tags),
        back=cost(stage.seen, undone, end, master.name, tags),
        undone_after=milliseconds(undone - event),
        log=[(milliseconds(line.at - event), line.node, f"{line.tag}: {line.text}")
             for line in sorted(stage.seen.said, key=lambda line: line.at) if event <= line.at < end])
    outcome.failures = failures(outcome, drill, limits)
    return outcome


def failures(outcome: Outcome, drill: Drill, limits: Limits) -> list[str]:
    """What went beyond its limit, in words."""
    found = []
    if not outcome.cost.answers:
        found.append("the address does not answer again")
    if drill.moves and outcome.cost.takeover is None:
        found.append("the other node does not take the address")
    if not drill.moves and outcome.cost.takeover is not None:
        found.append("the other node takes the address")
    for field in dataclasses.fields(limits):
        part = outcome.back if field.name.startswith("back_") else outcome.cost
        limit, value = getattr(limits, field.name), getattr(part, field.name.removeprefix("back_"))
        if limit is not None and value is not None and value > limit:
            found.append(f"{field.name} {value:g} > {limit:g}")
    return found
