"""What counts as what, where it is HAProxy's word and not obvious. Each was seen with HAProxy 2.6 beside it."""

import contextlib
import socket
import struct

import pytest

from loopback import Origin, answering, free_port, ok, wait_until
from test_control import farm_of
from test_reload import reload
from test_tcp_relay import TCP


def reset(connection):
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.socket.close()


def counted(farm, column, value, *columns):
    """Once a request has been counted there: {row: {column: value}} of these columns, of servers together and of
    the backend."""
    rows = wait_until(lambda: farm.rows()["app", "BACKEND"][column] == value and farm.rows(), f"{column} is {value}")
    return {column: (sum(int(rows["app", server][column]) for server in ("s1", "s2")),
                     int(rows["app", "BACKEND"][column])) for column in columns}


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_request_that_no_server_takes_is_one_error_however_often_it_was_tried(tmp_path, mode):
    options = dict(TCP) if mode == "tcp" else {"backend": ""}
    options["backend"] += '\ntimeout = { connect = "50ms" }'
    with farm_of(tmp_path, **options) as farm:
        for origin in farm.origins:
            origin.close()
        client = farm.proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        if mode == "http":
            assert client.message()[0].startswith("HTTP/1.1 503 ")
        else:
            with contextlib.suppress(ConnectionResetError):  # where it had said something by then
                assert client.rest() == b""
        assert counted(farm, "econ", "1", "econ") == {"econ": (1, 1)}
        if mode == "http":
            assert counted(farm, "econ", "1", "hrsp_5xx", "req_tot") == {"hrsp_5xx": (0, 1), "req_tot": (0, 1)}


@pytest.mark.parametrize("end", [reset, lambda connection: connection.close()], ids=["reset", "end"])
def test_a_server_that_ends_in_the_middle_is_an_error_of_its_response(tmp_path, end):
    def serve(connection, _number):
        connection.message()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        end(connection)

    with farm_of(tmp_path, serve) as farm:
        client = farm.proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.rest()
        assert counted(farm, "srv_abrt", "1", "srv_abrt", "eresp", "hrsp_2xx") == {
            "srv_abrt": (1, 1), "eresp": (1, 1), "hrsp_2xx": (1, 1)}


def test_so_is_one_that_resets_a_tcp_connection(tmp_path):
    def serve(connection, _number):
        connection.fill()
        reset(connection)

    with farm_of(tmp_path, serve, **TCP) as farm:
        client = farm.proxy.connect()
        client.send(b"hello")
        with pytest.raises(ConnectionResetError):
            client.rest()
        assert counted(farm, "srv_abrt", "1", "srv_abrt", "eresp") == {"srv_abrt": (1, 1), "eresp": (1, 1)}


def test_a_server_that_is_only_slow_is_none(tmp_path):
    def serve(connection, _number):
        connection.message()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        connection.rest()

    with farm_of(tmp_path, serve, backend='timeout = { server = "200ms" }') as farm:
        client = farm.proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.rest()
        assert counted(farm, "srv_abrt", "1", "srv_abrt", "eresp") == {"srv_abrt": (1, 1), "eresp": (0, 0)}


def test_our_own_answers_are_no_responses_of_a_server(tmp_path):
    def serve(connection, _number):
        connection.message()  # and no word

    with farm_of(tmp_path, serve) as farm:
        assert farm.proxy.get()[0] == "HTTP/1.1 502 Bad Gateway"
        assert counted(farm, "eresp", "1", "eresp", "hrsp_5xx", "req_tot") == {
            "eresp": (1, 1), "hrsp_5xx": (0, 1), "req_tot": (0, 1)}


def test_nor_is_the_answer_that_a_client_did_not_wait_for(tmp_path):
    def serve(connection, _number):
        connection.message()
        connection.rest()

    with farm_of(tmp_path, serve) as farm:
        client = farm.proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: farm.rows()["app", "BACKEND"]["scur"] == "1", "it is at the server")
        reset(client)
        assert counted(farm, "cli_abrt", "1", "cli_abrt", "hrsp_other", "req_tot") == {
            "cli_abrt": (1, 1), "hrsp_other": (0, 1), "req_tot": (0, 1)}


def test_an_interim_response_is_the_servers_alone(tmp_path):
    def serve(connection, _number):
        connection.message()
        connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + ok())

    with farm_of(tmp_path, serve) as farm:
        client = farm.proxy.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.message(body_expected=False)[0] == "HTTP/1.1 103 Early Hints"
        assert client.message()[2] == b"hello"
        assert counted(farm, "hrsp_2xx", "1", "hrsp_1xx", "hrsp_2xx") == {"hrsp_1xx": (1, 0), "hrsp_2xx": (1, 1)}


def test_checks_are_counted_anew_when_all_counters_are_cleared(tmp_path):
    with farm_of(tmp_path, backend='check = { type = "tcp", interval = "20ms", fall = 1, rise = 1 }\nobserve = "layer4"') as farm:
        def row(name="s1"):
            return farm.rows()["app", name]

        def down_and_up():
            farm.origins[0].close()
            wait_until(lambda: row()["status"] == "DOWN", "s1 is down")
            farm.origins[0] = Origin(answering(), farm.origins[0].port)
            wait_until(lambda: row()["status"] == "UP", "s1 is up")

        wait_until(lambda: row()["status"] == "UP" == row("s2")["status"], "both are up")
        down_and_up()
        assert (row()["chkfail"], row()["chkdown"]) == ("1", "1")
        farm.ask("clear counters")
        assert (row()["chkfail"], row()["chkdown"]) == ("1", "1"), "the peaks alone"
        assert farm.ask("clear counters all") == ""
        assert (row()["chkfail"], row()["chkdown"], row()["hanafail"]) == ("0", "0", "0")
        down_and_up()
        assert (row()["chkfail"], row()["chkdown"]) == ("1", "1")


def test_an_outage_of_a_backend_is_cleared_too(tmp_path):
    with farm_of(tmp_path) as farm:
        for server in ("s1", "s2"):
            farm.ask(f"disable server app/{server}")
        assert farm.rows()["app", "BACKEND"]["chkdown"] == "1"
        farm.ask("clear counters all")
        assert farm.rows()["app", "BACKEND"]["chkdown"] == "0"


def test_what_the_process_has_done_does_not_become_less_when_a_frontend_leaves(tmp_path):
    with farm_of(tmp_path, backend='connection = "close"') as farm:
        def figures():
            lines = farm.ask("show info").splitlines()
            return [int(dict(line.split(": ", 1) for line in lines if ": " in line)[name])
                    for name in ("CumConns", "CumReq", "TotalBytesOut")]

        without = farm.proxy.path.read_text()
        port = free_port()
        with_two = f'{without}[frontend.other]\nbind = ["127.0.0.1:{port}"]\ndefault_backend = "app"\n'
        reload(farm.proxy, with_two)
        for at in (port, port, farm.proxy.port):
            client = farm.proxy.connect(port=at)
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.message()[2] == b"hello"
            client.close()
        before = wait_until(lambda: (now := figures())[:2] == [3, 3] and now, "all are counted")
        stays = farm.proxy.connect(port=port)
        wait_until(lambda: figures()[0] == 4, "it is there")
        reload(farm.proxy, without)
        assert figures() == [4, *before[1:]], "while a connection is left of it"
        stays.close()
        wait_until(lambda: "CurrConns: 0\n" in farm.ask("show info"), "it is gone")
        reload(farm.proxy, without + "# once more\n")
        assert figures() == [4, *before[1:]]
        farm.ask("clear counters all")
        assert figures() == [0, 0, 0]
