"""One spelling for an e-mail address, so that limits and accounts mean the same by it."""

from __future__ import annotations

import re
import unicodedata

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+\Z")
_LONGEST = 254


def normal_email(typed: str) -> str | None:
    """The address with one spelling for characters that mean the same (NFKC: the Kelvin sign is a K).

    None for what is no address, or has characters that nobody can see.
    """
    address = unicodedata.normalize("NFKC", typed)
    if len(address) > _LONGEST or not _ADDRESS.match(address):
        return None
    if any(unicodedata.category(character).startswith("C") for character in address):
        return None
    return address
