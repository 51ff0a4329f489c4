"""Plans an operation from the current state. A plan that cannot work is refused before anything changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ops.capacity import measure
from ops.ejected import Ejected
from ops.errors import PlanRefused
from ops.events import Emit
from ops.fleet import Fleet
from ops.notices import ProbedByConnect
from ops.preflight import Capacity, check, check_paused, has_check
from ops.probes import TcpConnect
from ops.rollout.batches import parallelism
from ops.rollout.entries import JournalState
from ops.rollout.hooks import with_hooks
from ops.rollout.one_shots import left_of, with_one_shots
from ops.rollout.request import Request, Strategy, plan_deploy
from ops.rollout.scale import plan_scale
from ops.rollout.side_effects import check_steps
from ops.rollout.waiting import resumed
from ops.stack import Stack
from ops.steps import Drain, Plan, Route, Start, Target


def scale_plan(stack: Stack, fleet: Fleet, replicas: int, target: Target) -> Plan:
    """The plan that scales to ``replicas``; ejected replicas are not returned to the balancer. Raises EngineError."""
    ejected = Ejected(stack.store, stack.project.name)
    plan = plan_scale(fleet, replicas, target, ejected.names(member.replica for member in fleet.members))
    return _for_worker(plan) if stack.project.settings.worker else plan


def deploy_plan(
    stack: Stack, request: Request, fleet: Fleet, wanted: int, target: Target, state: JournalState | None
) -> Plan:
    """The remaining plan of a deploy. ``state``: of the same deploy, if it was interrupted or waits.

    ``wanted``: number of replicas at the end. Raises PlanRefused, EngineError.
    """
    before, reached = (state.header.before, state.reached) if state else (None, 0.0)
    settings = stack.project.settings
    if request.pace.stop_first and stack.platform.creates_alone:
        raise PlanRefused(
            f"order: stop-first is not possible for {settings.service}, because Compose starts its stopped replicas "
            "again when it runs post_start hooks or copies configs and secrets",
            "write order: start-first, or use files for its configs and secrets",
        )
    batch = parallelism(stack.platform.machine.cpus)
    plan = plan_deploy(request, fleet, wanted, target, before, reached, batch)
    plan = resumed(plan, state) if state else plan
    if settings.worker:
        plan = _for_worker(plan)
    else:
        _check_someone_serves(plan, settings.service)
    if request.strategy is Strategy.MOVE:
        return plan  # the release stays the same, so no other step of a deploy runs
    once = left_of((state.header.request or request).once if state else request.once, state)
    return with_one_shots(with_hooks(plan, settings.hooks, settings.also), once)


def _check_someone_serves(plan: Plan, service: str) -> None:
    """Refuses a plan that leaves the balancer without a replica. Raises PlanRefused."""
    if any(isinstance(step, Route) and not step.names and not step.started for step in plan.steps):
        raise PlanRefused(
            f"order: stop-first would leave {service} without a replica that serves",
            f"write order: start-first, or a smaller parallelism, or run more replicas: videa scale {service}=N",
        )


def _for_worker(plan: Plan) -> Plan:
    """The plan without balancer steps: the balancer sends no requests to a worker."""
    return replace(plan, steps=tuple(step for step in plan.steps if not isinstance(step, Route | Drain)))


def wanted_replicas(stack: Stack, fleet: Fleet) -> int:
    """The number of replicas after a deploy: the one requested last, even if an interrupted deploy left more or fewer.

    Raises PlanRefused if no replica is running.
    """
    project = stack.project
    wanted = project.replicas if project.pins.replicas else len(fleet.alive)
    if wanted < 1:
        raise PlanRefused("no replica is running, so there is nothing to replace", "start one first: videa scale 1")
    return wanted


def check_plan(stack: Stack, plan: Plan, fleet: Fleet, emit: Emit) -> Capacity | None:
    """Checks a plan that starts replicas. Returns the available resources; None if the plan starts none.

    Raises PlanRefused, EngineError.
    """
    if not any(isinstance(step, Start) for step in plan.steps):
        return None
    check_paused(member.replica for member in fleet.members)
    project = stack.project
    with ThreadPoolExecutor(max_workers=1) as pool:  # in parallel: Compose takes a tenth of a second
        harmless = pool.submit(check_steps, stack.platform, plan, len(fleet.members))
        capacity = measure(stack, [member.name for member in fleet.alive], emit)
        harmless.result()
    check(
        project.service,
        project.settings.service,
        capacity,
        alive=len(fleet.alive),
        surge=plan.surge,
        shared=project.settings.shared_volumes,
    )
    if _by_connect(stack, plan.target):
        emit(ProbedByConnect())
    return capacity


def _by_connect(stack: Stack, target: Target) -> bool:
    """Whether a TCP connection decides that the new replicas are ready. Raises EngineError."""
    if not isinstance(stack.own_declaration.probe(live=False, has_check=False), TcpConnect):
        return False
    declared = has_check(stack.project.service)
    return not (stack.platform.images.has_healthcheck(target.image) if declared is None else declared)
