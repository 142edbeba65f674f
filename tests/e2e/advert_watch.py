"""Hears the adverts on a link and tells how far apart they were."""
from __future__ import annotations

import socket
import struct
import threading

from smtp_server import socket_in

ETH_P_IP = 0x0800
SO_TIMESTAMPNS = 35


class AdvertWatch:
    """Adverts from `source` that reach eth1 of `namespace`, with the kernel's time of arrival: how busy this process is
    does not show."""

    def __init__(self, namespace, source):
        self.source, self.times = socket.inet_aton(source), []
        self.wire = socket_in(namespace, socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        self.wire.bind(("eth1", ETH_P_IP))
        self.wire.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.wire.settimeout(0.1)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.wire.close()

    def _listen(self):
        while not self.ended.is_set():
            try:
                packet, notes, _, _ = self.wire.recvmsg(2048, 64)
            except TimeoutError:
                continue
            if packet[9] == 112 and packet[12:16] == self.source:
                seconds, nanoseconds = struct.unpack("qq", notes[0][2])
                self.times.append(seconds + nanoseconds / 1e9)

    def gaps(self):
        """Seconds between one and the next."""
        return [later - earlier for earlier, later in zip(self.times, self.times[1:])]

    def assert_steady(self, interval):
        """No gap above two and a half intervals. One up to five may be the machine's: a daemon that waits for
        somebody who hangs waits for a second or more, again and again."""
        gaps = sorted(self.gaps())
        print(f"longest gaps of {len(gaps)}: {[f'{gap * 1000:.0f} ms' for gap in gaps[-3:]]}")
        assert gaps[-1] < 5 * interval
        assert gaps[-2] < 2.5 * interval
