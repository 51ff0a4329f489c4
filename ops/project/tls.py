"""x-videa.tls: which names can have a certificate, and the file with the certificates of a private authority."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ops.errors import ConfigError
from ops.project.settings import Tls

MOST_DOMAINS = 50
"""Each domain needs a certificate and an nginx server; Let's Encrypt issues 50 a week per registered domain."""

LONGEST_NAME = 253
"""Maximum characters of a name (RFC 1035, 2.3.4)."""

MOST_CA = 32 * 1024
"""Maximum bytes of the file: it is recorded with x-videa on the engine."""

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"({_LABEL}\.)+(?!\d+$){_LABEL}")
_EMAIL = re.compile(r"[^\s@,<>:\"]{1,64}@[^\s@,<>:\"]{1,189}")
_PEM = "-----BEGIN CERTIFICATE-----"


def check_tls(tls: Tls) -> None:
    """Raises ConfigError with the key and what is allowed."""
    if len(tls.domains) > MOST_DOMAINS:
        raise ConfigError(
            f"x-videa.tls.domains: {len(tls.domains)} are too many", f"write at most {MOST_DOMAINS} domains"
        )
    for domain in tls.names:
        if domain.startswith("*."):
            raise ConfigError(
                f"x-videa.tls.domains: {domain!r} would need a change of DNS",
                "write each name; for a wildcard certificate of your own: compose/tls.yml",
            )
        if len(domain) > LONGEST_NAME or not _DOMAIN.fullmatch(domain):
            raise ConfigError(
                f"x-videa.tls.domains: {domain[:LONGEST_NAME]!r} is not a domain",
                "write names such as shop.example; letters outside ASCII as xn--...; no port, no address",
            )
    if len(set(tls.names)) < len(tls.names):
        raise ConfigError("x-videa.tls.domains: a domain is listed twice", "remove one of them")
    if tls.email and not _EMAIL.fullmatch(tls.email):
        raise ConfigError(f"x-videa.tls.email: {tls.email[:254]!r} is not an address", "write it as ops@shop.example")
    _check_directory(tls.directory)
    if len(tls.ca) > MOST_CA:
        raise ConfigError(f"x-videa.tls.ca: it has {len(tls.ca)} bytes", f"write at most {MOST_CA}")


def _check_directory(directory: str) -> None:
    try:
        url = urlsplit(directory)
        port_is_valid = url.port is None or url.port > 0
    except ValueError:
        url, port_is_valid = urlsplit(""), False
    plain = url.scheme == "https" and url.hostname and not url.username and not url.query and len(directory) <= 2048
    if not plain or not port_is_valid or not directory.isascii() or not directory.isprintable() or " " in directory:
        raise ConfigError(
            "x-videa.tls.directory: it is not an https URL of an ACME directory",
            "remove it for Let's Encrypt, or write it as https://acme-staging-v02.api.letsencrypt.org/directory",
        )


def read_ca(ca: str, directory: Path) -> str:
    """The text of x-videa.tls.ca, PEM; a path is relative to ``directory``. Raises ConfigError."""
    if not ca or ca.startswith(_PEM):
        return ca
    try:
        with (directory / ca).open(encoding="ascii") as file:
            text = file.read(MOST_CA + 1)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not PEM"
        raise ConfigError(f"x-videa.tls.ca: {ca} cannot be read: {reason}", "write the path of a PEM file") from error
    start = text.find(_PEM)
    if start < 0 or len(text) > MOST_CA:
        raise ConfigError(
            f"x-videa.tls.ca: {ca} is not a PEM file of certificates, or has more than {MOST_CA} bytes",
            "write the path of a file that has -----BEGIN CERTIFICATE-----",
        )
    return text[start:]


def with_ca(section: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """A section in which the path in tls.ca is replaced by the file's text. Raises ConfigError."""
    tls = section.get("tls")
    if not isinstance(tls, dict) or not tls.get("ca"):
        return dict(section)
    return {**section, "tls": {**tls, "ca": read_ca(str(tls["ca"]), directory)}}
