"""Who may use the page."""

from __future__ import annotations

import pytest

from videa_cli.ui import session
from videa_cli.ui.session import LIFETIME, MOST, Sessions, has_key, is_loopback, is_own_page


def test_only_the_token_opens_a_session_and_a_browser_keeps_its_own() -> None:
    sessions = Sessions()
    assert sessions.open("guess", "") is None
    assert sessions.open("", "") is None
    first = sessions.open(sessions.token, "")
    assert first
    assert sessions.open(sessions.token, first.cookie) is first
    assert sessions.open(sessions.token, "another") is not first
    assert has_key(first, first.key)
    assert not has_key(first, first.cookie)


def test_a_session_ends_when_it_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(session.time, "monotonic", lambda: now)
    sessions = Sessions()
    opened = sessions.open(sessions.token, "")
    assert opened
    now = LIFETIME - 1
    assert sessions.find(opened.cookie)
    now += LIFETIME - 1
    assert sessions.find(opened.cookie)
    now += LIFETIME + 1
    assert sessions.find(opened.cookie) is None


def test_the_number_of_sessions_is_bounded() -> None:
    sessions = Sessions()
    for _ in range(MOST + 5):
        sessions.open(sessions.token, "")
    assert len(sessions.by_cookie) == MOST


@pytest.mark.parametrize("host", ["127.0.0.1:8300", "localhost", "localhost:1", "[::1]:8300"])
def test_this_machine_has_these_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "[::1", "0.0.0.0"]
)
def test_another_name_that_leads_here_is_refused(host: str) -> None:
    assert not is_loopback(host)


def test_a_post_comes_from_the_page_itself() -> None:
    own = {"Host": "localhost:8300", "Origin": "http://localhost:8300"}
    assert is_own_page(own)
    assert is_own_page({**own, "Sec-Fetch-Site": "same-origin"})
    assert not is_own_page({**own, "Sec-Fetch-Site": "same-site"})
    assert not is_own_page({**own, "Origin": "http://localhost:3000"})
    assert not is_own_page({**own, "Origin": "null"})
    assert not is_own_page({"Host": "localhost:8300"})
