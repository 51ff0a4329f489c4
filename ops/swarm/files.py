"""Secrets and configs of the Compose file as objects of the swarm, named by their content.

Such an object cannot be changed, so other content is another object, which new replicas get. A label of an object names
the releases that had it last: a rollback gives it to their replicas again, so it stays as long as one of them is
retained. The version before stays until the next change in any case. Which files a service gets is pure.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ops.engine.client import Engine
from ops.errors import ConfigError, EngineError
from ops.swarm import api, labels
from ops.swarm.api import Found
from ops.swarm.store import config_name

KINDS = ("secrets", "configs")
SOURCE = "videa.source"
"""Label: the key of the file in the Compose file."""
HAD_BY = "videa.had-by."
"""Beginning of a label: the service and the release, as "web/r1", whose replicas had the object last."""
READABLE = 0o444
"""The mode of a file that names none, as Compose and Docker have it."""

KEPT = 2
"""Versions of a file that stay: what new replicas get, and what a rollback of the last change needs."""

_DIGEST = 12

ReadVariable = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class File:
    """A file that a service gets. ``kind``: one of KINDS; ``data``: None if it is an object that others have made.

    ``name``: of the object; ``target``: its path in the container; the rest as Docker's API has it.
    """

    kind: str
    source: str
    name: str
    target: str
    uid: str
    gid: str
    mode: int
    data: bytes | None = field(repr=False)


def files_of(model: Mapping[str, Any], project: str, service: str, variable: ReadVariable) -> Iterator[File]:
    """The secrets and configs of a service. ``variable``: its value, None if unset. Raises ConfigError."""
    for kind in KINDS:
        for entry in model["services"][service].get(kind) or ():
            given = {"source": entry} if isinstance(entry, str) else entry
            source = str(given["source"])
            definition: Mapping[str, Any] = (model.get(kind) or {}).get(source) or {}
            data = None if definition.get("external") else _content(kind, source, definition, variable)
            named = str(definition.get("name") or source)
            mode = given.get("mode", READABLE)
            yield File(
                kind,
                source,
                named if data is None else object_name(project, source, data),
                str(given.get("target") or (source if kind == "secrets" else f"/{source}")),
                str(given.get("uid") or "0"),
                str(given.get("gid") or "0"),
                mode if isinstance(mode, int) else int(mode, 8),
                data,
            )


def object_name(project: str, source: str, data: bytes) -> str:
    """The name of the object with this content."""
    return config_name(f"{project}_{source}_{sha256(data).hexdigest()[:_DIGEST]}")


def provide(
    engine: Engine, project: str, files: Iterable[File], owner: str = "", earlier: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """Creates the objects that are missing. Returns the part of a ContainerSpec that names them. Raises EngineError.

    ``owner``: service and release, as "web/r1"; ``earlier``: it gets the objects that it had last, if they exist.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        kind = file.kind[:-1].capitalize()
        own = _versions(_objects(engine, file.kind, project), file) if file.data is not None and owner else []
        had = next((each for each in own if earlier and _had(each, owner)), None)
        chosen = str(had["ID"]) if had else _id_of(engine, project, file)
        name = str(had["Spec"]["Name"]) if had else file.name
        if owner and file.data is not None:
            _note(engine, file.kind, chosen, own, owner)
        described = {"Name": file.target, "UID": file.uid, "GID": file.gid, "Mode": file.mode}
        known = {"File": described, f"{kind}ID": chosen, f"{kind}Name": name}
        found.setdefault(kind + "s", []).append(known)
    return found


def _versions(objects: Iterable[Found], file: File) -> list[Found]:
    """The objects of one file with other contents."""
    source = f"{file.kind}.{file.source}"
    return [each for each in objects if each["Spec"]["Labels"].get(SOURCE) == source]


def _had(found: Found, owner: str) -> bool:
    return f"{HAD_BY}{owner}" in (found["Spec"].get("Labels") or {})


