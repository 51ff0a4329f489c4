"""Which replicas are asked again: enough to notice one that has become unready, and not all of them each time."""

from __future__ import annotations

from ops.rollout.started import LOOKED, Started


def deploy(replicas: int, batch: int = 1, ended: str = "") -> list[list[str]]:
    """What is asked after each batch. ``ended``: a replica that does not run any more."""
    started, asked = Started(), []
    for first in range(0, replicas, batch):
        started.names += [str(number) for number in range(first, min(first + batch, replicas))]
        asked.append(started.due(first + batch >= replicas, {ended} & set(started.looked())))
    return asked


def test_a_few_replicas_are_all_asked_after_each_batch() -> None:
    assert deploy(3) == [["0"], ["0", "1"], ["0", "1", "2"]]


def test_each_batch_is_asked_again_after_the_next_one_and_all_at_the_end() -> None:
    asked = deploy(100, batch=10)
    for number, names in enumerate(asked[1:], 1):
        assert {str(name) for name in range((number - 1) * 10, (number + 1) * 10)} <= set(names)
    assert asked[-1] == [str(number) for number in range(100)]


def test_the_questions_grow_with_the_replicas_and_not_with_their_square() -> None:
    for count in (64, 256, 1000, 1024):
        assert sum(map(len, deploy(count, batch=4))) <= 5 * count


def test_a_replica_that_does_not_run_is_asked_whichever_batch_it_belongs_to() -> None:
    assert all("1" in names for names in deploy(64, batch=2, ended="1"))
    assert not all("1" in names for names in deploy(64, batch=2))


def test_of_many_replicas_each_is_looked_at_in_turn() -> None:
    started = Started([str(number) for number in range(LOOKED * 5 // 2)])
    turns = [started.looked() for _ in range(4)]
    assert [name for turn in turns[:3] for name in turn] == started.names
    assert (max(map(len, turns)), turns[3]) == (LOOKED, turns[0])
