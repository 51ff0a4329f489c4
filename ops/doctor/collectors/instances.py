"""Each replica, asked directly: from inside nginx's container, so by the network and the names of the traffic."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from ops.config import Project
from ops.doctor.facts import ContainerFacts, InstanceFacts
from ops.engine.client import Engine

Kind = TypeVar("Kind", bound=msgspec.Struct)
TIMEOUT = 6
PROBE_TIMEOUT = 2
MARK = "@videa@"
DATE = "@date@"

_SCRIPT = f"""
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
live=$1 ready=$2 format='\\n%{{http_code}} %{{time_total}} %{{errormsg}}\\n'; shift 2
for replica in "$@"; do
  for path in "$live" "$ready" /health "/health/metrics?format=json"; do
    echo '{MARK}'"$(date +%s)"
    curl -s -m {PROBE_TIMEOUT} -D "$folder/$replica.head" -w "$format" "http://$replica$path" || true
    sed -n 's/^[Dd]ate: /{DATE}/p' "$folder/$replica.head"
  done > "$folder/$replica" 2>&1 &
done
wait
for replica in "$@"; do echo '{MARK}{MARK}'"$replica"; cat "$folder/$replica"; done
"""


class ReplicasNotAsked(Exception):
    """There is nobody to ask, or no place to ask from; the message says which."""


class Dependency(msgspec.Struct):
    """One entry of ``checks`` in /health."""

    status: str = ""
    reason: str | None = None


class Pool(msgspec.Struct):
    """The connection pool in /health."""

    limit: int = 0
    size: int = 0
    idle: int = 0
    waiting: int = 0


class Health(msgspec.Struct):
    """What /health says, as far as the doctor needs it. Another application may say less."""

    status: str = ""
    instance: str = ""
    checks: dict[str, Dependency] = msgspec.field(default_factory=dict)
    pool: Pool | None = None
    limiter: str = ""


class LastMinute(msgspec.Struct):
    """Of /health/metrics."""

    requests: int = 0
    server_error_rate: float = 0.0


class Memory(msgspec.Struct):
    """Of /health/metrics."""

    rss_bytes: int | None = None


class Metrics(msgspec.Struct):
    """What /health/metrics says, as far as the doctor needs it."""

    last_minute: LastMinute | None = None
    memory: Memory | None = None


def instance_facts(
    engine: Engine, project: Project, nginx: ContainerFacts | None, replicas: list[ContainerFacts]
) -> list[InstanceFacts]:
    """Asks every running replica for its health. Raises EngineError, and ReplicasNotAsked."""
    if nginx is None or not nginx.running:
        raise ReplicasNotAsked(f"{project.settings.balancer}, from where the replicas are asked, does not run")
    health, port = project.settings.health, project.settings.port
    running = {f"{one.name}:{port}": one for one in replicas if one.running}
    if not running:
        raise ReplicasNotAsked(f"no replica of {project.settings.service} runs")
    command = ["timeout", str(TIMEOUT), "sh", "-c", _SCRIPT, "videa-doctor", health.live, health.ready, *running]
    answer = engine.ask(nginx.name, command)
    sections = answer.output.split(MARK * 2)[1:]
    if not sections:
        raise ReplicasNotAsked(f"asking from {nginx.name} failed: {answer.output.strip()[-200:]}")
    return [read(running[address], text) for address, _, text in (part.partition("\n") for part in sections)]


class Answer(msgspec.Struct, frozen=True):
    """One answer of a replica. ``status`` is None without an HTTP answer; ``clock``: its clock minus ours, seconds."""

    body: str = ""
    status: int | None = None
    error: str = "no answer"
    clock: float | None = None


def read(replica: ContainerFacts, text: str) -> InstanceFacts:
    """One replica's answers: live, ready, health, metrics."""
    answers = [_answer(part) for part in text.split(MARK)[1:]]
    live, ready, health, metrics = (answers + [Answer()] * 4)[:4]
    said, figures = _decode(health.body, Health), _decode(metrics.body, Metrics)
    pool, minute = said.pool or Pool(), figures.last_minute
    clocks = [answer.clock for answer in answers if answer.clock is not None]
    return InstanceFacts(
        name=replica.name,
        live=live.status,
        ready=ready.status,
        health=health.status,
        error=live.error or ready.error or health.error,
        instance=said.instance,
        release=replica.release,
        overall=said.status,
        database=said.checks.get("postgres", Dependency()).status,
        redis=said.checks.get("redis", Dependency()).status,
        limiter=said.limiter,
        pool_limit=pool.limit or None,
        pool_size=pool.size,
        pool_idle=pool.idle,
        pool_waiting=pool.waiting,
        requests=minute.requests if minute else None,
        error_rate=minute.server_error_rate if minute else None,
        rss=figures.memory.rss_bytes if figures.memory else None,
        clock=min(clocks, key=abs) if clocks else None,
    )


def _answer(text: str) -> Answer:
    """One section of the script's output: our time, the body, curl's verdict and the replica's time."""
    ours, _, rest = text.partition("\n")
    rest, _, date = rest.partition(DATE)
    body, _, last = rest.strip().rpartition("\n")
    status, _, words = last.partition(" ")
    code = int(status) if status.isdecimal() else 0
    error = "" if code else (words.partition(" ")[2].strip() or "no answer")
    return Answer(body, code or None, error, _clock(ours, date))


def _clock(ours: str, date: str) -> float | None:
    """The replica's Date header minus our clock, in whole seconds; None when either is missing."""
    try:
        return parsedate_to_datetime(date.strip()).timestamp() - float(ours)
    except ValueError:
        return None


def _decode(body: str, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:
        return kind()
