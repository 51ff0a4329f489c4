"""Parses and builds image references in Docker's format: [REGISTRY[:PORT]/]PATH[:TAG][@DIGEST]. Pure."""

from __future__ import annotations

import hashlib
import re

import msgspec

_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
"""A path component, as in the grammar of the distribution project (github.com/distribution/reference)."""


class ImageRef(msgspec.Struct, frozen=True):
    """``repository``: registry, port and path; ``tag`` and ``digest`` are "" if absent."""

    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, reference: str) -> ImageRef:
        """Parses a reference; a colon before a slash starts the registry's port."""
        name, _, digest = reference.partition("@")
        path, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        return cls(f"{path}{slash}{last}", tag, digest)

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def version(self) -> str:
        """The requested version: the digest, otherwise the tag, otherwise ``latest``."""
        return self.digest or self.tag or "latest"


def component(text: str) -> str:
    """Converts a name, such as the project's, to a valid path component ("shop_" and "shop_-web" are invalid).

    A changed name gets a hash, so that two projects never share a path.
    """
    lower = text.lower()
    if _COMPONENT.fullmatch(lower):
        return lower
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return "-".join(filter(None, (*re.findall(r"[a-z0-9]+", lower), mark)))
