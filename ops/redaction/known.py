"""Secrets that are known by value. They are found in any place, and in all forms in which programs write them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

from ops.redaction.hiding import Hide
from ops.redaction.shapes import looks_random

SHORTEST = 6
"""Minimum characters of a secret. Shorter values occur in ordinary words."""
ANCHOR = 8
"""Characters at the start or end of a random secret that identify a part of it.

A secret that consists of words needs two thirds: it may start like other names, such as the project's.
"""


class KnownSecrets:
    """The secrets of one stack. The search scans the text once, for any number of secrets."""

    def __init__(self) -> None:
        self._begins: dict[str, list[tuple[str, str]]] = {}
        self._ends: dict[str, list[tuple[str, str]]] = {}
        self._search: re.Pattern[str] | None = None

    def learn(self, secrets: Iterable[str]) -> None:
        """Adds secrets; if a secret has several lines, also each line, because logs show lines."""
        for secret in secrets:
            for part in {secret.strip(), *(line.strip() for line in secret.splitlines())}:
                if len(part) >= SHORTEST:
                    self._add(part)
        anchors = {*self._begins, *self._ends}
        self._search = re.compile(_any_of(anchors)) if anchors else None

    def hide(self, text: str, hide: Hide) -> str:
        """The text without the secrets in all forms, and without the parts of secrets that were cut off."""
        if self._search is None:
            return text
        low = _lower(text)
        shown: list[str] = []
        done = place = 0
        while match := self._search.search(low, place):
            begin, end, secret = self._extent(low, match.start(), match.end(), done)
            shown += [text[done:begin], hide(secret)]
            done = place = end
        return "".join([*shown, text[done:]]) if shown else text

    def _add(self, secret: str) -> None:
        for form in forms(secret):
            needed = ANCHOR if looks_random(form) else max(ANCHOR, len(form) * 2 // 3)
            size = min(len(form), needed)
            self._begins.setdefault(form[:size], []).append((form, secret))
            self._ends.setdefault(form[-size:], []).append((form, secret))

    def _extent(self, low: str, begin: int, end: int, done: int) -> tuple[int, int, str]:
        """Start and end of the longest part of a secret around an anchor, not before ``done``, and that secret."""
        anchor = low[begin:end]
        best = (begin, end, "")
        for form, secret in self._begins.get(anchor, ()):
            length = len(anchor)
            while length < len(form) and low[begin + length : begin + length + 1] == form[length]:
                length += 1
            if not best[2] or length > best[1] - best[0]:
                best = (begin, begin + length, secret)
        for form, secret in self._ends.get(anchor, ()):
            length = len(anchor)
            while length < len(form) and end - length > done and low[end - length - 1] == form[-length - 1]:
                length += 1
            if not best[2] or length > best[1] - best[0]:
                best = (end - length, end, secret)
        return best


def forms(secret: str) -> set[str]:
    """The secret in lower case: plain, as in URLs, JSON, XML and shells, in hex and in base64."""
    raw = secret.encode()
    spellings = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        escape(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        quote(quote(secret, safe=""), safe=""),
        secret.replace("'", "'\"'\"'"),
        raw.hex(),
        raw.hex(":"),
        *_base64_forms(raw),
    }
    return {low for form in spellings if len(low := _lower(form)) >= SHORTEST}


def _base64_forms(raw: bytes) -> Iterable[str]:
    """Its base64 forms at any offset: only the characters that contain no bits of neighbouring bytes."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        skipped = (before * 8 + 5) // 6
        complete = (before + len(raw)) * 8 // 6
        yield encoded[skipped:complete]
        yield encoded[skipped:complete].replace("+", "-").replace("/", "_")


def _lower(text: str) -> str:
    """The text in lower case with the same length, which ``str.lower`` does not guarantee beyond ASCII."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(letter if len(letter.lower()) > 1 else letter.lower() for letter in text)


def _any_of(words: Iterable[str]) -> str:
    """A pattern for any of the words that reads each character once, unlike an alternation of the words."""
    tree: dict[str, Any] = {}
    for word in words:
        node = tree
        for character in word:
            node = node.setdefault(character, {})
        node[""] = {}
    return _branches(tree)


def _branches(node: Mapping[str, Any]) -> str:
    longer = []
    for character, below in node.items():
        if not character:
            continue
        run, rest = character, below
        while len(rest) == 1 and "" not in rest:
            ((following, rest),) = rest.items()
            run += following
        longer.append(re.escape(run) + _branches(rest))
    if not longer:
        return ""
    return f"(?:{'|'.join(longer)}){'?' if '' in node else ''}"
