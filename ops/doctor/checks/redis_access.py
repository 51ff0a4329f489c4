"""Redis is running but does not serve: it rejects a password, or is loading its data."""

from __future__ import annotations

from collections.abc import Iterator

from ops.contract import REDIS as REDIS_URL
from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_redis import RedisNode
from ops.doctor.limits import Limits
from ops.doctor.refusals import refused_by_redis
from ops.doctor.sources import REDIS, REDIS_UP
from ops.doctor.words import listing, span


def auth(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Redis rejects the password of the doctor or of an instance."""
    nodes = present(facts.redis).nodes
    denied = [node for node in nodes if node.denied]
    refused = {
        instance.name: instance.redis_error
        for instance in facts.instances or []
        if instance.redis == "fail" and refused_by_redis(instance.redis_error)
    }
    if not denied and not refused:
        return
    names = listing([node.container for node in denied or nodes])
    who = listing([*refused, *(["the doctor"] if denied else [])])
    yield Finding(
        "redis.auth",
        Severity.FAIL,
        f"Redis ({names}) is running, but refuses the password of {who}",
        "\n".join(
            [f"{node.container}: {node.error}" for node in denied]
            + [f"{name}: {error}" for name, error in list(refused.items())[:5]]
        ),
        "each refused replica limits and caches separately" if refused else "its state is unknown",
        _cure(facts, (denied or nodes)[0], bool(denied), set(refused)),
        subject=(denied or nodes)[0].container,
    )


def _cure(facts: Facts, node: RedisNode, denied: bool, refused: set[str]) -> str:
    """The fix. A restart restores the passwords in the container's configuration, if the instances have the same ones.

    If Redis rejects only some replicas, because they were given a different password, these are recreated.
    """
    change = f"set the password that it asks for in {REDIS_URL} of {facts.service}, then videa deploy"
    if node.service not in facts.services:
        return change
    running = [replica for replica in facts.replicas if replica.running]
    given = {replica.passwords.get(REDIS_URL) for replica in running if replica.name in refused or not refused}
    if refused and {replica.passwords.get(REDIS_URL) for replica in running} - given:
        return f"{listing(sorted(refused))} was given another password than the others: videa deploy --force"
    own = {mark for each in facts.containers or [] if each.name == node.container for mark in each.passwords.values()}
    restart = f"docker compose restart {node.service}"
    if given & own:
        return restart
    if denied:
        return f"if the password was changed only in the running Redis: {restart}\nelse {change}"
    return f"{change}\nif the password in .env is newer than Redis: docker compose up -d {node.service}"


def loading(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Redis is loading its data from disk and refuses commands until it has finished."""
    nodes = [node for node in present(facts.redis).nodes if node.info.get("loading") == "1"]
    if nodes:
        yield Finding(
            "redis.loading",
            Severity.FAIL,
            f"Redis ({listing([node.container for node in nodes])}) loads its data after a start",
            "\n".join(
                f"{node.container}: {node.number('loading_loaded_perc'):.0f}% loaded,"
                f" {span(node.number('loading_eta_seconds'))} left"
                for node in nodes
            ),
            "until then each replica limits and caches separately",
            "wait: a restart would begin again",
            subject=nodes[0].container,
        )


CHECKS = (
    Check("redis.auth", Group.REDIS, "password refused F", "own", (REDIS,), auth),
    Check("redis.loading", Group.REDIS, "loading F", "own", (REDIS_UP,), loading),
)
