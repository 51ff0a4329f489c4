"""Facts about the desired state of services, and about failing containers on closer examination."""

from __future__ import annotations

from msgspec import Struct, field

SHORTEST, LONGEST = 10.0, 60.0
"""Seconds without repetition after which an error counts as over: minimum for a frequent one, maximum for any."""


class ServiceFacts(Struct, frozen=True):
    """A service of the Compose file, with the variables in ``.env``.

    ``replicas``: the number in the file; ``recorded``: after the last operation of videa, None without one;
    ``scaled``: videa scales it. ``networks``: their names on the engine. ``config_hash``: the label that Compose would
    give a new container; ``image_id``: of the image in the file; "" if unknown.
    """

    replicas: int = 1
    recorded: int | None = None
    scaled: bool = False
    networks: list[str] = field(default_factory=list)
    config_hash: str = ""
    image_id: str = ""


class LogGroup(Struct, frozen=True):
    """Error lines of a container that differ only in numbers, names and addresses.

    ``text``: the last one, without secrets; ``first`` and ``last``: epoch seconds. ``sign``: id of the finding that
    such a line points to, "" for an unknown one.
    """

    text: str
    count: int
    first: float
    last: float
    sign: str = ""

    def goes_on(self, now: float) -> bool:
        """Whether the error still occurs: a frequent one is over after ten times its usual interval."""
        usual = (self.last - self.first) / self.count
        return now - self.last < (min(LONGEST, max(SHORTEST, 10 * usual)) if self.count > 1 else LONGEST)


class Reached(Struct, frozen=True):
    """Whether a replica can reach one of the services that it uses.

    ``resolves``: whether the name has an address; ``connects``: whether ``port`` accepts a connection. None if the
    replica's image has no command for the test.
    """

    host: str
    port: int = 0
    resolves: bool | None = None
    connects: bool | None = None
