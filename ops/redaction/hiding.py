"""What stands in the place of a secret, and which values are none wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

Hide: TypeAlias = Callable[[str], str]
"""Answers what stands in the place of a secret; a value that tells nothing stays as it is."""

HIDDEN = re.compile(r"<hidden(?:-[0-9a-f]{8})?>")

Find: TypeAlias = Callable[[str, "re.Match[str]"], tuple[int, int] | None]
"""Answers where the secret behind a name is, or None where there is none."""

_TELLS_NOTHING = re.compile(
    r"|\W{1,3}|(?i:true|false|null|none|nil|undefined|on|off|yes|no|bearer|basic|digest|required|optional|invalid|missing"
    r"|expired|wrong|string)|[*xX]{3,}|\[[A-Z_]+\]"
    r"|\$(?:\d|[A-Z][A-Z0-9_]*|[a-z]+(?:_[a-z]+)+)|\$\{\w+(?::?[-?]\$?[A-Z_]{0,40})?\}|\{\{?[\w.]+\}?\}|%\(\w+\)s|%s|\$\(.*"
)
"""Words of state, what is hidden already by others, and places that are filled in later, such as ${DB_PASSWORD}."""


def tells_nothing(value: str) -> bool:
    """Whether a value at a secret's place is no secret."""
    return bool(HIDDEN.fullmatch(value) or _TELLS_NOTHING.fullmatch(value))


def hide_after(names: re.Pattern[str], find: Find, text: str, hide: Hide) -> str:
    """The text without what ``find`` finds behind each of the names.

    What stands behind another name is searched for names too: it may be a text of its own.
    """
    shown: list[str] = []
    done = place = 0
    while name := names.search(text, place):
        place = name.end()
        found = find(text, name)
        if found is None:
            continue
        begin, end = found
        place = max(place, end)
        if end > begin and not tells_nothing(text[begin:end]):
            shown += [text[done:begin], hide(text[begin:end])]
            done = end
    return "".join([*shown, text[done:]])
