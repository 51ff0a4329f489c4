"""The operations scale, deploy and rollback, from the request to the proof. Only one runs at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property

from ops.balancer.proof import Proof
from ops.balancer.split import TESTERS
from ops.batch import Batch, combined
from ops.errors import CONTINUE, TAKE_UP, LockHeld, OperationFailed, PlanRefused, explained
from ops.events import Emit, Resuming, RollingBack, Superseded
from ops.interrupts import held
from ops.measuring import Measuring
from ops.notices import CanaryKey
from ops.outcome import Outcome, planned
from ops.parts import Part, continued_part, deploy_part, scale_part, with_due_one_shots
from ops.project import outline
from ops.project.startup import dependency_order
from ops.recording import record_fleet
from ops.redaction.typed import shown_command
from ops.rollout import history, retained
from ops.rollout.command_queue import PROMOTE, Command
from ops.rollout.entries import Following, JournalState
from ops.rollout.journal import Journal
from ops.rollout.lease import Lease
from ops.rollout.lock import Lock
from ops.rollout.operator import whoami
from ops.rollout.origin import origin
from ops.rollout.request import Request, Strategy
from ops.stack import Stack
from ops.steps import Plan, Target

MOVE = Strategy.MOVE.value
"""The action, in the history, of moving replicas to other nodes: no one-shot service runs before it."""

ROLLBACK = "rollback"
"""The action, in the history, of a deploy of an earlier release: no one-shot service runs before it."""


@dataclass
class Operation:
    """Plans an operation and runs it while the traffic is measured.

    ``command``: as typed by the user; its secrets are removed, because the lock, the journal and the history store it.
    ``automatic``: the autoscaler has decided it.
    """

    stack: Stack
    emit: Emit
    command: str = "videa"
    automatic: bool = False
    _measuring: Measuring = field(init=False)
    _lease: Lease | None = field(default=None, init=False)
    _stacks: dict[str, Stack] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.command = shown_command(self.command)
        self._measuring = Measuring(self._stack, self.command, self.emit, self.automatic)

    @property
    def proof(self) -> Proof | None:
        """What clients noticed, also if the operation failed; None before its end."""
        return self._measuring.proof

    @cached_property
    def journal(self) -> Journal:
        """The project's journal in the store."""
        compose = self.stack.project.compose
        started_in = origin(compose.files, compose.project, compose.environment, compose.project_directory)
        return Journal(self.stack.store, self.stack.project.name, started_in)

    def _locked(self) -> AbstractContextManager[Lease]:
        """Holds the project's lock. Raises LockHeld."""
        return Lock(self.stack.store, self.stack.project.name).hold(self.command)

    def _guard(self, lease: Lease | None) -> None:
        """From now on, the balancer refuses changes from operations whose lock this one has taken over.

        From now on, the agent uses this operation's x-videa settings. Raises EngineError, ConfigError.
        """
        self._lease, self._stacks = lease, {}
        if lease:
            outline.record(self.stack.store, self.stack.project)

    def _stack(self, service: str) -> Stack:
        """The guarded stack of a service; "" (in journals of older versions of videa) means the default service."""
        name = service or self.stack.project.settings.service
        if name not in self._stacks:
            self._stacks[name] = stack = self.stack.of(name)
            if self._lease:
                stack.gateway.guard(self._lease.permit)
        return self._stacks[name]

    def scale(self, wanted: Callable[[int], int], force: bool = False, dry_run: bool = False) -> Outcome:
        """Scales the service. Like ``scale_all``."""
        return self.scale_all({self.stack.project.settings.service: wanted}, force, dry_run)

    def scale_all(
        self, services: Mapping[str, Callable[[int], int]], force: bool = False, dry_run: bool = False
    ) -> Outcome:
        """Scales services, one after the other. The functions map the current to the wanted number of replicas.

        ``force``: allows 0. Raises UsageError, LockHeld, PlanRefused, and the errors of the steps.
        """
        with nullcontext() if dry_run else self._locked() as lease:
            self._guard(lease)
            parts = [scale_part(self._stack(service), wanted, force, self.emit) for service, wanted in services.items()]
            if lease is None:
                return planned(parts)
            self._supersede(self.journal.read())
            return self._run(parts, lease, "scale")

    def deploy(
        self,
        target: Target,
        request: Request | None = None,
        dry_run: bool = False,
        action: str = "",
        detach: bool = False,
    ) -> Outcome:
        """Replaces the replicas of the service. Like ``deploy_all``."""
        service = self.stack.project.settings.service
        return self.deploy_all({service: (target, request or Request())}, dry_run, action, detach)

    def deploy_all(
        self,
        services: Mapping[str, tuple[Target, Request]],
        dry_run: bool = False,
        action: str = "",
        detach: bool = False,
    ) -> Outcome:
        """Replaces the replicas of other releases with replicas of the target, with the strategy of the request.

        Deploys one service after the other. Resumes an interrupted deploy of the same releases. ``action``: its name in
        the history, by default the strategy; ``detach``: returns at the first wait. Raises LockHeld (also if another
        operation waits), PlanRefused, and the errors of the steps.
        """
        with nullcontext() if dry_run else self._locked() as lease:
            self._guard(lease)
            state = self.journal.read()
            same = state if state and self._is_deploy_of(state, services) else None
            done = {earlier.header.service for earlier in same.earlier} if same else set()
            parts = [
                deploy_part(self._stack(service), target, request, same, self.emit)
                for service, (target, request) in services.items()
                if service not in done
            ]
            if not same and action not in (ROLLBACK, MOVE):
                parts = with_due_one_shots(parts)
            todo = [part for part in parts if part.plan.steps]
            if state and not todo:
                todo = [parts[0].or_remembered]
            if lease is None or not todo:
                return planned(todo or parts)
            if same:
                self.emit(Resuming(same.standing))
            else:
                self._supersede(state)
            for part in todo:
                record_fleet(part.stack, part.fleet)
            if any(part.request and part.request.strategy is Strategy.CANARY for part in todo):
                self.emit(CanaryKey(self._stack("").gateway.ask(["grep", "-c", "", TESTERS]).ok))
            return self._run(todo, lease, action, resumed=same is not None, detach=detach)

    def rollback(
        self,
        release: str | None = None,
        request: Request | None = None,
        dry_run: bool = False,
        service: str = "",
    ) -> Outcome:
        """Deploys an earlier release of a service with its own environment.

        Services whose image uses the same variable roll back with it.

        ``release``: a prefix of its name; by default, the most recent release that is not running. ``service``: by
        default, the project's default service. Raises UsageError, PlanRefused, ConfigError, and the errors of
        ``deploy``.
        """
        stack = self.stack.of(service or self.stack.project.implied_service)
        running = {member.replica.release for member in stack.fleet().alive}
        entry = retained.choose(history.of(stack), running, release)
        target = retained.rollback_target(stack, entry)
        targets = {stack.project.settings.service: target, **retained.shared_targets(stack, target)}
        order = dependency_order(stack.project.model["services"], targets)
        return self.deploy_all({name: (targets[name], request or Request()) for name in order}, dry_run, ROLLBACK)

    def promote(self, detach: bool = False) -> Outcome:
        """Ends the wait of an operation that no process is running, and runs the remaining steps.

        ``detach``: returns at the next wait. Raises LockHeld, PlanRefused if no operation waits, and the errors of the
        steps.
        """
        return self.resume(detach, Command(PROMOTE, whoami()))

    def resume(self, detach: bool = False, promotion: Command | None = None) -> Outcome:
        """Completes an operation that waits or was interrupted, or its rollback if that was interrupted.

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
            here = Following(header.service, header.wanted, header.target, header.request)
            parts = [
                continued_part(self._stack(here.service), here, self.emit, state),
                *(continued_part(self._stack(later.service), later, self.emit) for later in header.following),
            ]
            self.emit(Resuming(state.standing))
            return self._run(parts, lease, "", True, detach, promotion)

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
            batch = Batch(self._stack, journal, lease, self.emit, state.header.command)
            plan = Plan((), state.header.target, f"`{state.header.command}`")

            def act() -> None:
                aftermath = batch.roll_back(state, f"aborted by {whoami()}")
                if not aftermath.as_before:
                    raise explained(OperationFailed("", ""), aftermath)

            return replace(self._measuring.run(plan, act, batch, "abort"), rolled_back=True)

    def _run(
        self,
        parts: Sequence[Part],
        lease: Lease,
        action: str,
        resumed: bool = False,
        detach: bool = False,
        promotion: Command | None = None,
    ) -> Outcome:
        with held():
            journal = self.journal
            lease.permit()
            if resumed:
                journal.reopen()
            batch = Batch(self._stack, journal, lease, self.emit, self.command, self.automatic)
            outcome = self._measuring.run(combined(parts), lambda: batch.run(parts, detach, promotion), batch, action)
            return replace(outcome, parts=tuple(parts))

    def _unfinished(self) -> JournalState:
        state = self.journal.read()
        if state is None:
            raise PlanRefused("no operation waits or was interrupted", "see `videa status` and `videa history`")
        return state

    def _is_deploy_of(self, state: JournalState, services: Mapping[str, tuple[Target, Request]]) -> bool:
        """Whether the operation is a deploy of these releases whose rollback has not started.

        For a move, the node must also be the same.
        """
        header = state.header
        rest = [(self._stack(header.service).project.settings.service, header.target.release)]
        rest += [(later.service, later.target.release) for later in header.following]
        wanted = {service: target.release for service, (target, _) in services.items()}
        asked = [request for _, request in services.values()]
        same = header.request is not None and {header.request.moving} == {request.moving for request in asked}
        return same and not state.returning and all(wanted.get(name) == r for name, r in rest)

    def check_nothing_waits(self) -> None:
        """Raises LockHeld if an operation waits, with or without a process, and EngineError."""
        _refuse_waiting(self.journal.read())

    def _supersede(self, state: JournalState | None) -> None:
        _refuse_waiting(state)
        if state:
            self.emit(Superseded(state.standing))


def _refuse_waiting(state: JournalState | None) -> None:
    """Raises LockHeld if the operation waits: users decide when it ends, so another one must not replace it."""
    if state and state.waiting:
        raise LockHeld(f"another operation is not finished: {state}", TAKE_UP)
