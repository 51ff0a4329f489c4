"""What a job has to do: the command, the folder and the variables of the shell that started it.

It is stored in a file in `.videa`, which only its owner can read, and not in the container's configuration, because the
variables may be secrets. The job removes it at its end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from ops.errors import ConfigError
from ops.jobs.kind import VARIABLE, Kind
from ops.project.encoding import is_utf8
from ops.project.private import private_file, replace_private


class Request(msgspec.Struct, frozen=True):
    """``arguments``: those of videa; ``selecting``: the arguments that select the project; ``command``: see ``Job``.

    ``folder``: where it was typed; ``created``, ``at``: Unix time, ``at`` 0 for at once. ``begun``: the job has changed
    something, so after an interruption it is resumed instead of started again. ``swarm``: the records are stored in the
    swarm.
    """

    project: str
    kind: Kind
    arguments: tuple[str, ...]
    selecting: tuple[str, ...]
    command: str
    folder: str
    environment: dict[str, str]
    created: float
    at: float = 0.0
    begun: bool = False
    swarm: bool = False

    @property
    def name(self) -> str:
        """The name of its container."""
        return f"videa.job.{self.project}.{self.kind.value}"


_DECODER = msgspec.json.Decoder(Request)


def file_of(directory: Path, project: str, kind: Kind) -> Path:
    """The file of a request, next to the Compose file."""
    return private_file(directory, f"job-{project}-{kind.value}.json")


def write(path: Path, request: Request) -> None:
    """Raises ConfigError if the file cannot be written."""
    try:
        replace_private(path, msgspec.json.encode(request))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", "make its folder writable") from error


def read(path: Path) -> Request | None:
    """The request in a file; None if there is none, or if this version of videa does not understand it."""
    try:
        return _DECODER.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def passed_on(environment: Mapping[str, str], without: Collection[str] = ()) -> dict[str, str]:
    """The variables of the shell for a job. ``without``: names that the job reads from elsewhere."""
    return {
        name: value
        for name, value in environment.items()
        if name not in without and name != VARIABLE and is_utf8(name) and is_utf8(value)
    }
