"""An answer of the engine's API, and the transport that gets it, which depends on where the engine is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Protocol

import msgspec

BAD_REQUEST = HTTPStatus.BAD_REQUEST.value
"""From this status on, an answer is an error."""


class Answer(msgspec.Struct, frozen=True):
    """``headers``: with names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The content; None if it is empty. Raises Incomplete."""
        try:
            return msgspec.json.decode(self.content) if self.content.strip() else None
        except msgspec.DecodeError as error:
            raise Incomplete(f"{error}: {self.content[:100]!r}") from error

    @property
    def explanation(self) -> str:
        """The engine's explanation of an error."""
        text = self.content.decode(errors="replace").strip()
        try:
            said = msgspec.json.decode(self.content)
        except msgspec.DecodeError:
            return text
        return str(said.get("message") or text) if isinstance(said, dict) else text


class Refused(Exception):
    """The engine has answered with an error. ``status``: the HTTP status; ``explanation``: the engine's own words."""

    def __init__(self, status: int, explanation: str) -> None:
        super().__init__(f"{status} {explanation}")
        self.status, self.explanation = status, explanation

    @property
    def missing(self) -> bool:
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def conflict(self) -> bool:
        return self.status == HTTPStatus.CONFLICT


class Lost(Exception):
    """There is no answer; the cause is the error of the connection."""


class Incomplete(Exception):
    """The answer is not complete."""


class Stream(Protocol):
    """The content of a streaming answer, until the engine ends it or it is closed."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Ends the iteration, even while it waits."""


class Transport(Protocol):
    """Sends requests to one engine. Safe to use from several threads."""

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float | None
    ) -> Answer:
        """The answer to a request. ``timeout``: seconds, None for the usual limit.

        If an idle connection was closed, a read is sent again, but never a change. Raises Lost, or an error of the SDK.
        """

    def open(self, path: str) -> Stream:
        """The answer to a GET without a time limit. Raises Refused, Lost, or an error of the SDK."""

    def close(self) -> None: ...
