"""Opens the page in the browser without the token in process arguments, which all users of a machine can see."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from html import escape
from pathlib import Path


def open_page(address: str) -> Path:
    """Opens a private file that redirects to ``address``, and returns the file: the caller removes it at the end."""
    descriptor, name = tempfile.mkstemp(prefix="videa-ui-", suffix=".html")  # mode 600
    with os.fdopen(descriptor, "w") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(address)}">')
    webbrowser.open(Path(name).as_uri())
    return Path(name)
