"""Removes secrets by their place, by their shape, and by their value.

Within one bundle, the same secret always becomes the same token, so that differences are still visible.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ops.redaction import assignments, commands, nested, services, shapes, sql, urls
from ops.redaction.hiding import HIDDEN, is_placeholder
from ops.redaction.known import KnownSecrets
from ops.redaction.names import is_secret_name
from ops.redaction.shapes import looks_random

ORDINARY = frozenset({"postgres", "password", "secret", "admin", "redis", "videa", "localhost", "default", "backend"})
"""Values that are not hidden in other places, even if one is a password, because they are also common names."""


class Redactor:
    """Replaces secrets by tokens. ``key``: one per bundle, so that tokens cannot be guessed or compared between
    bundles; None: one token for all secrets. ``rules``: also use the rules of detect-secrets, which take 0.1 s to load.
    """

    def __init__(self, key: bytes | None = None, rules: bool = False) -> None:
        self._key = key
        self._known = KnownSecrets()
        self._passes: list[Callable[[str, Callable[[str], str]], str]] = [
            sql.hide,
            urls.hide,
            nested.hide,
            assignments.hide,
            commands.hide,
            *([services.hide] if rules else []),
            shapes.hide,
        ]

    def learn(self, values: Iterable[str]) -> None:
        """Adds known secret values: they and their parts are removed everywhere, in any form."""
        self._known.learn(value for value in values if value.strip().lower() not in ORDINARY)

    def token(self, secret: str) -> str:
        """The replacement of a secret."""
        if self._key is None:
            return "<hidden>"
        return f"<hidden-{hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()[:8]}>"

    def text(self, text: str) -> str:
        """The text without known secrets and without anything that looks like a secret."""
        text = self._known.hide(text, self.token)
        for hide in self._passes:
            text = hide(text, self._hidden)
        return text

    def strings(self, value: Any) -> Any:
        """A JSON value whose strings are redacted as in ``text``; its structure stays the same."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.strings(item) for key, item in value.items()}
        return [self.strings(item) for item in value] if isinstance(value, list | tuple) else value

    def tree(self, value: Any) -> Any:
        """Like ``strings``, for a configuration: also removes values with a secret name or after a secret flag."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._value_of(str(key), item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            offsets = dict(commands.in_list(value))
            return [
                item[: offsets[index]] + self._token_for(item[offsets[index] :])
                if index in offsets
                else self.tree(item)
                for index, item in enumerate(value)
            ]
        return self.text(value) if isinstance(value, str) else value

    def _value_of(self, key: str, value: Any) -> Any:
        if isinstance(value, str | int | float) and not isinstance(value, bool) and is_secret_name(key):
            return self._token_for(str(value))
        if isinstance(value, str) and looks_random(value):
            return self._token_for(value)
        return self.tree(value)

    def _token_for(self, value: Any) -> Any:
        return self.token(value) if isinstance(value, str) and value and not HIDDEN.fullmatch(value) else value

    def _hidden(self, secret: str) -> str:
        return secret if is_placeholder(secret) else self.token(HIDDEN.sub("", secret) and secret)


class _Collector(Redactor):
    """Collects the secrets that it would remove."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    def token(self, secret: str) -> str:
        self.secrets.add(secret)
        return secret


def secrets_in(configuration: Any) -> set[str]:
    """The secret values of an environment, labels or a command, by their name, shape or place."""
    collector = _Collector()
    collector.tree(configuration)
    return collector.secrets | {part.strip() for secret in collector.secrets for part in secret.split(",")}
