"""Creates the balancer's container before it starts, which shortens the moment without a listener."""

from __future__ import annotations

from collections import Counter

from ops.engine.compose import up_arguments
from ops.engine.effects import run_harmless
from ops.errors import EngineError
from ops.models import Container
from ops.platform.ports import Permit
from ops.stack import Stack


def create_balancer(stack: Stack, permit: Permit) -> Container:
    """The container of the balancer, created if there is none; it does not start, and nothing else changes.

    Raises PlanRefused if Compose would end something for it, for example to recreate a network, and EngineError.
    """
    project = stack.project
    balancer = project.settings.balancer
    if present := stack.platform.container(balancer):
        return present
    numbers = Counter(container.service for container in stack.containers())
    scale = {name: numbers[name] for name in project.served}
    arguments = up_arguments(project.compose, [balancer], "--no-recreate", scale=scale, start=False)
    run_harmless(project.compose, arguments, {}, permit=permit)
    created = stack.platform.container(balancer)
    if created is None:
        raise EngineError(f"Compose has not created {balancer}", "see its definition in the Compose file")
    return created
