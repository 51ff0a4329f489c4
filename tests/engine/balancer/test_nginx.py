"""What Balancer does to a real nginx: changes without a lost request, refusals that leave everything as it was."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ops.balancer.render import render
from ops.balancer.scripts import FILE
from ops.errors import BalancerError, ConfigRefused
from ops.models import ExecResult
from ops.traffic import Applied, Maintenance, Membership, Upstream
from tests.engine.balancer.conftest import Bench
from tests.engine.balancer.load import Load
from tests.unit.ops.fakes.contract import check_fencing

REFUSED = "    upstream broken { no_such_directive; }\n}\n"


def serving(bench: Bench, tries: int = 8) -> set[str]:
    """Which replicas answer."""
    return {bench.get("/")[1] for _ in range(tries)}


def change(bench: Bench, upstream: Upstream) -> Applied:
    """Applies and waits for the old workers: some requests of the first moment are still theirs."""
    balancer = bench.balancer
    applied = balancer.apply(upstream)
    assert balancer.wait_drained(60) == ()
    return applied


def on_volume(bench: Bench) -> str:
    return bench.engine.exec(bench.nginx.id, ["cat", FILE]).output


def leftovers(bench: Bench) -> list[str]:
    found = bench.engine.exec(bench.nginx.id, ["ls", str(Path(FILE).parent)]).output.split()
    return [name for name in found if name != Path(FILE).name]


def test_the_applied_generation_serves_and_names_its_members(bench: Bench) -> None:
    first = change(bench, bench.upstream("two"))
    assert first.old_workers
    assert bench.balancer.look().serving == first.generation
    assert bench.balancer.membership() == Membership(first.generation, (bench.name("two"),))
    assert serving(bench) == {"two"}
    assert change(bench, bench.upstream("one")).generation == first.generation + 1
    assert leftovers(bench) == []


def test_a_command_beside_the_look_has_its_own_output_and_exit_code(bench: Bench) -> None:
    balancer = bench.balancer
    script = 'echo "$1 $OTHER"; exit 4'
    membership, answer = balancer.membership_and_ask(False, ["sh", "-c", script, "x", "it's"], {"OTHER": "'a' \"b\""})
    assert (membership, answer) == (balancer.membership(), ExecResult(4, "it's 'a' \"b\"\n"))


def test_what_somebody_else_changes_between_two_changes_stays(bench: Bench) -> None:
    mine = bench.balancer
    first = mine.apply(bench.upstream("one"))
    closed = Maintenance(allow=("10.0.0.0/8",))
    bench.balancer.maintain(closed)
    try:
        second = mine.apply(bench.upstream("one", "two"))
        expected = Membership(first.generation + 2, (bench.name("one"), bench.name("two")), maintenance=closed)
        assert second.generation == expected.generation
        assert bench.balancer.membership() == expected
    finally:
        bench.balancer.maintain(None)


def test_without_videa_every_started_replica_is_served_and_a_former_holder_of_the_lock_is_refused(own: Bench) -> None:
    own.until(lambda: serving(own) == {"one", "two"})
    assert own.balancer.membership() == Membership(0, ())
    one, other = own.upstream("one"), own.upstream("two")
    check_fencing(lambda: own.balancer, one, other)
    own.until(lambda: serving(own) == {"one"})
    assert leftovers(own) == ["fence"]


def test_a_change_waits_for_the_script_of_another_one(own: Bench) -> None:
    """A script that the engine still runs for a process that was stopped must not end after a newer one."""
    lock = "exec 9>/tmp/nginx/change.lock && flock 9 && echo locked > /tmp/nginx/locked && sleep 30"
    holding = threading.Thread(target=lambda: own.engine.exec(own.nginx.id, ["sh", "-c", lock]))
    holding.start()
    own.until(lambda: own.engine.exec(own.nginx.id, ["test", "-f", "/tmp/nginx/locked"]).ok)
    changing = threading.Thread(target=lambda: change(own, own.upstream("two")))
    changing.start()
    own.until(lambda: "flock" in own.engine.exec(own.nginx.id, ["sh", "-c", "cat /proc/[0-9]*/comm"]).output)
    assert own.balancer.membership().everything
    own.engine.exec(own.nginx.id, ["sh", "-c", "kill $(grep -l sleep /proc/[0-9]*/comm | cut -d/ -f3)"])
    holding.join()
    changing.join()
    assert own.balancer.membership().servers == (own.name("two"),)


def test_reloads_lose_nothing_even_when_every_name_is_new(bench: Bench) -> None:
    bench.balancer.apply(bench.upstream("two"))
    with Load(bench.port) as load:
        for names in [("one",), ("two",), ("one", "two")]:
            bench.balancer.apply(bench.upstream(*names))
    assert load.done > 100
    assert load.failures == []


def test_a_reload_cuts_no_connection_of_a_client_that_is_about_to_send(bench: Bench) -> None:
    """The first moment after a reload: with keepalive_min_timeout gone this fails."""
    with Load(bench.port, clients=24, pause=0.02) as load:
        for _ in range(5):
            bench.balancer.apply(bench.upstream("one", "two"))
    assert load.failures == []


def test_a_refused_text_leaves_the_one_in_use(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    applied = change(bench, bench.upstream("one"))
    before = on_volume(bench)
    monkeypatch.setattr("ops.balancer.nginx.render", lambda *what: render(*what)[:-2] + REFUSED)
    with pytest.raises(ConfigRefused, match="no_such_directive"):
        bench.balancer.apply(bench.upstream("two"))
    assert on_volume(bench) == before
    assert leftovers(bench) == []
    assert bench.balancer.look().serving == applied.generation
    assert serving(bench) == {"one"}


def test_a_generation_that_never_answers_is_taken_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    applied = change(bench, bench.upstream("one"))
    before = on_volume(bench)
    monkeypatch.setattr("ops.balancer.nginx.CONFIRM_LOOKS", 10)
    monkeypatch.setattr(
        "ops.balancer.nginx.render", lambda upstream, generation, *rest: render(upstream, generation + 7, *rest)
    )
    with pytest.raises(BalancerError, match="did not activate"):
        bench.balancer.apply(bench.upstream("two"))
    assert on_volume(bench) == before
    bench.until(lambda: bench.balancer.look().serving == applied.generation)
    assert serving(bench) == {"one"}


def hold(bench: Bench, name: str) -> tuple[threading.Thread, list[tuple[int, str]]]:
    """A request that replica one has and keeps; the list gets its status and body when it ends."""
    answers: list[tuple[int, str]] = []
    thread = threading.Thread(target=lambda: answers.append(bench.get(f"/hold/{name}")[:2]))
    thread.start()
    bench.until(lambda: bench.ask("one", f"/count/hold/{name}") == "1")
    return thread, answers


def test_drained_means_that_the_last_request_has_ended(bench: Bench) -> None:
    balancer = bench.balancer
    balancer.apply(bench.upstream("one", drain_timeout=60))
    assert balancer.wait_drained(60) == ()
    request, answers = hold(bench, "exact")
    balancer.apply(bench.upstream("two"))
    assert balancer.wait_drained(0.3) != ()
    assert answers == []
    bench.ask("one", "/release/exact")
    assert balancer.wait_drained(60) == ()
    request.join()
    assert answers == [(200, "one")]


def test_a_request_beyond_the_drain_timeout_is_reported_and_then_cut(bench: Bench) -> None:
    balancer = bench.balancer
    balancer.apply(bench.upstream("one", drain_timeout=1))
    assert balancer.wait_drained(60) == ()
    request, answers = hold(bench, "forever")
    notes: list[object] = []
    balancer.apply(bench.upstream("two"))
    if balancer.wait_drained(0, notes.append):
        assert len(notes) == 1
    assert balancer.wait_drained(60) == ()
    request.join()
    assert answers == [(0, "")]
    bench.ask("one", "/release/forever")


def test_replicas_that_compose_started_anew_are_served_without_videa(own: Bench) -> None:
    """`compose down` and `up` by hand after a deploy: none of the listed names exists any more."""
    change(own, own.upstream("one"))
    own.replicas["one"].remove(force=True)
    own.until(lambda: serving(own) == {"two"})
    with Load(own.port, clients=2) as load:
        own.until(lambda: load.done > 20)
    assert load.failures == []


@pytest.mark.parametrize("sticky", ["ip", "cookie"])
def test_a_client_stays_on_its_replica_across_a_change(bench: Bench, sticky: str) -> None:
    change(bench, bench.upstream("one", "two", sticky=sticky))
    _, first, headers = bench.get("/")
    cookie = (headers.get("Set-Cookie") or "").partition(";")[0]
    assert bool(cookie) == (sticky == "cookie")
    assert {bench.get("/", Cookie=cookie)[1] for _ in range(8)} == {first}
    assert bench.get("/", Cookie=cookie)[2].get("Set-Cookie") is None or sticky == "ip"
    change(bench, bench.upstream("two", "one", sticky=sticky))
    assert {bench.get("/", Cookie=cookie)[1] for _ in range(8)} == {first}


def test_sticky_clients_are_served_when_no_listed_replica_exists(own: Bench) -> None:
    change(own, own.upstream("one", sticky="cookie"))
    own.replicas["one"].remove(force=True)
    own.until(lambda: serving(own) == {"two"})


def test_nginx_restarted_after_a_change_serves_the_change(bench: Bench) -> None:
    applied = change(bench, bench.upstream("two"))
    bench.nginx.restart(timeout=5)
    bench.until(lambda: bench.get("/")[0] == 200)
    assert bench.balancer.look().serving == applied.generation
    assert serving(bench) == {"two"}


@pytest.mark.parametrize("delay", [0.05, 0.15, 0.3])
def test_nginx_ended_during_a_change_still_ends_with_the_change(bench: Bench, delay: float) -> None:
    killer = threading.Timer(delay, lambda: bench.engine.exec(bench.nginx.id, ["sh", "-c", "kill -TERM 1"]))
    killer.start()
    try:
        for names in [("one",), ("two",)]:
            bench.balancer.apply(bench.upstream(*names))
    finally:
        killer.join()
    bench.until(lambda: serving(bench) == {"two"})


def test_a_broken_file_on_the_volume_does_not_keep_nginx_from_starting(bench: Bench) -> None:
    change(bench, bench.upstream("one"))
    bench.engine.exec(bench.nginx.id, ["sh", "-c", f"echo 'nonsense;' > {FILE}"])
    bench.nginx.restart(timeout=5)
    bench.until(lambda: serving(bench) == {"one", "two"})
    assert bench.balancer.membership().everything


def test_a_full_disk_changes_nothing(bare: Bench) -> None:
    bare.start_nginx(tmpfs={"/tmp": "size=64m", "/etc/nginx/videa": "size=8k,uid=101,gid=101"}, volumes={})
    bare.start("one", "two")
    change(bare, bare.upstream("one"))
    before = on_volume(bare)
    bare.engine.exec(bare.nginx.id, ["sh", "-c", f"head -c 100000 /dev/zero > {Path(FILE).with_name('ballast')}"])
    with pytest.raises(BalancerError, match="could not be written: no space left"):
        bare.balancer.apply(bare.upstream("two"))
    assert on_volume(bare) == before
    assert leftovers(bare) == ["ballast"]
    assert serving(bare) == {"one"}


def test_a_stopped_or_missing_container_is_said(own: Bench) -> None:
    own.nginx.stop(timeout=3)
    with pytest.raises(BalancerError, match="is not running"):
        own.balancer.membership()
    with pytest.raises(BalancerError, match="is not running"):
        own.balancer.apply(own.upstream("one"))
    with pytest.raises(BalancerError, match="cannot be used"):
        own.balancer_in("videa-no-such-container").membership()


def test_a_container_that_is_no_nginx_is_said(bench: Bench) -> None:
    with pytest.raises(BalancerError, match=r"1\.28 or newer is required"):
        bench.balancer_in(bench.replicas["one"].id).membership()


def test_with_a_full_volume_and_a_refused_list_it_serves_the_default(bare: Bench) -> None:
    """It cannot keep the refused file then; without this it would be restarted for ever."""
    fill = f"cd {Path(FILE).parent} && echo refused > {Path(FILE).name} && cat /dev/zero > full 2>/dev/null"
    bare.start_nginx(
        entrypoint=["sh", "-c", f"{fill}; exec start.sh"],
        volumes={},
        tmpfs={"/tmp": "size=64m", str(Path(FILE).parent): "size=64k,uid=101,gid=101"},
    )
    bare.start("one")
    bare.until(lambda: serving(bare) == {"one"})
    assert b"no room" in bare.nginx.logs()
