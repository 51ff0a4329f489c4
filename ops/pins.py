"""Remembering the outcome of an operation in ``.env``, so that a plain ``docker compose up -d`` changes nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ops.config import Project
from ops.errors import ConfigError

NEW_FILE_MODE = 0o600


def check_writable(project: Project, variables: Mapping[str, str]) -> None:
    """Refuses before anything is started when the outcome could not be remembered. Raises ConfigError."""
    for name, value in variables.items():
        if project.environment.get(name, value) != value:
            raise ConfigError(
                f"{name} is set in your shell and would win over {project.env_file.name}",
                f"unset it first: unset {name}",
            )
    place = project.env_file if project.env_file.exists() else project.directory
    if not os.access(place, os.W_OK):
        raise ConfigError(f"cannot write {project.env_file}", "run videa as its owner, or change the file's mode")


def remember(path: Path, variables: Mapping[str, str | None]) -> None:
    """Sets variables in an env file in one atomic step, keeping every other line and the file's mode and owner.

    None removes the variable.

    Raises ConfigError when the file cannot be written.
    """
    try:
        lines = path.read_text().splitlines() if path.exists() else []
        updated = merge(lines, variables)
        if updated == lines:
            return
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".env.")
        try:
            with os.fdopen(handle, "w") as file:
                file.write("\n".join(updated) + "\n")
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                before = path.stat()
                Path(temporary).chmod(before.st_mode & 0o777)
                os.chown(temporary, before.st_uid, before.st_gid)
            else:
                Path(temporary).chmod(NEW_FILE_MODE)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        wanted = ", ".join(f"{name}={value}" for name, value in variables.items() if value is not None)
        raise ConfigError(f"cannot write {path}: {error.strerror}", f"set it there yourself: {wanted}") from error


def merge(lines: list[str], variables: Mapping[str, str | None]) -> list[str]:
    """The lines of an env file with ``variables`` set: in place where they are, else at the end; None: without it."""
    left = dict(variables)
    merged = []
    for line in lines:
        name = line.partition("=")[0].strip()
        if "=" in line and name in variables:
            if name in left and (value := left.pop(name)) is not None:
                merged.append(f"{name}={value}")
        else:
            merged.append(line)
    return merged + [f"{name}={value}" for name, value in left.items() if value is not None]
