"""/api/v1/events: changes of the catalogue as server-sent events."""

from __future__ import annotations

import asyncio

from aiohttp import web

from server.keys import CHANGES, STREAMS
from server.sse import EventStream

routes = web.RouteTableDef()

_COMMENT_SECONDS = 10.0


@routes.get("/api/v1/events", allow_head=False)
async def events(request: web.Request) -> web.StreamResponse:
    """`{"kind": "created|changed|deleted", "id": 7}` per event; continues after Last-Event-ID."""
    changes = request.app[CHANGES]
    async with request.app[STREAMS].open(request) as stream:
        with changes.listen() as queue:
            last_id = request.headers.get("Last-Event-ID", "")
            for change_id, data in await changes.since(last_id):
                await stream.send(data, event_id=change_id)
                last_id = change_id
            while True:
                await _pass_on(queue, stream, last_id)
    return stream.response


async def _pass_on(queue: asyncio.Queue[tuple[str, bytes]], stream: EventStream, last_id: str) -> None:
    try:
        async with asyncio.timeout(_COMMENT_SECONDS):
            change_id, data = await queue.get()
    except TimeoutError:
        await stream.comment()
        return
    if not change_id or not last_id or _number(change_id) > _number(last_id):
        await stream.send(data, event_id=change_id or None)


def _number(change_id: str) -> tuple[int, int]:
    moment, _, count = change_id.partition("-")
    return int(moment or 0), int(count or 0)
