"""The heartbeat of hapair-proxy: it says that every worker serves, and its silence says that one does not."""
import contextlib
import os
import signal
import socket
import subprocess
import time

import one_thread
import pytest
from loopback import Origin, Proxy, answering, free_port, standing_still, wait_until
from test_reload import reload

INTERVAL = 0.1


class Listener:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(str(path))

    def hear(self, timeout=5.0):
        """The fields of the next beat; nothing when the connection has ended."""
        self.socket.settimeout(timeout)
        text = self.socket.recv(65536).decode()
        if not text:
            return None
        lines = text.splitlines()
        assert lines[0] == "hapair-health 1"
        fields = {"unserved": []}
        for line in lines[1:]:
            key, value = line.split(" ", 1)
            if key == "unserved":
                fields["unserved"].append(value)
            else:
                fields[key] = value
        return fields

    def wait_for(self, state, timeout=5.0):
        deadline = time.monotonic() + timeout
        while (beat := self.hear(timeout)) and beat["state"] != state:
            assert time.monotonic() < deadline, f"no beat says {state}; the last: {beat}"
        assert beat, "the connection has ended"
        return beat

    def unheard(self):
        """How many beats have come that nobody has heard yet."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while self.hear(0):
                count += 1
        return count


@pytest.fixture
def origin():
    origin = Origin(answering())
    yield origin
    origin.close()


@pytest.fixture
def proxy(tmp_path, origin):
    proxy = Proxy(tmp_path, [origin.port], globals_=f'health_socket = "{tmp_path}/health.sock"')
    yield proxy
    proxy.stop()


@pytest.fixture
def listener(proxy, tmp_path):
    return Listener(tmp_path / "health.sock")


def test_a_proxy_that_serves_says_so_ten_times_a_second(proxy, tmp_path):
    """No more often: who comes hears the last beat once more, and a beat that had to wait for a worker may be close
    before the next, so twelve more take at least ten intervals."""
    begun = time.monotonic()  # before the first can be on its way
    listener = Listener(tmp_path / "health.sock")
    first = listener.wait_for("serving")
    assert first["workers"] == "2" and first["interval"] == "100"
    for number in range(1, 13):
        beat = listener.hear()
        assert beat["state"] == "serving"
        assert int(beat["sequence"]) == int(first["sequence"]) + number
    assert 10 * INTERVAL < time.monotonic() - begun < 40 * INTERVAL


def test_a_reload_opens_another_place_and_keeps_the_one_that_is_listened_at(proxy, listener, tmp_path):
    """Whoever listens would take an end for the proxy's."""
    listener.wait_for("serving")
    plain = proxy.path.read_text()
    other = f'health_socket = "{tmp_path}/other.sock"\nhealth_interval = "50ms"'
    reload(proxy, plain.replace(f'health_socket = "{tmp_path}/health.sock"', other))
    for one in (Listener(tmp_path / "other.sock"), listener):
        while one.hear()["interval"] != "50":  # what comes first was said before
            pass
    # What is refused for another reason leaves no place behind.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = plain.replace("health.sock", "third.sock").replace("bind = [", f'bind = ["127.0.0.1:{port}", ')
        assert any("Reload refused" in line for line in reload(proxy, text))
    assert not (tmp_path / "third.sock").exists()
    assert Listener(tmp_path / "health.sock").wait_for("serving")


def test_a_reload_that_wants_a_heartbeat_has_one(tmp_path, origin):
    proxy = Proxy(tmp_path, [origin.port])
    try:
        reload(proxy, proxy.path.read_text().replace("[global]", f'[global]\nhealth_socket = "{tmp_path}/health.sock"', 1))
        assert Listener(tmp_path / "health.sock").wait_for("serving")["workers"] == "2"
    finally:
        proxy.stop()


def test_in_a_chroot_nobody_would_find_a_new_one(tmp_path, origin):
    jail = tmp_path / "jail"
    (jail / str(tmp_path)[1:]).mkdir(parents=True)
    proxy = Proxy(tmp_path, [origin.port], globals_=f'chroot = "{jail}"')
    inside = jail / str(proxy.path)[1:]
    inside.write_text(proxy.path.read_text().replace("[global]", f'[global]\nhealth_socket = "{tmp_path}/health.sock"', 1))
    try:
        lines = reload(proxy)
        assert any("Reload refused" in line and "restart" in line for line in lines), lines
    finally:
        proxy.stop()


