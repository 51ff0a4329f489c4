"""The text of the overlay: a new one, or an update of an existing one that preserves its comments. Pure."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from ops.adopt.parts import RESET, RESET_LIST
from ops.adopt.plan import Adoption, as_written
from ops.errors import ConfigError

_TEXT = """\
# Written by `videa init`; yours to change. `videa init --remove` takes it away again. COMPOSE_FILE in .env names it, so
# plain `docker compose` reads it too.
x-videa: # `videa config` shows all keys
  service: {service}
  port: {port}
  balancer: {balancer}
{protocol}{health}{route}{shared}{proxy}
services:
  {service}:
{service_part}{others}{workers}{beside}
  # nginx. `videa up` builds its image.
  {balancer}:
    image: {image}
    pull_policy: never
{profiles}{ports}    depends_on: [{services}]
    networks: [{networks}]
    environment:
{environment}
{labels}    volumes: ["{balancer}:/etc/nginx/videa", "{balancer}-spool:/var/spool/videa"]
    tmpfs: ["/tmp:size=16m,mode=1777"]
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    restart: unless-stopped
    stop_grace_period: 40s
    logging:
      driver: json-file
      options: {{max-size: 10m, max-file: "3"}}
    healthcheck:
      test: [CMD, curl, -fsS, -o, /dev/null, --unix-socket, /tmp/nginx/control.sock, "http://localhost/health"]
      interval: 5s
      timeout: 3s
      retries: 3
    deploy:
      resources:
        # The number of connections that it accepts depends on the memory.
        limits: {{cpus: "1.0", memory: 512M, pids: 64}}
        reservations: {{memory: 32M}}
{network}
volumes:
  {balancer}: {{}}
  {balancer}-spool: {{}}
