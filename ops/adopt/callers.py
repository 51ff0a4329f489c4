"""Other services that bypass the balancer: a variable or command has the URL of an adopted service. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ops.adopt.background import words_of
from ops.adopt.detect import Found, Role
from ops.adopt.images import ELSEWHERE, kind_of
from ops.adopt.notes import Note, Weight
from ops.adopt.routes import INSIDE, names_of
from ops.project.mappings import as_mapping

if TYPE_CHECKING:
    from ops.adopt.plan import Choice

_HOST = r"(?:https?|wss?)://(?:[^@/\s'\"]*@)?(?P<host>{names})(?::\d+)?(?=[/\s'\"?#,;|&)]|$)"


def configured_elsewhere(found: Iterable[Found], services: Mapping[str, Any]) -> tuple[str, ...]:
    """The project's proxies and tunnels whose targets are configured elsewhere, so they may be any service."""
    return tuple(
        each.service
        for each in found
        if each.role is Role.PROXY
        and not each.targets
        and kind_of(str(services[each.service].get("image") or "")) in ELSEWHERE
    )


def about_callers(
    choices: Sequence[Choice], model: Mapping[str, Any], balancer: str, elsewhere: Iterable[str]
) -> Iterator[Note]:
    """What bypasses the balancer to reach an adopted service, and so may reach a replica that a deploy is stopping."""
    services = model["services"]
    hosts = {host: choice for choice in choices for host in names_of(choice.service, services[choice.service])}
    pattern = re.compile(_HOST.format(names="|".join(re.escape(host) for host in hosts)))
    telling = set()
    for name, spec in services.items():
        for key, where, text in _texts(spec):
            if (match := pattern.search(text)) and hosts[match["host"]].service != name:
                telling.add(name)
                wanted = hosts[match["host"]].requests
                yield Note(
                    Weight.ADVICE,
                    ("services", name, key),
                    f"{where} of {name} names {match['host']} itself, so its requests go past the balancer, also to "
                    "replicas that a deploy stops",
                    f"http://{balancer}:{INSIDE}{wanted.path}" + (f" with Host: {wanted.host}" if wanted.host else ""),
                )
    for name in elsewhere:
        if name not in telling:
            names = ", ".join(choice.service for choice in choices)
            yield Note(
                Weight.ADVICE,
                ("services", name, "image"),
                f"where {name} sends requests is not in the project's files",
                f"where it names {names}, let it name {balancer}:{INSIDE}, after `videa up`",
            )


def _texts(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(key, what it is, text) of a service's variables and commands. Values may be secret: they are only searched."""
    for variable, value in as_mapping(spec.get("environment")).items():
        yield "environment", variable, str(value)
    for key in ("command", "entrypoint"):
        if text := words_of(spec.get(key)):
            yield key, key, text
