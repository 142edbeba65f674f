"""`ip addr`, as the seed shows it: the master has 192.168.50.10/32, the other has not."""
import re


def test_hap1_has_the_address_as_slash_32(lab):
    shown = lab.hap1.output("ip", "addr", "show", "eth1")
    assert re.search(r"^\s*inet 192\.168\.50\.11/24 brd 192\.168\.50\.255 scope global eth1$", shown, re.M)
    assert re.search(r"^\s*inet 192\.168\.50\.10/32 scope global( \w+)* eth1$", shown, re.M)


def test_hap2_has_not(lab):
    shown = lab.hap2.output("ip", "addr", "show", "eth1")
    assert "192.168.50.12/24" in shown
    assert "192.168.50.10" not in shown


def test_the_client_is_answered_by_hap1s_card(lab):
    lab.client.run("ip", "neigh", "flush", "dev", "eth1")
    assert lab.ask()
    assert "02:00:c0:a8:32:0b" in lab.client.output("ip", "neigh", "show", "192.168.50.10")
