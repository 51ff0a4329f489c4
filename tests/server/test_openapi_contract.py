"""schemathesis sends what the OpenAPI document allows and what it forbids: no 5xx, no answer that is not described."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.server.support import StartProcess

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


async def run(folder: Path, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.timeout(600)
async def test_every_answer_is_as_described(start_process: StartProcess, tmp_path: Path) -> None:
    server = await start_process(GUEST_WRITES="on")
    code, output = await run(
        tmp_path,
        *(str(Path(sys.executable).with_name("st")), "run", f"{server.url}/api/v1/openapi.json"),
        *("--checks", CHECKS, "--max-examples", "8", "--phases", "coverage,fuzzing", "--no-color", "--seed", "1"),
    )
    assert code == 0, output[-6000:]
