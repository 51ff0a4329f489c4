"""The four that doctor must never miss, made on the real stack."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.error import URLError
from urllib.request import urlopen

from tests.engine.conftest import make_image
from tests.engine.doctor.conftest import Patient, compose_files, finding, found

LEAK = r"""
USER root
RUN cd $(python -c 'import site; print(site.getsitepackages()[0])') && echo 'import leaking' > leaking.pth && \
    printf '%s\n' 'import threading, time' 'held = []' 'def leak():' '    while True:' \
    '        held.append(b"x" * 100000)' '        time.sleep(0.05)' \
    'threading.Thread(target=leak, daemon=True).start()' \
    'here = time.time' 'time.time = lambda: here() + 30' > leaking.py
USER 10001:10001
"""
"""Two megabytes a second from the start on, and half a minute ahead of time."""

ELSEWHERE = """
services:
  backend:
    environment:
      DATABASE_URL: postgresql://videa:${POSTGRES_PASSWORD}@postgres:5432/postgres?connection_limit=5
"""


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
    by_id = {each.id: each for each in report.findings}
    assert by_id["app.pool_exhausted"].cause in ("pg.idle_in_tx", "pg.blocked")
    assert found(report, "fail") == {"pg.idle_in_tx"}


def test_a_replica_started_by_hand_that_differs_and_leaks(patient: Patient) -> None:
    image, secret = make_image(LEAK), "0123456789abcdef" * 4
    (patient.stack.directory / "elsewhere.yml").write_text(ELSEWHERE)
    files = ":".join([*compose_files(patient.stack), "elsewhere.yml"])
    with patient.by_hand(BACKEND_IMAGE=image, JWT_ACCESS_SECRET=secret, COMPOSE_FILE=files) as leaking:
        patient.stack.until(lambda: heard(patient, leaking) >= 4)
        report = patient.examine(leak_samples=3, leak_warm_up=0.0)
        patient.mend(finding(report, "app.leak"))
        again = patient.examine(leak_samples=3, leak_warm_up=0.0)
    # Nobody has told nginx of it, which is another fault.
    assert found(report) == {
        *("ctr.image_skew", "app.jwt_skew", "app.session_store", "app.leak", "host.clock", "lb.config")
    }
    assert "app.leak" not in {each.id for each in again.findings}
    evidence = {each.id: each.title + each.evidence for each in report.findings}
    assert f"{leaking} leaks memory: full in" in evidence["app.leak"]
    assert f"{leaking}: +" in evidence["host.clock"]
    assert secret[:16] not in "".join(evidence.values())


def heard(patient: Patient, replica: str) -> int:
    """How many samples of its memory a replica has told its peers."""
    instance = patient.state(replica, ".Config.Hostname")
    beat = json.loads(patient.redis(f"--raw get videa:fleet:{instance}") or "{}")
    return len(beat["memory"]["samples"]) if beat else 0
