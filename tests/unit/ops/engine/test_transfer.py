"""Images of an engine that is a socket: its refusals while it loads."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ops.engine.client import Engine
from ops.engine.compose import explain
from ops.engine.transfer import EngineImageStore
from ops.errors import EngineError, EngineUnreachable
from tests.unit.ops.engine.test_client import engine_that

STORED = '{"Id": "sha256:one", "RepoTags": ["app:1"], "RootFS": {"Layers": ["sha256:a", "sha256:b"]}}'
HISTORY = '[{"Created": 2, "CreatedBy": "COPY", "Size": 7}, {"Created": 1, "CreatedBy": "ADD", "Size": 90}]'


def play(line: str, _: int) -> str:
    answers = {
        "/images/json": '[{"Id": "sha256:one", "RepoTags": ["app:1", "other:1"]}]',
        "/history": HISTORY,
        "/images/": STORED,
        "/info": '{"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}',
    }
    return next(answer for part, answer in answers.items() if part in line)


def test_what_an_engine_has(tmp_path: Path) -> None:
    with engine_that(tmp_path, play) as (environment, _), closing(Engine(environment)) as engine:
        store = EngineImageStore(engine)
        stored = store.stored("app:1")
        assert stored
        assert (stored.layers, stored.parts) == (("sha256:a", "sha256:b"), (("1 ADD", 90), ("2 COPY", 7)))
        assert store.all_layers() == [("sha256:a", "sha256:b")]
        assert store.tagged("app") == ["app:1"]
        assert store.needs_every_layer


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ('{"error": "write /layer.tar: no space left on device"}', "docker system df"),
        ('{"stream": "Loading"}\r\n{"error": "unexpected EOF"}', "try again"),
    ],
)
def test_a_refused_archive_is_an_error(answer: str, hint: str) -> None:
    response = MagicMock(ok=True)
    response.__enter__.return_value = response
    response.iter_lines.return_value = answer.encode().splitlines()
    engine = MagicMock()
    engine.sdk.api.post.return_value = response
    with pytest.raises(EngineError, match="could not load the images") as error:
        EngineImageStore(engine).load([b"archive"])
    assert hint in error.value.hint


def test_compose_without_a_connection_is_an_unreachable_engine() -> None:
    stderr = (
        'error during connect: Get "http://docker.example.com/v1.41/info": command [ssh] has exited with status 255'
    )
    assert isinstance(explain("up", stderr), EngineUnreachable)
