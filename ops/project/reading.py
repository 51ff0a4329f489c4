"""Reads small files named by a user, which may be anything: an endless pipe, a device, a file of gigabytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ops.errors import ConfigError

LARGEST = 1 << 20
"""Maximum bytes of an env file. Real ones have a few hundred lines."""


def read_small(path: Path) -> bytes:
    """The content of a file of at most LARGEST bytes, empty if there is none. Never blocks. Raises ConfigError."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) and not path.samefile(os.devnull):
            raise ConfigError(f"{path} is not a regular file", "write the variables in a file, or remove it")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise ConfigError(f"cannot read {path.name}: {error.strerror}", "check its owner and mode") from error
    if len(content) > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST >> 20} MiB", "keep only variables in it")
    return content
