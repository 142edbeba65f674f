"""A small SMTP server with manners that can be chosen, in a network namespace: RFC 5321 as far as a mail needs
it, STARTTLS and AUTH PLAIN."""
from __future__ import annotations

import base64
import ctypes
import os
import socket
import ssl
import subprocess
import threading

import pair

CLONE_NEWNET = 0x40000000


def socket_in(namespace, *arguments):
    """A socket of that namespace, wherever this thread is."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(path):
        with open(path) as place:
            if libc.setns(place.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter {path}")

    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter(f"/run/netns/{namespace}")
        return socket.socket(*arguments)
    finally:
        enter(f"/proc/self/fd/{home}")
        os.close(home)


def make_certificate(folder, address):
    """A certificate for that address that vouches for itself; its file and that of its key."""
    certificate, key = folder / "smtp.crt", folder / "smtp.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=mail", "-addext", f"subjectAltName=IP:{address}", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


class Mail:
    def __init__(self, sender, receivers, text, secure, user):
        self.sender, self.receivers, self.text, self.secure, self.user = sender, receivers, text, secure, user

    @property
    def subject(self):
        return next(line[9:] for line in self.text.split("\r\n") if line.startswith("Subject: "))


class SmtpServer:
    """`mails` is what it took. `replies` overrides what it answers to a verb ({"RCPT": "550 no such user"}); a
    verb in `hangs` (also GREETING and the end of the data, ".") is never answered; `unknown` receivers are refused."""

    def __init__(self, namespace, address, port=2525, certificate=None, login=None, replies=None, hangs=(), unknown=()):
        self.mails, self.verbs, self.connections = [], [], 0
        self.replies, self.hangs, self.unknown = replies or {}, set(hangs), set(unknown)
        self.login = login  # (user, password): required
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        self.ended = threading.Event()
        self.listener = socket_in(namespace, socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(16)
        self.listener.settimeout(0.1)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def close(self):
        self.ended.set()
        self.thread.join()
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def wait_for(self, count, timeout):
        pair.wait_until(lambda: len(self.mails) >= count, timeout, f"{count} mails; there are {self.subjects()}")
        return self.mails

    def subjects(self):
        return [mail.subject for mail in self.mails]

    def _accept(self):
        while not self.ended.is_set():
            try:
                client, _ = self.listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        client.settimeout(60)
        try:
            Session(self, client).run()
        except OSError:
            pass  # who left, left
        finally:
            client.close()


class Session:
    def __init__(self, server, client):
        self.server, self.client, self.lines = server, client, client.makefile("rb")
        self.secure, self.user = False, None
        self.sender, self.receivers = None, []

    def say(self, verb, text):
        if verb in self.server.hangs:
            self.server.ended.wait(60)
            raise OSError("hung until the end")
        self.client.sendall((self.server.replies.get(verb, text) + "\r\n").encode())

    def run(self):
        self.say("GREETING", "220 mail ready")
        while line := self.lines.readline():
            words = line.decode().strip().split(" ", 1)
            verb, rest = words[0].upper(), words[1] if len(words) > 1 else ""
            self.server.verbs.append(line.decode().strip())
            if verb == "QUIT":
                return self.say(verb, "221 bye")
            getattr(self, "on_" + verb.lower(), self.on_other)(verb, rest)

    def on_other(self, verb, _):
        self.say(verb, "502 what?")

    def on_ehlo(self, verb, _):
        offers = ["250-mail"]
        if self.server.tls and not self.secure:
            offers.append("250-STARTTLS")
        if self.server.login:
            offers.append("250-AUTH PLAIN")
        self.say(verb, "\r\n".join([*offers, "250 8BITMIME"]))

    def on_starttls(self, verb, _):
        self.say(verb, "220 go ahead")
        self.client = self.server.tls.wrap_socket(self.client, server_side=True)
        self.lines = self.client.makefile("rb")
        self.secure = True

    def on_auth(self, verb, rest):
        given = rest.split(" ", 1)[1:]
        if not given:
            self.say(verb, "334 ")
            given = [self.lines.readline().decode().strip()]
        _, user, password = base64.b64decode(given[0]).decode().split("\0")
        if (user, password) != self.server.login:
            return self.say(verb, "535 no")
        self.user = user
        self.say(verb, "235 welcome")

    def on_mail(self, verb, rest):
        if self.server.login and not self.user:
            return self.say(verb, "530 who are you?")
        self.sender, self.receivers = rest[len("FROM:"):].split(" ")[0].strip("<>"), []
        self.say(verb, "250 ok")

    def on_rcpt(self, verb, rest):
        receiver = rest[len("TO:"):].strip("<>")
        if receiver in self.server.unknown:
            return self.say(verb, "550 nobody of that name")
        self.receivers.append(receiver)
        self.say(verb, "250 ok")

    def on_data(self, verb, _):
        self.say(verb, "354 go on")
        text = ""
        while (line := self.lines.readline().decode()) != ".\r\n":
            if not line:
                raise OSError("cut off")
            text += line[1:] if line.startswith("..") else line
        if "." not in self.server.hangs and self.server.replies.get(".", "250").startswith("250"):
            self.server.mails.append(Mail(self.sender, self.receivers, text, self.secure, self.user))
        self.say(".", "250 taken")
