"""Fixes as swarm commands: in a swarm, each container is a service with one task, which Compose does not know. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from ops.doctor.check import Finding
from ops.doctor.facts import Facts

Reword = Callable[["re.Match[str]", Callable[[str], Sequence[str]]], str]

_NAME = r"([\w.-]+)"
_WORDS: tuple[tuple[str, Reword], ...] = (
    (r"docker compose logs", lambda found, names: "videa logs"),
    (rf"docker compose up -d --force-recreate {_NAME}", lambda found, names: f"videa up --recreate {found[1]}"),
    (rf"docker compose up -d(?: --[a-z-]+)*(?: {_NAME})?", lambda found, names: "videa up"),
    (rf"docker compose kill -s HUP {_NAME}", lambda found, names: "videa doctor --fix --apply"),
    (
        rf"docker compose restart(?: --timeout \d+)? {_NAME}",
        lambda found, names: "; ".join(f"docker service update --force {name}" for name in names(found[1])),
    ),
    (
        rf"docker compose exec {_NAME}",
        lambda found, names: f"on its node: docker exec $(docker ps -qf name={names(found[1])[0]})",
    ),
    (rf"docker logs((?: --tail \d+)?) {_NAME}", lambda found, names: f"docker service logs{found[1]} {found[2]}"),
    (rf"docker restart {_NAME}", lambda found, names: f"docker service update --force {found[1]}"),
    (rf"docker start {_NAME}", lambda found, names: f"docker service scale {found[1]}=1"),
    (rf"docker rm -f {_NAME}", lambda found, names: f"docker service rm {found[1]}"),
    (rf"docker unpause {_NAME}", lambda found, names: f"on its node: docker unpause $(docker ps -qf name={found[1]})"),
)
"""A command for a single engine, and its equivalent on a swarm; ``names``: the containers of a service."""


def reworded(findings: Iterable[Finding], facts: Facts) -> list[Finding]:
    """The findings with fixes that work on a swarm, if the project runs on one."""
    if facts.swarm is None or not facts.swarm.nodes:
        return list(findings)
    return [replace(each, fix=_reworded(each, facts)) for each in findings]


def _reworded(finding: Finding, facts: Facts) -> str:
    def names(service: str) -> Sequence[str]:
        if finding.node and service == facts.balancer_service:
            return [edge.name for edge in facts.edges or [] if edge.node == finding.node]
        return [each.name for each in facts.replicas_of(service)] or [service]

    fix = finding.fix
    for pattern, reword in _WORDS:
        fix = re.sub(pattern, lambda found, reword=reword: reword(found, names), fix)  # type: ignore[misc]
    return fix
