"""The daemons hold the rights they were given and no others."""
import re

import pytest

from pair import INCUMBENT

pytestmark = pytest.mark.skipif(INCUMBENT, reason="keepalived wants to be root")

CAP_NET_ADMIN, CAP_NET_RAW = 12, 13


def capabilities(host, pid, which):
    """None if the process has gone: one that is to run a script has the daemon's name for a moment."""
    status = host.output("cat", f"/proc/{pid}/status", check=False)
    if not status:
        return None
    bits = int(re.search(rf"^{which}:\s+([0-9a-f]+)$", status, re.M).group(1), 16)
    return {number for number in range(64) if bits >> number & 1}


@pytest.mark.parametrize("which", ["CapBnd", "CapPrm", "CapEff"])
def test_the_vrrp_daemon_moves_addresses_with_two_capabilities(lab, which):
    """The lab starts it with these alone, and hap1 has the address: so they are enough."""
    assert lab.hap1.has_virtual_address()
    pids = lab.hap1.pids("vrrp")
    assert pids
    for pid in pids:
        held = capabilities(lab.hap1, pid, which)
        assert held is None or held <= {CAP_NET_ADMIN, CAP_NET_RAW}
    assert capabilities(lab.hap1, pids[0], "CapEff")