def _note(engine: Engine, kind: str, chosen: str, versions: Iterable[Found], owner: str) -> None:
    """Records that the owner has the object ``chosen``, and no other version. Raises EngineError."""
    label = f"{HAD_BY}{owner}"

    def without(spec: api.Spec) -> api.Spec:
        return {**spec, "Labels": {name: value for name, value in spec["Labels"].items() if name != label}}

    for each in versions:
        if each["ID"] != chosen and _had(each, owner):
            api.update(engine, kind, str(each["ID"]), without)
    api.update(engine, kind, chosen, lambda spec: {**spec, "Labels": {**(spec.get("Labels") or {}), label: ""}})


def unused(objects: Iterable[Found], services: Iterable[Found], retained: Collection[str] = ()) -> list[str]:
    """The ids of a project's objects that nothing needs: no service, no retained release, and not the last change.

    ``services``: all of the swarm; ``retained``: service and release, as "web/r1".
    """
    objects = list(objects)
    needed = {used for service in services for used in _used(service)}
    needed |= {str(each["ID"]) for each in objects if any(_had(each, owner) for owner in retained)}
    versions: dict[str, list[Found]] = {}
    for each in sorted(objects, key=lambda one: str(one["CreatedAt"]), reverse=True):
        versions.setdefault(str(each["Spec"]["Labels"].get(SOURCE)), []).append(each)
    older = (each for newest_first in versions.values() for each in newest_first[KEPT:])
    return [str(each["ID"]) for each in older if each["ID"] not in needed]


def remove_unused(engine: Engine, project: str, retained: Callable[[], Collection[str]]) -> None:
    """Removes what ``unused`` returns. ``retained``: asked only if there are objects. Raises EngineError."""
    objects = {kind: _objects(engine, kind, project) for kind in KINDS}
    if not any(objects.values()):
        return
    services, releases = api.listed(engine, "services"), retained()
    for kind, present in objects.items():
        for each in unused(present, services, releases):
            api.remove(engine, kind, each)


def remove_all(engine: Engine, project: str) -> None:
    """Removes all objects of a project; no task may still use them. Raises EngineError."""
    for kind in KINDS:
        for each in _objects(engine, kind, project):
            api.remove(engine, kind, str(each["ID"]))


def _objects(engine: Engine, kind: str, project: str) -> list[Found]:
    owned = api.listed(engine, kind, label=f"{labels.PROJECT}={project}")
    return [each for each in owned if SOURCE in (each["Spec"].get("Labels") or {})]


def _used(service: Found) -> Collection[str]:
    spec = service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}
    secrets = (each["SecretID"] for each in spec.get("Secrets") or ())
    return {*secrets, *(each["ConfigID"] for each in spec.get("Configs") or ())}


def _id_of(engine: Engine, project: str, file: File) -> str:
    present = api.found(engine, file.kind, file.name)
    if present is not None:
        return str(present["ID"])
    if file.data is None:
        kind = file.kind[:-1]
        raise EngineError(
            f"there is no {kind} {file.name} in the swarm, and {file.kind}.{file.source} is external",
            f"create it: docker {kind} create {file.name} FILE",
        )
    own = {labels.PROJECT: project, labels.STACK: project, SOURCE: f"{file.kind}.{file.source}"}
    data = b64encode(file.data).decode()
    created = api.create(engine, file.kind, {"Name": file.name, "Labels": own, "Data": data})
    return created or _id_of(engine, project, file)  # another process has just created it


def _content(kind: str, source: str, definition: Mapping[str, Any], variable: ReadVariable) -> bytes:
    """Raises ConfigError; it never has a value."""
    if "content" in definition:
        return str(definition["content"]).encode()
    if "environment" in definition:
        name = str(definition["environment"])
        value = variable(name)
        if value is None:
            raise ConfigError(f"{kind}.{source} is the variable {name}, which is not set", f"set {name} in .env")
        return value.encode(errors="surrogateescape")
    path = str(definition.get("file") or "")
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{kind}.{source}: cannot read {path}: {error.strerror}", "correct its path") from error
