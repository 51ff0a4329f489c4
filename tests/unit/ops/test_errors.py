"""What an error says of the stack is what was left of it."""

from __future__ import annotations

import pytest

from ops.errors import Aftermath, Left, LockHeld, ReleaseFailed, VideaError, explained

PROMISES = ("everything was put back", "nothing was changed")


@pytest.mark.parametrize("left", Left)
def test_only_what_was_put_back_says_so(left: Left) -> None:
    error = explained(ReleaseFailed("the check failed", "mend it"), Aftermath(left, "Docker is gone", ("app-1",)))
    told = f"{error.message} {error.hint}"
    assert error.aftermath is not None
    assert any(promise in told for promise in PROMISES) == error.aftermath.as_before
    assert error.message.startswith("the check failed")
    assert str(error) == error.message
    if not error.aftermath.as_before:
        assert "videa deploy --resume" in error.hint


def test_it_says_what_there_is_and_what_is_not_known() -> None:
    known = explained(VideaError("x", "y"), Aftermath(Left.HALF_WAY, "Docker is gone", ("app-1", "app-3")))
    assert known.message == "x; it could not be put back: Docker is gone"
    assert known.hint == (
        "there are now: app-1, app-3; put it back: videa deploy --abort; or finish it: videa deploy --resume"
    )
    assert "not known" in explained(VideaError("x", "y"), Aftermath(Left.HALF_WAY, "Docker is gone")).hint


def test_an_operation_that_has_lost_its_lock_says_it_once() -> None:
    lost = explained(LockHeld("it has lost its lock, so it stopped where it was", "see"), Aftermath(Left.STOPPED))
    assert lost.message.count("stopped where it was") == 1
    assert "videa lock status" in lost.hint
