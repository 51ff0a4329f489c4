"""The plan of a move between Compose and a swarm, for what runs on either."""

from __future__ import annotations

import pytest

from ops.migration.plan import (
    Beside,
    Clean,
    Exchange,
    Join,
    Kind,
    MovePort,
    Renumber,
    Running,
    Step,
    TakeOver,
    plan,
)

DB = Running("db", Kind.ALONE, ("db-1",))
MAIL = Running("mail", Kind.BESIDE, ("mail-1",))
WEB = Running("web", Kind.REPLICAS, ("web-1", "web-2"), wanted=2, served=True)
NGINX = Running("nginx", Kind.BALANCER, ("nginx-1",))

MOVED = Running("web", Kind.REPLICAS, (), ("web-3", "web-4"), 2, served=True)
HALF = Running("web", Kind.REPLICAS, ("web-2",), ("web-3", "web-4"), 2, served=True)
STARTED = Running("web", Kind.REPLICAS, ("web-1", "web-2"), ("web-3",), 2, served=True)


def moved(*services: Running, to_swarm: bool = True) -> list[Step]:
    return list(plan(services, replicas_first=to_swarm, fixed_names=not to_swarm))


def test_to_a_swarm_replicas_must_be_ready_before_anything_stops_and_nginx_is_last() -> None:
    assert moved(DB, NGINX, MAIL, WEB) == [
        Join(),
        TakeOver("web", 2, ("web-1", "web-2")),
        Exchange("db", ("db-1",)),
        Beside("mail", ("mail-1",)),
        MovePort("nginx", ("nginx-1",)),
        Clean(),
    ]


def test_back_to_compose_it_starts_what_others_depend_on_first_and_no_name_is_used_twice() -> None:
    assert moved(DB, NGINX, WEB, to_swarm=False) == [
        Renumber("web", ("web-1", "web-2")),
        Join(),
        Exchange("db", ("db-1",)),
        TakeOver("web", 2, ("web-1", "web-2")),
        MovePort("nginx", ("nginx-1",)),
        Clean(),
    ]


@pytest.mark.parametrize(
    ("names", "renumbered"),
    [
        (("shop-web-3", "shop-web-4"), ()),
        (("shop-web-2", "shop-web-5"), ("shop-web-2",)),
        (("shop-web-12", "shop-web-21"), ()),
    ],
)
def test_only_replicas_with_the_numbers_of_new_ones_are_renumbered(
    names: tuple[str, ...], renumbered: tuple[str, ...]
) -> None:
    steps = moved(Running("web", Kind.REPLICAS, names, wanted=2, served=True), to_swarm=False)
    assert [step.names for step in steps if isinstance(step, Renumber)] == ([renumbered] if renumbered else [])


def test_a_worker_is_not_renumbered_because_nobody_asks_it_by_its_name() -> None:
    worker = Running("mail", Kind.REPLICAS, ("mail-1",), wanted=1)
    assert not any(isinstance(step, Renumber) for step in moved(worker, to_swarm=False))


@pytest.mark.parametrize(
    ("web", "step"),
    [
        (STARTED, [TakeOver("web", 1, ("web-1", "web-2"))]),
        (HALF, [TakeOver("web", 0, ("web-2",))]),
        (MOVED, []),
    ],
)
def test_after_an_interruption_it_continues_with_what_runs(web: Running, step: list[Step]) -> None:
    assert moved(NGINX, web) == [Join(), *step, MovePort("nginx", ("nginx-1",)), Clean()]


@pytest.mark.parametrize("kind", [Kind.ALONE, Kind.BALANCER])
def test_what_an_interrupted_move_has_stopped_starts_on_the_other_engine(kind: Kind) -> None:
    stopped = Running("one", kind, stopped=True)
    (step,) = (step for step in moved(stopped) if isinstance(step, Exchange | MovePort))
    assert step.leave == ()
    assert moved(Running("one", kind, there=("one-1",), stopped=True)) == [Join(), Clean()]


def test_without_anything_that_runs_there_is_nothing_to_do() -> None:
    assert moved(Running("web", Kind.REPLICAS, wanted=0), Running("nginx", Kind.BALANCER)) == []
