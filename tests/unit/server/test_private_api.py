"""What the server uses of libraries though it is not public: listed here, bounded in pyproject.toml, still there."""

from __future__ import annotations

import ast
import asyncio
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import aiopg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from redis.asyncio.connection import Connection, SSLConnection

from server.responses import ReadyResponse, json_bytes

ROOT = Path(__file__).parents[3]
SERVER = ROOT / "server"
USED = {
    ("redis_connection.py", "_connection_arguments"): "redis",
    ("redis_connection.py", "_reader"): "redis",
    ("redis_connection.py", "_writer"): "redis",
    ("postgres.py", "_timeout"): "aiopg",
    ("protocol.py", "_make_server"): "aiohttp",
    ("responses.py", "_cookies"): "aiohttp",
}
"""(file, name) -> the library."""
PUBLIC = {"_replace", "_exit"}
"""Names with an underscore that are documented: of named tuples, and os._exit."""


def own_names(tree: ast.AST) -> set[str]:
    """What the file defines itself, or sets on itself."""
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    return functions | attributes


def private_uses() -> Iterator[tuple[str, str]]:
    for path in SERVER.rglob("*.py"):
        tree = ast.parse(path.read_text())
        own = own_names(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
                continue
            of_self = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            of_super = ast.unparse(node.value) == "super()"
            if node.attr not in PUBLIC and (of_super or not of_self or node.attr not in own):
                yield str(path.relative_to(SERVER)), node.attr


def test_what_is_used_is_listed() -> None:
    assert set(private_uses()) == set(USED)


@pytest.mark.parametrize("library", sorted(set(USED.values())))
def test_the_version_is_bounded_above_and_installed_within(library: str) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    (wanted,) = [line for line in groups["server"] if line.partition(">")[0] == library]
    low, _, high = wanted.partition(">=")[2].partition(",<")
    installed, lowest, bound = (tuple(map(int, each.split("."))) for each in (version(library), low, high))
    assert lowest <= installed < bound


async def test_redis_connects_to_what_its_arguments_say_and_leaves_reader_and_writer() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(b"+OK\r\n" * 3)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)

    class Elsewhere(Connection):
        def _connection_arguments(self) -> dict[str, object]:
            return {**super()._connection_arguments(), "host": "127.0.0.1"}

    port = server.sockets[0].getsockname()[1]
    connection = Elsewhere(host="cache.example", port=port, protocol=2, driver_info=None)
    await connection.connect()  # type: ignore[no-untyped-call]
    assert isinstance(connection._writer, asyncio.StreamWriter)
    assert isinstance(connection._reader, asyncio.StreamReader)
    assert connection._writer.transport.get_extra_info("peername") == ("127.0.0.1", port)
    await connection.disconnect()
    server.close()
    assert "ssl" in SSLConnection(host="cache.example")._connection_arguments()


def test_aiopg_keeps_the_timeout_of_a_connection_under_this_name() -> None:
    class Unconnected(aiopg.Connection):
        def __init__(self) -> None:
            self._timeout = 5.0

        def __del__(self) -> None:
            """There is nothing to close."""

    assert Unconnected().timeout == 5.0


def test_aiohttp_uses_no_name_that_the_response_uses_for_itself() -> None:
    plain = web.Response(body=b"")
    assert plain._cookies is None
    plain.set_cookie("a", "b")
    assert plain._cookies
    own = {"lines", "_content", "_writer", "_is_plain"}
    assert not own & {name for kind in web.Response.__mro__ for name in (*vars(kind), *getattr(kind, "__slots__", ()))}
    assert own - {"_is_plain"} <= set(vars(ReadyResponse("", b"")))


async def test_aiohttp_lets_a_response_write_itself_and_keeps_the_connection() -> None:
    async def answer(_: web.Request) -> web.Response:
        return json_bytes(b"[1]")

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert head.count(b"Content-Length: 3\r\n") == 1
            assert b"Transfer-Encoding" not in head
            assert await reader.readexactly(3) == b"[1]"
        writer.close()
