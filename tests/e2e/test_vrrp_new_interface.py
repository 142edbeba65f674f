"""An interface that is taken away and made anew, as networking scripts do to VLANs and bonds, is another one for the
kernel. The daemon goes on, on the new one, and nobody has to restart it."""
import errno
import os
import socket

import pytest

import vrrp_link
import vrrp_watch
from pair import wait_until

VIRTUAL = "192.168.50.10"
FILE = """
{head}
[node.hap1]
{hap1}
vrrp.instance.VI_1.priority = 101
[node.hap2]
{hap2}
[vrrp.instance.VI_1]
version = 3
interface = "eth1"
virtual_router_id = 51
advert_interval = "100ms"
virtual_addresses = ["192.168.50.10"]
{more}
"""
# Without an address in the file the new one cannot be used before it has its own.
UNSAID = dict(head="", hap1="", hap2="")
SAID = dict(head='[pair]\nkey_file = "{keys}"', hap1='address = "192.168.50.11"', hap2='address = "192.168.50.12"')
KINDS = {
    "plain": dict(UNSAID, more='peers = "link"'),
    "virtual-mac": dict(UNSAID, more='peers = "link"\nvirtual_mac = true'),
    "signed": dict(SAID, more='auth = { type = "hmac", anti_replay = "monotonic" }'),
}


@pytest.fixture
def link():
    with vrrp_link.made("anew") as link:
        yield link


def answers(link):
    with vrrp_watch.inside(link.namespace("client")), socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex((VIRTUAL, 9)) == errno.ECONNREFUSED  # by a reset of whoever has the address


def alone(link, name):
    """That host has the address, and what is asked for it reaches that host. With a virtual MAC both answer alike."""
    other = {"hap1": "hap2", "hap2": "hap1"}[name]
    wait_until(lambda: link.holds(name) and not link.holds(other), 15,  # a handover, too, is over then
               lambda: f"{name} alone has the address: {[daemon.lines() for daemon in link.daemons]}")
    wait_until(lambda: answers(link), 5, f"{name} answers")


@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_on_where_the_new_interface_is(link, kind):
    keys = link.folder / "pair.key"
    keys.write_text(f"1 {os.urandom(32).hex()}\n")
    keys.chmod(0o600)
    text = FILE.format(**KINDS[kind]).replace("{keys}", str(keys))
    daemons = {name: link.start(name, text=text) for name in ("hap1", "hap2")}
    alone(link, "hap1")
    for _ in range(2):
        link.remove("hap1")
        alone(link, "hap2")
        link.install("hap1")
        alone(link, "hap1")
    assert daemons["hap1"].lines().count("interface eth1 was made anew: VRRP_Instance(VI_1) begins anew on it") == 2
    assert not any("ignoring received advertisment" in daemon.lines() for daemon in daemons.values())
    assert daemons["hap1"].end() == 0
    assert not link.holds("hap1")
