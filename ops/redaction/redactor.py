"""Takes secrets out of what leaves the machine: by where they stand, by what they look like, and by what they are.

The same secret becomes the same token everywhere in one bundle, so that "these two differ" is still to be seen.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ops.redaction import assignments, commands, services, shapes, sql, urls
from ops.redaction.hiding import HIDDEN, tells_nothing
from ops.redaction.known import KnownSecrets
from ops.redaction.names import is_secret_name
from ops.redaction.shapes import looks_random

ORDINARY = frozenset({"postgres", "password", "secret", "admin", "redis", "videa", "localhost", "default", "backend"})
"""Values that are no secret elsewhere, even where one is a password: they would hide what everything is called."""


class Redactor:
    """``key``: of one bundle, so that tokens cannot be compared between bundles or guessed from; None for one token
    that stands for every secret. ``rules``: also those of detect-secrets, which take a tenth of a second to load.
    """

    def __init__(self, key: bytes | None = None, rules: bool = False) -> None:
        self._key = key
        self._known = KnownSecrets()
        self._passes: list[Callable[[str, Callable[[str], str]], str]] = [
            sql.hide,
            urls.hide,
            assignments.hide,
            commands.hide,
            *([services.hide] if rules else []),
            shapes.hide,
        ]

    def learn(self, values: Iterable[str]) -> None:
        """Secrets that are known by value: they are taken out wherever they stand, in any form, and their parts."""
        self._known.learn(value for value in values if value.strip().lower() not in ORDINARY)

    def token(self, secret: str) -> str:
        """What stands in the place of a secret."""
        if self._key is None:
            return "<hidden>"
        return f"<hidden-{hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()[:8]}>"

    def text(self, text: str) -> str:
        """A text without what is known to be secret and without what looks like it."""
        text = self._known.hide(text, self.token)
        for hide in self._passes:
            text = hide(text, self._hidden)
        return text

    def strings(self, value: Any) -> Any:
        """A JSON value with every string in it as ``text`` leaves it; its shape and its keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.strings(each) for key, each in value.items()}
        return [self.strings(each) for each in value] if isinstance(value, list | tuple) else value

    def tree(self, value: Any) -> Any:
        """The same for a configuration: also what stands under a telling name, or after a telling flag, goes."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._under(str(key), each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            secret = dict(commands.in_list(value))
            return [
                each[: secret[place]] + self._whole(each[secret[place] :]) if place in secret else self.tree(each)
                for place, each in enumerate(value)
            ]
        return self.text(value) if isinstance(value, str) else value

    def _under(self, key: str, value: Any) -> Any:
        if isinstance(value, str | int | float) and not isinstance(value, bool) and is_secret_name(key):
            return self._whole(str(value))
        if isinstance(value, str) and looks_random(value):
            return self._whole(value)
        return self.tree(value)

    def _whole(self, value: Any) -> Any:
        return self.token(value) if isinstance(value, str) and value and not HIDDEN.fullmatch(value) else value

    def _hidden(self, secret: str) -> str:
        return secret if tells_nothing(secret) else self.token(HIDDEN.sub("", secret) and secret)


class _Collector(Redactor):
    """Notes what it would take out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def token(self, secret: str) -> str:
        self.found.add(secret)
        return secret


def secrets_in(configuration: Any) -> set[str]:
    """The values of an environment, labels or a command that are secret: by their names, looks, places, or in a URL."""
    collector = _Collector()
    collector.tree(configuration)
    return collector.found | {part.strip() for each in collector.found for part in each.split(",")}
