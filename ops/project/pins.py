"""Records the result of an operation in ``.env``, so that a plain ``docker compose up -d`` changes nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ops.errors import ConfigError
from ops.interrupts import change_begins
from ops.project import dotenv
from ops.project.config import Project
from ops.project.encoding import is_utf8
from ops.project.folder import DISABLED, read_env_file

NEW_FILE_MODE = 0o600


def check_writable(project: Project, variables: Mapping[str, str]) -> None:
    """Refuses an operation before it starts if its result cannot be recorded. Raises ConfigError."""
    if not project.env_files:
        raise ConfigError(
            f"{DISABLED} is set, so Compose would not read the result of the operation in .env",
            "unset it, or name an env file in COMPOSE_ENV_FILES",
        )
    for name, value in variables.items():
        if project.environment.get(name, value) != value:
            raise ConfigError(
                f"{name} is set in your shell and would override {project.env_file.name}",
                f"unset it first: unset {name}",
            )
    try:
        if project.env_file.exists() and not os.access(project.env_file, os.W_OK):
            raise PermissionError(None, "Permission denied")
        _replacement(_target(project.env_file)).unlink()
    except OSError as error:
        raise ConfigError(
            f"cannot write {project.env_file}: {error.strerror}",
            "run videa as the owner of the file and its folder, or change their modes",
        ) from error
    present = dotenv.values(read_env_file(project.env_file), project.environment)
    for name in variables:
        if not is_utf8(present.get(name, "")):
            raise ConfigError(
                f"{name} in {project.env_file.name} has bytes that are not UTF-8, so videa could not restore it",
                "write its value in UTF-8",
            )


def remember(path: Path, variables: Mapping[str, str | None]) -> None:
    """Sets variables in an env file atomically. Other lines, the mode and the owner of the file stay unchanged.

    None removes the variable. If the path is a symbolic link, its target is changed.

    Raises ConfigError if the file cannot be written.
    """
    try:
        before = read_env_file(path)
        after = dotenv.assign(before, variables, os.environ)
        if after == before:
            return
        target = _target(path)
        temporary = _replacement(target)
        try:
            with temporary.open("wb") as file:
                file.write(after.encode(errors="surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
            change_begins()
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        wanted = ", ".join(f"{name}={dotenv.quoted(value)}" for name, value in variables.items() if value is not None)
        raise ConfigError(f"cannot write {path}: {error.strerror}", f"set it yourself: {wanted}") from error


def _target(path: Path) -> Path:
    """The file behind symbolic links. Raises OSError, also for a device or a folder: they must not be replaced."""
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise OSError(None, "it is not a regular file")
        return target
    except RuntimeError as error:  # a cycle of links, before Python 3.13
        raise OSError(None, str(error)) from error


def _replacement(path: Path) -> Path:
    """Creates an empty file in the folder of ``path``, with its mode and owner, to replace it. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".env.")
    os.close(handle)
    temporary = Path(name)
    try:
        if path.exists():
            before = path.stat()
            os.chown(temporary, before.st_uid, before.st_gid)
            temporary.chmod(before.st_mode & 0o7777)
        else:
            temporary.chmod(NEW_FILE_MODE)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
