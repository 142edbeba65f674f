"""The proxies that are compared, each told the same in its own words."""
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import ground


@dataclass(frozen=True)
class Job:
    """What a scenario asks of every proxy."""
    mode: str = "http"              # http | tcp
    connection: str = "keep-alive"  # keep-alive | close: what happens to server connections
    log: bool = False               # a line per request to the syslog target
    bulk: bool = False              # large bodies: splicing and buffers where a proxy has such options
    balance: str = "roundrobin"
    check: bool = False             # a TCP check a second to each server
    servers: int = 1
    workers: int = 1
    maxconn: int = 4000
    idle: bool = False              # connections rest for long


@dataclass
class Place:
    """Where one proxy works: its own ports and its own folder."""
    folder: Path
    port: int
    first_server: int
    sink: int
    on: set = field(default_factory=set)  # cores

    def servers(self, job):
        return [f"127.0.0.1:{self.first_server + i}" for i in range(job.servers)]


class NotAble(Exception):
    """This proxy cannot do this job (yet); the text is its own."""


class Peer:
    name = ""
    package = ""       # Debian's; empty: ours
    binary = ""
    counts = True      # may be the best peer

    def missing(self):
        if not Path(self.binary).exists():
            return f"{self.binary} is missing: apt-get install {self.package}"
        return None

    def can(self, job):
        return True

    def logs_elsewhere(self, job):
        """A reason why its figure is shown and is no bar."""
        return None

    def command(self, job, place):
        raise NotImplementedError

    def start(self, job, place):
        process = ground.Process(self.command(job, place), place.on)
        try:
            ground.wait_for_port(place.port, process)
        except RuntimeError as error:
            process.stop()
            raise RuntimeError(f"{self.name} {error}") from None
        return process


class HAProxy(Peer):
    name, package, binary = "haproxy", "haproxy", "/usr/sbin/haproxy"
    tuned = False

    def command(self, job, place):
        lines = ["global", f"  nbthread {job.workers}", f"  maxconn {job.maxconn}", "  no strict-limits"]
        if self.tuned:
            lines += ["  tune.bufsize 65536", "  tune.pipesize 262144"]
        if job.log:
            lines += [f"  log 127.0.0.1:{place.sink} local0"]
        lines += ["defaults", f"  mode {job.mode}", "  timeout connect 5s", "  timeout client 50s",
                  "  timeout server 50s", "  retries 3", "  option redispatch"]
        if job.log:
            lines += ["  log global", "  option httplog", "  option dontlognull"]
        if job.bulk:
            lines += ["  option splice-request", "  option splice-response"]
        if job.mode == "http":
            lines += ["  option http-keep-alive" if job.connection == "keep-alive" else "  option httpclose",
                      "  http-reuse always"]  # else the first request of a connection is never sent on a used one
        lines += ["frontend bench", f"  bind 127.0.0.1:{place.port}", "  default_backend servers",
                  "backend servers", f"  balance {job.balance}"]
        check = " check inter 1s" if job.check else ""
        lines += [f"  server s{i} {address}{check}" for i, address in enumerate(place.servers(job))]
        file = place.folder / "haproxy.cfg"
        file.write_text("\n".join(lines) + "\n")
        return [self.binary, "-db", "-q", "-f", file]


class TunedHAProxy(HAProxy):
    name = "haproxy-tuned"
    tuned = True

    def can(self, job):
        return job.bulk


