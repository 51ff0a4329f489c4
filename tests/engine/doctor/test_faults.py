"""Each fault is made on the real component; doctor names it, and no other failure."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.engine.doctor.conftest import Patient, failures, roots, warnings


def test_a_healthy_stack_has_no_finding_and_every_check_ran(patient: Patient) -> None:
    report = patient.examine()
    assert report.findings == []
    assert {skip.id for skip in report.skipped} <= {"pg.slow_stmt", "pg.outlier"}


def test_redis_stopped(patient: Patient) -> None:
    patient.stack.compose("stop", "redis")
    report = patient.examine()
    assert roots(report) == {"redis.down"}
    assert "redis.maxmem" in {skip.id for skip in report.skipped if skip.reason == "Redis does not answer"}


def test_redis_nearly_full_and_full(patient: Patient) -> None:
    try:
        used = int(patient.redis("info memory | grep ^used_memory: | tr -dc 0-9"))
        patient.redis(f"config set maxmemory {used * 104 // 100}")
        nearly = patient.examine()
        patient.redis("config set maxmemory-policy noeviction")
        patient.redis(f"config set maxmemory {used // 2}")
        full = patient.examine()
    finally:
        patient.redis("config set maxmemory 128mb")
        patient.redis("config set maxmemory-policy volatile-lru")
    assert (failures(nearly), warnings(nearly)) == (set(), {"redis.maxmem"})
    assert failures(full) == {"redis.noevict_full"}


def test_postgres_stopped(patient: Patient, becomes: Callable[[str], None]) -> None:
    patient.stack.compose("stop", "postgres")
    becomes("unready")
    report = patient.examine()
    assert failures(report) == {"pg.down"}
    assert "app.health_lies" not in warnings(report)
    patient.stack.compose("start", "postgres")
    becomes("ready")


def test_a_transaction_left_open_and_a_statement_that_runs_on(patient: Patient) -> None:
    with patient.session("BEGIN; SELECT 1;", "state = 'idle in transaction'"):
        report = patient.examine(pg_idle_in_tx_warn=0.01, pg_idle_in_tx_fail=0.02)
    assert failures(report) == {"pg.idle_in_tx"}
    with patient.session("SELECT pg_sleep(30);", "state = 'active'"):
        report = patient.examine(pg_long_query=0.01)
    assert (failures(report), warnings(report)) == (set(), {"pg.long_query"})


def test_pools_larger_than_the_server(patient: Patient, becomes: Callable[[str], None]) -> None:
    def reserve(connections: int) -> None:
        patient.sql(f"ALTER SYSTEM SET superuser_reserved_connections = {connections}")
        patient.stack.compose("restart", "postgres")
        patient.stack.until(lambda: "accepting" in patient.exec("postgres", "pg_isready || true"))

    reserve(94)
    try:
        report = patient.examine()
    finally:
        reserve(3)
        becomes("ready")
    assert failures(report) == {"pg.pool_overcommit"}
    (one,) = [finding for finding in report.findings if finding.id == "pg.pool_overcommit"]
    assert "2 replicas x 5 = 10 > 6" in one.evidence
    assert "connection_limit=3" in one.fix


def test_a_listed_replica_that_was_stopped_by_hand(patient: Patient) -> None:
    victim = patient.stack.replicas()[0]
    patient.stack.docker("stop", victim)
    report = patient.examine()
    patient.stack.docker("start", victim)
    assert failures(report) == {"lb.stale"}
    assert victim in next(finding.evidence for finding in report.findings if finding.id == "lb.stale")


def test_nginx_stopped(patient: Patient) -> None:
    patient.stack.compose("stop", "nginx")
    report = patient.examine()
    assert failures(report) == {"lb.no_live"}
    assert "instances" not in report.facts.seconds or report.facts.instances is None
    assert "lb.starved" in {skip.id for skip in report.skipped}


def test_a_configuration_broken_by_hand(patient: Patient) -> None:
    file = "/etc/nginx/videa/upstreams.conf"
    patient.exec("nginx", f"cp {file} /tmp/kept && echo 'nonsense on;' >> {file}")
    try:
        report = patient.examine()
    finally:
        patient.exec("nginx", f"cp /tmp/kept {file}")
    assert failures(report) == {"lb.config"}


def test_a_replica_with_another_secret(patient: Patient) -> None:
    up = ("up", "--detach", "--no-deps", "--no-recreate", "--wait", "--scale", "backend=3", "backend")
    env_file = patient.stack.directory / ".env"
    kept = env_file.read_text()
    lines = [line for line in kept.splitlines() if not line.startswith("JWT_ACCESS_SECRET=")]
    env_file.write_text("\n".join([*lines, f"JWT_ACCESS_SECRET={'0123456789abcdef' * 4}"]) + "\n")
    try:
        patient.stack.compose(*up)
        report = patient.examine()
    finally:
        env_file.write_text(kept)
        patient.stack.done("scale", "2")
    assert "app.jwt_skew" in failures(report)
    assert "0123456789abcdef" not in json.dumps([finding.evidence for finding in report.findings])


def test_the_command_for_scripts(patient: Patient) -> None:
    well = patient.stack.videa("doctor", "--json", "--skip", "pg.restarted")
    assert (well.returncode, json.loads(well.stdout)["findings"]) == (0, [])
    patient.stack.compose("stop", "redis")
    ill = patient.stack.videa("doctor", "--json")
    findings = json.loads(ill.stdout)["findings"]
    assert ill.returncode == 2
    assert "redis.down" in {finding["id"] for finding in findings}
    assert {"id", "severity", "title", "evidence", "fix"} <= set(findings[0])
    assert patient.stack.videa("doctor", "--skip", "redis", "--only", "redis").returncode == 0


def test_the_command_for_people(patient: Patient) -> None:
    shown = patient.stack.done("doctor", "--skip", "pg.restarted")
    assert "postgres" in shown
    assert "0 failures" in shown
    assert "\x1b" not in shown
    refused = patient.stack.videa("doctor", "--only", "pg.dwon")
    assert refused.returncode == 3
    assert "pg.dwon" in refused.stderr


def test_without_an_engine_doctor_says_so(patient: Patient) -> None:
    lost = patient.stack.videa("doctor", "--json", DOCKER_HOST="unix:///nonexistent/docker.sock")
    assert lost.returncode == 2
    answer = json.loads(lost.stdout)
    assert [finding["id"] for finding in answer["findings"]] == ["host.docker"]
    assert "pg.down" in {skip["id"] for skip in answer["skipped"]}
