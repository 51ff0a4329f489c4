"""The Compose project as Compose reads it, with its x-videa section.

The merged model comes from ``docker compose config``, so Compose itself handles includes, overlays, profiles and
interpolation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ops.engine.compose import Compose
from ops.errors import ConfigError
from ops.project import dotenv
from ops.project.compose_model import as_mapping, read_model
from ops.project.folder import Place, check_env_files, env_files, find_place, read_env_file
from ops.project.published import Published, published
from ops.project.section import problems, read_settings
from ops.project.settings import Settings, effective

ANY_VARIABLE = re.compile(r"\$\{?(\w+)")
VARIABLE = re.compile(r"\$\{(\w+)(?::?[-?+][^}]*)?\}|\$(\w+)")


@dataclass(frozen=True)
class Pins:
    """The variables of the Compose file that record an operation's result; None if the file has a literal value."""

    replicas: str | None
    image: str | None
    release: str | None


@dataclass(frozen=True)
class Project:
    """A Compose project and its service that videa scales."""

    name: str
    directory: Path
    compose: Compose
    model: Mapping[str, Any]
    settings: Settings
    written: Mapping[str, Any] = field(repr=False)
    """The x-videa section as written in the file."""
    environment: Mapping[str, str] = field(repr=False)

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
    def env_files(self) -> tuple[Path, ...]:
        """The env files that Compose reads; the last one that sets a variable takes precedence."""
        return env_files(Place(self.directory, self.compose.directory), self.compose.files, self.environment)

    @property
    def env_file(self) -> Path:
        """The env file that records an operation's result: of the existing ones, the one that takes precedence."""
        files = self.env_files
        existing = (path for path in reversed(files) if path.exists())
        return next(existing, files[0] if files else self.directory / ".env")

    @property
    def image(self) -> str:
        """The service's image in the Compose file; Compose's default name if the image is only built."""
        return str(self.service.get("image") or f"{self.name}-{self.settings.service}")

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
            replicas=_variable(deploy.get("replicas", raw.get("scale"))),
            image=_variable(raw.get("image")),
            release=_variable(as_mapping(raw.get("labels")).get("videa.release")),
        )

    @property
    def own_variables(self) -> frozenset[str]:
        """Variables of the Compose file that only the scaled service and its followers read: they belong to a release.

        A variable that others also read, such as the database's password, does not depend on the release.
        """
        own = {self.settings.service, *self.settings.also}
        others = {name: spec for name, spec in self._raw["services"].items() if name not in own}
        return self.release_variables - _variables_in({**self._raw, "services": others})

    @property
    def release_variables(self) -> frozenset[str]:
        """Variables of the Compose file that the scaled service and its followers read. Raises ConfigError."""
        services = self._raw["services"]
        return _variables_in([services[name] for name in (self.settings.service, *self.settings.also)])

    def readers(self, variable: str) -> list[str]:
        """The services that read a variable, except the scaled one and its followers. Raises ConfigError."""
        own = {self.settings.service, *self.settings.also}
        services = self._raw["services"]
        return sorted(name for name, spec in services.items() if name not in own and variable in _variables_in(spec))

    @cached_property
    def _raw(self) -> Mapping[str, Any]:
        """The model without interpolation."""
        return read_model(self.compose, interpolate=False)

    @property
    def published(self) -> Published | None:
        """The published port of the balancer on the engine's host; None if there is none."""
        return published(self.model["services"][self.settings.balancer].get("ports"))


def load(files: tuple[str, ...] = (), name: str | None = None, environment: Mapping[str, str] | None = None) -> Project:
    """Reads the project in the current folder, or of ``files`` (like ``docker compose -f``).

    Raises ConfigError if there is no Compose file, Compose refuses it, or its x-videa section is wrong.
    """
    environment = dict(os.environ if environment is None else environment)
    place, compose = _compose(files, name, environment)
    model = read_model(compose)
    written = find_section(model)
    settings = read_settings(dict(written))
    _check_services(model, settings)
    return Project(str(model["name"]), place.directory, compose, model, settings, written, environment)


def find_problems(files: tuple[str, ...] = (), name: str | None = None) -> list[ConfigError]:
    """Everything that is wrong in the x-videa section of the project that ``load`` would read.

    Raises ConfigError if there is no Compose file or no section, or Compose refuses the file.
    """
    model = read_model(_compose(files, name, dict(os.environ))[1])
    written = dict(find_section(model))
    found = problems(written)
    if not found:
        try:
            _check_services(model, read_settings(written))
        except ConfigError as error:
            return [error]
    return found


def _compose(files: tuple[str, ...], name: str | None, environment: Mapping[str, str]) -> tuple[Place, Compose]:
    place = find_place(files, environment, Path.cwd())
    check_env_files(env_files(place, files, environment))
    return place, Compose(files=files, project=name, directory=place.base, environment=environment)


