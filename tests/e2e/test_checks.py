"""Health checks on loopback: what they ask, what they conclude, what it does to the traffic."""

import contextlib
import socket

from loopback import Origin, Proxy, answering, free_port, wait_until


@contextlib.contextmanager
def checked(tmp_path, ports, check, backend="", **options):
    """A proxy whose backend has this check table."""
    proxy = Proxy(tmp_path, ports, backend=f"check = {{ {check} }}\n{backend}", **options)
    try:
        yield proxy
    finally:
        proxy.stop()
    assert proxy.process.returncode == 0


def syn_counter():
    """Connections begun in this network namespace (others may add to it)."""
    with open("/proc/net/snmp") as table:
        names, values = [line.split() for line in table if line.startswith("Tcp:")]
    return int(values[names.index("ActiveOpens")])


def test_a_tcp_check_never_reaches_the_servers_program_and_still_sees_it_go_and_come(tmp_path):
    origin = Origin(answering())
    with checked(tmp_path, [origin.port], 'interval = "50ms"') as proxy:
        wait_until(lambda: proxy.get()[0].endswith("200 OK"), "the server is in use")
        visits = origin.accepted
        before = syn_counter()
        wait_until(lambda: syn_counter() > before + 10, "ten more checks")
        assert origin.accepted == visits
        port = origin.port
        origin.close()
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: Layer4 connection problem, "
                           r'info: "Connection refused", check duration: \d+ms\. '
                           r"0 active and 0 backup servers left\.")
        with socket.create_server(("127.0.0.1", port)):
            proxy.log.wait_for(r"Server app/s1 is UP, reason: Layer4 check passed, check duration: \d+ms\.")


def test_a_kept_socket_does_not_hide_that_the_server_is_unreachable_at_once(tmp_path):
    """A listener whose queue is full drops SYNs: the check on the kept socket times out."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", free_port()))
    listener.listen(0)
    port = listener.getsockname()[1]
    with checked(tmp_path, [port], 'interval = "100ms"', "timeout = { check = \"150ms\" }") as proxy:
        before = syn_counter()
        wait_until(lambda: syn_counter() > before + 5, "checks that pass")
        fillers = []
        for _ in range(4):  # until nothing more is accepted
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        proxy.log.wait_for(r"Server app/s1 is DOWN, reason: Layer4 timeout, check duration: \d+ms\.")
        for filler in fillers:
            filler.close()
    listener.close()
