"""Writes the overlay and .env, or removes the overlay. After an error, both files are as before."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ops.errors import ConfigError
from ops.interrupts import change_begins
from ops.project.pins import remember
from ops.project.plain import Plain

MODE = 0o644


def install(plain: Plain, text: str, variables: Mapping[str, str | None]) -> None:
    """Writes the overlay, then .env, which makes Compose read it. Raises ConfigError."""
    before = plain.overlay_text()
    _replace(plain.overlay, text)
    try:
        remember(plain.env_file, variables)
    except ConfigError:
        _replace(plain.overlay, before) if before else plain.overlay.unlink()
        raise


def uninstall(plain: Plain, variables: Mapping[str, str | None]) -> None:
    """Changes .env so that Compose no longer reads the overlay, then removes the overlay. Raises ConfigError.

    An .env that is empty afterwards is removed, too.
    """
    remember(plain.env_file, variables)
    try:
        if plain.env_file == plain.folder / ".env" and plain.env_file.is_file() and not plain.env_file.stat().st_size:
            plain.env_file.unlink()
        plain.overlay.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot remove {error.filename}: {error.strerror}", "remove it yourself") from error


def _replace(path: Path, text: str) -> None:
    """Replaces a file atomically. Raises ConfigError."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).chmod(MODE)
            change_begins()
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}", "run videa as the owner of the folder") from error
