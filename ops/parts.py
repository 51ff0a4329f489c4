"""What an operation does to one service: the plan and the inputs that it was made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from ops.errors import UsageError
from ops.events import Emit
from ops.fleet import Fleet
from ops.planning import check_plan, deploy_plan, scale_plan, wanted_replicas
from ops.preflight import Capacity
from ops.rollout.entries import Following, Header, JournalState
from ops.rollout.one_shots import due, overrides_of, with_one_shots
from ops.rollout.ready import fleet_with_started
from ops.rollout.remembering import check_remembering
from ops.rollout.request import Request
from ops.rollout.targets import running_target
from ops.stack import Stack
from ops.steps import Plan, Remember, RunOnce, Target

MAX_REPLICAS = 200


@dataclass(frozen=True, slots=True)
class Part:
    """The plan for one service. ``wanted``: number of replicas at its end; ``request``: None for a scale.

    ``capacity``: the available resources, None if not measured; ``header``: the journal header of a resumed operation.
    """

    stack: Stack
    plan: Plan
    fleet: Fleet
    wanted: int
    request: Request | None = None
    capacity: Capacity | None = None
    header: Header | None = None

    @property
    def service(self) -> str:
        return self.stack.project.settings.service

    @property
    def most(self) -> int:
        """The largest number of replicas at the same time."""
        return len(self.fleet.alive) + self.plan.surge

    @property
    def or_remembered(self) -> Part:
        """This part; if it has no steps, a part that only records the current state."""
        if self.plan.steps:
            return self
        return replace(self, plan=Plan((Remember(self.wanted),), self.plan.target, self.plan.summary))


def scale_part(stack: Stack, wanted: Callable[[int], int], force: bool, emit: Emit) -> Part:
    """Scales the service. ``wanted``: maps the current to the wanted number of replicas; ``force``: allows 0.

    Raises UsageError, PlanRefused, EngineError.
    """
    fleet = stack.fleet()
    replicas = wanted(len(fleet.alive))
    if not 0 <= replicas <= MAX_REPLICAS:
        raise UsageError(f"cannot scale to {replicas} replicas", f"use a number from 0 to {MAX_REPLICAS}")
    if replicas == 0 and not force:
        raise UsageError("0 replicas would stop the service", "to stop it anyway: videa scale 0 --force")
    target = running_target(stack, fleet, growing=replicas > len(fleet.alive))
    plan = scale_plan(stack, fleet, replicas, target)
    capacity = check_plan(stack, plan, fleet, emit) if replicas > len(fleet.alive) else None
    check_remembering(stack.project, target, replicas, emit)
    return Part(stack, plan, fleet, replicas, None, capacity)


def deploy_part(stack: Stack, target: Target, request: Request, same: JournalState | None, emit: Emit) -> Part:
    """Replaces the replicas of other releases. ``same``: the state of this deploy, if it was interrupted or waits.

    Raises PlanRefused, EngineError.
    """
    service = stack.project.settings.service
    here = same if same and (same.header.service or service) == service else None
    fleet = stack.fleet() if request.force else fleet_with_started(stack, target.release, emit)
    wanted = wanted_replicas(stack, fleet)
    plan = deploy_plan(stack, request, fleet, wanted, target, here)
    part = Part(stack, plan, fleet, wanted, request, header=here.header if here else None)
    if here:
        part = part.or_remembered
    if not part.plan.steps:
        return part
    check_remembering(stack.project, target, wanted, emit)
    return replace(part, capacity=check_plan(stack, part.plan, fleet, emit))


def with_due_one_shots(parts: Sequence[Part]) -> list[Part]:
    """The parts of a deploy; the first part with changes also runs the one-shot services of all parts.

    Raises PlanRefused, EngineError, ConfigError.
    """
    overrides = dict(overrides_of([part.plan.target for part in parts]))
    names = [name for part in parts for name in due(part.stack, part.plan)]
    once = tuple(RunOnce(name, overrides) for name in dict.fromkeys(names))
    if not once:
        return list(parts)
    first = next((number for number, part in enumerate(parts) if part.plan.steps), 0)
    part = parts[first]
    for step in once:
        part.stack.platform.check_complete(step.service, step.overrides)
    request = msgspec.structs.replace(part.request or Request(), once=once)
    prepared = replace(part, request=request, plan=with_one_shots(part.plan, once))
    return [*parts[:first], prepared, *parts[first + 1 :]]


def continued_part(stack: Stack, rest: Following, emit: Emit, state: JournalState | None = None) -> Part:
    """The rest of an operation. ``state``: None if it had not reached this service. Raises PlanRefused, EngineError."""
    if rest.request is None:
        fleet = stack.fleet()
        plan = scale_plan(stack, fleet, rest.wanted, rest.target)
    else:
        fleet = fleet_with_started(stack, rest.target.release, emit)
        plan = deploy_plan(stack, rest.request, fleet, rest.wanted, rest.target, state)
    part = Part(stack, plan, fleet, rest.wanted, rest.request, header=state.header if state else None)
    return part.or_remembered
