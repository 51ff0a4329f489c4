"""The process that speaks ACME. It has no access to the engine or the project, and exits after one request.

It is a separate process because the libraries need 40 MB, which the agent would never free, and because only this part
parses data from an outside server. Run as ``python -m ops.certificates.acme_client``: a ``Request`` on standard input,
``Reply`` lines on standard output.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import msgspec
import requests
from acme import challenges, client, crypto_util, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from ops.balancer.certificates import Info
from ops.certificates.protocol import (
    AccountMade,
    Authority,
    Challenge,
    Done,
    Failed,
    Order,
    Reply,
    Request,
    Suggest,
    Suggested,
)

_DECODER = msgspec.json.Decoder(Request)

TIMEOUT = 20
"""Timeout in seconds of a request to the certificate authority."""

VALIDATION = 90.0
"""Seconds within which the authority must have validated a name and issued the certificate."""

POLL = 1.0

ASK_AGAIN = 86400.0
"""Seconds until an authority that does not offer renewal information (ARI) is asked again."""

LARGEST = 64 * 1024
"""Maximum bytes of a certificate with its chain; typically 3 to 6 KiB."""

LONGEST = 300
"""Maximum characters of a reason."""


class Network(client.ClientNetwork):
    """Remembers the Retry-After of the last error, which the library drops. A class attribute: there is one request."""

    retry_after: float | None = None

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        response = super()._send_request(method, url, *args, **kwargs)
        if not response.ok and "Retry-After" in response.headers:
            # The library returns a naive local time.
            until = client.ClientV2.retry_after(response, 0)
            Network.retry_after = max(0.0, (until - datetime.now()).total_seconds())
        return response


def say(reply: Reply) -> None:
    """Writes one line."""
    sys.stdout.buffer.write(msgspec.json.encode(reply) + b"\n")
    sys.stdout.buffer.flush()


def ask(reply: Reply) -> None:
    """Writes one line and waits for its acknowledgement. Raises EOFError if the other process has exited."""
    say(reply)
    if not sys.stdin.buffer.readline():
        raise EOFError


@contextmanager
def connected(authority: Authority) -> Iterator[tuple[client.ClientV2, Network, JWKEC]]:
    """A client that is signed in to the account. Raises the errors of the library."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as ca:
        ca.write(authority.ca)
        ca.flush()
        known = msgspec.json.decode(authority.account) if authority.account else {}
        key = cast(JWKEC, JWKEC.from_json(known["key"])) if known else JWKEC(key=new_key())
        network = Network(key, alg=ES256, user_agent="videa", timeout=TIMEOUT)
        if authority.ca:
            network.verify_ssl = ca.name  # type: ignore[assignment]  # requests also accepts a path
            network.session.trust_env = False
        yield client.ClientV2(client.ClientV2.get_directory(authority.directory, network), network), network, key


def sign_in(acme: client.ClientV2, network: Network, account: JWKEC, authority: Authority) -> None:
    """Uses the known account or registers one: configuring a domain implies agreement to the terms of service."""
    known = msgspec.json.decode(authority.account) if authority.account else {}
    if known.get("uri"):
        try:
            resource = messages.RegistrationResource(uri=known["uri"], body=messages.Registration())
            acme.query_registration(resource)
            return
        except messages.Error as error:
            if error.code != "accountDoesNotExist":
                raise
            network.account = None
    if acme.external_account_required():
        raise errors.ClientError("it requires external account binding, which videa does not have")
    body = messages.NewRegistration.from_data(email=authority.email or None, terms_of_service_agreed=True)
    try:
        uri = acme.new_account(body).uri
    except errors.ConflictError as conflict:
        uri = conflict.location
        network.account = messages.RegistrationResource(uri=uri, body=messages.Registration())
    ask(AccountMade(msgspec.json.encode({"uri": uri, "key": account.to_json()}).decode()))


def order(request: Order) -> Done:
    """Obtains a certificate. Raises the errors of the library."""
    with connected(request.authority) as (acme, network, account):
        sign_in(acme, network, account, request.authority)
        key = new_key()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        ordered = acme.new_order(crypto_util.make_csr(pem, domains=[request.domain]))
        for authorization in ordered.authorizations:
            if authorization.body.status == messages.STATUS_VALID:
                continue
            body = http_01(authorization)
            response, content = body.response_and_validation(account)
            ask(Challenge(body.chall.encode("token"), content))
            acme.answer_challenge(body, response)
        deadline = time.time() + VALIDATION
        chain = acme.poll_and_finalize(ordered, datetime.fromtimestamp(deadline)).fullchain_pem
        if len(chain) > LARGEST:
            raise errors.ClientError(f"its answer has more than {LARGEST} bytes")
        certificate = x509.load_pem_x509_certificate(chain.encode())
        if certificate.public_key() != key.public_key():
            raise errors.ClientError("the certificate is for another key")
        return Done(chain, pem.decode(), info_of(certificate))


def http_01(authorization: messages.AuthorizationResource) -> messages.ChallengeBody:
    """The HTTP-01 challenge. Raises ClientError if the authority does not offer it."""
    for body in authorization.body.challenges:
        if isinstance(body.chall, challenges.HTTP01):
            return body
    raise errors.ClientError("it does not offer HTTP-01 for this name")


def suggest(request: Suggest) -> Suggested:
    """When the authority wants its certificates to be renewed. Raises the errors of the library."""
    times: dict[str, tuple[float | None, float]] = {}
    with connected(request.authority) as (acme, *_):
        offered = "renewalInfo" in acme.directory.to_partial_json()
        for domain, chain in request.chains.items():
            if not offered:
                times[domain] = (None, time.time() + ASK_AGAIN)
                continue
            when, again = acme.renewal_time(chain.encode())
            times[domain] = (when.timestamp() if when else None, again.timestamp())
    return Suggested(times)


def new_key() -> ec.EllipticCurvePrivateKey:
    """For accounts and certificates: every authority and every browser supports P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def info_of(certificate: x509.Certificate) -> Info:
    """The data of a certificate that videa shows."""
    names = certificate.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    issuer = str(names[0].value) if names else certificate.issuer.rfc4514_string()
    return Info(
        serial=f"{certificate.serial_number:x}",
        issuer="".join(letter for letter in issuer if letter.isascii() and letter.isprintable())[:100],
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
    )


def in_words(error: Exception) -> str:
    """The error as one line."""
    if isinstance(error, errors.ARIError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, errors.ValidationError):
        problems = [body.error for each in error.failed_authzrs for body in each.body.challenges if body.error]
        return in_words(problems[0]) if problems else "the name was not validated"
    if isinstance(error, messages.Error):
        return f"{error.code or error.typ}: {error.detail or error.title or 'no reason'}"
    if isinstance(error, errors.TimeoutError):
        return f"the certificate authority had no answer within {VALIDATION:g} s"
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return "the certificate authority does not answer" + (
            ": its own certificate is not trusted" if isinstance(error, requests.exceptions.SSLError) else ""
        )
    if error.args and isinstance(error.args[0], requests.Response):
        return f"the certificate authority answers with HTTP {error.args[0].status_code}"
    return str(error) or type(error).__name__


def main() -> None:
    """One request."""
    request = _DECODER.decode(sys.stdin.buffer.readline())
    try:
        say(order(request) if isinstance(request, Order) else suggest(request))
    except EOFError:
        raise SystemExit(1) from None
    except Exception as error:  # any error that an authority's answer causes in the library is reported
        say(Failed(" ".join(in_words(error).split())[:LONGEST], Network.retry_after))


if __name__ == "__main__":
    main()
