"""What the server answers to whom. The stack is a fake; actions are recorded instead of being run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from ops.errors import ConfigError
from ops.views.board import Board
from tests.unit.ops.fakes import fake_stack
from videa_cli.ui import server
from videa_cli.ui.actions import Actions
from videa_cli.ui.server import ACTIONS, LIVE, SOURCE, make_app
from videa_cli.ui.session import KEY_HEADER, Sessions
from videa_cli.ui.source import Source


class Recorded(Actions):
    """Says that every command was done."""

    def __init__(self) -> None:
        super().__init__((), lambda: None)
        self.ran: list[tuple[str, ...]] = []

    async def _run(self, words: Sequence[str]) -> tuple[int, str]:
        self.ran.append(tuple(words))
        return 0, "it would be done" if words[-1] == "--dry-run" else "done"


class Page:
    """A browser's view of the server: its cookies, its origin, its key."""

    def __init__(self, client: TestClient[Any, Any], sessions: Sessions, actions: Recorded) -> None:
        self.client, self.sessions, self.actions = client, sessions, actions
        self.origin = f"http://{client.host}:{client.port}"
        self.key = ""

    async def post(self, path: str, body: object = None, **headers: str) -> Any:
        sent = {
            "Origin": self.origin,
            KEY_HEADER: self.key,
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        return await self.client.post(path, json=body or {}, headers={k: v for k, v in sent.items() if v})

    async def sign_in(self) -> None:
        answer = await self.post("/session", {"token": self.sessions.token})
        assert answer.status == 200
        self.key = (await answer.json())["key"]


async def served(client: AiohttpClient, folder: Path, read_only: bool = False) -> Page:
    sessions, stack, actions = Sessions(), fake_stack(folder), Recorded()
    app = make_app(Source(lambda: stack), sessions, read_only=read_only, interval=0.01)
    app[ACTIONS] = actions
    return Page(await client(app), sessions, actions)


@pytest.fixture
async def page(aiohttp_client: AiohttpClient, tmp_path: Path) -> Page:
    return await served(aiohttp_client, tmp_path)


async def test_without_the_token_there_is_only_the_sign_in_page(page: Page) -> None:
    answer = await page.client.get("/")
    assert answer.status == 200  # browsers report any other one as an error
    text = await answer.text()
    assert "Token" in text
    assert "shop" not in text
    for path in ("/stream", "/logs?service=app&level=debug"):
        assert (await page.client.get(path)).status == 401
    for path in ("/preview", "/act", "/doctor"):
        assert (await page.post(path, {"action": "abort"})).status == 401
    assert (await page.post("/session", {"token": "guess"})).status == 401
    assert (await page.post("/session", {"token": 5})).status == 401
    assert page.actions.ran == []


async def test_the_cookie_alone_reads_and_changes_nothing(page: Page) -> None:
    await page.sign_in()
    page.key = ""
    assert (await page.client.get("/stream")).status == 401
    assert (await page.client.get("/logs?service=app&level=debug")).status == 401
    assert (await page.post("/act", {"action": "abort"})).status == 401
    page.key = "another"
    assert (await page.post("/act", {"action": "abort"})).status == 401
    assert page.actions.ran == []


async def test_the_cookie_cannot_be_read_or_sent_by_other_sites(page: Page) -> None:
    answer = await page.post("/session", {"token": page.sessions.token})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert page.sessions.token not in cookie


async def test_a_post_of_another_page_is_refused(page: Page) -> None:
    await page.sign_in()
    for headers in ({"Origin": "http://localhost:3000"}, {"Origin": ""}, {"Sec_Fetch_Site": "same-site"}):
        assert (await page.post("/act", {"action": "abort"}, **headers)).status == 403
    assert page.actions.ran == []


async def test_another_host_name_is_refused(page: Page) -> None:
    assert (await page.client.get("/", headers={"Host": "evil.example"})).status == 403
    page.origin = "http://evil.example"
    assert (await page.post("/session", {"token": page.sessions.token}, Host="evil.example")).status == 403


async def test_every_answer_has_strict_headers(page: Page) -> None:
    for path in ("/", "/static/page.js", "/stream", "/nothing"):
        answer = await page.client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_the_page_has_no_inline_script_or_style(page: Page) -> None:
    await page.sign_in()
    text = await (await page.client.get("/")).text()
    assert "shop" in text
    scripts = re.findall(r"<script[^>]*>[^<]*", text)
    assert len(scripts) == text.count("<script") == 2
    assert all(re.fullmatch(r'<script (defer|type="module") src="/static/[\w./]+">', script) for script in scripts)
    assert " style=" not in text
    assert "<style" not in text


async def test_the_stream_has_the_replicas_the_history_and_the_events(page: Page) -> None:
    await page.sign_in()
    seen: dict[bytes, bytes] = {}
    async with page.client.get("/stream", headers={KEY_HEADER: page.key}) as answer:
        assert answer.content_type == "text/event-stream"
        while not {b"overview", b"operation", b"history", b"events", b"doctor", b"actions", b"samples"} <= seen.keys():
            event = (await answer.content.readuntil(b"\n\n")).removeprefix(b"event: ")
            name, _, data = event.partition(b"\ndata: ")
            seen[name] = data
    assert b"shop-app-1" in seen[b"overview"]
    assert b"No operation is running" in seen[b"operation"]


async def test_an_action_shows_its_dry_run_and_then_runs_the_command(page: Page) -> None:
    await page.sign_in()
    asked = {"action": "scale", "service": "app", "replicas": "3"}
    answer = await page.post("/preview", asked)
    assert await answer.json() == {"possible": True, "text": "it would be done", "command": "videa scale app=3"}
    answer = await page.post("/act", asked)
    assert (answer.status, await answer.json()) == (202, {"command": "videa scale app=3"})
    assert page.actions.ran == [("scale", "app=3", "--dry-run"), ("scale", "app=3")]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"action": "deploy"},
        {"action": "scale", "service": "app", "replicas": "--force"},
        {"action": "scale", "service": "other", "replicas": "3"},
        {"action": "rollback", "service": "app", "release": "--help"},
    ],
)
async def test_anything_else_is_refused(page: Page, asked: dict[str, str]) -> None:
    await page.sign_in()
    answer = await page.post("/act", asked)
    assert answer.status == 400
    assert (await answer.json())["hint"]
    assert page.actions.ran == []


