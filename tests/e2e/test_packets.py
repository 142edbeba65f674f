"""What one connection takes on the wire, counted by the kernel of whoever is on its other side."""

import socket
import struct
import time

import pytest

from loopback import ok, proxy_and_origin

SEGMENTS_IN = 140  # where tcp_info has tcpi_segs_in
# Whoever is late with what he says has acknowledged it before, in a packet of its own. On a busy machine that
# happens often: what is promised is what is possible, and one of so many has to show it.
TRIES = 100


def segments_in(connection):
    info = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SEGMENTS_IN + 4)
    return struct.unpack_from("=I", info, SEGMENTS_IN)[0]


@pytest.fixture
def counted(tmp_path):
    """(proxy, what a server had received when it had read a connection's first request)"""
    received = []

    def serve(connection, _number):
        connection.message()
        received.append(segments_in(connection))
        connection.send(ok(b"x" * 1000, extra=b"Connection: close\r\n"))

    with proxy_and_origin(tmp_path, serve) as (proxy, _origin):
        yield proxy, received


def ask(proxy, fields=b""):
    """Segments that a response is, with whatever acknowledges the request."""
    connection = proxy.connect()
    before = segments_in(connection)
    connection.send(b"GET / HTTP/1.1\r\nHost: test\r\n" + fields + b"\r\n")
    connection.message()
    if fields:
        assert connection.rest() == b""  # until the end
    count = segments_in(connection) - before
    connection.close()
    return count


def test_the_end_of_a_connection_comes_with_the_last_bytes(counted):
    proxy, _ = counted
    kept = min(ask(proxy) for _ in range(5))
    assert any(ask(proxy, b"Connection: close\r\n") <= kept for _ in range(TRIES))


def test_a_bad_request_is_answered_and_ended_in_one_packet(counted):
    proxy, _ = counted
    connection = proxy.connect()
    before = segments_in(connection)
    connection.send(b"GET / HTTP/1.1\r\nHost : test\r\n\r\n")
    assert b" 400 " in connection.rest()
    assert segments_in(connection) - before <= 2  # the other acknowledges the request
    connection.close()


def test_the_request_completes_the_handshake_with_a_server(counted):
    proxy, received = counted
    for _ in range(TRIES):
        ask(proxy)
        if received[-1] == 2:  # the SYN is one
            return
    raise AssertionError(received)


TCP = {"frontend": 'mode = "tcp"\nlog_format = "tcp"', "backend": 'mode = "tcp"'}


def test_what_a_tcp_client_says_completes_the_handshake_with_a_server(tmp_path):
    received = []

    def serve(connection, _number):
        connection.until(b"\n")
        received.append(segments_in(connection))
        connection.send(b"bye\n")

    with proxy_and_origin(tmp_path, serve, **TCP) as (proxy, _origin):
        for _ in range(TRIES):
            connection = proxy.connect()
            connection.send(b"hello\n")
            assert connection.rest() == b"bye\n"
            connection.close()
            if received[-1] == 2:  # the SYN is one
                return
    raise AssertionError(received)


def test_a_server_that_speaks_first_need_not_wait_for_a_client_who_does_not(tmp_path):
    def serve(connection, _number):
        connection.send(b"220 ready\n")
        connection.rest()

    def until_greeted(proxy):
        begun = time.monotonic()
        connection = proxy.connect()
        assert connection.until(b"\n") == b"220 ready\n"
        connection.close()
        return time.monotonic() - begun

    with proxy_and_origin(tmp_path, serve, **TCP) as (proxy, _origin):
        # The kernel would hold the packet for 200 ms.
        assert any(until_greeted(proxy) < 0.1 for _ in range(TRIES))
