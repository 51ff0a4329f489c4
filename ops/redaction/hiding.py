"""The replacement of secrets, and the values that are never secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

Hide: TypeAlias = Callable[[str], str]
"""Returns the replacement of a secret; returns a placeholder unchanged."""

HIDDEN = re.compile(r"<hidden(?:-[0-9a-f]{8})?>")

Find: TypeAlias = Callable[[str, "re.Match[str]"], tuple[int, int] | None]
"""Returns the position of the secret after a name, or None if there is none."""

_PLACEHOLDER = re.compile(
    r"|\W{1,3}|(?i:true|false|null|none|nil|undefined|on|off|yes|no|bearer|basic|digest|required|optional|invalid|missing"
    r"|expired|wrong|string)|[*xX]{3,}|\[[A-Z_]+\]"
    r"|\$(?:\d|[A-Z][A-Z0-9_]*|[a-z]+(?:_[a-z]+)+)|\$\{\w+(?::?[-?]\$?[A-Z_]{0,40})?\}|\{\{?[\w.]+\}?\}|%\(\w+\)s|%s|\$\(.*"
)
"""Words for a state, values that are already hidden, and variables such as ${DB_PASSWORD}."""


def is_placeholder(value: str) -> bool:
    """Whether a value in the place of a secret is not a secret."""
    return bool(HIDDEN.fullmatch(value) or _PLACEHOLDER.fullmatch(value))


def hide_after(names: re.Pattern[str], find: Find, text: str, hide: Hide) -> str:
    """The text without the secrets that ``find`` returns for each of the names.

    Values after other names are also searched for names, because they may contain assignments.
    """
    shown: list[str] = []
    done = place = 0
    while name := names.search(text, place):
        place = name.end()
        span = find(text, name)
        if span is None:
            continue
        begin, end = span
        place = max(place, end)
        if end > begin and not is_placeholder(text[begin:end]):
            shown += [text[done:begin], hide(text[begin:end])]
            done = end
    return "".join([*shown, text[done:]])
