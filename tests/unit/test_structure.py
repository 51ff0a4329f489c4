"""The rules of ARCHITECTURE about what may import what."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
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
    "aiopg": {"server/database_connection.py", "server/database_session.py", "server/postgres.py"},
    "detect_secrets": {"ops/redaction/services.py"},
    "yaml": {"ops/project/compose_model.py"},
    "ruamel": {"ops/adopt/overlay.py"},
    **{name: {"ops/certificates/acme_client.py"} for name in ("acme", "josepy", "cryptography")},
    "typer": {"videa_cli"},
    "rich": {"videa_cli"},
}
"""Module -> the places that may import it."""


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
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
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert not found


@pytest.mark.parametrize("module", ["models", "errors"])
def test_the_nouns_depend_on_nothing_of_ops_but_each_other(module: str) -> None:
    tree = ast.parse((ROOT / "ops" / f"{module}.py").read_text())
    inner = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not {name for name in inner if name.startswith("ops.")}


LAYERS = (
    {
        "models",
        "errors",
        "contract",
        "steps",
        "fleet",
        "redaction",
        "traffic",
        "route",
        "probes",
        "releases",
        "image_ref",
        "interrupts",
        "typed",
    },
    {"notices"},
    {"events", "pools", "preflight"},
    {"platform.image_ports", "platform.job_ports", "platform.node_ports", "platform.stand_in_ports"},
    {"platform.ports"},
    {"declared", "ejected"},
    {"documents", "engine", "balancer"},
    {"project"},
    {"platform.compose", "swarm"},
    {"probing"},
    {"stack"},
    {"rollout", "certificates"},
    {"doctor", "adopt", "handover", "images"},
    {"capacity", "maintenance", "lifecycle", "watch", "foreground", "jobs", "frozen"},
    {"planning", "recording"},
    {"parts"},
    {"batch"},
    {"outcome"},
    {"measuring"},
    {"operations", "views"},
    {"moving"},
    {"migration"},
    {"autoscale"},
    {"notify"},
    {"metrics"},
    {"agent"},
    {"factory"},
)
"""The rooms of ops, a folder or a file each: one imports from the layers above it in this list and from its own."""

PURE = {
    "doctor/checks": ("*",),
    "balancer": (
        "render",
        "site",
        "scope",
        "proxy",
        "split",
        "sticky",
        "maintenance",
        "access_log",
        "drift",
        "generations",
        "script_answers",
    ),
    "certificates": ("schedule", "protocol"),
    "migration": ("plan",),
    "autoscale": ("samples", "asks", "past", "bounds", "decide", "explain", "requests"),
    "notify": ("message", "queue", "told"),
    "metrics": ("discovery", "rules"),
    "adopt": (
        *("images", "background", "routes", "requests", "caddyfile", "detect", "health_check"),
        *("notes", "advice", "callers", "sockets", "readiness", "parts", "published", "plan", "overlay"),
    ),
    "jobs": ("supervise",),
    "rollout": (
        *("blue_green", "canary", "rolling", "scale", "move", "batches", "undo", "result"),
        *("judgement", "mix", "exact", "started", "waiting"),
    ),
}
"""Folder of ops -> its modules that plan, judge or write text: what they need to know is given to them."""

ACTING = ("engine", "stack", "project.config", "project.loading", "project.values", "operations")
"""Rooms and modules that ask or change something."""


def inner_imports(path: Path) -> Iterator[str]:
    """The modules of ops that a file imports, without "ops.": "balancer.render", "stack"."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("ops.") for alias in node.names if alias.name.startswith("ops."))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ops":
            for alias in node.names:
                place = (*node.module.split(".")[1:], alias.name)
                inner = (ROOT / "ops").joinpath(*place).with_suffix(".py").exists()
                yield ".".join(place if inner else place[:-1])


def room(path: Path) -> str:
    return room_of(".".join(path.relative_to(ROOT / "ops").with_suffix("").parts))


