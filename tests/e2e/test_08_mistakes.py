"""Every mistake in the configuration gives exit 1, its place, and a hint that helps.

Each mistake spoils the seed's own file in one spot. A § in the replacement says where the error must point; it is
taken out before the file is written.
"""
import os
import re
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
SEED = (TREE / "etc/seed-002-pair.toml").read_text(encoding="utf-8")
PROXY, VRRP, PAIR = "hapair-proxy", "hapair-vrrp", "hapair"


def binaries():
    """Where the programs are: HAPAIR_BIN (or the lab's LAB_BIN), the dev build, the release build."""
    for name in ("HAPAIR_BIN", "LAB_BIN"):
        if os.environ.get(name):
            return Path(os.environ[name])
    dev = TREE / "build/dev/bin"
    return dev if (dev / PROXY).exists() else TREE / "build/release/bin"


def run(program, *arguments):
    return subprocess.run([binaries() / program, *map(str, arguments)], capture_output=True, text=True, timeout=30,
                          check=False)


def check(file):
    return run(PAIR, "check", file)


def judge(program, file, node="hap1"):
    return run(program, "-c", "-f", file, "--node", node)


# (whose part, what the seed says, what is there instead, a part of the message, a part of the hint)
MISTAKES = {
    # TOML itself
    "string without quotes": (PROXY, 'mode = "http"', "mode = §http", "http is not a value", 'quotes: "http"'),
    "string that does not end": (PROXY, 'mode = "http"', 'mode = §"http', "no closing quote", 'end it with "'),
    "no equals sign": (PROXY, "retries = 3", "retries §3", "expected '='", "write retries"),
    "colon for equals sign": (PROXY, "retries = 3", "retries§: 3", "expected '='", "key = value"),
    "key given twice": (PROXY, "retries = 3", "retries = 3\n§retries = 4", "given twice", "on line 29"),
    "table defined twice": (PROXY, "[frontend.http-in]", "[§defaults]\n[frontend.http-in]", "defined twice", "on line 25"),
    "list that does not end": (PROXY, 'bind = ["*:80"]', 'bind = ["*:80"', "expected ',' or ']'", "",
                               "default_backend =", "§default_backend ="),
    "yes for true": (PROXY, "redispatch = true", "redispatch = §yes", "yes is not a value", "true or false"),
    "server as a single table": (PROXY, '[[backend.webservers.server]]\nname = "web1"',
                                 '[backend.webservers.server]\nname = "web1"', "'server' is not a list of [[tables]]",
                                 "line 44 makes it a single table", "[[backend.webservers.server]]",
                                 "[[backend.webservers.§server]]"),
    "unset variable": (PROXY, 'bind = ["*:80"]', 'bind = [§"*:${HAPAIR_NO_SUCH_PORT}"]',
                       "no variable HAPAIR_NO_SUCH_PORT", "${HAPAIR_NO_SUCH_PORT:-default}"),
    # words, keys and references
    "unknown algorithm": (PROXY, 'balance = "roundrobin"', 'balance = §"roundrobbin"',
                          'unknown balance "roundrobbin"', 'did you mean "roundrobin"?'),
    "algorithm of a later build": (PROXY, 'balance = "roundrobin"', 'balance = §"rdp-cookie"', "not built yet", ""),
    "unknown section": (PROXY, "[frontend.http-in]", "[§fronted.x]\n[frontend.http-in]", "unknown key 'fronted'",
                        'did you mean "frontend"?'),
    "unknown key in global": (PROXY, "maxconn = 2000", "§maxcon = 2000", "unknown key 'maxcon' in global",
                              'did you mean "maxconn"?'),
    "unknown key in a backend": (PROXY, 'connection = "server-close"', '§conection = "server-close"',
                                 "unknown key 'conection' in backend.webservers", 'did you mean "connection"?'),
    "unknown key in an inline table": (PROXY, 'client = "50s"', '§cleint = "50s"', "unknown key 'cleint'",
                                       'did you mean "client"?'),
    "unknown key in a server": (PROXY, "maxconn = 32", "§wieght = 32", "unknown key 'wieght'", 'did you mean "weight"?'),
    "unknown connection mode": (PROXY, 'connection = "server-close"', 'connection = §"serverclose"',
                                'unknown connection "serverclose"', 'did you mean "server-close"?'),
    "unknown mode": (PROXY, 'mode = "http"', 'mode = §"htpp"', 'unknown mode "htpp"', 'did you mean "http"?'),
    "unknown log format": (PROXY, 'log_format = "http"', 'log_format = §"httplog"', 'unknown log_format "httplog"',
                           'did you mean "http"?'),
    "unknown facility": (PROXY, 'facility = "local0"', 'facility = §"locl0"', "not a syslog facility",
                         'did you mean "local0"?'),
    "unknown log level": (PROXY, 'level = "notice"', 'level = §"notic"', "not a log level", 'did you mean "notice"?'),
    "backend that does not exist": (PROXY, 'default_backend = "webservers"', 'default_backend = §"webserver"',
                                    'no backend "webserver"', 'did you mean "webservers"?'),
    "two servers of one name": (PROXY, 'name = "web2"', 'name = §"web1"', 'two servers "web1"', "its own name"),
    "one port bound twice": (PROXY, 'bind = ["*:80"]', 'bind = ["*:80", §"*:80"]', "bound already by http-in on line 34",
                             "one listener"),
    "frontend without bind": (PROXY, '[frontend.http-in]\nbind = ["*:80"]', "§[frontend.http-in]", "has no bind",
                              'bind = ["*:80"]'),
    "frontend without backend": (PROXY, 'bind = ["*:80"]\ndefault_backend = "webservers"', 'bind = ["*:80"]',
                                 "nowhere to go", 'default_backend = "webservers"', "[frontend.http-in]",
                                 "§[frontend.http-in]"),
    # values
    "duration without unit": (PROXY, 'connect = "5s"', 'connect = §"5"', "has no unit", ""),
    "number for a duration": (PROXY, 'connect = "5s"', "connect = §5", "needs a unit", 'write "5s"'),
    "unknown unit": (PROXY, 'connect = "5s"', 'connect = §"5sec"', "'sec' is not a unit", ""),
    "string for a number": (PROXY, "maxconn = 2000", 'maxconn = §"2000"', "must be a whole number, not a string",
                            "without quotes: 2000"),
    "string for a truth": (PROXY, "redispatch = true", 'redispatch = §"true"', "must be true or false",
                           "without quotes: true"),
    "number out of range": (PROXY, "maxconn = 32", "weight = §257", "weight is 257, out of range", "from 0 to 256"),
    "address without port": (PROXY, 'address = "192.168.50.21:80"', 'address = §"192.168.50.21"', "has no :port",
                             "192.168.50.21:80"),
    "name for an address": (PROXY, 'address = "192.168.50.21:80"', 'address = §"web1:80"', "names are not looked up", ""),
    "port out of range": (PROXY, 'bind = ["*:80"]', 'bind = [§"*:80000"]', "is not a port", "*:80"),
    "network that is none": (PROXY, "forwarded_for = true", 'forwarded_for = { except = [§"10.0.0.0/40"] }',
                             "not a prefix length", "127.0.0.0/8"),
    "login without password": (PROXY, 'auth = ["admin:admin"]', 'auth = [§"admin"]', "a colon and a password",
                               "user:password"),
    "check of an unknown type": (PROXY, 'check = { type = "http" }', 'check = { type = §"htttp" }', "unknown type",
                                 'did you mean "http"?'),
    "check that smuggles": (PROXY, 'check = { type = "http" }', 'check = { request = §"GET / HTTP/1.0\\r\\nX: y" }',
                            "control bytes", "GET /healthz"),
    "check without method": (PROXY, 'check = { type = "http" }', 'check = { request = §"/healthz" }',
                             "lacks its method", 'did you mean "GET /healthz"?'),
    # the election
    "priority out of range": (VRRP, "priority = 101", "priority = §256", "out of range", "from 1 to 255"),
    "virtual router id out of range": (VRRP, "virtual_router_id = 51", "virtual_router_id = §0", "out of range",
                                       "from 1 to 255"),
    "no virtual router id": (VRRP, "[vrrp.instance.VI_1]\nversion = 2", "§[vrrp.instance.VI_1]",
                             "no virtual_router_id", "1 to 255", "virtual_router_id = 51\n", ""),
    "virtual address that is none": (VRRP, 'virtual_addresses = ["192.168.50.10"]',
                                     'virtual_addresses = [§"192.168.50.999"]', "not an IP address", ""),
    "script that does not exist": (VRRP, 'track_scripts = ["chk_haproxy"]', 'track_scripts = [§"chk_haprox"]',
                                   "no [vrrp.script.chk_haprox]", 'did you mean "chk_haproxy"?'),
    "unknown state": (VRRP, 'state = "master"', 'state = §"mastr"', 'unknown state "mastr"', 'did you mean "master"?'),
    "unknown key in an instance": (VRRP, 'interface = "eth1"', 'interface = "eth1"\n§prority = 3',
                                   "unknown key 'prority' in vrrp.instance.VI_1", 'did you mean "priority"?'),
    "unknown key in a script": (VRRP, 'interval = "2s"', '§intervall = "2s"', "unknown key 'intervall'",
                                'did you mean "interval"?'),
    "interval that VRRP cannot carry": (VRRP, 'advert_interval = "1s"', 'advert_interval = §"1500ms"',
                                        "whole seconds", ""),
    # what no single daemon can see
    "weight too small": (PAIR, "priority = 101", "priority = 150", "if chk_haproxy fails on hap1, hap2 does not take over",
                         "at least 51", "weight = 2", "weight = §2"),
    "nodes with one address": (PAIR, 'address = "192.168.50.12"', 'address = §"192.168.50.11"', "the same address",
                               "each node has its own"),
    "nodes that elect apart": (PAIR, "priority = 100", "priority = 100\nvirtual_router_id = §52",
                               "virtual_router_id differs in instance VI_1: 51 on hap1, 52 on hap2", "the same on all"),
    "level that hides the access log": (PAIR, 'facility = "local0"', 'facility = "local0"\nlevel = §"notice"',
                                        "hides the access log", '"info"'),
}


