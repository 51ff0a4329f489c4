"""Runs the steps of a plan. Each is written to the journal before it starts; if one fails, everything is rolled back.

The lease is checked before each change: if this process was stopped (SIGSTOP, suspend), another one may have taken
over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext

from ops.errors import Aftermath, Interrupted, LockHeld, ReplicaNotReady, VideaError, explained
from ops.events import Emit, HookFailed, OwnFault, Standing, announced
from ops.interrupts import allowed, held
from ops.redaction.typed import shown
from ops.rollout.entries import Header, StepEntry
from ops.rollout.halt import halt
from ops.rollout.journal import Journal
from ops.rollout.lease import Lease
from ops.rollout.monitor import Monitor
from ops.rollout.restore import Restorer
from ops.rollout.step_actions import StepActions
from ops.rollout.stopping import BEHIND, Stopping
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
    RunOnce,
    Start,
    Stop,
    Wait,
    Waiting,
    redacted,
)

INTERRUPTIBLE = (Start, AwaitReady, Check, Drain, Stop, Observe, Delay, Hook, RunOnce, Follow)
"""Steps that Ctrl-C may interrupt, like a wait. The others are short, and worse if only half is done."""


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

        ``stopping``: replicas of the previously changed service that may still be stopping. ``detach``: stops at the
        first step that waits, unless a promotion for that wait has already arrived. ``earlier``: see ``Restorer``.
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
        self.stopping = Stopping(stack.platform, lease.check, behind, stopping)
        self._actions = StepActions(stack, journal, lease, header, emit, self.monitor, self.stopping)
        self._restorer = Restorer(stack, journal, lease, header, emit, self._announced, self.stopping, earlier)

    def run(self, plan: Plan, confirm: Callable[[], None] | None) -> None:
        """Runs all steps, or the steps up to the wait at which the process leaves the operation.

        If a step fails or the operator interrupts, all changes are rolled back. ``confirm``: checks the result; its
        failure does not cause a rollback. None if the operation continues with other services.

        Raises the VideaError of the failed step or Interrupted, both with the result of the rollback, and the error of
        ``confirm``.
        """
        self._actions.begin(plan)
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
        for number, step in enumerate(plan.steps, 1):
            with allowed():
                self.monitor.poll_commands()
            self._lease.check()
            self._actions.following = plan.steps[number:]
            if not isinstance(step, Waiting):
                entry = StepEntry(number, len(plan.steps), redacted(step), time.time())
                self.journal.write(entry, *self._actions.removal(step))
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
                        self.monitor.judge(step.percent, self._actions.new_replicas(), left or 0.0)
                    else:
                        self.monitor.pause(left)
            except BaseException:
                self._restorer.look_ahead()  # the rollback must be fast, and retaking the lock takes 0.1 s
                raise

    def _finish_stopping(self) -> None:
        if self.stopping.pending:
            with announced("wait for the replicas that are still stopping", self.emit):
                self.stopping.wait()
        while self.stopping.faults:
            self.monitor.note(HookFailed("pre_stop", self.stopping.faults.popleft()))

    def _announced(self, step: AnyStep, interruptible: bool = False) -> None:
        with announced(step, self.emit), allowed() if interruptible else nullcontext():
            self._lease.permit()
            self._actions.do(step)
