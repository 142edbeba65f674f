"""What a person and a program are told of the drills: a table, its place in README.md, JSON."""
from __future__ import annotations

import dataclasses
import pathlib
import statistics

from rehearsal.cost import Cost
from rehearsal.drills import BY_NAME
from rehearsal.rehearse import Outcome

BEGIN, END = "<!-- drill: begin (./vagrant/lab drill --readme writes what follows) -->", "<!-- drill: end -->"

LEGEND = """\
gap: the longest time without a good answer to fresh connections, one every 5 ms · lost: of those requests · broken: of 20 keep-alive
connections, those that ended against the client's will · two masters: as long two hosts answered ARP for the address · taken over: the
other node has the address. Each: until the damage was undone / on the way back to the first node. never: not within 15 s."""


def duration(milliseconds: float) -> str:
    if milliseconds < 0.5:
        return "0"
    return f"{milliseconds:.0f} ms" if milliseconds < 999.5 else f"{milliseconds / 1000:.1f} s"


def gap(cost: Cost, _) -> str:
    return duration(cost.gap) if cost.answers else "never"


def two_masters(cost: Cost, _) -> str:
    return duration(cost.two_masters) + ("" if cost.two_masters_end else ", still")


def taken_over(cost: Cost, moves: bool) -> str:
    if cost.takeover is not None:
        return duration(cost.takeover)
    return "never" if moves else "–"


FIGURES = {
    "gap": gap,
    "lost": lambda cost, _: f"{cost.lost}",
    "broken": lambda cost, _: f"{cost.broken}",
    "two masters": two_masters,
    "taken over": taken_over,
}


def median(costs: list[Cost]) -> Cost:
    """Of each figure by itself; what never came counts as longest."""
    def middle(values):
        known = [value for value in values if value is not None]
        if len(known) * 2 <= len(values):
            return None
        return statistics.median_low(sorted(known))
    return Cost(**{field.name: middle([getattr(cost, field.name) for cost in costs]) for field in dataclasses.fields(Cost)})


def cells(outcomes: list[Outcome]) -> list[str]:
    """Of one drill on one stack, all its rounds."""
    measured = [outcome for outcome in outcomes if outcome.cost]
    if not measured:
        return ["?"] * len(FIGURES)
    moves = BY_NAME[outcomes[0].drill].moves
    there, back = median([outcome.cost for outcome in measured]), median([outcome.back for outcome in measured])
    # On the way back the address moves only if it was away, which two masters leave open.
    return [f"{figure(there, moves)} / {figure(back, False)}" for figure in FIGURES.values()]


def rows_of(outcomes: list[Outcome], stacks: list[str], judged: bool) -> list[list[str]]:
    head = ["drill"] + [f"{name}{f': {stack}' if len(stacks) > 1 else ''}" for name in FIGURES for stack in stacks]
    rows = [head + (["result"] if judged else [])]
    for drill in dict.fromkeys(outcome.drill for outcome in outcomes):
        columns = [cells([outcome for outcome in outcomes if (outcome.drill, outcome.stack) == (drill, stack)])
                   for stack in stacks]
        row = [drill] + [cell for figure in zip(*columns) for cell in figure]
        if judged:
            bad = any(outcome.failures for outcome in outcomes if (outcome.drill, outcome.stack) == (drill, "hapair"))
            row.append("FAIL" if bad else "pass")
        rows.append(row)
    return rows


def text(outcomes: list[Outcome], stacks: list[str]) -> str:
    """One stack after the other: a terminal is not wide enough for two."""
    parts = []
    for stack in stacks:
        rows = rows_of([outcome for outcome in outcomes if outcome.stack == stack], [stack], judged=stack == "hapair")
        rows[0][0] = stack
        widths = [max(map(len, column)) for column in zip(*rows)]
        parts.append("\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows))
    return "\n\n".join([*parts, LEGEND])


def markdown(outcomes: list[Outcome], stacks: list[str]) -> str:
    head, *rows = rows_of(outcomes, stacks, judged=False)
    for row in rows:
        row[0] = f"`{row[0]}`: {BY_NAME[row[0]].what}"
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def details(outcome: Outcome) -> str:
    """One drill, with the lines that tell its story."""
    lines = [f"{outcome.drill} on {outcome.stack}'s {outcome.master}: {BY_NAME[outcome.drill].what}"]
    if outcome.cost:
        lines[0] += f" (longest gap in the quiet second before: {duration(outcome.quiet_gap)})"
        lines.append(f"  detected after {'never' if outcome.cost.detected is None else duration(outcome.cost.detected)}"
                     f", undone after {duration(outcome.undone_after)}")
        for name, figure in FIGURES.items():
            moves = BY_NAME[outcome.drill].moves
            lines.append(f"  {name:<12} {figure(outcome.cost, moves):>12}   back: {figure(outcome.back, False)}")
        lines += [f"  {at:>9.1f} ms  {node}  {line}" for at, node, line in outcome.log]
    lines += [f"  FAIL: {failure}" for failure in outcome.failures]
    return "\n".join(lines)


def write_readme(path: pathlib.Path, measured: str, outcomes: list[Outcome], stacks: list[str]):
    page = path.read_text()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} does not have the two lines between which the table goes:\n{BEGIN}\n{END}")
    path.write_text(f"{before}{BEGIN}\n{measured}\n\n{markdown(outcomes, stacks)}\n{END}{after}")
