"""What `videa doctor --fix` does, on real faults: named first, done only when asked."""

from __future__ import annotations

from ops.doctor.remedies import remedies
from ops.factory import open_stack
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from tests.engine.conftest import GOOD
from tests.engine.doctor.conftest import Patient, found


def test_a_stopped_replica_is_started_and_a_stranger_removed(patient: Patient) -> None:
    victim = patient.stack.replicas()[0]
    with patient.stranger(GOOD, "sleep", "120") as stranger:
        patient.stack.docker("stop", victim)
        told = patient.stack.videa("doctor", "--fix", "--skip", "pg.restarted")
        assert f"would remove the container {stranger}" in told.stderr
        assert f"would start {victim}" in told.stderr
        assert f"would remove the container {victim}" not in told.stderr
        done = patient.stack.videa("doctor", "--fix", "--apply", "--yes")
        assert f"done: start {victim}" in done.stderr, done.stderr
        assert f"done: remove the container {stranger}" in done.stderr, done.stderr
    assert len(patient.stack.in_balancer()) == 2
    assert victim in patient.stack.in_balancer()
    assert found(patient.examine()) == set()


def test_a_scale_that_was_killed(patient: Patient) -> None:
    stack = open_stack(patient.project)
    lock, journal = Lock(stack.store, patient.project.name), Journal(stack.store, patient.project.name)
    process = patient.stack.start_videa("scale", "3")
    patient.stack.until(lambda: journal.read() is not None)
    process.kill()
    process.communicate()
    # A child of it may be at work for a moment longer.
    patient.stack.until(lambda: (holder := lock.status()) is not None and not holder.alive)
    try:
        report = patient.examine()
        assert found(report) == {"deploy.stuck"}
        assert "`videa scale 3`" in report.findings[0].evidence
        (remedy, *others) = remedies(report, stack)
        assert "release the lock" in remedy.text
        assert not others
        remedy.act()
        assert lock.status() is None
    finally:
        patient.stack.done("deploy", "--abort")
    assert found(patient.examine()) == set()


def test_an_open_transaction_is_ended(patient: Patient) -> None:
    with patient.session("BEGIN; SELECT 1;", "state = 'idle in transaction'"):
        report = patient.examine(pg_idle_in_tx_warn=0.01)
        (remedy,) = remedies(report, open_stack(patient.project))
        assert "pid" in remedy.text
        remedy.act()
        there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fault'"
        patient.stack.until(lambda: patient.sql(there) == "0")
