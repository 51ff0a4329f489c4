"""Recreates a removed container exactly as it was, independent of the current Compose file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.engine.client import Engine, engine_errors
from ops.engine.images import EngineImages

SHORT_ID = 12


def snapshot(engine: Engine, container: str) -> Mapping[str, Any]:
    """All details that ``recreate`` needs; empty if the container does not exist. Raises EngineError."""
    with engine_errors(f"inspect {container}", missing_ok=True):
        details: Mapping[str, Any] = engine.sdk.api.inspect_container(container)
        return details
    return {}


def recreate(engine: Engine, details: Mapping[str, Any]) -> str:
    """Creates and starts a container from its snapshot: name, labels, image, limits, networks. Returns its name.

    The image has its name as before, or its digest if the name now refers to another image. Raises EngineError.
    """
    name = str(details["Name"]).lstrip("/")
    networks: Mapping[str, Any] = details["NetworkSettings"]["Networks"]
    config, image = configuration(details), image_of(engine, details)
    first, *others = networks
    endpoints = {first: {"Aliases": _aliases(networks[first], details["Id"])}}
    with engine_errors(f"recreate {name}"):
        api = engine.sdk.api
        created = api.create_container_from_config(  # type: ignore[no-untyped-call]
            {
                **config,
                "Image": image,
                "HostConfig": details["HostConfig"],
                "NetworkingConfig": {"EndpointsConfig": endpoints},
            },
            name,
        )
        for network in others:
            api.connect_container_to_network(created["Id"], network, aliases=_aliases(networks[network], details["Id"]))
        api.start(created["Id"])
    return name


def configuration(details: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a container for another one: without a host name that the engine has generated."""
    config = dict(details["Config"])
    if details["Id"].startswith(config.get("Hostname") or "-"):
        del config["Hostname"]
    return config


def image_of(engine: Engine, details: Mapping[str, Any]) -> str:
    """The name of a container's image, or its digest if the name now refers to another image. Raises EngineError."""
    name, digest = str(details["Config"]["Image"]), str(details["Image"])
    return name if EngineImages(engine).is_same(name, digest) else digest


def _aliases(network: Mapping[str, Any], container: str) -> list[str]:
    """The container's aliases in a network, without its old id."""
    return [alias for alias in network.get("Aliases") or [] if alias != container[:SHORT_ID]]
