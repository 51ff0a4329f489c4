"""The page of `videa ui` on a fake stack, used with the keyboard only: sign in, watch an operation, abort it."""

# ruff: noqa: F401, F811 -- fixtures

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from threading import Event

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from ops.autoscale.state import Made, ServiceState
from ops.autoscale.view import Recorded
from ops.doctor.answer import Answer, AnsweredFinding, Skipped
from ops.doctor.check import Group, Severity
from ops.events import discard
from ops.operations import Operation
from ops.rollout.judgement import Verdict
from ops.stack import Stack
from ops.views.board import Board
from tests.browser.axe import THEMES, violations
from tests.unit.ops.fakes import FakeStack
from tests.unit.ops.waits import clock, leave, stack, verdicts
from tests.unit.videa_cli.ui.boards import NOW, board
from videa_cli.ui.actions import Actions
from videa_cli.ui.server import ACTIONS, ADDRESS, LIVE, make_app
from videa_cli.ui.session import Sessions
from videa_cli.ui.source import Source

COLOURS = """([canvas, colour]) => {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4)
        if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] > 0) return true;
    return false;
}"""
"""Whether a chart has a pixel of a colour."""

SIZES = {"desktop": (1280, 800), "phone": (360, 740)}


class EndsFake(Actions):
    """Promotes or aborts the operation of the fake stack, in place of the command."""

    def __init__(self, stack: FakeStack, app: web.Application) -> None:
        super().__init__((), lambda: app[LIVE].show_actions(self))
        self.stack = stack

    async def _run(self, words: Sequence[str]) -> tuple[int, str]:
        assert words[0] in ("promote", "abort")
        if words[-1] == "--dry-run":
            return 0, f"would {words[0]} the canary; nothing was changed"
        operation = Operation(self.stack, discard, f"videa {words[0]}")
        if words[0] == "abort":
            operation.abort()
        else:
            operation.promote()
        return 0, "done"


class Whole(Source):
    """A stack with an autoscaler, whose doctor has a finding and its effect while Redis is stopped."""

    redis = True

    @property
    def autoscaled(self) -> list[str]:
        return ["app"]

    def autoscale(self) -> list[Recorded]:
        made = tuple(Made(NOW + 60 * n, n, n + 1, f"cpu {90 + n}%", "done") for n in range(1, 4))
        state = ServiceState(looked=NOW + 300, now=4, desired=4, reason="cpu 60%", made=made)
        return [Recorded("app", 1, 8, True, state)]

    def doctor(self) -> Answer:
        found = [] if self.redis else [finding("redis.down", leads_to=["app.ratelimit_local"])]
        found += [] if self.redis else [finding("app.ratelimit_local", "warn", cause="redis.down")]
        skipped = [] if self.redis else [Skipped("redis", "it cannot be reached")]
        return Answer(1, "shop", NOW, 0.4, found, skipped, ["redis.down", "app.ratelimit_local"], None, [])


def finding(id: str, severity: str = "fail", cause: str = "", leads_to: Sequence[str] = ()) -> AnsweredFinding:
    text = f"the evidence of {id}", "why it matters", "docker compose start redis"
    return AnsweredFinding(id, Group.REDIS, Severity(severity), f"{id} title", *text, "", cause, list(leads_to), None)


class Silent(Source):
    """An engine that answers nothing after the first sample until ``answers`` is set."""

    def __init__(self, open_stack: Callable[[], Stack]) -> None:
        super().__init__(open_stack)
        self.answers, self.samples = Event(), 0

    def board(self) -> Board:
        self.samples += 1
        if self.samples > 1:
            self.answers.wait()
        return super().board()


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
    app[LIVE].patience = 0.3
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
    async with page_of(Whole(lambda: stack), lambda app: EndsFake(stack, app)) as page:
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
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    await page.goto(served.address)
    await page.get_by_label("Token").focus()
    await page.keyboard.type(served.token)
    await page.keyboard.press("Enter")

    await expect(page.locator("#connection")).to_have_text("live")
    await expect(page.locator(".replicas tbody tr")).to_have_count(3)
    operation = page.get_by_label("Operation under way")
    await expect(operation).to_contain_text("waiting")
    await expect(operation).to_contain_text("5%: promoted by")
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]

    await focus(page, "Abort…")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("would abort the canary")
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


