"""A bundle: everything about a stack in one archive, without secrets, that can be examined offline."""

from __future__ import annotations

import io
import os
import re
import secrets
import tarfile
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from ops.doctor.answer import as_json
from ops.doctor.check import Check
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.registry import CHECKS
from ops.doctor.report import Report, examine
from ops.errors import UsageError, VideaError
from ops.models import Container
from ops.platform.ports import Platform
from ops.project.config import Project
from ops.project.mappings import as_mapping
from ops.project.notify import variables
from ops.project.values import env_file_values
from ops.redaction.redactor import Redactor, secrets_in
from ops.typed import Converter

FORMAT = 1
LOG_SECONDS = 3600
LOG_LINES = 5000
FACTS = "facts.json"
LARGEST = 256 << 20
"""Maximum bytes of a file that is read from a bundle; the facts of 200 replicas take 1 MB."""
_NGINX = 'for file in /etc/nginx/*.conf /etc/nginx/videa/*.conf; do echo "### $file"; cat "$file"; done'
_COMMANDS = ("environment", "command", "entrypoint", "healthcheck", "labels")
_BUILT = re.compile(r"com\.docker\.|org\.opencontainers\.|videa\.")
"""Labels of Docker, images and videa itself: hashes and versions, which must stay readable elsewhere."""
_SHORT = 4096
"""Maximum bytes of a secret's file that is read."""

Details: TypeAlias = list[tuple[Container, Mapping[str, Any]]]


def write_bundle(
    target: Path, project: Project, platform: Platform | None, report: Report, limits: Limits | None = None
) -> list[str]:
    """Writes facts, findings, logs, nginx's and Compose's configuration to ``target``, without secrets.

    If ``platform`` is None, there are no logs. Returns the names of the files in the bundle. Raises VideaError.
    """
    details = _details(platform)
    redactor = Redactor(secrets.token_bytes(32), rules=True)
    redactor.learn(_known_secrets(project, [container_details for _, container_details in details]))
    facts = _CONVERTER.convert(redactor.strings(msgspec.to_builtins(report.facts)))
    redacted = examine(facts, limits or Limits(), [check for check in CHECKS if _was_selected(check, report)])
    files: dict[str, bytes] = {
        "meta.json": _encode({"format": FORMAT, "made": time.time(), "videa": _version(), "seconds": facts.seconds}),
        FACTS: _encode(facts),
        "report.json": as_json(redacted),
        "compose.json": _encode(redactor.tree(dict(project.model))),
        "containers.json": _encode([redactor.tree(_selected(container_details)) for _, container_details in details]),
    }
    if platform is not None:
        files |= _texts(platform, project.settings.balancer, details, redactor)
    _save(target, files)
    return sorted(files)


class _Meta(msgspec.Struct):
    """``format``: of the bundle; ``videa``: the version that created it."""

    format: int = 0
    videa: str = ""


_META, _FACTS, _CONVERTER = msgspec.json.Decoder(_Meta), msgspec.json.Decoder(Facts), Converter(Facts)


def read_bundle(source: Path) -> Facts:
    """The facts in a bundle. Raises UsageError if the file is not a bundle or has a newer format."""
    try:
        if not source.is_file():  # reading a pipe might never end
            raise FileNotFoundError(source)
        with tarfile.open(source, "r:gz") as archive:
            meta, facts = (_member(archive, name) for name in ("meta.json", FACTS))
        made_by = _META.decode(meta)
        if made_by.format > FORMAT:
            raise UsageError(f"{source} was created by a newer videa ({made_by.videa})", "upgrade videa")
        return _FACTS.decode(facts)
    except (OSError, tarfile.TarError, zlib.error, KeyError, ValueError, msgspec.MsgspecError, EOFError) as error:
        raise UsageError(
            f"{source} is not a bundle of videa doctor", "create one: videa doctor --bundle FILE"
        ) from error


def replay(source: Path, checks: Iterable[Check] = CHECKS, limits: Limits | None = None) -> Report:
    """Runs the checks on a bundle as on a running stack. Raises UsageError."""
    return examine(read_bundle(source), limits or Limits(), checks)


def _was_selected(check: Check, report: Report) -> bool:
    return check.id in report.checked or any(skip.id == check.id for skip in report.skipped)


