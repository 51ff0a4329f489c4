"""The definitions to create from: the merged Compose model, and the specs made from it for one node or any node."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ops.engine.client import Engine, engine_errors
from ops.engine.images import EngineImages
from ops.errors import PlanRefused
from ops.project.compose_model import read_model
from ops.project.config import Project
from ops.project.startup import one_shots_of
from ops.project.values import env_file_values
from ops.swarm import files
from ops.swarm.spec import Wanted, on_one_node, service_spec, unsupported

LONGEST = 63
"""Maximum characters of a service name, which is one label of a DNS name."""


@dataclass(frozen=True)
class Definitions:
    """The Compose file with values for some of its variables. ``earlier``: see ``Target``."""

    engine: Engine
    project: Project
    model: Mapping[str, Any]
    overrides: Mapping[str, str]
    earlier: bool = False
    _provided: dict[str, Mapping[str, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _hashes: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _images: dict[str, tuple[str, str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def read(cls, engine: Engine, project: Project, overrides: Mapping[str, str], earlier: bool = False) -> Definitions:
        """Raises ConfigError."""
        if not overrides:
            return cls(engine, project, project.model, overrides, earlier)
        compose = replace(project.compose, environment={**project.compose.environment, **overrides})
        return cls(engine, project, read_model(compose), overrides, earlier)

    def check(self, services: Collection[str]) -> None:
        """Raises PlanRefused if a service needs features that a swarm, or videa on a swarm, lacks, and ConfigError."""
        for name in services:
            if keys := unsupported(self.model, name):
                raise PlanRefused(
                    f"services.{name} has {', '.join(keys)}, which videa cannot give to a service of a swarm",
                    "remove it, or leave the service out with a profile; docs/swarm.md lists what is possible",
                )
            self._files(name)
            longest = service_name(f"{self.project.name}-{name}-9999")
            if len(longest) > LONGEST:
                raise PlanRefused(
                    f"{longest} is too long for the name of a service in a swarm", "give the project a shorter name"
                )

    def spec(
        self,
        service: str,
        number: int,
        node: str,
        *,
        image: str = "",
        release: str = "",
        placed: bool = False,
        running: bool = False,
    ) -> dict[str, Any]:
        """The spec of one container of a service. ``node``: see ``Wanted``. Raises EngineError, ImageUnavailable."""
        wanted = self.provided(self.wanted(service, number, node, image, release))
        once = service in self.one_shots
        return service_spec(self.model, replace(wanted, placed=placed, running=running, once=once))

    def wanted(self, service: str, number: int, node: str, image: str = "", release: str = "") -> Wanted:
        reference = image or str(self.model["services"][service].get("image") or f"{self.project.name}-{service}")
        return Wanted(
            project=self.project.name,
            service=service,
            name=f"{self.project.name}-{service}-{number}",
            number=number,
            image=self._image(reference)[0],
            reference=reference,
            image_id=self._image(reference)[1],
            config_hash=self.config_hash(service),
            release=release,
            node=node,
        )

    def provided(self, wanted: Wanted) -> Wanted:
        """Adds the service's secrets and configs, which it creates in the swarm. Raises ConfigError, EngineError."""
        owner = f"{wanted.service}/{wanted.release}" if wanted.release else ""
        if (key := owner or wanted.service) not in self._provided:
            given = self._files(wanted.service)
            self._provided[key] = files.provide(self.engine, self.project.name, given, owner, self.earlier)
        return replace(wanted, files=self._provided[key])

    def _files(self, service: str) -> list[files.File]:
        values = {**env_file_values(self.project), **self.project.environment, **self.overrides}
        return list(files.files_of(self.model, self.project.name, service, values.get))

    def config_hash(self, service: str) -> str:
        """The hash from a Compose process; computed only once, even for hundreds of replicas."""
        if service not in self._hashes:
            self._hashes[service] = self.project.compose.config_hash(service, self.overrides)
        return self._hashes[service]

    def bound(self, service: str) -> bool:
        """Whether a service must run on this manager: its files are here, or videa runs commands in it."""
        return service == self.project.settings.balancer or on_one_node(self.model["services"][service])

    @property
    def one_shots(self) -> set[str]:
        services = self.model["services"]
        return {each for name in services for each in one_shots_of(services, name)}

    def _image(self, reference: str) -> tuple[str, str]:
        """The image reference for the nodes, and the image's id."""
        if reference not in self._images:
            digest = EngineImages(self.engine).digest(reference)
            self._images[reference] = self._for_nodes(reference, digest), digest
        return self._images[reference]

    def _for_nodes(self, reference: str, digest: str) -> str:
        """The image by its digest: a node that has it does not ask the registry, and other nodes pull the same one."""
        with engine_errors(f"inspect {reference}"):
            known = self.engine.sdk.images.get(reference).attrs.get("RepoDigests") or []
        return str(known[0]) if known else digest


def service_name(name: str) -> str:
    """A name that Swarm accepts: videa's own names have dots."""
    return name.replace(".", "-")
