"""The calls of the engine's API that videa needs often, with the same names as in the SDK.

Each raises Refused, Lost, Incomplete, or an error of the SDK: see ``ops.engine.client.engine_errors``.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

import msgspec

from ops.engine.answer import BAD_REQUEST, Answer, Refused, Stream, Transport
from ops.engine.frames import contents

Details: TypeAlias = Mapping[str, Any]
Filters: TypeAlias = Mapping[str, str | Sequence[str]]

_JSON = {"Content-Type": "application/json"}
_TAR = {"Content-Type": "application/x-tar"}


class Api:
    """The API of one engine, reached by ``transport``. Safe to use from several threads."""

    def __init__(self, transport: Transport, timeout: float) -> None:
        """``timeout``: seconds for one call; stopping a container adds its grace period."""
        self._transport, self._timeout = transport, timeout

    @cached_property
    def version(self) -> str:
        """The newest version of the API that the engine supports; queried once."""
        answer = self._transport.send("GET", "/_ping", None, {}, None)
        version = answer.headers.get("api-version", "")
        if answer.status >= BAD_REQUEST or not version:  # an engine older than API 1.25, or a proxy in between
            answer = _checked(self._transport.send("GET", "/version", None, {}, None))
            version = str((answer.json() or {}).get("ApiVersion") or "")
        return version

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: object = None,
        timeout: float | None = None,
    ) -> Answer:
        """The answer to a request, even an error. ``body``: sent as JSON; ``timeout``: seconds, None: the default."""
        content = None if body is None else msgspec.json.encode(body)
        return self._transport.send(method, self._path(path, params), content, _JSON if content else {}, timeout)

    def stream(self, path: str, params: Mapping[str, Any]) -> Stream:
        """The content of a streaming answer."""
        return self._transport.open(self._path(path, params))

    def read(self, path: str, params: Mapping[str, Any] | None = None, timeout: float | None = None) -> bytes:
        """The content of the answer to a GET. ``timeout``: see ``request``."""
        return _checked(self.request("GET", path, params, timeout=timeout)).content

    def info(self) -> Details:
        return self._object("/info")

    def containers(self, all: bool = False, filters: Filters | None = None) -> list[Details]:
        """A summary of each container; ``all``: also those that are not running."""
        found: list[Details] = self._get("/containers/json", {"all": int(all), **_filters(filters)}) or []
        return found

    def inspect_container(self, container: str) -> Details:
        return self._object(f"/containers/{_name(container)}/json")

    def inspect_image(self, image: str) -> Details:
        return self._object(f"/images/{_name(image)}/json")

    def tag(self, image: str, repository: str, tag: str) -> None:
        self._change("POST", f"/images/{_name(image)}/tag", {"repo": repository, "tag": tag})

    def remove_image(self, image: str) -> None:
        """Removes the tag, and the image if this was its last tag."""
        self._change("DELETE", f"/images/{_name(image)}")

    def start(self, container: str) -> None:
        self._change("POST", f"/containers/{_name(container)}/start")

    def stop(self, container: str, timeout: float) -> None:
        """``timeout``: seconds from the signal to the kill."""
        path = f"/containers/{_name(container)}/stop"
        self._change("POST", path, {"t": int(timeout)}, timeout=self._timeout + timeout)

    def unpause(self, container: str) -> None:
        self._change("POST", f"/containers/{_name(container)}/unpause")

    def rename(self, container: str, name: str) -> None:
        self._change("POST", f"/containers/{_name(container)}/rename", {"name": name})

    def update_container(self, container: str, restart_policy: Mapping[str, object]) -> None:
        self._change("POST", f"/containers/{_name(container)}/update", body={"RestartPolicy": restart_policy})

    def create_container_from_config(self, config: Mapping[str, object], name: str) -> Details:
        created: Details = self._change("POST", "/containers/create", {"name": name}, config).json()
        return created

    def diff(self, container: str) -> list[Details]:
        """The files that the container has changed, added or removed, in comparison with its image."""
        changes: list[Details] = self._get(f"/containers/{_name(container)}/changes") or []
        return changes

    def connect(self, network: str, container: str, endpoint: Details) -> None:
        """``endpoint``: aliases, addresses and options of the container in this network."""
        body = {"Container": container, "EndpointConfig": endpoint}
        self._change("POST", f"/networks/{_name(network)}/connect", body=body)

    def remove_container(self, container: str, v: bool = False, force: bool = False) -> None:
        """``v``: also its anonymous volumes."""
        self._change("DELETE", f"/containers/{_name(container)}", {"v": v, "force": force})

    def exec_create(
        self,
        container: str,
        command: Sequence[str] | str,
        user: str = "",
        environment: Mapping[str, str] | None = None,
        privileged: bool = False,
        workdir: str | None = None,
    ) -> Details:
        config = {
            "AttachStdout": True,
            "AttachStderr": True,
            "Cmd": shlex.split(command) if isinstance(command, str) else command,
            "User": user,
            "Privileged": privileged,
            "Env": [f"{name}={value}" for name, value in (environment or {}).items()],
            **({"WorkingDir": workdir} if workdir else {}),
        }
        created: Details = self._change("POST", f"/containers/{_name(container)}/exec", body=config).json()
        return created

    def exec_start(self, execution: str, detach: bool = False) -> bytes:
        """The output of the command, stdout and stderr in the original order."""
        path, config = f"/exec/{_name(execution)}/start", {"Detach": detach, "Tty": False}
        return contents(self._change("POST", path, body=config).content)

    def exec_inspect(self, execution: str) -> Details:
        return self._object(f"/exec/{_name(execution)}/json")

    def logs(
        self,
        container: str,
        stdout: bool = True,
        stderr: bool = True,
        tail: int | str = "all",
        timestamps: bool = False,
        since: int = 0,
    ) -> bytes:
        """The existing output of a container. ``since``: Unix time."""
        params = {"stdout": stdout, "stderr": stderr, "tail": tail, "timestamps": timestamps, "since": since}
        return contents(self.read(f"/containers/{_name(container)}/logs", params))

    def events(self, filters: Filters) -> Events:
        return Events(self.stream("/events", _filters(filters)))

    def stats(self, container: str) -> Details:
        """One sample, without waiting for a second one; {} if the container has exited."""
        return self._object(f"/containers/{_name(container)}/stats", {"stream": False, "one-shot": True})

    def volumes(self, filters: Filters) -> Details:
        return self._object("/volumes", _filters(filters))

    def create_volume(self, name: str, labels: Mapping[str, str], options: Mapping[str, str]) -> Details:
        """``options``: for the driver "local", see mount(8). If the name is in use, returns the existing volume."""
        config = {"Name": name, "Labels": labels, "DriverOpts": options}
        created: Details = self._change("POST", "/volumes/create", body=config).json()
        return created

    def remove_volume(self, name: str) -> None:
        self._change("DELETE", f"/volumes/{_name(name)}")

    def get_archive(self, container: str, path: str) -> bytes:
        return self.read(f"/containers/{_name(container)}/archive", {"path": path})

    def put_archive(self, container: str, path: str, archive: bytes) -> None:
        where = self._path(f"/containers/{_name(container)}/archive", {"path": path})
        _checked(self._transport.send("PUT", where, archive, _TAR, None))

    def close(self) -> None:
        self._transport.close()

    def _object(self, path: str, params: Mapping[str, Any] | None = None) -> Details:
        return self._get(path, params) or {}

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return _checked(self.request("GET", path, params)).json()

    def _change(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: object = None,
        timeout: float | None = None,
    ) -> Answer:
        return _checked(self.request(method, path, params, body, timeout))

    def _path(self, path: str, params: Mapping[str, Any] | None) -> str:
        values = {name: _text(value) for name, value in (params or {}).items()}
        version = f"/v{self.version}" if self.version else ""
        return f"{version}{path}" + (f"?{urlencode(values)}" if values else "")


class Events:
    """The engine's events from now on, until ``close`` or until the connection ends."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[Details]:
        rest = b""
        for chunk in self._stream:
            *lines, rest = (rest + chunk).split(b"\n")
            yield from map(msgspec.json.decode, filter(None, lines))

    def close(self) -> None:
        self._stream.close()


def _checked(answer: Answer) -> Answer:
    """Raises Refused if the answer is an error."""
    if answer.status >= BAD_REQUEST:
        raise Refused(answer.status, answer.explanation)
    return answer


def _name(text: str) -> str:
    """Quoted for a path: the name of an image has slashes and colons."""
    return quote(text, safe="/:@")


def _text(value: object) -> str:
    """The value as the engine expects it: true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filters(filters: Filters | None) -> dict[str, str]:
    if not filters:
        return {}
    lists = {name: [value] if isinstance(value, str) else list(value) for name, value in filters.items()}
    return {"filters": msgspec.json.encode(lists).decode()}
