"""Redis answers, but does not execute clients' commands: it is paused or rejects them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from ops.contract import LATE
from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_redis import RedisNode
from ops.doctor.limits import Limits
from ops.doctor.sources import REDIS_UP

_PAUSED = "paused_reason"
"""Field of INFO clients in some versions: none, client_pause, or a failover's reason."""


class _Refusal(Struct, frozen=True):
    """The meaning of a Redis error code; ``fix``: commands for redis-cli; ``least``: minimum errors per second."""

    meaning: str
    fix: str = ""
    least: int = 1


_REFUSALS = {
    "NOPERM": _Refusal("the user may not run a command, or not on these keys", least=3),
    "NOREPLICAS": _Refusal(
        "fewer replicas are connected than min-replicas-to-write", "CONFIG SET min-replicas-to-write 0"
    ),
    "MASTERDOWN": _Refusal(
        "its master is down, and replica-serve-stale-data is off", "CONFIG SET replica-serve-stale-data yes"
    ),
    "ERR": _Refusal("a command is unknown, renamed or has wrong arguments", least=5),
    "WRONGTYPE": _Refusal("a key has another type than its command expects"),
}
"""Error codes that no other check reports. The doctor's own commands cause some of them: CLUSTER INFO gives one ERR if
there is no cluster; SLOWLOG and CLUSTER INFO may each give a NOPERM with the replicas' user, as outside the project."""


def paused(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Redis makes clients wait, because of CLIENT PAUSE or a failover in progress, but still answers the doctor's INFO.

    Redis 8.0 does not report the pause. It then shows in the clients: unlike those in a blocking command, blocked
    clients do not wait for a key.
    """
    for node in present(facts.redis).nodes:
        asking = [each for each in facts.instances or [] if node.up and each.redis]
        late = [each for each in asking if each.redis_error.startswith(LATE)]
        told = node.info.get(_PAUSED, "none")
        held = all(_held(sample) for sample in (node.info, node.earlier))
        nobody = bool(late) and len(late) == len(asking) and len(present(facts.redis).nodes) == 1
        if told == "none" and not held and (not nobody or node.broken_off):
            continue
        evidence = [f"{node.container}: {told}, of {node.info.get('paused_actions', '?')} commands"] * (told != "none")
        if held:
            evidence.append(f"clients that wait, but not for a key: {node.info['blocked_clients']}")
        evidence += [f"{each.name}: {each.redis_error}" for each in late[:3]]
        yield Finding(
            "redis.paused",
            Severity.FAIL,
            f"Redis ({node.container}) answers the doctor, but makes clients wait",
            "\n".join(evidence),
            "requests are slow, and each replica limits and caches separately",
            f"if it was paused: {node.cli('CLIENT UNPAUSE')}\n"
            "otherwise its network is slow, or its commands are: videa redis",
            subject=node.container,
        )


def _held(sample: Mapping[str, str]) -> bool:
    return sample.get("blocked_clients", "0") != "0" and sample.get("total_blocking_keys") == "0"


def refusing(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Redis answers commands of clients with errors."""
    for node in present(facts.redis).nodes:
        refused = {
            code: count for code, count in node.errors.items() if code in _REFUSALS and count >= _REFUSALS[code].least
        }
        if not refused:
            continue
        worst = max(refused, key=lambda code: refused[code])
        yield Finding(
            "redis.refusing",
            Severity.FAIL,
            f"Redis ({node.container}) refuses commands: {_REFUSALS[worst].meaning}",
            "\n".join(
                f"{count} x {code} while the doctor looked: {_REFUSALS[code].meaning}"
                for code, count in refused.items()
            ),
            "what uses these commands does without Redis: it limits and caches separately, or fails",
            _cure(facts, node, worst),
            subject=node.container,
        )


def _cure(facts: Facts, node: RedisNode, code: str) -> str:
    if fix := _REFUSALS[code].fix:
        return f"{node.cli(fix)}\nand the same in the Compose file, if it comes from there"
    if code != "NOPERM":
        return f"see which: {node.cli('INFO commandstats')} (failed_calls, rejected_calls)"
    see = f"see what it may not: {node.cli('ACL LOG 5')}"
    if node.service not in facts.services:
        return f"{see}\nthen: ACL SETUSER"
    return f"{see}\nback to the users of its start: docker compose restart {node.service}"


_UP = (REDIS_UP,)
CHECKS = (
    Check("redis.paused", Group.REDIS, "clients wait F", "own", _UP, paused),
    Check("redis.refusing", Group.REDIS, "NOPERM, NOREPLICAS, ... answered F", "own", _UP, refusing),
)
