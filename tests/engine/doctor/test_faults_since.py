"""What happened since doctor looked last, in PostgreSQL and in Redis."""

from __future__ import annotations

from tests.engine.doctor.conftest import Patient, found

DEADLOCK = """
lock() { echo "SELECT pg_advisory_lock($1); SELECT pg_sleep(0.3); SELECT pg_advisory_lock($2);" |
  psql -Xq -U "$POSTGRES_USER" || true; }
lock 1 2 & lock 2 1; wait
"""


def test_rates_since_the_last_look(patient: Patient) -> None:
    used = int(patient.redis("info memory | grep ^used_memory: | tr -dc 0-9"))
    patient.redis(f"config set maxmemory {used + 3_000_000}")
    fill = "for i=1,4000 do redis.call('setex', KEYS[1]..i, 30, string.rep('x', 1000)) end"
    try:
        patient.remember()
        patient.exec(
            "postgres", 'for n in $(seq 40); do echo "SELECT 1/0;"; done | psql -Xq -U "$POSTGRES_USER" || true'
        )
        patient.exec("postgres", DEADLOCK)
        patient.redis("config set slowlog-log-slower-than 0")
        patient.redis(f'eval "{fill}" 1 fault')
        report = patient.examine("redis.slowlog", pg_rollbacks=0.02, pg_deadlocks=0.5)
    finally:
        patient.redis("config set slowlog-log-slower-than 10000")
        patient.redis("slowlog reset")
        patient.redis("config set maxmemory 128mb")
        patient.redis("eval \"for i=1,4000 do redis.call('del', KEYS[1]..i) end\" 1 fault")
    assert found(report) == {"pg.rollbacks", "pg.deadlocks", "redis.maxmem", "redis.slowlog"}
    assert ("redis.evicting", "fail") in {(finding.id, finding.severity) for finding in report.findings}
