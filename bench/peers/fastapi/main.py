"""The same work as videa's GET /api/v1/titles/{id}, with the packages that FastAPI users usually choose.

Token check (PyJWT), rate limit by user in Redis (limits), cache in Redis, PostgreSQL behind it (asyncpg). Has its own
Python environment (requirements.txt), which `python -m bench.backend` creates.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import Redis

ENV = os.environ
LIMIT = RateLimitItemPerMinute(int(ENV["RATE_LIMIT"]))
SELECT = f"SELECT {ENV['COLUMNS']} FROM titles WHERE id = $1"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.redis = Redis.from_url(ENV["REDIS_URL"])
    storage = RedisStorage(f"async+{ENV['REDIS_URL']}", implementation="redispy")
    app.state.limiter = FixedWindowRateLimiter(storage)
    async with asyncpg.create_pool(ENV["DATABASE_URL"], min_size=2, max_size=5) as pool:
        app.state.pool = pool
        yield
    await app.state.redis.aclose()


app = FastAPI(lifespan=lifespan)


async def user(authorization: Annotated[str, Header()] = "") -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer":
        raise HTTPException(401, "no token")
    try:
        claims = jwt.decode(
            token, ENV["JWT_ACCESS_SECRET"], ["HS256"], issuer=ENV["JWT_ISSUER"], audience=ENV["JWT_AUDIENCE"]
        )
    except jwt.InvalidTokenError:
        raise HTTPException(401, "bad token") from None
    return str(claims["sub"])


async def limited(request: Request, who: Annotated[str, Depends(user)]) -> None:
    if not await request.app.state.limiter.hit(LIMIT, "fastapi", who):
        raise HTTPException(429, "too many requests")


async def read(request: Request, title_id: int) -> bytes | None:
    row = await request.app.state.pool.fetchrow(SELECT, title_id)
    return bytes(JSONResponse(jsonable_encoder(dict(row))).body) if row else None


@app.get("/health/live")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/api/v1/titles/{title_id}", dependencies=[Depends(limited)])
async def title(request: Request, title_id: int) -> Response:
    key = f"fastapi:title:{title_id}"
    body = await request.app.state.redis.get(key)
    if body is None:
        body = await read(request, title_id)
        if body is not None:
            await request.app.state.redis.set(key, body, ex=60)
    if body is None:
        raise HTTPException(404, "no such title")
    return Response(body, media_type="application/json")
