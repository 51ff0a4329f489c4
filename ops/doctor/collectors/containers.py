"""The project's containers: their state in the engine, and their usage."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from ops.contract import ACCESS_SECRET, DATABASE, RATE_LIMITS, REDIS, REFRESH_SECRET
from ops.doctor.facts_engine import ContainerFacts
from ops.models import Container, Usage
from ops.platform.ports import Platform
from ops.pools import pool_limit

SECRETS = (ACCESS_SECRET, REFRESH_SECRET)
STORES = (DATABASE, REDIS)
SAMPLE_GAP = 1.0
"""Seconds: ten CFS periods, of which the throttled ones are counted."""
_PASSWORD = re.compile(r"PASSWORD$|_PASS$|_AUTH$")
_RATE_LIMIT = re.compile(r"(?:^|,)\s*(\w+)=(\d+)/(\d+)")


def container_facts(container: Container, details: Mapping[str, Any], key: bytes) -> ContainerFacts:
    """The facts for the checks, from a container and the engine's ``details``. ``key``: a new one in each run."""
    environment = dict(item.partition("=")[::2] for item in details["Config"].get("Env") or [])
    return ContainerFacts(
        id=container.id,
        name=container.name,
        service=container.service,
        number=container.number,
        image=container.image,
        image_id=container.image_id,
        release=container.release,
        state=container.state,
        health=container.health,
        restarts=container.restarts,
        exit_code=container.exit_code,
        oom_killed=container.oom_killed,
        created=container.created.timestamp(),
        started=container.started.timestamp() if container.started else 0.0,
        pid=container.pid,
        oneoff=container.oneoff,
        fingerprints={name: _fingerprints(environment[name], key) for name in SECRETS if environment.get(name)},
        stores={name: fingerprint(_place(environment[name]), key) for name in STORES if environment.get(name)},
        pool_limit=pool_limit(environment.get(DATABASE, "")),
        rate_limits=_rate_limits(environment.get(RATE_LIMITS, "")),
        addresses=[address for address in container.networks.values() if address],
        health_output=container.health_output,
        cpu_limit=container.cpu_limit,
        memory_limit=container.memory_limit,
        error=str(details["State"].get("Error") or ""),
        finished=_finished(str(details["State"].get("FinishedAt") or "")),
        restarted=_restarted(details.get("HostConfig") or {}),
        config_hash=container.config_hash,
        networks=sorted(container.networks),
        pids_limit=_pids_limit(details),
        log_size=_unbounded_log(details),
        passwords=_passwords(environment, key),
    )


def with_usage(containers: list[ContainerFacts], platform: Platform) -> list[ContainerFacts]:
    """The containers, with the usage of running ones during SAMPLE_GAP. Raises EngineError."""
    usage = platform.usage(containers, SAMPLE_GAP)
    return [
        msgspec.structs.replace(
            container,
            cpu=used.cpu,
            memory=used.memory,
            throttled=used.throttled,
            oom_kills=used.oom_kills,
            **_processes(used),
        )
        if (used := usage.get(container.name))
        else container
        for container in containers
    ]


def _finished(text: str) -> float:
    return 0.0 if not text or text.startswith("0001") else datetime.fromisoformat(text).timestamp()


def _restarted(host: Mapping[str, Any]) -> bool:
    return str((host.get("RestartPolicy") or {}).get("Name")) in ("always", "unless-stopped")


def _processes(used: Usage) -> dict[str, int | None]:
    return {"shared": used.shared, "pids": used.pids, "forks_refused": used.refused}


def _pids_limit(details: Mapping[str, Any]) -> int | None:
    """The limit of processes; the engine uses 0 and -1 for "no limit"."""
    limit = (details.get("HostConfig") or {}).get("PidsLimit") or 0
    return int(limit) if limit > 0 else None


def _unbounded_log(details: Mapping[str, Any]) -> int | None:
    """The size of a log that Docker does not rotate; readable only on the engine's machine with access to its data."""
    config = (details.get("HostConfig") or {}).get("LogConfig") or {}
    if config.get("Type") != "json-file" or (config.get("Config") or {}).get("max-size"):
        return None
    try:
        return Path(details["LogPath"]).stat().st_size
    except (OSError, KeyError):
        return None


def _passwords(environment: Mapping[str, str], key: bytes) -> dict[str, str]:
    """Variable -> fingerprint of the password that is its value or part of its URL."""
    passwords = {name: value for name, value in environment.items() if value and _PASSWORD.search(name)}
    for name in STORES:
        credentials, at, _ = environment.get(name, "").partition("://")[2].rpartition("@")
        if at and ":" in credentials:
            passwords[name] = unquote(credentials.partition(":")[2])
    return {name: fingerprint(value, key) for name, value in passwords.items()}


def fingerprint(secret: str, key: bytes) -> str:
    """Equal for equal secrets in one run; does not reveal the secret."""
    return hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()[:8]


def _fingerprints(secrets: str, key: bytes) -> list[str]:
    return [fingerprint(secret.strip(), key) for secret in secrets.split(",") if secret.strip()]


def _place(url: str) -> str:
    """Only hosts and database of a URL: replicas with different passwords or pool sizes still share their data."""
    rest = url.partition("://")[2].partition("?")[0]
    return rest.rpartition("@")[2]


def _rate_limits(text: str) -> dict[str, tuple[int, int]]:
    """ "user=5000/60,address=300/60" -> {"user": (5000, 60), ...}; other entries are ignored."""
    return {name: (int(requests), int(seconds)) for name, requests, seconds in _RATE_LIMIT.findall(text)}


def replicas_of(containers: Iterable[ContainerFacts], service: str) -> list[ContainerFacts]:
    """The containers of a service, without one-off runs."""
    return [container for container in containers if container.service == service and not container.oneoff]
