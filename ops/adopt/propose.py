"""Works out what `videa init` would write for a project: detects, decides, checks. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ops.adopt import overlay
from ops.adopt.answers import LIKELY, LIVE, Answers
from ops.adopt.choosing import http_port, requests_of, services_of
from ops.adopt.detect import Found, speaks_grpc, tasks_of
from ops.adopt.gather import Facts, gather
from ops.adopt.gather import answers as gathered_answers
from ops.adopt.merged import balancer_of, check, literally
from ops.adopt.notes import Note, only_one
from ops.adopt.places import includes, place_of
from ops.adopt.plan import Adoption, Choice, free_name, plan
from ops.adopt.readiness import check_fails, health_of
from ops.adopt.records import hide, readers
from ops.adopt.sharing import Agree, agreed, check_said, may_share
from ops.adopt.wanted import Ask, Wanted
from ops.balancer import packaged
from ops.errors import ConfigError, PlanRefused
from ops.preflight import has_check
from ops.project import dotenv
from ops.project.folder import read_env_file
from ops.project.plain import Plain
from ops.stack import Stack


@dataclass(frozen=True)
class Proposal:
    """``before``, ``after``: the overlay; ``variables``: for .env; ``places``: note -> "compose.yaml:12".

    ``hands_over``: a running container of the service publishes a port, which moves to the balancer.
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
        """Whether the service was running and answered during detection."""
        return bool(self.answered)

    def differs(self, plain: Plain) -> bool:
        """Whether there is anything to write. Raises ConfigError."""
        before, after = env_after(plain, self.variables)
        return (self.before, before) != (self.after, after)


def propose(plain: Plain, stack: Stack, wanted: Wanted, ask: Ask, agree: Agree = lambda question: False) -> Proposal:
    """What init would write for a project. Changes nothing. ``agree``: asks questions that have a default answer.

    Raises UsageError if the service or port is ambiguous and no user can be asked, PlanRefused if the service cannot
    have several replicas, ConfigError, EngineError.
    """
    model = plain.project.model
    _refuse_own_section(plain)
    check_said(model["services"], wanted.share)
    before = plain.overlay_text()
    section = overlay.section(before)
    balancer = str(section.get("balancer") or free_name(model["services"]))
    facts = gather(plain, stack, balancer)
    chosen = services_of(facts, wanted, section, overlay.others(before), ask)
    _refuse(plain, [note for each in chosen for note in only_one(each.service, model["services"][each.service])])
    asked = {each.service: _asked(plain, stack, facts, each, wanted) for each in chosen}
    requests = requests_of(facts, chosen, wanted, section, overlay.others(before), ask)
    first, *rest = (
        _choice(plain, stack, facts, each, asked[each.service], _section(section, before, each), wanted, ask)
        for each in chosen
    )
    others = tuple(replace(each, requests=requests[each.service]) for each in rest)
    said = wanted.share | agreed(model["services"], _shared(facts, (first, *others), model, wanted), agree)
    choice = replace(first, requests=requests[first.service], others=others, said=said)
    reading = readers(facts.raw["services"], plain.env_file)

    def planned(raw: Mapping[str, Any]) -> Adoption:
        adoption = plan(choice, facts.found, model, raw, facts.routes, balancer, packaged.reference())
        return hide(adoption, raw["services"], reading, plain.env_file, facts.running)

    adoption = planned(facts.raw)
    if not before and includes(plain):
        literal = planned(literally(facts.raw, model))
        if balancer_of(plain, adoption) != balancer_of(plain, literal):
            adoption = literal
    places = {note: place_of(plain, note.key) for note in adoption.notes if note.key}
    if section.get("service") != choice.service:  # an adopted service gets a newer balancer despite any objections
        _refuse(plain, adoption.refused)
    after = overlay.write(adoption, before)
    variables: dict[str, str | None] = {"COMPOSE_FILE": plain.compose_file()}
    check(plain, after, variables)
    return Proposal(adoption, before, after, variables, places, asked[choice.service], _binds(facts, choice.service))


