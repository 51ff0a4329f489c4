"""The type of a check: facts and limits in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TypeAlias, TypeVar

from msgspec import Struct

from ops.doctor.facts import Facts
from ops.doctor.limits import Limits

Source = TypeVar("Source")


class Severity(StrEnum):
    """Ordered by weight."""

    FAIL = "fail"
    WARN = "warn"
    INFO = "info"


class Group(StrEnum):
    """In the order of reports."""

    POSTGRES = "postgres"
    REDIS = "redis"
    CONTAINERS = "containers"
    BALANCER = "balancer"
    APP = "app"


class Finding(Struct, frozen=True):
    """One problem. ``evidence``: figures, one per line; ``fix``: commands or settings, one per line.

    ``subject``: the affected container, if there is one. ``cause``: id of the finding that causes it. ``node``: the
    name of the node whose nginx is affected, "" if there is only one nginx.
    """

    id: str
    severity: Severity
    title: str
    evidence: str
    why: str
    fix: str
    subject: str = ""
    cause: str = ""
    node: str = ""

    @property
    def key(self) -> str:
        """Identifies the same finding in different runs."""
        return " ".join(word for word in (self.id, self.subject, self.node) if word)


Run: TypeAlias = Callable[[Facts, Limits], Iterable[Finding]]


class Check(Struct, frozen=True):
    """One entry of the registry. ``needs``: the sources (``ops.doctor.sources``) without which it is skipped.

    ``complete``: the sources that must be complete; if one is not, the check is skipped unless it finds something.
    ``threshold`` and ``source`` are for ``videa doctor --list``: when the check reports, and the threshold's origin.
    """

    id: str
    group: Group
    threshold: str
    source: str
    needs: tuple[str, ...]
    run: Run
    complete: tuple[str, ...] = ()


def present(source: Source | None) -> Source:
    """Returns a source that the check lists in ``needs``. Raises LookupError if it is missing there."""
    if source is None:
        raise LookupError("this check uses a source that is not in its `needs`")
    return source
