"""The data of the page for operators: every service with its replicas, their traffic, and its split by release."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct
from msgspec.structs import replace

from ops.balancer.access_log import Line
from ops.doctor.facts import Facts
from ops.errors import VideaError
from ops.models import Replica
from ops.stack import Stack
from ops.traffic import TrafficSplit
from ops.views.status import ReplicaStatus, Status, read_status
from ops.views.top import TopRow, Traffic, recent_lines, view_top


class Share(Struct, frozen=True):
    """A release of a service. ``serving``: replicas in the balancer; ``share``: its share of the requests in the last
    seconds, None without requests; ``wanted``: percent that the balancer should send to it, None without a canary.
    """

    release: str
    replicas: int
    serving: int
    share: float | None
    canary: bool = False
    wanted: float | None = None


class Row(Struct, frozen=True):
    """A replica: its row in ``videa top`` and its row in ``videa status``."""

    top: TopRow
    status: ReplicaStatus


class ServiceBoard(Struct, frozen=True):
    """One service. ``total``: all its requests."""

    status: Status
    total: Traffic
    rows: list[Row]
    shares: list[Share]

    @property
    def healthy(self) -> int:
        """The number of healthy replicas."""
        return sum(row.top.health == "healthy" for row in self.rows)


class Board(Struct, frozen=True):
    """One sample. ``services``: the default service first. ``taken``: Unix time."""

    taken: float
    services: list[ServiceBoard]

    @property
    def first(self) -> Status:
        """The status of the default service, which also contains the data of the whole project."""
        return self.services[0].status


def read_board(stacks: Sequence[Stack]) -> Board:
    """Queries all sources at the same time. ``stacks``: of the services, the default one first. Raises EngineError."""
    served = next((stack for stack in stacks if not stack.project.settings.worker), stacks[0])
    with ThreadPoolExecutor(1 + len(stacks)) as pool:
        log = pool.submit(recent_lines, served)  # all services share one nginx
        observed = [pool.submit(_observe, stack, number == 0) for number, stack in enumerate(stacks)]
        now, lines = time.time(), log.result()
        services = [
            view_service(status, lines, replicas, _split(stack), now)
            for stack, (status, replicas) in zip(stacks, (each.result() for each in observed), strict=True)
        ]
    return Board(now, services)


def _observe(stack: Stack, first: bool) -> tuple[Status, Sequence[Replica]]:
    replicas = stack.replicas()
    return read_status(stack, first, replicas), replicas


def view_service(
    status: Status, lines: list[Line], replicas: Iterable[Replica], split: TrafficSplit | None, now: float
) -> ServiceBoard:
    """Combines the answers about one service. ``split``: that of a canary with public traffic."""
    known = list(replicas)
    addresses = {address for replica in known for address in replica.networks.values()}
    own = [line for line in lines if line.answered_by in addresses]
    top = view_top(status, Facts(now, status.project, status.service, [], ""), own, known, now)
    limits = {replica.name: replica.cpu_limit for replica in known}
    rows = [
        Row(replace(row, cpu_limit=limits.get(row.name)), about)
        for row, about in zip(top.rows, status.replicas, strict=True)
    ]
    return ServiceBoard(status, top.total, rows, _shares(rows, split))


def _shares(rows: Iterable[Row], split: TrafficSplit | None) -> list[Share]:
    """The releases, those with more requests first; a canary is last."""
    by_release: dict[tuple[str, bool], list[TopRow]] = {}
    for row in rows:
        canary = split is not None and row.top.name in split.servers  # a forced deploy has the same release
        by_release.setdefault((row.top.release, canary), []).append(row.top)
    total = sum(row.traffic.rate for members in by_release.values() for row in members)
    shares = [
        Share(
            release=release,
            replicas=len(members),
            serving=sum(row.in_balancer for row in members),
            share=sum(row.traffic.rate for row in members) / total if total else None,
            canary=canary,
            wanted=_wanted(members, split),
        )
        for (release, canary), members in by_release.items()
    ]
    return sorted(shares, key=lambda share: (share.canary, -(share.share or 0.0), -share.serving))


def _wanted(members: Iterable[TopRow], split: TrafficSplit | None) -> float | None:
    if split is None:
        return None
    if any(row.name in split.servers for row in members):
        return split.percent
    return 100.0 - split.percent if any(row.in_balancer for row in members) else 0.0


def _split(stack: Stack) -> TrafficSplit | None:
    """The split that has just been read with the status."""
    try:
        split = stack.gateway.membership(remembered=True).split
    except VideaError:
        return None
    return None if split is None or split.private else split
