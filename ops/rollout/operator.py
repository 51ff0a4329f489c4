"""The operator of videa."""

from __future__ import annotations

import getpass
import os
import socket


def whoami() -> str:
    """The operator: user@machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
