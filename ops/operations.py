"""What an operator asks for: scale, deploy and rollback, from the request to the proof, one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from ops.balancer.proof import Proof, TrafficProof
from ops.capacity import measure
from ops.ejected import Ejected
from ops.errors import CONTINUE, TAKE_UP, LockHeld, OperationFailed, PlanRefused, UsageError, VideaError, explained
from ops.events import (
    Emit,
    GoingBack,
    GoingOn,
    HistoryIncomplete,
    LeftWaiting,
    OperationEnded,
    Standing,
    Superseded,
    VerdictGiven,
)
from ops.fleet import Fleet
from ops.interrupts import held, settle
from ops.preflight import Capacity, check, check_paused, spare
from ops.project.config import env_file_values
from ops.redaction.typed import shown_command
from ops.rollout import history, retained
from ops.rollout.batches import parallelism
from ops.rollout.command_queue import PROMOTE, Command
from ops.rollout.hooks import with_hooks
from ops.rollout.journal import Header, Journal, JournalState
from ops.rollout.lease import Lease
from ops.rollout.lock import Lock
from ops.rollout.operator import whoami
from ops.rollout.origin import origin
from ops.rollout.remembering import check_remembering
from ops.rollout.request import Request, plan_deploy
from ops.rollout.runner import Runner
from ops.rollout.scale import plan_scale
from ops.rollout.side_effects import check_steps
from ops.rollout.stopping import BEHIND
from ops.rollout.targets import running_target, variables_of
from ops.rollout.waiting import resumed
from ops.stack import Stack
from ops.steps import Plan, Remember, Start, Target

MAX_REPLICAS = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation did. ``proof`` is None for a dry run and when nothing was to be done.

    ``capacity``: what there is to share, where that was asked; ``most``: replicas at once; ``verdicts``: of a canary;
    ``waiting``: it has not ended, and anybody may take it up.
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
    """An operation that is planned and then carried out while its traffic is watched.

    ``command``: as it was typed; secrets are taken out of it, since the lock, the journal and the history keep it.
    """

    stack: Stack
    emit: Emit
    command: str = "videa"
    proof: Proof | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.command = shown_command(self.command)

    @property
    def journal(self) -> Journal:
        """The project's journal, as it is on the engine."""
        compose = self.stack.project.compose
        begun = origin(compose.files, compose.project, compose.environment)
        return Journal(self.stack.store, self.stack.project.name, begun)

    def _locked(self) -> AbstractContextManager[Lease]:
        """Holds the project's locks. Raises LockHeld."""
        return Lock(self.stack.store, self.stack.project.name).hold(self.command)

    def scale(self, wanted: Callable[[int], int], force: bool = False, dry_run: bool = False) -> Outcome:
        """Brings the service to the number of replicas that ``wanted`` makes of the present one.

        Raises UsageError, LockHeld, PlanRefused, and what the steps raise.
        """
        with nullcontext() if dry_run else self._locked() as lease:
            fleet = self.stack.fleet()
            replicas = wanted(len(fleet.alive))
            if not 0 <= replicas <= MAX_REPLICAS:
                raise UsageError(f"cannot scale to {replicas} replicas", f"ask for a number from 0 to {MAX_REPLICAS}")
            if replicas == 0 and not force:
                raise UsageError(
                    "0 replicas would take the service down", "if that is what you want: videa scale 0 --force"
                )
            target = running_target(self.stack, fleet, growing=replicas > len(fleet.alive))
            plan = plan_scale(fleet, replicas, target, self._ejected(fleet))
            capacity = self._check(plan, fleet) if replicas > len(fleet.alive) else None
            check_remembering(self.stack.project, target, replicas, self.emit)
            if lease is None:
                return Outcome(plan.told, 0.0, None, (), capacity, len(fleet.alive) + plan.surge)
            state = self.journal.read()
            self._take_place_of(state)
            return self._carry_out(plan, self._header(fleet, target, replicas, None), lease, "scale", capacity)

    def deploy(
        self,
        target: Target,
        request: Request | None = None,
        dry_run: bool = False,
        action: str = "",
        detach: bool = False,
    ) -> Outcome:
        """Replaces the replicas of other releases by ones of ``target``, as ``request`` asks for.

        Goes on with a deploy of the same release that was broken off. ``detach``: leaves it at the first wait. Raises
        LockHeld, also when another one waits, PlanRefused and what the steps raise.
        """
        request = request or Request()
        with nullcontext() if dry_run else self._locked() as lease:
            fleet = self.stack.fleet()
            wanted = self._wanted(fleet)
            state = self.journal.read()
            same = state if state and _is_deploy_of(state, target) else None
            plan = self._plan_deploy(request, fleet, wanted, target, same)
            if state and not plan.steps:
                plan = Plan((Remember(wanted),), target, plan.summary)
            capacity = self._check(plan, fleet) if plan.steps else None
            if plan.steps:
                check_remembering(self.stack.project, target, wanted, self.emit)
            if lease is None or not plan.steps:
                return Outcome(plan.told, 0.0, None, (), capacity, len(fleet.alive) + plan.surge)
            if same:
                self.emit(GoingOn(same.standing))
            else:
                self._take_place_of(state)
            header = same.header if same else self._header(fleet, target, wanted, request)
            for found in {member.replica.release: member.replica for member in fleet.ready}.values():
                retained.record_running(
                    self.stack, "found", found.release, found.image, found.image_id, len(fleet.ready)
                )
            action = action or request.strategy.value
            return self._carry_out(plan, header, lease, action, capacity, going_on=same is not None, detach=detach)

    def rollback(self, release: str | None = None, request: Request | None = None, dry_run: bool = False) -> Outcome:
        """Deploys an earlier release with its own environment: the one named, else the last that does not run now.

        Raises UsageError, PlanRefused, ConfigError, and what ``deploy`` raises.
        """
        project = self.stack.project
        running = {member.replica.release for member in self.stack.fleet().alive}
        entry = retained.choose(history.read(project.directory), running, release)
        return self.deploy(retained.rollback_target(self.stack, entry), request, dry_run, action="rollback")

    def promote(self, detach: bool = False) -> Outcome:
        """Ends the wait of an operation that nobody attends, and carries out the rest.

        ``detach``: up to the next wait. Raises LockHeld, PlanRefused when none waits, and what the steps raise.
        """
        return self.resume(detach, Command(PROMOTE, whoami()))

    def resume(self, detach: bool = False, promotion: Command | None = None) -> Outcome:
        """Ends an operation that was broken off or waits: as it was asked for, or as before if it was being put back.

        ``detach``: leaves it at the first wait; ``promotion``: that ends a wait. Raises LockHeld, PlanRefused when
        there is none, and what the steps raise.
        """
        with self._locked() as lease:
            state = self._broken_off()
            if promotion and not state.waiting:
                raise PlanRefused(f"{state} does not wait", f"it was interrupted; {CONTINUE}")
            if state.returning:
                return self._put_back(state, lease)
            header = state.header
            fleet = self.stack.fleet()
            if header.request is None:
                plan = plan_scale(fleet, header.wanted, header.target, self._ejected(fleet))
            else:
                plan = self._plan_deploy(header.request, fleet, header.wanted, header.target, state)
            plan = plan if plan.steps else Plan((Remember(header.wanted),), plan.target, plan.summary)
            self.emit(GoingOn(state.standing))
            action = header.request.strategy.value if header.request else "scale"
            return self._carry_out(plan, header, lease, action, None, True, detach, promotion)

    def abort(self) -> Outcome:
        """Puts back an operation that was broken off or waits. Raises LockHeld, PlanRefused when there is none."""
        with self._locked() as lease:
            return self._put_back(self._broken_off(), lease)

    def _plan_deploy(
        self, request: Request, fleet: Fleet, wanted: int, target: Target, state: JournalState | None
    ) -> Plan:
        """The plan from here on; ``state``: of the same deploy, when it was broken off."""
        before, reached = (state.header.before, state.reached) if state else (None, 0.0)
        settings = self.stack.project.settings
        together = parallelism(self.stack.platform.machine.cpus)
        plan = plan_deploy(request, fleet, wanted, target, before, reached, together)
        plan = resumed(plan, state) if state else plan
        return with_hooks(plan, settings.hooks, settings.also)

    def _put_back(self, state: JournalState, lease: Lease) -> Outcome:
        with held():
            self.emit(GoingBack(operation=state.standing))
            journal = self.journal
            journal.reopen()
            runner = Runner(self.stack, journal, lease, state.header, self.emit)
            plan = Plan((), state.header.target, f"`{state.header.command}`")

            def act() -> None:
                aftermath = runner.roll_back(f"aborted by {whoami()}")
                if not aftermath.as_before:
                    raise explained(OperationFailed("", ""), aftermath)

            return self._watched(plan, act, runner, "abort")

    def _carry_out(
        self,
        plan: Plan,
        header: Header,
        lease: Lease,
        action: str,
        capacity: Capacity | None = None,
        going_on: bool = False,
        detach: bool = False,
        promotion: Command | None = None,
    ) -> Outcome:
        with held():
            journal = self.journal
            if going_on:
                journal.reopen()
            else:
                journal.begin(header)
            # Where nobody has asked how much room there is, replicas that stop must be gone before others start.
            room = spare(capacity, len(header.before) + plan.surge, plan.surge) if capacity else 0
            behind = BEHIND if room is None else min(BEHIND, room)
            runner = Runner(self.stack, journal, lease, header, self.emit, behind, detach)
            runner.monitor.promotion = promotion
            return self._watched(plan, lambda: runner.run(plan), runner, action)

    def _watched(self, plan: Plan, act: Callable[[], None], runner: Runner, action: str) -> Outcome:
        """Acts while all traffic is watched, and writes the history. Raises what ``act`` does.

        Only ``act`` can be interrupted: what is done then is also recorded and told.
        """
        begun, result, left = time.monotonic(), "videa itself failed", ""
        url, path, host = self.stack.url, self.stack.project.live_path, self.stack.on_the_host
        watch = TrafficProof(self.stack.gateway, url, path, host)
        watch.start()
        try:
            act()
            result = history.DONE if runner.left is None else history.LEFT
        except VideaError as error:
            result = error.message
            left = error.aftermath.left.name.lower() if error.aftermath else ""
            raise
        finally:
            settle()
            self.proof = watch.stop()
            seconds = time.monotonic() - begun
            self._record(plan, runner, action, result, seconds)
            self.emit(LeftWaiting(runner.left) if runner.left else self._ended(plan, action, result, seconds, left))
        return Outcome(plan.told, seconds, self.proof, tuple(runner.monitor.verdicts), waiting=runner.left)

    def _record(self, plan: Plan, runner: Runner, action: str, result: str, seconds: float) -> None:
        """Writes the history and keeps the image. What cannot be written is said: the operation itself has ended."""
        project, target, proof = self.stack.project, plan.target, self.proof
        image = target.image or project.image
        try:
            entries = history.read(project.directory)
            entry = history.Entry(
                time=time.time(),
                who=whoami(),
                command=self.command,
                action=action,
                result=result,
                release=target.release,
                image=image,
                image_id=self.stack.platform.images.digest(image),
                replicas=runner.header.wanted,
                seconds=round(seconds, 3),
                requests=proof.requests if proof else None,
                failed=proof.failed if proof else None,
                slowest_ms=round(proof.slowest_ms, 1) if proof else None,
                verdicts=tuple(map(history.verdict_line, runner.monitor.verdicts)),
                variables=retained.variables_now(project),
            )
            history.append(project.directory, entry)
            if entry.deployed:
                retained.retain(self.stack, entry.image_id, entry.release, entries)
        except VideaError as error:
            self.emit(HistoryIncomplete(error.message))

    def _ended(self, plan: Plan, action: str, result: str, seconds: float, left: str) -> OperationEnded:
        requests, failed = (self.proof.requests, self.proof.failed) if self.proof else (None, None)
        release = plan.target.release
        return OperationEnded(self.command, whoami(), action, release, result, seconds, left, requests, failed)

    def _header(self, fleet: Fleet, target: Target, wanted: int, request: Request | None) -> Header:
        self.stack.declare((member.replica for member in fleet.alive if member.listed), serving=True)
        project = self.stack.project
        served = [member.name for member in fleet.alive if member.listed]
        values = env_file_values(project)
        return Header(
            command=self.command,
            who=whoami(),
            time=time.time(),
            wanted=wanted,
            target=target,
            before=tuple(member.name for member in fleet.members),
            served=tuple(served),
            variables={name: values.get(name) for name in variables_of(project, target, wanted)},
            request=request,
        )

    def _broken_off(self) -> JournalState:
        state = self.journal.read()
        if state is None:
            raise PlanRefused("no operation waits or was broken off", "see `videa status` and `videa history`")
        return state

    def _ejected(self, fleet: Fleet) -> set[str]:
        """What `videa watch` has taken out of the balancer."""
        return Ejected(self.stack.store, self.stack.project.name).names(member.replica for member in fleet.members)

    def check_nothing_waits(self) -> None:
        """Raises LockHeld when an operation waits, attended or not, and EngineError."""
        _refuse_waiting(self.journal.read())

    def _take_place_of(self, state: JournalState | None) -> None:
        _refuse_waiting(state)
        if state:
            self.emit(Superseded(state.standing))

    def _wanted(self, fleet: Fleet) -> int:
        """How many replicas a deploy is to end with: what was asked for last, whatever a broken-off deploy has left."""
        project = self.stack.project
        wanted = project.replicas if project.pins.replicas else len(fleet.alive)
        if wanted < 1:
            raise PlanRefused("no replica runs, so there is nothing to deploy to", "start some first: videa scale 1")
        return wanted

    def _check(self, plan: Plan, fleet: Fleet) -> Capacity | None:
        if not any(isinstance(step, Start) for step in plan.steps):
            return None
        check_paused(member.replica for member in fleet.members)
        project = self.stack.project
        with ThreadPoolExecutor(max_workers=1) as pool:  # at the same time: Compose takes a tenth of a second
            harmless = pool.submit(check_steps, self.stack.platform, plan, len(fleet.members))
            capacity = measure(self.stack, [member.name for member in fleet.alive], self.emit)
            harmless.result()
        check(
            project.service,
            project.settings.service,
            capacity,
            alive=len(fleet.alive),
            surge=plan.surge,
            shared=project.settings.shared_volumes,
            probed="health" in project.written or self.stack.platform.images.has_healthcheck(plan.target.image),
        )
        return capacity


def _refuse_waiting(state: JournalState | None) -> None:
    """An operation that waits is not broken off: people decide about it. Raises LockHeld."""
    if state and state.waiting:
        raise LockHeld(f"another operation is not finished: {state}", TAKE_UP)


def _is_deploy_of(state: JournalState, target: Target) -> bool:
    """Whether that operation was a deploy of this release that was not being put back."""
    return state.header.request is not None and state.header.target.release == target.release and not state.returning
