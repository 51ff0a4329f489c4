"""The message of an error matches the state of the stack."""

from __future__ import annotations

import pytest

from ops.errors import Aftermath, Left, LockHeld, ReleaseFailed, VideaError, explained

PROMISES = ("everything was rolled back", "nothing was changed")


@pytest.mark.parametrize("left", Left)
def test_only_an_operation_that_was_rolled_back_reports_it(left: Left) -> None:
    aftermath = Aftermath(left, "Docker is gone", ("app-1",), "scale again")
    error = explained(ReleaseFailed("the check failed", "fix it"), aftermath)
    text = f"{error.message} {error.hint}"
    assert error.aftermath is not None
    assert any(promise in text for promise in PROMISES) == error.aftermath.as_before
    assert error.message.startswith("the check failed")
    assert str(error) == error.message
    if not error.aftermath.as_before:
        nothing_to_continue = (Left.TAKEN_OVER, Left.NOT_AS_BEFORE, Left.DIFFERS, Left.UNCHECKED)
        assert ("videa deploy --resume" in error.hint) == (left not in nothing_to_continue)
        assert "videa status" in error.hint or left not in nothing_to_continue


def test_the_hint_names_the_replicas_or_says_that_they_are_unknown() -> None:
    known = explained(VideaError("x", "y"), Aftermath(Left.HALF_WAY, "Docker is gone", ("app-1", "app-3")))
    assert known.message == "x; it could not be rolled back: Docker is gone"
    assert known.hint == (
        "replicas now: app-1, app-3; roll it back: videa deploy --abort; or complete it: videa deploy --resume"
    )
    assert "unknown" in explained(VideaError("x", "y"), Aftermath(Left.HALF_WAY, "Docker is gone")).hint


def test_an_operation_that_has_lost_its_lock_reports_it_once() -> None:
    lost = explained(LockHeld("it has lost its lock, so it stopped where it was", "see"), Aftermath(Left.STOPPED))
    assert lost.message.count("stopped where it was") == 1
    assert "videa lock status" in lost.hint
    taken = explained(LockHeld("it has lost its lock, so it stopped where it was", "see"), Aftermath(Left.TAKEN_OVER))
    assert taken.message == "another operation has taken over, so this one stopped where it was"
    assert "videa lock status" in taken.hint
