"""The command `videa ui`: what it needs, where it listens, what it prints."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from ops.errors import UsageError
from videa_cli.commands.ui import _global_options, _serve
from videa_cli.context import Options
from videa_cli.ui.browser import open_page

ROOT = Path(__file__).parents[3]
WITHOUT = "import sys; sys.modules['aiohttp_jinja2'] = None; from videa_cli.start import run; run()"
LOADED = """
import sys
from videa_cli.start import run
try: run()
except SystemExit: pass
print([name for name in ("aiohttp", "jinja2", "aiohttp_jinja2", "videa_cli.ui") if name in sys.modules])
"""


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_missing_packages_are_an_error_that_says_what_to_install() -> None:
    done = python(WITHOUT, "ui")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: videa ui needs aiohttp and aiohttp-jinja2, which are not installed",
        " hint: pip install 'videa[ui]'",
    ]


@pytest.mark.parametrize("command", ["ui", "status", "events"])
def test_no_other_command_and_no_help_loads_them(command: str) -> None:
    assert python(LOADED, command, "--help").stdout.splitlines()[-1] == "[]"


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="cannot be used"):
            asyncio.run(_serve(web.Application(), taken.getsockname()[1], "shop", "token", False))


async def test_it_listens_on_this_machine_and_prints_the_address_with_the_token(
    capsys: pytest.CaptureFixture[str],
) -> None:
    serving = asyncio.create_task(_serve(web.Application(), 0, "shop", "token", False))
    async with asyncio.timeout(30):
        while not (printed := capsys.readouterr().out):  # noqa: ASYNC110 (nothing tells when it is printed)
            await asyncio.sleep(0.01)
    name, _, address = printed.strip().partition(": ")
    assert name == "shop"
    assert address.startswith("http://127.0.0.1:")
    assert address.endswith("/#token")
    async with ClientSession() as session, session.get(address) as answer:
        assert answer.status == 404
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


def test_the_browser_gets_the_token_in_a_private_file(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    path = open_page("http://127.0.0.1:1/#secret")
    try:
        assert opened == [path.as_uri()]
        assert "secret" not in opened[0]
        assert "http://127.0.0.1:1/#secret" in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        path.unlink()


def test_the_page_starts_its_commands_for_the_same_project() -> None:
    options = Options(files=("a.yaml", "b.yaml"), project="shop")
    assert _global_options(options) == ["--file", "a.yaml", "--file", "b.yaml", "--project", "shop"]
    assert _global_options(Options()) == []
