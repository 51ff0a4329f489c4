"""Where something is defined in the user's Compose files and the files that they include."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ops.adopt.overlay import included, line_of
from ops.errors import ConfigError
from ops.project.plain import Plain
from ops.project.reading import read_small

DEEPEST = 8
"""Levels of includes that are followed. Compose refuses a cycle, but this code runs without waiting for Compose."""


def place_of(plain: Plain, keys: Sequence[str]) -> str:
    """ "compose.yaml:12" for a path of keys, in the last of the user's files that contains it; "" if none does."""
    for name in reversed(plain.files):
        for path in _with_includes(plain.folder / name):
            if line := line_of(_text(path), keys):
                shown = path.relative_to(plain.folder) if path.is_relative_to(plain.folder) else path
                return f"{name if path == plain.folder / name else shown}:{line}"
    return ""


def includes(plain: Plain) -> bool:
    """Whether one of the user's files includes another one."""
    return any(included(_text(plain.folder / name)) for name in plain.files)


def read_text(path: Path) -> str:
    """Raises ConfigError."""
    return read_small(path).decode(errors="replace")


def _with_includes(path: Path, level: int = 0) -> Iterator[Path]:
    yield path
    if level < DEEPEST:
        for name in included(_text(path)):
            yield from _with_includes(path.parent / name, level + 1)


def _text(path: Path) -> str:
    """ "" for a file that cannot be read."""
    try:
        return read_text(path)
    except ConfigError:
        return ""
