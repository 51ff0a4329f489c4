"""The views of `videa db` and `videa redis`, on facts."""

from __future__ import annotations

from ops.views.dataview import Holder, read_slow, view_database, view_node
from tests.unit.ops.doctor.stack import healthy, postgres, redis, replica, session, with_replicas


def test_connections_by_instance_and_their_budget() -> None:
    first, second = replica(1), replica(2, id="f" * 64)
    sessions = [session(application=f"videa/{first.id[:12]}")] * 3 + [session(application="psql", state="active")]
    facts = healthy(containers=with_replicas(first, second), postgres=postgres(sessions=sessions))
    assert facts.postgres
    view = view_database(facts, facts.postgres)
    assert view.holders == [Holder("app-backend-1", 3, 5), Holder("app-backend-2", 0, 5), Holder("psql", 1)]
    assert (view.used, view.usable, view.budget) == (4, 97, 10)
    assert view.states == {"idle": 3, "active": 1}
    assert [client.application for client in view.busy] == ["psql"]


def test_a_redis_node() -> None:
    (node,) = redis(
        keyspace_hits="90", keyspace_misses="10", db0="keys=7,expires=1,avg_ttl=0", db1="keys=1,expires=0"
    ).nodes
    view = view_node(node, [])
    assert (view.hit_rate, view.keys) == (0.9, 8)
    (fresh,) = redis().nodes
    assert view_node(fresh, []).hit_rate is None


def test_slow_commands_without_their_arguments() -> None:
    output = '[[3,1800000000,12000,["get","private-key"],"10.0.0.2:1","x"],[2,1800000000,50,["PING"],"",""]]'
    slow = read_slow(output)
    assert [(entry.command, entry.arguments, entry.milliseconds) for entry in slow] == [
        ("GET", 1, 12.0),
        ("PING", 0, 0.05),
    ]
    assert "private" not in repr(slow)
    assert read_slow("Unrecognized option") == []