def _details(platform: Platform | None) -> Details:
    try:
        return platform.details() if platform else []
    except VideaError:
        return []


def _known_secrets(project: Project, details: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every value that is secret in the project's files and in the configuration of its containers."""
    found = secrets_in(env_file_values(project))
    ours = variables(project.receivers)
    for definition in project.model["services"].values():
        environment = as_mapping(definition.get("environment"))
        found |= {value for name, value in environment.items() if name in ours and value}
        found |= secrets_in({name: definition.get(name) for name in _COMMANDS})
        found |= secrets_in((definition.get("build") or {}).get("args") or {})
    for container in details:
        config = container["Config"]
        found |= secrets_in(_variables(config))
        found |= {value for name, value in _variables(config).items() if name in ours and value}
        found |= secrets_in([config.get(name) for name in ("Cmd", "Entrypoint", "Healthcheck")])
        found |= secrets_in(
            {name: value for name, value in (config.get("Labels") or {}).items() if not _BUILT.match(name)}
        )
    for secret in (project.model.get("secrets") or {}).values():
        found |= _content(project.directory, secret or {})
    return found


def _content(folder: Path, secret: Mapping[str, Any]) -> set[str]:
    """The values of a secret of the Compose file; empty if it is not a short text, such as a list of certificates."""
    variable, place = secret.get("environment"), secret.get("file")
    if variable:
        return {os.environ.get(str(variable), "")}
    try:
        file = folder / str(place or "")
        return {file.read_text()} if file.is_file() and file.stat().st_size <= _SHORT else set()
    except (OSError, UnicodeDecodeError):
        return set()


def _variables(config: Mapping[str, Any]) -> dict[str, str]:
    """The environment as a mapping, so that the names show which values are secret."""
    return {name: value for name, _, value in (item.partition("=") for item in config.get("Env") or [])}


def _selected(details: Mapping[str, Any]) -> dict[str, Any]:
    """The useful part of Docker's details."""
    config = {**details["Config"], "Env": _variables(details["Config"])}
    return {
        "Name": details["Name"],
        "State": details["State"],
        "RestartCount": details.get("RestartCount"),
        "Image": details["Image"],
        "Config": config,
        "HostConfig": details.get("HostConfig"),
        "Networks": (details.get("NetworkSettings") or {}).get("Networks"),
    }


def _texts(
    platform: Platform, balancer: str, details: list[tuple[Container, Mapping[str, Any]]], redactor: Redactor
) -> dict[str, bytes]:
    """Logs of the last hour, and nginx's configuration. If one cannot be read, its file contains the reason."""
    files: dict[str, bytes] = {}
    since = time.time() - LOG_SECONDS
    for container, _ in details:
        log = partial(platform.recent_log, container.id, since, LOG_LINES)
        files[f"logs/{container.name}.log"] = _redacted(redactor, log)
        if container.service == balancer:
            files["nginx.conf"] = _redacted(redactor, partial(_run, platform, container.id, _NGINX))
    return files


def _run(platform: Platform, container: str, script: str) -> str:
    return platform.exec(container, ["sh", "-c", script]).output


def _redacted(redactor: Redactor, read: Callable[[], str]) -> bytes:
    try:
        text = read()
    except VideaError as error:
        text = f"could not be read: {error.message}"
    return redactor.text(text).encode()


def _save(target: Path, files: Mapping[str, bytes]) -> None:
    partial_file = target.parent / f"{target.name}.part"
    try:
        if target.exists() and not target.is_file():  # a device must not be replaced
            raise OSError(None, "it is not a regular file")
        with tarfile.open(partial_file, "w:gz") as archive:
            for name, content in sorted(files.items()):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
                archive.addfile(entry, io.BytesIO(content))
        partial_file.chmod(0o600)
        partial_file.replace(target)
    except OSError as error:
        with suppress(OSError):
            partial_file.unlink()
        raise VideaError(f"cannot write {target}: {error.strerror}", "choose another path for the bundle") from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    if archive.getmember(name).size > LARGEST:
        raise tarfile.ReadError(f"{name} is too large")
    file = archive.extractfile(name)
    return file.read() if file else b""


def _encode(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)


def _version() -> str:
    try:
        return version("videa")
    except PackageNotFoundError:
        return "unknown"
