"""Connections to an engine over ssh, as the docker command makes them: ``ssh HOST docker system dial-stdio``.

The ssh command has the user's keys, agent and aliases. Its streams are a socket, so time limits apply as to any other
connection, unlike with the SDK's own ssh transport.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any
from urllib.parse import urlsplit

import requests.adapters
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from ops.engine.lost import SshFailed

CONNECT_TIMEOUT = 15
"""Seconds until a host that does not answer is unreachable."""
OPENING = 5
"""Connections that are opened at the same time: above 10, an ssh server drops some (its MaxStartups)."""
NOT_OURS = ("LD_LIBRARY_PATH", "SSL_CERT_FILE")
"""Environment variables of a bundled Python that the system's ssh must not inherit."""

_PING = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"


def ssh_command(url: str) -> list[str]:
    """The command whose streams are a connection to the engine at ``url``, such as ssh://USER@HOST:PORT. Pure.

    Raises ValueError for an invalid URL.
    """
    address = urlsplit(url.strip())
    if not address.hostname:
        raise ValueError(f"{url} has no host")
    if address.password is not None:
        raise ValueError("a URL for ssh has no password")
    if address.query or address.fragment or address.path.strip("/"):
        raise ValueError(f"{url} has more than a user, a host and a port")
    command = ["ssh", "-T", "-o", f"ConnectTimeout={CONNECT_TIMEOUT}"]
    command += ["-l", address.username] if address.username else []
    command += ["-p", str(address.port)] if address.port else []
    return [*command, "--", address.hostname, "docker system dial-stdio"]


class SshAdapter(requests.adapters.HTTPAdapter):
    """Sends the SDK's requests through ``command``. ``timeout``: seconds for a call; ``size``: idle connections."""

    def __init__(self, command: list[str], environment: Mapping[str, str], timeout: float, size: int) -> None:
        super().__init__()
        self._pool = _Pool(command, environment, timeout, size)

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        return self._pool

    def get_connection(self, url: Any, proxies: Any = None) -> Any:
        """The connection pool; requests before 2.32 calls this to get it."""
        return self._pool

    def request_url(self, request: Any, proxies: Any) -> str:
        return str(request.path_url)

    def close(self) -> None:
        super().close()
        self._pool.close()


class _Pool(HTTPConnectionPool):
    def __init__(self, command: list[str], environment: Mapping[str, str], timeout: float, size: int) -> None:
        super().__init__("localhost", timeout=timeout, maxsize=size)
        self._command = command
        self._environment = {name: value for name, value in environment.items() if name not in NOT_OURS}
        self._seconds = timeout
        self._opening = threading.Semaphore(OPENING)

    def _new_conn(self) -> Any:
        return _Connection(self._command, self._environment, self._seconds, self._opening)


class _Connection(HTTPConnection):
    def __init__(
        self, command: list[str], environment: Mapping[str, str], timeout: float, opening: threading.Semaphore
    ) -> None:
        super().__init__("localhost", timeout=timeout)
        self._command, self._environment, self._opening = command, environment, opening
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        """Starts ssh, and returns when the engine has answered through it. Raises SshFailed."""
        with self._opening, tempfile.TemporaryFile() as errors:
            ours, theirs = socket.socketpair()
            try:
                with theirs:
                    # Its own session, so that Ctrl-C does not cut the connection that a rollback needs.
                    self._process = subprocess.Popen(
                        self._command,
                        stdin=theirs.fileno(),
                        stdout=theirs.fileno(),
                        stderr=errors,
                        env=self._environment,
                        start_new_session=True,
                    )
            except FileNotFoundError as error:
                ours.close()
                raise SshFailed("there is no `ssh` command") from error
            ours.settimeout(self.timeout)
            self.sock = ours
            try:
                _ping(ours)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                hangs = f"no answer within {self.timeout:g} s" if isinstance(error, TimeoutError) else ""
                raise SshFailed(hangs or _reason(errors)) from error

    def close(self) -> None:
        super().close()
        if self._process:
            with suppress(ProcessLookupError):
                self._process.terminate()
            self._process.wait()
            self._process = None


def _ping(connection: socket.socket) -> None:
    """Raises OSError or HTTPException if the engine does not answer."""
    connection.sendall(_PING)
    response = http.client.HTTPResponse(connection, method="GET")
    try:
        response.begin()
        response.read()
    finally:
        response.close()


def _reason(errors: IO[bytes]) -> str:
    """The last line that ssh or the remote docker command has printed."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "ssh ended without a message")
