"""The rules of ARCHITECTURE about what may import what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORBIDDEN = {
    "ops": {"videa_cli", "server", "typer", "rich"},
    "server": {"videa_cli", "ops", "typer", "rich", "docker"},
    "videa_cli": {"server", "docker"},
}
"""Package -> what it must not import."""

ONLY_IN = {
    "docker": {"ops/engine"},
    "aiopg": {"server/postgres.py"},
    "yaml": {"ops/config.py"},
    "typer": {"videa_cli"},
    "rich": {"videa_cli"},
}
"""Module -> the places that may import it."""


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_nothing_that_is_above_it(package: str) -> None:
    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files(package)
        for name in imports(path)
        if name in FORBIDDEN[package]
    }
    assert not found


@pytest.mark.parametrize("module", ONLY_IN)
def test_a_module_has_one_home(module: str) -> None:
    found = {str(path.relative_to(ROOT)) for package in FORBIDDEN for path in files(package) if module in imports(path)}
    assert not {path for path in found if not path.startswith(tuple(ONLY_IN[module]))}


def test_the_library_never_prints() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in files("ops")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert not found


@pytest.mark.parametrize("module", ["models", "errors"])
def test_the_nouns_depend_on_nothing_of_ops_but_each_other(module: str) -> None:
    tree = ast.parse((ROOT / "ops" / f"{module}.py").read_text())
    inner = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not {name for name in inner if name.startswith("ops.")}


def modules_imported(path: Path) -> set[str]:
    """The modules of the server that one of its files needs to be loaded or to be typed."""
    needed = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            needed |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            needed |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in needed if name.startswith("server.")}


def test_no_file_of_the_server_needs_itself_through_others() -> None:
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files("server")}
    graph = {name: modules_imported(path) & names.keys() for name, path in names.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
