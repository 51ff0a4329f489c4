"""The Compose project as Compose has read it, with its x-videa section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from ops.engine.compose import Compose
from ops.errors import UsageError
from ops.project.folder import Place, env_files
from ops.project.image_template import solve
from ops.project.managed import Managed
from ops.project.mappings import as_mapping
from ops.project.model_cache import model_of, remembered
from ops.project.published import Published, published
from ops.project.settings import EngineKind, Receiver, Settings
from ops.project.startup import one_shots_of
from ops.project.variables import only_variable, variables_in
from ops.route import Address, Route, entrance


@dataclass(frozen=True)
class Pins:
    """The variables of the Compose file that record an operation's result; None if the file has a literal value."""

    replicas: str | None
    image: str | None
    release: str | None


@dataclass(frozen=True)
class Project:
    """A Compose project and one of its services that videa scales; ``of`` selects another one."""

    name: str
    directory: Path
    compose: Compose
    model: Mapping[str, Any]
    settings: Settings
    written: Mapping[str, Any] = field(repr=False)
    """The x-videa section as written in the file."""
    environment: Mapping[str, str] = field(repr=False)
    managed: Mapping[str, Managed] = field(default_factory=dict, repr=False)
    """All services that videa scales; empty means only the one in ``settings``."""
    default: str = ""
    """The default service of commands; empty if there is only one service, or if commands must name one."""

    def of(self, service: str) -> Project:
        """The same project, with another service that videa scales. Raises UsageError."""
        if service == self.settings.service:
            return self
        if service not in self.managed:
            raise UsageError(
                f"videa does not scale {service!r}", f"the services with x-videa: {', '.join(self.services)}"
            )
        chosen = self.managed[service]
        return replace(self, settings=chosen.settings, written=chosen.written)

    def on(self, engine: EngineKind) -> Project:
        """The same project, run by ``engine`` regardless of its file."""
        managed = {
            name: replace(each, settings=msgspec.structs.replace(each.settings, engine=engine))
            for name, each in self.managed.items()
        }
        return replace(self, settings=msgspec.structs.replace(self.settings, engine=engine), managed=managed)

    def image_of(self, service: str) -> str:
        """The image of any service in the Compose file; Compose's default name if the image is only built."""
        return str(self.model["services"][service].get("image") or f"{self.name}-{service}")

    def scale_command(self, replicas: int) -> str:
        """The command that a user types to scale this service."""
        named = f"{self.settings.service}=" if len(self.services) > 1 else ""
        return f"videa scale {named}{replicas}"

    @property
    def default_service(self) -> str:
        """The service that a command shows if it is not given one."""
        return self.default or self.settings.service

    @property
    def implied_service(self) -> str:
        """The service that a command changes if it is not given one. Raises UsageError if the command needs one."""
        if not self.default and len(self.served) > 1:
            raise UsageError(
                f"which service? {', '.join(self.served)} get requests",
                "name it, or write `x-videa: {service: NAME}` at the top of the Compose file",
            )
        return self.default_service

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the services that videa scales, in the order of the file."""
        return tuple(self.managed) or (self.settings.service,)

    @property
    def receivers(self) -> dict[str, Receiver]:
        """The targets of notifications, from any section."""
        found = {name: each for managed in self.managed.values() for name, each in managed.settings.notify.items()}
        return {**found, **self.settings.notify}

    @property
    def served(self) -> tuple[str, ...]:
        """The services that get requests, in the order of the file."""
        return tuple(name for name in self.services if not self.of(name).settings.worker)

    @property
    def routes(self) -> dict[str, Route]:
        """The routes: which requests each service gets."""
        return {name: self.of(name).settings.route.effective for name in self.served}

    @property
    def service(self) -> Mapping[str, Any]:
        """The Compose definition of the scaled service."""
        definition: Mapping[str, Any] = self.model["services"][self.settings.service]
        return definition

    @property
    def live_path(self) -> str:
        """A path for requests that go through the balancer: the liveness path, "/" if none is declared."""
        health = self.settings.health
        return health.live or health.ready or "/"

    @property
    def entrance(self) -> Address:
        """How a client requests ``live_path``; if no route leads to it, the beginning of this service's route."""
        return entrance(self.settings.service, self.live_path, self.routes)

    @property
    def env_files(self) -> tuple[Path, ...]:
        """The env files that Compose reads; the last one that sets a variable takes precedence."""
        return env_files(self._place, self.compose.files, self.environment)

    @property
    def env_file(self) -> Path:
        """The env file that records an operation's result: the existing one that takes precedence."""
        files = self.env_files
        existing = (path for path in reversed(files) if path.exists())
        return next(existing, files[0] if files else self.directory / ".env")

    @property
    def image(self) -> str:
        """The image of this service, see ``image_of``."""
        return self.image_of(self.settings.service)

    @property
    def replicas(self) -> int:
        """The number of replicas that a plain ``docker compose up`` runs."""
        return replica_count(self.service)

    @cached_property
    def pins(self) -> Pins:
        """The variables for the replica count, the image and the release. Raises ConfigError."""
        raw = self._raw["services"][self.settings.service]
        deploy = raw.get("deploy") or {}
        return Pins(
            replicas=only_variable(deploy.get("replicas", raw.get("scale"))),
            image=only_variable(raw.get("image")),
            release=only_variable(as_mapping(raw.get("labels")).get("videa.release")),
        )

    @property
    def image_template(self) -> str:
        """The image of this service as written in the file, with its variables. Raises ConfigError."""
        return self.image_template_of(self.settings.service)

    def image_template_of(self, service: str) -> str:
        """The image of any service as written in the file, "" if it has none. Raises ConfigError."""
        return str(self._raw["services"][service].get("image") or "")

    def image_variables(self, image: str) -> dict[str, str] | None:
        """The values of the variables that make the service's image ``image``; None if no values can."""
        return solve(self.image_template, image) or None

    @property
    def own_variables(self) -> frozenset[str]:
        """Variables of the Compose file that only a release reads: the scaled service, its followers and its one-shots.

        A variable that others also read, such as the database's password, does not depend on the release.
        """
        services, service = self._raw["services"], self.settings.service
        own = {service, *self.settings.also, *one_shots_of(services, service)}
        others = {name: spec for name, spec in services.items() if name not in own}
        return self.release_variables - variables_in({**self._raw, "services": others})

    @property
    def release_variables(self) -> frozenset[str]:
        """Variables of the Compose file that the scaled service and its followers read. Raises ConfigError."""
        services = self._raw["services"]
        return variables_in([services[name] for name in (self.settings.service, *self.settings.also)])

    def readers(self, variable: str) -> list[str]:
        """The services that read a variable, except the scaled one and its followers. Raises ConfigError."""
        own = {self.settings.service, *self.settings.also}
        services = self._raw["services"]
        return sorted(name for name, spec in services.items() if name not in own and variable in variables_in(spec))

    def config_hashes(self) -> Mapping[str, str]:
        """Service -> the config hash with which Compose would label its containers now. Raises ConfigError."""
        services: Iterable[Mapping[str, Any]] = self.model["services"].values()
        if any(each.get("configs") or each.get("secrets") for each in services):  # their content may matter, too
            return self.compose.config_hashes()
        return remembered(self._place, self.compose, "hashes", self.compose.config_hashes)

    @property
    def _place(self) -> Place:
        return Place(self.directory, self.compose.directory, self.compose.project_directory is not None)

    @cached_property
    def _raw(self) -> Mapping[str, Any]:
        """The model without interpolation."""
        return model_of(self._place, self.compose, interpolate=False)

    @property
    def published(self) -> Published | None:
        """The published port of the balancer on the engine's host; None if there is none."""
        balancer = self.model["services"].get(self.settings.balancer) or {}
        return published(balancer.get("ports"))


def replica_count(service: Mapping[str, Any]) -> int:
    """The number of replicas in a definition of the merged model."""
    deploy = service.get("deploy") or {}
    return int(deploy.get("replicas", service.get("scale", 1)))
