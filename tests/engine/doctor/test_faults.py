"""Each fault is made on the real component; doctor names it, and no other failure."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.engine.conftest import make_image
from tests.engine.doctor.conftest import NOT_OF_THE_TEST, Patient, found


def test_a_healthy_stack_has_no_finding_every_check_ran_and_tokens_are_accepted_everywhere(patient: Patient) -> None:
    report = patient.examine(prove=True)
    assert report.findings == []
    assert report.skipped == []
    proof = report.facts.proof
    assert proof
    names = set(patient.stack.replicas())
    assert set(proof.matrix) == names
    assert all(set(row) == names and set(row.values()) == {200} for row in proof.matrix.values())


LIAR = r"""
CMD ["python", "-c", "from http.server import *\nclass H(BaseHTTPRequestHandler):\n def do_GET(self):\n  \
self.send_response(200)\n  self.end_headers()\nHTTPServer(('', 3001), H).serve_forever()"]
"""
"""Says that all is well, whatever it is asked."""


def test_redis_stopped_so_that_limits_are_local(patient: Patient) -> None:
    patient.stack.compose("stop", "redis")
    report = patient.examine()
    assert found(report, "fail") == {"redis.down"}
    assert "redis.maxmem" in {skip.id for skip in report.skipped if skip.reason == "Redis does not answer"}
    (one,) = [finding for finding in report.findings if finding.id == "app.ratelimit_local"]
    assert one.cause == "redis.down"
    assert "2 of 2 instances" in one.evidence
    assert "up to 2x" in one.evidence


def test_redis_full(patient: Patient) -> None:
    try:
        used = int(patient.redis("info memory | grep ^used_memory: | tr -dc 0-9"))
        patient.redis("config set maxmemory-policy noeviction")
        patient.redis(f"config set maxmemory {used // 2}")
        report = patient.examine()
    finally:
        patient.redis("config set maxmemory 128mb")
        patient.redis("config set maxmemory-policy volatile-lru")
    assert found(report, "fail") == {"redis.noevict_full"}


def test_postgres_stopped_its_errors_and_a_replica_that_lies(patient: Patient, becomes: Callable[[str], None]) -> None:
    with patient.by_hand(BACKEND_IMAGE=make_image(LIAR)) as liar:
        patient.stack.compose("stop", "postgres")
        becomes("unready")
        statuses = patient.ask(40)
        report = patient.examine("app.errors", "lb.5xx", "lb.p99", app_least=10, lb_p99=0.0)
        patient.stack.compose("start", "postgres")
    assert set(statuses) == {503}
    # Nobody has told nginx of the liar.
    assert found(report, "fail") == {"pg.down", "lb.config"}
    effects = {finding.id: finding for finding in report.findings if finding.cause == "pg.down"}
    assert {"app.health_lies", "app.errors", "lb.5xx", "lb.p99"} <= set(effects)
    assert f"{liar} ready while PostgreSQL is down" in effects["app.health_lies"].title


def test_a_transaction_left_open_with_very_many_locks_and_a_statement_that_runs_on(patient: Patient) -> None:
    locks = "BEGIN; SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 2000) n;"
    with (
        patient.session(locks, "state = 'idle in transaction'"),
        patient.session("SELECT pg_sleep(30);", "state = 'active'"),
    ):
        report = patient.examine(pg_idle_in_tx_warn=0.01, pg_idle_in_tx_fail=0.02, pg_long_query=0.01)
    assert found(report) == {"pg.idle_in_tx", "pg.long_query", "pg.locktable"}
    assert found(report, "fail") >= {"pg.idle_in_tx"}


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
    assert found(report, "fail") == {"pg.pool_overcommit"}
    (one,) = [finding for finding in report.findings if finding.id == "pg.pool_overcommit"]
    assert "2 replicas x 5 = 10 > 6" in one.evidence
    assert "connection_limit=3" in one.fix


def test_a_listed_replica_that_was_stopped_by_hand(patient: Patient) -> None:
    victim = patient.stack.replicas()[0]
    patient.stack.docker("stop", victim)
    report = patient.examine()
    patient.stack.docker("start", victim)
    assert found(report) == {"deploy.replicas"}
    (stale,) = [finding for finding in report.findings if finding.id == "lb.stale"]
    assert (stale.severity, stale.cause) == ("fail", "deploy.replicas")
    assert victim in stale.evidence


def test_bounds_that_are_moved_to_where_the_machine_is(patient: Patient) -> None:
    """What cannot be made ill here, a full disk or a version of years ago: that the real figures reach the checks."""
    report = patient.examine(
        *("host.disk", "host.inodes", "host.mem"),
        disk_free=1.0,
        inodes_free=1.0,
        host_memory_free=1.0,
        pg_xids_left=2**31,
        engine_minimum=(999, 0),
        nginx_minimum=(999, 0),
    )
    assert found(report) == {"host.disk", "host.inodes", "host.mem", "host.docker", "lb.version", "pg.xid"}


def test_nginx_stopped(patient: Patient) -> None:
    patient.stack.compose("stop", "nginx")
    report = patient.examine()
    assert found(report, "fail") == {"lb.no_live"}
    assert "instances" not in report.facts.seconds or report.facts.instances is None
    assert "lb.starved" in {skip.id for skip in report.skipped}


def test_a_configuration_broken_by_hand(patient: Patient) -> None:
    file = "/etc/nginx/videa/upstreams.conf"
    patient.exec("nginx", f"cp {file} /tmp/kept && echo 'nonsense on;' >> {file}")
    try:
        report = patient.examine()
    finally:
        patient.exec("nginx", f"cp /tmp/kept {file}")
    assert found(report, "fail") == {"lb.config"}


def test_the_command_for_scripts(patient: Patient) -> None:
    left_out = [item for check in NOT_OF_THE_TEST for item in ("--skip", check)]
    well = patient.stack.videa("doctor", "--json", *left_out)
    assert (well.returncode, json.loads(well.stdout)["findings"]) == (0, [])
    patient.redis("replicaof 127.0.0.1 1")
    try:
        ill = patient.stack.videa("doctor", "--json", *left_out)
    finally:
        patient.redis("replicaof no one")
    findings = json.loads(ill.stdout)["findings"]
    assert ill.returncode == 2
    assert {finding["id"] for finding in findings if finding["severity"] == "fail"} == {"redis.masters"}
    assert {"id", "severity", "title", "evidence", "fix"} <= set(findings[0])
    assert patient.stack.videa("doctor", "--skip", "redis", "--only", "redis").returncode == 0


def test_the_command_for_people(patient: Patient) -> None:
    shown = patient.stack.done("doctor", *(item for check in NOT_OF_THE_TEST for item in ("--skip", check)))
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
