"""The actions of the page: it runs the command itself, so refusals, locks, proofs and history are those of the CLI."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ops.errors import UsageError

PROGRAM = "import sys; sys.argv[0] = 'videa'; from videa_cli.start import run; run()"

MOST_RUNNING = 4
"""Maximum simultaneous commands: one operation, and one that ends its wait or rolls it back."""

MOST_SHOWN = 5
LONGEST = 8000
"""Number of characters that are kept from the end of the output."""

PREVIEW = 60.0
"""Timeout of a dry run, in seconds."""

POLL = 0.1
"""Seconds between two checks whether a command has ended."""

DRY_RUN = "--dry-run"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}")


@dataclass
class Action:
    """A command that the page has started. ``code``: its exit code, None while it runs; ``text``: its output."""

    words: tuple[str, ...]
    begun: float = field(default_factory=time.time)
    code: int | None = None
    text: str = ""

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shlex.join(("videa", *self.words))


def words_of(form: Mapping[str, object], services: Sequence[str]) -> tuple[str, ...]:
    """The arguments of videa for a request of the page. Raises UsageError for a request that is not allowed."""
    kind = form.get("action")
    if kind in ("promote", "abort"):
        return (str(kind),)
    if kind in ("maintenance on", "maintenance off"):
        return tuple(str(kind).split())
    service = str(form.get("service", ""))
    if service not in services:
        raise UsageError(f"no service {service!r} that videa scales", f"services: {', '.join(services)}")
    if kind == "scale":
        number = str(form.get("replicas", ""))
        if not re.fullmatch(r"[0-9]{1,4}", number):
            raise UsageError(f"{number!r} is not a number of replicas", "use a number, such as 3")
        return "scale", f"{service}={int(number)}"
    if kind == "rollback":
        release = str(form.get("release", ""))
        if release and not _NAME.fullmatch(release):
            raise UsageError(f"{release!r} is not a release", "choose one from the list")
        return "rollback", "--service", service, *([release] if release else [])
    raise UsageError(f"no action {kind!r}", "scale, promote, abort, rollback, maintenance on, maintenance off")


class Actions:
    """Runs commands. ``options``: global options of each; ``changed``: called when one begins or ends."""

    def __init__(self, options: Sequence[str], changed: Callable[[], None]) -> None:
        self._start = (sys.executable, "-P", "-c", PROGRAM, *options)
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()
        self.shown: deque[Action] = deque(maxlen=MOST_SHOWN)

    async def preview(self, words: Sequence[str]) -> tuple[bool, str]:
        """Whether the command would run, and the output of its dry run."""
        try:
            code, text = await asyncio.wait_for(self._run((*words, DRY_RUN)), PREVIEW)
        except TimeoutError:
            return False, f"the dry run gave no answer within {PREVIEW:g} s; try again"
        return code == 0, text

    def start(self, words: tuple[str, ...]) -> Action:
        """Starts the command and returns. Raises UsageError if too many are running."""
        if len(self._tasks) >= MOST_RUNNING:
            raise UsageError(f"{MOST_RUNNING} commands of this page are still running", "wait until one of them ends")
        action = Action(words)
        self.shown.append(action)
        task = asyncio.create_task(self._carry_out(action))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._changed()
        return action

    async def _carry_out(self, action: Action) -> None:
        action.code, action.text = await self._run(action.words)
        self._changed()

    async def _run(self, words: Sequence[str]) -> tuple[int, str]:
        """The exit code and the end of the output.

        The command outlives the page: it has its own session and writes into a file. asyncio's own subprocesses would
        be killed with the loop.
        """
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(  # noqa: ASYNC220
                (*self._start, *words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                while (code := process.poll()) is None:  # noqa: ASYNC110
                    await asyncio.sleep(POLL)
            except asyncio.CancelledError:
                if words[-1] == DRY_RUN:
                    process.kill()
                raise
            output.seek(0)
            return code, output.read().decode(errors="replace").strip()[-LONGEST:]
