"""Faults in Redis, made on the real server; doctor names them and no other."""

from __future__ import annotations

from tests.engine.doctor.conftest import Patient, found

SLOW_CLIENT = r"""bash <<'END'
exec 3<>/dev/tcp/127.0.0.1/6379
printf 'AUTH %s\r\n' "$REDISCLI_AUTH" >&3
{ printf '*2\r\n$4\r\nECHO\r\n$20000000\r\n'; head -c 15000000 /dev/zero; sleep 20; } >&3
END
"""
"""Announces 20 MB and sends 15."""


def test_redis_with_many_clients_and_one_that_waits(patient: Patient) -> None:
    patient.remember()
    # On one connection, for no other would get in to put the bound back; it is told each line when it is written.
    patient.exec(
        "redis",
        "(echo config set maxclients 1; sleep 0.3; for n in 1 2 3 4 5 6 7 8; do redis-cli ping >&2; done;"
        " echo config set maxclients 10000) | redis-cli",
    )
    patient.exec("redis", "for n in $(seq 14); do (sleep 40 | redis-cli) & done; wait", detach=True)
    patient.exec("redis", "redis-cli blpop fault 40", detach=True)
    clients = "info clients | grep ^connected_clients: | tr -dc 0-9"
    patient.stack.until(lambda: int(patient.redis(clients)) >= 17)
    try:
        patient.redis(f"config set maxclients {int(patient.redis(clients)) + 1}")
        report = patient.examine()
    finally:
        patient.redis("config set maxclients 10000")
        patient.redis("client kill type normal skipme yes")
    assert found(report) == {"redis.clients", "redis.blocked"}
    (rejected,) = [finding for finding in report.findings if finding.id == "redis.rejected"]
    assert (rejected.severity, rejected.cause) == ("warn", "redis.clients")


def test_redis_that_cannot_save_and_forks_for_it(patient: Patient) -> None:
    try:
        patient.exec("redis", "chmod 500 /data")
        patient.redis("bgsave")
        patient.stack.until(lambda: "rdb_last_bgsave_status:err" in patient.redis("info persistence"))
        # A fork of so little memory is quick: only here the bounds are others.
        report = patient.examine("redis.fork", redis_fork_least=0.0, redis_fork_rate=1e15)
    finally:
        patient.exec("redis", "chmod 700 /data")
        patient.redis("bgsave")
        patient.stack.until(lambda: "rdb_last_bgsave_status:ok" in patient.redis("info persistence"))
    assert found(report) == {"redis.persist", "redis.fork"}


def test_redis_whose_memory_is_full_of_holes_and_a_client_that_sends_slowly(patient: Patient) -> None:
    fill = "for i=1,40000 do redis.call('setex', KEYS[1]..i, 60, string.rep('x', 1000)) end"
    # One value of each page of memory stays, so that no page can be given back.
    thin = "for i=1,40000 do if i % 4 > 0 then redis.call('del', KEYS[1]..i) end end"
    patient.exec("redis", SLOW_CLIENT, detach=True)
    patient.redis(f'eval "{fill}" 1 fault')
    patient.redis(f'eval "{thin}" 1 fault')
    clients = "info memory | grep ^mem_clients_normal: | tr -dc 0-9"
    try:
        patient.stack.until(lambda: int(patient.redis(clients)) > 15_000_000)
        report = patient.examine()
        patient.mend(next(each for each in report.findings if each.id == "redis.frag"))
        patient.stack.until(lambda: patient.exec("redis", "redis-cli ping || true").strip() == "PONG")
        assert "redis.frag" not in {each.id for each in patient.examine().findings}
    finally:
        patient.redis("eval \"for i=1,40000 do redis.call('del', KEYS[1]..i) end\" 1 fault")
        patient.redis("client kill type normal skipme yes")
    assert found(report) == {"redis.frag", "redis.buffers"}
