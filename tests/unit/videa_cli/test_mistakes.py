"""Mistakes on the command line: each with its clear error and its exit code, and nothing is changed.

Those that only a real engine shows: tests/engine/test_mistakes.py.
"""

from __future__ import annotations

import pytest

from tests.unit.ops.disturbances import state
from tests.unit.ops.fakes import fake_stack
from tests.unit.videa_cli.test_any_input import alone, folder, run

MISTAKES = [
    (2, "cannot scale to -1 replicas", ("scale", "-1")),
    (2, "'abc' is not a number", ("scale", "abc")),
    (2, "'1.5' is not a number", ("scale", "1.5")),
    (2, "Missing argument", ("scale",)),
    (2, "would stop the service", ("scale", "0")),
    (2, "cannot scale to 999 replicas", ("scale", "999")),
    (2, "cannot be used together", ("deploy", "--image", "x", "--build")),
    (2, "No such command", ("scael", "3")),
]


@pytest.mark.parametrize(("code", "words", "arguments"), MISTAKES)
def test_a_mistake_changes_nothing(code: int, words: str, arguments: tuple[str, ...]) -> None:
    with folder() as here:
        stack = fake_stack(here)
        before = state(stack)
        answer = run(list(arguments), lambda: stack)
        assert state(stack) == before
    assert not answer.complaint(list(arguments)), answer
    assert (answer.code, words in answer.err) == (code, True), answer
    assert (answer.err.count("error:"), answer.err.count("hint:")) == (1, 1), answer


__all__ = ["alone"]
