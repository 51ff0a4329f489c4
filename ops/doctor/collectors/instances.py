"""Each replica, queried directly from nginx's container, and so over the same network and names as the traffic."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from math import ceil

import msgspec

from ops.balancer import grpc_health
from ops.balancer.probe import SHOWN, curl_config
from ops.contract import METRICS, OVERALL, Dependency, Pool, read_health, read_metrics
from ops.declared import Declaration
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.facts_replicas import InstanceFacts
from ops.doctor.skip import BrokenOff, Skip
from ops.doctor.together import Asked
from ops.probes import ContainerCheck, GrpcHealth, Http, Probe, TcpConnect
from ops.project.settings import Settings

TIMEOUT = 6
PROBE_TIMEOUT = 2
PROBERS = 2
RATE = 50
"""Queries per second of each prober; more if there are many replicas."""
LONGEST_ROUND = 1.0
"""Maximum seconds until the query of the last replica starts."""
SHARED, ALONE = 2, 3
"""Timeouts in seconds: for all queries of a prober, and for the retry of a single replica."""
KILLED = 124
"""Smallest exit code of `timeout` when time is up (BusyBox uses 128 + 15). curl's own codes are smaller."""
MARK = "@videa@"
CLOCK = "@clock@"
"""Prefix of the time at which the queries began."""
QUERIES = 4
"""Per replica: liveness and readiness as its release declares and, for our own backend, the state of its dependencies
and its metrics."""
CALL = 'http2-prior-knowledge\ndata-binary = "@call"\n'
"""curl's options for a gRPC call; the script writes the file."""
CONFIG = "VIDEA_CURL_"
"""Prefix of the variables with curl's configuration for a replica, so that no header becomes a process argument."""

# Two curl processes, each with one query at a time at a limited rate: all queries at once would delay the traffic, and
# starting a curl takes 15 ms of CPU. If a replica does not answer in time, the remaining replicas of that curl are
# queried separately, in parallel, so that a hanging one does not hide them. A body precedes curl's line about it.
_SCRIPT = rf"""
folder=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
{grpc_health.EMPTY_CALL} >call
replicas=$1 rate=$2
query() {{
  seconds=$1 next=
  shift
  {{
    echo "{CLOCK} $(date +%s)"
    for number; do
      eval "printf '%s%s\n' \"$next\" \"\$VIDEA_CURL_$number\""
      next='next
'
    done | timeout "$seconds" nice -n 10 curl -N --rate "$rate/s" --fail-early -K -
  }} >"answers.$1"
  code=$?
  return "$code"
}}
share() {{
  query {SHARED} "$@" && return
  last=$(sed -n 's/^{MARK}\([0-9]*\) .*/\1/p' "answers.$1" | tail -n 1)
  again=$((${{last:-$(($1 * {QUERIES}))}} / {QUERIES}))
  [ "$code" -ge {KILLED} ] || again=$((again + 1))
  for number; do
    [ "$number" -ge "$again" ] && query {ALONE} "$number" &
  done
  wait
}}
for prober in $(seq 0 {PROBERS - 1}); do
  [ "$prober" -lt "$replicas" ] && share $(seq "$prober" {PROBERS} "$((replicas - 1))") &
done
wait
cat answers.*
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
    rate = max(RATE, ceil(len(running) * QUERIES / PROBERS / LONGEST_ROUND))
    script = ["timeout", str(TIMEOUT), "sh", "-c", _SCRIPT, "videa-doctor", str(len(running)), str(rate)]
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
    """curl's configuration for the queries of a replica, which are numbered from ``number``.

    The first two are the probes that its release declares: none for a release without paths, and a call for one that
    answers only gRPC.
    """
    probes = (declaration.probe(live, replica.has_check) for live in (True, False))
    own = () if declaration.grpc else tuple(Http(declaration.port, path) for path in (OVERALL, METRICS))
    form = "%{http_code} %{time_total} %header{date}|%{errormsg}"
    call = Http(declaration.probe_port or declaration.port, grpc_health.PATH, grpc_health.HEADERS)
    return "next\n".join(
        curl_config(replica.name, probe if isinstance(probe, Http) else call, PROBE_TIMEOUT)
        + ("" if isinstance(probe, Http) else CALL)
        + f'write-out = "\\n{MARK}{number + index} {form}\\n"\n'
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

    ``grpc``: the replica has no path and was probed with gRPC calls.
    """
    live, ready, health, metrics = answers
    if not isinstance(probe, Http) and not grpc:  # any answer shows that it is alive
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
    """Why a replica is not ready, from an answer that is not 200: its ``reason``, or the answer itself."""
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
    """The script's output by query number: the body of an answer precedes curl's line about the query."""
    answers: dict[int, Answer] = {}
    started, body = "", list[str]()
    for line in output.split("\n"):
        if line.startswith(CLOCK):
            started = line.removeprefix(CLOCK)
            continue
        if not line.startswith(MARK):
            body.append(line)
            continue
        fields, _, error = line.removeprefix(MARK).partition("|")
        number, status, seconds, date = [*fields.split(" ", 3), "", "", ""][:4]
        if number.isdecimal() and status.isdecimal():
            code = int(status)
            answers[int(number)] = Answer(
                body="\n".join(body).strip(),
                status=code or None,
                error="" if code else error.strip() or "no answer",
                clock=_clock(started, seconds, date),
            )
        body.clear()
    return answers


def _clock(started: str, seconds: str, date: str) -> float | None:
    """The replica's Date header minus our clock at that time, in full seconds; None if either is missing."""
    try:
        return round(parsedate_to_datetime(date.strip()).timestamp() - float(started) - float(seconds))
    except ValueError:
        return None
