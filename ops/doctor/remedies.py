"""The few mendings that are safe enough for `videa doctor --fix`: each is named first and done only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from msgspec import Struct

from ops.doctor.collectors.postgres import SCRIPT
from ops.doctor.facts_data import Session
from ops.doctor.report import Report
from ops.errors import CONTINUE, TAKE_UP, OperationFailed
from ops.fleet import names
from ops.platform.ports import Platform
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.stack import Stack

COMMAND = "videa doctor --fix"
"""What the lock says while a remedy is at work."""

STUCK = "deploy.stuck"

BALANCER = ("lb.config", "lb.starved", "lb.stale")
"""Findings that a configuration written anew from the running replicas ends."""


class Remedy(Struct, frozen=True):
    """``text``: what would be done, in words; ``act`` does it, and raises VideaError."""

    finding: str
    text: str
    act: Callable[[], object]


def remedies(report: Report, stack: Stack) -> list[Remedy]:
    """What can be done about the findings, in their order."""
    return [
        *_lock(report, stack),
        *_orphans(report, stack),
        *_transactions(report, stack.platform),
        *_balancer(report, stack),
    ]


def _lock(report: Report, stack: Stack) -> Iterator[Remedy]:
    """Whether to finish or to put back an operation that was broken off is for people to say; its lock can go."""
    operation = report.facts.operation
    stuck = any(finding.id == STUCK for finding in report.findings)
    if stuck and operation and operation.holder and not operation.alive:
        lock = Lock(stack.store, stack.project.name)
        yield Remedy(
            STUCK,
            f"release the lock of `{operation.command}` by {operation.holder}, who is no more",
            lock.release,
        )


def _orphans(report: Report, stack: Stack) -> Iterator[Remedy]:
    """Not what an operation that was broken off has left: it may yet be needed to put everything back."""
    for finding in report.findings:
        if finding.id == "ctr.orphan" and finding.cause != STUCK:
            yield Remedy(
                finding.id, f"remove the container {finding.subject}", partial(_remove, stack, finding.subject)
            )


def _remove(stack: Stack, container: str) -> None:
    """Removes it while no operation is at work. Raises LockHeld, EngineError."""
    with Lock(stack.store, stack.project.name).hold_briefly(COMMAND):
        stack.platform.remove(container)


def _transactions(report: Report, platform: Platform) -> Iterator[Remedy]:
    """The oldest open transaction only: ending it often ends what the others wait for."""
    postgres = report.facts.postgres
    if (
        postgres is None
        or not postgres.container
        or not any(finding.id == "pg.idle_in_tx" for finding in report.findings)
    ):
        return
    idle = [one for one in postgres.clients if one.state.startswith("idle in transaction")]
    oldest = max(idle, key=lambda one: one.state_age or 0)
    who = f"pid {oldest.pid} of {oldest.application or oldest.user}, idle for {oldest.state_age or 0:.0f} s"
    yield Remedy(
        "pg.idle_in_tx",
        f"end the session with the oldest open transaction ({who}); it is rolled back",
        partial(_terminate, platform, postgres.container, oldest),
    )


def _terminate(platform: Platform, container: str, session: Session) -> None:
    """Ends the session if it still does nothing. Raises OperationFailed."""
    # The pid is a number that PostgreSQL gave.
    statement = (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"  # noqa: S608
        f" WHERE pid = {session.pid} AND state LIKE 'idle in transaction%'"
    )
    answer = platform.exec(container, ["sh", "-c", SCRIPT, "videa-doctor", statement])
    if answer.output.strip() != "t":
        raise OperationFailed(
            f"the session {session.pid} was not ended", "it may have gone on by itself: videa db", answer.output
        )


def _balancer(report: Report, stack: Stack) -> Iterator[Remedy]:
    found = [one.id for one in report.findings if one.id in BALANCER and one.cause != STUCK]
    if found:
        yield Remedy(
            found[0],
            "write the balancer's configuration anew from the running replicas",
            partial(_reconcile, stack),
        )


def _reconcile(stack: Stack) -> None:
    """Lets nginx serve the replicas that are ready now, or all that run if none is. Raises VideaError."""
    with Lock(stack.store, stack.project.name).hold_briefly(COMMAND):
        fleet = stack.fleet()
        if story := Journal(stack.store, stack.project.name).read():
            raise OperationFailed(f"an operation is not finished: {story}", TAKE_UP if story.waiting else CONTINUE)
        if fleet.split:
            raise OperationFailed("a canary is under way", "end it first: videa promote, or videa abort")
        if not fleet.alive:
            raise OperationFailed("no replica runs", "start one: videa scale 1")
        stack.gateway.apply(stack.upstream(names(fleet.ready or fleet.alive)))
