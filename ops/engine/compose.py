"""The compose command: argument lists are built by pure functions, then run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ops.engine.bounded import BoundReached, Bounds, run_bounded
from ops.errors import ConfigError, EngineError, EngineUnreachable, ImageUnavailable
from ops.redaction.typed import shown, shown_command

TIMEOUT = 1800
"""Seconds for one compose command; building or pulling an image is the longest."""


FIRST_WITHOUT_DEPENDS_ON = (2, 29, 3)
"""The first Compose whose hash of a service leaves out what it depends on."""

SHOWN = 160
"""Characters of a command that are shown to the operator."""

DRY_RUN_TIMEOUT = 60
"""Seconds that Compose may take to tell what it would do."""

READING = Bounds(seconds=20, memory=512 << 20, output=8 << 20)
"""What Compose may use to read the project's files. It takes 0.1 s and 40 MB, more where it fetches them."""

_ENV_FILE_VALUE = re.compile(r"(failed to read .*(?:unterminated quoted value|in variable name|Invalid template:?)).*")

NO_DOCKER = EngineUnreachable("there is no `docker` command", "install Docker, or run `make up`")


@dataclass(frozen=True)
class Compose:
    """``docker compose`` for one project."""

    files: tuple[str, ...]
    project: str | None
    directory: Path
    environment: Mapping[str, str]

    def command(self, *arguments: str) -> list[str]:
        """The whole argument list. Files are given as the operator gave them; else Compose finds its own."""
        options = [part for name in self.files for part in ("--file", name)]
        if self.project:
            options += ["--project-name", self.project]
        return ["docker", "compose", "--ansi", "never", *options, *arguments]

    @cached_property
    def hashes_depends_on(self) -> bool:
        """Whether a container that is started with ``--no-deps`` gets another hash, so that a plain up recreates it.

        So did Compose before 2.29.3 (docker/compose pull request 12072). Raises EngineError.
        """
        version = self._run(["docker", "compose", "version", "--short"], {}).stdout
        numbers = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
        return numbers is not None and tuple(map(int, numbers.groups())) < FIRST_WITHOUT_DEPENDS_ON

    def config(self, interpolate: bool = True) -> str:
        """The merged Compose model as YAML: its JSON leaves out a service's own ``x-`` keys.

        Raises ConfigError with Compose's own words.
        """
        return self._read({}, *([] if interpolate else ["--no-interpolate"]))

    def config_hash(self, service: str, overrides: Mapping[str, str]) -> str:
        """The hash that Compose would label the service's containers with. Raises ConfigError."""
        return self._read(overrides, "--hash", service).split()[-1]

    def _read(self, overrides: Mapping[str, str], *options: str) -> str:
        """What ``docker compose config`` answers. Raises ConfigError."""
        try:
            answer = run_bounded(
                self.command("config", *options), self._folder, {**self.environment, **overrides}, READING
            )
        except FileNotFoundError as error:
            raise NO_DOCKER from error
        except BoundReached as error:
            raise ConfigError(
                f"Compose could not read {self._place} within {error}",
                "look in it and what it includes for aliases (*name) of aliases, or an env_file that is a pipe",
            ) from error
        if answer.returncode:
            words = shown(without_values(answer.stderr))
            raise ConfigError(
                f"Compose refuses the file: {last_line(words)}", "`docker compose config` shows where", words
            )
        return answer.stdout

    def run(self, *arguments: str, overrides: Mapping[str, str] | None = None, timeout: float = TIMEOUT) -> str:
        """Runs a compose command; answers its stdout. ``overrides``: variables that win over ``.env``.

        ``timeout``: seconds. Raises EngineError, or its kinds EngineUnreachable and ImageUnavailable.
        """
        answer = self._run(self.command(*arguments), overrides or {}, timeout)
        if answer.returncode:
            raise explain(arguments[0], answer.stderr)
        return answer.stdout

    def dry_run(self, *arguments: str, overrides: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Lets Compose tell what a command would do, whatever its exit code. Raises EngineError when it takes too long.

        The format of its progress is fixed, which the operator may have chosen otherwise.
        """
        plain = {"COMPOSE_PROGRESS": "plain"}
        return self._run(self.command("--dry-run", *arguments), {**(overrides or {}), **plain}, DRY_RUN_TIMEOUT)

    def attach(self, *arguments: str) -> int:
        """Runs a compose command on the caller's own terminal; answers its exit code. Raises EngineUnreachable."""
        try:
            return subprocess.run(
                ["docker", "compose", *self.command(*arguments)[4:]],
                cwd=self._folder,
                env=dict(self.environment),
                check=False,
            ).returncode
        except FileNotFoundError as error:
            raise NO_DOCKER from error

    @property
    def _place(self) -> str:
        """The files in words, as far as they are named."""
        return ", ".join(self.files) or self.environment.get("COMPOSE_FILE") or f"the Compose file in {self.directory}"

    @property
    def _folder(self) -> Path | None:
        """Files named by the operator are relative to where they stand; else Compose looks in the project's folder."""
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
                # The lock of the operation stays taken until its last command has ended too (ops/rollout/lock.py).
                close_fds=False,
            )
        except FileNotFoundError as error:
            raise NO_DOCKER from error
        except subprocess.TimeoutExpired as error:
            raise EngineError(
                f"`{shown_command(' '.join(command))[:SHOWN]}` took over {timeout:g} s", "see `docker events`"
            ) from error


