"""The project's containers: what the engine keeps of them, and what they use."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ops.contract import ACCESS_SECRET, DATABASE, RATE_LIMITS, REDIS, REFRESH_SECRET
from ops.doctor.facts import ContainerFacts
from ops.engine.cgroups import quick_sample
from ops.engine.client import Engine
from ops.engine.replicas import NUMBER, ONEOFF, SERVICE, release_of
from ops.pools import pool_limit

SECRETS = (ACCESS_SECRET, REFRESH_SECRET)
STORES = (DATABASE, REDIS)
HEALTH_OUTPUT = 300
SAMPLE_GAP = 1.0
"""Seconds: ten periods of the CPU's scheduler, of which the throttled ones are counted."""
_RATE_LIMIT = re.compile(r"(?:^|,)\s*(\w+)=(\d+)/(\d+)")


def container_facts(details: Mapping[str, Any], key: bytes) -> ContainerFacts:
    """What the checks need of the engine's ``details``. ``key``: a new one in each run."""
    config, state = details["Config"], details["State"]
    labels: Mapping[str, str] = config.get("Labels") or {}
    environment = dict(item.partition("=")[::2] for item in config.get("Env") or [])
    limits = details.get("HostConfig") or {}
    networks: Mapping[str, Any] = (details.get("NetworkSettings") or {}).get("Networks") or {}
    return ContainerFacts(
        id=details["Id"],
        name=details["Name"].lstrip("/"),
        service=labels.get(SERVICE, ""),
        number=int(labels.get(NUMBER, 0)),
        image=config["Image"],
        image_id=details["Image"],
        release=release_of(labels),
        state=state["Status"],
        health=str((state.get("Health") or {}).get("Status", "none")),
        restarts=int(details.get("RestartCount", 0)),
        exit_code=int(state.get("ExitCode", 0)),
        oom_killed=bool(state.get("OOMKilled")),
        created=_epoch(details["Created"]),
        started=_epoch(state["StartedAt"]),
        pid=int(state.get("Pid", 0)),
        oneoff=labels.get(ONEOFF, "False") == "True",
        fingerprints={name: _fingerprints(environment[name], key) for name in SECRETS if environment.get(name)},
        stores={name: fingerprint(_place(environment[name]), key) for name in STORES if environment.get(name)},
        pool_limit=pool_limit(environment.get(DATABASE, "")),
        rate_limits=_rate_limits(environment.get(RATE_LIMITS, "")),
        addresses=[network["IPAddress"] for network in networks.values() if network.get("IPAddress")],
        health_output=_last_output(state.get("Health") or {}),
        cpu_limit=limits["NanoCpus"] / 1e9 if limits.get("NanoCpus") else None,
        memory_limit=limits.get("Memory") or None,
    )


def with_usage(containers: list[ContainerFacts], engine: Engine) -> list[ContainerFacts]:
    """The same containers with what the running ones used over SAMPLE_GAP. Raises EngineError."""
    usage = quick_sample(engine, containers, SAMPLE_GAP)
    return [
        msgspec.structs.replace(one, cpu=used.cpu, memory=used.memory, throttled=used.throttled)
        if (used := usage.get(one.name))
        else one
        for one in containers
    ]


def fingerprint(secret: str, key: bytes) -> str:
    """Equal for equal secrets of one run, and of no use to learn the secret."""
    return hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()[:8]


def _fingerprints(secrets: str, key: bytes) -> list[str]:
    return [fingerprint(one.strip(), key) for one in secrets.split(",") if one.strip()]


def _place(url: str) -> str:
    """Hosts and database of a URL: two replicas with other passwords or pool sizes still share their data."""
    rest = url.partition("://")[2].partition("?")[0]
    return rest.rpartition("@")[2]


def _rate_limits(text: str) -> dict[str, tuple[int, int]]:
    """ "user=5000/60,address=300/60" -> {"user": (5000, 60), ...}; what is no limit is left out."""
    return {name: (int(most), int(seconds)) for name, most, seconds in _RATE_LIMIT.findall(text)}


def _last_output(health: Mapping[str, Any]) -> str:
    entries = health.get("Log") or []
    return str(entries[-1].get("Output", "")).strip()[:HEALTH_OUTPUT] if entries else ""


def _epoch(text: str) -> float:
    """Docker's time, with up to nine digits of a second, in seconds since the epoch; 0 for never."""
    if text.startswith("0001"):
        return 0.0
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{(fraction or '0')[:6].ljust(6, '0')}+00:00").timestamp()
