"""From a project to what `videa init` would write: finds, decides, checks. Writes nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ops.adopt import overlay
from ops.adopt.answers import LIKELY, LIVE, Answers
from ops.adopt.detect import Evidence, Found, Role, candidates
from ops.adopt.gather import Facts, answers, gather
from ops.adopt.notes import Note
from ops.adopt.places import place_of
from ops.adopt.plan import Adoption, Choice, free_name, health_of, plan, variable_name
from ops.balancer import packaged
from ops.errors import ConfigError, PlanRefused, UsageError
from ops.preflight import has_check
from ops.project import dotenv
from ops.project.compose_model import read_model
from ops.project.folder import read_env_file
from ops.project.managed import read_managed, site
from ops.project.pins import check_writable
from ops.project.plain import OVERLAY, Plain
from ops.project.sections import find_sections
from ops.stack import Stack


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator has said; None: find out."""

    service: str | None = None
    port: int | None = None
    health: str | None = None


Ask = Callable[[str, Sequence[str]], str]
"""Asks the operator a question with these answers. Raises UsageError where nobody can be asked."""


@dataclass(frozen=True)
class Proposal:
    """``before``, ``after``: the overlay; ``variables``: for .env; ``places``: note -> "compose.yaml:12".

    ``hands_over``: a running container of the service publishes a port, which is to move.
    """

    adoption: Adoption
    before: str
    after: str
    variables: Mapping[str, str | None]
    places: Mapping[Note, str]
    answered: Mapping[int, Answers]
    hands_over: bool

    @property
    def running(self) -> bool:
        """Whether the service answered while it was looked at."""
        return bool(self.answered)

    def differs(self, plain: Plain) -> bool:
        """Whether anything is to be written. Raises ConfigError."""
        before, after = env_after(plain, self.variables)
        return (self.before, before) != (self.after, after)


def propose(plain: Plain, stack: Stack, wanted: Wanted, ask: Ask) -> Proposal:
    """What init would write for a project. Changes nothing.

    Raises UsageError if it cannot know which service or port is meant and nobody answers, PlanRefused if the service
    cannot have several replicas, ConfigError, EngineError.
    """
    model = plain.project.model
    _refuse_own_section(plain)
    before = plain.overlay_text()
    section = overlay.section(before)
    balancer = str(section.get("balancer") or free_name(model["services"]))
    facts = gather(plain, stack, balancer)
    service = wanted.service or str(section.get("service") or "")
    found = _chosen(facts, service if service in model["services"] or wanted.service else "", ask)
    if wanted.port:
        found = replace(found, ports=(wanted.port,))
    paths = (wanted.health,) if wanted.health else tuple(filter(None, (found.health, *LIKELY, LIVE)))
    answered = answers(stack, facts, found, paths)
    spec = model["services"][found.service]
    if wanted.service is None and section.get("port") and not wanted.port:
        port = int(section["port"])
    else:
        port = _port(found, spec, answered, ask)
    health: dict[str, Any] = health_of(found, answered.get(port), spec)
    if wanted.health:
        health = {"ready": wanted.health}
    declared = has_check(spec)
    image = plain.project.image_of(found.service)
    checked = stack.platform.images.has_healthcheck(image) if declared is None else declared
    if section.get("health") and not wanted.health:
        health = dict(section["health"])
    shared = tuple(map(str, section.get("shared_volumes") or ()))
    choice = Choice(found.service, port, health, checked, shared, frozenset(facts.running))
    adoption = plan(choice, facts.found, model, facts.raw, facts.routes, balancer, packaged.reference())
    places = {note: place_of(plain, note.key) for note in adoption.notes if note.key}
    for note in adoption.refused:
        raise PlanRefused(
            f"{places.get(note) or '.'.join(note.key)}: {note.what}", f"{note.change}; nothing was changed"
        )
    after = overlay.write(adoption, before)
    variables: dict[str, str | None] = {"COMPOSE_FILE": plain.compose_file()}
    _check(plain, after, variables)
    return Proposal(adoption, before, after, variables, places, answered, _binds(facts, found.service))


def removal(plain: Plain) -> dict[str, str | None]:
    """The variables of .env after the overlay is taken away: None removes one. Raises ConfigError."""
    text = plain.overlay_text()
    if not text and not plain.adopted:
        raise ConfigError(f"there is no {OVERLAY} in {plain.folder}", "nothing to do: plain Compose runs this project")
    scaled = (str(overlay.section(text).get("service")), *overlay.workers(text))
    recorded = {"VIDEA_RELEASE", *map(variable_name, scaled)}
    users = str(plain.raw)
    own = {name for name in overlay.variables(text) & recorded if name not in users}
    files = None if plain.by_default else plain.separator.join(plain.files)
    return {"COMPOSE_FILE": files, **dict.fromkeys(sorted(own), None)}


def env_after(plain: Plain, variables: Mapping[str, str | None]) -> tuple[str, str]:
    """The text of .env before and after. Raises ConfigError."""
    text = read_env_file(plain.env_file)
    return text, dotenv.assign(text, variables, plain.project.environment)


def _refuse_own_section(plain: Plain) -> None:
    model: Mapping[str, Any] = plain.project.model
    if "x-videa" in model or any("x-videa" in spec for spec in model["services"].values()):
        raise ConfigError(
            f"{', '.join(plain.files)}: x-videa is already there",
            "this project needs no overlay: videa config shows its settings, videa up starts it",
        )


def _chosen(facts: Facts, service: str, ask: Ask) -> Found:
    """The service to scale. Raises UsageError."""
    by_name = {each.service: each for each in facts.found}
    if service and service not in by_name:
        raise UsageError(f"no service {service} in the Compose file", f"its services: {', '.join(sorted(by_name))}")
    if service:
        return by_name[service]
    http = candidates(facts.found)
    if not http:
        others = [each.service for each in facts.found if each.role is not Role.DATA]
        return by_name[ask("which service answers HTTP", others)]
    if len(http) == 1:
        return http[0]
    return by_name[ask("which service that answers HTTP gets replicas", [each.service for each in http])]


def _port(found: Found, spec: Mapping[str, Any], answered: Mapping[int, Answers], ask: Ask) -> int:
    """The port of the service that speaks HTTP. Raises UsageError."""
    if answered:
        return next(port for port in found.ports if port in answered)
    published = [port for port in found.ports if port in {int(each["target"]) for each in spec.get("ports") or ()}]
    unclear = found.evidence is Evidence.PUBLISHED and len(published) > 1 and found.ports[0] in published
    if found.ports and (not unclear or found.health):
        return found.ports[0]
    shown = ask(f"on which port {found.service} answers HTTP", [str(port) for port in found.ports])
    if not shown.isdecimal() or not 0 < int(shown) < 65536:
        raise UsageError(f"{shown!r} is not a port", "name it: --port PORT")
    return int(shown)


def _binds(facts: Facts, service: str) -> bool:
    """Whether a running container of the service publishes a port."""
    return any((details.get("HostConfig") or {}).get("PortBindings") for _, details in facts.running.get(service, ()))


def _check(plain: Plain, text: str, variables: Mapping[str, str | None]) -> None:
    """Refuses an overlay that Compose or videa would refuse, and an .env that cannot hold it. Raises ConfigError."""
    check_writable(plain.project, {name: value for name, value in variables.items() if value is not None})
    with tempfile.TemporaryDirectory(prefix="videa-init-") as folder:
        path = Path(folder) / OVERLAY
        path.write_text(text, encoding="utf-8")
        model = read_model(plain.with_overlay(path))
        sections = find_sections(model)
        site(read_managed(model, sections), sections.default)
