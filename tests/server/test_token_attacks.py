"""Forged, borrowed and broken tokens: always 401, never 5xx."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from server.auth.tokens import Tokens, fingerprint
from server.keys import SETTINGS, TOKENS
from tests.server.support import Client


def forge(client: Client, *, key: str = "", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    app = client.app
    assert app is not None
    secret = app[SETTINGS].access_secrets[0]
    now = int(time.time())
    claims = {"sub": "1", "role": "admin", "iat": now, "nbf": now, "exp": now + 900, "iss": "videa", "aud": "videa-api"}
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, key or secret, algorithm="HS256", headers={"kid": fingerprint(secret)} | (headers or {}))


def part(data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def unsigned(client: Client, algorithm: str) -> str:
    _, claims, _ = forge(client).split(".")
    app = client.app
    assert app is not None
    kid = fingerprint(app[SETTINGS].access_secrets[0])
    return f"{part({'alg': algorithm, 'typ': 'JWT', 'kid': kid})}.{claims}."


def refresh_token(client: Client) -> str:
    app = client.app
    assert app is not None
    tokens: Tokens = app[TOKENS]
    return tokens.refresh(1, "some-id", int(time.time()))


ATTACKS: dict[str, Any] = {
    "nothing": lambda _: "",
    "garbage": lambda _: "garbage",
    "three dots": lambda _: "...",
    "alg none": lambda client: unsigned(client, "none"),
    "alg None": lambda client: unsigned(client, "None"),
    "RS256 confusion": lambda client: unsigned(client, "RS256") + "c2ln",
    "other secret": lambda client: forge(client, key="another secret of good length, 40 chars.."),
    "unknown key id": lambda client: forge(client, headers={"kid": "ffffffff"}),
    "key id of another kind": lambda _: f"{part({'alg': 'HS256', 'kid': ['a']})}.{part({})}.x",
    "other audience": lambda client: forge(client, aud="another-api"),
    "no audience": lambda client: forge(client, aud=None),
    "other issuer": lambda client: forge(client, iss="somebody"),
    "expired": lambda client: forge(client, exp=int(time.time()) - 60),
    "never expires": lambda client: forge(client, exp=None),
    "not valid yet": lambda client: forge(client, nbf=int(time.time()) + 300),
    "issued in the future": lambda client: forge(client, iat=int(time.time()) + 300),
    "role made up": lambda client: forge(client, role="root"),
    "no role": lambda client: forge(client, role=None),
    "user not a number": lambda client: forge(client, sub="1 OR 1=1"),
    "user too large": lambda client: forge(client, sub="9" * 30),
    "refresh used as access": refresh_token,
    "tampered claims": lambda client: ".".join(
        [forge(client).split(".")[0], part({"sub": "1", "role": "admin"}), forge(client).split(".")[2]]
    ),
    "tampered signature": lambda client: forge(client)[:-6] + "AAAAAA",
    "nested header": lambda _: f"{part({'alg': 'HS256', 'kid': {'a': [1]}})}.{part({})}.x",
    "not an object": lambda _: f"{part([1])}.{part([1])}.x",
    "longer than allowed": lambda client: forge(client, extra="x" * 4000),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_a_false_token_is_refused(api: Client, attack: Any) -> None:
    token = attack(api)
    for path in ("/api/v1/me", "/api/v1/titles"):
        async with api.get(path, headers={"Authorization": f"Bearer {token}"}) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_same_without_the_attack_is_accepted(api: Client) -> None:
    async with api.get("/api/v1/titles", headers={"Authorization": f"Bearer {forge(api)}"}) as response:
        assert response.status == 200


async def test_clocks_may_differ_by_a_few_seconds(api: Client) -> None:
    now = int(time.time())
    for changes in ({"iat": now + 3, "nbf": now + 3}, {"exp": now - 3}):
        headers = {"Authorization": f"Bearer {forge(api, **changes)}"}
        async with api.get("/api/v1/titles", headers=headers) as response:
            assert response.status == 200


async def test_a_token_of_100_kb_does_no_harm(api: Client) -> None:
    async with api.get("/api/v1/me", headers={"Authorization": "Bearer " + "a" * 100_000}) as response:
        assert response.status in (400, 401, 431)


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "Bearer", "bearer  x", "Token abc"])
async def test_other_schemes_are_refused(api: Client, header: str) -> None:
    async with api.get("/api/v1/titles", headers={"Authorization": header}) as response:
        assert response.status == 401


async def test_an_access_token_is_no_refresh_token(api: Client) -> None:
    async with api.post("/api/v1/auth/refresh", json={"refresh_token": forge(api)}) as response:
        assert response.status == 401
