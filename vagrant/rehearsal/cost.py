"""What a failure cost, from what was seen: pure. Times are seconds of the monotonic clock, costs milliseconds."""
from __future__ import annotations

import dataclasses
import typing


class Fresh(typing.NamedTuple):
    """A request on a connection of its own."""

    begun: float
    ended: float
    good: bool


class Kept(typing.NamedTuple):
    """What became of one of the connections that stay."""

    at: float
    number: int
    what: str


class Answered(typing.NamedTuple):
    """Who says that the virtual address is his, asked once."""

    asked: float
    by: frozenset[str]


class Held(typing.NamedTuple):
    """A node has the virtual address on its link from now on, or not any more."""

    at: float
    node: str
    held: bool


class Said(typing.NamedTuple):
    """A line of a node's log."""

    at: float
    node: str
    tag: str
    text: str


@dataclasses.dataclass
class Seen:
    """Everything from the beginning of a drill to its end."""

    fresh: list[Fresh] = dataclasses.field(default_factory=list)
    kept: list[Kept] = dataclasses.field(default_factory=list)
    answered: list[Answered] = dataclasses.field(default_factory=list)
    held: list[Held] = dataclasses.field(default_factory=list)
    said: list[Said] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Cost:
    gap: float              # the longest time between two good answers to fresh requests
    answers: bool           # there were good answers again in the end
    lost: int               # fresh requests without a good answer
    broken: int             # of the connections that stay: those that ended against the visitor's will
    two_masters: float      # as long two nodes answered for the virtual address
    two_masters_end: bool   # they did not any more in the end
    detected: float | None  # the first line a VRRP daemon logged
    takeover: float | None  # the other node had the address


# Between two questions that the machine let wait for longer, nobody knows.
LONGEST_STEP = 0.05
# No answer for so long before the end: there are none.
SILENCE = 0.5

PEACEFUL = ("left", "no connection")


def longest_gap(fresh: list[Fresh], since: float, until: float) -> float:
    """Seconds. A gap that begins with the last answer before `since` counts whole, unless there had been none for
    long; so does the silence before `until`."""
    answers = sorted(request.ended for request in fresh if request.good and request.ended < until)
    last = max((answer for answer in answers if answer <= since), default=since)
    moments = [last if since - last < SILENCE else since] + [answer for answer in answers if answer > since] + [until]
    return max(later - earlier for earlier, later in zip(moments, moments[1:]))


def broken(kept: list[Kept], since: float, until: float) -> int:
    count, established = 0, set()
    for event in sorted(kept, key=lambda event: event.at):
        if event.what == "open":
            established.add(event.number)
            continue
        if event.number in established and event.what not in PEACEFUL and since <= event.at < until:
            count += 1
        established.discard(event.number)
    return count


def two_masters(answered: list[Answered], since: float, until: float) -> tuple[float, bool]:
    """Seconds, and whether it was over in the end."""
    asked = sorted((question for question in answered if since <= question.asked < until),
                   key=lambda question: question.asked)
    total = sum(min(later.asked - question.asked, LONGEST_STEP)
                for question, later in zip(asked, asked[1:]) if len(question.by) > 1)
    return total, not any(len(question.by) > 1 for question in asked[-4:])


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def cost(seen: Seen, since: float, until: float, taker: str, vrrp_tags: set[str]) -> Cost:
    """What the time between the two moments cost; `taker` is who ought to have the address then."""
    good = [request.ended for request in seen.fresh if request.good and request.ended < until]
    masters, over = two_masters(seen.answered, since, until)
    detected = min((line.at for line in seen.said if since <= line.at < until and line.tag in vrrp_tags), default=None)
    taken = min((change.at for change in seen.held
                 if since <= change.at < until and change.node == taker and change.held), default=None)
    return Cost(gap=milliseconds(longest_gap(seen.fresh, since, until)),
                answers=bool(good) and max(good) > until - SILENCE,
                lost=sum(not request.good for request in seen.fresh if since <= request.begun < until),
                broken=broken(seen.kept, since, until),
                two_masters=milliseconds(masters), two_masters_end=over,
                detected=None if detected is None else milliseconds(detected - since),
                takeover=None if taken is None else milliseconds(taken - since))
