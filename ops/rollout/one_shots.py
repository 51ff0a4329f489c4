"""Services that run once before a release, such as a migration: ``depends_on`` with ``service_completed_successfully``.

Their place in a plan is pure. They run once per operation, before anything is switched; a rollback does not run them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from ops.errors import OneShotFailed
from ops.events import Emit, announced
from ops.platform.ports import Permit
from ops.project.startup import one_shots_of
from ops.redaction.typed import shown
from ops.rollout.entries import JournalState
from ops.stack import Stack
from ops.steps import Hook, Plan, RunOnce, Start, Target


def with_one_shots(plan: Plan, once: Collection[RunOnce]) -> Plan:
    """The plan with these one-shot services first, after a pre_deploy hook, which may make a backup."""
    hooks = [step for step in plan.steps[:1] if isinstance(step, Hook) and step.name == "pre_deploy"]
    return replace(plan, steps=(*hooks, *once, *plan.steps[len(hooks) :])) if once else plan


def left_of(once: Collection[RunOnce], state: JournalState | None) -> tuple[RunOnce, ...]:
    """Those that an interrupted operation has not completed: a step that was followed by another one is complete."""
    complete = state.steps[:-1] if state else ()
    return tuple(step for step in once if step not in complete)


def due(stack: Stack, plan: Plan) -> Iterator[str]:
    """The one-shot services that must run before the plan of a deploy, each after those that it waits for.

    All of them if it starts replicas; otherwise those that have changed or never run. Raises EngineError, ConfigError.
    """
    project = stack.project
    names = one_shots_of(project.model["services"], project.settings.service)
    if not names or any(isinstance(step, Start) for step in plan.steps):
        yield from names
        return
    containers = {container.service: container for container in stack.containers()}
    for name in names:
        container = containers.get(name)
        if (
            container is None
            or container.image_id != stack.platform.images.digest(project.image_of(name))
            or container.config_hash != project.compose.config_hash(name, plan.target.overrides)
        ):
            yield name


def run_one_shot(stack: Stack, step: RunOnce, permit: Permit) -> None:
    """Runs a one-shot service until it exits. Raises OneShotFailed with the end of its log, EngineError."""
    project = stack.project
    timeout = project.settings.hooks.timeout
    container = stack.platform.complete(step.service, step.overrides, permit, timeout)
    over = container.state not in ("exited", "dead")
    if not over and container.exit_code == 0:
        return
    source = project.model["services"][step.service].get("environment")
    words = shown(stack.platform.last_words(container.id), source=source)
    last = words.splitlines()[-1][:300] if words else "it printed nothing"
    if over:
        stack.platform.stop(container.id)
        raise OneShotFailed(f"{step.service} took over {timeout}: {last}", "increase x-videa.hooks.timeout", words)
    raise OneShotFailed(f"{step.service} failed with exit code {container.exit_code}: {last}", "see its log", words)


def build_one_shots(stacks: Collection[Stack], emit: Emit) -> None:
    """Builds the images of the one-shot services that have their own. Raises EngineError."""
    images = {stack.project.image for stack in stacks}
    for stack in stacks:
        project = stack.project
        for name in one_shots_of(project.model["services"], project.settings.service):
            if "build" in project.model["services"][name] and project.image_of(name) not in images:
                images.add(project.image_of(name))
                with announced(f"build {project.image_of(name)}", emit):
                    project.compose.run("build", name)


def overrides_of(targets: Collection[Target]) -> Mapping[str, str]:
    """The variables of all releases that an operation deploys."""
    return {name: value for target in targets for name, value in target.overrides.items()}
