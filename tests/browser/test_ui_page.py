"""The page of `videa ui` on a fake stack, used with the keyboard only: sign in, watch an operation, abort it."""

# ruff: noqa: F401, F811 -- fixtures

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from ops.events import discard
from ops.operations import Operation
from ops.rollout.judgement import Verdict
from ops.views.board import Board
from tests.browser.axe import violations
from tests.unit.ops.fakes import FakeStack
from tests.unit.ops.waits import clock, leave, stack, verdicts
from tests.unit.videa_cli.ui.boards import board
from videa_cli.ui.actions import Actions
from videa_cli.ui.server import ACTIONS, ADDRESS, LIVE, make_app
from videa_cli.ui.session import Sessions
from videa_cli.ui.source import Source

SIZES = {"desktop": (1280, 800), "phone": (360, 740)}


class AbortsFake(Actions):
    """Aborts the operation of the fake stack, in place of the command."""

    def __init__(self, stack: FakeStack, app: web.Application) -> None:
        super().__init__((), lambda: app[LIVE].show_actions(self))
        self.stack = stack

    async def _run(self, words: Sequence[str]) -> tuple[int, str]:
        assert words[0] == "abort"
        if words[-1] == "--dry-run":
            return 0, "would roll back the canary; nothing was changed"
        Operation(self.stack, discard, "videa abort").abort()
        return 0, "rolled back"


@dataclass
class Served:
    """The page's address without the token, and the token."""

    address: str
    token: str


class Many(Source):
    """Two hundred replicas, of which one is unhealthy and one, a canary, has errors."""

    def board(self) -> Board:
        return board(200)


@asynccontextmanager
async def page_of(source: Source, actions: Callable[[web.Application], Actions] | None = None) -> AsyncIterator[Served]:
    sessions = Sessions()
    app = make_app(source, sessions, interval=0.05)
    if actions:
        app[ACTIONS] = actions(app)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, ADDRESS, 0).start()
    try:
        yield Served(f"http://{ADDRESS}:{runner.addresses[0][1]}/", sessions.token)
    finally:
        await runner.cleanup()


@pytest.fixture
async def served(stack: FakeStack, verdicts: list[Verdict]) -> AsyncIterator[Served]:
    """The page of a stack whose canary is paused at 5%."""
    leave(stack, "pause")
    async with page_of(Source(lambda: stack), lambda app: AbortsFake(stack, app)) as page:
        yield page


async def focus(page: Page, name: str) -> None:
    """Presses Tab until the button with this name has the focus."""
    button = page.get_by_role("button", name=name)
    await expect(button).to_be_visible()
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await button.evaluate("button => button === document.activeElement"):
            return
    pytest.fail(f"Tab never reaches {name}")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
async def test_an_operator_aborts_a_canary_with_the_keyboard(
    browser: Browser, served: Served, size: tuple[int, int]
) -> None:
    page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(served.address)
    await page.get_by_label("Token").focus()
    await page.keyboard.type(served.token)
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("status").first).to_have_text("live")
    await expect(page.locator(".replicas tbody tr")).to_have_count(3)
    operation = page.get_by_label("Operation under way")
    await expect(operation).to_contain_text("waiting")
    await expect(operation).to_contain_text("5%: promoted by")
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]

    await focus(page, "Abort…")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("would roll back the canary")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("button", name="Abort…")).to_be_focused()
    await page.keyboard.press("Enter")
    confirm = dialog.get_by_role("button", name="Abort", exact=True)
    await expect(confirm).to_be_enabled()
    await page.keyboard.press("Tab")
    await expect(confirm).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(page.get_by_text("No operation is running")).to_be_visible()
    await expect(page.locator(".replicas tbody tr")).to_have_count(2)
    await expect(page.locator("#history")).to_contain_text("abort")
    assert faults == []


async def test_the_address_signs_in_and_another_tab_must_have_it_too(browser: Browser, served: Served) -> None:
    context = await browser.new_context()
    first = await context.new_page()
    await first.goto(f"{served.address}#{served.token}")
    await expect(first.locator(".replicas tbody tr").first).to_be_visible()
    assert served.token not in first.url
    await first.reload()
    await expect(first.locator(".replicas tbody tr").first).to_be_visible()
    second = await context.new_page()
    await second.goto(served.address)
    await expect(second.get_by_text("not signed in")).to_be_visible()
    await second.goto(f"{served.address}#{served.token}")
    await expect(second.locator(".replicas tbody tr").first).to_be_visible()
    await context.close()


async def test_assistive_technology_can_use_every_part(browser: Browser, served: Served) -> None:
    page = await browser.new_page()
    await page.goto(served.address)
    assert await violations(page) == []
    await page.goto(f"{served.address}#{served.token}")
    await expect(page.get_by_label("Operation under way")).to_contain_text("waiting")
    assert await violations(page) == []
    await page.get_by_role("button", name="Abort…").click()
    await expect(page.get_by_role("dialog")).to_contain_text("would roll back the canary")
    assert await violations(page) == []


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
async def test_two_hundred_replicas_can_be_searched(browser: Browser, stack: FakeStack, size: tuple[int, int]) -> None:
    async with page_of(Many(lambda: stack)) as served:
        page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
        await page.goto(f"{served.address}#{served.token}")
        rows = page.locator(".replicas tbody tr:visible")
        await expect(rows).to_have_count(200)
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
        await page.get_by_label("only problems").check()
        await expect(rows).to_have_count(2)
        await expect(page.locator("#matches")).to_have_text("2 of 200 shown")
        await page.get_by_label("Filter").fill("unhealthy")
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("shop-web-3")
        await page.close()
