"""What axe-core finds on a page: rules of WCAG 2 A and AA, and best practices."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

THEMES = ("light", "dark")


SETTLED = "Promise.allSettled(document.getAnimations().map(each => each.finished))"
"""A change of the theme may be a transition, and halfway its colours are those of neither theme."""


async def violations(page: Page) -> list[str]:
    """Each violation with its elements, in both themes."""
    found = []
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        await page.evaluate(SETTLED)
        report = (await Axe().run(page)).response
        found += [
            f"{theme}: {rule['id']}: {rule['help']}: {[node['target'] for node in rule['nodes']]}"
            for rule in report["violations"]
        ]
    return found
