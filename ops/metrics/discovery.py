"""The addresses of the replicas of all services, for Prometheus's http_sd. Pure.

https://prometheus.io/docs/prometheus/latest/http_sd/
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ops.models import Replica

META = "__meta_videa_"
"""Prefix of labels that are available only during relabeling."""


def targets(
    project: str, services: Iterable[tuple[int, Collection[Replica]]], listed: Collection[str], network: str
) -> list[dict[str, Any]]:
    """One entry for each running replica that has an address. ``services``: (port, replicas).

    ``network``: its name in the Compose file; "" for the first one by name; ``listed``: the replicas that the balancer
    sends requests to.
    """
    return [
        {
            "targets": [f"[{address}]:{port}" if ":" in address else f"{address}:{port}"],
            "labels": {
                "project": project,
                "service": replica.service,
                "replica": replica.name,
                f"{META}release": replica.release,
                f"{META}state": replica.state,
                f"{META}in_balancer": str(replica.name in listed).lower(),
            },
        }
        for port, replicas in services
        for replica in replicas
        if replica.running and (address := _address(replica.networks, project, network))
    ]


def _address(networks: Mapping[str, str], project: str, network: str) -> str:
    names = (f"{project}_{network}", network) if network else sorted(networks)
    return next((networks[name] for name in names if networks.get(name)), "")
