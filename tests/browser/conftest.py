"""The same instances as for tests/server, and a real Chromium to look at them."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.server.conftest import (  # noqa: F401 -- fixtures
    database_url,
    empty_redis,
    environment,
    postgres_gate,
    redis_gate,
    shared_database_url,
    start_process,
)

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """The machine's own Chromium; playwright brings none from the internet."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine (apt install chromium)")
    options = ["--disable-background-networking", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=options)
        yield chromium
        await chromium.close()
