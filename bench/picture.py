"""The picture in README: `python -m bench.picture` photographs a terminal while a canary runs under load.

Needs tmux. The command runs in a real terminal, whose screen is read with its colours when the canary has passed its
first step and is judged at the second; rich writes it as docs/canary.svg.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bench.client import under_load
from bench.temporary_stack import RELEASES, ROOT, BenchError, BenchStack, bench_stack, clean_environment, videa_command

PICTURE = ROOT / "docs" / "canary.svg"
COLUMNS, LINES = 100, 26
RATE = 200
MOMENT = "judge the canary at 25% ...  8 s"
"""What the screen shows when the picture is taken."""

PATIENCE = 120.0


def main() -> int:
    """Take the picture; the exit code is 0."""
    overlays = (ROOT / "bench" / "watched_canary",)
    with bench_stack(replicas=3, overlays=overlays) as stack, under_load(stack.url, rate=RATE, connections=16):
        screen = watched(stack)
    PICTURE.write_text(drawn(screen))
    print(f"written to {PICTURE.relative_to(ROOT)}")
    return 0


def watched(stack: BenchStack) -> str:
    """The screen at the moment, with the escape sequences of its colours. Raises BenchError."""
    if not shutil.which("tmux"):
        raise BenchError("tmux is missing")
    command = f"PS1='$ '; clear; PATH={Path(videa_command()).parent}:$PATH; clear"
    typed = f"videa deploy --canary --image {RELEASES[1]}"
    with tempfile.TemporaryDirectory() as folder:
        tmux = ["tmux", "-S", f"{folder}/socket"]
        start = [*tmux, "new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), "bash", "--norc"]
        environment = clean_environment() | {"TERM": "xterm-256color"}
        environment = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "TMUX")}
        subprocess.run(start, cwd=stack.directory, env=environment, check=True)
        try:
            for line in (command, typed):
                subprocess.run([*tmux, "send-keys", line, "Enter"], check=True)
                time.sleep(1)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                text = subprocess.run([*tmux, "capture-pane", "-p", "-e"], check=True, capture_output=True, text=True)
                if MOMENT in Text.from_ansi(text.stdout).plain:
                    return text.stdout
                time.sleep(0.2)
        finally:
            subprocess.run([*tmux, "send-keys", "C-c"], check=False)
            time.sleep(3)  # the deploy is rolled back
            subprocess.run([*tmux, "kill-server"], check=False)
    raise BenchError(f"the screen never showed {MOMENT!r}")


def drawn(screen: str) -> str:
    """The screen as SVG, with the fonts of the reader: an image may not load any."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in screen.rstrip().splitlines():
        console.print(Text.from_ansi(line), no_wrap=True, crop=True)
    picture = console.export_svg(title="videa", unique_id="videa")
    return re.sub(r"\s*@font-face \{.*?\}", "", picture, flags=re.DOTALL).rstrip() + "\n"


if __name__ == "__main__":
    os.environ.pop("COLUMNS", None)
    sys.exit(main())
