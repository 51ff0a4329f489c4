"""An env file is read as Compose itself reads it; no engine is needed, only the docker command."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from ops.errors import ConfigError
from ops.project.dotenv import assign, values

PIECES = ["a", "$", "$b", "${A}", "${X:-d}", "${SH}", "#", " #", " ", "\\", "'", '"', "\n", "\\n", "=", ":", "é", "\t"]
PIECES += ["\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u2028", "\u3000", "\ufeff", "\x7f"]
PIECES += ["$$", "\\'", '\\"', "\\\\", "\\$", "\r\n", "export ", "Q=", "-"]
NAMES = [f"V{number}" for number in range(30)]


def as_compose(text: str, folder: Path) -> dict[str, str] | None:
    """What Compose reads from an env file; None when it refuses it."""
    (folder / "some.env").write_text(text, newline="")
    model = f"services: {{x: {{image: x, environment: {json.dumps(NAMES)}}}}}"
    done = subprocess.run(
        ["docker", "compose", "--env-file", "some.env", "-f", "-", "config", "--format", "json"],
        input=model, capture_output=True, text=True, cwd=folder, timeout=60, check=False,
        env={"SH": "shell", **{name: os.environ[name] for name in ("PATH", "HOME", "GOGC", "GOMEMLIMIT")}},
    )  # fmt: skip
    if done.returncode:
        return None
    read = json.loads(done.stdout)["services"]["x"]["environment"]
    return {name: value.replace("$$", "$") for name, value in read.items() if value is not None}


def as_videa(text: str) -> dict[str, str] | None:
    try:
        return {name: value for name, value in values(text, {"SH": "shell"}).items() if name in NAMES}
    except ConfigError:
        return None


def word(chance: random.Random) -> str:
    return "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 6)))


@pytest.mark.parametrize("seed", range(20))
def test_any_file_is_read_as_compose_reads_it(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    lines = []
    for name in NAMES[:5]:
        quote = chance.choice(["", "'", '"'])
        body = word(chance).replace(quote or "\n", "").rstrip("\\")
        lines.append(f"{chance.choice(['', 'export ', ' '])}{name}={quote}{body}{quote}{chance.choice(['', ' # c'])}")
    text = "\n".join(lines) + chance.choice(["", "\n"])
    assert as_videa(text) == as_compose(text, tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_any_value_that_videa_writes_is_read_by_compose(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    wanted = {name: word(chance) for name in NAMES}
    assert as_compose(assign("# mine\nOTHER='1'", dict(wanted), {}), tmp_path) == wanted
