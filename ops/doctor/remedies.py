"""The few mendings that are safe enough for `videa doctor --fix`: each is named first and done only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from msgspec import Struct

from ops.doctor.collectors.postgres import SCRIPT
from ops.doctor.facts_data import Session
from ops.doctor.report import Report
from ops.engine.client import Engine
from ops.engine.replicas import remove
from ops.errors import OperationFailed
from ops.rollout.fleet import names
from ops.stack import Stack

BALANCER = ("lb.config", "lb.starved", "lb.stale")
"""Findings that a configuration written anew from the running replicas ends."""


class Remedy(Struct, frozen=True):
    """``text``: what would be done, in words; ``act`` does it, and raises VideaError."""

    finding: str
    text: str
    act: Callable[[], None]


def remedies(report: Report, stack: Stack) -> list[Remedy]:
    """What can be done about the findings, in their order."""
    return [*_orphans(report, stack.engine), *_transactions(report, stack.engine), *_balancer(report, stack)]


def _orphans(report: Report, engine: Engine) -> Iterator[Remedy]:
    for finding in report.findings:
        if finding.id == "ctr.orphan":
            yield Remedy(
                finding.id, f"remove the container {finding.subject}", partial(remove, engine, finding.subject)
            )


def _transactions(report: Report, engine: Engine) -> Iterator[Remedy]:
    """The oldest open transaction only: ending it often ends what the others wait for."""
    postgres = report.facts.postgres
    if postgres is None or not any(finding.id == "pg.idle_in_tx" for finding in report.findings):
        return
    idle = [one for one in postgres.clients if one.state.startswith("idle in transaction")]
    oldest = max(idle, key=lambda one: one.state_age or 0)
    who = f"pid {oldest.pid} of {oldest.application or oldest.user}, idle for {oldest.state_age or 0:.0f} s"
    yield Remedy(
        "pg.idle_in_tx",
        f"end the session with the oldest open transaction ({who}); it is rolled back",
        partial(_terminate, engine, postgres.container, oldest),
    )


def _terminate(engine: Engine, container: str, session: Session) -> None:
    """Ends the session if it still does nothing. Raises OperationFailed."""
    # The pid is a number that PostgreSQL gave.
    statement = (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"  # noqa: S608
        f" WHERE pid = {session.pid} AND state LIKE 'idle in transaction%'"
    )
    answer = engine.exec(container, ["sh", "-c", SCRIPT, "videa-doctor", statement])
    if answer.output.strip() != "t":
        raise OperationFailed(
            f"the session {session.pid} was not ended", "it may have gone on by itself: videa db", answer.output
        )


def _balancer(report: Report, stack: Stack) -> Iterator[Remedy]:
    found = [finding.id for finding in report.findings if finding.id in BALANCER]
    if found:
        yield Remedy(
            found[0],
            "write the balancer's configuration anew from the running replicas",
            partial(_reconcile, stack),
        )


def _reconcile(stack: Stack) -> None:
    """Lets nginx serve the replicas that are ready now, or all that run if none is. Raises VideaError."""
    fleet = stack.fleet()
    if fleet.split:
        raise OperationFailed("a canary is under way", "end it first: videa promote, or videa abort")
    if not fleet.alive:
        raise OperationFailed("no replica runs", "start one: videa scale 1")
    stack.balancer.apply(stack.upstream(names(fleet.ready or fleet.alive)))
