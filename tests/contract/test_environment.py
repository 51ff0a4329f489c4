"""Names and meanings of the environment that both sides read."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from ops import contract
from ops.doctor.collectors import proof
from ops.pools import pool_limit
from server.limits import policy_of
from server.routes import auth, dashboard
from server.settings import DEFAULT_LIMITS, load_settings, parse_database_url
from tests.server.support import StartProcess


@pytest.mark.parametrize("query", ["", "?connection_limit=7", "?sslmode=prefer&connection_limit=12&pool_timeout=3"])
@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_count_the_same_pool(scheme: str, query: str) -> None:
    url = f"{scheme}://videa:secret@postgres:5432/videa{query}"
    assert pool_limit(url) == parse_database_url(url).connection_limit


def test_the_server_accepts_what_compose_gives_it(compose_services: dict[str, Any]) -> None:
    backend = compose_services["backend"]
    settings = load_settings(backend["environment"])
    assert settings.production
    assert settings.limits is not None
    # Drained before Compose would kill it.
    assert settings.drain_timeout < float(backend["stop_grace_period"].removesuffix("s"))


def test_the_names_that_the_doctor_looks_for_are_those_that_compose_sets(compose_services: dict[str, Any]) -> None:
    names = (contract.DATABASE, contract.REDIS, contract.ACCESS_SECRET, contract.REFRESH_SECRET, contract.RATE_LIMITS)
    assert set(names) <= compose_services["backend"]["environment"].keys()


def test_the_parameters_of_the_pool_are_those_that_the_server_takes_out() -> None:
    query = "&".join(f"{name}=3" for name in contract.POOL_PARAMETERS)
    given = parse_database_url(f"postgresql://videa:secret@postgres:5432/videa?{query}")
    assert (given.connection_limit, given.pool_timeout) == (3, 3)


def test_the_paths_with_a_limit_of_their_own_are_those_of_the_server() -> None:
    routes = [route for route in (*auth.routes, *dashboard.routes) if isinstance(route, web.RouteDef)]
    rows = set(DEFAULT_LIMITS) - set(contract.LIMITED_CLIENTS)
    own = {route.path: row for route in routes if (row := policy_of(route.handler)) in rows}
    assert own == contract.LIMITED_PATHS
    assert rows == set(own.values())


def mint(secrets: str) -> str:
    """A token as the doctor makes it inside a replica with these secrets."""
    return subprocess.run(
        [sys.executable, "-S", "-c", proof._MINT],
        env=os.environ | {contract.ACCESS_SECRET: secrets},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


async def test_a_token_that_the_doctor_mints_is_accepted(
    start_process: StartProcess, environment: dict[str, str]
) -> None:
    secrets = f"{'n3w' * 12}, {environment['JWT_ACCESS_SECRET']}"
    server = await start_process(JWT_ACCESS_SECRET=secrets, RATE_LIMITS="")
    minted = mint(secrets)
    left = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {minted}"}) as session:
        for _ in range(2):
            async with session.get(server.url + contract.ME) as response:
                assert response.status == 200
                left.append(int(response.headers[contract.LIMIT_LEFT]))
    assert left[0] - left[1] == 1
