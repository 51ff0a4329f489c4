from __future__ import annotations

import time

import pytest

from server.auth.tokens import TokenRefused, Tokens, User, fingerprint

ACCESS, REFRESH = "a" * 40, "r" * 40


@pytest.fixture
def tokens() -> Tokens:
    return Tokens((ACCESS,), (REFRESH,))


def test_an_access_token_says_who_it_is_for(tokens: Tokens) -> None:
    user = tokens.verify_access(tokens.access(7, "admin"))
    assert (user.id, user.role, user.is_admin) == (7, "admin", True)


def test_a_remembered_token_still_runs_out(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.access(7, "user")
    assert tokens.verify_access(token) is tokens.verify_access(token)
    expires = tokens.verify_access(token).expires
    tokens._known[token] = User(7, "user", time.time() - 60)
    assert tokens.verify_access(token).expires == expires
    tokens._known[token] = User(7, "user", time.time() - 60)
    monkeypatch.setattr(tokens._access, "verify", _expired)
    with pytest.raises(TokenRefused):
        tokens.verify_access(token)


def _expired(_: str) -> dict[str, object]:
    raise TokenRefused("ExpiredSignatureError")


def test_what_is_remembered_is_bounded(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.auth.tokens._REMEMBERED", 10)
    for number in range(50):
        tokens.verify_access(tokens.access(number, "user"))
    assert len(tokens._known) == 10


def test_the_first_secret_signs_and_all_verify() -> None:
    old, both = Tokens(("old" * 20,), (REFRESH,)), Tokens(("new" * 20, "old" * 20), (REFRESH,))
    assert both.verify_access(old.access(1, "user")).id == 1
    with pytest.raises(TokenRefused):
        old.verify_access(both.access(1, "user"))


def test_the_kinds_of_tokens_are_not_interchangeable(tokens: Tokens) -> None:
    now = int(time.time())
    access, refresh, session = tokens.access(1, "admin"), tokens.refresh(1, "id", now), tokens.dashboard(1, "admin", 60)
    for verify, foreign in (
        (tokens.verify_access, (refresh, session)),
        (tokens.verify_refresh, (access, session)),
        (tokens.verify_dashboard, (access, refresh)),
    ):
        for token in foreign:
            with pytest.raises(TokenRefused):
                verify(token)


def test_the_same_row_gives_the_same_refresh_token_everywhere(tokens: Tokens) -> None:
    other = Tokens((ACCESS,), (REFRESH,))
    assert tokens.refresh(1, "id", 1000) == other.refresh(1, "id", 1000)
    assert tokens.successor("id") == other.successor("id") != tokens.successor("other")


def test_a_fingerprint_tells_secrets_apart_and_nothing_else() -> None:
    assert fingerprint(ACCESS) != fingerprint(REFRESH)
    assert len(fingerprint(ACCESS)) == 8
    assert fingerprint(ACCESS) not in ACCESS
