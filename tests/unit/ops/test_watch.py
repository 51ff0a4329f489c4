"""When a replica is taken out of the balancer, and when it comes back."""

from __future__ import annotations

from ops.watch import Judge

BOTH = {"a", "b"}


def test_out_after_three_bad_answers_in_a_row() -> None:
    judge = Judge(fails=3, passes=2)
    assert judge.judge({"a": True, "b": False}, BOTH) == BOTH
    assert judge.judge({"a": True, "b": False}, BOTH) == BOTH
    assert judge.judge({"a": True, "b": False}, BOTH) == {"a"}


def test_a_good_answer_between_bad_ones_starts_the_count_again() -> None:
    judge = Judge(fails=2, passes=2)
    for ok in (False, True, False, True, False):
        assert judge.judge({"a": True, "b": ok}, BOTH) == BOTH


def test_back_after_two_good_answers() -> None:
    judge = Judge(fails=1, passes=2)
    assert judge.judge({"a": True, "b": False}, BOTH) == {"a"}
    assert judge.judge({"a": True, "b": True}, {"a"}) == {"a"}
    assert judge.judge({"a": True, "b": True}, {"a"}) == BOTH


def test_the_last_one_is_never_taken_out() -> None:
    judge = Judge(fails=1, passes=2)
    assert judge.judge({"a": False, "b": False}, BOTH) == BOTH


def test_a_replica_that_an_operation_drains_is_not_brought_back() -> None:
    judge = Judge(fails=1, passes=1)
    assert judge.judge({"a": True}, {"a"}) == {"a"}
    assert judge.judge({"a": True}, {"a"}) == {"a"}


def test_a_replica_that_is_gone_is_forgotten() -> None:
    judge = Judge(fails=1, passes=1)
    assert judge.judge({"a": True, "b": False}, BOTH) == {"a"}
    assert judge.judge({"a": True}, {"a"}) == {"a"}
    assert not judge.out
