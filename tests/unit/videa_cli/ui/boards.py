"""Samples with any number of replicas."""

from __future__ import annotations

from ops.views.board import Board, Row, ServiceBoard, Share
from ops.views.status import ReplicaStatus, Status
from ops.views.top import TopRow, Traffic

MIB = 1 << 20
NOW = 1_800_000_000.0


def row(
    number: int,
    release: str = "3f2a91c0de",
    health: str = "healthy",
    errors: float = 0.0,
    service: str = "web",
    node: str = "",
) -> Row:
    """A replica; its figures depend on its number."""
    name, cpu, rate = f"shop-{service}-{number}", 0.12 + number % 7 / 10, 80.0 + number % 9
    serves, memory = health == "healthy", (40 + number % 30) * MIB
    traffic = Traffic(rate, 0.008 + number % 5 / 1000, errors) if serves else Traffic()
    top = TopRow(name, release, health, serves, traffic, cpu, 1.0, memory, 256 * MIB)
    status = ReplicaStatus(name, release, "shop:1", health, serves, 7260.0, 0, cpu, memory, 256 * MIB, rate, node=node)
    return Row(top, status)


def service(rows: list[Row], name: str = "web", **changes: object) -> ServiceBoard:
    """A service with these replicas, the last release being a canary if there are two."""
    releases = list(dict.fromkeys(each.top.release for each in rows))
    total = sum(each.top.traffic.rate for each in rows) or 1.0
    shares = []
    for place, release in enumerate(releases):
        members = [each.top for each in rows if each.top.release == release]
        canary = place > 0
        wanted = (5.0 if canary else 95.0) if len(releases) > 1 else None
        serving = sum(each.in_balancer for each in members)
        part = sum(each.traffic.rate for each in members) / total
        shares.append(Share(release, len(members), serving, part, canary, wanted))
    fields = {"project": "shop", "service": name, "url": "http://127.0.0.1:8080", "balancer": "running"}
    status = Status(requests_per_second=total, replicas=(), **{**fields, **changes})  # type: ignore[arg-type]
    return ServiceBoard(status, Traffic(total, 0.012, 0.001 if len(releases) > 1 else 0.0), rows, shares)


def board(replicas: int, **changes: object) -> Board:
    """A sample with so many replicas, of which the last is a canary and the third is unhealthy."""
    rows = [row(number, health="unhealthy" if number == 3 else "healthy") for number in range(1, replicas)]
    rows.append(row(replicas, "b00b1e5f00", errors=0.02))
    return Board(NOW, [service(rows, **changes)])
