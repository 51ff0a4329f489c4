"""Removes secrets from data that leaves the machine: by their key, by their pattern, and by their value.

In one bundle, the same secret always becomes the same token, so that "these two differ" remains visible.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ops.sensitive import SENSITIVE_KEY

_NAME = (
    r"(?:[\w.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|private[_-]?key|access[_-]?key"
    r"|credential|requirepass|masterauth|client[_-]?key|session[_-]?id|sessionid|authorization|cookie))"
)
_PATTERNS = (
    re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"),
    re.compile(r"(?<=://)[^\s/:@\"'<>]+(?=@)"),
    re.compile(r"(?i)(?<=\bbearer )[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"(?i)(?<=\bbasic )[A-Za-z0-9+/]{8,}={0,2}"),
    re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"),
    re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk_live_|sk-)[A-Za-z0-9_-]{10,}"),
    re.compile(r"\$(?:apr1|argon2\w*|2[abxy]?|5|6|y)\$[^\s\"':]+"),
    re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b"),
)
"""In order: PEM blocks, JSON web tokens, URLs with a token as user, bearer and basic authorization, keys of well-known
services, password hashes, e-mail addresses."""

_LOGIN = re.compile(r"(?<=://)(?P<user>[^\s/:@\"'<>]*):(?P<password>[^\s/@\"'<>]+)(?=@)")
_ASSIGNED = re.compile(
    rf"(?i)(?P<name>{_NAME})(?P<sign>\\?[\"']?\s*(?:=>|[:=])\s*\\?)(?P<value>\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[^\s,;&\"'\\}}\])]+)"
)
_FLAG = re.compile(rf"(?i)(?P<name>(?:^|(?<=\s))--?{_NAME})(?P<sign>\s+|=)(?P<value>[^\s\"']+)")
_TOKEN = re.compile(r"<hidden-[0-9a-f]{8}>")
_NOT_SECRET = frozenset(("true", "false", "null", "none", "on", "off", "bearer", "basic"))
"""Values after a sensitive name that are not secret."""
_SHORTEST = 6
"""Shorter values are not searched for in other texts, because they would match ordinary words."""


class Redactor:
    """``key``: of one bundle, so that tokens cannot be compared between bundles or used for guessing."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[str, str] = {}
        self._search: re.Pattern[str] | None = None

    def learn(self, values: Iterable[str]) -> None:
        """Adds secrets that are known by value: they are removed from all texts."""
        for value in values:
            for line in {value, *value.splitlines()}:
                text = line.strip()
                if len(text) >= _SHORTEST:
                    self._known[text] = self.token(text)
        longest_first = sorted(self._known, key=len, reverse=True)
        self._search = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def token(self, secret: str) -> str:
        """The replacement for a secret."""
        return f"<hidden-{hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()[:8]}>"

    def text(self, text: str) -> str:
        """The text without known secrets and without everything that looks like a secret."""
        if self._search:
            text = self._search.sub(lambda match: self._known[match[0]], text)
        text = _LOGIN.sub(lambda match: f"{self.token(match['user'])}:{self.token(match['password'])}", text)
        for pattern in _PATTERNS:
            text = pattern.sub(lambda match: self.token(match[0]), text)
        text = _ASSIGNED.sub(self._assigned, text)
        return _FLAG.sub(self._assigned, text)

    def strings(self, value: Any) -> Any:
        """A JSON value with ``text`` applied to each string; the structure and the keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.strings(item) for key, item in value.items()}
        return [self.strings(item) for item in value] if isinstance(value, list | tuple) else value

    def tree(self, value: Any) -> Any:
        """Like ``strings`` for a configuration: also removes values under a sensitive key or after a sensitive flag."""
        if isinstance(value, Mapping):
            return {str(key): self._under(str(key), item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [
                self._replaced(item) if index and _flag_before(value[index - 1], item) else self.tree(item)
                for index, item in enumerate(value)
            ]
        return self.text(value) if isinstance(value, str) else value

    def _under(self, key: str, value: Any) -> Any:
        if isinstance(value, str | int | float) and not isinstance(value, bool) and SENSITIVE_KEY.search(key):
            return self._replaced(str(value))
        if isinstance(value, str) and looks_random(value):
            return self._replaced(value)
        return self.tree(value)

    def _replaced(self, value: Any) -> Any:
        return self.token(value) if isinstance(value, str) and value and not _TOKEN.fullmatch(value) else value

    def _assigned(self, match: re.Match[str]) -> str:
        value = match["value"]
        bare = value.strip("\"'")
        if not bare or _TOKEN.fullmatch(bare) or bare.lower() in _NOT_SECRET:
            return match[0]
        quote = value[0] if value[0] in "\"'" else ""
        return f"{match['name']}{match['sign']}{quote}{self.token(bare)}{quote}"


def secrets_in(environment: Mapping[str, Any]) -> list[str]:
    """The secret values of an environment: by name, by randomness, or as the password of a URL."""
    secrets: list[str] = []
    for name, value in environment.items():
        text = "" if value is None else str(value)
        if SENSITIVE_KEY.search(str(name)) or looks_random(text):
            secrets += [text, *(part.strip() for part in text.split(","))]
        secrets += [match[1] for match in re.finditer(r"://[^\s/@:]*:([^\s/@]+)@", text)]
    return [value for value in secrets if value]


def looks_random(text: str) -> bool:
    """Whether a value is long, without spaces or paths, and as random as a generated key (Shannon entropy)."""
    if len(text) < 20 or not re.fullmatch(r"[A-Za-z0-9+=_-]+", text) or not re.search(r"\d", text):
        return False
    share = [count / len(text) for count in Counter(text).values()]
    return -sum(part * math.log2(part) for part in share) > 3.3


def _flag_before(before: object, value: object) -> bool:
    """Whether the item of a list is the value of the flag before it, as in [redis-server, --requirepass, X]."""
    return (
        isinstance(before, str)
        and isinstance(value, str)
        and before.startswith("-")
        and "=" not in before
        and not value.startswith("-")
        and bool(SENSITIVE_KEY.search(before))
    )
