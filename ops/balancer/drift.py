"""Whether the balancer's configuration is what videa would write: a hand that changed it, or x-videa that did."""

from __future__ import annotations

import re
from difflib import ndiff

from ops.balancer.render import render
from ops.traffic import Membership, Upstream

_COMMENT = re.compile(r"^\s*#")
_WORKERS = re.compile(r"^worker_shutdown_timeout ")


def differences(membership: Membership, wanted: Upstream) -> list[str]:
    """The lines that differ, "- " before one that is missing and "+ " before one that was added; none if all is well.

    ``wanted``: what x-videa asks for with the same servers. Indentation, empty lines and comments do not matter.
    While a canary has its share nothing is compared: its operation, or the next one, writes the configuration anew.
    """
    if membership.canary:
        return []
    present = _statements(membership.text, membership)
    expected = _statements(render(wanted, membership.generation, membership.maintenance), membership)
    return [line for line in ndiff(expected, present) if line.startswith(("- ", "+ "))]


def _statements(text: str, membership: Membership) -> list[str]:
    """What nginx obeys, a line each, with its block. The image's default has a time for old workers of its own."""
    statements: list[str] = []
    blocks: list[str] = []
    for line in (" ".join(line.split()) for line in text.splitlines() if not _COMMENT.match(line)):
        if line == "}":
            del blocks[-1:]
        elif line and not (membership.everything and _WORKERS.match(line)):
            statements.append(f"{blocks[-1]}: {line}" if len(blocks) > 1 else line)
        if line.endswith("{"):
            blocks.append(line.removesuffix("{").strip())
    return statements
