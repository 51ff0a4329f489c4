"""Commands on the user's terminal: pure functions build the ``docker`` command lines, then ``docker`` runs them.

The docker command knows how to put a terminal into raw mode, to resize it and to pass on signals, on every engine that
DOCKER_HOST or a context names.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from typing import NoReturn

from ops.engine.client import Engine, engine_errors
from ops.engine.compose import NO_DOCKER
from ops.engine.replicas import stop
from ops.errors import EngineError
from ops.interrupts import allowed, held
from ops.models import UserCommand

_READ_BY_DOCKER = re.compile(
    r"DOCKER_(HOST|CONTEXT|CONFIG|CERT_PATH|TLS\w*|API_VERSION|AUTH_CONFIG|CUSTOM_HEADERS)"
    r"|PATH|HOME|LD_\w+|GODEBUG|SSH_(AUTH_SOCK|ASKPASS\w*)|(HTTPS?|NO|ALL)_PROXY",
    re.IGNORECASE,
)
"""Variables that the docker command itself, or the ssh command that it starts, may read."""

_SIGNALLED = 128
"""Added to the number of the signal that ended a process, to get an exit code as shells do."""


def exec_command(
    container: str, command: UserCommand, environment: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """``docker exec`` for a command, and the environment of that process.

    All users of a machine can see the arguments of processes, so docker gets the values of ``--env`` through its
    environment, except those that would change docker itself. ``environment``: of this process.
    """
    arguments = ["docker", "exec", "--interactive"]
    arguments += ["--tty"] if command.terminal else []
    arguments += ["--user", command.user] if command.user else []
    arguments += ["--workdir", command.workdir] if command.workdir else []
    passed = {name: value for name, value in command.environment.items() if not _READ_BY_DOCKER.fullmatch(name)}
    for name, value in command.environment.items():
        arguments += ["--env", name if name in passed else f"{name}={value}"]
    return [*arguments, container, *command.words], {**environment, **passed}


def become(command: Iterable[str], environment: Mapping[str, str]) -> NoReturn:
    """Replaces this process by a command. Raises EngineError."""
    words = list(command)
    try:
        os.execvpe(words[0], words, environment)  # noqa: S606 (no shell is wanted)
    except FileNotFoundError as error:
        raise NO_DOCKER from error
    except OSError as error:
        raise EngineError(f"cannot run {words[0]}: {error.strerror}", "check the command and its length") from error


def attach(engine: Engine, container: str, environment: Mapping[str, str]) -> int:
    """Starts a created container on the terminal of this process and returns its exit code. Raises EngineError.

    If a signal raises KeyboardInterrupt, the container is stopped first, so that the end of its output is shown.
    """
    with held():  # a signal while the command starts would leave the container running
        try:
            process = subprocess.Popen(
                ["docker", "start", "--attach", "--interactive", container], env=dict(environment)
            )
        except FileNotFoundError as error:
            raise NO_DOCKER from error
        try:
            with allowed(again=True):
                returned = process.wait()
        except KeyboardInterrupt:
            with allowed(again=True):
                stop(engine, container)
                process.wait()
            raise
    with engine_errors(f"inspect {container}", missing_ok=True):
        # Only the engine knows the code of a command that cannot start, such as 127.
        if code := int(engine.api.inspect_container(container)["State"]["ExitCode"]):
            return code
    return _SIGNALLED - returned if returned < 0 else returned
