"""Redis, through redis-cli in its own container: two samples of INFO, one second apart, over one connection."""

from __future__ import annotations

from ops.doctor.facts_engine import Volume
from ops.doctor.facts_redis import RedisNode
from ops.doctor.refusals import refused_by_redis
from ops.doctor.skip import Skip
from ops.doctor.together import Asked
from ops.models import ExecResult

TIMEOUT = 4
"""Seconds for all queries to one node."""
GAP = 1.0

SIGN_IN = """
REDISCLI_AUTH="${REDISCLI_AUTH:-${REDIS_PASSWORD:-}}"
if [ -n "$REDISCLI_AUTH" ]; then export REDISCLI_AUTH; else unset REDISCLI_AUTH; fi
"""
"""Makes redis-cli use the password in the container's own environment."""

_END = "videa-end-of-sample"
_VOLUME = "videa-volume "

_SCRIPT = rf"""{SIGN_IN}
ask='INFO\nECHO slowlog\nSLOWLOG GET 1\nECHO cluster\nCLUSTER INFO\nECHO {_END}\n'
{{ printf "$ask"; sleep {GAP:g}; printf "$ask"; }} | timeout {TIMEOUT} redis-cli
code=$?
df -Pk . | awk 'END {{ printf "\n{_VOLUME}%.0f %.0f\n", ($3 + $4) * 1024, $4 * 1024 }}'
exit $code
"""
"""redis-cli runs in the folder with the data. It reconnects if it is disconnected, and then exits with code 0."""

_TIMED_OUT = 124
_FIRST_KEY = "redis_version:"


def redis_node(asked: Asked, service: str, container: str) -> RedisNode:
    """Queries the node in ``container``. Raises EngineError and Skip."""
    answer = asked.ask(container, ["sh", "-c", _SCRIPT])
    if answer.code in (126, 127):
        raise Skip(f"{container} has no redis-cli: {_first_line(answer.output)}")
    if answer.code == _TIMED_OUT:
        return RedisNode(service, container, up=False, error=f"no answer within {TIMEOUT} s")
    samples = read(answer.output)
    if not samples:
        error = _first_line(answer.output)
        return RedisNode(service, container, up=False, error=error, denied=refused_by_redis(error))
    return RedisNode(
        service,
        container,
        up=True,
        info=samples[-1],
        earlier=samples[0],
        gap=GAP,
        broken_off=_broken_off(answer, samples),
        volume=_volume(answer.output),
    )


def _broken_off(answer: ExecResult, samples: list[dict[str, str]]) -> str:
    lines = answer.output.splitlines()
    errors = [line.strip()[:300] for line in lines if line.startswith("Error: ")]
    if errors or not answer.ok or len(samples) < 2 or lines.count(_END) < 2:
        return (errors or [f"redis-cli ended early (exit code {answer.code})"])[0]
    return ""


def _volume(output: str) -> Volume | None:
    lines = [line.removeprefix(_VOLUME).split() for line in output.splitlines() if line.startswith(_VOLUME)]
    return Volume(float(lines[-1][0]), float(lines[-1][1])) if lines and len(lines[-1]) == 2 else None


def read(output: str) -> list[dict[str, str]]:
    """The samples of INFO as flat mappings, including CLUSTER INFO and the newest id of the slow log."""
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