def replica_count(service: Mapping[str, Any]) -> int:
    """The number of replicas that a definition in the merged model asks for."""
    deploy = service.get("deploy") or {}
    return int(deploy.get("replicas", service.get("scale", 1)))


def find_section(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """The x-videa section at the top of the file, or of the one service that has it. Raises ConfigError."""
    services: Mapping[str, Any] = model.get("services") or {}
    claims = {name: _unless_empty(spec["x-videa"]) for name, spec in services.items() if "x-videa" in spec}
    top = _unless_empty(model["x-videa"]) if "x-videa" in model else None
    for key, section in (
        ("x-videa", top),
        *((f"services.{name}.x-videa", claim) for name, claim in claims.items()),
    ):
        if section is not None and not isinstance(section, dict):
            raise ConfigError(f"{key} must be a mapping", "write its keys below it, or {} for the defaults")
    if top is not None and isinstance(top.get("service"), list):
        raise ConfigError(
            f"x-videa.service names {len(top['service'])} services: {', '.join(map(str, top['service']))}",
            "videa scales one service of a Compose file: name only that service",
        )
    names = sorted({*claims, *([str(top.get("service", "backend"))] if top is not None else [])})
    if not names:
        raise ConfigError(
            "the Compose file has no x-videa section",
            "let `videa init` add it, or write `x-videa: {service: NAME, port: PORT}`",
        )
    if len(names) > 1:
        raise ConfigError(
            f"x-videa names two services: {', '.join(names)}",
            "videa scales one service of a Compose file: keep only one",
        )
    if top is not None:
        if claims:
            raise ConfigError("x-videa is defined twice: at the top and in the service", "keep only one")
        return dict(top)
    return {"service": names[0], **claims[names[0]]}


def read_env_value(project: Project, variable: str) -> tuple[str | None, str]:
    """A variable as Compose sees it: (value, "environment", ".env" or "default"). Raises ConfigError."""
    if variable in project.environment:
        return project.environment[variable], "environment"
    value = env_file_values(project).get(variable)
    return value, "default" if value is None else ".env"


def env_file_values(project: Project) -> dict[str, str]:
    """The variables in the project's env files. Raises ConfigError if one cannot be read."""
    values: dict[str, str] = {}
    for path in project.env_files:
        values |= dotenv.values(read_env_file(path), {**values, **project.environment})
    # The journal and the history cannot store bytes that are not UTF-8.
    return {name: value.encode(errors="surrogateescape").decode(errors="replace") for name, value in values.items()}


def effective_values(project: Project) -> list[tuple[str, str, str]]:
    """Every effective setting of videa: (key, value, source), without secrets. Raises ConfigError."""
    pins = project.pins
    rows = [("project", project.name, "Compose file"), ("folder", str(project.directory), "Compose file")]
    for key, variable, value in (
        ("image", pins.image, project.image),
        ("replicas", pins.replicas, str(project.replicas)),
        ("release", pins.release, as_mapping(project.service.get("labels")).get("videa.release") or "-"),
    ):
        source = f"{variable}: {read_env_value(project, variable)[1]}" if variable else "Compose file"
        rows.append((key, value, source))
    return rows + effective(project.settings, dict(project.written))


def _unless_empty(section: Any) -> Any:
    """An empty section means the defaults."""
    return {} if section is None else section


def _check_services(model: Mapping[str, Any], settings: Settings) -> None:
    services = model["services"]
    for key in ("service", "balancer"):
        wanted = getattr(settings, key)
        if wanted not in services:
            raise ConfigError(
                f"x-videa.{key}: there is no service {wanted!r} in the Compose file",
                f"its services: {', '.join(sorted(services))}",
            )
    for name in settings.also:
        if name not in services or name in (settings.service, settings.balancer):
            raise ConfigError(
                f"x-videa.also: {name!r} is not another service of the Compose file",
                f"its services: {', '.join(sorted(services))}",
            )
    if settings.service == settings.balancer:
        raise ConfigError(
            "x-videa.service and x-videa.balancer name the same service",
            "set x-videa.balancer to the service that runs nginx",
        )


def _variables_in(value: object) -> frozenset[str]:
    """The names of all variables in a part of the model."""
    if isinstance(value, str):
        return frozenset(ANY_VARIABLE.findall(value.replace("$$", "")))
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return frozenset(name for part in parts for name in _variables_in(part))


def _variable(text: object) -> str | None:
    """The variable if ``text`` is only that: "${BACKEND_IMAGE:-videa-backend:dev}" -> BACKEND_IMAGE; otherwise None."""
    match = VARIABLE.fullmatch(text) if isinstance(text, str) else None
    return (match[1] or match[2]) if match else None
