"""What Compose said last of its files, in `.videa` next to them: each question takes Compose 0.15 s of a core.

It is used only if everything that it depends on is known and unchanged: the content of the Compose files and env files,
the variables of the shell that one of them names, what Compose itself reads from the shell, and the programs. So it is
not used for files that name others. Nothing is stored that is not in the project's files: a variable that only the
shell has may be a secret. Commands that only read do not create the folder.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ops.engine.compose import Compose
from ops.project import dotenv
from ops.project.folder import Place
from ops.project.inputs import inputs_of
from ops.project.private import private_file, replace_private

T = TypeVar("T")

FILE = "model.msgpack"

FORMAT = "1"
"""Of the file; another one for each change of what is stored."""

PLUGIN = "docker-compose"
PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
"""Where docker looks for Compose, besides the user's own folder."""

_DECODER = msgspec.msgpack.Decoder(tuple[str, dict[str, Any]])
_WORD = re.compile(r"\w+", re.ASCII)
_READ_BY_COMPOSE = re.compile(r"COMPOSE_\w+|DOCKER_\w+|HOME|PATH")
_HARMLESS = re.compile(rf"{_READ_BY_COMPOSE.pattern}|_|PWD|OLDPWD|SHLVL|USER|LOGNAME|SHELL|TERM|LANG|HOSTNAME|TZ")
"""Variables of the shell that are no secret."""


def model_of(place: Place, compose: Compose, interpolate: bool = True) -> Mapping[str, Any]:
    """The merged model, with or without the values of its variables. Raises ConfigError."""
    return remembered(place, compose, "model" if interpolate else "written", partial(_read_model, compose, interpolate))


def _read_model(compose: Compose, interpolate: bool) -> Mapping[str, Any]:
    from ops.project.compose_model import read_model

    return read_model(compose, interpolate)


def remembered(place: Place, compose: Compose, what: str, read: Callable[[], T]) -> T:
    """What is stored as ``what``, otherwise what ``read`` returns, which is stored. Raises like ``read``."""
    path = private_file(place.directory, FILE)
    key = key_of(place, compose) if path.parent.is_dir() else None
    if key is None:
        return read()
    stored = _read(path, key)
    if what in stored:
        value: T = stored[what]
        return value
    value = read()
    if key == key_of(place, compose):  # no file was edited meanwhile
        with suppress(OSError, msgspec.MsgspecError, OverflowError):
            replace_private(path, msgspec.msgpack.encode((key, {**stored, what: value})))
    return value


def _read(path: Path, key: str) -> dict[str, Any]:
    """What is stored with this key; empty if that is another one."""
    with suppress(OSError, msgspec.MsgspecError, ValueError):
        known, stored = _DECODER.decode(path.read_bytes())
        return stored if known == key else {}
    return {}


def key_of(place: Place, compose: Compose) -> str | None:
    """A digest of all inputs of the answers; None if these are unknown, or if the answers must not be stored."""
    environment, inputs = compose.environment, inputs_of(place, compose.files, compose.environment)
    if inputs is None:
        return None
    try:
        programs = list(_programs(environment))
    except (OSError, _Unknown):
        return None
    texts, variables = inputs.files, inputs.env_files
    written = [content.decode(errors="surrogateescape") for content in (*texts.values(), *variables.values())]
    named = {word for text in written for word in _WORD.findall(text)}
    used = {name: value for name, value in environment.items() if name in named or _READ_BY_COMPOSE.fullmatch(name)}
    if any(not _HARMLESS.fullmatch(name) for name in _only_in_the_shell(used, variables, environment)):
        return None
    call = (FORMAT, compose.command(), str(place.base), str(Path.cwd()))
    return sha256(repr((call, texts, variables, sorted(used.items()), programs)).encode()).hexdigest()


class _Unknown(Exception):
    """Something that an answer may depend on cannot be seen."""


def _only_in_the_shell(
    used: Mapping[str, str], files: Mapping[str, bytes], environment: Mapping[str, str]
) -> Iterator[str]:
    """The names of those variables that an env file does not have with the same value. Raises ConfigError."""
    values: dict[str, str] = {}
    for content in files.values():
        values |= dotenv.values(content.decode(errors="surrogateescape"), {**values, **environment})
    return (name for name, value in used.items() if values.get(name) != value)


def _programs(environment: Mapping[str, str]) -> Iterator[tuple[str, int, int]]:
    """The docker command and Compose, wherever it may be. Raises _Unknown, OSError."""
    docker = shutil.which("docker", path=environment.get("PATH"))
    if docker is None:
        raise _Unknown
    with Path(docker).open("rb") as file:
        if file.read(2) == b"#!":  # a script may do anything
            raise _Unknown
    settings = Path(environment.get("DOCKER_CONFIG") or Path(environment.get("HOME", "/")) / ".docker")
    with suppress(FileNotFoundError):
        if b"cliPluginsExtraDirs" in (settings / "config.json").read_bytes():
            raise _Unknown
    folders = (settings / "cli-plugins", *map(Path, PLUGIN_FOLDERS))
    for path in (Path(docker), *(folder / PLUGIN for folder in folders)):
        with suppress(FileNotFoundError, NotADirectoryError):
            state = path.stat()
            yield str(path), state.st_size, state.st_mtime_ns
