"""`videa up` starts what does not run, and changes nothing that serves."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.engine.compose import Compose
from ops.errors import PlanRefused
from ops.platform.compose import whole

CONTAINERS = [
    SimpleNamespace(service=service, name=f"shop-{service}-{number}")
    for service, number in [("web", 1), ("web", 2), ("web", 3), ("worker", 1)]
]
SAME = " DRY-RUN MODE -  Container shop-worker-1  Running"
WORKER = " DRY-RUN MODE -  Container shop-worker-1  Recreate"
WEB = " DRY-RUN MODE -  Container shop-web-2  Recreate"


class Shop:
    """A project of ``web`` with two replicas in its file, of which three run, and a worker that depends on it."""

    name, served = "shop", ("web",)

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        self.compose = Compose((), None, folder, {"PATH": path})
        self.model = {"services": {"web": {}, "worker": {"depends_on": ["web"]}}}

    def of(self, service: str) -> Any:
        return SimpleNamespace(replicas=2)

    def up(self, dry: str, *services: str, recreate: tuple[str, ...] = (), keep: bool = True) -> list[str]:
        """The commands that were run, if all dry runs print ``dry``."""
        (self.folder / "dry").write_text(dry)
        whole.up(cast(Any, self), cast(Any, CONTAINERS), services, lambda above=0: 0, {}, recreate, keep)
        return (self.folder / "ran").read_text().splitlines()

    @property
    def untouched(self) -> bool:
        return not (self.folder / "ran").exists()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\ncase " $* " in\n*" --dry-run "*) cat {tmp_path}/dry >&2;;\n*" version "*) echo 2.40.3;;\n'
        f'*) echo "$*" >> {tmp_path}/ran;;\nesac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", path := f"{tmp_path}:{os.environ['PATH']}")
    return Shop(tmp_path, path)


def test_what_runs_stays_as_it_is_and_no_replica_is_removed(shop: Shop) -> None:
    [ran] = shop.up(SAME, "web", "worker")
    assert "--no-deps --no-recreate" in ran
    assert "--scale web=3" in ran


@pytest.mark.parametrize("dry", [WEB, WORKER])
def test_while_something_serves_nothing_may_end(shop: Shop, dry: str) -> None:
    with pytest.raises(PlanRefused, match="Compose would also recreate"):
        shop.up(dry, "web", "worker")
    assert shop.untouched


def test_only_the_named_service_is_recreated(shop: Shop) -> None:
    with pytest.raises(PlanRefused, match="recreate shop-web-2"):
        shop.up(WEB, "worker", recreate=("worker",))
    assert shop.untouched
    with pytest.raises(PlanRefused, match="recreate shop-worker-1"):  # by the command for the others
        shop.up(WORKER, "web", "worker", recreate=("worker",))
    [ran] = (shop.folder / "ran").read_text().splitlines()
    assert "--no-recreate" not in ran
    assert ran.endswith(" worker")


def test_where_nothing_serves_what_was_left_may_be_made_anew(shop: Shop) -> None:
    [ran] = shop.up(WORKER, "web", "worker", keep=False)
    assert "--no-recreate" not in ran
