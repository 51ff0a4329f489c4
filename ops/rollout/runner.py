"""Runs the steps of a plan. Each is written to the journal before it starts; if one fails, everything is rolled back.

The lease is checked before each change: after a stop (SIGSTOP, suspend), another process may be running.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import nullcontext
from functools import singledispatchmethod

from ops.ejected import Ejected
from ops.errors import Aftermath, Interrupted, LockHeld, OperationFailed, ReplicaNotReady, VideaError, explained
from ops.events import Emit, HookFailed, OwnFault, Standing, announced
from ops.interrupts import allowed, held
from ops.notices import EdgeLeftOut
from ops.platform.ports import Named
from ops.redaction.typed import shown
from ops.rollout.entries import Header, RemovalEntry, StepEntry
from ops.rollout.halt import halt
from ops.rollout.hooks import run_hook
from ops.rollout.journal import Journal
from ops.rollout.lease import Lease
from ops.rollout.monitor import Monitor
from ops.rollout.next_start import check_next_start
from ops.rollout.observing import observe_replicas
from ops.rollout.one_shots import run_one_shot
from ops.rollout.ready import await_ready
from ops.rollout.restore import Restorer
from ops.rollout.smoke import check_command, check_paths
from ops.rollout.started import Started
from ops.rollout.starting import start_replicas
from ops.rollout.stopping import BEHIND, Stopping
from ops.rollout.targets import variables_of
from ops.rollout.waiting import wait_for
from ops.stack import Stack
from ops.steps import (
    AnyStep,
    AwaitReady,
    Check,
    Delay,
    Drain,
    Follow,
    Hook,
    Judge,
    Observe,
    Plan,
    Recreate,
    Remember,
    Remove,
    Route,
    RunOnce,
    SetAvailability,
    Split,
    Start,
    Stop,
    Wait,
    Waiting,
    redacted,
)
from ops.traffic import TrafficSplit, Upstream

ENOUGH = 50
"""Replicas in the balancer, the newest, of which one that runs shows that others than the leaving ones do."""
DRAIN_SLACK = 5.0
"""Seconds beyond ``drain_timeout`` to wait for a worker that nginx itself should have ended."""


INTERRUPTIBLE = (Start, AwaitReady, Check, Drain, Stop, Observe, Delay, Hook, RunOnce, Follow)
"""Steps that Ctrl-C may interrupt, as it may a wait. The others are short, and half of one is worse than all of it."""


class Runner:
    """Carries out one operation on one service, from its start or from the end of its journal. For one use only."""

    def __init__(
        self,
        stack: Stack,
        journal: Journal,
        lease: Lease,
        header: Header,
        emit: Emit,
        behind: int = BEHIND,
        detach: bool = False,
        earlier: Callable[[str], Aftermath] | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        """``behind``: number of replicas that may still be stopping while the next step runs.

        ``stopping``: of the service that the operation has changed before. ``detach``: stops at the first step that
        waits, unless a promotion for that wait has already arrived. ``earlier``: of ``Restorer``.
        """
        self.stack = stack
        self.journal = journal
        self.header = header
        self.emit = emit
        self.monitor = Monitor(stack, journal, lease, emit)
        self.left: Standing | None = None
        journal.pruned = lease.pruned
        self._detach = detach
        self._lease = lease
        self._target = header.target
        self._token = secrets.token_hex(8)
        self._started = Started()
        self._starts_left = 0
        self._recorded: Remove | Stop | None = None
        self._following: Sequence[AnyStep] = ()
        self.stopping = Stopping(stack.platform, lease.check, behind, stopping)
        self._restorer = Restorer(stack, journal, lease, header, emit, self._announced, self.stopping, earlier)

    def run(self, plan: Plan, confirm: Callable[[], None] | None) -> None:
        """Runs all steps, or the steps up to the wait at which the operation is ``left``.

        If a step fails or the operator interrupts, all changes are rolled back. ``confirm``: checks the result; its
        failure rolls nothing back. None: the operation continues with other services.

        Raises the VideaError of the failed step, or Interrupted, with the result of the rollback, and that of
        ``confirm``.
        """
        self._target = plan.target
        with held():
            try:
                self._run(plan)
                if self.left or confirm:
                    self._finish_stopping()
            except KeyboardInterrupt:
                error = Interrupted("interrupted", "run the same command to try again")
                raise explained(error, self.roll_back(error.message)) from None
            except LockHeld as error:
                explained(error, self._restorer.lost())
                raise
            except VideaError as error:
                pauses = self.header.request is not None and self.header.request.pace.pause
                if pauses and isinstance(error, ReplicaNotReady):
                    explained(error, halt(self.stack, self.header.served, self._lease.permit))
                else:
                    explained(error, self.roll_back(error.message))
                raise
            except Exception as error:
                fault = shown(f"{type(error).__name__}: {error}")
                bug = VideaError(f"videa itself failed: {fault}", "")
                self.emit(OwnFault(fault, explained(bug, self.roll_back(bug.message)).hint))
                raise
            if self.left is None and confirm:
                self._finish(confirm)

    def _finish(self, confirm: Callable[[], None]) -> None:
        """Ends the journal after ``confirm``: a process that resumes it in the meantime checks the result again."""
        try:
            try:
                confirm()
            finally:
                self._restorer.end()
        except LockHeld as error:
            explained(error, self._restorer.lost())
            raise

    def roll_back(self, reason: str) -> Aftermath:
        """Restores the state before the operation, because of ``reason``, and returns the result."""
        return self._restorer.roll_back(reason)

    def _run(self, plan: Plan) -> None:
        self._starts_left = sum(isinstance(step, Start) for step in plan.steps)
        for number, step in enumerate(plan.steps, 1):
            with allowed():
                self.monitor.poll_commands()
            self._lease.check()
            self._following = plan.steps[number:]
            if not isinstance(step, Waiting):
                entry = StepEntry(number, len(plan.steps), redacted(step), time.time())
                self.journal.write(entry, *self._removal(step))
                self._announced(step, interruptible=isinstance(step, INTERRUPTIBLE))
                continue
            attended = not self._detach or self.monitor.promotion is not None
            bounds, known = self.stack.project.settings.canary, self.journal.state().wait_at(step)
            wait = wait_for(step, known, self._lease.now, bounds, attended)
            self.journal.write(StepEntry(number, len(plan.steps), step, time.time(), wait))
            if not attended:
                self.left = self.journal.state().standing
                break
            self._wait(step, wait)

    def _wait(self, step: Waiting, wait: Wait) -> None:
        """Waits, without the change lock."""
        self.stopping.wait()
        with announced(step, self.emit), self._lease.suspended(self.journal.confirm):
            try:
                with allowed():
                    left = None if wait.until is None else max(0.0, wait.until - self._lease.now)
                    if isinstance(step, Judge):
                        self.monitor.judge(step.percent, self._new(), left or 0.0)
                    else:
                        self.monitor.pause(left)
            except BaseException:
                self._restorer.look_ahead()  # the rollback must be fast, and taking the lock again takes 0.1 s
                raise

    @singledispatchmethod
    def _do(self, step: object) -> None:
        raise TypeError(f"not a step: {step!r}")

    @_do.register
    def _start(self, step: Start) -> None:
        self._starts_left -= 1
        self.stopping.make_room()
        start_replicas(self.stack, step.count, self._target, self.stopping, self._started.names, self._lease.permit)

    @_do.register
    def _await_ready(self, step: AwaitReady) -> None:
        looked = self._started.looked()
        states = self.stack.platform.states(Named(looked)) if looked else {}
        ended = {name for name in looked if states.get(name) != "running"}
        await_ready(self.stack, [*step.names, *self._started.due(not self._starts_left, ended)])

    @_do.register
    def _route(self, step: Route) -> None:
        names = [*step.names, *(self._started.names if step.started else ())]
        self._serve(self.stack.upstream(self._without_ejected(names)))

    @_do.register
    def _split(self, step: Split) -> None:
        split = TrafficSplit(
            servers=(*step.canary, *self._started.names),
            percent=step.percent,
            by=self.stack.project.settings.split_by,
            token=self._token if step.private else "",
        )
        self._serve(self.stack.upstream(self._without_ejected(step.names), split))

    @_do.register
    def _check(self, step: Check) -> None:
        check_paths(self.stack, step.paths, self._token)
        for command in step.commands:
            check_command(self.stack, command, self._token)

    @_do.register
    def _hook(self, step: Hook) -> None:
        try:
            run_hook(self.stack, step, self._target)
        except OperationFailed as error:
            if not step.name.startswith("post"):
                raise
            self.monitor.note(HookFailed(step.name, error.message))

    @_do.register
    def _run_once(self, step: RunOnce) -> None:
        run_one_shot(self.stack, step, self._lease.permit)

    @_do.register
    def _follow(self, step: Follow) -> None:
        self.stack.platform.follow(step.services, self._target, self._lease.permit)

    @_do.register
    def _drain(self, step: Drain) -> None:
        following, self._following = self._following, ()  # a rollback starts nothing after it
        with check_next_start(self.stack.platform, following, self._target):
            self.stack.gateway.wait_drained(self.stack.project.settings.drain_timeout + DRAIN_SLACK, self.emit)

    @_do.register
    def _remove(self, step: Remove) -> None:
        self._check_others_run(step.names)
        self._record_removal(step)
        self.stopping.begin(step.names)

    @_do.register
    def _stop(self, step: Stop) -> None:
        self._record_removal(step)
        self.stopping.stop(step.names)

    @_do.register
    def _observe(self, step: Observe) -> None:
        observe_replicas(self.stack, self._new(), step.seconds, self.monitor.poll_commands)

    @_do.register
    def _delay(self, step: Delay) -> None:
        self.stopping.wait()
        with self._lease.suspended(self.journal.confirm):
            self.monitor.pause(step.seconds)

    @_do.register
    def _remember(self, step: Remember) -> None:
        project = self.stack.project
        self.stack.platform.remember(variables_of(project, self._target, step.replicas))

    @_do.register
    def _set_availability(self, step: SetAvailability) -> None:
        self.stopping.wait()
        if step.availability == "drain":
            self._check_left(step)
        self.stack.platform.nodes.set_availability(step.node, step.availability)

    @_do.register
    def _recreate(self, step: Recreate) -> None:
        self.stopping.wait()
        self.stopping.begun.difference_update(step.names)
        state = self.journal.state()
        present = self.stack.platform.names()
        for name in step.names:
            self._lease.permit()
            if name in present:
                self.stack.platform.start(name)
            else:
                self.stack.platform.restore(state.snapshots[name])
        await_ready(self.stack, step.names, starting=False)

    def _without_ejected(self, names: Sequence[str]) -> Sequence[str]:
        """``names`` without those that `videa watch` has ejected and that are not ready again; all if none remains."""
        ejected = Ejected(self.stack.store, self.stack.project.name)
        if not ejected.read():
            return names
        replicas = self.stack.replicas(Named(set(names)))
        out = ejected.names(replicas)
        results = self.stack.probe(replica for replica in replicas if replica.name in out)
        ready = {name for name, result in results.items() if result.ok}
        return [name for name in names if name not in out - ready] or names

    def _check_others_run(self, leaving: Collection[str]) -> None:
        """Raises OperationFailed if the last running replicas would be removed, because others were removed outside."""
        listed = self.stack.gateway.membership(remembered=True).servers
        for names in (listed[-ENOUGH:], listed):  # one that runs is enough, and is most often among the last
            states = self.stack.platform.states(Named({*leaving, *names}))
            running = {name for name, state in states.items() if state == "running"}
            if not running & set(leaving) or running & set(names):
                return
        if listed:
            raise OperationFailed(
                f"the replicas in the balancer ({', '.join(listed)}) are not running any more",
                "something else, such as `docker compose up`, has removed them: see `docker events`",
            )

    def _check_left(self, step: SetAvailability) -> None:
        """Raises OperationFailed if replicas run on a node that is about to be drained: it would stop them at once."""
        served = self.stack.project.services
        left = [each.name for each in self.stack.containers() if each.node == step.node and each.service in served]
        if left:
            raise OperationFailed(f"{', '.join(left)} still run on {step.name}", "run the same command again")

    def _removal(self, step: object) -> Iterator[RemovalEntry]:
        """What the journal needs before ``step`` removes or stops replicas: everything to create them again."""
        if isinstance(step, Remove | Stop):
            snapshots = {name: dict(self.stack.platform.blueprint(name)) for name in step.names}
            yield RemovalEntry({name: snapshot for name, snapshot in snapshots.items() if snapshot})
            self._recorded = step

    def _record_removal(self, step: Remove | Stop) -> None:
        """Writes it for a step of a rollback, which has no entry of its own."""
        if step is not self._recorded:
            self.journal.write(*self._removal(step))

    def _finish_stopping(self) -> None:
        if self.stopping.pending:
            with announced("wait for the replicas that are still stopping", self.emit):
                self.stopping.wait()
        while self.stopping.faults:
            self.monitor.note(HookFailed("pre_stop", self.stopping.faults.popleft()))

    def _new(self) -> Collection[str]:
        """The replicas of the new release."""
        forced = self.header.request is not None and self.header.request.force
        old = self.header.before if forced else ()
        return [
            replica.name
            for replica in self.stack.replicas()
            if replica.release == self._target.release and replica.name not in old
        ]

    def _announced(self, step: AnyStep, interruptible: bool = False) -> None:
        with announced(step, self.emit), allowed() if interruptible else nullcontext():
            self._lease.permit()
            self._do(step)

    def _serve(self, upstream: Upstream) -> None:
        """Changes the balancer, and says which of several nginx did not get it. Raises like ``Gateway.apply``."""
        for edge in self.stack.gateway.apply(upstream).left_out:
            self.emit(EdgeLeftOut(edge.name, edge.node, edge.reason))
