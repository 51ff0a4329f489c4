"""The connection to the Docker Engine's API."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from ops.engine.answer import Incomplete, Lost, Refused
from ops.engine.api import Api
from ops.engine.contexts import read_context
from ops.engine.endpoint import Endpoint
from ops.engine.local import POOL_SIZE, LocalTransport, socket_path
from ops.engine.lost import incomplete, lost
from ops.errors import EngineError, EngineUnreachable
from ops.models import ExecResult, Machine

if TYPE_CHECKING:
    import docker

CALL_TIMEOUT = 60
"""Time limit in seconds of one call to the engine; stopping a container adds its grace period."""
EXIT_WAIT = 2.0
"""Seconds to wait for the exit code of a command. Without one, its container counts as ended."""

_SOCKETS = ("unix", "http+unix")
_OF_THE_SDK = ("docker", "requests")


@contextmanager
def engine_errors(doing: str, missing_ok: bool = False) -> Iterator[None]:
    """Converts errors of the engine to ours. ``doing``: the action for the message, such as "list the containers".

    With ``missing_ok``, the block ends without an error if a container does not exist. Raises EngineUnreachable or
    EngineError.
    """
    try:
        yield
    except Refused as error:
        if not (error.missing and missing_ok):
            hint = "see `docker ps -a`" if error.missing else "see `docker events` and the engine's log"
            raise EngineError(f"Docker could not {doing}: {error.explanation}", hint, str(error)) from error
    except Lost as error:
        raise lost(error.__cause__ or error, doing, CALL_TIMEOUT) from error
    except Incomplete as error:
        raise incomplete(doing, str(error)) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _OF_THE_SDK:
            raise
        from ops.engine.sdk import converted

        if found := converted(error, doing, missing_ok, CALL_TIMEOUT):
            raise found from error


@contextmanager
def _address_errors() -> Iterator[None]:
    """Turns Python's error for an address that is not a URL into ours. Raises EngineUnreachable."""
    try:
        yield
    except ValueError as error:
        raise EngineUnreachable(
            f"DOCKER_HOST or the Docker context has no valid address: {error}",
            "write it as unix:///var/run/docker.sock, ssh://HOST or tcp://HOST:PORT",
        ) from error


class Engine:
    """A connection to one Docker Engine. Safe to use from several threads."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Connects to the same engine as the docker command: DOCKER_HOST, the current context, or the local socket.

        Raises EngineUnreachable.
        """
        self._environment = os.environ if environment is None else environment
        with engine_errors("report its version"), _address_errors():
            host = self._environment.get("DOCKER_HOST")
            self._context = None if host else read_context(self._environment)
            self.endpoint = Endpoint(self._context.url if self._context else str(host))
            if self.endpoint.scheme in _SOCKETS:
                path = socket_path(self.endpoint.url)
                self.api = Api(LocalTransport(path, CALL_TIMEOUT, POOL_SIZE), CALL_TIMEOUT)
            else:
                from ops.engine.sdk import SdkTransport

                self.api = Api(SdkTransport(self.sdk.api), CALL_TIMEOUT)
            self.api.version  # noqa: B018 (is it there?)

    @cached_property
    def sdk(self) -> docker.DockerClient:
        """Docker's own client, for calls that ``api`` does not have; slow to load. Raises EngineUnreachable."""
        from ops.engine.sdk import connect

        return connect(self.endpoint, self._environment, self._context, CALL_TIMEOUT)

    @property
    def local(self) -> bool:
        """Whether the connection uses a socket of this machine."""
        return self.endpoint.local

    @cached_property
    def address(self) -> str:
        """The host of the engine's published ports, seen from here: a name or an address, IPv6 without brackets."""
        return self.endpoint.address()

    @cached_property
    def machine(self) -> Machine:
        """The engine's version and the resources of its machine; queried once. Raises EngineError."""
        with engine_errors("describe itself"):
            details = self.api.info()
        return Machine(
            cpus=int(details.get("NCPU") or 1),
            memory=int(details.get("MemTotal") or 0) or None,
            version=str(details.get("ServerVersion") or ""),
            api_version=self.api.version,
            root=str(details.get("DockerRootDir") or ""),
        )

    def exec(
        self, container: str, command: list[str], user: str = "", environment: Mapping[str, str] | None = None
    ) -> ExecResult:
        """Runs a command in a running container and waits for it. The output is stdout and stderr, interleaved.

        ``environment`` is for values that must not be in process arguments. Raises EngineError.
        """
        with engine_errors(f"run {command[0]} in {container}"):
            api = self.api
            created = api.exec_create(container, command, user=user, environment=environment)
            output = api.exec_start(created["Id"])
            # The engine closes the output shortly before it knows the exit code.
            deadline = time.monotonic() + EXIT_WAIT
            while (code := api.exec_inspect(created["Id"])["ExitCode"]) is None and time.monotonic() < deadline:
                time.sleep(0.02)
        return ExecResult(code if code is not None else -1, output.decode(errors="replace"))

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        """Runs a command that only reads, and repeats it once if it succeeds without output. Raises EngineError.

        On a busy engine, the output of a successful command was lost. ``environment``: see ``exec``.
        """
        answer = self.exec(container, command, environment=environment)
        lost = answer.ok and not answer.output.strip()
        return self.exec(container, command, environment=environment) if lost else answer

    def log_tail(self, container: str, lines: int) -> bytes:
        """The last lines of a container's standard output. Raises EngineError."""
        with engine_errors(f"read the log of {container}"):
            return self.api.logs(container, stderr=False, tail=lines)

    def close(self) -> None:
        """Closes the connections."""
        self.api.close()
        if "sdk" in self.__dict__:
            self.sdk.close()
