"""The names in upstreams.conf: with several services, every name ends with the name of its service. Pure."""

from __future__ import annotations

import re

import msgspec

SIDES = ("app", "canary", "any")
"""The upstream groups: the listed replicas, the canary replicas, and every replica in Docker's DNS."""

APP, CANARY, ANY = SIDES


class Scope(msgspec.Struct, frozen=True):
    """The names of one service. ``service``: empty if it is the only one, so that its names have no ending."""

    service: str = ""

    @property
    def ending(self) -> str:
        """The suffix of its groups; in the image and in the maps, it also identifies the service."""
        return f".{self.service}" if self.service else ""

    def group(self, name: str) -> str:
        """The name of an upstream group."""
        return name + self.ending

    def name(self, name: str) -> str:
        """The name of a variable without ``$``, or of a cookie: nginx allows only letters, digits and underscores."""
        letters = re.sub("[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}_", self.service)
        return f"{name}_{letters}" if self.service else name

    def variable(self, name: str) -> str:
        """An nginx variable, with ``$``."""
        return f"$videa_{self.name(name)}"


ALONE = Scope()
