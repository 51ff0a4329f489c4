"""/dashboard: the fleet for administrators, live, in a browser."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from server.auth.dashboard_session import (
    begin_session,
    check_form,
    dashboard_user,
    end_session,
    form_token,
    keep_form_token,
)
from server.auth.sign_in import sign_in
from server.fleet import BEAT_SECONDS, Fleet
from server.fleet_view import fleet_view
from server.keys import FLEET, SESSIONS, STREAMS
from server.limits import limited
from server.pages import page
from server.payloads import read_bounded
from server.problems import Problem

routes = web.RouteTableDef()

_LOGIN = "/dashboard/login"
_LONGEST_FORM = 4096
_NEWEST = 3
"""Number of slots of the history in each event; the page already has the others."""


@routes.get("/dashboard")
@limited("address")
async def dashboard(request: web.Request) -> web.Response:
    """The page, with the figures of this moment and the last 15 minutes in it; without a session the way to sign in."""
    if await dashboard_user(request) is None:
        return web.Response(status=303, headers={"Location": _LOGIN})
    fleet, token = request.app[FLEET], form_token(request)
    context = {"view": await _view(fleet), "history": await fleet.history.read(fleet.now()), "token": token}
    response = page(request, "dashboard.html", context)
    keep_form_token(request, response, token)
    return response


@routes.get("/dashboard/events", allow_head=False)
@limited("address")
async def dashboard_events(request: web.Request) -> web.StreamResponse:
    """The same figures again every two seconds."""
    if await dashboard_user(request) is None:
        raise Problem(401, "Sign in first.")
    async with request.app[STREAMS].open(request) as stream:
        while await dashboard_user(request) is not None:
            fleet = request.app[FLEET]
            view = await _view(fleet) | {"history": await fleet.history.read(fleet.now(), _NEWEST)}
            await stream.send(msgspec.json.encode(view))
            await asyncio.sleep(BEAT_SECONDS)
    return stream.response


@routes.get(_LOGIN)
@limited("address")
async def login_page(request: web.Request) -> web.Response:
    """The form to sign in."""
    return _form(request, "")


@routes.post(_LOGIN)
@limited("login")
async def login(request: web.Request) -> web.Response:
    """Sign an administrator in. Raises Problem 403 for a forged form."""
    form = await _read_form(request)
    try:
        who = await sign_in(request.app, form.get("email", ""), form.get("password", ""))
    except Problem as refusal:
        # People read this in a browser, including how long they have to wait.
        response = _form(request, refusal.detail, refusal.status)
        response.headers.update(refusal.headers or {})
        return response
    if who is None or who.role != "admin":
        return _form(request, "The address or the password is wrong, or this is no administrator.", 401)
    response = web.Response(status=303, headers={"Location": "/dashboard"})
    begin_session(request, response, who)
    return response


@routes.post("/dashboard/logout")
@limited("address")
async def logout(request: web.Request) -> web.Response:
    """Sign out everywhere: an administrator's sessions and tokens on other devices end too.

    Raises Problem 403 for a forged form.
    """
    await _read_form(request)
    user = await dashboard_user(request)
    if user is not None:
        await request.app[SESSIONS].end_all(user.id)
    response = web.Response(status=303, headers={"Location": _LOGIN})
    end_session(response)
    return response


async def _view(fleet: Fleet) -> dict[str, Any]:
    instances = await fleet.read()
    return fleet_view(instances, fleet.now(), fleet.unreadable)


def _form(request: web.Request, message: str, status: int = 200) -> web.Response:
    token = form_token(request)
    response = page(request, "login.html", {"message": message, "token": token}, status)
    keep_form_token(request, response, token)
    return response


async def _read_form(request: web.Request) -> dict[str, str]:
    body = await read_bounded(request, _LONGEST_FORM)
    fields = dict(parse_qsl(body.decode(errors="replace")))
    fields = {name: value.replace("\0", "")[:254] for name, value in fields.items()}
    check_form(request, fields.get("token", ""))
    return fields