def env_after(plain: Plain, variables: Mapping[str, str | None]) -> tuple[str, str]:
    """The text of .env before and after. Raises ConfigError."""
    text = read_env_file(plain.env_file)
    return text, dotenv.assign(text, variables, plain.project.environment)


def _refuse(plain: Plain, notes: Sequence[Note]) -> None:
    """Raises PlanRefused for the first note that stops init."""
    for note in notes:
        place = place_of(plain, note.key) or ".".join(note.key)
        raise PlanRefused(f"{place}: {note.what}", f"{note.change}; nothing was changed")


def _refuse_own_section(plain: Plain) -> None:
    model: Mapping[str, Any] = plain.project.model
    if "x-videa" in model or any("x-videa" in spec for spec in model["services"].values()):
        raise ConfigError(
            f"{', '.join(plain.files)}: x-videa is already there",
            "this project needs no overlay: videa config shows its settings, videa up starts it",
        )


def _shared(
    facts: Facts, choices: Sequence[Choice], model: Mapping[str, Any], wanted: Wanted
) -> dict[str, tuple[str, ...]]:
    """The volumes that the replicas of each service share, as far as known without asking."""
    tasks = tasks_of(facts.found)
    return {
        each.service: (*(each.shared or ()), *may_share(each.service, model["services"], tasks, wanted.share))
        for each in choices
    }


def _section(section: Mapping[str, Any], overlay_text: str, found: Found) -> Mapping[str, Any]:
    """The x-videa section of a service in the existing overlay."""
    if section.get("service") == found.service:
        return section
    return overlay.others(overlay_text).get(found.service, {})


def _asked(plain: Plain, stack: Stack, facts: Facts, found: Found, wanted: Wanted) -> dict[int, Answers]:
    """The answers of a service's running container, by port."""
    port, health = wanted.port_of(found.service), wanted.health_of(found.service)
    paths = (health,) if health else tuple(filter(None, (found.check.path, *LIKELY, LIVE)))
    return gathered_answers(stack, facts, replace(found, ports=(port,)) if port else found, paths)


def _choice(
    plain: Plain,
    stack: Stack,
    facts: Facts,
    found: Found,
    answered: Mapping[int, Answers],
    section: Mapping[str, Any],
    wanted: Wanted,
    ask: Ask,
) -> Choice:
    """The port and the health of a service that gets requests. Raises UsageError, EngineError."""
    spec = plain.project.model["services"][found.service]
    given, path = wanted.port_of(found.service), wanted.health_of(found.service)
    if given:
        found = replace(found, ports=(given,))
    if wanted.service is None and section.get("port") and not given:
        port = int(section["port"])
    else:
        port = http_port(found, spec, answered, ask)
    answers = answered.get(port)
    needed = {"headers": dict(answers.headers)} if answers and answers.headers else {}
    containers = facts.running.get(found.service, ())
    fails = any(check_fails(details) for _, details in containers)
    health: dict[str, Any] = {"ready": path, **needed} if path else health_of(found, port, answers, spec, fails)
    if section.get("health") and not path:
        health = dict(section["health"])
    declared = has_check(spec)
    image = plain.project.image_of(found.service)
    checked = stack.platform.images.has_healthcheck(image) if declared is None else declared
    shared = tuple(map(str, section["shared_volumes"] or ())) if "shared_volumes" in section else None
    silent = stack.platform.local and bool(containers) and not answered and not speaks_grpc(spec)
    running = frozenset(facts.running)
    return Choice(found.service, port, health, checked, fails, silent, shared, running=running)


def _binds(facts: Facts, service: str) -> bool:
    """Whether a running container of the service publishes a port."""
    return any((details.get("HostConfig") or {}).get("PortBindings") for _, details in facts.running.get(service, ()))
