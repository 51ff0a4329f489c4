"""nginx from inside its container: its version, its configuration on disk and in use, and whom requests reach.

On a busy stack the requests of users show whom they reach. It is probed where they do not, and where one has failed.
"""

from __future__ import annotations

import re
import ssl
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from types import MappingProxyType

import msgspec

from ops.balancer.access_log import Line
from ops.balancer.recent import recent_requests
from ops.balancer.render import parse
from ops.doctor.facts import BalancerFacts, ContainerFacts
from ops.engine.client import Engine
from ops.errors import EngineError

TIMEOUT = 6
PROBES_PER_REPLICA = 10
"""A replica with its fair share misses all of its probes with a chance of e^-10."""
MOST_PROBES = 200
PROBERS = 5
PROBE_RATE = 25
"""Requests/s of each prober."""
FRESH = 5.0
"""Seconds: how old a request of a user may be that shows that its replica is reached."""
MARK = "@videa@"
_BODY = re.compile(r"(\d+):(.*)")
_VERDICT = re.compile(r"(\d*) (\d{3})")

# On one stream: the engine does not keep the order between two, and a late line of nginx would end up in another part.
_SCRIPT = rf"""
exec 2>&1
nginx -v
echo '{MARK}'; nginx -e stderr -t -q && echo accepted
echo '{MARK}'; cat /etc/nginx/videa/upstreams.conf
echo '{MARK}'; serving=$(curl -s -m 1 --unix-socket /tmp/nginx/control.sock http://localhost/generation)
echo "$serving"
echo '{MARK}'
tls=$(cat /etc/nginx/*.conf | sed -n 's/^ *listen  *\([0-9][0-9]*\) .*ssl.*/\1/p' | head -n 1)
site=http://127.0.0.1:8080
if [ -n "$tls" ]; then
  site=https://127.0.0.1:$tls
  curl -skv -m 2 -o /dev/null "$site/" 2>&1 | sed -n 's/.*expire date: //p'
fi
# A few at a time, so that a replica that hangs costs no more than its own share of them; and no faster than they must,
# so that they do not stand in the way of the traffic.
echo '{MARK}'
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
path=$1 probers=$2 each=$3 first=1 seconds={TIMEOUT - 2}
[ -n "$serving" ] || {{ probers={PROBERS} seconds=2; }}  # it hangs, as everything asked through it will
for prober in $(seq $probers); do
  timeout $seconds nice -n 10 curl -sk -m 2 --rate {PROBE_RATE}/s \
    -o '#1' -w '%{{filename_effective}} %{{http_code}}\n' "$site$path?doctor=[$first-$((first + each - 1))]" &
  first=$((first + each))
done
wait
grep -H '' [0-9]* 2>/dev/null
"""


class NginxNotAsked(Exception):
    """The container could not be looked into; the message says why."""


class Whoami(msgspec.Struct):
    """What /api/v1/whoami says, as far as the doctor needs it."""

    instance: str = ""


def balancer_facts(
    engine: Engine,
    nginx: ContainerFacts | None,
    replicas: Collection[ContainerFacts],
    sticky: bool,
    path: str = "/api/v1/whoami",
) -> BalancerFacts:
    """Looks into the container ``nginx``. Raises EngineError, and NginxNotAsked."""
    if nginx is None:
        return BalancerFacts("", running=False, refusal="it has no container")
    if not nginx.running:
        return BalancerFacts(nginx.name, running=False, refusal=f"container {nginx.state}, exit code {nginx.exit_code}")
    probes = min(max(len(replicas), 2) * PROBES_PER_REPLICA, MOST_PROBES)
    lines: list[Line] = []
    with suppress(EngineError):  # without a log it is probed
        lines = recent_requests(engine, nginx.name, FRESH, tail=probes)
    seen = served(lines, replicas)
    probers = 0 if seen else PROBERS
    script = ["timeout", str(TIMEOUT), "sh", "-c", _SCRIPT, "videa-doctor", path, str(probers), str(probes // PROBERS)]
    answer = engine.ask(nginx.name, script)
    return read(nginx.name, answer.output, sticky, seen)


def served(lines: Collection[Line], replicas: Collection[ContainerFacts]) -> dict[str, int]:
    """How many requests each running replica has answered, by its name; {} if one has none or a request failed."""
    names = {address: one.name for one in replicas if one.running for address in one.addresses}
    answered = Counter(names.get(line.answered_by) for line in lines)
    running = [one.name for one in replicas if one.running]
    if any(line.failed for line in lines) or not all(answered[name] for name in running):
        return {}
    return {name: answered[name] for name in running}


def read(container: str, output: str, sticky: bool, seen: Mapping[str, int] = MappingProxyType({})) -> BalancerFacts:
    """The facts in the script's output; with ``seen`` nginx was probed only if it hangs. Raises NginxNotAsked."""
    parts = [part.strip() for part in output.split(MARK)]
    if len(parts) != 6:
        raise NginxNotAsked(f"looking into {container} ended early: {output.strip()[-200:]}")
    version, verdict, text, serving, expires, answers = parts
    accepted = verdict.endswith("accepted")
    generation, listed, closed = "", None, None
    try:
        membership = parse(text)
    except ValueError as error:
        accepted, verdict = False, verdict if not accepted else f"not written by videa: {error}"
    else:
        generation = str(membership.generation)
        listed = None if membership.everything else list(membership.servers)
        closed = membership.maintenance
    probed = not seen or not serving
    reached, failures = _count(answers) if probed else (Counter[str](), Counter[str]())
    return BalancerFacts(
        container,
        running=True,
        version=version.rpartition("/")[2].split()[0] if "/" in version else "",
        accepted=accepted,
        refusal="" if accepted else verdict[-400:],
        generation=generation,
        serving=serving,
        listed=listed,
        sticky=sticky,
        probes=sum(reached.values()) + sum(failures.values()),
        answers=dict(reached),
        failures=dict(failures),
        seen={} if probed else dict(seen),
        tls_expires=_expiry(expires),
        maintenance=list(closed.allow) if closed else None,
    )


def _count(answers: str) -> tuple[Counter[str], Counter[str]]:
    """Answers by instance and failures by status, from lines of "number status" and "number:body"."""
    statuses: dict[str, str] = {}
    bodies: dict[str, str] = {}
    failures: Counter[str] = Counter()
    for line in answers.splitlines():
        if body := _BODY.fullmatch(line):
            bodies[body[1]] = bodies.get(body[1], "") + body[2]
        elif verdict := _VERDICT.fullmatch(line):
            statuses[verdict[1]] = verdict[2]
            if verdict[2] != "200":
                failures["no answer" if verdict[2] == "000" else verdict[2]] += 1
    # The last verdicts are lost when time runs out; a body is an answer all the same.
    reached = Counter(
        _instance(bodies.get(number, ""))
        for number in statuses.keys() | bodies.keys()
        if statuses.get(number, "200") == "200"
    )
    if not reached and not failures:
        failures["no answer"] += 1
    return reached, failures


def _expiry(date: str) -> float | None:
    """curl's "Nov 23 12:00:00 2026 GMT" as seconds since the epoch; None without a certificate."""
    return float(ssl.cert_time_to_seconds(date)) if date.endswith("GMT") else None


def _instance(body: str) -> str:
    try:
        return msgspec.json.decode(body, type=Whoami).instance or "?"
    except msgspec.DecodeError:
        return "?"
