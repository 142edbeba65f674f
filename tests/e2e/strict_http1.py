"""A second reader of HTTP/1, written from RFC 9112 alone and stricter than it: what hapair sends must
be one way to read, whoever reads it. It shares nothing with the decoder it judges."""

import re

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") (/[!-~]*|\*) HTTP/1\.([01])")
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2}) ?([\t -~\x80-\xff]*)")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*((?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*")
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
ONCE = (b"host", b"content-length", b"transfer-encoding")


class Violation(Exception):
    """The bytes have no reading, or more than one."""


class Incomplete(Exception):
    """More bytes are needed."""


class Message:
    def __init__(self, line, fields, body):
        self.line, self.fields, self.body = line, fields, body

    @property
    def target(self):
        return self.line[1].decode()

    def values(self, name):
        return [value for field, value in self.fields if field == name.encode().lower()]

    def __repr__(self):
        return f"{self.line} {self.fields} {self.body[:60]!r}"


def take_line(data, at, limit=1 << 20):
    end = data.find(b"\r\n", at)
    line = data[at:end] if end >= 0 else data[at:]
    if b"\n" in line or b"\r" in line[:-1] or (end >= 0 and b"\r" in line) or b"\0" in line:
        raise Violation(f"a control byte in the line {line[:80]!r}")
    if len(line) > limit:
        raise Violation(f"a line of {len(line)} bytes")
    if end < 0:
        raise Incomplete
    return line, end + 2


def take_head(data, at, first):
    line, at = take_line(data, at)
    start = first.fullmatch(line)
    if not start:
        raise Violation(f"first line {line[:80]!r}")
    fields = []
    while True:
        line, at = take_line(data, at)
        if not line:
            break
        field = FIELD.fullmatch(line)
        if not field:
            raise Violation(f"field line {line[:80]!r}")
        fields.append((field[1].lower(), field[2]))
    for name in ONCE:
        if sum(field == name for field, _ in fields) > 1:
            raise Violation(f"repeated {name!r}")
    return start.groups(), fields, at


def take_chunked(data, at):
    body = b""
    while True:
        line, at = take_line(data, at, limit=64)
        if not CHUNK_SIZE.fullmatch(line):
            raise Violation(f"chunk size {line!r}")
        size = int(line, 16)
        if size == 0:
            line, at = take_line(data, at)
            if line:
                raise Violation(f"a trailer nobody announced: {line!r}")
            return body, at
        if len(data) < at + size + 2:
            raise Incomplete
        body += data[at:at + size]
        if data[at + size:at + size + 2] != b"\r\n":
            raise Violation(f"a chunk of {size} does not end there")
        at += size + 2


def take_body(data, at, fields, none=False, until_close=False, ended=False):
    length = [value for name, value in fields if name == b"content-length"]
    coding = [value for name, value in fields if name == b"transfer-encoding"]
    if length and coding:
        raise Violation("a length beside a transfer coding")
    if coding and coding != [b"chunked"]:
        raise Violation(f"transfer coding {coding}")
    if length and not re.fullmatch(rb"[0-9]{1,18}", length[0]):
        raise Violation(f"length {length}")
    if none:
        return b"", at
    if coding:
        return take_chunked(data, at)
    if length:
        if len(data) < at + int(length[0]):
            raise Incomplete
        return data[at:at + int(length[0])], at + int(length[0])
    if until_close:
        if not ended:
            raise Incomplete
        return data[at:], len(data)
    return b"", at


def no_length(fields):
    """RFC 9110 8.6 and RFC 9112 6.1."""
    for name, value in fields:
        if name in (b"content-length", b"transfer-encoding"):
            raise Violation(f"{name!r}: {value!r} where there is no content")


def read_request(data, at=0):
    """(message, where the next begins)."""
    line, fields, at = take_head(data, at, REQUEST_LINE)
    names = [name for name, _ in fields]
    if line[2] == b"1" and b"host" not in names:
        raise Violation("no Host")
    if line[2] == b"0" and b"transfer-encoding" in names:
        raise Violation("a transfer coding in HTTP/1.0")
    body, at = take_body(data, at, fields)
    return Message(line, fields, body), at


def read_requests(data):
    """(all whole requests of a connection, the bytes of one that was broken off)."""
    requests, at = [], 0
    while at < len(data):
        try:
            request, at = read_request(data, at)
        except Incomplete:
            return requests, data[at:]
        requests.append(request)
    return requests, b""


def read_responses(data, methods, ended=True):
    """(final responses to requests of these methods, interim ones, the bytes left over)."""
    responses, interim, at = [], [], 0
    for method in methods:
        while at < len(data):
            try:
                line, fields, after = take_head(data, at, STATUS_LINE)
                status = int(line[1])
                if status < 200 or status == 204:
                    no_length(fields)
                if status < 200 and status != 101:
                    interim.append(status)
                    at = after
                    continue
                none = method == "HEAD" or status in (204, 304, 101)
                body, at = take_body(data, after, fields, none, until_close=True, ended=ended)
            except Incomplete:
                return responses, interim, data[at:]
            responses.append(Message(line, fields, body))
            break
    return responses, interim, data[at:]
