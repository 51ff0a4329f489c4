"""nginx from inside its container: its version, its configuration on disk and in use, and the replicas that it reaches.

On a busy stack, user requests show which replicas nginx reaches. If they do not, or if one has failed, probes are sent
through nginx to the path that x-videa declares; nginx's log shows which replica answered a probe.
"""

from __future__ import annotations

import re
import secrets
import ssl
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from math import inf
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from ops.balancer.access_log import SERVER_ERROR, Line
from ops.balancer.drift import differences
from ops.balancer.recent import OWN_IDS, TAIL, recent_requests
from ops.balancer.render import parse
from ops.doctor.facts import UNKNOWN
from ops.doctor.facts_balancer import BalancerFacts
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.skip import BrokenOff
from ops.doctor.together import Asked
from ops.errors import EngineError
from ops.platform.ports import Platform
from ops.route import Address
from ops.traffic import Upstream

TIMEOUT = 6
PROBES_PER_REPLICA = 10
"""The probability that a replica with a fair share of the traffic gets no probe is e^-10."""
MOST_PROBES = 200
PROBERS = 5
PROBE_RATE = 25
"""Requests per second of each prober."""
FRESH = 5.0
"""Maximum age, in seconds, of a user request that counts as proof that nginx reaches the replica."""
FLUSH = 0.15
"""Seconds until nginx has flushed its log: http.conf has flush=100ms."""
BUSY_TAIL = 20_000
"""Lines of a busy log to search for the answers to the probes."""
CLIENT_GONE = 499
"""nginx's status for a request whose client closed the connection."""
OWN = f"{OWN_IDS}doctor-"
"""Prefix of the probes' request ids."""
MARK = "@videa@"
REFUSED = "@refused@"
LATE = "it accepts the connection, and does not answer"
"""For ``unreachable``: Docker's proxy accepts connections at the published port, but reaches nothing behind it."""
Wanted: TypeAlias = Callable[[str], Sequence[Upstream]]
_VERDICT = re.compile(r"(\d*) (\d{3})")

# All output in one stream: the engine does not preserve the order of two, so a late line could land in the wrong part.
_SCRIPT = rf"""
exec 2>&1
nginx -v
echo '{MARK}'; sed 's/^/{REFUSED}/' /tmp/nginx/own.refused 2>/dev/null; nginx -e stderr -t -q && echo accepted
echo '{MARK}'; cat /etc/nginx/videa/upstreams.conf
echo '{MARK}'; serving=$(curl -s -m 1 --unix-socket /tmp/nginx/control.sock http://localhost/generation)
echo "$serving"
echo '{MARK}'
tls=$(sed -n 's/^ *listen  *\([0-9][0-9]*\) .*ssl.*/\1/p' /etc/nginx/site.conf 2>/dev/null | head -n 1)
site=http://127.0.0.1:8080
if [ -n "$tls" ]; then
  site=https://127.0.0.1:$tls
  curl -skv -m 2 -o /dev/null "$site/" 2>&1 | sed -n 's/.*expire date: //p'
fi
# Of a worker: its descriptors, its connections and how many of each it may have. Then the room for temporary files.
echo '{MARK}'
most=$(sed -n 's/^ *worker_connections  *\([0-9]*\).*/\1/p' /tmp/nginx/connections.conf 2>/dev/null)
for title in $(grep -la 'nginx: worker [p]rocess' /proc/[0-9]*/cmdline 2>/dev/null); do
  process=${{title%/cmdline}}
  files=$(sed -n 's/^Max open files *\([0-9]*\).*/\1/p' "$process/limits" 2>/dev/null)
  echo "worker $(ls "$process/fd" 2>/dev/null | wc -l) ${{files:-0}} ${{most:-0}}"
done
df -Pk /tmp 2>/dev/null | {{
  read -r _ && read -r _ all used _ _ place && [ "$place" = /tmp ] && echo "space $all $used"
}}
# A few probers at a time, so that a hanging replica delays only its share of the probes; and at a limited rate, so that
# the probes do not slow down the traffic.
echo '{MARK}'
folder=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
path=$1 probers=$2 count=$3 id=$4 host=${{5:+Host: $5}} first=1 seconds={TIMEOUT - 2}
[ -n "$serving" ] || {{ probers={PROBERS} seconds=2; }}  # nginx hangs, so every probe will
for prober in $(seq $probers); do
  timeout $seconds nice -n 10 curl -sk -m 2 --rate {PROBE_RATE}/s \
    -A videa-probe -H "X-Request-ID: $id" -H "$host" \
    -o '#1' -w '%{{filename_effective}} %{{http_code}}\n' "$site${{path}}doctor=[$first-$((first + count - 1))]" &
  first=$((first + count))
done
wait
for number in [0-9]*; do [ -e "$number" ] && echo "$number"; done
"""


