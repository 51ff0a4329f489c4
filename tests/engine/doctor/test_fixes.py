"""Fixes that leave a decision to people: what they name is right, and the finding ends when somebody has decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ops.doctor.collectors.operation import held_back
from ops.factory import open_store
from tests.engine.client import under_load
from tests.engine.doctor.conftest import Patient, compose_files, found

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
