"""What a server's agent says holds as far as an operator's word would, and no longer than there is an agent."""
import contextlib

from loopback import Origin, wait_until
from test_control import farm_of
from test_reload_keeps import touched


@contextlib.contextmanager
def advised(tmp_path, server_extra="", **options):
    """A farm whose s1 has an agent that repeats words[0]; yields (farm, words, the agent's key)."""
    words = [b"up\n"]
    agent = Origin(lambda connection, _number: connection.send(words[0]))
    # Without a timeout of its own it would be the interval.
    key = f'agent = {{ port = {agent.port}, interval = "20ms", timeout = "2s" }}'
    options.setdefault("backend", 'connection = "close"')
    with farm_of(tmp_path, server_extra=lambda number: f"{key}\n{server_extra}" if number == 1 else server_extra,
                 **options) as farm:
        wait_until(lambda: farm.rows()["app", "s1"]["last_agt"] == "via agent : up", "the agent was heard")
        yield farm, words, key
    agent.close()


def test_a_share_of_a_weight_is_never_nothing(tmp_path):
    with advised(tmp_path) as (farm, words, _):
        words[0] = b"0%\n"
        wait_until(lambda: farm.ask("get weight app/s1") == "0 (initial 1)\n", "nothing at all is meant")
        words[0] = b"75%\n"
        wait_until(lambda: farm.ask("get weight app/s1") == "1 (initial 1)\n", "three quarters of 1 are 1")
        assert farm.who_answers(4) == [2, 2]


def test_a_static_algorithm_takes_no_weight_of_an_agents(tmp_path):
    """What `set weight` refuses: it would be shown and have no effect. One warning tells of each weight."""
    with advised(tmp_path, balance='"static-rr"', server_extra="weight = 4") as (farm, words, _):
        words[0] = b"up weight:3\n"
        warning = (r"Server app/s1: its agent's weight 3 is not taken, it stays 4\. Backend is using a static LB algorithm and only accepts "
                   r"weights '0%' and '100%'\.")
        farm.proxy.log.wait_for(warning)
        words[0] = b"down weight:3\n"  # again, in another breath
        wait_until(lambda: farm.status("s1") == "DOWN (agent)", "it was heard again")
        assert farm.ask("get weight app/s1") == "4 (initial 4)\n"
        words[0] = b"up weight:2\n"
        farm.proxy.log.wait_for(r"agent's weight 2 is not taken")
        words[0] = b"0%\n"
        wait_until(lambda: farm.ask("get weight app/s1") == "0 (initial 4)\n", "none is a weight it may have")
        words[0] = b"up 100%\n"
        wait_until(lambda: farm.ask("get weight app/s1") == "4 (initial 4)\n", "and so is all")
        told = [line for line in farm.proxy.log.lines if "is not taken" in line]
        assert len(told) == 2, told


def test_without_its_agent_a_server_is_up_again(tmp_path):
    with advised(tmp_path) as (farm, words, key):
        words[0] = b"down\n"
        wait_until(lambda: farm.status("s1") == "DOWN (agent)", "its agent takes it out")
        touched(farm, (key, ""))
        farm.proxy.log.wait_for(r"Server app/s1 is UP, it has no agent any more\. 2 active")
        assert farm.status("s1") == "no check"
        assert farm.who_answers(4) == [2, 2]


def test_what_an_agent_said_goes_with_it(tmp_path):
    with advised(tmp_path, server_extra="weight = 4\nmaxconn = 8") as (farm, words, key):
        words[0] = b"drain 50% maxconn:3\n"
        wait_until(lambda: farm.status("s1") == "DRAIN (agent)", "it drains")
        assert (farm.ask("get weight app/s1"), farm.rows()["app", "s1"]["slim"]) == ("2 (initial 4)\n", "3")
        touched(farm, (key, ""))
        assert farm.status("s1") == "no check"
        assert (farm.ask("get weight app/s1"), farm.rows()["app", "s1"]["slim"]) == ("4 (initial 4)\n", "8")


def test_what_an_operator_said_after_an_agent_stays(tmp_path):
    with advised(tmp_path, server_extra="weight = 4") as (farm, words, key):
        words[0] = b"drain 50%\n"
        wait_until(lambda: farm.status("s1") == "DRAIN (agent)", "it drains")
        words[0] = b"up\n"  # and says no more of weight and state
        wait_until(lambda: farm.rows()["app", "s1"]["last_agt"] == "via agent : up", "it was heard")
        farm.ask("set server app/s1 state maint")
        farm.ask("set weight app/s1 3")
        touched(farm, (key, ""))
        assert farm.status("s1") == "MAINT"
        assert farm.ask("get weight app/s1") == "3 (initial 4)\n"
