"""Real servers on loopback, each a process of its own with a folder of its own: what the lab's Apache is to
the web, these are to everything else that a check can ask."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess

from loopback import free_port, stand_still, wait_until

LIMIT = 20.0  # to start, or to end
_libc = ctypes.CDLL(None)


class Daemon:
    """A command that listens on a port of loopback, in the foreground."""

    def __init__(self, port, *command, user=None, cwd="/", env=None, how_to_end=signal.SIGTERM, output=None):
        self.port, self.how_to_end, self.output = port, how_to_end, output
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(open(output, "ab")) if output else subprocess.DEVNULL
            self.process = subprocess.Popen(
                [*map(str, command)], stdin=subprocess.PIPE, stdout=out, stderr=out, cwd=cwd, user=user,
                group=user, extra_groups=[] if user else None, env={**os.environ, **(env or {})},
                preexec_fn=lambda: _libc.prctl(1, signal.SIGKILL))  # PR_SET_PDEATHSIG
        wait_until(lambda: self.process.poll() is not None or listens(port), f"{command[0]} listens", LIMIT)
        if self.process.poll() is not None:
            said = pathlib.Path(output).read_text(errors="replace") if output else ""
            raise AssertionError(f"{command} ended with {self.process.returncode}: {said[-2000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.stop()

    def pause(self):
        stand_still(self.process.pid)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is not None:
            return
        self.resume()
        self.process.send_signal(self.how_to_end)
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def listens(port):
    """Asks the kernel: a connection would be a client."""
    table = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A" for row in table)


def open_to(user, folder):
    """A folder of that user's, which it can also reach."""
    folder.mkdir()
    shutil.chown(folder, user, user)
    for place in folder.parents:
        if not place.stat().st_mode & 0o001:
            place.chmod(place.stat().st_mode | 0o011)
    return folder


def redis(folder, *options, port=None, tls=None):
    """`tls`: (certificate, key) if it is to speak nothing else."""
    port = port or free_port()
    folder.mkdir(exist_ok=True)
    listening = ["--port", port] if not tls else [
        "--port", "0", "--tls-port", port, "--tls-cert-file", tls[0], "--tls-key-file", tls[1],
        "--tls-auth-clients", "no"]
    return Daemon(port, "redis-server", *listening, "--bind", "127.0.0.1", "--dir", folder, "--save", "", *options,
                  output=folder / "log")


def mariadb(folder, *statements):
    """`statements` are run once before it starts."""
    (folder / "data").mkdir(parents=True)
    common = ["mariadbd", "--no-defaults", "--user=root", f"--datadir={folder}/data", "--innodb-log-file-size=4M",
              "--innodb-buffer-pool-size=8M"]
    tables = "".join(pathlib.Path(f"/usr/share/mysql/mysql_{part}.sql").read_text()
                     for part in ("system_tables", "performance_tables", "system_tables_data"))
    said = subprocess.run([*common, "--bootstrap"], capture_output=True, text=True, timeout=60, check=False,
                          input="\n".join(["create database mysql;", "use mysql;", tables, "flush privileges;",
                                           *statements]) + "\n")
    assert said.returncode == 0 and "ERROR:" not in said.stderr, said.stderr[-2000:]
    port = free_port()
    return Daemon(port, *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket",
                  f"--pid-file={folder}/pid", "--skip-name-resolve", "--max-connections=10", output=folder / "log")


def postgresql(folder, access, *roles):
    """`access` is pg_hba.conf."""
    open_to("postgres", folder)
    programs = pathlib.Path("/usr/lib/postgresql/15/bin")
    as_postgres = {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": "/"}
    subprocess.run([programs / "initdb", "--pgdata", folder / "data", "--auth=trust", "--no-sync"], check=True,
                   capture_output=True, timeout=60, **as_postgres)
    if roles:
        subprocess.run([programs / "postgres", "--single", "-D", folder / "data", "postgres"], check=True,
                       capture_output=True, timeout=60, text=True,
                       input="".join(f"create role {role} login;\n" for role in roles), **as_postgres)
    (folder / "data/pg_hba.conf").write_text(access)
    port = free_port()
    daemon = Daemon(port, programs / "postgres", "-D", folder / "data", "-p", port, "-h", "127.0.0.1", "-k", folder,
                    user="postgres", how_to_end=signal.SIGINT, output=folder / "log")  # SIGINT: fast shutdown
    # It listens while it says that it is only starting.
    wait_until(lambda: subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)],
                                      timeout=LIMIT).returncode == 0, "postgresql serves", LIMIT)
    return daemon


def ldap(folder, *settings, tls=None):
    """`settings` are lines of slapd.conf; `tls` as for redis."""
    (folder / "db").mkdir(parents=True)
    secure = [f"TLSCertificateFile {tls[0]}", f"TLSCertificateKeyFile {tls[1]}"] if tls else []
    (folder / "slapd.conf").write_text("\n".join([
        "include /etc/ldap/schema/core.schema", "modulepath /usr/lib/ldap", "moduleload back_mdb",
        f"pidfile {folder}/pid", *secure, *settings, "database mdb", 'suffix "dc=test"', f"directory {folder}/db",
        ""]))
    port = free_port()
    return Daemon(port, "slapd", "-d", "0", "-f", folder / "slapd.conf", "-h",
                  f"{'ldaps' if tls else 'ldap'}://127.0.0.1:{port}", output=folder / "log")


def smtp(folder, methods="    pass", tls=None):
    """`methods` of aiosmtpd's handler, indented; `tls` as for redis."""
    folder.mkdir()
    (folder / "mail.py").write_text(f"from aiosmtpd.handlers import Sink\n\n\nclass Handler(Sink):\n{methods}\n")
    port = free_port()
    secure = ["--smtpscert", tls[0], "--smtpskey", tls[1]] if tls else []
    return Daemon(port, "/usr/bin/aiosmtpd", "-n", "-l", f"127.0.0.1:{port}", *secure, "-c", "mail.Handler",
                  env={"PYTHONPATH": str(folder)}, output=folder / "log")
