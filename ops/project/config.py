"""The Compose project as Compose reads it, with its x-videa section.

The merged model comes from ``docker compose config``, so Compose itself handles includes, overlays, profiles and
interpolation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import msgspec

from ops.engine.answers import Answers
from ops.engine.compose import Compose
from ops.errors import ConfigError, UsageError
from ops.project import dotenv
from ops.project.folder import OVERLAY, Place, check_env_files, env_files, find_place, read_env_file
from ops.project.image_template import names_in, solve
from ops.project.inputs import current_inputs
from ops.project.managed import Managed, read_managed, site
from ops.project.mappings import as_mapping
from ops.project.model_cache import remembered
from ops.project.published import Published, published
from ops.project.section import problems
from ops.project.sections import Sections, find_sections
from ops.project.settings import EngineKind, Receiver, Settings, effective
from ops.project.startup import one_shots_of
from ops.project.update import SECTIONS, update_rules
from ops.route import Address, Route, entrance

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
    """Every service that videa scales; empty stands for only the one of ``settings``."""
    default: str = ""
    """The service that a command means if it names none; empty if there is only one, or if it must name one."""

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
        """The same project, run by ``engine``, whatever its file says."""
        managed = {
            name: replace(each, settings=msgspec.structs.replace(each.settings, engine=engine))
            for name, each in self.managed.items()
        }
        return replace(self, settings=msgspec.structs.replace(self.settings, engine=engine), managed=managed)

    def image_of(self, service: str) -> str:
        """The image of any service in the Compose file; Compose's default name if the image is only built."""
        return str(self.model["services"][service].get("image") or f"{self.name}-{service}")

    def scale_command(self, replicas: int) -> str:
        """What a user types to scale this service."""
        named = f"{self.settings.service}=" if len(self.services) > 1 else ""
        return f"videa scale {named}{replicas}"

    @property
    def default_service(self) -> str:
        """The service that a command shows if it names none."""
        return self.default or self.settings.service

    @property
    def implied_service(self) -> str:
        """The service that a command changes if it names none. Raises UsageError if it must name one."""
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
        """The targets of notifications, wherever they are written."""
        found = {name: each for managed in self.managed.values() for name, each in managed.settings.notify.items()}
        return {**found, **self.settings.notify}

    @property
    def served(self) -> tuple[str, ...]:
        """The services that get requests, in the order of the file."""
        return tuple(name for name in self.services if not self.of(name).settings.worker)

    @property
    def routes(self) -> dict[str, Route]:
        """Which requests each service gets."""
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
        """How a client requests ``live_path``; if no route leads there, the place where this service's route begins."""
        return entrance(self.settings.service, self.live_path, self.routes)

    @property
    def env_files(self) -> tuple[Path, ...]:
        """The env files that Compose reads; the last one that sets a variable takes precedence."""
        return env_files(self._place, self.compose.files, self.environment)

    @property
    def env_file(self) -> Path:
        """The env file that records an operation's result: of the existing ones, the one that takes precedence."""
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
            replicas=_variable(deploy.get("replicas", raw.get("scale"))),
            image=_variable(raw.get("image")),
            release=_variable(as_mapping(raw.get("labels")).get("videa.release")),
        )

    @property
    def image_template(self) -> str:
        """The image of this service as the file has it, with its variables. Raises ConfigError."""
        return self.image_template_of(self.settings.service)

    def image_template_of(self, service: str) -> str:
        """The image of any service as the file has it, "" if it has none. Raises ConfigError."""
        return str(self._raw["services"][service].get("image") or "")

    def image_variables(self, image: str) -> dict[str, str] | None:
        """The values of the variables with which the service's image is ``image``; None if no variable can name it."""
        return solve(self.image_template, image) or None

    @property
    def own_variables(self) -> frozenset[str]:
        """Variables of the Compose file that only a release reads: the scaled service, its followers and its one-shots.

        A variable that others also read, such as the database's password, does not depend on the release.
        """
        services, service = self._raw["services"], self.settings.service
        own = {service, *self.settings.also, *one_shots_of(services, service)}
        others = {name: spec for name, spec in services.items() if name not in own}
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

    def config_hashes(self) -> Mapping[str, str]:
        """Service -> the config hash with which Compose would label its containers now. Raises ConfigError."""
        services: Iterable[Mapping[str, Any]] = self.model["services"].values()
        if any(each.get("configs") or each.get("secrets") for each in services):  # their content may count, too
            return self.compose.config_hashes()
        return remembered(self._place, self.compose, "hashes", self.compose.config_hashes)

    @property
    def _place(self) -> Place:
        return Place(self.directory, self.compose.directory, self.compose.project_directory is not None)

    @cached_property
    def _raw(self) -> Mapping[str, Any]:
        """The model without interpolation."""
        read = partial(_read_model, self.compose, interpolate=False)
        return remembered(self._place, self.compose, "written", read)

    @property
    def published(self) -> Published | None:
        """The published port of the balancer on the engine's host; None if there is none."""
        balancer = self.model["services"].get(self.settings.balancer) or {}
        return published(balancer.get("ports"))


