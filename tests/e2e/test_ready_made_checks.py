"""The ready-made checks against what they were made for: well, refusing, hung, stopped."""

import contextlib
import socket

from daemons import ldap, mariadb, postgresql, redis, smtp
from loopback import Connection, checking

UP = "Server app/{} is UP, reason: Layer7 check passed, "
HUNG = r"Server app/s1 is DOWN, reason: Layer7 timeout, check duration: \d+ms\. "


def wrong(server, code, info):
    return f'Server app/{server} is DOWN, reason: Layer7 wrong status, code: {code}, info: "{info}", check duration: '


def hangs_and_stops(proxy, daemon):
    """Of s1, which is up."""
    proxy.log.lines.clear()
    daemon.pause()
    proxy.log.wait_for(HUNG)
    daemon.resume()
    proxy.log.wait_for(UP.format("s1"))
    proxy.log.lines.clear()
    daemon.stop()
    # It may have said first that it is about to end.
    proxy.log.wait_for("Server app/s1 is DOWN, reason: ")
    proxy.wait_for_check("s1", "L4CON", "Connection refused")


def ask_redis(port, *commands):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        connection = Connection(sock)
        for command in commands:
            connection.send(command.encode() + b"\r\n")
            answer = connection.until(b"\r\n")
            assert answer.startswith(b"+OK"), (command, answer)


def test_redis(tmp_path):
    with redis(tmp_path / "redis", "--enable-debug-command", "local", "--rdbcompression", "no") as store:
        with checking(tmp_path, [(store.port, 'type = "redis"')]) as proxy:
            proxy.wait_for_check("s1", "L7OK", "Redis server is ok")
            assert proxy.column("s1", "check_code") == "0"
            ask_redis(store.port, "config set requirepass secret")
            proxy.log.wait_for(wrong("s1", 0, r"-NOAUTH Authentication required\."))
            ask_redis(store.port, "auth secret", 'config set requirepass ""')
            proxy.log.wait_for(UP.format("s1") + 'code: 0, info: "Redis server is ok"')
            ask_redis(store.port, "debug populate 300 key 1500", "save")
            hangs_and_stops(proxy, store)
            # A start that takes a while: each of the 300 keys costs 10 ms, and after each it hears others.
            with redis(tmp_path / "redis", "--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024",
                       port=store.port):
                proxy.wait_for_check("s1", "L7STS", "-LOADING Redis is loading the dataset in memory")
                proxy.log.wait_for(UP.format("s1"))


def test_mariadb(tmp_path):
    statements = ["create user hapair@'127.0.0.1';", "create user locked@'127.0.0.1' identified by 'secret';"]
    with mariadb(tmp_path / "mariadb", *statements) as database:
        with checking(tmp_path, [(database.port, f'type = "mysql"{user}')
                                 for user in (', user = "hapair"', "", ', user = "nobody"', ', user = "locked"')]) as proxy:
            for server in ("s1", "s2"):
                proxy.wait_for_check(server, "L7OK")
                assert "MariaDB" in proxy.column(server, "last_chk")
            for server, user in (("s3", "nobody"), ("s4", "locked")):
                proxy.log.wait_for(wrong(server, 1045, rf"Access denied for user '{user}'@'127\.0\.0\.1' \(using password: NO\)"))
            with contextlib.ExitStack() as stack:
                for _ in range(12):  # more than it will have, while its time for them to say something lasts
                    stack.enter_context(socket.create_connection(("127.0.0.1", database.port), timeout=10))
                proxy.log.wait_for(wrong("s1", 1040, "Too many connections"))
            proxy.log.wait_for(UP.format("s1"))
            hangs_and_stops(proxy, database)


def test_postgresql(tmp_path):
    access = """host all hapair 127.0.0.1/32 trust
host all nobody 127.0.0.1/32 trust
host all careful 127.0.0.1/32 scram-sha-256
"""
    with postgresql(tmp_path / "postgresql", access, "hapair", "careful") as database:
        with checking(tmp_path, [(database.port, f'type = "postgresql", user = "{user}"')
                                 for user in ("hapair", "careful", "nobody", "stranger")]) as proxy:
            proxy.wait_for_check("s1", "L7OK", "PostgreSQL server is ok")  # though it has no database of its own
            proxy.wait_for_check("s2", "L7OK", "PostgreSQL server is ok")  # it wants a password, and that is enough
            proxy.log.wait_for(wrong("s3", 0, "role <22>nobody<22> does not exist"))
            proxy.log.wait_for(wrong("s4", 0, r"no pg_hba\.conf entry for host <22>127\.0\.0\.1<22>, user <22>stranger<22>, .*"))
            hangs_and_stops(proxy, database)


def test_ldap(tmp_path):
    with ldap(tmp_path / "open") as directory, ldap(tmp_path / "closed", "disallow bind_anon") as closed:
        with checking(tmp_path, [(directory.port, 'type = "ldap"'), (closed.port, 'type = "ldap"')]) as proxy:
            proxy.wait_for_check("s1", "L7OK", "LDAP server is ok")
            # 48: inappropriateAuthentication
            proxy.log.wait_for(wrong("s2", 48, "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"))
            hangs_and_stops(proxy, directory)


def test_smtp(tmp_path):
    refusing = '''    async def handle_HELO(self, server, session, envelope, hostname):
        return "550 we do not know you"

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return ["250-first", "250 last"]'''
    with smtp(tmp_path / "mail") as mail, smtp(tmp_path / "refusing", refusing) as wary:
        checks = [(mail.port, 'type = "smtp"'), (wary.port, 'type = "smtp", hello = "EHLO lb.test"'),
                  (wary.port, 'type = "smtp"')]
        with checking(tmp_path, checks) as proxy:
            for server in ("s1", "s2"):
                proxy.wait_for_check(server, "L7OK")
                assert proxy.column(server, "check_code") == "250"
            proxy.log.wait_for(wrong("s3", 550, "we do not know you"))
            hangs_and_stops(proxy, mail)


def test_one_that_is_another_is_not_well(tmp_path):
    """Every check against a server of another kind: what answers is not what was meant."""
    with redis(tmp_path / "redis") as store, smtp(tmp_path / "mail") as mail:
        others = {"smtp": store.port, "redis": mail.port, "ldap": mail.port, "mysql": mail.port,
                  "postgresql": store.port, "http": mail.port}
        checks = [(port, f'type = "{kind}", timeout = "300ms"' + (', user = "hapair"' if kind == "postgresql" else ""))
                  for kind, port in others.items()]
        with checking(tmp_path, checks) as proxy:
            for number in range(1, len(checks) + 1):
                proxy.log.wait_for(rf"Server app/s{number} is DOWN, reason: Layer7 (timeout|invalid response|wrong status)")
