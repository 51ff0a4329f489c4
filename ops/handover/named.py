"""Creates the container of a service that has a fixed name (`container_name`) beside its replicas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ops.engine.compose import more_arguments
from ops.engine.effects import run_harmless
from ops.platform.ports import Permit
from ops.project.plain import Plain
from ops.releases import CONFIG_HASH
from ops.stack import Stack

FILES = "com.docker.compose.project.config_files"
"""The label in which Compose names the files of a container, separated by commas."""


def name_of(definition: Mapping[str, Any]) -> str:
    """The fixed name; "" if the containers are numbered."""
    return str(definition.get("container_name") or "")


def create_named(stack: Stack, plain: Plain, service: str, total: int, permit: Permit) -> None:
    """Creates the container without starting it. ``total``: number of containers of the service afterwards.

    Compose refuses a second container of such a service. So Compose creates one without that name; then the container
    gets the name, and the labels by which a plain `docker compose up` recognizes it. Raises PlanRefused, EngineError.
    """
    name = name_of(plain.project.model["services"][service])
    before = {container.name for container in stack.containers()}
    with TemporaryDirectory() as folder:
        overlay = Path(folder) / "unnamed.yaml"
        overlay.write_text(f"services: {{{json.dumps(service)}: {{container_name: !reset null}}}}\n")
        unnamed = plain.with_overlay(overlay)
        run_harmless(unnamed, more_arguments(unnamed, service, total, start=False), {}, permit=permit)
    for container, details in stack.platform.details():
        if container.service == service and container.name not in before:
            files, _, _ = str(details["Config"]["Labels"][FILES]).rpartition(",")
            labels = {FILES: files, CONFIG_HASH: plain.project.compose.config_hash(service, {})}
            stack.platform.stand_ins.rename(container.name, name, labels)
