"""Commands in nginx's containers on other nodes, over HTTPS with mutual certificates (``ops.swarm.keys``).

``ops/balancer/image/edge.pl`` is the other end. A manager has no other way into the containers of other nodes.
"""

from __future__ import annotations

import http.client
import ssl
import zlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from ops.errors import EngineError
from ops.models import ExecResult
from ops.swarm.keys import Keys

PORT = 8444
"""The port on which the channel listens inside nginx's containers."""
FIRST, COUNT = 20_000, 10_000
"""The node ports for channels: below the ephemeral ports of Linux (net.ipv4.ip_local_port_range)."""
CONNECT = 5.0
"""Connect timeout in seconds: the nodes of a swarm are near each other."""
TIMEOUT = 120.0
"""Timeout of a command in seconds, longer than that of the other end."""


def port_of(project: str) -> int:
    """The port of each node for the channel of a project, unless its Compose file has another one.

    The engine does not choose it, because a manager that becomes the leader would not know the chosen port (seen with
    20.10).
    """
    return FIRST + zlib.crc32(project.encode()) % COUNT


@dataclass(frozen=True)
class Channel:
    """Runs commands in the nginx containers of one project. Safe to use from several threads."""

    keys: Keys

    def run(
        self, name: str, address: tuple[str, int], command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> ExecResult:
        """Runs a command in the container of ``name`` and waits for it. ``address``: of its node, with its port.

        A refused connection counts as a container that is still starting. Raises EngineError.
        """
        entries = [f"{key}={value}" for key, value in (environment or {}).items()]
        body = "\0".join((str(len(entries)), *entries, *command)).encode()
        connection = http.client.HTTPSConnection(*address, timeout=CONNECT, context=self._context)
        try:
            with closing(connection):
                connection.connect()
                connection.sock.settimeout(TIMEOUT)
                connection.request("POST", "/run", body)
                answer = connection.getresponse()
                output = answer.read()
        except ssl.SSLCertVerificationError as error:
            raise EngineError(
                f"{name} and this manager do not trust each other: {error.verify_message}",
                "create new certificates: videa down, then videa up",
            ) from error
        except (ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
            raise EngineError(
                f"{name} is restarting, or does not accept the connection to {address[0]}:{address[1]}: {error!r}",
                f"see `docker service ps {name}`",
            ) from error
        except OSError as error:
            raise EngineError(
                f"{name} does not answer at {address[0]}:{address[1]}: {error}",
                "see whether a firewall is between this manager and the node",
            ) from error
        if answer.status == http.client.BAD_GATEWAY:
            raise EngineError(f"{name} is restarting", f"see `docker service ps {name}`")
        if answer.status != http.client.OK:
            raise EngineError(f"{name} refuses the command: HTTP {answer.status}", f"see `docker service logs {name}`")
        return ExecResult(int(answer.headers["X-Exit-Code"]), output.decode(errors="replace"))

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # the only trusted certificate identifies the server at any address
        context.load_verify_locations(cadata=self.keys.edge)
        with TemporaryDirectory(prefix="videa-") as folder:  # with mode 0700; the ssl module reads only files
            path = Path(folder) / "operator.pem"
            path.write_text(self.keys.operator)
            context.load_cert_chain(path)
        return context
