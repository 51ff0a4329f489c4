"""Normalises e-mail addresses, so that limits and accounts use the same spelling."""

from __future__ import annotations

import re
import unicodedata

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+\Z")
_LONGEST = 254


def normal_email(typed: str) -> str | None:
    """The address with equivalent characters normalised (NFKC: the Kelvin sign becomes K).

    None if it is not an address or has invisible characters.
    """
    address = unicodedata.normalize("NFKC", typed)
    if len(address) > _LONGEST or not _ADDRESS.match(address):
        return None
    if any(unicodedata.category(character).startswith("C") for character in address):
        return None
    return address
