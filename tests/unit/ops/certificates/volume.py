"""A volume and a certificate authority in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import cast

from ops.balancer.certificates import CertificateVolume, Info, Issued, OnVolume
from ops.certificates.process import AuthorityError
from ops.certificates.protocol import Challenge, Done, Order, Suggest, Suggested
from ops.errors import BalancerError
from ops.platform.ports import Platform

DAY = 86400.0


@dataclass(frozen=True)
class FakeVolume(CertificateVolume):
    """``refused``: names whose certificate nginx does not serve; ``looks``: calls of ``look``."""

    platform: Platform = field(default=cast(Platform, None))
    container: str = "nginx"
    sites: list[str] = field(default_factory=list)
    served: dict[str, Info] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    looks: list[int] = field(default_factory=list)

    def look(self) -> OnVolume:
        self.looks.append(1)
        return OnVolume(tuple(self.sites), dict(self.served))

    def chains(self, names: Iterable[str]) -> dict[str, str]:
        return {name: f"chain of {self.served[name].serial}" for name in names}

    def account(self, name: str) -> str:
        return self.accounts.get(name, "")

    def keep_account(self, name: str, account: str) -> None:
        self.accounts[name] = account

    def answer(self, token: str, content: str) -> None:
        self.answers[token] = content

    def unanswer(self, token: str) -> None:
        del self.answers[token]

    def arrange(self, names: Iterable[str]) -> None:
        self.sites[:] = names

    def install(self, name: str, issued: Issued) -> None:
        if name in self.refused:
            raise BalancerError("nginx does not serve the new certificate, so the previous one was restored", "")
        self.served[name] = issued.info


@dataclass
class FakeAuthority:
    """Issues for 90 days from ``now``. ``failing``: domain -> its Retry-After; ``suggestion``: of ARI."""

    now: float = 1_800_000_000.0
    failing: dict[str, float | None] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    suggestion: float | None = None
    seen: Callable[[], object] = lambda: None

    def order(self, request: Order, keep: Callable[[str], None], answer: Callable[[Challenge], None]) -> Done:
        self.orders.append(request.domain)
        self.accounts.append(request.authority.account)
        if not request.authority.account:
            keep("an account")
        answer(Challenge("token", "content"))
        self.seen()
        if request.domain in self.failing:
            raise AuthorityError("dns: no such name", "", self.failing[request.domain])
        info = Info(f"s{len(self.orders)}", "Fake CA", self.now, self.now + 90 * DAY)
        return Done("chain", "key", info)

    def suggest(self, request: Suggest) -> Suggested:
        self.asked.append(tuple(request.chains))
        if self.failing:
            raise AuthorityError("it does not answer", "")
        return Suggested(dict.fromkeys(request.chains, (self.suggestion, self.now + 3600)))
