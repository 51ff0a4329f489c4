"""What the overlay adds to each service that gets replicas. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ops.adopt.routes import routing
from ops.project.mappings import as_mapping

RESET, RESET_LIST = object(), object()
"""Values of the user's files that Compose drops: `!reset`."""


def variable_name(service: str) -> str:
    """The variable for the number of replicas: WEB_REPLICAS."""
    return f"{re.sub(r'[^A-Z0-9]', '_', service.upper())}_REPLICAS"


def release_variable(service: str) -> str:
    """The variable for the release of a further service: API_RELEASE. One per service, as releases are per service."""
    return f"{variable_name(service).removesuffix('_REPLICAS')}_RELEASE"


def recorded_variables(service: str, others: Iterable[str], workers: Iterable[str]) -> tuple[str, ...]:
    """The variables that videa sets in the env file for the default service, other HTTP services, and workers."""
    others = tuple(others)
    return ("VIDEA_RELEASE", *map(release_variable, others), *map(variable_name, (service, *others, *workers)))


def service_part(
    service: str,
    spec: Mapping[str, Any],
    written: Mapping[str, Any],
    variables: Mapping[str, str],
    recorded: str = "VIDEA_RELEASE",
) -> dict[str, Any]:
    """What the overlay adds to a service that gets requests. ``recorded``: the variable for its release."""
    part: dict[str, Any] = {}
    if spec.get("ports"):
        part["ports"] = RESET_LIST
    if name := spec.get("container_name"):
        part["container_name"] = RESET
        part["networks"] = {
            network: {"aliases": [name]} for network in as_mapping(spec.get("networks")) or ("default",)
        }
    labels, _ = routing(spec)
    hidden = {name: RESET for name in labels if not name.startswith("traefik.")}
    if len(hidden) < len(labels):
        hidden["traefik.enable"] = "false"
    present = "videa.release" in as_mapping(written.get("labels"))
    release = {} if present else {"videa.release": f"${{{recorded}:-}}"}
    if hidden or release:
        part["labels"] = {**hidden, **release}
    if variables:
        own = as_mapping(written.get("environment"))
        # A variable from an env_file can only be overridden, and nginx-proxy ignores an empty VIRTUAL_HOST.
        part["environment"] = {name: RESET if name in own else "" for name in variables}
    return part | _replicas(service, written)


def worker_part(service: str, written: Mapping[str, Any], shared: Sequence[str] = ()) -> dict[str, Any]:
    """What the overlay adds to a worker: nothing that would make Compose recreate its containers.

    ``shared``: volumes that its replicas may share.
    """
    part = _replicas(service, written)
    if "deploy" not in written and "deploy" in part:
        part = {"scale": part["deploy"]["replicas"]}
    return {"x-videa": {"worker": True, **({"shared_volumes": list(shared)} if shared else {})}, **part}


def _replicas(service: str, written: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that turn the number of replicas into a variable; empty if it already is one."""
    number = written.get("scale", (written.get("deploy") or {}).get("replicas"))
    if "$" in str(number):
        return {}
    text = f"${{{variable_name(service)}:-{1 if number is None else number}}}"
    return {"scale": text} if "scale" in written else {"deploy": {"replicas": text}}