async def test_read_only_refuses_every_action(aiohttp_client: AiohttpClient, tmp_path: Path) -> None:
    page = await served(aiohttp_client, tmp_path, read_only=True)
    await page.sign_in()
    assert (await page.post("/act", {"action": "abort"})).status == 403
    assert (await page.post("/preview", {"action": "abort"})).status == 403
    assert "read-only" in await (await page.client.get("/")).text()
    assert page.actions.ran == []


async def test_logs_are_of_a_known_service(page: Page) -> None:
    await page.sign_in()
    headers = {KEY_HEADER: page.key}
    answer = await page.client.get("/logs?service=app&level=info&text=x", headers=headers)
    assert (answer.status, "No line matches" in await answer.text()) == (200, True)
    assert (await page.client.get("/logs?service=/etc&level=info", headers=headers)).status == 400
    assert (await page.client.get("/logs?service=app&level=loud", headers=headers)).status == 400


async def test_the_engine_is_asked_only_while_somebody_looks(page: Page) -> None:
    await page.sign_in()
    app = page.client.app
    assert app
    asked: list[str] = []
    stack = app[SOURCE].stack()
    stack.world.disturb = asked.append  # type: ignore[attr-defined]
    assert asked == []
    async with page.client.get("/stream", headers={KEY_HEADER: page.key}) as answer:
        while b"shop-app-1" not in await answer.content.readuntil(b"\n\n"):
            pass
    assert asked


class Silent(Source):
    """An engine that answers nothing until ``answers`` is set."""

    answers: Event

    def board(self) -> Board:
        self.answers.wait()
        return super().board()

    def logs(self, service: str, level: str, text: str) -> list[Any]:
        self.answers.wait()
        return []


async def test_an_engine_that_does_not_answer_is_told_and_hangs_nothing(
    aiohttp_client: AiohttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOGS", 0.05)
    sessions, stack = Sessions(), fake_stack(tmp_path)
    source = Silent(lambda: stack)
    source.answers = Event()
    app = make_app(source, sessions, interval=0.01)
    app[LIVE].patience = 0.05
    page = Page(await aiohttp_client(app), sessions, Recorded())
    await page.sign_in()
    headers = {KEY_HEADER: page.key}
    async with page.client.get("/stream", headers=headers) as answer:
        while b"Docker has not answered for more than" not in await answer.content.readuntil(b"\n\n"):
            pass
        source.renew()
        assert (await page.client.get("/")).status == 200
        refused = [await page.client.get("/logs?service=app&level=info", headers=headers) for _ in range(20)]
        assert {each.status for each in refused} == {503}
        assert "requests to Docker have no answer" in (await refused[-1].json())["error"]
        source.answers.set()
        while b'event: engine\ndata: ""' not in await answer.content.readuntil(b"\n\n"):
            pass
    assert (await page.client.get("/logs?service=app&level=info", headers=headers)).status == 200


def test_a_compose_file_that_became_wrong_is_told_again_and_again_and_the_page_still_loads(tmp_path: Path) -> None:
    stack, wrong = fake_stack(tmp_path), list[str]()

    def open_stack() -> Any:
        if wrong:
            raise ConfigError(wrong[0], "")
        return stack

    source = Source(open_stack)
    assert source.stack() is stack
    wrong.append("no service app")
    source.renew()
    for _ in range(2):
        with pytest.raises(ConfigError, match="no service app"):
            source.stack()
    assert source.latest() is stack
    wrong.clear()
    assert source.stack() is stack
