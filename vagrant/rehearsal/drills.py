"""The drills: what is broken, how it is made good again, and what it may cost hapair."""
from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import time
import typing

from rehearsal.stage import Node, Stage

# Whoever the drill is for: the stage, the master, the other node.
Act = typing.Callable[[Stage, Node, Node], typing.Callable[[], None]]
Undo = typing.Callable[[Stage, Node, Node], None]


@dataclasses.dataclass(frozen=True)
class Limits:
    """Of what happens until the damage is undone, and on the way back; milliseconds, or how many. None: whatever
    it is."""

    gap: float | None = None
    lost: int | None = None
    broken: int | None = None
    two_masters: float | None = 50  # whoever leaves says so first and removes the address then
    takeover: float | None = None
    back_gap: float | None = 250
    back_broken: int | None = 0


@dataclasses.dataclass(frozen=True)
class Drill:
    name: str
    what: str
    act: Act            # prepares, and answers what does it at once
    undo: Undo
    limits: Limits
    moves: bool = True  # the address ought to move
    lasts: float = 0    # seconds until it is undone; 0: until the pair has settled on it


# ---- what is done

def kill(service: str, number: int, leader: bool = False) -> Act:
    """To the program's first process alone, or to every one: the youngest first, so that none learns of another's
    end in time to do something about it."""
    def prepare(stage: Stage, master: Node, other: Node):
        pids = stage.pids(master, service)
        pids = pids[:1] if leader else pids[::-1]

        def act():
            for pid in pids:
                os.kill(pid, number)
        return act
    return prepare


def link_down(stage: Stage, master: Node, other: Node):
    return lambda: subprocess.run(["ip", "-n", stage.switch, "link", "set", master.name, "down"], check=True)


def power_off(stage: Stage, master: Node, other: Node):
    init = stage.init(master)
    pull = link_down(stage, master, other)

    def act():
        os.kill(init, signal.SIGKILL)  # and with it every process of the host
        pull()
        stage.set_held(master, False, time.monotonic())
        stage.lab("poweroff", master.name)  # its network and card go too
    return act


def lose_adverts(stage: Stage, master: Node, other: Node):
    """What the master says to all is not heard by the other node any more; the other way is left."""
    rules = ["table ip drill { chain in { type filter hook prerouting priority -400; policy accept; "
             f"ip saddr {master.address} ip daddr 224.0.0.18 drop; }}; }};"]
    return lambda: stage.run(["ip", "netns", "exec", other.space, "nft", *rules])


def hand_over(stage: Stage, master: Node, other: Node):
    """The incumbents have no word for it: their operators stop keepalived."""
    if stage.stack == "hapair":
        return lambda: stage.inside(master, "hapair", "switchover")
    return kill("vrrp", signal.SIGTERM, leader=True)(stage, master, other)


# ---- and undone

def start(service: str) -> Undo:
    def undo(stage: Stage, master: Node, other: Node):
        stage.wait(lambda: not stage.pids(master, service), 10, f"{service} of {master} has ended")
        stage.lab("start", master.name, "vrrp" if service == "guarded" else service)
    return undo


def go_on(service: str) -> Undo:
    """One that was ended meanwhile, because it hung, is started again."""
    def undo(stage: Stage, master: Node, other: Node):
        for pid in stage.pids(master, service):
            os.kill(pid, signal.SIGCONT)
        stage.lab("start", master.name, service)
    return undo


def hand_back(stage: Stage, master: Node, other: Node):
    if stage.stack == "hapair":
        stage.inside(other, "hapair", "switchover")
    else:
        start("vrrp")(stage, master, other)


def join(stage: Stage, master: Node, other: Node):
    stage.lab("join", master.name)


def power_on(stage: Stage, master: Node, other: Node):
    stage.lab("poweron", master.name)
    stage.watch(master)


def hear_adverts(stage: Stage, master: Node, other: Node):
    stage.run(["ip", "netns", "exec", other.space, "nft", "delete table ip drill"])


# A failover's gap is bounded by three adverts of 100 ms, the skew of 61 ms, and what two busy cores add.
SILENT = Limits(gap=600, takeover=600)
DRILLS = [
    Drill("kill-proxy", "kill -9 of the proxy", kill("proxy", signal.SIGKILL), start("proxy"),
          Limits(gap=150, takeover=150)),
    Drill("hang-proxy", "SIGSTOP of the proxy", kill("proxy", signal.SIGSTOP), go_on("proxy"), SILENT),
    Drill("stop-proxy", "SIGTERM to the proxy", kill("proxy", signal.SIGTERM), start("proxy"),
          Limits(gap=150, takeover=150)),
    Drill("stop-vrrp", "SIGTERM to the VRRP daemon", kill("vrrp", signal.SIGTERM, leader=True), start("vrrp"),
          Limits(gap=150, takeover=150)),
    Drill("kill-vrrp", "kill -9 of the VRRP daemon", kill("vrrp", signal.SIGKILL, leader=True), start("vrrp"),
          Limits(gap=150, takeover=150)),
    Drill("wipe-vrrp", "kill -9 of all its processes at once", kill("guarded", signal.SIGKILL), start("guarded"),
          Limits(gap=600, takeover=600, two_masters=1100)),  # until the kernel takes the lease of 1 s back
    Drill("hang-vrrp", "SIGSTOP of the VRRP daemon", kill("vrrp", signal.SIGSTOP), go_on("vrrp"), SILENT),
    Drill("link-down", "the network cable is pulled", link_down, join, SILENT),
    Drill("cut-adverts", "adverts lost one way for 5 s", lose_adverts, hear_adverts,
          Limits(gap=150, lost=0, broken=0), moves=False, lasts=5),
    Drill("power-off", "the power goes", power_off, power_on, SILENT),
    Drill("switchover", "a planned handover", hand_over, hand_back,
          Limits(gap=150, lost=0, broken=0, takeover=1000)),
]
BY_NAME = {drill.name: drill for drill in DRILLS}
