"""Runs the checks of nginx for every nginx of a swarm; their findings name the node. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ops.doctor.check import Check, Finding
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import BALANCER, BALANCER_REACH, BALANCER_UP, TRAFFIC

OF_NGINX = {BALANCER, BALANCER_UP, BALANCER_REACH, TRAFFIC}
"""The sources about nginx, except the published port, which can be queried only from its own node."""


def views(check: Check, facts: Facts) -> list[tuple[str, Facts]]:
    """The facts for each run of a check, with the name of the nginx's node; "" if the check is not about nginx."""
    edges = [edge for edge in facts.edges or [] if not edge.reason]
    if not edges or not OF_NGINX.intersection(check.needs):
        return [("", facts)]
    return [
        (edge.node, facts if edge.balancer is None else replace(facts, balancer=edge.balancer, traffic=edge.traffic))
        for edge in edges
    ]


def run(check: Check, node: str, facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The findings of a check in one of its views. May raise anything."""
    for finding in check.run(facts, limits):
        yield replace(finding, title=f"{finding.title} (nginx on {node})", node=node) if node else finding
