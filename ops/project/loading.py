"""Reads the Compose project of a folder or of files, with its x-videa section.

The merged model comes from ``docker compose config``, so Compose itself handles includes, overlays, profiles and
interpolation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ops.engine.answers import Answers
from ops.engine.compose import Compose
from ops.errors import ConfigError
from ops.project.config import Project
from ops.project.folder import OVERLAY, Place, check_env_files, env_files, find_place
from ops.project.inputs import current_inputs
from ops.project.managed import Managed, read_managed, site
from ops.project.model_cache import model_of
from ops.project.section import problems
from ops.project.sections import Sections, find_sections
from ops.project.update import SECTIONS, update_rules


def load(
    files: tuple[str, ...] = (),
    name: str | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    answers: Answers | None = None,
) -> Project:
    """Reads the project in the current folder, in ``directory``, or of ``files`` (like ``docker compose -f``).

    ``answers``: earlier answers of Compose, see ``remembering``. Raises ConfigError if there is no Compose file,
    Compose refuses it, or its x-videa section is wrong.
    """
    environment = dict(os.environ if environment is None else environment)
    place, compose = _compose(files, name, environment, directory, answers)
    model = model_of(place, compose)
    try:
        sections = find_sections(model)
    except ConfigError as error:
        if (files or environment.get("COMPOSE_FILE")) and (place.directory / OVERLAY).is_file():
            raise ConfigError(error.message, f"-f or COMPOSE_FILE leaves out {OVERLAY}: do without them") from error
        raise
    return _project(place, compose, model, sections)


def remembering(files: tuple[str, ...] = (), directory: Path | None = None) -> Answers:
    """A cache for ``load`` with the same arguments: Compose is asked again only after its files have changed."""
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
    """All errors in the x-videa section of the project that ``load`` would read, and the project.

    The project is None if the errors prevent reading it. Raises ConfigError if there is no Compose file or no section,
    or Compose refuses the file.
    """
    from ops.project.compose_model import read_model

    place, compose = _compose(files, name, dict(os.environ), directory)
    model = read_model(compose)
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
    """The requests in Compose's own keys that videa cannot fulfil."""
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