def spoil(first, then, *more):
    """The seed with each (first, then) replaced; where the § stood, as line and column."""
    text = SEED
    for old, new in [(first, then), *zip(more[::2], more[1::2])]:
        assert old in text, old
        text = text.replace(old, new, 1)
    if "§" not in text:  # several mistakes: their places are not asked for
        return text, None
    before, after = text.split("§")
    return before + after, (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def assert_told(result, file, place, message, hint):
    assert result.returncode == 1, result
    line, column = place
    told = re.search(rf"^{re.escape(str(file))}:{line}:{column}: error: [^\n]*{re.escape(message)}[^\n]*\n"
                     r" *\d+ \| (?P<shown>[^\n]*)\n *\| (?P<pad>\s*)\^ ?(?P<hint>[^\n]*)$",
                     result.stderr, re.MULTILINE)
    assert told, result.stderr
    assert told["shown"] == file.read_text(encoding="utf-8").splitlines()[line - 1]
    assert len(told["pad"]) == column - 1  # the caret stands under what is wrong
    assert hint in told["hint"], result.stderr


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_its_place_with_a_remedy(name, tmp_path):
    owner, first, then, message, hint, *more = MISTAKES[name]
    text, place = spoil(first, then, *more)
    file = tmp_path / "hapair.toml"
    file.write_text(text, encoding="utf-8")
    if owner != PAIR:
        assert_told(judge(owner, file), file, place, message, hint)
    assert_told(check(file), file, place, message, hint)


def test_there_are_at_least_thirty_mistakes():
    assert len(MISTAKES) >= 30
    assert all("".join(mistake).count("§") == 1 for mistake in MISTAKES.values())


@pytest.mark.parametrize("program", [PROXY, VRRP])
@pytest.mark.parametrize("node", ["hap1", "hap2"])
def test_the_seed_has_no_mistake(program, node):
    result = judge(program, TREE / "etc/seed-002-pair.toml", node)
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "Configuration file is valid\n")


