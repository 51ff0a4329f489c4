"""The operations scale, deploy and rollback, from the request to the proof. One at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property

from ops.balancer.proof import Proof, TrafficProof
from ops.balancer.split import TESTERS
from ops.errors import CONTINUE, TAKE_UP, LockHeld, OperationFailed, PlanRefused, UsageError, VideaError, explained
from ops.events import (
    Emit,
    LeftWaiting,
    OperationEnded,
    Resuming,
    RollingBack,
    Standing,
    Superseded,
    VerdictGiven,
    announced,
)
from ops.fleet import Fleet
from ops.interrupts import held, settle
from ops.notices import CanaryKey
from ops.planning import check_plan, deploy_plan, scale_plan, wanted_replicas
from ops.preflight import Capacity, spare
from ops.recording import new_header, record_end, record_fleet
from ops.redaction.typed import shown_command
from ops.rollout import history, retained
from ops.rollout.command_queue import PROMOTE, Command
from ops.rollout.confirm import confirm
from ops.rollout.journal import Header, Journal, JournalState
from ops.rollout.lease import Lease
from ops.rollout.lock import Lock
from ops.rollout.operator import whoami
from ops.rollout.origin import origin
from ops.rollout.remembering import check_remembering
from ops.rollout.request import Request, Strategy
from ops.rollout.runner import Runner
from ops.rollout.stopping import BEHIND
from ops.rollout.targets import running_target
from ops.stack import Stack
from ops.steps import Plan, Remember, Target

MAX_REPLICAS = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an operation. ``seconds``: its duration; ``proof``: None for a dry run or without any step.

    ``verdicts``: on a canary; ``capacity``: the available resources, None if not measured; ``most``: the largest number
    of replicas at the same time; ``waiting``: the operation has not ended but waits without a process.
    """

    plan: Plan
    seconds: float
    proof: Proof | None
    verdicts: tuple[VerdictGiven, ...] = ()
    capacity: Capacity | None = None
    most: int = 0
    waiting: Standing | None = None


