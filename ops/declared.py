"""How the replicas of each release are to be asked whether they are ready: as their own release declares it.

A new Compose file may move the health path or the port together with the image. The replicas of before are then still
asked as the file of before had it (invariant 10: what serves is stable, whatever a new file says of it). A label on the
replica would change Compose's config hash, and a plain ``docker compose up -d`` would recreate everything: so each
release has a marker of its own on the engine, made when its replicas were first seen ready as declared.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from ops.models import ProbeResult
from ops.platform.ports import Store

_OF, _RELEASE, _PORT = "videa.declared.of", "videa.declared.release", "videa.declared.port"
_LIVE, _READY = "videa.declared.live", "videa.declared.ready"

SERVER_ERROR = 500

_FIT = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Declaration:
    """Where replicas of a release are probed. ``ready`` empty: nobody knows, so any answer below 500 will do.

    That is so of what served before videa first saw it, under a file that says something else of it.
    """

    port: int
    live: str
    ready: str

    def path(self, live: bool) -> str:
        """The path of the probe of liveness or readiness, empty when nobody knows it."""
        return self.live if live else self.ready


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask a replica. ``lenient``: any answer below 500 counts as good."""

    port: int
    path: str
    lenient: bool = False


def ways(
    declaration: Declaration | None, own: Declaration, listed: int | None, live: bool = False, starting: bool = False
) -> tuple[Way, ...]:
    """How to ask a replica, best first. ``own``: as the Compose file has it now; ``declaration``: of its release.

    ``listed``: the port under which the balancer lists it, None when it does not. ``starting``: it must be known to be
    ready, so an answer that only shows that it accepts connections is not enough.
    """
    if declaration and declaration.path(live):
        return (Way(declaration.port, declaration.path(live)),)
    if starting:
        return (Way(own.port, own.path(live)),)
    if declaration:
        return (Way(declaration.port, own.path(live), lenient=True),)
    strict = Way(own.port, own.path(live))
    if listed is None:
        return (strict,)
    return tuple(dict.fromkeys((strict, replace(strict, port=listed, lenient=True))))


def best(asked: Sequence[tuple[Way, ProbeResult]]) -> ProbeResult:
    """The first good result of the ways that were asked; without any the first one, which tells what the file asks."""
    for way, result in asked:
        if result.ok:
            return result
        if way.lenient and 0 < result.status < SERVER_ERROR:
            return replace(result, ok=True, reason="")
    return asked[0][1]


def observed(asked: Sequence[tuple[Way, ProbeResult]], own: Declaration) -> Declaration | None:
    """What the answers of a replica without a declaration show of its release; None when it does not answer."""
    for way, result in asked:
        if result.ok:
            return replace(own, port=way.port)
    for way, result in asked:
        if 0 < result.status < SERVER_ERROR:
            return Declaration(way.port, "", "")
    return None


def read(store: Store, project: str, service: str) -> dict[str, Declaration]:
    """What is recorded, by release. Raises EngineError."""
    return dict(_decoded(store.labelled(_OF, f"{project}/{service}")))


def record(store: Store, project: str, service: str, release: str, declaration: Declaration) -> None:
    """Records what a release declares, in the place of what was recorded of it. Raises EngineError."""
    labels = {
        _OF: f"{project}/{service}",
        _RELEASE: release,
        _PORT: str(declaration.port),
        _LIVE: declaration.live,
        _READY: declaration.ready,
    }
    name = _name(project, service, release)
    if store.create(name, labels) is None:
        store.remove(name)
        store.create(name, labels)


def forget(store: Store, project: str, service: str, retained: Collection[str] = ()) -> None:
    """Removes what is recorded of all releases but those in ``retained``. Raises EngineError."""
    for release in read(store, project, service).keys() - set(retained):
        store.remove(_name(project, service, release))


def _name(project: str, service: str, release: str) -> str:
    # A release may be named as its users like, a container may not.
    fit = release if _FIT.fullmatch(release) else sha256(release.encode()).hexdigest()[:12]
    return f"videa.declared.{project}.{service}.{fit}"


def _decoded(markers: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, Declaration]]:
    for labels in markers:
        if labels.get(_PORT, "").isdecimal():
            yield (
                labels.get(_RELEASE, ""),
                Declaration(int(labels[_PORT]), labels.get(_LIVE, ""), labels.get(_READY, "")),
            )
