"""One-off containers: like a running container, but with another command, and not part of the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ops.engine import recreate
from ops.engine.client import Engine, engine_errors
from ops.engine.files import copy_files
from ops.engine.replicas import ONEOFF
from ops.models import UserCommand

_ONLY_FOR_REPLICAS: Mapping[str, Any] = {
    "PortBindings": {},
    "PublishAllPorts": False,
    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    "AutoRemove": False,
}


def create_like(
    engine: Engine, model: str, name: str, command: UserCommand, files: Iterable[str] = (), without: str = ""
) -> None:
    """Creates a container with the configuration of the container ``model``, and ``command``. Raises EngineError.

    ``files``: paths to copy from ``model``; ``without``: prefix of the labels that are not copied.
    """
    with engine_errors(f"create {name}"):
        details = engine.api.inspect_container(model)
        image = recreate.image_of(engine, details)
        config = {**configuration(details, command, without), "Image": image}
        recreate.create(engine, name, config, {network: {} for network in recreate.networks_of(details)})
    copy_files(engine, model, name, files)


def configuration(details: Mapping[str, Any], command: UserCommand, without: str = "") -> dict[str, Any]:
    """The configuration of a one-off container, from the engine's ``details`` of its model; without its networks.

    ``without``: prefix of the labels that are not copied. Compose's label for one-off containers keeps it out of the
    replicas. It has no health check, because the model's is for the service's own command.
    """
    config = recreate.configuration(details)
    labels = config.get("Labels") or {}
    own = {label: value for label, value in labels.items() if not (without and label.startswith(without))}
    names = command.environment.keys()
    inherited = [line for line in config.get("Env") or [] if line.partition("=")[0] not in names]
    return {
        **config,
        "Cmd": list(command.words),
        "Env": [*inherited, *(f"{name}={value}" for name, value in command.environment.items())],
        "User": command.user or config.get("User", ""),
        "WorkingDir": command.workdir or config.get("WorkingDir", ""),
        "Labels": {**own, ONEOFF: "True"},
        "Healthcheck": {"Test": ["NONE"]},
        "Tty": command.terminal,
        "OpenStdin": True,
        "StdinOnce": True,
        **dict.fromkeys(("AttachStdin", "AttachStdout", "AttachStderr"), True),
        "HostConfig": {**details["HostConfig"], **_ONLY_FOR_REPLICAS},
    }
