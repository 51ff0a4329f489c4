"""How replicas are probed: each as its own release declares.

A new Compose file may change the health path or the port together with the image. Existing replicas are then still
probed as the previous file declared (invariant 10: a new file does not affect replicas that serve). A label on the
replicas would change Compose's config hash, and a plain ``docker compose up -d`` would then recreate them all. Instead,
the store has one record per release, written when replicas of the release first become ready as declared.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256

import msgspec

from ops.models import ProbeResult
from ops.platform.ports import Store
from ops.probes import (
    ANY_ANSWER,
    GOOD,
    ContainerCheck,
    GrpcHealth,
    Http,
    Probe,
    Running,
    Statuses,
    TcpConnect,
    read_statuses,
)

_OF, _RELEASE, _PORT = "videa.declared.of", "videa.declared.release", "videa.declared.port"
_LIVE, _READY, _REQUEST = "videa.declared.live", "videa.declared.ready", "videa.declared.request"

SERVER_ERROR = 500

_SUFFIX = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Declaration(msgspec.Struct, frozen=True):
    """How a release is probed. ``port``: for requests, and for probes unless ``probe_port`` is set; 0: no port.

    ``live``, ``ready``: paths. If both are empty, the container's own health check decides; without one, the gRPC
    health check if ``grpc``, otherwise a TCP connection. ``known`` is False for replicas that served before videa's
    first operation and to which the current file does not apply: their paths are unknown, so any status below 500 is
    good.
    """

    port: int
    live: str = ""
    ready: str = ""
    probe_port: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    expect: tuple[Statuses, ...] = GOOD
    known: bool = True
    grpc: bool = False

    def probe(self, live: bool, has_check: bool) -> Probe:
        """The liveness or readiness probe. ``has_check``: the container has its own health check."""
        path = (self.live or self.ready) if live else (self.ready or self.live)
        port = self.probe_port or self.port
        if path:
            return Http(port, path, self.headers, self.expect)
        if has_check:
            return ContainerCheck()
        if not port:
            return Running()
        return GrpcHealth(port) if self.grpc else TcpConnect(port)


class _Request(msgspec.Struct, frozen=True):
    """The part of a record that is missing in records written by older versions of videa."""

    port: int | None = None
    headers: dict[str, str] = {}
    expect: tuple[str, ...] = tuple(map(str, GOOD))
    grpc: bool = False


_DECODER = msgspec.json.Decoder(_Request)


def unknown(port: int, own: Declaration) -> Declaration:
    """The declaration of a release whose paths are unknown. It is probed at the path in the current file."""
    return Declaration(port, own.live or "/", own.ready or own.live or "/", None, own.headers, ANY_ANSWER, known=False)


def candidates(
    declaration: Declaration | None, own: Declaration, listed: int | None, starting: bool = False
) -> tuple[Declaration, ...]:
    """The declarations that may apply to a replica, best first.

    ``declaration``: of its release; ``own``: of the current Compose file; ``listed``: its port in the balancer's list,
    None if it is not listed. ``starting``: the replica must be ready; accepting connections is not enough.
    """
    if declaration and declaration.known:
        return (declaration,)
    if starting:
        return (own,)
    if declaration:
        return (unknown(declaration.port, own),)
    if listed is None:
        return (own,)
    there = msgspec.structs.replace(own, port=listed)
    if own.probe_port or not own.ready:  # such a probe does not show which port the replica serves
        return (there,) if not own.ready else (there, unknown(listed, own))
    return tuple(dict.fromkeys((own, there, unknown(listed, own))))


def best(results: Sequence[tuple[Declaration, ProbeResult]]) -> ProbeResult:
    """The first good result of a replica's probes; if there is none, the result of the first probe, the file's own."""
    return next((result for _, result in results if result.ok), results[0][1])


def observed(results: Sequence[tuple[Declaration, ProbeResult]]) -> Declaration | None:
    """The declaration that matches a replica's answers; None if it does not answer or answers only server errors."""
    fitting = next((declaration for declaration, result in results if result.ok), None)
    if fitting:
        return fitting
    answering = next((found for found, result in results if 0 < result.status < SERVER_ERROR), None)
    return Declaration(answering.port, known=False) if answering else None


def read(store: Store, project: str, service: str) -> dict[str, Declaration]:
    """Release -> recorded declaration. Raises EngineError."""
    return dict(_decoded(store.labelled(_OF, f"{project}/{service}")))


def record(store: Store, project: str, service: str, release: str, declaration: Declaration) -> None:
    """Records the declaration of a release, replacing any previous one. Raises EngineError."""
    labels = {_OF: f"{project}/{service}", _RELEASE: release, _PORT: str(declaration.port), _LIVE: "", _READY: ""}
    if declaration.known:
        request = _Request(
            declaration.probe_port, dict(declaration.headers), tuple(map(str, declaration.expect)), declaration.grpc
        )
        labels |= {_LIVE: declaration.live, _READY: declaration.ready, _REQUEST: msgspec.json.encode(request).decode()}
    name = _name(project, service, release)
    if store.create(name, labels) is None:
        store.remove(name)
        store.create(name, labels)


def forget(store: Store, project: str, service: str, retained: Collection[str] = ()) -> None:
    """Removes the records of all releases except those in ``retained``. Raises EngineError."""
    for release in read(store, project, service).keys() - set(retained):
        store.remove(_name(project, service, release))


def _name(project: str, service: str, release: str) -> str:
    # A release name may contain any characters, a record name may not.
    suffix = release if _SUFFIX.fullmatch(release) else sha256(release.encode()).hexdigest()[:12]
    return f"videa.declared.{project}.{service}.{suffix}"


def _decoded(records: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, Declaration]]:
    for labels in records:
        if labels.get(_PORT, "").isdecimal():
            yield labels.get(_RELEASE, ""), _declaration(labels)


def _declaration(labels: Mapping[str, str]) -> Declaration:
    request = _DECODER.decode(labels[_REQUEST]) if _REQUEST in labels else _Request()
    ready = labels.get(_READY, "")
    return Declaration(
        port=int(labels[_PORT]),
        live=labels.get(_LIVE, ""),
        ready=ready,
        probe_port=request.port,
        headers=tuple(request.headers.items()),
        expect=tuple(map(read_statuses, request.expect)),
        known=bool(ready) or _REQUEST in labels,
        grpc=request.grpc,
    )
