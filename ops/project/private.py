"""`.videa`, the folder next to the Compose file for data that stays on this machine. Only its owner can read it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

FOLDER = ".videa"


def private_file(directory: Path, name: str) -> Path:
    """The path of a file in the folder of the project in ``directory``."""
    return directory / FOLDER / name


def make_private_folder(directory: Path) -> None:
    """Creates the folder if it is missing, and makes git ignore it. Raises OSError."""
    folder = directory / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def replace_private(path: Path, content: bytes) -> None:
    """Writes a file of the folder atomically; creates the folder. Raises OSError."""
    make_private_folder(path.parent.parent)
    handle, new_file = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(new_file).replace(path)
    except BaseException:
        Path(new_file).unlink(missing_ok=True)
        raise