def room_of(module: str) -> str:
    """The room of a module: the ports and each implementation of them have one of their own."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "platform" else parts[0]


def room_imports() -> set[tuple[str, str]]:
    """(room, module of another room that it imports)."""
    found = {(room(path), module) for path in files("ops") for module in inner_imports(path)}
    return {(place, module) for place, module in found if room_of(module) != place}


def test_a_room_of_ops_imports_only_from_the_layers_before_it() -> None:
    rank = {name: number for number, names in enumerate(LAYERS) for name in names}
    wrong = {f"{place} imports {module}" for place, module in room_imports() if rank[room_of(module)] > rank[place]}
    assert not wrong


def test_each_room_of_ops_has_one_layer() -> None:
    rooms = {room(path) for path in files("ops")}
    assert sorted(name for names in LAYERS for name in names) == sorted(each for each in rooms if "__" not in each)


def test_rooms_of_ops_import_each_other_in_one_direction_only() -> None:
    pairs = {(place, room_of(module)) for place, module in room_imports()}
    reached = set(pairs)
    while further := {(one, last) for one, via in reached for other, last in pairs if via == other} - reached:
        reached |= further
    assert not {one for one, last in reached if one == last}


KNOW_THE_ENGINE = {"platform.compose", "swarm", "project", "handover", "factory"}
"""Rooms that may know Docker. Everybody else knows the ports: which engine runs replicas is known in one place."""


def test_nobody_else_knows_which_engine_runs_replicas() -> None:
    assert {place for place, module in room_imports() if room_of(module) == "engine"} == KNOW_THE_ENGINE
    for implementation in ("platform.compose", "swarm"):
        assert {place for place, module in room_imports() if room_of(module) == implementation} == {"factory"}


def test_the_kinds_of_engines_are_compared_only_in_the_factory() -> None:
    kinds = re.compile(r"EngineKind\.[A-Z]+")
    found = {str(path.relative_to(ROOT / "ops")) for path in files("ops") if kinds.search(path.read_text())}
    assert found == {"factory.py", "project/settings.py"}


@pytest.mark.parametrize("folder", PURE)
def test_planners_checks_and_texts_ask_nobody(folder: str) -> None:
    paths = [path for name in PURE[folder] for path in (ROOT / "ops" / folder).glob(f"{name}.py")]
    assert paths
    found = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in paths
        for module in inner_imports(path)
        if any(f"{module}.".startswith(f"{each}.") for each in ACTING)
    }
    assert not found


BACKEND_NAMES = ("/api/v1/", "/health", "DATABASE_URL", "REDIS_URL", "JWT_", "RATE_LIMITS", "videa:fleet")


def test_what_ops_expects_of_the_backend_is_in_one_place() -> None:
    """Names in code; sentences for the operator may have them, x-videa's defaults are x-videa's, and answers.py asks
    services of any kind."""
    found = {
        f"{path.relative_to(ROOT)}: {text!r}"
        for path in files("ops")
        if path.name not in ("contract.py", "settings.py", "answers.py")
        for text in literals(path)
        if " " not in text and any(name in text for name in BACKEND_NAMES)
    }
    assert not found


def literals(path: Path) -> Iterator[str]:
    """The strings of a file that are no docstrings."""
    found = nodes(path)
    docstrings = {id(node.value) for node in found if isinstance(node, ast.Expr)}
    for node in found:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


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


def picture() -> str:
    """The picture of ops in the documentation."""
    return (ROOT / "docs" / "architecture.md").read_text().split("```")[1]


def test_the_picture_of_ops_has_every_room() -> None:
    """A folder or a file each; the picture names a file with or without its ending."""
    rooms = {path.stem for path in (ROOT / "ops").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    shown = set(re.findall(r"\w+", picture()))
    assert rooms - {"__init__"} <= shown


def test_every_file_that_the_architecture_names_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"(?<![\w./-])((?:[a-z_]+/)*[a-z_]+\.py)\b", text))
    assert named
    present = {str(path.relative_to(ROOT)) for package in (*FORBIDDEN, "tests") for path in files(package)}
    assert not {name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in present)}