def test_its_socket_is_not_for_everybody(listener, tmp_path):
    assert os.stat(tmp_path / "health.sock").st_mode & 0o777 == 0o660


def test_a_dead_proxy_is_known_at_once(tmp_path, origin):
    """A figure that is promised: the median of three, so that one moment without a processor does not decide."""
    took = []
    for _ in range(3):
        proxy = Proxy(tmp_path, [origin.port], globals_=f'health_socket = "{tmp_path}/health.sock"')
        listener = Listener(tmp_path / "health.sock")
        listener.wait_for("serving")
        begun = time.monotonic()
        proxy.process.kill()
        while listener.hear():
            pass
        took.append(time.monotonic() - begun)
        proxy.process.wait()
        proxy.stop()
    assert sorted(took)[1] < 0.5, took


def test_a_hung_proxy_and_a_hung_worker_are_silent(proxy, listener):
    listener.wait_for("serving")
    with standing_still(proxy.process.pid):
        listener.unheard()
        time.sleep(10 * INTERVAL)  # ten would come; silence is no event that could be waited for
        assert listener.unheard() == 0
    listener.wait_for("serving")
    with one_thread.stuck(proxy.process.pid, "worker-1"):
        listener.unheard()
        time.sleep(10 * INTERVAL)  # ten would come; silence is no event that could be waited for
        assert listener.unheard() <= 1  # the worker had answered, and the other thread was about to say so
    listener.wait_for("serving")


def test_a_listener_that_says_what_nobody_knows_is_let_go_and_the_others_stay(proxy, listener, tmp_path):
    listener.wait_for("serving")
    for word in (b"nonsense", b"take", b"takenn", b"lef", b"x" * 70000):
        other = Listener(tmp_path / "health.sock")
        other.socket.send(b"taken")
        assert other.hear() and other.hear(), "a word that is known costs it nothing"
        other.socket.send(word)
        while other.hear():
            pass
    listener.wait_for("serving")


def test_a_listener_may_leave_and_go(proxy, listener, tmp_path):
    listener.wait_for("serving")
    for _ in range(20):
        other = Listener(tmp_path / "health.sock")
        other.hear()
        other.socket.send(b"left")
        other.socket.close()
    for _ in range(5):
        assert listener.hear()["state"] == "serving"


def test_a_stop_and_a_drain_are_said_before_anything_else(proxy, listener):
    listener.wait_for("serving")
    client = proxy.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n")  # keeps the drain going
    wait_until(lambda: proxy.has_read(client), "it is in")
    proxy.process.send_signal(signal.SIGUSR1)
    listener.wait_for("draining")
    assert listener.hear()["state"] == "draining", "it goes on beating"
    proxy.process.send_signal(signal.SIGTERM)
    listener.wait_for("stopping")
    assert listener.hear() is None


def test_a_proxy_is_starting_until_its_servers_are_judged(tmp_path):
    silent = socket.create_server(("127.0.0.1", 0))  # accepts, and never answers
    port = silent.getsockname()[1]
    proxy = Proxy(tmp_path, [port], globals_=f'health_socket = "{tmp_path}/health.sock"',
                  backend='check = { type = "http", interval = "1s", timeout = "3s", fall = 1 }')
    try:
        listener = Listener(tmp_path / "health.sock")
        assert listener.hear()["state"] == "starting"
        beat = listener.wait_for("serving", 10)
        assert beat["unserved"] == ["app"]
    finally:
        proxy.stop()
        silent.close()


def test_a_second_proxy_is_told_who_has_the_socket(tmp_path, origin):
    first = Proxy(tmp_path, [origin.port], globals_=f'health_socket = "{tmp_path}/health.sock"')
    try:
        second = tmp_path / "second.toml"
        second.write_text(first.path.read_text().replace(f":{first.port}", f":{free_port()}"))
        done = subprocess.run([first.process.args[0], "-f", second], capture_output=True, text=True, timeout=10)
        assert done.returncode == 2
        assert f"health socket {tmp_path}/health.sock: process {first.process.pid} listens there" in done.stderr
    finally:
        first.stop()
    assert not (tmp_path / "health.sock").exists(), "it goes with its proxy"
