"""The fixes that are safe enough for `videa doctor --fix`: they are listed first and applied only on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

from msgspec import Struct

from ops.doctor.checks.replicas import missing
from ops.doctor.collectors.postgres import SCRIPT
from ops.doctor.facts_postgres import Session
from ops.doctor.report import Report
from ops.errors import CONTINUE, TAKE_UP, OperationFailed
from ops.fleet import names
from ops.platform.ports import Platform
from ops.project import outline
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.rollout.ready import await_ready
from ops.stack import Stack

COMMAND = "videa doctor --fix"
"""The command in the lock while a remedy is running."""

STUCK = "deploy.stuck"
REPLICAS = "deploy.replicas"

BALANCER = ("lb.config", "lb.starved", "lb.stale")
"""Findings that regenerating the configuration from the running replicas fixes."""


class Remedy(Struct, frozen=True):
    """``text``: a description of the fix; ``act``: applies it, raises VideaError."""

    finding: str
    text: str
    act: Callable[[], object]


Scale: TypeAlias = Callable[[str, int], object]
"""Scales a service to this number of replicas, like `videa scale`, with the command ``COMMAND``. Raises VideaError."""


def remedies(report: Report, stack: Stack, scale: Scale | None = None) -> list[Remedy]:
    """The fixes for the findings, in their order. Without ``scale``, removed replicas are not replaced."""
    return [
        *_lock(report, stack),
        *_replicas(report, stack, scale),
        *_orphans(report, stack),
        *_transactions(report, stack.platform),
        *_balancer(report, stack),
    ]


def _lock(report: Report, stack: Stack) -> Iterator[Remedy]:
    """Removes only the lock: users decide whether to complete or roll back an interrupted operation."""
    operation = report.facts.operation
    stuck = any(finding.id == STUCK for finding in report.findings)
    if stuck and operation and operation.holder and not operation.alive:
        lock = Lock(stack.store, stack.project.name)
        yield Remedy(
            STUCK,
            f"release the lock of `{operation.command}` by {operation.holder}, whose process has exited",
            lock.release,
        )


def _replicas(report: Report, stack: Stack, scale: Scale | None) -> Iterator[Remedy]:
    """Starts manually stopped replicas and recreates removed ones, unless an interrupted operation left the gap."""
    if not any(finding.id == REPLICAS and finding.cause != STUCK for finding in report.findings):
        return
    for service in stack.project.services:
        gap = missing(report.facts, service)
        if gap is None or any(container.state == "paused" for container in gap.stopped):
            continue  # somebody may have paused it to examine it
        stopped = [container.name for container in gap.stopped]
        if len(stopped) == gap.count:
            text = f"start {', '.join(stopped)}, and send it requests when it is ready"
            yield Remedy(REPLICAS, text, partial(_revive, stack, service, stopped))
        elif scale:
            yield Remedy(REPLICAS, f"scale {service} to {gap.asked}, as asked for", partial(scale, service, gap.asked))


def _revive(stack: Stack, service: str, stopped: list[str]) -> None:
    """Starts the stopped replicas, and adds them to the balancer when they are ready. Raises VideaError."""
    each = stack.of(service)
    with Lock(stack.store, stack.project.name).hold_briefly(COMMAND):
        for name in stopped:
            each.platform.start(name)
    await_ready(each, stopped, starting=False)
    if not each.project.settings.worker:
        _reconcile(stack)


def _orphans(report: Report, stack: Stack) -> Iterator[Remedy]:
    """Removes orphans, except the containers of an interrupted operation, which a rollback may need."""
    for finding in report.findings:
        if finding.id == "ctr.orphan" and finding.cause != STUCK:
            yield Remedy(
                finding.id, f"remove the container {finding.subject}", partial(_remove, stack, finding.subject)
            )


def _remove(stack: Stack, container: str) -> None:
    """Removes the container while no operation is running. Raises LockHeld, EngineError."""
    with Lock(stack.store, stack.project.name).hold_briefly(COMMAND):
        stack.platform.remove(container)


def _transactions(report: Report, platform: Platform) -> Iterator[Remedy]:
    """Ends only the oldest open transaction: the others often wait for it."""
    postgres = report.facts.postgres
    if (
        postgres is None
        or not postgres.container
        or not any(finding.id == "pg.idle_in_tx" for finding in report.findings)
    ):
        return
    idle = [session for session in postgres.clients if session.state.startswith("idle in transaction")]
    oldest = max(idle, key=lambda session: session.state_age or 0)
    who = f"pid {oldest.pid} of {oldest.application or oldest.user}, idle for {oldest.state_age or 0:.0f} s"
    yield Remedy(
        "pg.idle_in_tx",
        f"end the session with the oldest open transaction ({who}); it is rolled back",
        partial(_terminate, platform, postgres.container, oldest),
    )


def _terminate(platform: Platform, container: str, session: Session) -> None:
    """Ends the session if it is still idle. Raises OperationFailed."""
    # Safe in SQL: the pid is a number from PostgreSQL.
    statement = (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"  # noqa: S608
        f" WHERE pid = {session.pid} AND state LIKE 'idle in transaction%'"
    )
    answer = platform.exec(container, ["sh", "-c", SCRIPT, "videa-doctor", statement])
    if answer.output.strip() != "t":
        raise OperationFailed(f"session {session.pid} was not ended", "it may have continued: videa db", answer.output)


def _balancer(report: Report, stack: Stack) -> Iterator[Remedy]:
    ids = [finding.id for finding in report.findings if finding.id in BALANCER and finding.cause != STUCK]
    if ids:
        yield Remedy(
            ids[0],
            "rewrite the balancer's configuration from the running replicas",
            partial(_reconcile, stack),
        )


def _reconcile(stack: Stack) -> None:
    """Makes nginx serve the replicas that are ready now, or all running ones if none is ready. Raises VideaError."""
    own = stack.project.settings.service
    with Lock(stack.store, stack.project.name).hold_briefly(COMMAND) as lease:
        if state := Journal(stack.store, stack.project.name).read():
            raise OperationFailed(f"an operation has not ended: {state}", TAKE_UP if state.waiting else CONTINUE)
        outline.record(stack.store, stack.project)
        for each in (stack, *(stack.of(name) for name in stack.project.served if name != own)):
            each.gateway.guard(lease.permit)
            fleet = each.fleet()
            if fleet.split:
                raise OperationFailed("a canary is running", "end it first: videa promote, or videa abort")
            if fleet.alive:
                each.gateway.apply(each.upstream(names(fleet.ready or fleet.alive)))
            elif each is stack:
                raise OperationFailed("no replica is running", "start one: videa scale 1")
