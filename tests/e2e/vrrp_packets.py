"""VRRP on the wire, written down a second time and independently of the daemon: what a test sends, and
how it reads what others sent. Values in, bytes out, and back; no socket."""
from __future__ import annotations

import dataclasses
import hashlib
import hmac
import ipaddress
import struct

VRRP, AUTH_HEADER = 112, 51
GROUP4, GROUP6 = "224.0.0.18", "ff02::12"
VIRTUAL_MAC4, VIRTUAL_MAC6 = bytes.fromhex("00005e000133"), bytes.fromhex("00005e000233")  # of router 51


def packed(address):
    return ipaddress.ip_address(address).packed


def checksum(data):
    """RFC 1071. Of data with its own checksum in it: 0."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(message, at, prefix=b""):
    """`message` with its checksum written at that place; `prefix` is covered too."""
    blank = message[:at] + bytes(2) + message[at + 2:]
    return blank[:at] + struct.pack(">H", checksum(prefix + blank)) + blank[at + 2:]


def pseudo_header(source, destination, size, protocol=VRRP):
    return packed(source) + packed(destination) + struct.pack(">LL", size, protocol)


def message2(vrid=51, priority=100, addresses=("192.168.50.10",), *, interval=1, auth_type=0, auth=b"",
             version=2, kind=1, count=None, broken=0):
    """A message of version 2. What is out of the ordinary is asked for by name; `broken` is added to the
    checksum."""
    count = len(addresses) if count is None else count
    message = struct.pack(">BBBBBBH", version << 4 | kind, vrid, priority, count, auth_type, interval, 0)
    message += b"".join(map(packed, addresses)) + auth[:8].ljust(8, b"\0")
    message = with_checksum(message, 6)
    return message[:7] + bytes([message[7] + broken & 0xFF]) + message[8:]


def message3(vrid=51, priority=100, addresses=("192.168.50.10",), *, source="192.168.50.12", destination=None,
             interval=10, version=3, kind=1, count=None, plain=False, broken=0, trailer=b""):
    """A message of version 3, of the family of `source`; the interval in hundredths. `plain`: without the
    pseudo header. Over IPv6 a `trailer` is covered by the checksum."""
    destination = destination or (GROUP6 if ":" in source else GROUP4)
    count = len(addresses) if count is None else count
    message = struct.pack(">BBBBHH", version << 4 | kind, vrid, priority, count, interval, 0)
    message += b"".join(map(packed, addresses))
    size = len(message)
    message += trailer if ":" in source else b""
    message = with_checksum(message, 6, b"" if plain else pseudo_header(source, destination, len(message)))
    message = message[:7] + bytes([message[7] + broken & 0xFF]) + message[8:]
    return message[:size] + trailer


def packet(payload, source="192.168.50.12", destination=None, *, ttl=255, protocol=VRRP, identification=1,
           options=b""):
    """The IP packet around it, of the family of `source`."""
    if ":" in source:
        return struct.pack(">LHBB", 0x6C000000, len(payload), protocol, ttl) + packed(source) + packed(
            destination or GROUP6) + payload
    words = 5 + len(options) // 4
    header = struct.pack(">BBHHHBBH", 0x40 | words, 0xC0, 4 * words + len(payload), identification, 0, ttl,
                         protocol, 0)
    header += packed(source) + packed(destination or GROUP4) + options
    return with_checksum(header, 10) + payload


def with_auth_header(message, key, sequence, *, source="192.168.50.12", spi=None, identification=1):
    """keepalived's AH around a message: the whole IPv4 packet (multicast)."""
    def ah(icv):
        return struct.pack(">BBH4sL", VRRP, 4, 0, packed(spi or source), sequence) + icv
    whole = packet(ah(bytes(12)) + message, source, protocol=AUTH_HEADER, identification=identification)
    header = bytearray(whole[:20])
    header[1] = 0
    header[6:8] = header[10:12] = bytes(2)
    icv = hmac.new(key[:8].ljust(8, b"\0"), bytes(header) + whole[20:], hashlib.md5).digest()[:12]
    return whole[:20] + ah(icv) + message


def trailer(message, secret, at, *, key_id=1, counter=0, source="192.168.50.12"):
    """keepalived 2.4's signature of a message (without its trailer), made at the Unix time `at`."""
    head = struct.pack(">BBHLHH", 1, key_id, 0, int(at), int(at % 1 * 65536), counter)
    family = 6 if ":" in source else 4
    pseudo = struct.pack(">BBBB", family, message[0] >> 4, message[1], 0) + packed(source).ljust(16, b"\0")
    covered = pseudo + message[:6] + bytes(2) + message[8:] + head + bytes(16)
    return head + hmac.new(secret, covered, hashlib.sha256).digest()[:16]


