"""The ``docker compose`` command: pure functions build the argument lists, then they run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ops.engine.answers import Answers
from ops.engine.bounded import BoundReached, Bounds, run_bounded
from ops.errors import ConfigError, EngineError, EngineUnreachable, ImageUnavailable
from ops.redaction.typed import shown, shown_command

TIMEOUT = 1800
"""Time limit in seconds of one compose command; building or pulling an image takes longest."""


FIRST_WITHOUT_DEPENDS_ON = (2, 29, 3)
"""The first version of Compose whose config hash does not include ``depends_on``."""

SHOWN = 160
"""Maximum length, in characters, of a command in a message."""

DRY_RUN_TIMEOUT = 60
"""Time limit in seconds of a dry run."""

READING = Bounds(seconds=20, memory=512 << 20, output=8 << 20)
"""Limits for Compose while it reads the project's files. It needs 0.1 s and 40 MB, more for files that it downloads."""

KEEP_ORPHANS = {"COMPOSE_REMOVE_ORPHANS": "false"}
"""Containers of services that are not in the file, such as those of a renamed service, may still serve."""

PLAIN = {"COMPOSE_PROGRESS": "plain"}
"""Sets the progress format that ``ops.engine.effects`` reads, whatever format the operator has chosen."""

_ENV_FILE_VALUE = re.compile(r"(failed to read .*(?:unterminated quoted value|in variable name|Invalid template:?)).*")

NO_DOCKER = EngineUnreachable("there is no `docker` command", "install Docker, or run `make up`")


@dataclass(frozen=True)
class Compose:
    """``docker compose`` for one project. ``project_directory``: used instead of the folder of the first file.

    ``answers``: a cache of its answers about the same files; None to ask each time.
    """

    files: tuple[str, ...]
    project: str | None
    directory: Path
    environment: Mapping[str, str]
    project_directory: Path | None = None
    answers: Answers | None = field(default=None, compare=False, repr=False)

    def command(self, *arguments: str) -> list[str]:
        """The complete argument list. Without files from the operator, Compose looks for its default files."""
        options = [part for name in self.files for part in ("--file", name)]
        if self.project:
            options += ["--project-name", self.project]
        if self.project_directory:
            options += ["--project-directory", str(self.project_directory)]
        return ["docker", "compose", "--ansi", "never", *options, *arguments]

    @cached_property
    def hashes_depends_on(self) -> bool:
        """Whether ``--no-deps`` changes a container's config hash, so that a plain ``up`` recreates it.

        It does so in Compose before 2.29.3 (docker/compose pull request 12072). Raises EngineError.
        """
        version = self._known("version", lambda: self._run(["docker", "compose", "version", "--short"], {}).stdout)
        numbers = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
        return numbers is not None and tuple(map(int, numbers.groups())) < FIRST_WITHOUT_DEPENDS_ON

    def config(self, interpolate: bool = True) -> str:
        """The merged Compose model as YAML: Compose's JSON omits the ``x-`` keys of services.

        Raises ConfigError with Compose's message.
        """
        return self._read(self.command("config")) if interpolate else self._written

    def config_hash(self, service: str, overrides: Mapping[str, str]) -> str:
        """The config hash with which Compose would label the service's containers.

        From Compose 2.22 on, ``config --hash`` gives a different hash for a service with ``env_file``, because it does
        not read that file (docker/compose issue 14001). Therefore this hashes the model in which the file's values are
        written out. Raises ConfigError.
        """
        return self._hashes(service, overrides)[service]

    def prepare(self, service: str) -> None:
        """Asks in advance what an operation on ``service`` will ask, if answers are remembered. Raises ConfigError."""
        if self.answers is not None and self.answers.lasting:
            self.config_hash(service, {})
            self.hashes_depends_on  # noqa: B018

    def config_hashes(self) -> dict[str, str]:
        """Service -> the config hash with which Compose would label its containers. Raises ConfigError."""
        return self._hashes("*", {})

    def _hashes(self, services: str, overrides: Mapping[str, str]) -> dict[str, str]:
        if "env_file:" not in self._written:
            lines = self._read(self.command("config", "--hash", services), overrides)
        else:
            complete = self._read(self.command("config"), overrides)
            command = ["docker", "compose", "--ansi", "never", "--file", "-", "--profile", "*"]
            lines = self._read([*command, "config", "--hash", services], overrides, complete)
        return {name: digest for name, _, digest in (line.partition(" ") for line in lines.splitlines())}

    @cached_property
    def _written(self) -> str:
        """The merged model without interpolation. Raises ConfigError."""
        return self._read(self.command("config", "--no-interpolate"))

    def _read(self, command: list[str], overrides: Mapping[str, str] | None = None, given: str = "") -> str:
        """The output of a command that reads the project's files, or ``given`` on stdin. Raises ConfigError."""
        environment = {**self.environment, **(overrides or {})}
        question = (tuple(command), tuple(sorted(environment.items())), given)
        return self._known(question, lambda: self._ask(command, environment, given))

    def _known(self, question: Hashable, ask: Callable[[], str]) -> str:
        return ask() if self.answers is None else self.answers.get(question, ask)

    def _ask(self, command: list[str], environment: Mapping[str, str], given: str) -> str:
        try:
            answer = run_bounded(command, self._folder, environment, READING, given)
        except FileNotFoundError as error:
            raise NO_DOCKER from error
        except BoundReached as error:
            raise ConfigError(
                f"Compose could not read {self._location} within {error}",
                "look for aliases (*name) of aliases in it and in its includes, and for an env_file or include that is "
                "a pipe or a device",
            ) from error
        if answer.returncode:
            errors = shown(without_values(answer.stderr))
            raise ConfigError(
                f"Compose refuses the file: {last_line(errors)}", "`docker compose config` shows where", errors
            )
        return answer.stdout

    def run(self, *arguments: str, overrides: Mapping[str, str] | None = None, timeout: float = TIMEOUT) -> str:
        """Runs a compose command and returns its output. ``overrides``: variables that take precedence over ``.env``.

        ``timeout``: seconds. Only ``down`` removes containers of services that are not in the file, if the operator
        has set that. Raises EngineError and its subclasses EngineUnreachable and ImageUnavailable.
        """
        orphans = {} if arguments[0] == "down" else KEEP_ORPHANS
        answer = self._run(self.command(*arguments), {**(overrides or {}), **orphans}, timeout)
        if answer.returncode:
            raise explain(arguments[0], answer.stderr)
        return answer.stderr + answer.stdout

    def dry_run(self, *arguments: str, overrides: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a command with ``--dry-run``; any exit code is accepted. Raises EngineError if it takes too long."""
        return self._run(
            self.command("--dry-run", *arguments), {**(overrides or {}), **KEEP_ORPHANS, **PLAIN}, DRY_RUN_TIMEOUT
        )

    @property
    def _location(self) -> str:
        """The project's files as text for a message, or its directory if no files are named."""
        return ", ".join(self.files) or self.environment.get("COMPOSE_FILE") or f"the Compose file in {self.directory}"

    @property
    def _folder(self) -> Path | None:
        """Files from the operator are relative to the current folder; without them, Compose runs in the project's."""
        return None if self.files else self.directory

    def _run(
        self, command: list[str], overrides: Mapping[str, str], timeout: float = TIMEOUT
    ) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                command,
                cwd=self._folder,
                env={**self.environment, **overrides},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                start_new_session=True,
                # The child inherits the operation's lock, so it is held until the child ends too (ops/rollout/lock.py).
                close_fds=False,
            )
        except FileNotFoundError as error:
            raise NO_DOCKER from error
        except subprocess.TimeoutExpired as error:
            raise EngineError(
                f"`{shown_command(' '.join(command))[:SHOWN]}` took over {timeout:g} s", "see `docker events`"
            ) from error


