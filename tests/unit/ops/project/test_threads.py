"""Threads of the agent read typed data at the same time; msgspec alone would end the process with a segfault."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ops

PROGRAM = """
import sys, threading
{0}
sys.setswitchinterval(1e-6)
together = threading.Barrier(16)
def work():
    together.wait()
    {1}
threads = [threading.Thread(target=work) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""

READERS = {
    "x-videa": (
        "from ops.project.section import read_settings",
        'read_settings({"service": "web", "health": {"ready": "/x"}})',
    ),
    "PostgreSQL": (
        "from ops.doctor.collectors.postgres import read",
        'read("db", "db-1", {"server": {}})',
    ),
}

MODULES = sorted(Path(ops.__path__[0]).rglob("*.py"))
EXAMINE = ("Decoder", "Converter", "TypedDocument")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("process", range(4))
def test_a_process_may_first_read_a_type_in_several_threads(reader: str, process: int) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(*READERS[reader])], stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_readers_of_types_are_built_when_their_module_is_imported() -> None:
    assert [place for path in MODULES if path.name != "typed.py" for place in lazy(path.read_text(), path.name)] == []


@pytest.mark.parametrize(
    "text",
    [
        "def f(): return msgspec.json.decode(b'', type=X)",
        "def f(): return msgspec.json.decode(b'', X)",
        "def f(): return msgspec.convert({}, X)",
        "class A:\n    async def f(self): return Decoder(X)",
        "f = lambda: convert({}, X)",
    ],
)
def test_a_reader_that_is_built_in_a_function_is_found(text: str) -> None:
    assert len(list(lazy(text, "a.py"))) == 1
    assert not list(
        lazy("D = msgspec.json.Decoder(X)\ndef f(): return D.decode(msgspec.json.decode(b'')), C.convert({})", "b.py")
    )


def lazy(text: str, name: str) -> Iterator[str]:
    """Where a function examines a type: it calls a constructor of EXAMINE, or a function of msgspec with a type.

    A constructor itself may: where it is called is found.
    """
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    callables = [each for each in ast.walk(ast.parse(text)) if isinstance(each, functions)]
    inside = [node for each in callables if getattr(each, "name", "") != "__init__" for node in ast.walk(each)]
    for node in inside:
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            typed = len(node.args) > 1 or any(word.arg == "type" for word in node.keywords)
            if called in EXAMINE or (called in ("decode", "convert") and typed):
                yield f"{name}:{node.lineno}: {ast.unparse(node)}"