def balancer_facts(
    platform: Platform,
    nginx: ContainerFacts | None,
    replicas: Collection[ContainerFacts],
    sticky: bool,
    entrance: Address,
    wanted: Wanted,
    unreachable: Callable[[], str | None],
    asked: Asked | None = None,
) -> BalancerFacts:
    """Examines the container ``nginx``. Raises EngineError and Skip.

    ``entrance``: the request for the liveness path. ``wanted``: see ``read``. ``unreachable``: returns why the
    published port does not answer, None if it cannot be queried here. ``asked``: runs the script, by default
    ``platform``.
    """
    if nginx is None:
        return BalancerFacts("", running=False, refusal="it has no container")
    if not nginx.running:
        return BalancerFacts(nginx.name, running=False, refusal=f"container {nginx.state}, exit code {nginx.exit_code}")
    probes = min(max(len(replicas), 2) * PROBES_PER_REPLICA, MOST_PROBES)
    lines: list[Line] = []
    with suppress(EngineError):  # without a log, nginx is probed
        lines = recent_requests(partial(platform.log_tail, nginx.name), FRESH, tail=probes).requests
    seen = served(lines, replicas)
    probers = 0 if seen else PROBERS
    query = entrance.path + ("&" if "?" in entrance.path else "?")
    mark = OWN + secrets.token_hex(6)
    arguments = (query, str(probers), str(probes // PROBERS), mark, entrance.host)
    with ThreadPoolExecutor(1) as pool:
        entered = pool.submit(unreachable)  # in parallel, because both wait if nginx hangs
        command = ["timeout", str(TIMEOUT), "sh", "-c", _SCRIPT, "videa-doctor", *arguments]
        answer = (asked or platform).ask(nginx.name, command)
    facts, outside = read(nginx.name, answer.output, wanted, sticky, seen), entered.result()
    if outside == LATE and not facts.serving:
        outside = ""  # nginx hangs for every client: it would answer this request itself
    facts = msgspec.structs.replace(facts, unreachable=outside)
    if not facts.answers:
        return facts
    time.sleep(FLUSH)
    log_lines: list[Line] = []
    with suppress(EngineError):  # without a log, the answering replica is unknown
        tail = BUSY_TAIL if len(lines) >= probes else max(TAIL, 4 * probes)
        log_lines = recent_requests(partial(platform.log_tail, nginx.name), inf, tail=tail).requests
    return msgspec.structs.replace(facts, answers=answered(log_lines, mark, replicas) or facts.answers)


def answered(lines: Collection[Line], mark: str, replicas: Collection[ContainerFacts]) -> dict[str, int]:
    """Replica -> number of probes (with request id ``mark``) that it answered; UNKNOWN for other addresses."""
    names = {address: replica.name for replica in replicas for address in replica.addresses}
    return dict(
        Counter(
            names.get(line.answered_by, UNKNOWN)
            for line in lines
            if line.request_id == mark and 0 < line.status < SERVER_ERROR and line.status != CLIENT_GONE
        )
    )


def served(lines: Collection[Line], replicas: Collection[ContainerFacts]) -> dict[str, int]:
    """Running replica -> number of requests that it answered; {} if a replica has none or a request failed."""
    names = {address: replica.name for replica in replicas if replica.running for address in replica.addresses}
    answered = Counter(names.get(line.answered_by) for line in lines)
    running = [replica.name for replica in replicas if replica.running]
    if any(line.failed for line in lines) or not all(answered[name] for name in running):
        return {}
    return {name: answered[name] for name in running}


def read(
    container: str,
    output: str,
    wanted: Wanted,
    sticky: bool,
    seen: Mapping[str, int] = MappingProxyType({}),
) -> BalancerFacts:
    """The facts in the script's output. With ``seen``, no probes were sent unless nginx hangs. Raises Skip.

    ``wanted``: returns what videa would configure for the replicas in nginx's configuration: for the examined service,
    and for the other services that get requests.
    """
    parts = [part.strip() for part in output.split(MARK)]
    if len(parts) != 7:
        raise BrokenOff(f"the script in {container} ended early: {output.strip()[-200:]}")
    version, verdict, text, serving, expires, room, answers = parts
    own = [line.removeprefix(REFUSED) for line in verdict.splitlines() if line.startswith(REFUSED)]
    accepted = verdict.endswith("accepted")
    generation, listed, closed, drift = "", None, None, list[str]()
    try:
        configured = wanted(text)
        membership = parse(text, configured[0].service)
        drift = differences(membership, *configured)
    except ValueError as error:
        accepted, verdict = False, verdict if not accepted else f"not written by videa: {error}"
    else:
        generation = str(membership.generation)
        listed = None if membership.everything else [name for each in configured for name in each.servers]
        closed = membership.maintenance
    probed = not seen or not serving
    reached, failures = _count(answers) if probed else (0, Counter[str]())
    return BalancerFacts(
        container,
        running=True,
        version=version.rpartition("/")[2].split()[0] if "/" in version else "",
        accepted=accepted,
        refusal="" if accepted else verdict[-400:],
        generation=generation,
        serving=serving,
        listed=listed,
        drift=drift,
        sticky=sticky,
        probes=reached + sum(failures.values()),
        answers={UNKNOWN: reached} if reached else {},
        failures=dict(failures),
        seen={} if probed else dict(seen),
        tls_expires=_expiry(expires),
        maintenance=list(closed.allow) if closed else None,
        own_refused=own,
        **_room(room),
    )


def _room(output: str) -> dict[str, Any]:
    """Fields of BalancerFacts from lines "worker FILES MAX-FILES MAX-CONNECTIONS" and "space KIB-TOTAL KIB-USED"."""
    facts: dict[str, Any] = {}
    for kind, *words in map(str.split, output.splitlines()):
        numbers = [int(word) for word in words if word.isdecimal()]
        if kind == "worker" and len(numbers) == 3:
            used, *bounds = numbers
            most = min((bound for bound in bounds if bound), default=0)
            if most and used >= facts.get("connections", 0):
                facts |= {"connections": used, "most_connections": most}
        elif kind == "space" and len(numbers) == 2 and numbers[0]:
            facts |= {"full": numbers[1] / numbers[0], "space": numbers[0] * 1024}
    return facts


def _count(output: str) -> tuple[int, Counter[str]]:
    """The number of answers, and failures by status, from lines "number status", and "number" per body received."""
    statuses: dict[str, int] = {}
    bodies: set[str] = set()
    failures: Counter[str] = Counter()
    for line in output.splitlines():
        if line.isdecimal():
            bodies.add(line)
        elif verdict := _VERDICT.fullmatch(line):
            status = int(verdict[2])
            statuses[verdict[1]] = status
            if not 0 < status < SERVER_ERROR:
                failures[str(status) if status else "no answer"] += 1
    # A timeout loses the last status lines, but an answer with a body still counts.
    reached = sum(1 for number in statuses.keys() | bodies if 0 < statuses.get(number, 200) < SERVER_ERROR)
    if not reached and not failures:
        failures["no answer"] += 1
    return reached, failures


def _expiry(date: str) -> float | None:
    """curl's "Nov 23 12:00:00 2026 GMT" as seconds since the epoch; None without a certificate."""
    return float(ssl.cert_time_to_seconds(date)) if date.endswith("GMT") else None
