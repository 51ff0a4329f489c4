"""Names of images, taken apart and put together as Docker has them: [REGISTRY[:PORT]/]PATH[:TAG][@DIGEST]. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
"""A part of a path, by the grammar of the distribution project (github.com/distribution/reference)."""


@dataclass(frozen=True, slots=True)
class ImageRef:
    """``repository``: registry, its port and the path; ``tag`` and ``digest`` are empty where they are not named."""

    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, reference: str) -> ImageRef:
        """Reads any reference; a colon before a slash belongs to the registry's port."""
        name, _, digest = reference.partition("@")
        path, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        return cls(f"{path}{slash}{last}", tag, digest)

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest if there is one, else the tag, else ``latest``."""
        return self.digest or self.tag or "latest"


def component(text: str) -> str:
    """A word such as a project's name as a part of an image's path, where "shop_" and "shop_-web" are not allowed.

    What had to be changed gets a mark of its own, so that two projects do not share a name.
    """
    lower = text.lower()
    if _COMPONENT.fullmatch(lower):
        return lower
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return "-".join(filter(None, (*re.findall(r"[a-z0-9]+", lower), mark)))
