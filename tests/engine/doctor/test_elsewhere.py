"""Databases that are not one container of the project: elsewhere, by URL, and a Redis Cluster."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from functools import partial

import msgspec

from ops.doctor import diagnose
from ops.doctor.collect import collect
from ops.doctor.limits import Limits
from ops.doctor.report import Report, examine, selection
from ops.doctor.sources import REDIS
from ops.factory import open_stack
from ops.project.config import Project
from tests.engine.doctor.conftest import NOT_OF_THE_TEST, Patient, found

WORN = r"""
export PGDATA=/var/lib/postgresql/data/worn PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)"
initdb --no-sync --auth=trust --username=videa >/dev/null
next=2140000000
head -c 262144 /dev/zero > "$PGDATA/pg_xact/$(printf %04X $((next / 1048576)))"
pg_resetwal --next-transaction-id=$next "$PGDATA"
exec postgres -c listen_addresses= -c unix_socket_directories=/run/postgresql -c autovacuum_naptime=3600
"""

NODES = ("redis-a", "redis-b", "redis-c")


def with_urls(project: Project, services: tuple[str, ...] = (), **urls: str) -> Project:
    """The project with other URLs in its Compose model, and further services of the same image as Redis."""
    model = msgspec.to_builtins(project.model)
    model["services"] |= dict.fromkeys(services, model["services"]["redis"])
    model["services"][project.settings.service]["environment"] |= urls
    return dataclasses.replace(project, model=model)


def test_servers_outside_of_the_project_are_asked_from_a_replica(patient: Patient) -> None:
    # The replicas' own URLs lead where they always did; only the Compose model names no service of the project.
    project = with_urls(
        patient.project, DATABASE_URL="postgresql://db.example:5432/videa", REDIS_URL="redis://cache.example:6379/0"
    )
    with patient.session("BEGIN; SELECT 1;", "state = 'idle in transaction'", role="videa_app"):
        report = diagnose(
            project,
            partial(open_stack, project),
            checks=selection(skip=NOT_OF_THE_TEST),
            limits=Limits(pg_idle_in_tx_warn=0.01, pg_idle_in_tx_fail=0.02),
        )
    assert found(report) == {"pg.idle_in_tx"}
    postgres, redis = report.facts.postgres, report.facts.redis
    assert postgres
    assert redis
    assert (postgres.service, postgres.container, postgres.max_connections) == ("db.example", "", 100)
    assert None not in (postgres.tables, postgres.sequences, postgres.slots, postgres.statements)
    assert postgres.earlier.keys() == postgres.counters.keys() != set()
    assert [(node.container, node.up) for node in redis.nodes] == [("redis:6379", True)]
    patient.stack.compose("stop", "redis")
    report = diagnose(project, partial(open_stack, project), checks=selection(only=("redis",)))
    assert found(report) == {"redis.down"}


def test_what_a_plain_role_may_not_see_is_not_called_well(patient: Patient) -> None:
    """The replicas' role is no superuser, and the open transaction is the superuser's."""
    project = with_urls(patient.project, DATABASE_URL="postgresql://db.example:5432/videa")
    checks = selection(only=("pg.idle_in_tx", "pg.long_query", "pg.sequence", "pg.blocked", "pg.conn_high"))
    limits = Limits(pg_idle_in_tx_warn=0.01, pg_idle_in_tx_fail=0.02)
    connect = partial(open_stack, project)
    with patient.session("BEGIN; CREATE SEQUENCE hidden; COMMIT; BEGIN; SELECT 1;", "state = 'idle in transaction'"):
        try:
            plain = diagnose(project, connect, checks=checks, limits=limits)
            patient.sql("GRANT pg_read_all_stats TO videa_app; GRANT SELECT ON SEQUENCE hidden TO videa_app")
            granted = diagnose(project, connect, checks=checks, limits=limits)
        finally:
            patient.sql("DROP SEQUENCE hidden; REVOKE pg_read_all_stats FROM videa_app")
    assert found(plain) == set()
    hides = "PostgreSQL hides what sessions of other roles do from videa_app: GRANT pg_read_all_stats TO videa_app"
    assert {skip.id: skip.reason for skip in plain.skipped} == {
        **dict.fromkeys(("pg.idle_in_tx", "pg.long_query", "pg.blocked"), hides),
        "pg.sequence": "videa_app may not read 1 of the sequences: "
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA ... TO videa_app",
    }
    assert plain.facts.postgres
    assert granted.facts.postgres
    assert plain.facts.postgres.connections == granted.facts.postgres.connections
    assert (found(granted), granted.skipped) == ({"pg.idle_in_tx"}, [])


def test_a_database_that_has_nearly_used_up_its_transaction_ids(patient: Patient) -> None:
    """pg_resetwal sets the next one, as two thousand million transactions without a vacuum would."""
    stack = patient.stack
    project = with_urls(patient.project, ("worn",), DATABASE_URL="postgresql://videa@worn:5432/postgres")
    options = (
        *("--user", "999:999", "--memory", "256m", "--entrypoint", "sh"),
        *("--tmpfs", "/var/lib/postgresql/data:uid=999,mode=700", "--tmpfs", "/run/postgresql:uid=999"),
        *("--env", "POSTGRES_USER=videa", "--env", "POSTGRES_DB=postgres", "--env", f"WORN={WORN}"),
    )
    image = project.model["services"]["postgres"]["image"]
    with patient.stranger(*options, image, "-c", 'eval "$WORN"', service="worn") as name:
        ready = ("exec", name, "sh", "-c", "psql -XAt -U videa -d postgres -c 'SELECT 1' || true")
        stack.until(lambda: stack.docker(*ready).strip() == "1")
        report = diagnose(project, partial(open_stack, project), checks=selection(only=("pg.xid",)))
    assert found(report, "fail") == {"pg.xid"}
    (one,) = report.findings
    assert "4,48" in one.title


def test_a_cluster_and_one_of_its_nodes_lost(patient: Patient) -> None:
    stack = patient.stack
    url = "redis+cluster://" + ",".join(f"{name}:6379" for name in NODES)
    project = with_urls(patient.project, NODES, REDIS_URL=url)
    options = ("--network", f"{stack.project}_data", "--tmpfs", "/data")
    image = project.model["services"]["redis"]["image"]
    command = (
        *("redis-server", "--dir", "/tmp", "--save", "", "--cluster-enabled", "yes"),
        *("--cluster-node-timeout", "1000"),
    )
    with ExitStack() as nodes:
        names = [
            nodes.enter_context(
                patient.stranger(*options, image, *command, "--cluster-require-full-coverage", "no", service=name)
            )
            for name in NODES
        ]
        network = f'(index .NetworkSettings.Networks "{stack.project}_data").IPAddress'
        places = " ".join(f"{patient.state(name, network)}:6379" for name in names)
        stack.until(lambda: all("PONG" in asked(patient, name, "ping") for name in names))
        stack.docker("exec", names[0], "sh", "-c", f"redis-cli --cluster create {places} --cluster-yes")
        whole = "cluster_slots_ok:16384"
        stack.until(lambda: all(whole in asked(patient, name, "cluster info") for name in names))
        well = examine_redis(project)
        stack.docker("kill", names[2])
        stack.until(lambda: whole not in asked(patient, names[0], "cluster info"))
        lost = examine_redis(project)
    assert found(well) == set()
    assert well.facts.redis
    assert [node.number("cluster_known_nodes") for node in well.facts.redis.nodes] == [3, 3, 3]
    assert found(lost) == {"redis.down"}
    by_id = {finding.id: finding for finding in lost.findings}
    assert names[2] in by_id["redis.down"].title
    assert by_id["redis.cluster_slots"].cause == "redis.down"


def asked(patient: Patient, container: str, command: str) -> str:
    return patient.stack.docker("exec", container, "sh", "-c", f"redis-cli {command} || true")


def examine_redis(project: Project) -> Report:
    return examine(
        collect(project, partial(open_stack, project), only=(REDIS,)),
        Limits(),
        selection(only=("redis",), skip=NOT_OF_THE_TEST),
    )
