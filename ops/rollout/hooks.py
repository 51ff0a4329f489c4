"""Commands of the project before, during and after a deploy, run in one-off containers of the new release.

An example is a migration. Their place in a plan is pure; Compose's `run` runs them. After a crash a hook may run again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ops.errors import EngineError, OperationFailed, PlanRefused
from ops.project.settings import Hooks
from ops.redaction.typed import shown
from ops.stack import Stack
from ops.steps import Follow, Hook, Plan, Remember, Route, Split, Start, Step, Target

CHANGED = "the Compose file was changed meanwhile: restore it, or apply it at a quiet time: videa down, then videa up"


def with_hooks(plan: Plan, hooks: Hooks, also: tuple[str, ...] = ()) -> Plan:
    """The plan of a deploy with the project's hooks, and with the services that follow its release.

    pre_deploy runs before any change; pre_traffic before the first new replica gets requests; post_traffic when all
    requests go to the new release and the old replicas still exist; post_deploy at the end. A plan without steps is
    returned unchanged.
    """
    return replace(plan, steps=tuple(_steps(plan, hooks, also))) if plan.steps else plan


def _steps(plan: Plan, hooks: Hooks, also: tuple[str, ...]) -> Iterator[Step]:
    steps = plan.steps
    start = next((place for place, step in enumerate(steps) if isinstance(step, Start)), len(steps))
    routes = [place for place, step in enumerate(steps) if isinstance(step, Route | Split) and place > start]
    last = max((place for place, step in enumerate(steps) if isinstance(step, Route)), default=-1)
    if hooks.pre_deploy:
        yield Hook("pre_deploy", hooks.pre_deploy)
    for place, step in enumerate(steps):
        if hooks.pre_traffic and routes and place == routes[0]:
            yield Hook("pre_traffic", hooks.pre_traffic)
        if also and isinstance(step, Remember):
            yield Follow(also)
        yield step
        if hooks.post_traffic and place == last:
            yield Hook("post_traffic", hooks.post_traffic)
    if hooks.post_deploy:
        yield Hook("post_deploy", hooks.post_deploy)


def run_hook(stack: Stack, hook: Hook, target: Target) -> None:
    """Runs a hook in a container of ``target``. Raises OperationFailed if it fails, takes too long or must not run."""
    project = stack.project
    timeout = project.settings.hooks.timeout
    name = f"{project.name}-videa-{hook.name.replace('_', '-')}"
    try:
        stack.platform.task(name, command_line(hook), target, timeout)
    except PlanRefused as error:
        raise OperationFailed(f"the hook {hook.name} did not run: {error.message}", CHANGED) from error
    except EngineError as error:
        known = [hook.command, project.service.get("environment")]
        raise OperationFailed(
            f"the hook {hook.name} failed: {shown(error.message, known)}",
            "--verbose shows its output",
            shown(error.detail, known),
        ) from error


def command_line(hook: Hook) -> tuple[str, ...]:
    """The command line of a hook in its container."""
    return ("sh", "-c", hook.command) if isinstance(hook.command, str) else hook.command
