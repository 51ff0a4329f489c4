"""Differences between the balancer's configuration and what videa would write, if it or x-videa was edited."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import ndiff

from ops.balancer.render import parse, render
from ops.traffic import Membership, Upstream

_COMMENT = re.compile(r"^\s*#(?! proxy: )")
_NOT_IN_DEFAULT = re.compile(r"^(worker_shutdown_timeout|# proxy:) ")


def differences(membership: Membership, *wanted: Upstream) -> list[str]:
    """The different lines: "- " before a missing one, "+ " before an added one.

    ``wanted``: for each service, the configuration that x-videa defines for the same servers. Indentation, empty lines
    and comments are ignored. The lines of a service with a canary are not compared: its operation, or the next one,
    rewrites them.
    """
    text = membership.text
    for upstream in wanted:
        if not parse(text, upstream.service).canary:
            text = render(upstream, membership.generation, membership.maintenance, text)
    present, expected = _statements(membership.text, membership), _statements(text, membership)
    return [line for line in ndiff(expected, present) if line.startswith(("- ", "+ "))]


def in_words(lines: Sequence[str], most: int) -> list[str]:
    """The first ``most`` different lines, as "missing: ..." or "added: ..."."""
    shown = [f"{'missing' if line.startswith('- ') else 'added'}: {line[2:]}" for line in lines[:most]]
    return shown + [f"and {len(lines) - most} more lines"] * (len(lines) > most)


def _statements(text: str, membership: Membership) -> list[str]:
    """The directives and the proxy settings, one per line, with their blocks.

    The image's default has neither x-videa's proxy settings nor its drain_timeout.
    """
    statements: list[str] = []
    blocks: list[str] = []
    for line in (" ".join(line.split()) for line in text.splitlines() if not _COMMENT.match(line)):
        if line == "}":
            del blocks[-1:]
        elif line and not (membership.everything and _NOT_IN_DEFAULT.match(line)):
            statements.append(f"{blocks[-1]}: {line}" if len(blocks) > 1 else line)
        if line.endswith("{"):
            blocks.append(line.removesuffix("{").strip())
    return statements
