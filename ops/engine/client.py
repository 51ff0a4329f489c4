"""The connection to the Docker Engine's API, through the SDK."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

import docker
import docker.errors
import requests.exceptions
from requests.adapters import HTTPAdapter

from ops.engine.contexts import read_context
from ops.engine.endpoint import Endpoint
from ops.engine.lost import ONCE_MORE, lost
from ops.engine.remote import POOL_SIZE, over_ssh, over_tcp, tls_from
from ops.errors import EngineError, EngineUnreachable
from ops.models import ExecResult, Machine

CALL_TIMEOUT = 60
"""Time limit in seconds of one call to the engine; stopping a container adds its grace period."""
EXIT_WAIT = 2.0
"""Seconds to wait for the exit code of a command. Without one, its container counts as ended."""


@contextmanager
def engine_errors(doing: str, missing_ok: bool = False) -> Iterator[None]:
    """Converts the SDK's exceptions to ours. ``doing``: the action for the message, such as "list the containers".

    With ``missing_ok``, the block ends without an error if a container does not exist. Raises EngineUnreachable or
    EngineError.
    """
    try:
        yield
    except docker.errors.NotFound as error:
        if not missing_ok:
            raise EngineError(
                f"Docker could not {doing}: {error.explanation}", "see `docker ps -a`", str(error)
            ) from error
    except docker.errors.APIError as error:
        reason = str(error.explanation or error)
        raise EngineError(
            f"Docker could not {doing}: {reason}", "see `docker events` and the engine's log", str(error)
        ) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise lost(error, doing, CALL_TIMEOUT) from error


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
        environment = os.environ if environment is None else environment
        with engine_errors("report its version"), _address_errors():
            if host := environment.get("DOCKER_HOST"):
                self.endpoint = Endpoint(host)
                tls = None if self.endpoint.local else tls_from(environment)
            else:
                context = read_context(environment)
                self.endpoint, tls = Endpoint(context.url), context.tls
            if self.endpoint.scheme == "ssh":
                self.sdk = over_ssh(self.endpoint.url, environment, CALL_TIMEOUT)
            elif not self.endpoint.local:
                self.sdk = over_tcp(self.endpoint.url, tls, CALL_TIMEOUT)
            else:
                self.sdk = docker.DockerClient(
                    base_url=self.endpoint.url or None,
                    version="auto",
                    timeout=CALL_TIMEOUT,
                    max_pool_size=POOL_SIZE,
                )
        for adapter in self.sdk.api.adapters.values():
            if isinstance(adapter, HTTPAdapter):
                adapter.max_retries = ONCE_MORE

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
            details = self.sdk.api.info()
        return Machine(
            cpus=int(details.get("NCPU") or 1),
            memory=int(details.get("MemTotal") or 0) or None,
            version=str(details.get("ServerVersion") or ""),
            api_version=str(self.sdk.api.api_version),
            root=str(details.get("DockerRootDir") or ""),
        )

    def exec(
        self, container: str, command: list[str], user: str = "", environment: Mapping[str, str] | None = None
    ) -> ExecResult:
        """Runs a command in a running container and waits for it. The output is stdout and stderr, interleaved.

        ``environment`` is for values that must not be in process arguments. Raises EngineError.
        """
        with engine_errors(f"run {command[0]} in {container}"):
            api = self.sdk.api
            created = api.exec_create(container, command, user=user, environment=dict(environment or {}))
            output: bytes = api.exec_start(created["Id"])
            # The engine closes the output a moment before it knows the exit code.
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
            output: bytes = self.sdk.api.logs(container, stdout=True, stderr=False, tail=lines)
            return output

    def close(self) -> None:
        """Closes the connections."""
        self.sdk.close()