"""

_PLAIN = re.compile(r"[A-Za-z/][\w./-]*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})

OF_THE_SERVICE = ("profiles", "ports", "depends_on", "networks", "environment", "labels")
"""Keys of the balancer that come from the adopted service, so they are dropped if another service is adopted."""

OWNED = ("service", "port", "balancer")
"""Keys of x-videa that every run of init sets."""


def write(adoption: Adoption, existing: str = "") -> str:
    """The overlay for ``adoption``. The user's changes to an ``existing`` overlay and its comments are preserved.

    Raises ConfigError if the existing one cannot be parsed.
    """
    fresh = _fresh(adoption)
    return _updated(existing, fresh, adoption) if existing.strip() else fresh


def section(text: str) -> Mapping[str, Any]:
    """x-videa of an existing overlay; empty if there is none. Raises ConfigError."""
    found = _load(text).get("x-videa") if text.strip() else None
    return found if isinstance(found, dict) else {}


def workers(text: str) -> tuple[str, ...]:
    """The services without requests that the overlay lets videa scale. Raises ConfigError."""
    return tuple(name for name, own in _sections(text).items() if own.get("worker"))


def others(text: str) -> dict[str, Mapping[str, Any]]:
    """The further services with requests, and their x-videa sections in the overlay. Raises ConfigError."""
    return {name: own for name, own in _sections(text).items() if not own.get("worker")}


def shared(text: str) -> tuple[str, ...]:
    """The volumes that replicas of any service may share. Raises ConfigError."""
    every = (section(text), *_sections(text).values())
    return tuple(str(volume) for own in every for volume in own.get("shared_volumes") or ())


def asked(text: str) -> dict[str, str]:
    """Service that gets requests -> its port and health path, such as "8000/up". Raises ConfigError."""
    first = section(text)
    every = {str(first.get("service")): first, **others(text)}
    return {name: f"{own.get('port')}{(own.get('health') or {}).get('ready') or '/'}" for name, own in every.items()}


def _sections(text: str) -> dict[str, Mapping[str, Any]]:
    services = _load(text).get("services") if text.strip() else None
    parts = {name: part for name, part in (services or {}).items() if isinstance(part, dict)}
    return {name: part["x-videa"] or {} for name, part in parts.items() if "x-videa" in part}


def volumes(text: str) -> tuple[str, ...]:
    """The volumes that only the overlay declares. Raises ConfigError."""
    return tuple(_load(text).get("volumes") or ()) if text.strip() else ()


def variables(text: str) -> frozenset[str]:
    """The variables that the overlay reads. Raises ConfigError."""
    return frozenset(re.findall(r"\$\{(\w+)", text))


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """The line number of the deepest of the nested ``keys`` that exists in the text of a Compose file.

    None if not even the second key exists, or if the text is not YAML.
    """
    try:
        place = _yaml().load(text)
    except YAMLError:
        return None
    line = None
    for depth, key in enumerate(keys):
        if not isinstance(place, CommentedMap) or key not in place:
            return line if depth > 1 else None
        if key in place.lc.data:
            line = int(place.lc.key(key)[0]) + 1
        place = place[key]
    return line


def included(text: str) -> tuple[str, ...]:
    """The files that the text of a Compose file includes, as written; paths with variables are left out."""
    try:
        entries = (_yaml().load(text) or {}).get("include") or ()
    except (YAMLError, AttributeError):
        return ()
    listed = entries if isinstance(entries, list) else ()
    paths = [entry.get("path") if isinstance(entry, Mapping) else entry for entry in listed]
    names = [name for path in paths for name in (path if isinstance(path, list) else [path])]
    return tuple(name for name in names if isinstance(name, str) and "$" not in name)


def _fresh(adoption: Adoption) -> str:
    health = f"  health: {_flow(adoption.health)}\n" if adoption.health else ""
    network = f"\nnetworks:\n  {adoption.new_network}: {{}}\n" if adoption.new_network else ""
    new = (adoption.new_network,) if adoption.new_network else ()
    return _TEXT.format(
        service=_scalar(adoption.service),
        port=adoption.port,
        balancer=adoption.balancer,
        protocol=f"  protocol: {adoption.protocol}\n" if adoption.protocol else "",
        health=health,
        proxy=f"  proxy: {{trusted: {_flow(adoption.trusted)}}}\n" if adoption.trusted else "",
        route="" if adoption.requests.everything else f"  route: {_flow(as_written(adoption.requests))}\n",
        shared=f"  shared_volumes: {_flow(list(adoption.shared))}\n" if adoption.shared else "",
        services=", ".join(map(_scalar, adoption.needs)),
        service_part="".join(f"    {key}: {_flow(value)}\n" for key, value in adoption.service_part.items()),
        others="".join(
            f"\n  {_scalar(each.service)}:\n"
            + "".join(f"    {key}: {_flow(value)}\n" for key, value in each.part.items())
            for each in adoption.others
        ),
        workers="".join(
            f"\n  # Gets no requests: `videa scale {service}=2`, `videa deploy {service}`.\n  {_scalar(service)}:\n"
            + "".join(f"    {key}: {_flow(value)}\n" for key, value in part.items())
            for service, part in adoption.workers.items()
        ),
        beside="".join(
            f"\n  # Does not see what videa records in the env file that it reads.\n  {_scalar(service)}:\n"
            + "".join(f"    {key}: {_flow(value)}\n" for key, value in part.items())
            for service, part in adoption.beside.items()
        ),
        image=adoption.image,
        profiles=f"    profiles: {_flow(adoption.profiles)}\n" if adoption.profiles else "",
        ports=f"    ports: {_flow(list(adoption.ports))}\n" if adoption.ports else "",
        networks=", ".join(map(_scalar, (*adoption.networks, *new))),
        environment="\n".join(f"      {name}: {_flow(value)}" for name, value in adoption.environment.items()),
        labels=f"    labels: {_flow(_listed(adoption.labels))}\n" if adoption.labels else "",
        network=network,
    ).replace("\n\n\n", "\n\n")


def _listed(labels: Mapping[str, str]) -> Mapping[str, str] | list[str]:
    """Labels as a list if a name contains a variable: Compose interpolates list entries, but not keys."""
    if any("$" in name for name in labels):
        return [f"{name}={value}" for name, value in labels.items()]
    return labels


def _updated(existing: str, fresh: str, adoption: Adoption) -> str:
    old, new = _load(existing), _load(fresh)
    for worker, part in adoption.workers.items():  # the user may have removed a worker on purpose
        if worker not in old["services"] and adoption.said.isdisjoint(part["x-videa"].get("shared_volumes") or ()):
            del new["services"][worker]
    before = old.get("x-videa") or {}
    if before.get("service", adoption.service) != adoption.service:
        old["services"].pop(before["service"], None)
        (old["services"].get(adoption.service) or {}).pop("x-videa", None)
        for key in OF_THE_SERVICE:
            old["services"][adoption.balancer].pop(key, None)
    _add_missing(old, new)
    _share(old, new)
    for name in new["services"]:
        _share(old["services"][name], new["services"][name])
    for key in OWNED:
        old["x-videa"][key] = new["x-videa"][key]
    if adoption.health and dict(old["x-videa"].get("health") or {}) != dict(adoption.health):
        old["x-videa"]["health"] = {**(old["x-videa"].get("health") or {}), **adoption.health}
    ours = old["services"][adoption.balancer]
    ours["image"] = adoption.image
    if isinstance(needed := ours.get("depends_on"), list):
        needed.extend(name for name in adoption.needs if name not in needed)
    for name in ("UPSTREAM_SERVICE", "UPSTREAM_PORT"):
        ours["environment"][name] = adoption.environment[name]
    text = io.StringIO()
    _yaml().dump(old, text)
    return text.getvalue()


def _add_missing(old: CommentedMap, new: CommentedMap) -> None:
    for key, value in new.items():
        if key not in old or old[key] is None:
            old[key] = value
        elif isinstance(value, CommentedMap) and isinstance(old[key], CommentedMap):
            _add_missing(old[key], value)


def _share(old: CommentedMap, new: CommentedMap) -> None:
    """Adds the volumes that replicas may share to the list in x-videa."""
    ours, theirs = new.get("x-videa") or {}, old.get("x-videa") or {}
    for volume in ours.get("shared_volumes") or ():
        if volume not in theirs["shared_volumes"]:
            theirs["shared_volumes"].append(volume)


def _load(text: str) -> CommentedMap:
    try:
        loaded = _yaml().load(text)
    except YAMLError as error:
        raise ConfigError(
            "the overlay is not valid YAML", "correct it, or delete it and its name in .env", str(error)
        ) from error
    if not isinstance(loaded, CommentedMap):
        raise ConfigError("the overlay is not a mapping", "correct it, or delete it and its name in .env")
    return loaded


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 100_000  # never breaks a line
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.preserve_quotes = True
    return yaml


def _flow(value: object) -> str:
    """A value in YAML's flow style, as Compose reads it."""
    if value is RESET:
        return "!reset null"
    if value is RESET_LIST:
        return "!reset []"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(str(key))}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value) if isinstance(value, str) else json.dumps(value)


def _scalar(text: str) -> str:
    """A string, quoted if YAML would otherwise read it as another type."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text.endswith("/")
    return text if plain else json.dumps(text, ensure_ascii=False)