def test_the_seed_has_no_mistake_as_a_pair():
    result = check(TREE / "etc/seed-002-pair.toml")
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "Configuration file is valid\n")


def test_all_mistakes_are_told_at_once(tmp_path):
    text, _ = spoil('balance = "roundrobin"', 'balance = "roundrobbin"', 'mode = "http"', 'mode = "htpp"',
                    "priority = 101", "priority = 999")
    file = tmp_path / "hapair.toml"
    file.write_text(text, encoding="utf-8")
    told = check(file).stderr
    assert told.count(": error: ") == 3
    assert told.index("priority") < told.index("htpp") < told.index("roundrobbin")


def test_a_host_that_is_no_node_is_told_the_nodes():
    result = judge(PROXY, TREE / "etc/seed-002-pair.toml", "hap3")
    assert result.returncode == 1
    assert "this host is 'hap3', which is no node of this file (it has hap1, hap2)" in result.stderr
    assert "--node hap1" in result.stderr


@pytest.mark.parametrize("program", [PROXY, VRRP])
def test_a_file_that_is_not_there_is_named(program, tmp_path):
    result = judge(program, tmp_path / "none.toml")
    assert result.returncode == 1
    assert f"cannot read {tmp_path}/none.toml: No such file or directory" in result.stderr


def test_a_command_of_a_later_build_is_refused_by_name():
    for command in ("import", "passwd", "doctor", "top"):
        result = run(PAIR, command)
        assert result.returncode == 2
        assert f"{command} is not built yet" in result.stderr


def test_an_unknown_command_hears_the_nearest():
    result = run(PAIR, "chekc")
    assert result.returncode == 2
    assert "did you mean check?" in result.stderr
