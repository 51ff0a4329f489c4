"""What a check is: facts and limits in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TypeAlias, TypeVar

from msgspec import Struct

from ops.doctor.facts import Facts
from ops.doctor.limits import Limits

Source = TypeVar("Source")


class Severity(StrEnum):
    """In order of weight."""

    FAIL = "fail"
    WARN = "warn"
    INFO = "info"


class Group(StrEnum):
    """In the order in which reports show them."""

    POSTGRES = "postgres"
    REDIS = "redis"
    CONTAINERS = "containers"
    BALANCER = "balancer"
    APP = "app"


class Finding(Struct, frozen=True):
    """What is wrong. ``evidence``: the numbers, a line each; ``fix``: a command or a setting, a line each.

    ``subject``: the container it is about, when it is about one. ``cause``: id of the finding that it follows from.
    """

    id: str
    severity: Severity
    title: str
    evidence: str
    why: str
    fix: str
    subject: str = ""
    cause: str = ""

    @property
    def key(self) -> str:
        """What makes it the same finding in two runs."""
        return f"{self.id} {self.subject}".strip()


Run: TypeAlias = Callable[[Facts, Limits], Iterable[Finding]]


class Check(Struct, frozen=True):
    """One entry of the registry. ``needs``: the sources (``ops.doctor.sources``) without which it is skipped.

    ``threshold`` and ``source`` are for ``videa doctor --list``: when it speaks, and who chose that bound.
    """

    id: str
    group: Group
    threshold: str
    source: str
    needs: tuple[str, ...]
    run: Run


def present(source: Source | None) -> Source:
    """The source that the check's ``needs`` promised. Raises LookupError when the check forgot to name it there."""
    if source is None:
        raise LookupError("this check uses a source that its `needs` does not name")
    return source
