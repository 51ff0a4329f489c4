"""The Compose file, `.env` or an image has changed since the containers were created."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_services import ServiceFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import CONTAINERS, DECLARED
from ops.doctor.words import listing


def drift(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """What Compose would create now differs from all running containers of a service.

    If the balancer has no container, nothing has been deployed yet: `videa up`, the fix of lb.no_live, comes first.
    """
    operation = facts.operation
    started = bool(facts.replicas_of(facts.balancer_service))
    if not started or facts.under_way or (operation and (operation.broken_off or operation.waiting)):
        return
    changed = {
        name: why for name, declared in present(facts.declared).items() if (why := _difference(facts, name, declared))
    }
    if not changed:
        return
    scaled = [name for name in changed if present(facts.declared)[name].scaled]
    others = [name for name in changed if name not in scaled]
    fixes = ["videa deploy" if len(scaled) == 1 else f"videa deploy {' '.join(scaled)}"] if scaled else []
    fixes += [f"videa up --recreate {name}" for name in others]
    yield Finding(
        "deploy.drift",
        Severity.INFO,
        f"{listing(list(changed))} changed since the last deploy",
        "\n".join(f"{name}: {why}" for name, why in changed.items()),
        "the change is not active, and becomes active with the next deploy or restart by Compose",
        "\n".join(fixes),
    )


def _difference(facts: Facts, name: str, declared: ServiceFacts) -> str:
    """What has changed; "" if nothing has or it is unknown."""
    running = [each for each in facts.replicas_of(name) if each.running and each.config_hash]
    if not running or not declared.config_hash:
        return ""
    if all(each.config_hash != declared.config_hash for each in running):
        return "the Compose file or .env"
    if declared.image_id and all(each.image_id != declared.image_id for each in running):
        return f"its image is another one now ({declared.image_id.removeprefix('sha256:')[:12]})"
    return ""


CHECKS = (Check("deploy.drift", Group.APP, "file, .env or image changed I", "own", (CONTAINERS, DECLARED), drift),)
