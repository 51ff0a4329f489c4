"""The variables in a Compose file before interpolation. Pure."""

from __future__ import annotations

import re

ANY_VARIABLE = re.compile(r"\$\{?(\w+)")
VARIABLE = re.compile(r"\$\{(\w+)(?::?[-?+][^}]*)?\}|\$(\w+)")


def variables_in(value: object) -> frozenset[str]:
    """The names of all variables in a part of the model."""
    if isinstance(value, str):
        return frozenset(ANY_VARIABLE.findall(value.replace("$$", "")))
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return frozenset(name for part in parts for name in variables_in(part))


def only_variable(text: object) -> str | None:
    """The variable if ``text`` is only one: "${BACKEND_IMAGE:-videa-backend:dev}" -> BACKEND_IMAGE; otherwise None."""
    match = VARIABLE.fullmatch(text) if isinstance(text, str) else None
    return (match[1] or match[2]) if match else None
