"""Obtains and renews the certificates of one project: orders and serves them, and remembers failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from msgspec.structs import replace

from ops.balancer.certificate_volumes import Certificates, connect
from ops.balancer.certificates import Info, Issued, OnVolume
from ops.certificates import process, schedule, state
from ops.certificates.process import AuthorityError
from ops.certificates.protocol import Authority, Challenge, Order, Suggest
from ops.certificates.state import DomainState
from ops.errors import BalancerError, VideaError
from ops.events import Emit
from ops.notices import CertificateFailed, CertificateRenewed
from ops.platform.ports import Store
from ops.project.config import Project
from ops.project.settings import Tls
from ops.project.tls import read_ca
from ops.stack import Stack

ASK_AGAIN = 6 * 3600.0
"""Seconds until the authority is asked again for renewal information after a failure (RFC 9773, 4.3.3)."""


def tls_of(project: Project) -> Tls:
    """x-videa.tls, which applies to the whole project, no matter at which service it is written."""
    settings = [project.of(name).settings.tls for name in project.services]
    return next((tls for tls in settings if tls.domains), Tls())


@dataclass(frozen=True)
class Certificate:
    """A domain's state. ``info``: of its certificate, None without one; ``due``: Unix time of the next order."""

    domain: str
    info: Info | None
    state: DomainState
    due: float


@dataclass(frozen=True)
class Renewals:
    """The certificates of a project. All methods may raise BalancerError, EngineError, ConfigError.

    ``clock``: Unix time with which certificates are compared.
    """

    project: str
    tls: Tls
    authority: Authority
    store: Store
    volume: Certificates
    emit: Emit
    clock: Callable[[], float] = time.time

    def certificates(self, seen: OnVolume | None = None) -> list[Certificate]:
        """Every domain of x-videa, in its order. ``seen``: the content of the volume, if known."""
        on_volume = (seen or self.volume.look()).certificates
        states = state.read(self.store, self.project)
        return [self._certificate(name, on_volume, states) for name in self.tls.names]

    def arrange(self, seen: OnVolume) -> None:
        """Serves the domains of x-videa, in its order; drops the others."""
        if seen.sites != self.tls.names:
            self.volume.arrange(self.tls.names)
            state.keep_only(self.store, self.project, self.tls.names)

    def ask_for_suggestions(self, certificates: Sequence[Certificate]) -> None:
        """Asks the authority when to renew, if that is due. If it fails, the certificate's lifetime decides."""
        now = self.clock()
        asked = {each.domain: each.info for each in certificates if each.info and each.state.asks(each.info, now)}
        if not asked:
            return
        times: Mapping[str, tuple[float | None, float]] = {}
        try:
            chains = self.volume.chains(asked)
            times = process.suggest(Suggest(self.authority, chains)).times
        except AuthorityError:
            pass
        for domain, info in asked.items():
            suggested, again = times.get(domain, (None, now + ASK_AGAIN))
            self._change(domain, serial=info.serial, suggested=suggested, ask_at=again)

    def renew(self, domain: str) -> bool:
        """Obtains and serves a certificate. Returns whether it is served; a failure is emitted and remembered.

        Raises PlanRefused if the libraries are missing.
        """
        try:
            issued = self._order(domain)
            self.volume.install(domain, issued)
        except (AuthorityError, BalancerError) as error:
            self._failed(domain, error)
            return False
        self._change(domain, failures=0, error="", failed=0.0, retry_at=0.0)
        self.emit(CertificateRenewed(domain, issued.info.issuer, issued.info.not_after))
        return True

    def _order(self, domain: str) -> Issued:
        account = f"{sha256(self.authority.directory.encode()).hexdigest()[:16]}.json"
        authority = replace(self.authority, account=self.volume.account(account))
        tokens: list[str] = []

        def answer(challenge: Challenge) -> None:
            tokens.append(challenge.token)
            self.volume.answer(challenge.token, challenge.content)

        try:
            done = process.order(Order(authority, domain), lambda made: self.volume.keep_account(account, made), answer)
        finally:
            for token in tokens:
                self.volume.unanswer(token)
        return Issued(done.chain, done.key, replace(done.info, directory=authority.directory))

    def _failed(self, domain: str, error: VideaError) -> None:
        now = self.clock()
        retry_after = error.retry_after if isinstance(error, AuthorityError) else None
        reason = error.message[: state.LONGEST]

        def changed(before: DomainState) -> DomainState:
            failures = before.failures + 1
            retry_at = now + schedule.pause(domain, failures, retry_after)
            return replace(before, failures=failures, error=reason, failed=now, retry_at=retry_at)

        state.change(self.store, self.project, domain, changed)
        retry_at = state.read(self.store, self.project).get(domain, DomainState()).retry_at
        self.emit(CertificateFailed(domain, reason, retry_at))

    def _change(self, domain: str, **fields: object) -> None:
        state.change(self.store, self.project, domain, lambda before: replace(before, **fields))

    def _certificate(
        self, domain: str, on_volume: Mapping[str, Info], states: Mapping[str, DomainState]
    ) -> Certificate:
        info, known = on_volume.get(domain), states.get(domain, DomainState())
        # After a change of the authority, such as from its staging environment, a new certificate is due.
        current = info if info and info.directory == self.authority.directory else None
        return Certificate(domain, info, known, schedule.next_try(domain, current, known))


def of_stack(stack: Stack, emit: Emit) -> Renewals:
    """The certificates of a running project. Raises BalancerError if nginx is not running, ConfigError, EngineError."""
    tls = tls_of(stack.project)
    authority = Authority(tls.directory, read_ca(tls.ca, stack.project.directory), tls.email)
    volume = connect(stack.platform, stack.project.settings.balancer)
    return Renewals(stack.project.name, tls, authority, stack.store, volume, emit)
