"""Bytes that are not UTF-8, which Python keeps in arguments, variables and names of files as surrogates."""

from __future__ import annotations


def is_utf8(text: str) -> bool:
    """Whether an argument, a variable or a value consists of UTF-8. Other bytes fit into no JSON and no label."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
