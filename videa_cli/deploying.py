"""Turns the options of ``videa deploy`` and ``videa plan`` into the targets and requests of the services."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.errors import UsageError

if TYPE_CHECKING:
    from ops.operations import Operation
    from ops.outcome import Outcome
    from ops.project.config import Project
    from ops.rollout.request import Request
    from ops.stack import Stack
    from ops.steps import Target

KEEP = "10m"
"""How long a blue-green deploy keeps the old set."""


@dataclass(frozen=True)
class Asked:
    """The options that apply to every service.

    ``keep``: a duration such as "10m", None for KEEP; ``surge``: None for the value in the Compose file.
    """

    strategy: str
    surge: int | None = None
    force: bool = False
    checks: tuple[str, ...] = ()
    keep: str | None = None
    pause_at: tuple[float, ...] = ()
    pull: bool = False
    despite_freeze: bool = False

    def request(self, project: Project) -> Request:
        """The request for one service. A worker is never deployed as a canary, because it gets no requests.

        Raises UsageError, ConfigError, PlanRefused.
        """
        from ops.project.units import parse_duration
        from ops.rollout.request import Request, Strategy

        try:
            seconds = parse_duration(self.keep or KEEP) if self.keep != "0" else 0.0
        except ValueError as error:
            raise UsageError(
                f"--keep: {error}", "use a duration such as 10m, or 0 to remove the old set at once"
            ) from error
        settings = project.settings
        if settings.worker:
            strategy = "rolling" if self.strategy == "canary" else self.strategy
            return paced(Request(Strategy(strategy), force=self.force, keep=float(seconds)), project, self.surge)
        steps = settings.canary.steps
        if unknown := [share for share in self.pause_at if share not in steps]:
            raise UsageError(
                f"--pause-at {unknown[0]:g} is not a step of the canary",
                f"x-videa.canary.steps has {', '.join(f'{step:g}' for step in steps)}",
            )
        request = Request(
            strategy=Strategy(self.strategy),
            force=self.force,
            keep=float(seconds),
            commands=tuple(check for check in self.checks if not check.startswith("/")),
            paths=tuple(check for check in self.checks if check.startswith("/")),
            shares=tuple(steps),
            pause_at=self.pause_at,
        )
        return paced(request, project, self.surge)


def paced(request: Request, project: Project, surge: int | None, section: str = "update") -> Request:
    """The request with the Compose file's settings for deploys or, with the ``section`` "rollback", for rollbacks.

    Raises ConfigError, and PlanRefused for a strategy that starts the new replicas first, if the file forbids it.
    """
    from msgspec.structs import replace

    from ops.errors import PlanRefused
    from ops.project.update import update_rules
    from ops.rollout.pace import Pace
    from ops.rollout.request import Strategy

    rules = update_rules(project.service, project.settings, surge, section)
    if request.strategy is Strategy.ROLLING:
        pace = Pace(rules.delay, rules.monitor, rules.stop_first, rules.pause)
        return replace(request, surge=rules.parallelism, pace=pace, taken=rules.taken)
    if rules.stop_first:
        source = next(source for key, _, source in rules.taken if key == "order")
        raise PlanRefused(
            f"a {request.strategy.value} deploy starts new replicas first, but {source}.order is stop-first",
            "use --rolling, or write order: start-first",
        )
    return request


def strategy_of(rolling: bool, blue_green: bool, canary: bool, keeps: bool, pauses: bool) -> str:
    """The strategy that the options select. Raises UsageError.

    ``keeps``: --check or --keep is used; ``pauses``: --pause-at is used.
    """
    if sum((rolling, blue_green, canary)) > 1:
        raise UsageError("--rolling, --blue-green and --canary cannot be used together", "choose one of them")
    if keeps and not blue_green:
        raise UsageError("--check and --keep need --blue-green", "add --blue-green, or remove them")
    if pauses and not canary:
        raise UsageError("--pause-at needs --canary", "add --canary, or remove it")
    return "blue-green" if blue_green else "canary" if canary else "rolling"


def deploy_services(
    operation: Operation,
    names: Collection[str],
    image: str | None,
    build: bool,
    asked: Asked,
    dry_run: bool,
    detach: bool = False,
) -> Outcome:
    """Deploys an image, a build, or the release that the Compose file defines. ``names``: the services, all if empty.

    Raises UsageError and the errors of ``deploy_all``.
    """
    from msgspec.structs import replace

    from ops.frozen import check_all
    from ops.project.startup import dependency_order
    from ops.rollout.one_shots import build_one_shots
    from ops.rollout.targets import images_to_pull, pull_images, return_tag

    if image is not None and build:
        raise UsageError("--image and --build cannot be used together", "choose one of them")
    if image is not None and not image.strip():
        raise UsageError("--image is empty", "name an image, such as app:42")
    project = operation.stack.project
    if image is not None:
        chosen = _with_this_image(project, names, image)
    else:
        chosen = [project.of(name).settings.service for name in names] or list(project.services)
    stacks = [operation.stack.of(name) for name in dependency_order(project.model["services"], chosen)]
    requests = [asked.request(stack.project) for stack in stacks]  # before anything is built
    check_all(project, () if asked.despite_freeze else chosen, time.time())
    pulls = [] if dry_run else images_to_pull(stacks, asked.pull, image)
    if build or pulls:
        operation.check_nothing_waits()  # before the new image gets the tag of the current one
    started = False
    try:
        if build:
            build_one_shots(stacks, operation.emit)
        pull_images(operation.stack, pulls, operation.emit)
        if image is not None:
            targets = _image_targets(stacks, chosen[0], image)
        else:
            targets = [_target(operation, stack, build, bool(names), dry_run) for stack in stacks]
        deploys = {
            stack.project.settings.service: (target, replace(request, pulled=bool(pulls)))
            for stack, target, request in zip(stacks, targets, requests, strict=True)
        }
        outcome = operation.deploy_all(deploys, dry_run, detach=detach)
        started = not dry_run
    finally:
        # If the built or pulled image does not run, a plain `docker compose up -d` must not start it.
        if (build or pulls) and not started and operation.journal.read() is None:
            for stack in stacks:
                return_tag(stack, bool(pulls))
    return outcome


def _with_this_image(project: Project, names: Collection[str], image: str) -> list[str]:
    """The service of --image, and those whose image has one of the changed variables. Raises UsageError."""
    from ops.project.image_template import names_in

    if len(names) > 1:
        raise UsageError("--image is for one service", "name one of them, or deploy what the Compose file defines")
    first = project.of(next(iter(names), "") or project.implied_service)
    changed = (first.image_variables(image) or {}).keys()
    others = [name for name in project.services if names_in(project.image_template_of(name)) & changed]
    return list(dict.fromkeys((first.settings.service, *others)))


def _image_targets(stacks: Collection[Stack], first: str, image: str) -> list[Target]:
    """The targets of the service ``first``, which gets the image, and of the services that share its variables."""
    from ops.rollout.targets import image_target, sharing_target

    named = next(stack for stack in stacks if stack.project.settings.service == first)
    target = image_target(named, image)
    variables = named.project.image_variables(image) or {}
    return [target if stack is named else sharing_target(stack, variables) for stack in stacks]


def _target(operation: Operation, stack: Stack, build: bool, named: bool, dry_run: bool) -> Target:
    """The target of one service. ``named``: the user has named the service."""
    from ops.rollout.targets import built_target, current_target

    definition = stack.project.service
    if definition.get("pull_policy") == "build" and "build" in definition and not dry_run:
        return built_target(stack, operation.emit)
    # Without names, services that have only an image are deployed as they are defined.
    if build and ("build" in stack.project.service or named or len(stack.project.services) == 1):
        return built_target(stack, operation.emit)
    return current_target(stack)
