"""From a project to what `videa init` would write: finds, decides, checks. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ops.adopt import overlay
from ops.adopt.answers import LIKELY, LIVE, Answers
from ops.adopt.detect import Evidence, Found, Role, candidates, is_tls, speaks_grpc, tasks_of
from ops.adopt.gather import Facts, gather
from ops.adopt.gather import answers as gathered_answers
from ops.adopt.merged import balancer_of, check, literally
from ops.adopt.notes import Note, only_one
from ops.adopt.parts import release_variable, variable_name
from ops.adopt.places import includes, place_of
from ops.adopt.plan import Adoption, Choice, free_name, plan
from ops.adopt.readiness import check_fails, health_of
from ops.adopt.records import hide, readers
from ops.adopt.requests import one, read
from ops.adopt.sharing import Agree, agreed, check_said, may_share
from ops.balancer import packaged
from ops.errors import ConfigError, PlanRefused, UsageError
from ops.preflight import has_check
from ops.project import dotenv
from ops.project.folder import OVERLAY, read_env_file
from ops.project.plain import Plain
from ops.route import EVERYTHING
from ops.route import Route as Requests
from ops.stack import Stack


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator has said; None: find out. ``others``: further services that get requests.

    ``ports``, ``healths``, ``requests``: of the services that they name; ``port`` and ``health`` are of ``service``;
    ``share``: targets or sources of volumes that replicas may write at the same time.
    """

    service: str | None = None
    port: int | None = None
    health: str | None = None
    others: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    healths: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, Requests] = field(default_factory=dict)
    share: frozenset[str] = frozenset()

    def port_of(self, service: str) -> int | None:
        """The HTTP port of a service."""
        return self.ports.get(service) or (self.port if service == self.service or not self.others else None)

    def health_of(self, service: str) -> str | None:
        """The health path of a service."""
        return self.healths.get(service) or (self.health if service == self.service or not self.others else None)


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


def propose(plain: Plain, stack: Stack, wanted: Wanted, ask: Ask, agree: Agree = lambda question: False) -> Proposal:
    """What init would write for a project. Changes nothing. ``agree``: asks what also has an answer if nobody is there.

    Raises UsageError if it cannot know which service or port is meant and nobody answers, PlanRefused if the service
    cannot have several replicas, ConfigError, EngineError.
    """
    model = plain.project.model
    _refuse_own_section(plain)
    check_said(model["services"], wanted.share)
    before = plain.overlay_text()
    section = overlay.section(before)
    balancer = str(section.get("balancer") or free_name(model["services"]))
    facts = gather(plain, stack, balancer)
    chosen = _chosen(facts, wanted, section, overlay.others(before), ask)
    _refuse(plain, [note for each in chosen for note in only_one(each.service, model["services"][each.service])])
    asked = {each.service: _asked(plain, stack, facts, each, wanted) for each in chosen}
    requests = _requests(facts, chosen, wanted, section, overlay.others(before), ask)
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
    if (
        section.get("service") != choice.service
    ):  # what was adopted before gets a newer balancer whatever stands against it
        _refuse(plain, adoption.refused)
    after = overlay.write(adoption, before)
    variables: dict[str, str | None] = {"COMPOSE_FILE": plain.compose_file()}
    check(plain, after, variables)
    return Proposal(adoption, before, after, variables, places, asked[choice.service], _binds(facts, choice.service))


def removal(plain: Plain) -> dict[str, str | None]:
    """The variables of .env after the overlay is taken away: None removes one. Raises ConfigError."""
    text = plain.overlay_text()
    if not text and not plain.adopted:
        raise ConfigError(f"there is no {OVERLAY} in {plain.folder}", "nothing to do: plain Compose runs this project")
    scaled = (str(overlay.section(text).get("service")), *overlay.others(text), *overlay.workers(text))
    recorded = {"VIDEA_RELEASE", *map(variable_name, scaled), *map(release_variable, overlay.others(text))}
    users = str(plain.raw)
    own = {name for name in overlay.variables(text) & recorded if name not in users}
    files = None if plain.by_default else plain.separator.join(plain.files)
    return {"COMPOSE_FILE": files, **dict.fromkeys(sorted(own), None)}


def env_after(plain: Plain, variables: Mapping[str, str | None]) -> tuple[str, str]:
    """The text of .env before and after. Raises ConfigError."""
    text = read_env_file(plain.env_file)
    return text, dotenv.assign(text, variables, plain.project.environment)


def _refuse(plain: Plain, notes: Sequence[Note]) -> None:
    """Raises PlanRefused for the first one that stops init."""
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


