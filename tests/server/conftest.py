"""Instances of the server on a database of their own, behind gates that can cut or slow their connections."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis
from aiohttp.test_utils import TestClient

from server.app import create_app
from server.keys import TOKENS
from server.settings import load_settings
from tests.server.support import Client, Gate, Process, Served, StartInstance, StartProcess, eventually

PROJECT = Path(__file__).parents[2]
_numbers = itertools.count(1)


async def _gate(url: str) -> AsyncIterator[Gate]:
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    gate = Gate(parts.hostname, parts.port)
    await gate.open()
    yield gate
    await gate.shut()


def _new_database(postgres_url: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    connection = psycopg2.connect(postgres_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    connection.close()


@pytest.fixture
def fresh_database_url(postgres_url: str) -> Iterator[str]:
    """A database without tables."""
    yield from _new_database(postgres_url)


@pytest.fixture(scope="session")
def shared_database_url(postgres_url: str) -> Iterator[str]:
    yield from _new_database(postgres_url)


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    """A database without rows; its tables stay from test to test, because making them takes longer than most tests."""
    connection = psycopg2.connect(shared_database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('users') IS NOT NULL")
        if (cursor.fetchone() or (False,))[0]:
            cursor.execute("TRUNCATE titles, seeded_titles, refresh_tokens, idempotency_keys RESTART IDENTITY")
            # The guest, account 0, comes with the migrations.
            cursor.execute("DELETE FROM users WHERE id > 0")
    connection.close()
    return shared_database_url


@pytest.fixture
def empty_redis(redis_url: str) -> Iterator[str]:
    """A Redis without keys."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    yield redis_url


@pytest.fixture
async def postgres_gate(database_url: str) -> AsyncIterator[Gate]:
    async for gate in _gate(database_url):
        yield gate


@pytest.fixture
async def redis_gate(empty_redis: str) -> AsyncIterator[Gate]:
    async for gate in _gate(empty_redis):
        yield gate


@pytest.fixture
def environment(database_url: str, empty_redis: str, postgres_gate: Gate, redis_gate: Gate) -> dict[str, str]:
    """What an instance needs; both services through their gates."""
    user = urlsplit(database_url).netloc.rpartition("@")[0]
    name = urlsplit(database_url).path
    return {
        "APP_ENV": "test",
        "DATABASE_URL": f"postgresql://{user}@127.0.0.1:{postgres_gate.port}{name}?connection_limit=5&pool_timeout=3",
        "REDIS_URL": f"redis://127.0.0.1:{redis_gate.port}/0",
        "FRONTEND_URL": "https://mozi.example",
        "REQUEST_LOG": "off",
        "JWT_ACCESS_SECRET": "k9" * 20 + "unit-A",
        "JWT_REFRESH_SECRET": "k9" * 20 + "unit-R",
        "RATE_LIMITS": "off",
    }


@pytest.fixture
async def start_instance(environment: dict[str, str], database_url: str) -> AsyncIterator[StartInstance]:
    """Starts an instance inside this process, waits until it has all it needs, and signs the client in as admin."""
    clients: list[Client] = []

    async def start(*, wait: bool = True, **changes: str) -> Client:
        identity = {"INSTANCE_ID": f"test-{next(_numbers)}"}
        settings = load_settings(environment | identity | changes)
        client: Client = TestClient(Served(create_app(settings)))
        await client.start_server()
        clients.append(client)
        if wait:
            await eventually(lambda: _ready(client))
            app = client.app
            assert app is not None
            client.session.headers["Authorization"] = f"Bearer {app[TOKENS].access(_admin(database_url), 'admin')}"
        return client

    yield start
    for client in clients:
        await client.close()


def _admin(database_url: str) -> int:
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (email, password_hash, role) VALUES ('root@mozi.example', '-', 'admin') "
            "ON CONFLICT (lower(email)) DO UPDATE SET role = 'admin' RETURNING id"
        )
        (number,) = cursor.fetchone() or (0,)
    connection.close()
    return int(number)


async def _ready(client: Client) -> bool:
    async with client.get("/health/ready") as response:
        return response.status == 200 and not (await response.json())["degraded"]


@pytest.fixture
async def api(start_instance: StartInstance) -> Client:
    """One ready instance."""
    return await start_instance()


@pytest.fixture
async def start_process(environment: dict[str, str]) -> AsyncIterator[StartProcess]:
    """Starts `python -m server` on a free port and waits until it is ready."""
    started: list[asyncio.subprocess.Process] = []

    async def start(*, wait: bool = True, **changes: str) -> Process:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server"),
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"]} | environment | {"PORT": str(port), "HOST": "127.0.0.1"} | changes,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        started.append(process)
        server = Process(process, port)
        if wait:
            await eventually(server.ready)
        return server

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()