def group_mac(destination):
    address = packed(destination)
    if len(address) == 16:
        return b"\x33\x33" + address[-4:]
    return b"\x01\x00\x5e" + bytes([address[1] & 0x7F]) + address[2:]


def frame(ip_packet, sender, receiver=None):
    """The Ethernet frame of a packet; to a group, if no receiver is given."""
    v6 = ip_packet[0] >> 4 == 6
    destination = ip_packet[24:40] if v6 else ip_packet[16:20]
    return (receiver or group_mac(destination)) + sender + (b"\x86\xdd" if v6 else b"\x08\x00") + ip_packet


@dataclasses.dataclass
class Advert:
    """An advert as it was on the wire."""

    at: float  # Unix time
    mac: bytes
    source: str
    destination: str
    ttl: int
    protocol: int
    version: int
    vrid: int
    priority: int
    interval: float  # seconds
    addresses: list[str]
    message: bytes  # with what follows it


def read_advert(raw, at=0.0):
    """Of an Ethernet frame; None if it is none."""
    mac, kind, rest = raw[6:12], raw[12:14], raw[14:]
    if kind == b"\x08\x00" and len(rest) >= 20:
        size = 4 * (rest[0] & 0x0F)
        protocol, ttl, source, destination = rest[9], rest[8], rest[12:16], rest[16:20]
        payload = rest[size:struct.unpack(">H", rest[2:4])[0]]
    elif kind == b"\x86\xdd" and len(rest) >= 40:
        protocol, ttl, source, destination = rest[6], rest[7], rest[8:24], rest[24:40]
        payload = rest[40:40 + struct.unpack(">H", rest[4:6])[0]]
    else:
        return None
    if protocol not in (VRRP, AUTH_HEADER):
        return None
    message = payload[24:] if protocol == AUTH_HEADER else payload
    if len(message) < 8:
        return None
    version = message[0] >> 4
    interval = message[5] if version == 2 else (struct.unpack(">H", message[4:6])[0] & 0x0FFF) / 100
    size = len(source)
    addresses = [str(ipaddress.ip_address(message[8 + size * i:8 + size * (i + 1)]))
                 for i in range(message[3]) if 8 + size * (i + 1) <= len(message)]
    return Advert(at, mac, str(ipaddress.ip_address(source)), str(ipaddress.ip_address(destination)), ttl, protocol,
                  version, message[1], message[2], interval, addresses, message)


def arp_request(sender, source, wanted):
    return (b"\xff" * 6 + sender + b"\x08\x06" + bytes.fromhex("0001080006040001") + sender + packed(source)
            + bytes(6) + packed(wanted))


def neighbour_solicit(sender, source, wanted):
    """To the group of those whose address ends so (RFC 4291 2.7.1)."""
    group = str(ipaddress.ip_address(b"\xff\x02" + bytes(9) + b"\x01\xff" + packed(wanted)[13:]))
    message = struct.pack(">BBHL", 135, 0, 0, 0) + packed(wanted) + b"\x01\x01" + sender
    message = with_checksum(message, 2, pseudo_header(source, group, len(message), 58))
    return frame(packet(message, source, group, protocol=58), sender)


@dataclasses.dataclass
class Answer:
    """Somebody says where an address lives: ARP, or a neighbour advertisement."""

    at: float
    mac: bytes
    address: str
    announced: bool  # to everybody, unasked
    flags: int = 0   # of a neighbour advertisement: router, solicited, override


def read_answer(raw, at=0.0):
    """Of an Ethernet frame; None if it says no such thing."""
    kind, rest = raw[12:14], raw[14:]
    if kind == b"\x08\x06" and len(rest) >= 28:
        operation, mac, sender, target = rest[7], rest[8:14], rest[14:18], rest[24:28]
        if operation == 1 and sender != target:  # a question
            return None
        return Answer(at, mac, str(ipaddress.ip_address(sender)), announced=sender == target)
    if kind == b"\x86\xdd" and len(rest) >= 72 and rest[6] == 58 and rest[40] == 136:
        return Answer(at, rest[66:72], str(ipaddress.ip_address(rest[48:64])),
                      announced=rest[24:40] == packed("ff02::1"), flags=rest[44])
    return None
