"""The certificates of x-videa.tls: which ones nginx has, and whether they can be renewed."""

from __future__ import annotations

from ops.certificates.renewal import Certificate, of_stack, tls_of
from ops.doctor.facts import CertificateFacts
from ops.events import discard
from ops.stack import Stack


def certificate_facts(stack: Stack) -> list[CertificateFacts]:
    """The facts of every domain; empty without x-videa.tls. Raises BalancerError, ConfigError, EngineError."""
    if not tls_of(stack.project).domains:
        return []
    return [read(certificate) for certificate in of_stack(stack, discard).certificates()]


def read(certificate: Certificate) -> CertificateFacts:
    """The facts of a domain."""
    info, state = certificate.info, certificate.state
    return CertificateFacts(
        certificate.domain,
        not_before=info.not_before if info else None,
        not_after=info.not_after if info else None,
        due=max(certificate.due, 0.0),
        failures=state.failures,
        error=state.error,
    )