def load(
    files: tuple[str, ...] = (),
    name: str | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    answers: Answers | None = None,
) -> Project:
    """Reads the project in the current folder, in ``directory``, or of ``files`` (like ``docker compose -f``).

    ``answers``: what Compose has said before, see ``remembering``. Raises ConfigError if there is no Compose file,
    Compose refuses it, or its x-videa section is wrong.
    """
    environment = dict(os.environ if environment is None else environment)
    place, compose = _compose(files, name, environment, directory, answers)
    model = remembered(place, compose, "model", partial(_read_model, compose))
    try:
        sections = find_sections(model)
    except ConfigError as error:
        if (files or environment.get("COMPOSE_FILE")) and (place.directory / OVERLAY).is_file():
            raise ConfigError(error.message, f"-f or COMPOSE_FILE leaves out {OVERLAY}: do without them") from error
        raise
    return _project(place, compose, model, sections)


def _read_model(compose: Compose, interpolate: bool = True) -> Mapping[str, Any]:
    """What Compose says now. Raises ConfigError."""
    from ops.project.compose_model import read_model

    return read_model(compose, interpolate)


def remembering(files: tuple[str, ...] = (), directory: Path | None = None) -> Answers:
    """For calls of ``load`` with the same arguments: Compose is asked again only after its files have changed."""
    environment, start = dict(os.environ), Path.cwd()
    return Answers(lambda: current_inputs(files, environment, directory, start))


def _project(place: Place, compose: Compose, model: Mapping[str, Any], sections: Sections) -> Project:
    """Raises ConfigError."""
    managed = read_managed(model, sections)
    chosen = managed[site(managed, sections.default)]
    return Project(
        name=str(model["name"]),
        directory=place.directory,
        compose=compose,
        model=model,
        settings=chosen.settings,
        written=chosen.written,
        environment=compose.environment,
        managed=managed,
        default=sections.default,
    )


def examine(
    files: tuple[str, ...] = (), name: str | None = None, directory: Path | None = None
) -> tuple[list[ConfigError], Project | None]:
    """Everything that is wrong in the x-videa section of the project that ``load`` would read, and the project.

    The project is None if it cannot be read because of that. Raises ConfigError if there is no Compose file or no
    section, or Compose refuses the file.
    """
    place, compose = _compose(files, name, dict(os.environ), directory)
    model = _read_model(compose)
    sections = find_sections(model)
    found = [problem for written in sections.written.values() for problem in problems(dict(written))]
    if found:
        return found, None
    try:
        project = _project(place, compose, model, sections)
    except ConfigError as error:
        return [error], None
    return [*_unobeyable(model, project.managed)], project


def _unobeyable(model: Mapping[str, Any], managed: Mapping[str, Managed]) -> Iterator[ConfigError]:
    """What Compose's own keys ask for and videa cannot do."""
    for name, service in managed.items():
        for section in SECTIONS:
            try:
                update_rules(model["services"][name], service.settings, section=section)
            except ConfigError as error:
                yield error


def _compose(
    files: tuple[str, ...],
    name: str | None,
    environment: Mapping[str, str],
    directory: Path | None,
    answers: Answers | None = None,
) -> tuple[Place, Compose]:
    place = find_place(files, environment, Path.cwd(), directory)
    check_env_files(env_files(place, files, environment))
    chosen = place.directory if place.chosen else None
    return place, Compose(files, name, place.base, environment, chosen, answers)


def replica_count(service: Mapping[str, Any]) -> int:
    """The number of replicas that a definition in the merged model asks for."""
    deploy = service.get("deploy") or {}
    return int(deploy.get("replicas", service.get("scale", 1)))


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
        used = sorted(names_in(project.image_template)) if key == "image" else [variable] if variable else []
        source = ", ".join(f"{name}: {read_env_value(project, name)[1]}" for name in used) or "Compose file"
        rows.append((key, value, source))
    return rows + effective(project.settings, dict(project.written))


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
