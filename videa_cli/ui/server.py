"""The server of the page: its routes, and the checks of each request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from jinja2 import FileSystemLoader, StrictUndefined

from ops.errors import EngineError, UsageError, VideaError
from videa_cli.ui.actions import Action, Actions, words_of
from videa_cli.ui.render import Renderer
from videa_cli.ui.session import KEY_HEADER, Sessions, has_key, is_loopback, is_own_page
from videa_cli.ui.source import Source
from videa_cli.ui.stream import INTERVAL, Live, bug

HERE = Path(__file__).parent
ADDRESS = "127.0.0.1"

LOGS = 20.0
"""Timeout for reading logs, in seconds."""

SESSIONS = web.AppKey("sessions", Sessions)
LIVE = web.AppKey("live", Live)
SOURCE = web.AppKey("source", Source)
ACTIONS = web.AppKey("actions", Actions)
READ_ONLY = web.AppKey("read_only", bool)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    source: Source, sessions: Sessions, options: Sequence[str] = (), read_only: bool = False, interval: float = INTERVAL
) -> web.Application:
    """The application. ``options``: global options of the commands that it starts; ``interval``: seconds."""
    app = web.Application(middlewares=[_guard], client_max_size=16 * 1024)
    templates = aiohttp_jinja2.setup(
        app,
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    live = Live(source, Renderer(templates, read_only), interval)
    app[SESSIONS], app[SOURCE], app[LIVE], app[READ_ONLY] = sessions, source, live, read_only
    app[ACTIONS] = actions = Actions(options, lambda: live.show_actions(actions))
    app.router.add_get("/", _page)
    app.router.add_post("/session", _sign_in)
    app.router.add_static("/static", HERE / "static")
    app.router.add_get("/stream", _stream)
    app.router.add_get("/logs", _logs)
    app.router.add_post("/doctor", _doctor)
    app.router.add_post("/preview", _preview)
    app.router.add_post("/act", _act)
    app.on_shutdown.append(_close)
    return app


async def _close(app: web.Application) -> None:
    app[LIVE].closing = True
    app[LIVE].wake()


def _cookie_name(request: web.Request) -> str:
    """The name contains the port: for two pages on one machine, a browser has only one set of cookies."""
    return f"videa_{request.url.port}"


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _check(request)
        response = await handler(request)
    except web.HTTPException as error:
        response = _refused(error.status, error.reason, "")
    except VideaError as error:
        response = _refused(400 if isinstance(error, UsageError) else 503, error.message, error.hint)
    except Exception as error:
        response = _refused(500, *bug(error))
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


def _check(request: web.Request) -> None:
    """Raises HTTPForbidden for another host or page, HTTPUnauthorized without a session and its key."""
    if not is_loopback(request.headers.get("Host", "")):
        raise web.HTTPForbidden(reason="this page is only for 127.0.0.1 and localhost")
    if request.method not in ("GET", "HEAD") and not is_own_page(request.headers):
        raise web.HTTPForbidden(reason="this request does not come from the page")
    if request.path in ("/", "/session") or request.path.startswith("/static/"):
        return
    session = request.app[SESSIONS].find(request.cookies.get(_cookie_name(request), ""))
    if session is None or not has_key(session, request.headers.get(KEY_HEADER, "")):
        raise web.HTTPUnauthorized(reason="open the address that videa ui has printed")


def _refused(status: int, message: str, hint: str) -> web.Response:
    return web.json_response({"error": message, "hint": hint}, status=status)


async def _page(request: web.Request) -> web.Response:
    """The page, without any data, for a browser that has a session; otherwise the page that sends the token."""
    known = request.app[SESSIONS].find(request.cookies.get(_cookie_name(request), "")) is not None
    if not known:
        return aiohttp_jinja2.render_template("signin.html", request, {})  # requesting it is not an error: 200
    source = request.app[SOURCE]
    stack = await request.app[LIVE].threads.run(source.latest)
    context = {
        "project": stack.project.name,
        "services": source.services(),
        "autoscaled": source.autoscaled,
        "read_only": request.app[READ_ONLY],
    }
    return aiohttp_jinja2.render_template("page.html", request, context)


async def _sign_in(request: web.Request) -> web.Response:
    """Takes the token, sets the cookie, and returns the key."""
    form, name = await _form(request), _cookie_name(request)
    session = request.app[SESSIONS].open(str(form.get("token", "")), request.cookies.get(name, ""))
    if session is None:
        raise web.HTTPUnauthorized(reason="wrong token: open the address that videa ui has printed")
    response = web.json_response({"key": session.key})
    response.set_cookie(name, session.cookie, httponly=True, samesite="Strict", path="/")
    return response


async def _stream(request: web.Request) -> web.StreamResponse:
    """The fragments of the page as server-sent events."""
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
    await response.prepare(request)
    async for fragment in request.app[LIVE].changes():
        text = ":\n\n" if fragment is None else f"event: {fragment[0]}\ndata: {json.dumps(fragment[1])}\n\n"
        try:
            await response.write(text.encode())
        except ConnectionError:
            break
    return response


async def _logs(request: web.Request) -> web.Response:
    wanted = [request.query.get(name, "") for name in ("service", "level", "text")]
    try:
        async with asyncio.timeout(LOGS):
            lines = await request.app[LIVE].threads.run(request.app[SOURCE].logs, *wanted)
    except TimeoutError:
        raise EngineError(f"Docker has not answered within {LOGS:g} s", "try again, or see `docker info`") from None
    return web.Response(text=request.app[LIVE].renderer.logs(lines), content_type="text/html")


async def _doctor(request: web.Request) -> web.Response:
    await request.app[LIVE].examine()
    return web.json_response({})


async def _preview(request: web.Request) -> web.Response:
    """The effect of an action: the command's dry run."""
    words = await _words(request)
    possible, text = await request.app[ACTIONS].preview(words)
    return web.json_response({"possible": possible, "text": text, "command": Action(words).command})


async def _act(request: web.Request) -> web.Response:
    """Starts an action; its outcome is sent in the stream."""
    action = request.app[ACTIONS].start(await _words(request))
    return web.json_response({"command": action.command}, status=202)


async def _words(request: web.Request) -> tuple[str, ...]:
    if request.app[READ_ONLY]:
        raise web.HTTPForbidden(reason="videa ui was started with --read-only")
    stack = await request.app[LIVE].threads.run(request.app[SOURCE].latest)
    return words_of(await _form(request), list(stack.project.services))


async def _form(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request. Raises HTTPBadRequest."""
    try:
        form = json.loads(await request.text())
    except (ValueError, UnicodeDecodeError):
        form = None
    if not isinstance(form, dict):
        raise web.HTTPBadRequest(reason="the body is not a JSON object")
    return form