def more_arguments(compose: Compose, service: str, total: int, start: bool) -> list[str]:
    """Makes replicas until there are ``total``, beside the ones there are, which are left alone.

    ``start``: Compose starts them too, and with them each replica that has ended.
    """
    alone = () if compose.hashes_depends_on else ("--no-deps",)
    how = "--detach" if start else "--no-start"
    pull = ("--no-build", "--pull", "missing")
    return ["up", how, *alone, "--no-recreate", *pull, "--scale", f"{service}={total}", service]


def up_arguments(
    compose: Compose, services: Iterable[str], *options: str, scale: tuple[str, int] | None = None
) -> list[str]:
    """Starts what does not run of ``services``, and what they depend on only where Compose ``hashes_depends_on``.

    ``scale``: the scaled service and how many replicas it has or is to have, since Compose would remove those above
    the number in its file.
    """
    chosen = list(services)
    among = scale and (compose.hashes_depends_on or scale[0] in chosen)
    counts = ("--scale", f"{scale[0]}={scale[1]}") if scale and among else ()
    alone = () if compose.hashes_depends_on else ("--no-deps",)
    return ["up", "--detach", *alone, *options, *counts, *chosen]


def explain(verb: str, stderr: str) -> EngineError:
    """Compose's failure as an error with a hint that fits."""
    stderr = shown(stderr)
    reason = last_line(stderr)
    if "Cannot connect to the Docker daemon" in stderr:
        return EngineUnreachable(
            "the Docker Engine does not answer", "start it (`make up` does), or check DOCKER_HOST", stderr
        )
    if "permission denied" in stderr and "docker.sock" in stderr:
        return EngineUnreachable(
            "no right to use the Docker Engine", "add yourself to the group `docker`, or use sudo", stderr
        )
    if "port is already allocated" in stderr or "address already in use" in stderr:
        return EngineError(
            f"a published port is taken: {reason}", "stop what uses it, or set HTTP_PORT in .env", stderr
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
            f"the image cannot be had: {reason}", "check its name, or build it: videa deploy --build", stderr
        )
    return EngineError(
        f"docker compose {verb} failed: {reason}", "run it with --verbose to see all of its output", stderr
    )


def without_values(words: str) -> str:
    """Compose's complaint about an env file without what it shows of it, which may be a secret."""
    return _ENV_FILE_VALUE.sub(r"\1", words)


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason given")
