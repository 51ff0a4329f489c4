"""Recreates a removed container exactly as it was, independent of the current Compose file."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from typing import Any

from ops.engine.client import Engine, engine_errors
from ops.engine.files import read_files, write_files
from ops.engine.images import EngineImages

SHORT_ID = 12
"""Number of characters of a container's id that are its name in each of its networks."""
FILES = "VideaFiles"
"""Key of a snapshot: the files that Compose has copied into the container, which are not in its configuration."""
SECRETS = "/run/secrets/"
ADDED = 1
"""The engine's number for a file that is not in the image."""
ENDPOINT = ("IPAMConfig", "DriverOpts")
"""The settings of a container in a network, besides its aliases and the values that the engine has chosen."""


def snapshot(engine: Engine, container: str, copied: Collection[str] = ()) -> Mapping[str, Any]:
    """All details that ``recreate`` needs; empty if the container does not exist. Raises EngineError.

    ``copied``: paths of the files that Compose copies according to the present Compose file. Secrets from an earlier
    Compose file are found in the folder for secrets.
    """
    details: Mapping[str, Any] = {}
    with engine_errors(f"inspect {container}", missing_ok=True):
        details = engine.api.inspect_container(container)
    if not details or not copied:
        return details
    with engine_errors(f"look for copied files in {container}", missing_ok=True):
        added = {str(change["Path"]) for change in engine.api.diff(container) if change["Kind"] == ADDED}
        paths = {*copied, *(path for path in added if path.startswith(SECRETS))}
        archives = read_files(engine, container, sorted(paths))
        return {**details, FILES: {path: base64.b64encode(archive).decode() for path, archive in archives.items()}}
    return {}


def recreate(engine: Engine, details: Mapping[str, Any]) -> str:
    """Creates and starts a container from its snapshot, as ``create_again`` does. Returns its name.

    Raises EngineError.
    """
    name = create_again(engine, details)
    with engine_errors(f"start {name}"):
        engine.api.start(name)
    return name


def create_again(engine: Engine, details: Mapping[str, Any]) -> str:
    """Creates a container from its snapshot: name, labels, image, limits, networks, files. Returns its name.

    The image is given by its name, or by its digest if the name now refers to another image. Raises EngineError.
    """
    name = str(details["Name"]).lstrip("/")
    networks: Mapping[str, Any] = details["NetworkSettings"]["Networks"] or {}
    config, image = configuration(details), image_of(engine, details)
    endpoints = {network: endpoint(networks[network], details) for network in networks_of(details)}
    with engine_errors(f"recreate {name}"):
        create(engine, name, {**config, "Image": image, "HostConfig": details["HostConfig"]}, endpoints)
    files: Mapping[str, str] = details.get(FILES) or {}
    write_files(engine, name, {path: base64.b64decode(archive) for path, archive in files.items()})
    return name


def renamed(details: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """A snapshot with another name, also in its network aliases, and with other values for ``labels``. Pure."""
    old, networks = str(details["Name"]).lstrip("/"), details["NetworkSettings"]["Networks"] or {}

    def inside(settings: Mapping[str, Any]) -> dict[str, Any]:
        return {**settings, "Aliases": [name if each == old else each for each in settings.get("Aliases") or []]}

    return {
        **details,
        "Name": name,
        "Config": {**details["Config"], "Labels": {**details["Config"]["Labels"], **labels}},
        "NetworkSettings": {"Networks": {network: inside(settings) for network, settings in networks.items()}},
    }


def create(engine: Engine, name: str, config: Mapping[str, Any], endpoints: Mapping[str, Mapping[str, Any]]) -> None:
    """Creates a container in networks. ``endpoints``: network name -> the container's settings there, in this order.

    Raises Refused.
    """
    first, *others = endpoints.items() or [("", {})]
    inside = {"EndpointsConfig": dict([first])} if endpoints else {}
    engine.api.create_container_from_config({**config, "NetworkingConfig": inside}, name)
    for network, settings in others:
        engine.api.connect(network, name, settings)


def configuration(details: Mapping[str, Any]) -> dict[str, Any]:
    """A container's configuration for use in a new one: without a host name that the engine has generated.

    A container that uses the network of another one has no host name and no ports of its own.
    """
    config = dict(details["Config"])
    shares = str(details["HostConfig"].get("NetworkMode")).startswith("container:")
    if shares or details["Id"].startswith(config.get("Hostname") or "-"):
        config.pop("Hostname", None)
    if shares:
        config.pop("ExposedPorts", None)
    return config


def networks_of(details: Mapping[str, Any]) -> list[str]:
    """The networks of a container, that of its network mode first; empty if it uses the network of another one."""
    mode = details["HostConfig"].get("NetworkMode")
    return sorted(details["NetworkSettings"]["Networks"] or {}, key=lambda name: name != mode)


def image_of(engine: Engine, details: Mapping[str, Any]) -> str:
    """The name of a container's image, or its digest if the name now refers to another image. Raises EngineError."""
    name, digest = str(details["Config"]["Image"]), str(details["Image"])
    return name if EngineImages(engine).is_same(name, digest) else digest


def endpoint(network: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a container in a network: its aliases without its old id, fixed addresses, options."""
    aliases = [alias for alias in network.get("Aliases") or [] if alias != details["Id"][:SHORT_ID]]
    return {"Aliases": aliases, **{key: network[key] for key in ENDPOINT if network.get(key)}}
