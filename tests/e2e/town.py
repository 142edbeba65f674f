"""A town for one story: hosts at a seed's own addresses, each in network and mount namespaces of its
own, with the real daemons in the foreground. Nothing has a name on the machine, so stories can be
told side by side; everything ends with the test, and with pytest if that is killed.

The lab of vagrant/lab is what a person drills; a town is what a test can have in a fraction of a
second, with whatever addresses its seed has.
"""
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import textwrap
import time

from loopback import TREE, binary, wait_until

LIMIT = 15.0
_libc = ctypes.CDLL(None)


def _die_with_pytest():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Host:
    def __init__(self, town, name, addresses):
        self.town, self.name, self.addresses = town, name, addresses
        self.processes = {}
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "bash", "-c", f"""set -e
            hostname {name}
            ip link set lo up
            # What the daemons write is this host's own; what they are is the machine's.
            mount -t tmpfs -o mode=755 run /run
            mkdir -p /run/www /run/hapair
            mount -t tmpfs -o mode=755 lib /var/lib
            mkdir /var/lib/hapair
            cp /etc/passwd /etc/group /run/
            grep -q ^hapair: /run/passwd || echo hapair:x:990:990::/:/usr/sbin/nologin >>/run/passwd
            grep -q ^hapair: /run/group || echo hapair:x:990: >>/run/group
            mount --bind /run/passwd /etc/passwd
            mount --bind /run/group /etc/group
            echo ready
            exec sleep infinity"""],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_pytest)
        assert self.holder.stdout.readline() == "ready\n", f"{name} does not start"
        self.root = pathlib.Path(f"/proc/{self.holder.pid}/root")
        self.www = self.root / "run/www"

    def argv(self, command):
        return ["nsenter", "--target", str(self.holder.pid), "--net", "--mount", "--uts", "--wd=/",
                *map(str, command)]

    def run(self, *command, check=True, timeout=30, text=True):
        done = subprocess.run(self.argv(command), capture_output=True, text=text, timeout=timeout,
                              stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, f"{self.name}: {command}: {done.stderr or done.stdout}"
        return done

    def out(self, *command, **options):
        return self.run(*command, **options).stdout

    def start(self, what, *command):
        """A daemon in the foreground; what it says is in its own file."""
        with open(self.town.folder / f"{self.name}-{what}.out", "ab") as output:
            self.processes[what] = subprocess.Popen(
                self.argv(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=_die_with_pytest)

    def stop(self, what, how=signal.SIGTERM):
        process = self.processes.pop(what)
        process.send_signal(how)
        try:
            return process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def said(self, what):
        return (self.town.folder / f"{self.name}-{what}.out").read_text(errors="replace")

    def listens(self, port):
        # Asking the kernel, not the port: a probe would be a client.
        lines = (self.root / f"proc/{self.holder.pid}/net/tcp").read_text().splitlines()[1:]
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)

    def listens_at(self, path):
        lines = (self.root / f"proc/{self.holder.pid}/net/unix").read_text().splitlines()[1:]
        # The file is there before anybody listens.
        return any(line.endswith(f" {path}") and line.split()[3] == "00010000" for line in lines)

    def wait_for_port(self, port, what):
        def ready():
            assert self.processes[what].poll() is None, f"{self.name}: {what} ended:\n{self.said(what)}"
            return self.listens(port)
        wait_until(ready, f"{self.name}: {what} on port {port}", LIMIT)

    # ---- a web server, as the seeds have it: Apache with PHP

    def start_apache(self, port=80, tls=None, php=False):
        """DocumentRoot is self.www; the access log has the peer, X-Forwarded-For, the request and the
        status. `tls`: also on 443, with a certificate of that name."""
        modules = ["mpm_event", "authz_core", "dir", "mime", "setenvif"]
        text = f"""
            ServerRoot /usr/lib/apache2
            ServerName {self.name}
            PidFile /run/apache.pid
            DefaultRuntimeDir /run
            Mutex file:/run default
            User www-data
            Group www-data
            TypesConfig /etc/mime.types
            DocumentRoot /run/www
            DirectoryIndex index.php index.html
            ErrorLog /run/error.log
            LogFormat "%h %{{X-Forwarded-For}}i \\"%r\\" %>s" seen
            CustomLog /run/access.log seen
            KeepAliveTimeout 5
            Listen 0.0.0.0:{port}
        """
        if php:
            modules += ["proxy", "proxy_fcgi"]
            text += """<FilesMatch \\.php$>
                SetHandler "proxy:unix:/run/php.sock|fcgi://localhost"
                </FilesMatch>
            """
            (self.root / "run/php-fpm.conf").write_text(textwrap.dedent("""\
                [global]
                error_log = /run/php.log
                daemonize = no
                [www]
                user = www-data
                group = www-data
                listen = /run/php.sock
                listen.owner = www-data
                pm = static
                pm.max_children = 2
                php_admin_value[session.save_path] = /run/sessions
                """))
            self.run("install", "-d", "-o", "www-data", "/run/sessions")
            fpm = sorted(pathlib.Path("/usr/sbin").glob("php-fpm*"))[-1]
            self.start("php", fpm, "-n", "-F", "-y", "/run/php-fpm.conf")
            wait_until(lambda: self.listens_at("/run/php.sock"), f"{self.name}: PHP listens", LIMIT)
        if tls:
            modules += ["ssl"]
            self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-days", "2", "-subj", f"/CN={tls}", "-keyout", "/run/key.pem", "-out", "/run/cert.pem")
            text += """Listen 0.0.0.0:443
                <VirtualHost *:443>
                SSLEngine on
                SSLCertificateFile /run/cert.pem
                SSLCertificateKeyFile /run/key.pem
                </VirtualHost>
            """
        loads = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules)
        (self.root / "run/apache.conf").write_text(loads + text)
        self.resume_apache()

    def resume_apache(self):
        self.start("apache", "apache2", "-DFOREGROUND", "-f", "/run/apache.conf")
        for port in re.findall(r"Listen \S+:(\d+)", (self.root / "run/apache.conf").read_text()):
            self.wait_for_port(int(port), "apache")

    def page(self, name, text):
        path = self.www / name
        path.write_text(text)
        path.chmod(0o644)

    def wait_for_accesses(self, pattern, count=1):
        """Apache writes a line after the answer."""
        return wait_until(lambda: len(lines := self.accesses(pattern)) >= count and lines,
                          f"{count} lines {pattern!r} in {self.name}'s access log", LIMIT)

    def accesses(self, pattern=""):
        try:
            lines = (self.root / "run/access.log").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [line for line in lines if re.search(pattern, line)]

    # ---- syslog, as it came

    def start_rsyslog(self, address="127.0.0.1"):
        (self.root / "run/rsyslog.conf").write_text(f"""
            module(load="imudp")
            input(type="imudp" address="{address}" port="514")
            template(name="Line" type="string" string="%pri-text% %fromhost-ip% %syslogtag%%msg%\\n")
            *.* action(type="omfile" file="/run/syslog" template="Line" flushOnTXEnd="on")
            """)
        self.start("rsyslog", "rsyslogd", "-n", "-f", "/run/rsyslog.conf", "-i", "/run/rsyslog.pid")
        udp = self.root / f"proc/{self.holder.pid}/net/udp"
        wait_until(lambda: ":0202 " in udp.read_text(), "rsyslog listens", LIMIT)

    def logged(self, pattern=""):
        try:
            lines = (self.root / "run/syslog").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        return [line for line in lines if re.search(pattern, line)]

    def wait_for_log(self, pattern, since=0, timeout=LIMIT):
        return wait_until(lambda: next(iter(self.logged(pattern)[since:]), None),
                          f"{pattern!r} in {self.name}'s log; last:\n" + "\n".join(self.logged()[-20:]), timeout)

    # ---- the proxy

    def start_proxy(self, config, port, *options):
        self.start("proxy", binary("hapair-proxy"), "-f", config, *options)
        self.wait_for_port(port, "proxy")
        # It opens one port after the other, gives up its rights, and then makes its workers.
        tasks = pathlib.Path(f"/proc/{self.processes['proxy'].pid}/task")
        wait_until(lambda: any(comm.read_text().startswith("worker-") for comm in tasks.glob("*/comm")),
                   f"{self.name}: the proxy serves", LIMIT)

    # ---- a visitor

    def curl(self, *words, timeout=10):
        """(status, {field: [values]}, body). Status 0: no answer."""
        done = self.run("curl", "-sS", "-i", "-m", str(timeout), *words, check=False, text=False, timeout=timeout + 10)
        if done.returncode:
            return 0, {}, done.stderr.decode()
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            fields.setdefault(name.lower(), []).append(value.strip())
        return int(lines[0].split()[1]), fields, body.decode(errors="replace")

    def bodies(self, url, count, *words):
        """What `count` visits, each on a connection of its own, are shown."""
        answers = [self.curl(*words, url) for _ in range(count)]
        assert [status for status, _, _ in answers] == [200] * count, answers
        return [body for _, _, body in answers]

    def close(self):
        for what in list(self.processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop(what)
        self.holder.kill()
        self.holder.wait()


class Town:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.hosts = []
        self.switch = subprocess.Popen(
            ["unshare", "--net", "bash", "-c", "ip link add lan type bridge stp_state 0 mcast_snooping 0 && "
             "ip link set lan up && echo ready && exec sleep infinity"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_pytest)
        assert self.switch.stdout.readline() == "ready\n", "no bridge"

    def on_switch(self, *command):
        subprocess.run(["nsenter", "--target", str(self.switch.pid), "--net", *map(str, command)], check=True,
                       capture_output=True)

    def host(self, name, *addresses):
        """`addresses` with their prefix, as "10.0.0.1/24", all on eth0."""
        host = Host(self, name, addresses)
        self.hosts.append(host)
        self.on_switch("ip", "link", "add", f"port{len(self.hosts)}", "type", "veth", "peer", "name", "eth0",
                       "netns", host.holder.pid)
        self.on_switch("ip", "link", "set", f"port{len(self.hosts)}", "master", "lan", "up")
        script = "".join(f"ip address add {address} dev eth0; " for address in addresses)
        host.run("sh", "-ec", script + "ip link set eth0 up")
        return host

    def close(self):
        for host in self.hosts:
            host.close()
        self.switch.kill()
        self.switch.wait()


@contextlib.contextmanager
def founded(folder):
    town = Town(folder)
    try:
        yield town
    finally:
        town.close()


def seed(name):
    """The configuration of a seed as it is handed to people."""
    return next((TREE / "etc").glob(f"seed-{name}-*.toml"))


def varied(config, folder, **changes):
    """A copy of the configuration with some of its lines replaced; each must be there once."""
    text = pathlib.Path(config).read_text()
    for number, (old, new) in enumerate(changes.pop("lines", [])):
        assert text.count(old) == 1, f"line {number}: {old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    assert not changes
    path = pathlib.Path(folder) / f"varied-{time.monotonic_ns()}.toml"
    path.write_text(text)
    return path
