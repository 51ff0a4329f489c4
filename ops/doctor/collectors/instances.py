"""Each replica, queried directly from nginx's container, so over the same network and names as the traffic."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import msgspec

from ops.contract import METRICS, OVERALL, Dependency, Pool, read_health, read_metrics
from ops.doctor.facts import ContainerFacts, InstanceFacts
from ops.doctor.skip import Skip
from ops.platform.ports import Platform
from ops.project.config import Project

TIMEOUT = 6
PROBE_TIMEOUT = 2
PAUSE = 0.04
"""Seconds between the first queries to two replicas; less if there are many."""
LONGEST_ROUND = 1.5
"""Seconds until the query of the last replica starts."""
MARK = "@videa@"
QUERIES = 4
"""For each replica: liveness and readiness at the paths of x-videa and, for our own backend, the state of its
dependencies and its metrics."""

# One curl per replica, with one query at a time, started one after the other: all at once, they would delay the traffic
# until the replicas have answered; and a process per query costs more than its answer.
_SCRIPT = rf"""
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
live=$1 ready=$2 pause=$3 number=0; shift 3
date +%s
for replica in "$@"; do
  nice -n 10 curl -s -g -m {PROBE_TIMEOUT} --fail-early \
    -w '%{{filename_effective}} %{{http_code}} %{{time_total}} %header{{date}}|%{{errormsg}}\n' \
    -o $number "http://$replica$live" -o $((number + 1)) "http://$replica$ready" \
    -o $((number + 2)) "http://$replica{OVERALL}" -o $((number + 3)) "http://$replica{METRICS}" &
  number=$((number + {QUERIES}))
  sleep "$pause"
done
wait
for file in [0-9]*; do echo '{MARK}'"$file"; cat "$file"; echo; done
"""


def instance_facts(
    platform: Platform, project: Project, nginx: ContainerFacts | None, replicas: list[ContainerFacts]
) -> list[InstanceFacts]:
    """Queries the health of every running replica. Raises EngineError and Skip."""
    if nginx is None or not nginx.running:
        raise Skip(f"{project.settings.balancer}, from which the replicas are queried, is not running")
    health, port = project.settings.health, project.settings.port
    running = {f"{replica.name}:{port}": replica for replica in replicas if replica.running}
    if not running:
        raise Skip(f"no replica of {project.settings.service} is running")
    pause = f"{min(PAUSE, LONGEST_ROUND / len(running)):.3f}"
    script = ["timeout", str(TIMEOUT), "sh", "-c", _SCRIPT, "videa-doctor", project.live_path, health.ready, pause]
    answer = platform.ask(nginx.name, [*script, *running])
    answers = read_answers(answer.output)
    if not answers:
        raise Skip(f"querying from {nginx.name} failed: {answer.output.strip()[-200:] or 'no answer'}")
    return [
        read(replica, [answers.get(index * QUERIES + number, Answer()) for number in range(QUERIES)])
        for index, replica in enumerate(running.values())
    ]


class Answer(msgspec.Struct, frozen=True):
    """One answer of a replica. ``status``: None without an HTTP answer; ``clock``: its clock minus ours, seconds."""

    body: str = ""
    status: int | None = None
    error: str = "no answer"
    clock: float | None = None


def read(replica: ContainerFacts, answers: list[Answer]) -> InstanceFacts:
    """The facts in a replica's answers: live, ready, health, metrics."""
    live, ready, health, metrics = answers
    reported, measured = read_health(health.body), read_metrics(metrics.body)
    pool, last_minute = reported.pool or Pool(), measured.last_minute
    database = reported.checks.get("postgres", Dependency())
    clocks = [answer.clock for answer in answers if answer.clock is not None]
    return InstanceFacts(
        name=replica.name,
        live=live.status,
        ready=ready.status,
        health=health.status,
        error=live.error or ready.error or health.error,
        instance=reported.instance,
        release=replica.release,
        overall=reported.status,
        database=database.status,
        database_error=database.reason or "",
        redis=reported.checks.get("redis", Dependency()).status,
        limiter=reported.limiter,
        pool_limit=pool.limit or None,
        pool_size=pool.size,
        pool_idle=pool.idle,
        pool_waiting=pool.waiting,
        requests=last_minute.requests if last_minute else None,
        error_rate=last_minute.server_error_rate if last_minute else None,
        rss=measured.memory.rss_bytes if measured.memory else None,
        clock=min(clocks, key=abs) if clocks else None,
    )


def read_answers(output: str) -> dict[int, Answer]:
    """The script's output by query number: our time, one line of curl per query, then the bodies."""
    head, *parts = output.split(MARK)
    started, *verdicts = head.splitlines() or [""]
    bodies = {number: body.strip() for number, _, body in (part.partition("\n") for part in parts)}
    answers: dict[int, Answer] = {}
    for verdict in verdicts:
        fields, _, error = verdict.partition("|")
        number, status, seconds, date = [*fields.split(" ", 3), "", "", ""][:4]
        if not (number.isdecimal() and status.isdecimal()):
            continue
        code = int(status)
        answers[int(number)] = Answer(
            body=bodies.get(number, ""),
            status=code or None,
            error="" if code else error.strip() or "no answer",
            clock=_clock(started, seconds, date),
        )
    return answers


def _clock(started: str, seconds: str, date: str) -> float | None:
    """The replica's Date header minus our clock at that time, in full seconds; None if either is missing."""
    try:
        return round(parsedate_to_datetime(date.strip()).timestamp() - float(started) - float(seconds))
    except ValueError:
        return None
