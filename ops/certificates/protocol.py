"""The messages between videa and the process that speaks ACME: one JSON object per line. Pure."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ops.balancer.certificates import Info


class Authority(msgspec.Struct, frozen=True):
    """A certificate authority. ``ca``: the CA certificate that it is verified against, PEM; empty: the public CAs.

    ``email``: may be empty. ``account``: from an earlier ``AccountMade``; empty to create one.
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
    """Ask when to renew certificates. ``chains``: PEM, by domain."""

    authority: Authority
    chains: dict[str, str]


class AccountMade(msgspec.Struct, frozen=True, tag="account"):
    """A new account. Must be stored before anything else, because it contains a private key. Reply: an empty line."""

    account: str


class Challenge(msgspec.Struct, frozen=True, tag="challenge"):
    """The required answer of http://DOMAIN/.well-known/acme-challenge/TOKEN. Reply: an empty line once it is served."""

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
    """``reason``: one line; ``retry_after``: seconds, None if the authority did not specify it."""

    reason: str
    retry_after: float | None = None


Request: TypeAlias = Order | Suggest
Reply: TypeAlias = AccountMade | Challenge | Done | Suggested | Failed
