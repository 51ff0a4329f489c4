"""The messages between this process and the ACME client's process: one JSON object per line. Pure."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ops.balancer.certificates import Info


class Authority(msgspec.Struct, frozen=True):
    """A certificate authority. ``ca``: by which it is trusted, PEM, empty: as every browser; ``email``: may be empty.

    ``account``: as an earlier ``AccountMade`` had it; empty for a new one.
    """

    directory: str
    ca: str = ""
    email: str = ""
    account: str = ""


class Order(msgspec.Struct, frozen=True, tag="order"):
    """Obtain a certificate for ``domain``."""

    authority: Authority
    domain: str


class Suggest(msgspec.Struct, frozen=True, tag="suggest"):
    """Ask when certificates are to be renewed. ``chains``: PEM, by domain."""

    authority: Authority
    chains: dict[str, str]


class AccountMade(msgspec.Struct, frozen=True, tag="account"):
    """A new account: to be stored before anything else, because it has a private key. Answered by an empty line."""

    account: str


class Challenge(msgspec.Struct, frozen=True, tag="challenge"):
    """What http://DOMAIN/.well-known/acme-challenge/TOKEN must answer. Answered by an empty line when it does."""

    token: str
    content: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The certificate, with its private key, PEM."""

    chain: str
    key: str
    info: Info


class Suggested(msgspec.Struct, frozen=True, tag="suggested"):
    """Domain -> (when to renew, None without a suggestion; when to ask again). Unix times."""

    times: dict[str, tuple[float | None, float]]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """``reason``: one line; ``retry_after``: seconds, None if the authority has not said it."""

    reason: str
    retry_after: float | None = None


Request: TypeAlias = Order | Suggest
Reply: TypeAlias = AccountMade | Challenge | Done | Suggested | Failed
