"""The content of the files that Compose reads for a project: while it is the same, so is what Compose makes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from ops.errors import ConfigError
from ops.project.folder import default_files, env_files, find_place, named_files
from ops.project.reading import read_small

FURTHER = re.compile(rb"include|extends|env_file|label_file")
"""Keys that name further files, which may name others. A comment with such a word only costs time."""


def content_of(
    files: tuple[str, ...], environment: Mapping[str, str], directory: Path | None, start: Path
) -> bytes | None:
    """A digest of the Compose files and env files that the arguments of ``ops.project.config.load`` select.

    None if Compose reads others, too, or a file cannot be read. Raises ConfigError if there is no Compose file.
    """
    place = find_place(files, environment, start, directory)
    names = files or named_files(place, environment) or default_files(place.base)
    digest = sha256()
    for path in [place.base / name for name in names]:
        try:
            text = read_small(path)
        except ConfigError:
            return None
        if not text or FURTHER.search(text):
            return None
        digest.update(f"{path} {len(text)} ".encode() + text)
    for path in env_files(place, files, environment):
        text = read_small(path)
        digest.update(f"{path} {len(text)} ".encode() + text)
    return digest.digest()
