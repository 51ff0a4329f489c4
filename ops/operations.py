"""What an operator asks for: scale, deploy and rollback, from the request to the proof, one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from ops.balancer.proof import Proof, TrafficProof
from ops.capacity import measure
from ops.config import read_env_value
from ops.engine.images import has_healthcheck, image_id
from ops.errors import Interrupted, PlanRefused, UsageError, VideaError
from ops.events import Emit, Note
from ops.pins import check_writable
from ops.preflight import Capacity, check
from ops.rollout import history, kept
from ops.rollout.fleet import Fleet
from ops.rollout.hooks import with_hooks
from ops.rollout.journal import Journal, Opening, Story
from ops.rollout.lock import Lease, Lock
from ops.rollout.operator import whoami
from ops.rollout.origin import origin
from ops.rollout.request import Request, plan_deploy
from ops.rollout.runner import Runner
from ops.rollout.scale import plan_scale
from ops.rollout.starts import at_once
from ops.rollout.steps import Plan, Remember, Start, Target
from ops.rollout.targets import running_target, variables_of
from ops.stack import Stack

MAX_REPLICAS = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation did. ``proof`` is None for a dry run and when nothing was to be done.

    ``capacity``: what there is to share, where that was asked; ``most``: replicas at once; ``verdicts``: of a canary.
    """

    plan: Plan
    seconds: float
    proof: Proof | None
    verdicts: tuple[str, ...] = ()
    capacity: Capacity | None = None
    most: int = 0