def _chosen(
    facts: Facts, wanted: Wanted, section: Mapping[str, Any], others: Collection[str], ask: Ask
) -> tuple[Found, ...]:
    """The services that get requests, the default one first. Raises UsageError."""
    by_name = {each.service: each for each in facts.found}
    named = tuple(filter(None, (wanted.service, *wanted.others)))
    for service in (*named, *wanted.ports, *wanted.healths, *wanted.requests):
        if service not in by_name:
            raise UsageError(f"no service {service} in the Compose file", f"its services: {', '.join(sorted(by_name))}")
    if not named and section.get("service") in by_name:
        named = (str(section["service"]), *(name for name in others if name in by_name))
    if named:
        return tuple(by_name[name] for name in dict.fromkeys(named))
    http = candidates(facts.found)
    if not http:
        others = [each.service for each in facts.found if each.role is not Role.DATA and not each.alone]
        if not others:
            raise UsageError(
                "no service of this project answers HTTP, by what its files say",
                "name it: --service NAME --port PORT; one of a profile: videa --profile PROFILE init",
            )
        if len(others) == 1:
            return (by_name[others[0]],)
        return (by_name[ask("which service answers HTTP", others)],)
    if len(http) == 1:
        return http
    routes = {each.service: one(facts.requests.get(each.service, ())) for each in http}
    known = [(route, service) for service, route in routes.items() if route]
    if len(known) == len({route.key for route, _ in known}) == len(http):  # a proxy already tells them apart
        return tuple(by_name[service] for _, service in sorted(known, key=lambda entry: entry[0].precedence))
    return (by_name[ask("which service that answers HTTP gets replicas", [each.service for each in http])],)


def _requests(
    facts: Facts,
    chosen: Sequence[Found],
    wanted: Wanted,
    section: Mapping[str, Any],
    others: Mapping[str, Mapping[str, Any]],
    ask: Ask,
) -> dict[str, Requests]:
    """Which requests each service gets: the only one all of them. Raises UsageError."""
    names = [each.service for each in chosen]
    before = {
        str(section.get("service")): section.get("route"),
        **{name: own.get("route") for name, own in others.items()},
    }
    known = {name: one(facts.requests.get(name, ())) for name in names} if len(names) > 1 else {}
    known |= {name: Requests(**route) for name, route in before.items() if name in names and isinstance(route, dict)}
    known |= {name: route for name, route in wanted.requests.items() if name in names}
    result: dict[str, Requests] = {}
    for name in sorted(names, key=lambda each: known.get(each) is None and each != names[0]):
        taken = {route.key for route in result.values()}
        if route := known.get(name):
            result[name] = route
        elif EVERYTHING.key not in {*taken, *(each.key for each in known.values() if each)}:
            result[name] = EVERYTHING
        else:
            answer = ask(f"which requests {name} gets, as /PATH or HOST", ())
            try:
                result[name] = read(answer)
            except ValueError as error:
                raise UsageError(f"{answer!r}: {error}", f"say it: --route {name}=/PATH") from error
    return result


def _shared(
    facts: Facts, choices: Sequence[Choice], model: Mapping[str, Any], wanted: Wanted
) -> dict[str, tuple[str, ...]]:
    """What the replicas of each service share, without a further question."""
    tasks = tasks_of(facts.found)
    return {
        each.service: (*(each.shared or ()), *may_share(each.service, model["services"], tasks, wanted.share))
        for each in choices
    }


def _section(section: Mapping[str, Any], overlay_text: str, found: Found) -> Mapping[str, Any]:
    """x-videa of a service in the existing overlay."""
    if section.get("service") == found.service:
        return section
    return overlay.others(overlay_text).get(found.service, {})


def _asked(plain: Plain, stack: Stack, facts: Facts, found: Found, wanted: Wanted) -> dict[int, Answers]:
    """What a running container of a service answers."""
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
        port = _port(found, spec, answered, ask)
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


def _port(found: Found, spec: Mapping[str, Any], answered: Mapping[int, Answers], ask: Ask) -> int:
    """The port of the service that speaks HTTP. Raises UsageError."""
    targets = {int(each["target"]) for each in spec.get("ports") or ()}
    published = [port for port in found.ports if port in targets and not is_tls(port)]
    several = found.evidence is Evidence.PUBLISHED and len(published) > 1
    likely = _likely(found, published, answered) if several else []
    if answered and len(likely) < 2:
        return next(port for port in (*likely, *found.ports) if port in answered)
    known = not several or found.ports[0] not in published or found.check.port == found.ports[0]
    if found.ports and not answered and known:
        return found.ports[0]
    shown = ask(f"on which port {found.service} answers HTTP", [str(port) for port in found.ports])
    if not shown.isdecimal() or not 0 < int(shown) < 65536:
        raise UsageError(f"{shown!r} is not a port", "name it: --port PORT")
    return int(shown)


def _likely(found: Found, published: Sequence[int], answered: Mapping[int, Answers]) -> list[int]:
    """Of the published ports that answer HTTP, the one that the health check asks, or those that say more than 404."""
    speaking = [port for port in published if port in answered]
    if found.check.port in speaking:
        return [found.check.port]
    return [port for port in speaking if answered[port].success or answered[port].sign_in("/")] or speaking


def _binds(facts: Facts, service: str) -> bool:
    """Whether a running container of the service publishes a port."""
    return any((details.get("HostConfig") or {}).get("PortBindings") for _, details in facts.running.get(service, ()))
