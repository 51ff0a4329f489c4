"""/api/v1/titles: the catalogue over HTTP. Everybody may read; signed-in users add, and change what they added.

With GUEST_WRITES on (a demonstration, never the internet) everybody may change everything.
"""

from __future__ import annotations

import re

import msgspec
from aiohttp import hdrs, web

from server.auth.access import catalogue_writer
from server.idempotency import read_key
from server.keys import CHANGES, TITLES
from server.payloads import read_json, read_query
from server.problems import Problem
from server.read_your_writes import last_write, remember_write
from server.responses import json_bytes
from server.title_store import etag, not_found
from server.titles import TitleChanges, TitleFields, TitleQuery

routes = web.RouteTableDef()

_ONE = r"/api/v1/titles/{id:[0-9]{1,19}}"
# Bytes. Compressing a smaller body costs more than it saves.
_WORTH_COMPRESSING = 4096
_ETAG = re.compile(r'"([0-9]{1,9})"\Z')


@routes.get("/api/v1/titles")
async def list_titles(request: web.Request) -> web.Response:
    """A page of the catalogue: ?q= &genre= &year= &limit= &offset= or &cursor=."""
    query = read_query(request, TitleQuery)
    response = json_bytes(await request.app[TITLES].page(query, last_write(request)))
    if response.content_length and response.content_length > _WORTH_COMPRESSING:
        response.enable_compression()
    return response


@routes.get(_ONE)
async def get_title(request: web.Request) -> web.Response:
    """One title with its ETag; 304 for If-None-Match, 404 if there is none."""
    stored = await request.app[TITLES].get(int(request.match_info["id"]), last_write(request))
    if not stored:
        raise not_found()
    tag, _, body = stored.partition(b"\n")
    headers = {"ETag": tag.decode(), "Cache-Control": "no-cache"}
    asked = request.headers.get(hdrs.IF_NONE_MATCH)
    if asked is not None and _matches(asked, headers["ETag"]):
        return web.Response(status=304, headers=headers)
    return json_bytes(body, headers=headers)


@routes.post("/api/v1/titles")
async def create_title(request: web.Request) -> web.Response:
    """Add a title: 201 with its Location. With Idempotency-Key, a repeated request gets the first answer."""
    user = catalogue_writer(request)
    key = read_key(request.headers.get("Idempotency-Key"))
    created = await request.app[TITLES].create(await read_json(request, TitleFields), user, key)
    title = msgspec.json.decode(created.body)
    headers = {"Location": f"/api/v1/titles/{title['id']}", "ETag": etag(title["version"])}
    if created.replayed:
        headers["Idempotency-Replayed"] = "true"
    else:
        await request.app[CHANGES].publish("created", title["id"])
    return await remember_write(request, json_bytes(created.body, 201, headers))


@routes.put(_ONE)
async def replace_title(request: web.Request) -> web.Response:
    """Replace all fields of a title; If-Match prevents overwriting another change."""
    return await _change(request, TitleFields)


@routes.patch(_ONE)
async def change_title(request: web.Request) -> web.Response:
    """Change the given fields; If-Match as for PUT."""
    return await _change(request, TitleChanges)


@routes.delete(_ONE)
async def delete_title(request: web.Request) -> web.Response:
    """Remove a title: 204; If-Match as for PUT."""
    user = catalogue_writer(request)
    await request.app[TITLES].delete(int(request.match_info["id"]), user, _expected_version(request))
    await request.app[CHANGES].publish("deleted", int(request.match_info["id"]))
    return await remember_write(request, web.Response(status=204))


async def _change(request: web.Request, kind: type[TitleFields | TitleChanges]) -> web.Response:
    user = catalogue_writer(request)
    changes = await read_json(request, kind)
    title = await request.app[TITLES].change(int(request.match_info["id"]), changes, user, _expected_version(request))
    await request.app[CHANGES].publish("changed", title.id)
    return await remember_write(request, json_bytes(msgspec.json.encode(title), headers={"ETag": etag(title.version)}))


def _expected_version(request: web.Request) -> int | None:
    header = request.headers.get(hdrs.IF_MATCH)
    if header is None or header == "*":
        return None
    match = _ETAG.match(header)
    if match is None:
        raise Problem(412, "If-Match must be the ETag of the title.")
    return int(match[1])


def _matches(header: str, tag: str) -> bool:
    return header == "*" or any(item.strip().removeprefix("W/") == tag for item in header.split(","))
