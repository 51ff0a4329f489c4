"""nginx from inside its container: its version, its configuration on disk and in use, and whom requests reach."""

from __future__ import annotations

import ssl
from collections import Counter

import msgspec

from ops.balancer.render import parse
from ops.doctor.facts import BalancerFacts, ContainerFacts
from ops.engine.client import Engine

TIMEOUT = 6
PROBES_PER_REPLICA = 10
"""A replica with its fair share misses all of its probes with a chance of e^-10."""
MOST_PROBES = 200
MARK = "@videa@"

# On one stream: the engine does not keep the order between two, and a late line of nginx would end up in another part.
_SCRIPT = rf"""
exec 2>&1
nginx -v
echo '{MARK}'; nginx -e stderr -t -q && echo accepted
echo '{MARK}'; cat /etc/nginx/videa/upstreams.conf
echo '{MARK}'; curl -s -m 1 --unix-socket /tmp/nginx/control.sock http://localhost/generation
echo '{MARK}'
tls=$(cat /etc/nginx/*.conf | sed -n 's/^ *listen  *\([0-9][0-9]*\) .*ssl.*/\1/p' | head -n 1)
site=http://127.0.0.1:8080
if [ -n "$tls" ]; then
  site=https://127.0.0.1:$tls
  curl -skv -m 2 -o /dev/null "$site/" 2>&1 | sed -n 's/.*expire date: //p'
fi
echo '{MARK}'; exec timeout {TIMEOUT - 2} curl -sk -m 2 --fail-early -w '\n%{{http_code}}\n' "$site$1"
"""


class NginxNotAsked(Exception):
    """The container could not be looked into; the message says why."""


class Whoami(msgspec.Struct):
    """What /api/v1/whoami says, as far as the doctor needs it."""

    instance: str = ""


def balancer_facts(
    engine: Engine, nginx: ContainerFacts | None, replicas: int, sticky: bool, path: str = "/api/v1/whoami"
) -> BalancerFacts:
    """Looks into the container ``nginx``. Raises EngineError, and NginxNotAsked."""
    if nginx is None:
        return BalancerFacts("", running=False, refusal="it has no container")
    if not nginx.running:
        return BalancerFacts(nginx.name, running=False, refusal=f"container {nginx.state}, exit code {nginx.exit_code}")
    probes = min(max(replicas, 2) * PROBES_PER_REPLICA, MOST_PROBES)
    answer = engine.ask(
        nginx.name, ["timeout", str(TIMEOUT), "sh", "-c", _SCRIPT, "videa-doctor", f"{path}?doctor=[1-{probes}]"]
    )
    return read(nginx.name, answer.output, sticky)


def read(container: str, output: str, sticky: bool) -> BalancerFacts:
    """The facts in the script's output. Raises NginxNotAsked."""
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
    reached, failures = _count(answers)
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
        tls_expires=_expiry(expires),
        maintenance=list(closed.allow) if closed else None,
    )


def _count(answers: str) -> tuple[Counter[str], Counter[str]]:
    """Answers by instance and failures by status, from alternating bodies and statuses."""
    reached: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    body = ""
    for line in answers.splitlines():
        if len(line) == 3 and line.isdecimal():
            if line == "200":
                reached[_instance(body)] += 1
            else:
                failures["no answer" if line == "000" else line] += 1
            body = ""
        else:
            body += line
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
