"""The process that speaks ACME: what it says of an authority, and what happens when it ends."""

from __future__ import annotations

import pytest

from ops.certificates import process
from ops.certificates.process import AuthorityError
from ops.certificates.protocol import Authority, Challenge, Order
from ops.errors import PlanRefused

ORDER = Order(Authority("https://127.0.0.1:1/dir"), "a.example")


def unused(answer: str | Challenge) -> None:
    raise AssertionError(answer)


def test_an_authority_that_does_not_answer() -> None:
    pytest.importorskip("acme")
    with pytest.raises(AuthorityError, match="the certificate authority does not answer"):
        process.order(ORDER, unused, unused)


def test_a_process_that_ends_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_MODULE", "ops.certificates.nothing")
    monkeypatch.setattr(process, "check_library", lambda: None)
    with pytest.raises(AuthorityError, match="has ended"):
        process.order(ORDER, unused, unused)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find_spec", lambda name: None)
    with pytest.raises(PlanRefused, match="acme is not installed") as error:
        process.order(ORDER, unused, unused)
    assert "videa[acme]" in error.value.hint
