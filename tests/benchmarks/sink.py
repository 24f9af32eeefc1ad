"""An S3 that takes everything and keeps nothing: nginx, so that whoever sends is the bottleneck.

It reads each request to its end before it answers, and logs how long it was. It checks nothing: no signature, no
condition, no checksum. Loopback only.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

LATENCY: Final = 0.03
"""Seconds that each request to the slow port takes."""

_MISSING: Final = (
    "the sink needs nginx and two modules of it: apt-get install nginx-light libnginx-mod-http-echo "
    "libnginx-mod-http-headers-more-filter"
)

_MODULES: Final = (
    "/usr/lib/nginx/modules",
    "/usr/lib64/nginx/modules",
    "/usr/share/nginx/modules",
    "/usr/local/libexec/nginx",
)

_CONFIGURATION: Final = """
load_module {modules}/ngx_http_echo_module.so;
load_module {modules}/ngx_http_headers_more_filter_module.so;
{user}
daemon off;
pid {folder}/pid;
worker_processes 1;
error_log {folder}/errors error;
events {{ worker_connections 1024; }}
http {{
  log_format lengths '$request_method $request_uri $status $request_length';
  access_log {folder}/requests lengths;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/unused; fastcgi_temp_path {folder}/unused;
  uwsgi_temp_path {folder}/unused; scgi_temp_path {folder}/unused;
  client_max_body_size 0;
  client_body_buffer_size 64m;  # parts never touch a file
  keepalive_requests 100000000;
  keepalive_timeout 10m;
  default_type application/xml;
  more_clear_input_headers If-None-Match If-Match;  # nginx would answer them itself, with 304 and 412

  map "$request_method $uri $args" $answer {{
    default                       /refused;
    "~^PUT "                      /stored;
    "~^DELETE "                   /deleted;
    "~^HEAD /[^/]+/? "            /found;
    "~^(HEAD|GET) /.*/init "      /marked;  # by which dlt knows a dataset that it has made
    "~^(HEAD|GET) /[^/]+/."       /missing;
    "~^GET .* (.*&)?list-type=2"  /listed;
    "~^POST .* uploads"           /begun;
    "~^POST .* (.*&)?uploadId="   /completed;
    "~^POST .* delete"            /swept;
  }}
{servers}
}}
"""

_SERVER: Final = """
  server {{
    listen 127.0.0.1:{listen} backlog=1024;
    ssl_certificate {folder}/leaf; ssl_certificate_key {folder}/key;
    location / {{ echo_read_request_body; {sleep} echo_exec $answer; }}
    location = /stored {{ internal; add_header ETag '"sink"'; add_header x-amz-checksum-sha256 $http_x_amz_checksum_sha256; add_header x-amz-checksum-crc32 $http_x_amz_checksum_crc32; return 200; }}
    location = /found {{ internal; return 200; }}
    location = /marked {{ internal; add_header Last-Modified "Thu, 01 Jan 2026 00:00:00 GMT"; add_header ETag '"sink"'; return 200 '{{"initial_version": 2, "current_version": 2}}'; }}
    location = /deleted {{ internal; return 204; }}
    location = /missing {{ internal; return 404 '<Error><Code>NoSuchKey</Code><Message>the sink keeps nothing</Message></Error>'; }}
    location = /refused {{ internal; return 501 '<Error><Code>NotImplemented</Code><Message>not in the sink</Message></Error>'; }}
    location = /listed {{ internal; return 200 '<ListBucketResult {xmlns}><Name>b</Name><Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>'; }}
    location = /begun {{ internal; return 200 '<InitiateMultipartUploadResult {xmlns}><Bucket>b</Bucket><Key>k</Key><UploadId>$request_id</UploadId></InitiateMultipartUploadResult>'; }}
    location = /completed {{ internal; return 200 '<CompleteMultipartUploadResult {xmlns}><Location>l</Location><Bucket>b</Bucket><Key>k</Key><ETag>"sink"</ETag></CompleteMultipartUploadResult>'; }}
    location = /swept {{ internal; return 200 '<DeleteResult {xmlns}></DeleteResult>'; }}
  }}