class Nginx(Peer):
    name, package, binary = "nginx", "nginx libnginx-mod-stream", "/usr/sbin/nginx"
    stream = Path("/usr/lib/nginx/modules/ngx_stream_module.so")

    def missing(self):
        if Path(self.binary).exists() and not self.stream.exists():
            return f"{self.stream} is missing: apt-get install libnginx-mod-stream"
        return super().missing()

    def can(self, job):
        return not job.check  # the free one has no active checks

    def command(self, job, place):
        servers = "".join(f"    server {address} max_fails=0;\n" for address in place.servers(job))
        method = "    least_conn;\n" if job.balance == "leastconn" else ""
        keep = job.connection == "keep-alive" and job.mode == "http"
        upstream = f"  upstream servers {{\n{method}{servers}{f'    keepalive {max(128, job.servers)};' if keep else ''}\n" \
                   f"{'    keepalive_requests 1000000000; keepalive_timeout 300s;' if keep else ''}\n  }}\n"
        if job.mode == "tcp":
            body = f"stream {{\n{upstream}" \
                   f"  {'proxy_buffer_size 64k;' if job.bulk else ''}\n" \
                   "  proxy_half_close on;\n" \
                   f"  server {{ listen 127.0.0.1:{place.port} backlog=20000; proxy_pass servers; }}\n}}\n"
        else:
            log = f"access_log syslog:server=127.0.0.1:{place.sink},facility=local0 combined;" if job.log else \
                "access_log off;"
            to_server = 'proxy_http_version 1.1; proxy_set_header Connection "";' if keep else \
                "proxy_http_version 1.1; proxy_set_header Connection close;"
            buffers = "proxy_buffer_size 64k; proxy_buffers 16 64k; proxy_busy_buffers_size 128k;" if job.bulk else ""
            body = f"http {{\n{upstream}  {log}\n  keepalive_requests 1000000000; keepalive_timeout 300s;\n" \
                   f"  proxy_max_temp_file_size 0; {buffers}\n" \
                   f"  server {{ listen 127.0.0.1:{place.port} backlog=20000;\n" \
                   f"    location / {{ proxy_pass http://servers; {to_server} }} }}\n}}\n"
        file = place.folder / "nginx.conf"
        file.write_text(f"load_module {self.stream};\nuser root;\ndaemon off;\nworker_processes {job.workers};\n"
                        f"worker_rlimit_nofile 20000;\nerror_log {place.folder}/error.log crit;\n"
                        f"pid {place.folder}/nginx.pid;\n"
                        f"events {{ worker_connections 19900; }}\n{body}")
        return [self.binary, "-c", file, "-p", place.folder]


class Nghttpx(Peer):
    name, package, binary = "nghttpx", "nghttp2-proxy", "/usr/sbin/nghttpx"

    def can(self, job):
        return (job.mode == "http" and job.servers == 1 and not job.bulk and not job.check
                and job.connection == "keep-alive" and not job.idle)

    def logs_elsewhere(self, job):
        return "to a file" if job.log else None

    def command(self, job, place):
        log = [f"--accesslog-file={place.folder}/access.log"] if job.log else []
        return [self.binary, "--conf=/dev/null", f"--workers={job.workers}", "--single-process",
                f"--frontend=127.0.0.1,{place.port};no-tls",
                *[f"--backend={address.replace(':', ',')}" for address in place.servers(job)],
                "--backlog=20000", f"--errorlog-file={place.folder}/error.log", "--log-level=FATAL",
                "--backend-keep-alive-timeout=300s", *log]


class Relay(Peer):
    name, binary = "relay", str(ground.BIN / "bench_relay")
    counts = False

    def missing(self):
        return None

    def can(self, job):
        return not (job.log or job.check or job.servers > 1 or job.workers > 1
                    or (job.idle and job.mode == "http"))

    def command(self, job, place):
        return [self.binary, f"127.0.0.1:{place.port}", *place.servers(job),
                *(["--splice"] if job.bulk else []),
                *(["--reuse"] if job.connection == "keep-alive" and job.mode == "http" and not job.bulk else [])]


class Hapair(Peer):
    name, binary = "hapair", str(ground.HAPAIR)
    counts = False

    def missing(self):
        if not Path(self.binary).exists():
            return f"{self.binary} is missing: cmake --preset release && cmake --build --preset release"
        return None

    def command(self, job, place):
        lines = ["[global]", f"workers = {job.workers}", f"maxconn = {job.maxconn}"]
        if job.log:
            lines += ["[[global.log]]", f'target = "udp:127.0.0.1:{place.sink}"', 'facility = "local0"']
        lines += ["[defaults]", f'mode = "{job.mode}"',
                  'timeout = { connect = "5s", client = "50s", server = "50s" }', "retries = 3", "redispatch = true",
                  *(['log_format = "http"', "log_null = false"] if job.log else []),
                  "[frontend.bench]", f'bind = ["127.0.0.1:{place.port}"]', 'default_backend = "servers"',
                  "[backend.servers]", f'balance = "{job.balance}"']
        if job.mode == "http":
            lines += [f'connection = "{job.connection}"']
        if job.check:
            lines += ['check = { type = "tcp", interval = "1s" }']
        for i, address in enumerate(place.servers(job)):
            lines += ["[[backend.servers.server]]", f'name = "s{i}"', f'address = "{address}"']
        file = place.folder / "hapair.toml"
        file.write_text("\n".join(lines) + "\n")
        return [self.binary, "-f", file]

    def start(self, job, place):
        command = self.command(job, place)
        checked = subprocess.run([*map(str, command), "-c"], capture_output=True, text=True)
        if checked.returncode:
            said = re.sub(r"^\S*hapair\.toml:", "", (checked.stderr or checked.stdout).strip().splitlines()[0])
            raise NotAble(f"not built yet: {said}")
        return super().start(job, place)


ALL = [HAProxy(), TunedHAProxy(), Nginx(), Nghttpx(), Relay(), Hapair()]
