"""The state of a swarm as its manager reports it: nodes, tasks that do not run, the certificate authority. Pure."""

from __future__ import annotations

import ssl
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from ops.models import Cluster, Stuck
from ops.swarm import labels
from ops.swarm.api import Found
from ops.swarm.reading import ENDED, RUNNING, by_id, current, node, state_of, time_of

AWAY = ("down", "disconnected", "unknown")


def read(
    swarm: Mapping[str, Any], nodes: Iterable[Found], services: Iterable[Found], tasks: Iterable[Found]
) -> Cluster:
    """The state. ``services``: those of the project; ``tasks``: all of the swarm."""
    listed, own, grouped = list(nodes), list(services), by_id(tasks)
    root = str((swarm.get("TLSInfo") or {}).get("TrustRoot") or "")
    drained = {str(each["ID"]) for each in listed if each["Spec"].get("Availability") == "drain"}
    away = {str(each["ID"]) for each in listed if (each.get("Status") or {}).get("State") in AWAY}
    return Cluster(
        nodes=tuple(sorted(map(node, listed), key=lambda each: each.name)),
        seen={str(each["ID"]): time_of(str(each["UpdatedAt"])).timestamp() for each in listed},
        lost=_lost(own, grouped, away),
        stuck=tuple(_stuck((each for each in own if not _rests(each, drained)), grouped)),
        root_expires=expiry(root),
        outdated=tuple(str(each["ID"]) for each in listed if _root_of(each) not in ("", root)) if root else (),
        rotating=bool(swarm.get("RootRotationInProgress")),
    )


def expiry(certificates: str) -> float | None:
    """When the first of these CA certificates expires, Unix time; None if the text has none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=certificates)
    except (ssl.SSLError, ValueError):
        return None
    ends = [ssl.cert_time_to_seconds(str(each["notAfter"])) for each in context.get_ca_certs()]
    return float(min(ends)) if ends else None


def _root_of(found: Found) -> str:
    return str(((found.get("Description") or {}).get("TLSInfo") or {}).get("TrustRoot") or "")


def _rests(service: Found, drained: set[str]) -> bool:
    """Whether the service is an nginx whose node has been drained: no other node may run it."""
    return (service["Spec"].get("Labels") or {}).get(labels.EDGE) in drained


def _lost(services: Iterable[Found], tasks: Mapping[str, list[Found]], away: set[str]) -> dict[str, tuple[str, ...]]:
    """The containers that ran on unreachable nodes: as far as the manager knows, their tasks have not ended."""
    lost: dict[str, list[str]] = defaultdict(list)
    for service in services:
        for task in tasks.get(str(service["ID"]), []):
            if task.get("NodeID") in away and state_of(task) not in ENDED:
                lost[str(task["NodeID"])].append(str(service["Spec"]["Name"]))
    return {place: tuple(sorted(set(names))) for place, names in lost.items()}


def _stuck(services: Iterable[Found], tasks: Mapping[str, list[Found]]) -> Iterable[Stuck]:
    """The last refusal by each node, and the wait for a node; none for a service that intentionally has no task.

    A refusal is obsolete when the node has run a later task of the service.
    """
    for service in services:
        spec = service["Spec"]
        stopped = (spec.get("Labels") or {}).get(labels.STATE) != labels.STARTED
        history, seen = tasks.get(str(service["ID"]), []), set()
        latest = current(history)
        for task in history:
            status = task.get("Status") or {}
            reason, place = str(status.get("Err") or ""), str(task.get("NodeID") or "")
            if state_of(task) == RUNNING:
                seen.add(place)
            waits = task is latest and not place and bool(reason) and not stopped
            if (state_of(task) == "rejected" or waits) and place not in seen:
                seen.add(place)
                yield Stuck(str(spec["Name"]), place, reason, time_of(str(status["Timestamp"])).timestamp())
