"""Each replica, asked directly: from inside nginx's container, so by the network and the names of the traffic."""

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
"""Seconds between the first questions to two replicas, or less where there are many."""
LONGEST_ROUND = 1.5
"""Seconds in which the last of the replicas is asked."""
MARK = "@videa@"
QUESTIONS = 4
"""To each replica: is it alive, is it ready, as x-videa says where; and, if it is our backend, how its dependencies are
and its figures."""

# One curl a replica, one question at a time, one after the other begun: all at once they would hold up the traffic for
# as long as the replicas answer them, and a process for each question costs more than its answer.
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
  number=$((number + {QUESTIONS}))
  sleep "$pause"
done
wait
for file in [0-9]*; do echo '{MARK}'"$file"; cat "$file"; echo; done
"""


def instance_facts(
    platform: Platform, project: Project, nginx: ContainerFacts | None, replicas: list[ContainerFacts]
) -> list[InstanceFacts]:
    """Asks every running replica for its health. Raises EngineError, and Skip."""
    if nginx is None or not nginx.running:
        raise Skip(f"{project.settings.balancer}, from where the replicas are asked, does not run")
    health, port = project.settings.health, project.settings.port
    running = {f"{one.name}:{port}": one for one in replicas if one.running}
    if not running:
        raise Skip(f"no replica of {project.settings.service} runs")
    pause = f"{min(PAUSE, LONGEST_ROUND / len(running)):.3f}"
    script = ["timeout", str(TIMEOUT), "sh", "-c", _SCRIPT, "videa-doctor", project.live_path, health.ready, pause]
    answer = platform.ask(nginx.name, [*script, *running])
    answers = read_answers(answer.output)
    if not answers:
        raise Skip(f"asking from {nginx.name} failed: {answer.output.strip()[-200:] or 'no answer'}")
    return [
        read(one, [answers.get(place * QUESTIONS + number, Answer()) for number in range(QUESTIONS)])
        for place, one in enumerate(running.values())
    ]


class Answer(msgspec.Struct, frozen=True):
    """One answer of a replica. ``status`` is None without an HTTP answer; ``clock``: its clock minus ours, seconds."""

    body: str = ""
    status: int | None = None
    error: str = "no answer"
    clock: float | None = None


def read(replica: ContainerFacts, answers: list[Answer]) -> InstanceFacts:
    """What a replica's answers say: live, ready, health, metrics."""
    live, ready, health, metrics = answers
    said, figures = read_health(health.body), read_metrics(metrics.body)
    pool, minute = said.pool or Pool(), figures.last_minute
    database = said.checks.get("postgres", Dependency())
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
        database=database.status,
        database_error=database.reason or "",
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


def read_answers(output: str) -> dict[int, Answer]:
    """The script's output by the number of the question: our time, curl's verdicts a line each, then the bodies."""
    head, *parts = output.split(MARK)
    began, *verdicts = head.splitlines() or [""]
    bodies = {place: body.strip() for place, _, body in (part.partition("\n") for part in parts)}
    found: dict[int, Answer] = {}
    for verdict in verdicts:
        words, _, error = verdict.partition("|")
        number, status, seconds, date = [*words.split(" ", 3), "", "", ""][:4]
        if not (number.isdecimal() and status.isdecimal()):
            continue
        code = int(status)
        found[int(number)] = Answer(
            body=bodies.get(number, ""),
            status=code or None,
            error="" if code else error.strip() or "no answer",
            clock=_clock(began, seconds, date),
        )
    return found


def _clock(began: str, seconds: str, date: str) -> float | None:
    """The replica's Date header minus our clock when it came, in whole seconds; None when either is missing."""
    try:
        return round(parsedate_to_datetime(date.strip()).timestamp() - float(began) - float(seconds))
    except ValueError:
        return None
