"""What replicas say of requests under way."""

from __future__ import annotations

from ops.rollout.unanswered import read


def test_all_replicas_count_and_who_says_nothing_does_not() -> None:
    lines = ['{"in_flight": 3, "unanswered_seconds": [7.5, 0.2]}', "", "<html>404", '{"other": 1}', "[1]"]
    assert read("\n".join([*lines, '{"unanswered_seconds": [1]}'])) == [7.5, 0.2, 1.0]
    assert read('{"unanswered_seconds": "many"}') == []
    assert read("") == []