"""  # noqa: E501  # a document of one line each

_XMLNS: Final = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


class SinkError(Exception):
    """The sink cannot be started."""


@dataclass(frozen=True, slots=True)
class Received:
    """What arrived under one prefix."""

    requests: int
    """Successful ones of any kind."""
    puts: int
    """Objects and parts."""
    sent: int
    """Bytes of the puts, with their headers."""


class Sink:
    """The server, for as long as the context is open.

    Attributes:
        http: Its address.
        https: The same behind TLS; `certificate` is the authority to trust.
        slow: The same as ``http``, but each request takes `LATENCY` longer.
        certificate: A file.
    """

    def __init__(self) -> None:
        memory = Path("/dev/shm")  # noqa: S108  # bodies beyond the buffer stay in memory
        self._folder = Path(tempfile.mkdtemp(prefix="s3dest-sink-", dir=memory if memory.is_dir() else None))
        self.certificate = self._folder / "certificate"
        ports = _free_ports(3)
        self.http, self.https, self.slow = (
            f"{scheme}://127.0.0.1:{port}" for scheme, port in zip(("http", "https", "http"), ports, strict=True)
        )
        self._ports = ports
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start nginx.

        Raises:
            SinkError: It is not installed, or does not start.
        """
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(timeout=10)
        shutil.rmtree(self._folder)

    def received(self, prefix: str) -> Received:
        """Count what arrived under a prefix so far."""
        requests = puts = sent = 0
        with (self._folder / "requests").open(encoding="utf-8", errors="replace") as log:
            for line in log:
                match = re.fullmatch(r"(\S+) /[^/]+/([^?]*)\S* 2\d\d (\d+)\n", line)
                if match and match[2].startswith(f"{prefix}/"):
                    requests += 1
                    if match[1] == "PUT":
                        puts += 1
                        sent += int(match[3])
        return Received(requests, puts, sent)

    def _start(self) -> None:
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        modules = next((folder for folder in _MODULES if Path(folder, "ngx_http_echo_module.so").exists()), None)
        if program is None or modules is None:
            raise SinkError(_MISSING)
        self._make_certificate()
        plain, tls, slow = self._ports
        servers = "".join(
            _SERVER.format(folder=self._folder, listen=listen, sleep=sleep, xmlns=_XMLNS)
            for listen, sleep in ((plain, ""), (f"{tls} ssl", ""), (slow, f"echo_sleep {LATENCY};"))
        )
        user = "user root;" if os.geteuid() == 0 else ""  # else its worker could not write here
        configuration = self._folder / "configuration"
        configuration.write_text(
            _CONFIGURATION.format(modules=modules, user=user, folder=self._folder, servers=servers), encoding="utf-8"
        )
        errors = self._folder / "errors"
        self._server = subprocess.Popen([program, "-e", errors, "-p", self._folder, "-c", configuration])
        for _ in range(100):
            if self._server.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", slow)) == 0:
                    return
            time.sleep(0.05)
        raise SinkError("nginx does not start: " + errors.read_text(encoding="utf-8"))

    def _make_certificate(self) -> None:
        """Make an authority and what it signs: some clients do not take one for the other."""
        make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30".split()
        key, leaf, authority = self._folder / "key", self._folder / "leaf", self.certificate
        signed: list[str | Path] = [
            "-CA",
            authority,
            "-CAkey",
            key.with_suffix(".authority"),
            "-addext",
            "basicConstraints=CA:FALSE",
        ]
        names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        try:
            commands: list[list[str | Path]] = [
                [*make, "-subj", "/CN=sink-authority", "-keyout", key.with_suffix(".authority"), "-out", authority],
                [*make, "-subj", "/CN=sink", "-keyout", key, "-out", leaf, *signed, *names],
            ]
            for command in commands:
                subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            message = f"the sink needs OpenSSL's command line, 3.0 or newer, for its certificate: {error}"
            raise SinkError(message) from error


def _free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
