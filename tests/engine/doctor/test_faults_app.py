"""The four that doctor must never miss, made on the real stack, and sources that hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.engine.conftest import GOOD, make_image
from tests.engine.doctor.conftest import Patient, failures, roots, warnings

LEAK = r"""
USER root
RUN cd $(python -c 'import site; print(site.getsitepackages()[0])') && echo 'import leaking' > leaking.pth && \
    printf '%s\n' 'import threading, time' 'held = []' 'def leak():' '    while True:' \
    '        held.append(b"x" * 100000)' '        time.sleep(0.2)' \
    'threading.Thread(target=leak, daemon=True).start()' > leaking.py
USER 10001:10001
"""
"""Half a megabyte a second from the start on."""


@contextmanager
def hammering(url: str, threads: int) -> Iterator[None]:
    """Uncached requests, one after another in each thread, whatever becomes of them."""
    ended = threading.Event()

    def work(number: int) -> None:
        count = 0
        while not ended.is_set():
            count += 1
            with (
                suppress(URLError, OSError),
                urlopen(f"{url}/api/v1/titles?q=none{number}x{count}", timeout=10) as answer,
            ):
                answer.read()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        ended.set()
        for worker in workers:
            worker.join()


def test_the_pool_is_exhausted_because_a_transaction_holds_a_lock(patient: Patient) -> None:
    with (
        patient.session("BEGIN; LOCK TABLE titles;", "state = 'idle in transaction'"),
        hammering(patient.stack.url, 40),
    ):
        queued = "SELECT count(*) > 8 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        patient.stack.until(lambda: patient.sql(queued) == "t")
        report = patient.examine(pg_idle_in_tx_warn=0.01, pg_idle_in_tx_fail=0.02, pg_blocked_warn=0.01)
    by_id = {finding.id: finding for finding in report.findings}
    assert "app.pool_exhausted" in failures(report)
    assert by_id["app.pool_exhausted"].cause in ("pg.idle_in_tx", "pg.blocked")
    assert roots(report) == {"pg.idle_in_tx"}


def test_limits_are_local_while_redis_is_away(patient: Patient) -> None:
    env_file = patient.stack.directory / ".env"
    kept = env_file.read_text()
    env_file.write_text(kept.replace("RATE_LIMITS=off", "RATE_LIMITS=user=600/60"))
    try:
        patient.stack.compose("up", "--detach", "--wait", "backend")
        patient.stack.compose("stop", "redis")
        report = patient.examine()
    finally:
        patient.stack.compose("start", "redis")
        env_file.write_text(kept)
        patient.stack.compose("up", "--detach", "--wait", "backend")
    (one,) = [finding for finding in report.findings if finding.id == "app.ratelimit_local"]
    assert one.cause == "redis.down"
    assert "2 of 2 instances" in one.evidence
    assert "up to 2x" in one.evidence


def test_a_token_of_every_instance_is_accepted_by_every_other(patient: Patient) -> None:
    report = patient.prove()
    proof = report.facts.proof
    assert proof
    names = set(patient.stack.replicas())
    assert set(proof.matrix) == names
    assert all(set(row) == names and set(row.values()) == {200} for row in proof.matrix.values())
    assert "app.jwt_skew" not in failures(report)


def test_a_replica_that_leaks(patient: Patient) -> None:
    patient.stack.done("deploy", "--image", make_image("videa-test-backend:leak", LEAK))
    try:
        began = time.time()
        patient.stack.until(lambda: time.time() - began > 40)
        report = patient.examine(leak_samples=6, leak_warm_up=0.0)
    finally:
        patient.stack.done("deploy", "--image", GOOD)
    assert "app.leak" in warnings(report)
    (one, *_) = [finding for finding in report.findings if finding.id == "app.leak"]
    assert "full in" in one.title


@pytest.mark.parametrize("service", ["postgres", "redis", "nginx"])
def test_a_source_that_hangs_is_named_and_the_rest_reported(patient: Patient, service: str) -> None:
    container = f"{patient.stack.project}-{service}-1"
    patient.stack.docker("pause", container)
    try:
        began = time.monotonic()
        report = patient.examine()
        took = time.monotonic() - began
    finally:
        patient.stack.docker("unpause", container)
        patient.stack.until(lambda: patient.state(container, ".State.Health.Status") == "healthy")
    assert took < 60
    told = {finding.id.split(".")[0] for finding in report.findings if finding.severity == "fail"} | {
        skip.id.split(".")[0] for skip in report.skipped
    }
    assert {"postgres": "pg", "redis": "redis", "nginx": "lb"}[service] in told
    assert "ctr.oom" in report.checked
