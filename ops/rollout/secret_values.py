"""The secret values of releases, in `.videa/secrets.json` next to `.env`: unlike the history, they stay on the machine.

A rollback gives a release the values that it had. A rollback from another folder requires the present values to be the
same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ops.errors import ConfigError
from ops.project.private import private_file, replace_private

FILE = "secrets.json"

MOST = 50
"""Maximum number of releases."""

_DECODER = msgspec.json.Decoder(dict[str, dict[str, str]])


def of(directory: Path, release: str) -> dict[str, str]:
    """Variable -> value; empty if the release has none or was not deployed from here. Raises ConfigError."""
    return _read(directory).get(release, {})


def remember(directory: Path, release: str, values: Mapping[str, str]) -> None:
    """Adds the values of a release, and removes those of the oldest releases. Raises ConfigError."""
    releases = _read(directory)
    releases.pop(release, None)
    releases[release] = dict(values)
    newest = dict(list(releases.items())[-MOST:])
    path = private_file(directory, FILE)
    try:
        replace_private(path, msgspec.json.encode(newest))
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}", "check who owns it and its mode") from error


def _read(directory: Path) -> dict[str, dict[str, str]]:
    path = private_file(directory, FILE)
    try:
        return _DECODER.decode(path.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return {}
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", "check who owns it and its mode") from error
