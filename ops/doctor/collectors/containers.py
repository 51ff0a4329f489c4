"""The project's containers: what the engine keeps of them, and what they use."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ops.contract import ACCESS_SECRET, DATABASE, RATE_LIMITS, REDIS, REFRESH_SECRET
from ops.doctor.facts import ContainerFacts
from ops.models import Container
from ops.platform.ports import Platform
from ops.pools import pool_limit

SECRETS = (ACCESS_SECRET, REFRESH_SECRET)
STORES = (DATABASE, REDIS)
HEALTH_OUTPUT = 300
SAMPLE_GAP = 1.0
"""Seconds: ten periods of the CPU's scheduler, of which the throttled ones are counted."""
_RATE_LIMIT = re.compile(r"(?:^|,)\s*(\w+)=(\d+)/(\d+)")


def container_facts(one: Container, details: Mapping[str, Any], key: bytes) -> ContainerFacts:
    """What the checks need of a container and of the engine's ``details``. ``key``: a new one in each run."""
    environment = dict(item.partition("=")[::2] for item in details["Config"].get("Env") or [])
    return ContainerFacts(
        id=one.id,
        name=one.name,
        service=one.service,
        number=one.number,
        image=one.image,
        image_id=one.image_id,
        release=one.release,
        state=one.state,
        health=one.health,
        restarts=one.restarts,
        exit_code=one.exit_code,
        oom_killed=one.oom_killed,
        created=one.created.timestamp(),
        started=one.started.timestamp() if one.started else 0.0,
        pid=one.pid,
        oneoff=one.oneoff,
        fingerprints={name: _fingerprints(environment[name], key) for name in SECRETS if environment.get(name)},
        stores={name: fingerprint(_place(environment[name]), key) for name in STORES if environment.get(name)},
        pool_limit=pool_limit(environment.get(DATABASE, "")),
        rate_limits=_rate_limits(environment.get(RATE_LIMITS, "")),
        addresses=[address for address in one.networks.values() if address],
        health_output=_last_output(details["State"].get("Health") or {}),
        cpu_limit=one.cpu_limit,
        memory_limit=one.memory_limit,
    )


def with_usage(containers: list[ContainerFacts], platform: Platform) -> list[ContainerFacts]:
    """The same containers with what the running ones used over SAMPLE_GAP. Raises EngineError."""
    usage = platform.usage(containers, SAMPLE_GAP)
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
