"""Variables of the operator's shell that define a release, such as the tag in ``TAG=2 videa deploy``.

A plain ``docker compose up -d`` later runs in another shell. The variables of the release must then be in ``.env``;
otherwise Compose recreates every replica with the previous values.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ops.errors import ConfigError
from ops.project.encoding import is_utf8
from ops.redaction.names import is_secret_name

SESSION = frozenset(
    {"HOME", "PWD", "OLDPWD", "USER", "LOGNAME", "SHELL", "PATH", "UID", "GID", "HOSTNAME", "TERM", "LANG", "TMPDIR"}
)
"""Variables that every shell sets: they belong to the operator, not to the release."""

_LOGIN = re.compile(r"://[^\s/@:]*:[^\s/@]+@")


@dataclass(frozen=True, slots=True)
class ShellValues:
    """``to_remember``: name -> value; ``secret``: names of variables not to write to a file without permission."""

    to_remember: Mapping[str, str]
    secret: tuple[str, ...]


def shell_values(names: Collection[str], shell: Mapping[str, str], env_file: Mapping[str, str]) -> ShellValues:
    """The variables among ``names`` whose values are only in the shell.

    ``env_file``: the variables in ``.env``; a variable with the same value there is already recorded.
    Raises ConfigError if a value is not UTF-8: no container can get it.
    """
    chosen = {
        name: shell[name]
        for name in sorted(names)
        if name in shell
        and name not in SESSION
        and not name.startswith("COMPOSE_")
        and env_file.get(name) != shell[name]
    }
    if wrong := [name for name, value in chosen.items() if not is_utf8(value)]:
        raise ConfigError(
            f"{wrong[0]} in your shell has bytes that are not UTF-8", f"set it again in UTF-8, or unset {wrong[0]}"
        )
    secret = tuple(name for name, value in chosen.items() if _is_secret(name, value))
    return ShellValues({name: value for name, value in chosen.items() if name not in secret}, secret)


def _is_secret(name: str, value: str) -> bool:
    """Detects a secret by its name or by a password in a URL; not by randomness, because a tag may be a commit hash."""
    return bool(is_secret_name(name) or _LOGIN.search(value))
