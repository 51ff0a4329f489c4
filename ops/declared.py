"""How the replicas of each release are probed: as their own release declares.

A new Compose file may change the health path or the port together with the image. Existing replicas are then still
probed as the previous file declared (invariant 10: a new file does not affect replicas that serve). A label on the
replicas would change Compose's config hash, so that a plain ``docker compose up -d`` would recreate them all. Instead,
each release has its own record in the store, created when its replicas are first ready as declared.
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

_SUFFIX = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Declaration:
    """Port and paths of the probes of a release. ``ready`` empty: unknown, so any answer below 500 is good.

    It is unknown for replicas that served before videa's first operation, if the current file does not apply to them.
    """

    port: int
    live: str
    ready: str

    def path(self, live: bool) -> str:
        """The path of the liveness or readiness probe; empty if it is unknown."""
        return self.live if live else self.ready


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe of a replica. ``lenient``: any answer below 500 is good."""

    port: int
    path: str
    lenient: bool = False


def probes(
    declaration: Declaration | None, own: Declaration, listed: int | None, live: bool = False, starting: bool = False
) -> tuple[Probe, ...]:
    """The probes for a replica, best first. ``declaration``: of its release; ``own``: of the current Compose file.

    ``listed``: its port in the balancer's list, None if it is not listed. ``starting``: the replica must be ready, so
    lenient probes, which only show that it accepts connections, are not enough.
    """
    if declaration and declaration.path(live):
        return (Probe(declaration.port, declaration.path(live)),)
    if starting:
        return (Probe(own.port, own.path(live)),)
    if declaration:
        return (Probe(declaration.port, own.path(live), lenient=True),)
    strict = Probe(own.port, own.path(live))
    if listed is None:
        return (strict,)
    return tuple(dict.fromkeys((strict, replace(strict, port=listed, lenient=True))))


def best(results: Sequence[tuple[Probe, ProbeResult]]) -> ProbeResult:
    """The first good result of a replica's probes; without one, the result of the first probe, the one in the file."""
    for probe, result in results:
        if result.ok:
            return result
        if probe.lenient and 0 < result.status < SERVER_ERROR:
            return replace(result, ok=True, reason="")
    return results[0][1]


def observed(results: Sequence[tuple[Probe, ProbeResult]], own: Declaration) -> Declaration | None:
    """The declaration that fits the answers of a replica without one; None if it does not answer."""
    for probe, result in results:
        if result.ok:
            return replace(own, port=probe.port)
    for probe, result in results:
        if 0 < result.status < SERVER_ERROR:
            return Declaration(probe.port, "", "")
    return None


def read(store: Store, project: str, service: str) -> dict[str, Declaration]:
    """Release -> recorded declaration. Raises EngineError."""
    return dict(_decoded(store.labelled(_OF, f"{project}/{service}")))


def record(store: Store, project: str, service: str, release: str, declaration: Declaration) -> None:
    """Records the declaration of a release, and replaces a previous one. Raises EngineError."""
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
    """Removes the records of all releases except those in ``retained``. Raises EngineError."""
    for release in read(store, project, service).keys() - set(retained):
        store.remove(_name(project, service, release))


def _name(project: str, service: str, release: str) -> str:
    # The name of a release may have any characters, the name of a record may not.
    suffix = release if _SUFFIX.fullmatch(release) else sha256(release.encode()).hexdigest()[:12]
    return f"videa.declared.{project}.{service}.{suffix}"


def _decoded(records: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, Declaration]]:
    for labels in records:
        if labels.get(_PORT, "").isdecimal():
            yield (
                labels.get(_RELEASE, ""),
                Declaration(int(labels[_PORT]), labels.get(_LIVE, ""), labels.get(_READY, "")),
            )
