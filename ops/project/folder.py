"""Finds a Compose project by the rules of Compose: -f, COMPOSE_FILE in the shell or in .env, standard file names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from ops.errors import ConfigError
from ops.project import dotenv
from ops.project.reading import read_small

DISABLED = "COMPOSE_DISABLE_ENV_FILE"
"""The variable, in the shell or in .env itself, that makes Compose ignore .env."""
NAMED = "COMPOSE_ENV_FILES"
"""The shell variable that names env files to use instead of .env."""
OVERLAY = "compose.videa.yaml"
"""The file that `videa init` writes."""
FILE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_NAMES = (
    *("compose.override.yml", "compose.override.yaml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
)
"""If no files are named, Compose also reads the first of these that exists."""


class Place(msgspec.Struct, frozen=True):
    """``directory``: that of the first Compose file, or the chosen one; ``base``: where Compose runs, and to which file
    names are relative; ``chosen``: the operator has named the directory, and Compose reads no other .env.
    """

    directory: Path
    base: Path
    chosen: bool = False


def find_place(
    files: tuple[str, ...], environment: Mapping[str, str], start: Path, directory: Path | None = None
) -> Place:
    """The project in the folder ``start``, otherwise in the nearest folder above it.

    ``directory``: as with ``docker compose --project-directory``, except that files in the COMPOSE_FILE of its .env are
    relative to it. Raises ConfigError.
    """
    if directory:
        folder = (start / directory).resolve()
        if not folder.is_dir():
            raise ConfigError(f"--project-directory {directory}: there is no such folder", "check the path")
        named = files or environment.get("COMPOSE_FILE")
        return Place(folder, start if named else find_place((), environment, folder).base, chosen=True)
    if files:
        return Place(_folder_of(start, files[0]), start)
    if environment.get("COMPOSE_FILE"):
        return Place(_folder_of(start, _first(environment["COMPOSE_FILE"], environment, start)), start)
    for folder in (start, *start.parents):
        value = _settings_of(folder, environment).get("COMPOSE_FILE")
        if value:
            return Place(_folder_of(folder, _first(value, environment, folder)), folder)
        if any(_is_file(folder / name) for name in FILE_NAMES):
            return Place(folder, folder)
    raise ConfigError(
        "no Compose file in this folder or in any folder above",
        "change to your project's folder, or name the file: videa -f FILE ...",
    )


def default_files(folder: Path) -> tuple[str, ...]:
    """The files that Compose reads in a folder if none are named."""
    chosen = (next((name for name in names if _is_file(folder / name)), "") for names in (FILE_NAMES, OVERRIDE_NAMES))
    return tuple(filter(None, chosen))


def named_files(place: Place, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The files in COMPOSE_FILE, from the shell or .env, as written there; empty if it is not set."""
    settings = _settings_of(place.base, environment)
    value = environment.get("COMPOSE_FILE") or settings.get("COMPOSE_FILE") or ""
    return tuple(name for name in value.split(separator(place.base, environment)) if name)


def separator(folder: Path, environment: Mapping[str, str]) -> str:
    """The separator of the files in COMPOSE_FILE."""
    variable = "COMPOSE_PATH_SEPARATOR"
    return environment.get(variable) or _settings_of(folder, environment).get(variable) or os.pathsep


def env_files(place: Place, files: tuple[str, ...], environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The env files that Compose reads; the last one that sets a variable takes precedence."""
    if environment.get(NAMED):
        return _named_env_files(place.base, environment)
    folders = (place.directory,) if files or place.chosen else (place.directory, place.base)
    if any(_disables(environment.get(DISABLED) or _settings_of(folder, {}).get(DISABLED)) for folder in folders):
        return ()
    return tuple(dict.fromkeys(folder / ".env" for folder in folders))


def read_env_file(path: Path) -> str:
    """The text of an env file, "" if there is none; preserves bytes that are not UTF-8. Raises ConfigError."""
    return read_small(path).decode(errors="surrogateescape")


def check_env_files(paths: Iterable[Path]) -> None:
    """Refuses env files that Compose would read without end; ignores folders, as Compose does. Raises ConfigError."""
    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112 (unlike Path.is_dir it is False for a name that is too long)
            read_env_file(path)


def _disables(value: str | None) -> bool:
    """Whether Go's strconv.ParseBool reads a value as true."""
    return value in {"1", "t", "T", "TRUE", "true", "True"}


def _first(value: str, environment: Mapping[str, str], folder: Path) -> str:
    """The first file in a COMPOSE_FILE value."""
    return value.split(separator(folder, environment), maxsplit=1)[0]


def _settings_of(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables in the folder's .env, or in the env files that replace it.

    Empty if one cannot be read: Compose reports that itself for its own env files.
    """
    values: dict[str, str] = {}
    try:
        for path in _named_env_files(folder, environment) or (folder / ".env",):
            values |= dotenv.values(read_env_file(path), {**values, **environment})
    except ConfigError:
        return {}
    return values


def _named_env_files(folder: Path, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The env files that replace .env."""
    return tuple(folder / name for name in environment.get(NAMED, "").split(",") if name)


def _folder_of(base: Path, name: str) -> Path:
    path = base / name
    if not _is_file(path):
        raise ConfigError(f"no Compose file at {name}", "check the path after -f, or COMPOSE_FILE")
    return path.parent.resolve()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
