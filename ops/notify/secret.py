"""The URLs and keys of targets: from variables of this process, or from files named by them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

FILE = "_FILE"
"""A variable with this suffix contains the path of a file with the value, as in the official database images."""


def value_of(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """The value of a variable or of its file, without surrounding whitespace; "" if there is none."""
    if name in environment:
        return environment[name].strip()
    path = environment.get(name + FILE, "")
    try:
        return Path(path).read_text().strip() if path else ""
    except (OSError, UnicodeDecodeError):
        return ""
