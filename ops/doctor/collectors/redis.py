"""Redis, through redis-cli in its own container: two samples of INFO, one second apart, over one connection."""

from __future__ import annotations

from ops.doctor.facts_data import RedisNode
from ops.doctor.skip import Skip
from ops.platform.ports import Platform

TIMEOUT = 4
"""Seconds for all queries to one node."""
GAP = 1.0

SIGN_IN = """
REDISCLI_AUTH="${REDISCLI_AUTH:-${REDIS_PASSWORD:-}}"
if [ -n "$REDISCLI_AUTH" ]; then export REDISCLI_AUTH; else unset REDISCLI_AUTH; fi
"""
"""Makes redis-cli use the password in the container's own environment."""

_SCRIPT = rf"""{SIGN_IN}
ask='INFO\nECHO slowlog\nSLOWLOG GET 1\nECHO cluster\nCLUSTER INFO\n'
{{ printf "$ask"; sleep {GAP:g}; printf "$ask"; }} | timeout {TIMEOUT} redis-cli
"""

_TIMED_OUT = 124
_FIRST_KEY = "redis_version:"


def redis_node(platform: Platform, service: str, container: str) -> RedisNode:
    """Queries the node in ``container``. Raises EngineError and Skip."""
    answer = platform.ask(container, ["sh", "-c", _SCRIPT])
    if answer.code in (126, 127):
        raise Skip(f"{container} has no redis-cli: {_first_line(answer.output)}")
    if answer.code == _TIMED_OUT:
        return RedisNode(service, container, up=False, error=f"no answer within {TIMEOUT} s")
    samples = read(answer.output)
    if not samples and answer.output.startswith(("NOAUTH", "WRONGPASS", "NOPERM")):
        raise Skip(f"{container} refused the doctor: {_first_line(answer.output)}")
    if not samples:
        return RedisNode(service, container, up=False, error=_first_line(answer.output))
    return RedisNode(service, container, up=True, info=samples[-1], earlier=samples[0], gap=GAP)


def read(output: str) -> list[dict[str, str]]:
    """The answers to INFO, each flat, including CLUSTER INFO and the newest id of the slow log."""
    samples: list[dict[str, str]] = []
    lines = iter(output.splitlines())
    for line in lines:
        if line.startswith(_FIRST_KEY):
            samples.append({})
        if samples and line == "slowlog" and "slowlog_id" not in samples[-1]:
            samples[-1]["slowlog_id"] = _slowlog_id(next(lines, ""))
        key, separator, value = line.strip().partition(":")
        if samples and separator and not key.startswith("#"):
            samples[-1].setdefault(key, value)
    return samples


def _slowlog_id(line: str) -> str:
    """The id of the newest entry plus one; 0 for an empty slow log."""
    return str(int(line) + 1) if line.isdecimal() else "0"


def _first_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[0][:300] if lines else "redis-cli printed nothing"
