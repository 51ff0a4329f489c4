"""Which services get requests, which ones and on which port: from options, from the project, or by asking the user."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ops.adopt.answers import Answers
from ops.adopt.detect import Evidence, Found, Role, candidates, is_tls
from ops.adopt.gather import Facts
from ops.adopt.requests import one, read
from ops.adopt.wanted import About, Ask, Wanted
from ops.errors import UsageError
from ops.route import EVERYTHING
from ops.route import Route as Requests


def services_of(
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
        return (by_name[ask(About.SERVICE, "which service answers HTTP", others)],)
    if len(http) == 1:
        return http
    routes = {each.service: one(facts.requests.get(each.service, ())) for each in http}
    known = [(route, service) for service, route in routes.items() if route]
    if len(known) == len({route.key for route, _ in known}) == len(http):  # a proxy already routes to each of them
        return tuple(by_name[service] for _, service in sorted(known, key=lambda entry: entry[0].precedence))
    names = [each.service for each in http]
    return (by_name[ask(About.SERVICES, "which service that answers HTTP gets replicas", names)],)


def requests_of(
    facts: Facts,
    chosen: Sequence[Found],
    wanted: Wanted,
    section: Mapping[str, Any],
    others: Mapping[str, Mapping[str, Any]],
    ask: Ask,
) -> dict[str, Requests]:
    """Which requests each service gets; a single service gets all of them. Raises UsageError."""
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
            answer = ask(About.REQUESTS, f"which requests {name} gets, as /PATH or HOST", ())
            try:
                result[name] = read(answer)
            except ValueError as error:
                raise UsageError(f"{answer!r}: {error}", f"say it: --route {name}=/PATH") from error
    return result


def http_port(found: Found, spec: Mapping[str, Any], answered: Mapping[int, Answers], ask: Ask) -> int:
    """The HTTP port of the service. Raises UsageError."""
    targets = {int(each["target"]) for each in spec.get("ports") or ()}
    published = [port for port in found.ports if port in targets and not is_tls(port)]
    several = found.evidence is Evidence.PUBLISHED and len(published) > 1
    likely = _likely(found, published, answered) if several else []
    if answered and len(likely) < 2:
        return next(port for port in (*likely, *found.ports) if port in answered)
    known = not several or found.ports[0] not in published or found.check.port == found.ports[0]
    if found.ports and not answered and known:
        return found.ports[0]
    shown = ask(About.PORT, f"on which port {found.service} answers HTTP", [str(port) for port in found.ports])
    if not shown.isdecimal() or not 0 < int(shown) < 65536:
        raise UsageError(f"{shown!r} is not a port", "name it: --port PORT")
    return int(shown)


def _likely(found: Found, published: Sequence[int], answered: Mapping[int, Answers]) -> list[int]:
    """Of the published ports that answer HTTP: the health check's port, otherwise those with a useful answer at "/"."""
    speaking = [port for port in published if port in answered]
    if found.check.port in speaking:
        return [found.check.port]
    return [port for port in speaking if answered[port].success or answered[port].sign_in("/")] or speaking
