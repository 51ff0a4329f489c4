"""Fixes that leave a decision to people: what they name is right, and the finding ends when somebody has decided."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.temporary_stack import clean_environment
from ops.doctor.collectors.operation import held_back
from ops.factory import open_store
from ops.project.loading import load
from tests.engine.client import under_load
from tests.engine.doctor.conftest import Patient, compose_files, finding, found

SMALL = """
services:
  redis:
    volumes: ["small:/data"]
volumes:
  small: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=4m,uid=999,gid=999"}}
"""


@pytest.fixture
def with_small_volume(patient: Patient) -> Iterator[Patient]:
    """Redis has its data on a file system of 4 MiB."""
    stack = patient.stack
    (stack.directory / "small.yml").write_text(SMALL)
    names = [*compose_files(stack), "small.yml"]
    up = ("up", "--detach", "--no-deps", "redis")
    with stack.env(COMPOSE_FILE=":".join(names)):
        files = tuple(str(stack.directory / name) for name in names)
        stack.compose(*up)
        small = dataclasses.replace(patient, project=load(files, stack.project, clean_environment()))
        stack.until(lambda: found(small.examine(), "fail") == set())
        yield small
    stack.compose(*up)
    stack.docker("volume", "rm", f"{stack.project}_small")


def test_a_volume_that_is_nearly_full(with_small_volume: Patient) -> None:
    patient = with_small_volume
    patient.exec("redis", "head -c 3900000 /dev/zero > /data/nobody-needs-it")
    report = patient.examine()
    assert found(report, "fail", "warn") == {"host.volume"}
    full = finding(report, "host.volume")
    assert (full.severity, full.subject) == ("fail", f"{patient.stack.project}-redis-1")
    assert "you decide" in full.fix
    assert "Local Volumes space usage" in patient.mend(full, line=1)
    patient.exec("redis", "rm /data/nobody-needs-it")
    assert found(patient.examine(), "fail", "warn") == set()


def test_wal_that_a_slot_keeps(patient: Patient) -> None:
    """It stays after the slot is gone, until the next checkpoint."""
    patient.sql("ALTER SYSTEM SET max_wal_size = '32MB'")
    patient.sql("ALTER SYSTEM SET min_wal_size = '32MB'")
    try:
        patient.sql("SELECT pg_create_physical_replication_slot('nobody', true)")
        patient.sql("SELECT pg_reload_conf()")
        for _ in range(6):
            patient.sql("SELECT pg_logical_emit_message(false, 'fault', repeat('x', 16000000)); SELECT pg_switch_wal()")
        report = patient.examine("pg.wal")
        assert found(report) == {"pg.slot_inactive"}
        assert finding(report, "pg.wal").cause == "pg.slot_inactive"
        patient.mend(finding(report, "pg.slot_inactive"), line=1)
        report = patient.examine()
        assert found(report) == {"pg.wal"}
        patient.mend(finding(report, "pg.wal"))
        assert found(patient.examine()) == set()
    finally:
        patient.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'nobody'")
        patient.sql("ALTER SYSTEM RESET max_wal_size")
        patient.sql("ALTER SYSTEM RESET min_wal_size")
        patient.sql("SELECT pg_reload_conf()")


LIMITED = """
x-videa:
  autoscale: {min: 2, max: 5, target: {requests: 5/s}}
services:
  backend:
    deploy: {resources: {reservations: {cpus: "0.1", memory: 32M}}}
    environment:
      DATABASE_URL: postgresql://videa_app:${DATABASE_PASSWORD}@postgres:5432/videa?connection_limit=CONNECTIONS
"""


def test_the_connections_of_postgresql_allow_no_more_replicas(patient: Patient) -> None:
    """The autoscaler only says what it would do."""
    with under_load(patient.stack.url, rate=40):
        with autoscaler(patient, connections=40):
            patient.stack.until(lambda: held(patient) == ["connections"])
        report = patient.examine()
        assert found(report) == {"deploy.scale_limited"}
        assert "PostgreSQL accepts 97 connections, 40 for each replica" in report.findings[0].evidence
        assert "lower connection_limit" in report.findings[0].fix
        with autoscaler(patient, connections=5):
            patient.stack.until(lambda: not held(patient))
    assert found(patient.examine()) == set()


@contextmanager
def autoscaler(patient: Patient, connections: int) -> Iterator[None]:
    """It runs, and each replica may have so many connections."""
    file = patient.stack.directory / "limited.yml"
    file.write_text(LIMITED.replace("CONNECTIONS", str(connections)))
    with patient.stack.env(COMPOSE_FILE=":".join([*compose_files(patient.stack), file.name])):
        process = patient.stack.start_videa("autoscale", "run", "--dry-run")
        try:
            yield
        finally:
            process.terminate()
            process.communicate()


def held(patient: Patient) -> list[str]:
    """The limits that stop the autoscaler."""
    return [each.limit for each in held_back(open_store(), patient.project.name)]
