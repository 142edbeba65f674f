"""Upgraded connections: WebSocket through HTTP's upgrade and through TCP mode, half-closed ends, the tunnel's timeout."""

import asyncio
import contextlib
import re
import socket
import threading
import time

import pytest
import websockets

from loopback import Origin, Proxy, free_port, wait_until

TCP = {"frontend": 'mode = "tcp"\nlog_format = "tcp"', "backend": 'mode = "tcp"'}
MODES = pytest.mark.parametrize("mode", ["http", "tcp"])
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"


class EchoServer:
    """A WebSocket server of its own thread: sends every message back."""

    def __init__(self):
        self.port = free_port()
        self.loop = asyncio.new_event_loop()
        self.paths = []
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result(10)

    async def _listen(self):
        self.server = await websockets.serve(self._echo, "127.0.0.1", self.port, max_size=None, ping_interval=None,
                                             compression=None)

    async def _echo(self, connection, path):
        self.paths.append(path)
        async for message in connection:
            await connection.send(message)

    def close(self):
        self.loop.call_soon_threadsafe(self.server.close)


@pytest.fixture
def echo():
    server = EchoServer()
    yield server
    server.close()


@contextlib.contextmanager
def before(tmp_path, port, mode, **options):
    proxy = Proxy(tmp_path, [port], **(TCP if mode == "tcp" else {}), **options)
    try:
        yield proxy
    finally:
        proxy.stop()


def timeouts(**values):
    return "timeout = { " + ", ".join(f'{key} = "{value}"' for key, value in values.items()) + " }"


@MODES
def test_a_websocket_exchange(tmp_path, echo, mode):
    messages = ["", "short", "ü" * 1000, bytes(range(256)), bytes(range(256)) * 8192]

    async def exchange(proxy):
        async with websockets.connect(f"ws://127.0.0.1:{proxy.port}/chat?room=1", max_size=None) as client:
            for message in messages:
                await client.send(message)
                assert await asyncio.wait_for(client.recv(), 10) == message
            # Many under way at once, and control frames between them.
            async def speak():
                for number in range(200):
                    await client.send(f"message {number}")
                    if number % 50 == 0:
                        await client.ping()

            speaking = asyncio.create_task(speak())
            assert [await asyncio.wait_for(client.recv(), 10) for _ in range(200)] == [
                f"message {number}" for number in range(200)]
            await speaking
            await asyncio.wait_for(await client.ping(b"are you there"), 10)
            await client.close(4321, "enough")
        return client.close_code

    with before(tmp_path, echo.port, mode) as proxy:
        assert asyncio.run(exchange(proxy)) == 4321
        line = proxy.log.wait_for("http-in app/s1")
        if mode == "http":
            assert re.search(r' 101 \d+ - - ---- .*"GET /chat\?room=1 HTTP/1\.1"$', line), line
        else:
            assert re.search(r" \d{7} -- ", line), line
    assert echo.paths == ["/chat?room=1"]


@MODES
def test_many_websockets_at_once(tmp_path, echo, mode):
    async def one(proxy, number):
        async with websockets.connect(f"ws://127.0.0.1:{proxy.port}/", ping_interval=None) as client:
            for _ in range(5):
                await client.send(f"{number}")
                assert await asyncio.wait_for(client.recv(), 20) == f"{number}"

    async def all_of(proxy):
        await asyncio.gather(*(one(proxy, number) for number in range(100)))

    with before(tmp_path, echo.port, mode) as proxy:
        asyncio.run(all_of(proxy))


@MODES
def test_an_idle_tunnel_ends_with_its_own_timeout(tmp_path, echo, mode):
    """The tunnel's timeout takes the place of client's and server's, which are shorter here."""

    async def exchange(proxy):
        async with websockets.connect(f"ws://127.0.0.1:{proxy.port}/", ping_interval=None) as client:
            for _ in range(2):
                await asyncio.sleep(1.5)  # longer than client and server would wait
                began = time.monotonic()
                await client.send("still here")
                assert await asyncio.wait_for(client.recv(), 10) == "still here"
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(client.recv(), 10)
            return time.monotonic() - began

    short, long = timeouts(client="1s", server="1s", http_request="5s"), timeouts(server="1s", tunnel="3500ms")
    options = {"http": dict(frontend=short, backend=long),
               "tcp": dict(frontend=TCP["frontend"] + "\n" + short, backend=TCP["backend"] + "\n" + long)}[mode]
    proxy = Proxy(tmp_path, [echo.port], **options)
    try:
        assert 3.5 <= asyncio.run(exchange(proxy)) < 8
        proxy.log.wait_for(r" cD[- ]")  # as in HAProxy
    finally:
        proxy.stop()


@MODES
def test_a_server_that_resets_a_tunnel_breaks_it(tmp_path, mode):
    """The client can tell it from an end, and it is counted as the server's doing."""
    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.send(SWITCHED + b"hi")
        connection.exactly(1)
        connection.reset()

    origin = Origin(serve)
    with before(tmp_path, origin.port, mode, **({"frontend": 'stats = { uri = "/stats" }'} if mode == "http" else {})) as proxy:
        client = proxy.connect()
        client.send(UPGRADE)
        client.until(b"\r\n\r\n")
        assert client.exactly(2) == b"hi"
        client.send(b"x")
        with pytest.raises(ConnectionResetError):
            client.rest()
        proxy.log.wait_for(r" SD[- ]")
        assert mode == "tcp" or [proxy.column("BACKEND", name) for name in ("cli_abrt", "srv_abrt")] == ["0", "1"]
    origin.close()


@MODES
@pytest.mark.parametrize("first", ["client", "server"])
def test_each_direction_of_a_tunnel_ends_for_itself(tmp_path, mode, first):
    late = bytes(range(256)) * 4096
    received = []

    def serve(connection, _number):
        connection.until(b"\r\n\r\n")
        connection.send(SWITCHED)
        if first == "client":
            received.append(connection.rest())
            connection.send(late)
        else:
            connection.send(b"last words")
            connection.socket.shutdown(socket.SHUT_WR)
            received.append(connection.rest())

    origin = Origin(serve)
    with before(tmp_path, origin.port, mode) as proxy:
        client = proxy.connect()
        client.send(UPGRADE)
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        if first == "client":
            client.send(b"last words")
            client.socket.shutdown(socket.SHUT_WR)
            assert client.rest() == late
            assert received == [b"last words"]
        else:
            assert client.rest() == b"last words"
            client.send(late)
            client.socket.shutdown(socket.SHUT_WR)
            wait_until(lambda: received == [late], "all that was sent after the server's end")
        proxy.log.wait_for(r" --(--)? ")
    origin.close()
