"""What happens when the process has no descriptor left."""

import os
import resource
import socket

import pytest
from loopback import Origin, Proxy, answering, free_port, wait_until


def leave_free(proxy, count):
    """Lets the process open `count` descriptors more, and no others."""
    taken = {int(name) for name in os.listdir(f"/proc/{proxy.process.pid}/fd")}
    limit, free = 0, 0
    while free < count or limit <= max(taken):
        free += limit not in taken
        limit += 1
    while free > count:  # holes below the highest: they would be filled
        limit -= 1
        free -= limit not in taken
    _, hard = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (limit, hard))
    return hard


def make(tmp_path, app, other):
    port = free_port()
    return port, Proxy(tmp_path, [app.port], workers=1, globals_="", run=True, backend="", frontend=f"""
[listen.other]
bind = "127.0.0.1:{port}"
[[listen.other.server]]
name = "s"
address = "127.0.0.1:{other.port}"
""")


def test_idle_server_connections_make_room_for_new_ones(tmp_path):
    app, other = Origin(answering()), Origin(answering())
    port, proxy = make(tmp_path, app, other)
    try:
        clients = [proxy.connect() for _ in range(8)]
        for client in clients:  # as many connections to the server, under way at once
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx")
        wait_until(lambda: app.accepted == 8, "eight server connections")
        for client in clients:
            client.send(b"y")
            assert client.message()[0] == "HTTP/1.1 200 OK"
        before = proxy.descriptors()
        leave_free(proxy, 1)  # for the client, none for the server
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
            assert proxy.descriptors() <= before + 2 - 8  # the idle ones went for it
        for client in clients:  # and nobody has lost a connection of his own
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.message()[0] == "HTTP/1.1 200 OK"
    finally:
        proxy.stop()
        app.close()
        other.close()


def test_clients_wait_for_a_descriptor(tmp_path):
    app, other = Origin(answering()), Origin(answering())
    _, proxy = make(tmp_path, app, other)
    try:
        hard = leave_free(proxy, 0)
        client = proxy.connect()  # in the kernel's queue
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        proxy.log.wait_for("Proxy http-in: cannot accept a connection: Too many open files")
        assert len([line for line in proxy.log.lines if "cannot accept" in line]) == 1  # said once
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (1024, hard))
        assert client.message()[0] == "HTTP/1.1 200 OK"
    finally:
        proxy.stop()
        app.close()
        other.close()


def test_operators_and_listeners_of_the_heartbeat_wait_for_a_descriptor_too(tmp_path):
    app = Origin(answering())
    proxy = Proxy(tmp_path, [app.port], workers=1, globals_=f"""health_socket = "{tmp_path}/health.sock"
[[global.control]]
bind = "unix:{tmp_path}/admin.sock"
""")
    operator = socket.socket(socket.AF_UNIX)
    first, listener = (socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2))
    try:
        first.settimeout(10)
        first.connect(f"{tmp_path}/health.sock")
        assert first.recv(4096)  # it has begun
        hard = leave_free(proxy, 0)
        for client, name in ((operator, "admin.sock"), (listener, "health.sock")):
            client.settimeout(0.3)
            client.connect(f"{tmp_path}/{name}")
        operator.sendall(b"show version\n")
        for client in (operator, listener):
            with pytest.raises(TimeoutError):
                client.recv(4096)
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (1024, hard))
        for client in (operator, listener):  # and nobody else comes who would be an event
            client.settimeout(10)
            assert client.recv(4096)
    finally:
        for client in (operator, first, listener):
            client.close()
        proxy.stop()
        app.close()


def test_a_command_that_cannot_be_started_for_want_of_descriptors_says_nothing_of_its_server(tmp_path):
    app = Origin(answering())
    proxy = Proxy(tmp_path, [app.port], workers=1,
                  backend='check = { command = ["/bin/true"], interval = "50ms", timeout = "9s", fall = 1 }\nstats = { uri = "/stats" }')
    try:
        wait_until(lambda: proxy.get()[0] == "HTTP/1.1 200 OK", "it is up")

        def refused():
            leave_free(proxy, 1)  # for the client; again, as a command that ran then has given its own back
            return proxy.column("s1", "check_status").endswith("SOCKERR")

        wait_until(refused, "no command can be started")
        assert proxy.column("s1", "status") == "UP"
        assert not [line for line in proxy.log.lines if "is DOWN" in line]
    finally:
        proxy.stop()
        app.close()
