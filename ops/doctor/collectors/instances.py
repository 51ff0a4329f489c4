"""Each replica, queried directly from nginx's container, so over the same network and names as the traffic."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

import msgspec

from ops.balancer import grpc_health
from ops.balancer.probe import SHOWN, curl_config
from ops.contract import METRICS, OVERALL, Dependency, Pool, read_health, read_metrics
from ops.declared import Declaration
from ops.doctor.facts import ContainerFacts, InstanceFacts
from ops.doctor.skip import BrokenOff, Skip
from ops.doctor.together import Asked
from ops.probes import ContainerCheck, GrpcHealth, Http, Probe, TcpConnect
from ops.project.settings import Settings

TIMEOUT = 6
PROBE_TIMEOUT = 2
PAUSE = 0.04
"""Seconds between the first queries to two replicas; less if there are many."""
LONGEST_ROUND = 1.5
"""Seconds until the query of the last replica starts."""
MARK = "@videa@"
QUERIES = 4
"""For each replica: liveness and readiness as its release declares and, for our own backend, the state of its
dependencies and its metrics."""
CALL = 'http2-prior-knowledge\ndata-binary = "@call"\n'
"""curl's options for a call of gRPC; the script writes the file."""
CONFIG = "VIDEA_CURL_"
"""Environment variable with curl's configuration of a replica: no header of a probe becomes a process argument."""

# One curl per replica, with one query at a time, started one after the other: all at once, they would delay the traffic
# until the replicas have answered; and a process per query costs more than its answer.
_SCRIPT = rf"""
folder=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
{grpc_health.EMPTY_CALL} >call
pause=$1 replicas=$2 number=0
date +%s
while [ "$number" -lt "$replicas" ]; do
  eval "config=\$VIDEA_CURL_$number"
  printf %s "$config" | nice -n 10 curl --fail-early -K - &
  number=$((number + 1))
  sleep "$pause"
done
wait
for file in [0-9]*; do echo '{MARK}'"$file"; cat "$file"; echo; done
"""


def instance_facts(
    asked: Asked,
    settings: Settings,
    nginx: ContainerFacts | None,
    replicas: list[ContainerFacts],
    declared: Callable[[str], Declaration],
) -> list[InstanceFacts]:
    """Queries the health of every running replica. ``declared``: returns the declaration of a release.

    Raises EngineError and Skip.
    """
    if nginx is None or not nginx.running:
        raise Skip(f"{settings.balancer}, from which the replicas are queried, is not running")
    running = [replica for replica in replicas if replica.running]
    if not running:
        raise Skip(f"no replica of {settings.service} is running")
    declarations = [declared(replica.release) for replica in running]
    configs = {
        f"{CONFIG}{index}": query(replica, declaration, index * QUERIES)
        for index, (replica, declaration) in enumerate(zip(running, declarations, strict=True))
    }
    pause = f"{min(PAUSE, LONGEST_ROUND / len(running)):.3f}"
    script = ["timeout", str(TIMEOUT), "sh", "-c", _SCRIPT, "videa-doctor", pause, str(len(running))]
    answer = asked.ask(nginx.name, script, configs)
    answers = read_answers(answer.output)
    if not answers:
        raise BrokenOff(f"querying from {nginx.name} failed: {answer.output.strip()[-200:] or 'no answer'}")
    return [
        read(
            replica,
            [answers.get(index * QUERIES + number, Answer()) for number in range(QUERIES)],
            declaration.probe(live=False, has_check=replica.has_check),
            declaration.grpc,
        )
        for index, (replica, declaration) in enumerate(zip(running, declarations, strict=True))
    ]


def query(replica: ContainerFacts, declaration: Declaration, number: int) -> str:
    """curl's configuration for the queries of a replica, which have the numbers from ``number``.

    The first two are the probes that its release declares; there are none for a release that declares no path, and a
    call for one that answers only calls of gRPC.
    """
    probes = (declaration.probe(live, replica.has_check) for live in (True, False))
    own = () if declaration.grpc else tuple(Http(declaration.port, path) for path in (OVERALL, METRICS))
    form = "%{http_code} %{time_total} %header{date}|%{errormsg}"
    call = Http(declaration.probe_port or declaration.port, grpc_health.PATH, grpc_health.HEADERS)
    return "next\n".join(
        curl_config(replica.name, probe if isinstance(probe, Http) else call, PROBE_TIMEOUT)
        + ("" if isinstance(probe, Http) else CALL)
        + f'output = {number + index}\nwrite-out = "{number + index} {form}\\n"\n'
        for index, probe in enumerate((*probes, *own))
        if isinstance(probe, Http) or declaration.grpc
    )


class Answer(msgspec.Struct, frozen=True):
    """One answer of a replica. ``status``: None without an HTTP answer; ``clock``: its clock minus ours, seconds."""

    body: str = ""
    status: int | None = None
    error: str = "no answer"
    clock: float | None = None


def read(replica: ContainerFacts, answers: list[Answer], probe: Probe, grpc: bool = False) -> InstanceFacts:
    """The facts in a replica's answers: live, ready, health, metrics. ``probe``: of its readiness.

    ``grpc``: without a path, it was asked by calls.
    """
    live, ready, health, metrics = answers
    if not isinstance(probe, Http) and not grpc:  # any answer shows that it lives
        live = ready = health
    reported, measured = read_health(health.body), read_metrics(metrics.body)
    pool, last_minute = reported.pool or Pool(), measured.last_minute
    database = reported.checks.get("postgres", Dependency())
    clocks = [answer.clock for answer in answers if answer.clock is not None]
    return InstanceFacts(
        name=replica.name,
        live=live.status,
        ready=ready.status,
        health=health.status,
        well=_is_well(replica, probe, ready),
        by_connect=isinstance(probe, TcpConnect),
        error=live.error or ready.error or health.error,
        instance=reported.instance,
        release=replica.release,
        overall=reported.status,
        database=database.status,
        database_error=database.reason or "",
        redis=reported.checks.get("redis", Dependency()).status,
        redis_error=reported.checks.get("redis", Dependency()).reason or "",
        reason=_reason(ready),
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


def _reason(ready: Answer) -> str:
    """What a replica says of its readiness in an answer that is not 200: its ``reason``, or the answer itself."""
    if ready.status is None or 200 <= ready.status <= 299:
        return ""
    try:
        body = msgspec.json.decode(ready.body)
    except msgspec.DecodeError:
        body = None
    told = body.get("reason") if isinstance(body, dict) else None
    return f"{ready.status}: {' '.join(str(told or ready.body).split())[:SHOWN]}"


def _is_well(replica: ContainerFacts, probe: Probe, ready: Answer) -> bool:
    if isinstance(probe, ContainerCheck):
        return replica.health == "healthy"
    if isinstance(probe, Http):
        return ready.status is not None and probe.admits(ready.status)
    if isinstance(probe, GrpcHealth):
        return not grpc_health.told(ready.status or 0, ready.body.encode())
    return ready.status is not None


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