def more_arguments(compose: Compose, service: str, total: int, start: bool) -> list[str]:
    """The arguments to create replicas until there are ``total``, without changing existing ones.

    ``start``: Compose also starts them, and every replica that has exited.
    """
    no_deps = () if compose.hashes_depends_on else ("--no-deps",)
    mode = "--detach" if start else "--no-start"
    pull = ("--no-build", "--pull", "missing")
    return ["up", mode, *no_deps, "--no-recreate", *pull, "--scale", f"{service}={total}", service]


def up_arguments(
    compose: Compose,
    services: Iterable[str],
    *options: str,
    scale: Mapping[str, int] | None = None,
    start: bool = True,
) -> list[str]:
    """The arguments to start, or only to create, those of ``services`` that are not running.

    The same happens to their dependencies only if Compose ``hashes_depends_on``. ``scale``: the scaled services and
    their desired numbers of replicas; without it, Compose removes replicas above the number in the file.
    """
    chosen = list(services)
    counts = [
        argument
        for name, count in (scale or {}).items()
        if compose.hashes_depends_on or name in chosen
        for argument in ("--scale", f"{name}={count}")
    ]
    no_deps = () if compose.hashes_depends_on else ("--no-deps",)
    mode = "--detach" if start else "--no-start"
    return ["up", mode, *no_deps, *options, *counts, *chosen]


def explain(verb: str, stderr: str) -> EngineError:
    """A failure of Compose as an error with a matching hint."""
    stderr = shown(stderr)
    reason = last_line(stderr)
    if "Cannot connect to the Docker daemon" in stderr:
        return EngineUnreachable(
            "the Docker Engine does not answer", "start it (`make up` does), or check DOCKER_HOST", stderr
        )
    if "error during connect" in stderr:
        return EngineUnreachable(
            f"the connection to the Docker Engine failed: {reason}",
            "check the host, DOCKER_HOST and `docker context ls`: `docker version` must work",
            stderr,
        )
    if "permission denied" in stderr and "docker.sock" in stderr:
        return EngineUnreachable(
            "no permission to use the Docker Engine", "add yourself to the group `docker`, or use sudo", stderr
        )
    if "port is already allocated" in stderr or "address already in use" in stderr:
        return EngineError(
            f"a published port is already in use: {reason}",
            "stop the program that uses it, or set HTTP_PORT in .env",
            stderr,
        )
    if any(
        sign in stderr
        for sign in (
            "pull access denied",
            "manifest unknown",
            "No such image",
            "failed to resolve reference",
            "not found: manifest",
        )
    ):
        return ImageUnavailable(
            f"the image is not available: {reason}", "check its name, or build it: videa deploy --build", stderr
        )
    return EngineError(
        f"docker compose {verb} failed: {reason}", "run it with --verbose to see all of its output", stderr
    )


def without_values(text: str) -> str:
    """Compose's error about an env file without the file's content, which may be a secret."""
    return _ENV_FILE_VALUE.sub(r"\1", text)


def last_line(text: str) -> str:
    """The last line that is not empty."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason given")
