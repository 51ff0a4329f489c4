"""An image with variables, such as ``${REGISTRY}/app:${TAG:-1}``: finds the values that name a given image. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

_START = re.compile(r"\$\$|\$(?P<plain>\w+)|\$\{(?P<braced>\w+)(?P<modifier>:?[-?+])?")


class Variable(msgspec.Struct, frozen=True):
    """``modifier``: in Compose's syntax, "" if none; ``default``: the text after it, which may contain variables."""

    name: str
    modifier: str = ""
    default: str = ""

    def value(self, values: Mapping[str, str]) -> str:
        """The text that replaces the variable."""
        value = values.get(self.name)
        if self.modifier.endswith("+"):
            return render(self.default, values) if value else ""
        if value is None or (not value and self.modifier.startswith(":")):
            return render(self.default, values) if self.modifier.endswith("-") else ""
        return value


def solve(template: str, image: str) -> dict[str, str] | None:
    """The values that turn ``template`` into ``image``; None if there are none, empty if it has no variables."""
    parts = list(_parts(template))
    pattern, names = "", set[str]()
    before = ""
    for part in parts:
        if isinstance(part, str):
            pattern += re.escape(part)
            before = part
            continue
        if part.modifier.endswith("+"):
            return None
        # The last colon precedes the tag; a colon before a slash belongs to a registry's port.
        kind = r"[^/]*" if before.endswith((":", "@")) else r".*"
        pattern += f"(?P={part.name})" if part.name in names else f"(?P<{part.name}>{kind})"
        names.add(part.name)
        before = ""
    match = re.fullmatch(pattern, image)
    if match is None:
        return None
    values = match.groupdict()
    return values if render(template, values) == image else None


def render(template: str, values: Mapping[str, str]) -> str:
    """The image with these values, as Compose interpolates it."""
    return "".join(part if isinstance(part, str) else part.value(values) for part in _parts(template))


def names_in(template: str) -> set[str]:
    """The variables that name the image, without those in defaults."""
    return {part.name for part in _parts(template) if isinstance(part, Variable)}


def _parts(template: str) -> Iterator[str | Variable]:
    """The parts, text and variables, in order. Braces may be nested: ``${IMAGE:-app:${TAG}}``."""
    place = 0
    while match := _START.search(template, place):
        if match.start() > place:
            yield template[place : match.start()]
        place = match.end()
        if match[0] == "$$":
            yield "$"
        elif match["plain"]:
            yield Variable(match["plain"])
        else:
            end = _closing(template, place)
            yield Variable(match["braced"], match["modifier"] or "", template[place:end])
            place = end + 1
    if place < len(template):
        yield template[place:]


def _closing(template: str, place: int) -> int:
    """The position of the brace that closes the brace before ``place``."""
    depth = 1
    for position in range(place, len(template)):
        depth += {"{": 1, "}": -1}.get(template[position], 0)
        if depth == 0:
            return position
    return len(template)