@dataclass
class Operation:
    """An operation that is planned and then carried out while its traffic is watched. ``command``: as it was typed."""

    stack: Stack
    emit: Emit
    command: str = "videa"
    proof: Proof | None = field(default=None, init=False)

    @property
    def journal(self) -> Journal:
        """The project's journal, as it is on the engine."""
        compose = self.stack.project.compose
        begun = origin(compose.files, compose.project, compose.environment)
        return Journal(self.stack.engine, self.stack.project.name, begun)

    def _locked(self) -> AbstractContextManager[Lease]:
        """Holds the project's lock. Raises LockHeld."""
        return Lock(self.stack.engine, self.stack.project.name).hold(self.command)

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
            plan = plan_scale(fleet, replicas, target)
            capacity = self._check(plan, fleet) if replicas > len(fleet.alive) else None
            self._check_remembering(target, replicas)
            if lease is None:
                return Outcome(plan, 0.0, None, (), capacity, len(fleet.alive) + plan.surge)
            story = self.journal.read()
            self._superseded(story)
            return self._carry_out(plan, self._opening(fleet, target, replicas, None), lease, "scale")

    def deploy(
        self, target: Target, request: Request | None = None, dry_run: bool = False, action: str = ""
    ) -> Outcome:
        """Replaces the replicas of other releases by ones of ``target``, as ``request`` asks for.

        Goes on with a deploy of the same release that was broken off. Raises LockHeld, PlanRefused and what the steps
        raise.
        """
        request = request or Request()
        with nullcontext() if dry_run else self._locked() as lease:
            fleet = self.stack.fleet()
            wanted = self._wanted(fleet)
            story = self.journal.read()
            same = story if story and _is_deploy_of(story, target) else None
            plan = self._plan_deploy(request, fleet, wanted, target, same)
            if story and not plan.steps:
                plan = Plan((Remember(wanted),), target, plan.summary)
            capacity = self._check(plan, fleet) if plan.steps else None
            if plan.steps:
                self._check_remembering(target, wanted)
            if lease is None or not plan.steps:
                return Outcome(plan, 0.0, None, (), capacity, len(fleet.alive) + plan.surge)
            if same:
                self.emit(Note(f"going on with {same}"))
            else:
                self._superseded(story)
            opening = same.opening if same else self._opening(fleet, target, wanted, request)
            for found in {member.replica.release: member.replica for member in fleet.ready}.values():
                kept.found(self.stack, "found", found.release, found.image, found.image_id, len(fleet.ready))
            return self._carry_out(plan, opening, lease, action or request.strategy.value, going_on=same is not None)

    def rollback(self, release: str | None = None, request: Request | None = None, dry_run: bool = False) -> Outcome:
        """Deploys an earlier release with its own environment: the one named, else the last that does not run now.

        Raises UsageError, PlanRefused, ConfigError, and what ``deploy`` raises.
        """
        project = self.stack.project
        running = {member.replica.release for member in self.stack.fleet().alive}
        entry = kept.choose(history.read(project.directory), running, release)
        return self.deploy(kept.rollback_target(self.stack, entry), request, dry_run, action="rollback")

    def resume(self) -> Outcome:
        """Ends an operation that was broken off: as it was asked for or, if it was being put back, as it was before.

        Raises PlanRefused when there is none, and what the steps raise.
        """
        with self._locked() as lease:
            story = self._broken_off()
            if story.returning:
                return self._put_back(story, lease)
            opening = story.opening
            fleet = self.stack.fleet()
            if opening.request is None:
                plan = plan_scale(fleet, opening.wanted, opening.target)
            else:
                plan = self._plan_deploy(opening.request, fleet, opening.wanted, opening.target, story)
            plan = plan if plan.steps else Plan((Remember(opening.wanted),), plan.target, plan.summary)
            self.emit(Note(f"going on with {story}"))
            action = opening.request.strategy.value if opening.request else "scale"
            return self._carry_out(plan, opening, lease, action, going_on=True)

    def abort(self) -> Outcome:
        """Puts back an operation that was broken off. Raises PlanRefused when there is none, and what steps raise."""
        with self._locked() as lease:
            return self._put_back(self._broken_off(), lease)

    def _plan_deploy(self, request: Request, fleet: Fleet, wanted: int, target: Target, story: Story | None) -> Plan:
        """The plan from here on; ``story``: of the same deploy, when it was broken off."""
        before, reached = (story.opening.before, story.reached) if story else (None, 0.0)
        settings = self.stack.project.settings
        together = at_once(self.stack.engine.machine.cpus)
        plan = plan_deploy(request, fleet, wanted, target, before, reached, together)
        return with_hooks(plan, settings.hooks, settings.also)

    def _put_back(self, story: Story, lease: Lease) -> Outcome:
        self.emit(Note(f"putting back {story}"))
        journal = self.journal
        journal.go_on()
        runner = Runner(self.stack, journal, lease, story.opening, self.emit)
        plan = Plan((), story.opening.target, f"put back: {story.opening.command}")
        return self._watched(plan, lambda: runner.undo(self.stack.fleet()), runner, "abort")

    def _carry_out(self, plan: Plan, opening: Opening, lease: Lease, action: str, going_on: bool = False) -> Outcome:
        journal = self.journal
        if going_on:
            journal.go_on()
        else:
            journal.begin(opening)
        runner = Runner(self.stack, journal, lease, opening, self.emit)
        return self._watched(plan, lambda: runner.run(plan), runner, action)

    def _watched(self, plan: Plan, act: Callable[[], None], runner: Runner, action: str) -> Outcome:
        """Acts while all traffic is watched, and writes the history. Raises what ``act`` does."""
        begun, result = time.monotonic(), "videa was killed"
        watch = TrafficProof(self.stack.engine, self.stack.balancer_container.id, self.stack.url)
        watch.start()
        try:
            act()
            result = history.DONE
        except Interrupted:
            result = "interrupted"
            raise
        except VideaError as error:
            result = error.message
            raise
        finally:
            self.proof = watch.stop()
            seconds = time.monotonic() - begun
            self._record(plan, runner, action, result, seconds)
        return Outcome(plan, seconds, self.proof, tuple(runner.monitor.verdicts))

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
                image_id=image_id(self.stack.engine, image),
                replicas=runner.opening.wanted,
                seconds=round(seconds, 3),
                requests=proof.requests if proof else None,
                failed=proof.failed if proof else None,
                slowest_ms=round(proof.slowest_ms, 1) if proof else None,
                verdicts=tuple(runner.monitor.verdicts),
                variables=kept.variables_now(project),
            )
            history.append(project.directory, entry)
            if entry.deployed:
                kept.keep(self.stack, entry.image_id, entry.release, entries)
        except VideaError as error:
            self.emit(Note(f"the history is not complete: {error.message}"))

    def _opening(self, fleet: Fleet, target: Target, wanted: int, request: Request | None) -> Opening:
        self.stack.declare((member.replica for member in fleet.alive if member.listed), serving=True)
        project = self.stack.project
        served = [member.name for member in fleet.alive if member.listed]
        values = {name: read_env_value(project, name) for name in variables_of(project, target, wanted)}
        return Opening(
            command=self.command,
            who=whoami(),
            time=time.time(),
            wanted=wanted,
            target=target,
            before=tuple(member.name for member in fleet.members),
            served=tuple(served),
            variables={name: value if source == ".env" else None for name, (value, source) in values.items()},
            request=request,
        )

    def _broken_off(self) -> Story:
        story = self.journal.read()
        if story is None:
            raise PlanRefused("no operation was broken off", "see `videa status` and `videa history`")
        return story

    def _superseded(self, story: Story | None) -> None:
        if story:
            self.emit(Note(f"{story} was broken off; this operation takes its place"))

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
        project = self.stack.project
        capacity = measure(self.stack, [member.name for member in fleet.alive], self.emit)
        check(
            project.service,
            project.settings.service,
            capacity,
            alive=len(fleet.alive),
            surge=plan.surge,
            shared=project.settings.shared_volumes,
            probed="health" in project.written or has_healthcheck(self.stack.engine, plan.target.image),
        )
        return capacity

    def _check_remembering(self, target: Target, replicas: int) -> None:
        project = self.stack.project
        check_writable(project, variables_of(project, target, replicas))
        if project.pins.replicas is None and replicas != project.replicas:
            name = f"{project.settings.service.upper()}_REPLICAS"
            self.emit(
                Note(
                    f"the Compose file says {project.replicas} replicas, and a plain `docker compose up -d` will go "
                    f"back to that; write `replicas: ${{{name}:-{project.replicas}}}` there, and videa remembers it"
                )
            )


def _is_deploy_of(story: Story, target: Target) -> bool:
    """Whether that operation was a deploy of this release that was not being put back."""
    return story.opening.request is not None and story.opening.target.release == target.release and not story.returning
