"""One function per kind of environment value. Each raises ValueError with a message that does not contain the value,
which may be a secret."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

_T = TypeVar("_T")
_INSTANCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
_WEAK = re.compile(r"change.?me|secret|password|example|default|dev(elopment)?.?key", re.IGNORECASE)
_SHORTEST_SECRET = 32

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `requests` in a window of `seconds`, which starts with the first request."""

    requests: int
    seconds: int


def required(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """The same parser, but an empty value is an error."""

    def check(raw: str) -> _T:
        if not raw:
            raise ValueError("is not set")
        return parse(raw)

    return check


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A number of seconds from `low` to `high`."""

    def check(raw: str) -> float:
        try:
            value = float(raw)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return value

    return check


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`."""

    def check(raw: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", raw) or not low <= int(raw) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(raw)

    return check


def one_of(*allowed: str) -> Callable[[str], str]:
    """One of the allowed words, case-insensitive."""

    def check(raw: str) -> str:
        if raw.lower() not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return raw.lower()

    return check


def switch(raw: str) -> bool:
    """on or off."""
    if raw.lower() not in _SWITCH:
        raise ValueError("must be on or off")
    return _SWITCH[raw.lower()]


def instance_id(raw: str) -> str:
    """A name that is valid in a log line, a Redis key and a connection name."""
    if not _INSTANCE_ID.match(raw):
        raise ValueError("must be 1 to 64 letters, digits, dots, dashes or underscores")
    return raw


def origins(raw: str) -> frozenset[str]:
    """Origins separated by commas, as browsers send them."""
    parsed = set()
    for item in _items(raw):
        parts = urlsplit(item)
        if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
            raise ValueError("must be one or more http(s) origins separated by commas")
        # Browsers omit the default port.
        default = ":80" if parts.scheme == "http" else ":443"
        parsed.add(f"{parts.scheme}://{parts.netloc.lower().removesuffix(default)}")
    return frozenset(parsed)


def networks(raw: str) -> tuple[Network, ...]:
    """Addresses or networks separated by commas."""
    try:
        return tuple(ipaddress.ip_network(item, strict=False) for item in _items(raw))
    except ValueError:
        raise ValueError("must be addresses or networks separated by commas, such as 10.0.0.0/8") from None


def secrets(*, strict: bool) -> Callable[[str], tuple[str, ...]]:
    """Secrets separated by commas; `strict` refuses short and well-known ones."""

    def check(raw: str) -> tuple[str, ...]:
        items = tuple(_items(raw))
        if strict and not items:
            raise ValueError("is not set: in production every instance needs the same secret")
        if strict and any(len(item) < _SHORTEST_SECRET or len(set(item)) < 8 or _WEAK.search(item) for item in items):
            raise ValueError(f"is weak: use at least {_SHORTEST_SECRET} random characters (openssl rand -hex 32)")
        return items

    return check


def limits(defaults: dict[str, Limit]) -> Callable[[str], dict[str, Limit] | None]:
    """`off`, `on` for the defaults, or changes such as `user=1200/60,login=10/60` (requests/seconds)."""

    def check(raw: str) -> dict[str, Limit] | None:
        if raw.lower() in _SWITCH:
            return dict(defaults) if _SWITCH[raw.lower()] else None
        table = dict(defaults)
        for item in _items(raw):
            match = re.fullmatch(r"([a-z_]+)=([0-9]{1,9})/([0-9]{1,6})", item)
            if not match or match[1] not in defaults or not int(match[2]) or not int(match[3]):
                raise ValueError(f"must be off, on or NAME=REQUESTS/SECONDS,... with names {', '.join(defaults)}")
            table[match[1]] = Limit(int(match[2]), int(match[3]))
        return table

    return check


def _items(raw: str) -> list[str]:
    return [item for item in (part.strip() for part in raw.split(",")) if item]
