"""A streaming read replica that stands still, and one that is gone: the overlay's own, beside the stack."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from bench.temporary_stack import clean_environment
from ops.project.loading import load
from tests.engine.doctor.conftest import Patient, compose_files, finding, found

SLOT = "videa_read_replica"


@pytest.fixture
def with_replica(patient: Patient) -> Iterator[Patient]:
    """The stack with the overlay's read replica; the backend itself is not told of it."""
    stack = patient.stack
    names = [*compose_files(stack), "compose/read-replica.yml"]
    image = patient.project.model["services"]["postgres"]["image"]
    with stack.env(COMPOSE_FILE=":".join(names), POSTGRES_IMAGE=image):
        try:
            stack.compose("up", "--detach", "--no-deps", "--wait", "read-replica")
            files = tuple(str(stack.directory / name) for name in names)
            yield dataclasses.replace(patient, project=load(files, stack.project, clean_environment()))
        finally:
            stack.compose("rm", "--force", "--stop", "--volumes", "read-replica")
            stack.docker("volume", "rm", "--force", f"{stack.project}_read-replica")
            slot = f"FROM pg_replication_slots WHERE slot_name = '{SLOT}'"
            stack.until(lambda: patient.sql(f"SELECT count(*) {slot} AND active") == "0")
            patient.sql(f"SELECT pg_drop_replication_slot(slot_name) {slot}")


def test_a_read_replica_that_is_behind_and_then_lost(with_replica: Patient) -> None:
    patient = with_replica
    assert found(patient.examine(), "fail", "warn") == set()
    patient.exec("read-replica", 'psql -Xq -U videa -c "SELECT pg_wal_replay_pause()"')
    # Each write that arrives, and is not replayed, lets the primary see how far the replica is behind.
    patient.stack.until(lambda: behind(patient) > 1)
    report = patient.examine(pg_replica_lag=0.5)
    assert found(report, "fail", "warn") == {"pg.replica_lag"}
    patient.stack.compose("kill", "read-replica")
    lost = patient.examine()
    assert found(lost, "fail", "warn") == {"ctr.exited", "pg.slot_inactive"}
    assert SLOT in finding(lost, "pg.slot_inactive").title
    patient.mend(finding(lost, "ctr.exited"))
    patient.stack.until(lambda: found(patient.examine(), "fail", "warn") == set())


def behind(patient: Patient) -> float:
    patient.sql("SELECT pg_logical_emit_message(true, 'fault', 'x')")
    return float(patient.sql("SELECT coalesce(max(extract(epoch FROM replay_lag)), 0) FROM pg_stat_replication"))