async def test_assistive_technology_can_use_every_part(
    browser: Browser, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await browser.new_page()
    await page.goto(served.address)
    assert await violations(page) == []
    await page.goto(f"{served.address}#{served.token}")
    await expect(page.get_by_label("Operation under way")).to_contain_text("waiting")
    await expect(page.locator(".chart canvas")).to_have_count(5)
    monkeypatch.setattr(Whole, "redis", False)
    await page.get_by_role("button", name="Examine now").click()
    await expect(page.locator("#doctor .finding")).to_have_count(2)
    assert await violations(page) == []
    await page.get_by_role("button", name="Abort…").click()
    await expect(page.get_by_role("dialog")).to_contain_text("would abort the canary")
    assert await violations(page) == []


async def test_an_operator_promotes_a_canary_from_5_to_100_percent(browser: Browser, served: Served) -> None:
    page = await browser.new_page()
    await page.goto(f"{served.address}#{served.token}")
    operation = page.get_by_label("Operation under way")
    shares = operation.get_by_label("Shares of the canary")
    await expect(shares.locator(".reached")).to_have_text("5%, reached")
    await expect(page.locator(".split")).to_contain_text("5% intended")
    await operation.get_by_role("button", name="Promote…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("would promote the canary")
    await dialog.get_by_role("button", name="Promote", exact=True).click()

    await expect(page.get_by_text("No operation is running")).to_be_visible()
    await expect(page.locator(".replicas tbody tr")).to_have_count(2)
    await expect(page.locator(".replicas .release")).to_have_text(["new", "new"])
    await expect(page.locator("#history tbody tr").first).to_contain_text("done")
    await expect(page.locator("#events")).to_contain_text(re.compile("videa promote.*: done"))


async def test_the_doctor_sees_that_redis_has_stopped_and_is_back(browser: Browser, stack: FakeStack) -> None:
    source = Whole(lambda: stack)
    async with page_of(source) as served:
        page = await browser.new_page()
        await page.goto(f"{served.address}#{served.token}")
        doctor, examine = page.locator("#doctor"), page.get_by_role("button", name="Examine now")
        source.redis = False
        await examine.click()
        await expect(doctor.locator(".finding").first).to_contain_text("leads to app.ratelimit_local")
        await expect(doctor.locator(".finding.effect")).to_contain_text("caused by redis.down")
        source.redis = True
        await examine.click()
        await expect(doctor).to_contain_text("nothing found")
        await page.close()


async def test_a_chart_is_drawn_and_can_be_read_with_the_keyboard(browser: Browser, served: Served) -> None:
    page = await browser.new_page()
    await page.goto(f"{served.address}#{served.token}")
    chart = page.get_by_label("Healthy replicas of app")
    await expect(chart.locator("canvas")).to_be_visible()
    await chart.press("End")
    await expect(chart.locator("p")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d +3 of 3$"))
    sampled = page.locator(".site time")
    await expect(sampled).not_to_have_text(await sampled.inner_text())
    await expect(chart.locator("canvas")).to_be_visible()
    steps = page.get_by_label("Number of replicas of app over time")
    await steps.press("Home")
    await steps.press("ArrowRight")
    await expect(steps.locator("p")).to_have_text(re.compile("2$"))
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        line = await page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()")
        await page.wait_for_function(COLOURS, arg=[await steps.locator("canvas").element_handle(), line])
    await steps.press("Escape")
    await expect(steps.locator("p")).to_have_text("")


async def test_an_engine_that_stops_answering_is_told(browser: Browser, stack: FakeStack) -> None:
    source = Silent(lambda: stack)
    async with page_of(source) as served:
        page = await browser.new_page()
        await page.goto(f"{served.address}#{served.token}")
        told = page.get_by_text("Docker has not answered")
        await expect(told).to_be_visible()
        await page.reload()
        await expect(told).to_be_visible()
        await expect(page.locator(".replicas tbody tr")).to_have_count(2)
        source.answers.set()
        await expect(told).to_be_hidden()
        await page.close()


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
