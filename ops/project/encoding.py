"""Bytes that are not UTF-8, which Python stores as surrogates in arguments, variables and file names."""

from __future__ import annotations


def is_utf8(text: str) -> bool:
    """Whether an argument, a variable or a value is UTF-8. Other bytes cannot be stored in JSON or in a label."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