@dataclass
class Operation:
    """Plans an operation and runs it while the traffic is measured.

    ``command``: as typed by the user; its secrets are removed, because the lock, the journal and the history store it.
    """

    stack: Stack
    emit: Emit
    command: str = "videa"
    proof: Proof | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.command = shown_command(self.command)

    @cached_property
    def journal(self) -> Journal:
        """The project's journal in the store."""
        compose = self.stack.project.compose
        started_in = origin(compose.files, compose.project, compose.environment)
        return Journal(self.stack.store, self.stack.project.name, started_in)

    def _locked(self) -> AbstractContextManager[Lease]:
        """Holds the project's lock. Raises LockHeld."""
        return Lock(self.stack.store, self.stack.project.name).hold(self.command)

    def _guard(self, lease: Lease | None) -> None:
        """From now on, the balancer refuses changes of operations whose lock this one has taken over."""
        if lease:
            self.stack.gateway.guard(lease.permit)

    def scale(self, wanted: Callable[[int], int], force: bool = False, dry_run: bool = False) -> Outcome:
        """Scales the service. ``wanted``: from the current to the wanted number of replicas; ``force``: allows 0.

        Raises UsageError, LockHeld, PlanRefused, and the errors of the steps.
        """
        with nullcontext() if dry_run else self._locked() as lease:
            self._guard(lease)
            fleet = self.stack.fleet()
            replicas = wanted(len(fleet.alive))
            if not 0 <= replicas <= MAX_REPLICAS:
                raise UsageError(f"cannot scale to {replicas} replicas", f"use a number from 0 to {MAX_REPLICAS}")
            if replicas == 0 and not force:
                raise UsageError("0 replicas would stop the service", "to stop it anyway: videa scale 0 --force")
            target = running_target(self.stack, fleet, growing=replicas > len(fleet.alive))
            plan = scale_plan(self.stack, fleet, replicas, target)
            capacity = check_plan(self.stack, plan, fleet, self.emit) if replicas > len(fleet.alive) else None
            check_remembering(self.stack.project, target, replicas, self.emit)
            if lease is None:
                return Outcome(plan.redacted, 0.0, None, (), capacity, len(fleet.alive) + plan.surge)
            state = self.journal.read()
            self._supersede(state)
            header = new_header(self.stack, self.command, fleet, target, replicas, None)
            return self._run(plan, header, lease, "scale", fleet, capacity)

    def deploy(
        self,
        target: Target,
        request: Request | None = None,
        dry_run: bool = False,
        action: str = "",
        detach: bool = False,
    ) -> Outcome:
        """Replaces the replicas of other releases with replicas of ``target``, in the way that ``request`` states.

        Continues an interrupted deploy of the same release. ``action``: its name in the history, by default the
        strategy; ``detach``: returns at the first wait. Raises LockHeld, also if another operation waits, PlanRefused,
        and the errors of the steps.
        """
        request = request or Request()
        with nullcontext() if dry_run else self._locked() as lease:
            self._guard(lease)
            fleet = self.stack.fleet()
            wanted = wanted_replicas(self.stack, fleet)
            state = self.journal.read()
            same = state if state and _is_deploy_of(state, target) else None
            plan = deploy_plan(self.stack, request, fleet, wanted, target, same)
            if state and not plan.steps:
                plan = Plan((Remember(wanted),), target, plan.summary)
            capacity = check_plan(self.stack, plan, fleet, self.emit) if plan.steps else None
            if plan.steps:
                check_remembering(self.stack.project, target, wanted, self.emit)
            if lease is None or not plan.steps:
                return Outcome(plan.redacted, 0.0, None, (), capacity, len(fleet.alive) + plan.surge)
            if same:
                self.emit(Resuming(same.standing))
            else:
                self._supersede(state)
            header = same.header if same else new_header(self.stack, self.command, fleet, target, wanted, request)
            record_fleet(self.stack, fleet)
            if request.strategy is Strategy.CANARY:
                self.emit(CanaryKey(self.stack.gateway.ask(["grep", "-c", "", TESTERS]).ok))
            action = action or request.strategy.value
            return self._run(plan, header, lease, action, fleet, capacity, resumed=same is not None, detach=detach)

    def rollback(self, release: str | None = None, request: Request | None = None, dry_run: bool = False) -> Outcome:
        """Deploys an earlier release with its own environment.

        ``release``: the first characters of its name; by default, the last release that is not running. Raises
        UsageError, PlanRefused, ConfigError, and the errors of ``deploy``.
        """
        project = self.stack.project
        running = {member.replica.release for member in self.stack.fleet().alive}
        entry = retained.choose(history.read(project.directory), running, release)
        return self.deploy(retained.rollback_target(self.stack, entry), request, dry_run, action="rollback")

    def promote(self, detach: bool = False) -> Outcome:
        """Ends the wait of an operation that no process runs, and runs the remaining steps.

        ``detach``: returns at the next wait. Raises LockHeld, PlanRefused if no operation waits, and the errors of the
        steps.
        """
        return self.resume(detach, Command(PROMOTE, whoami()))

    def resume(self, detach: bool = False, promotion: Command | None = None) -> Outcome:
        """Completes an operation that waits or was interrupted; completes its rollback if that was interrupted.

        ``detach``: returns at the first wait; ``promotion``: the command that ends the wait. Raises LockHeld,
        PlanRefused if there is no such operation, and the errors of the steps.
        """
        with self._locked() as lease:
            self._guard(lease)
            state = self._unfinished()
            if promotion and not state.waiting:
                raise PlanRefused(f"{state} does not wait", f"it was interrupted; {CONTINUE}")
            if state.returning:
                return self._roll_back(state, lease)
            header = state.header
            fleet = self.stack.fleet()
            if header.request is None:
                plan = scale_plan(self.stack, fleet, header.wanted, header.target)
            else:
                plan = deploy_plan(self.stack, header.request, fleet, header.wanted, header.target, state)
            plan = plan if plan.steps else Plan((Remember(header.wanted),), plan.target, plan.summary)
            self.emit(Resuming(state.standing))
            action = header.request.strategy.value if header.request else "scale"
            return self._run(plan, header, lease, action, fleet, None, True, detach, promotion)

    def abort(self) -> Outcome:
        """Rolls back an operation that waits or was interrupted. Raises LockHeld, PlanRefused if there is none."""
        with self._locked() as lease:
            self._guard(lease)
            return self._roll_back(self._unfinished(), lease)

    def _roll_back(self, state: JournalState, lease: Lease) -> Outcome:
        with held():
            self.emit(RollingBack(operation=state.standing))
            journal = self.journal
            lease.permit()
            journal.reopen()
            runner = Runner(self.stack, journal, lease, state.header, self.emit)
            plan = Plan((), state.header.target, f"`{state.header.command}`")

            def act() -> None:
                aftermath = runner.roll_back(f"aborted by {whoami()}")
                if not aftermath.as_before:
                    raise explained(OperationFailed("", ""), aftermath)

            return self._measured(plan, act, runner, "abort")

    def _run(
        self,
        plan: Plan,
        header: Header,
        lease: Lease,
        action: str,
        fleet: Fleet,
        capacity: Capacity | None = None,
        resumed: bool = False,
        detach: bool = False,
        promotion: Command | None = None,
    ) -> Outcome:
        with held():
            journal = self.journal
            lease.permit()
            if resumed:
                journal.reopen()
            else:
                journal.begin(header)
            # If the resources were not measured, replicas must have stopped before others start.
            room = spare(capacity, len(header.before) + plan.surge, plan.surge) if capacity else 0
            behind = BEHIND if room is None else min(BEHIND, room)
            runner = Runner(self.stack, journal, lease, header, self.emit, behind, detach)
            runner.monitor.promotion = promotion

            def act() -> None:
                runner.run(plan, lambda: self._confirm(plan, header, fleet))

            return self._measured(plan, act, runner, action)

    def _confirm(self, plan: Plan, header: Header, fleet: Fleet) -> None:
        """Checks the result. ``fleet``: before the operation. Raises OperationFailed."""
        releases, repair = {plan.target.release}, "run the same command again"
        if header.request is None:
            releases |= {member.replica.release for member in fleet.alive}
            repair = f"scale again: videa scale {header.wanted}"
        unready = [member.name for member in fleet.alive if not member.ready]
        with announced("check the result", self.emit):
            confirm(self.stack, header.wanted, releases, unready, repair)

    def _measured(self, plan: Plan, act: Callable[[], None], runner: Runner, action: str) -> Outcome:
        """Calls ``act`` while all traffic is measured, then writes the history. Raises the errors of ``act``.

        Only ``act`` can be interrupted, so its result is always recorded and emitted.
        """
        started, result, left = time.monotonic(), "videa itself failed", ""
        url, path, host = self.stack.url, self.stack.project.live_path, self.stack.on_the_host
        traffic = TrafficProof(self.stack.gateway, url, path, host)
        traffic.start()
        try:
            act()
            result = history.DONE if runner.left is None else history.LEFT
        except VideaError as error:
            result = error.message
            left = error.aftermath.left.name.lower() if error.aftermath else ""
            raise
        finally:
            settle()
            self.proof = traffic.stop()
            seconds = time.monotonic() - started
            ended = self._ended(plan, action, result, seconds, left)
            image = plan.target.image or self.stack.project.image
            verdicts = runner.monitor.verdicts
            record_end(self.stack, ended, image, runner.header.wanted, self.proof, verdicts, self.emit)
            self.emit(LeftWaiting(runner.left) if runner.left else ended)
        return Outcome(plan.redacted, seconds, self.proof, tuple(runner.monitor.verdicts), waiting=runner.left)

    def _ended(self, plan: Plan, action: str, result: str, seconds: float, left: str) -> OperationEnded:
        requests, failed = (self.proof.requests, self.proof.failed) if self.proof else (None, None)
        release = plan.target.release
        return OperationEnded(self.command, whoami(), action, release, result, seconds, left, requests, failed)

    def _unfinished(self) -> JournalState:
        state = self.journal.read()
        if state is None:
            raise PlanRefused("no operation waits or was interrupted", "see `videa status` and `videa history`")
        return state

    def check_nothing_waits(self) -> None:
        """Raises LockHeld if an operation waits, with or without a process, and EngineError."""
        _refuse_waiting(self.journal.read())

    def _supersede(self, state: JournalState | None) -> None:
        _refuse_waiting(state)
        if state:
            self.emit(Superseded(state.standing))


def _refuse_waiting(state: JournalState | None) -> None:
    """A waiting operation is not interrupted: people decide when it ends. Raises LockHeld."""
    if state and state.waiting:
        raise LockHeld(f"another operation is not finished: {state}", TAKE_UP)


def _is_deploy_of(state: JournalState, target: Target) -> bool:
    """Whether the operation is a deploy of this release whose rollback has not started."""
    return state.header.request is not None and state.header.target.release == target.release and not state.returning
