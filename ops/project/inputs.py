"""The files that Compose reads for a project: while their content is the same, so is Compose's result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ops.errors import ConfigError
from ops.project.folder import Place, default_files, env_files, find_place, named_files
from ops.project.reading import read_small

_FURTHER = re.compile(rb"include|extends|env_file|label_file|\\[xuU\r\n]")
"""Keys that name further files, which may name others; and escapes, in which one, or a variable, could be written.

A comment with such a word only costs time.
"""


class Inputs(msgspec.Struct, frozen=True):
    """Path -> content of the Compose files, and of the env files."""

    files: Mapping[str, bytes]
    env_files: Mapping[str, bytes]


def inputs_of(place: Place, files: tuple[str, ...], environment: Mapping[str, str]) -> Inputs | None:
    """What the arguments of ``ops.project.loading.load`` select; ``files``: those that the operator has named.

    None if Compose reads others, too, or a file cannot be read.
    """
    names = files or named_files(place, environment) or default_files(place.base)
    if any(name == "-" or "://" in name or name.startswith("git@") for name in names):
        return None
    paths = [place.base / name for name in names]
    if not all(path.is_file() for path in paths):  # a pipe can be read once, and Compose must get it
        return None
    try:
        texts = {str(path): read_small(path) for path in paths}
        variables = {str(path): read_small(path) for path in env_files(place, files, environment)}
    except ConfigError:
        return None
    if not texts or any(not text or _FURTHER.search(text) for text in texts.values()):
        return None
    return Inputs(texts, variables)


def current_inputs(
    files: tuple[str, ...], environment: Mapping[str, str], directory: Path | None, start: Path
) -> Inputs | None:
    """``inputs_of`` the project that these arguments select now. Raises ConfigError if there is no Compose file."""
    return inputs_of(find_place(files, environment, start, directory), files, environment)
