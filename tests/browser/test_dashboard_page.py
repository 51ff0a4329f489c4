from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.server.support import Gate, StartProcess

PROJECT = Path(__file__).parents[2]
PASSWORD = "a long password"
SIZES = {"desktop": (1280, 800), "phone": (360, 740)}


async def make_admin(environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "admin", "boss@mozi.example"),
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"]} | environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    await process.communicate(f"{PASSWORD}\n".encode())
    assert process.returncode == 0


async def sign_in(page: Page, url: str, password: str = PASSWORD) -> None:
    await page.goto(f"{url}/dashboard")
    await page.get_by_label("Email").fill("boss@mozi.example")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
async def test_the_fleet_is_live_and_fits_the_screen(
    browser: Browser, start_process: StartProcess, environment: dict[str, str], size: tuple[int, int]
) -> None:
    server = await start_process(INSTANCE_ID="shown-one")
    await make_admin(environment)
    page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await sign_in(page, server.url)
    await expect(page.locator("#state")).to_have_text("live")
    await expect(page.locator("#rows tr")).to_have_count(1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]

    another = await start_process(INSTANCE_ID="shown-two")
    await expect(page.locator("#rows")).to_contain_text("shown-two", timeout=15_000)
    another.process.send_signal(signal.SIGTERM)
    await expect(page.locator("#rows")).not_to_contain_text("shown-two", timeout=15_000)
    assert complaints == []
    assert await violations(page) == []

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_redis_stops_and_is_back(
    browser: Browser, start_process: StartProcess, environment: dict[str, str], redis_gate: Gate
) -> None:
    server = await start_process(RATE_LIMITS="address=1000/1")
    await make_admin(environment)
    page = await browser.new_page()
    await sign_in(page, server.url)
    limits, state = page.locator("[data-label=Limits]"), page.locator("#state")
    await expect(limits).to_have_text("shared")
    await redis_gate.shut()
    await expect(limits).to_have_text("local", timeout=15_000)
    await expect(state).to_have_text("live")
    await redis_gate.open()
    await expect(limits).to_have_text("shared", timeout=15_000)
    await expect(page.locator(".chart canvas")).to_have_count(4)
    await expect(state).to_have_text("live")


async def test_a_wrong_password_is_told(
    browser: Browser, start_process: StartProcess, environment: dict[str, str]
) -> None:
    server = await start_process()
    await make_admin(environment)
    page = await browser.new_page()
    await sign_in(page, server.url, "not the password")
    await expect(page.get_by_role("alert")).to_contain_text("wrong")
    assert await violations(page) == []


async def test_the_description_of_the_api_can_be_read_and_tried_without_the_internet(
    browser: Browser, start_process: StartProcess
) -> None:
    server = await start_process()
    page = await browser.new_page(viewport={"width": 360, "height": 740})
    foreign, complaints = list[str](), list[str]()
    page.on("request", lambda request: None if request.url.startswith(server.url) else foreign.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{server.url}/docs")
    listing = page.locator(".opblock", has_text="List and search titles")
    await listing.locator(".opblock-summary-control").press("Enter")
    await expect(listing.locator(".parameters")).to_contain_text("maximum: 100")
    await listing.get_by_role("button", name="Try it out").click()
    await listing.get_by_role("button", name="Execute").click()
    await expect(listing.locator(".live-responses-table")).to_contain_text("200")
    await expect(listing.locator(".live-responses-table")).to_contain_text("next_cursor")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert [url for url in foreign if not url.startswith("data:")] == []
    assert complaints == []
    assert await violations(page) == []
