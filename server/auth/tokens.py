"""Access and refresh tokens: HS256, each kind with its own secrets. The first secret signs; all verify."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

import jwt

_ALGORITHM = "HS256"
_ISSUER = "videa"
_LONGEST_TOKEN = 2048
_LEEWAY = 5
_REMEMBERED = 5_000

ACCESS_SECONDS = 15 * 60
REFRESH_SECONDS = 30 * 24 * 3600


class TokenRefused(Exception):
    """The token is forged, of another kind, or not valid now."""


@dataclass(frozen=True, slots=True)
class User:
    """The user in the token. expires: Unix time; authority: the account's count when it was issued."""

    id: int
    role: str
    expires: float
    authority: int = 0

    @property
    def is_admin(self) -> bool:
        """True for administrators."""
        return self.role == "admin"


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """The content of a refresh token: its user, and the id of its stored row."""

    user_id: int
    token_id: str


def fingerprint(secret: str) -> str:
    """Eight digits that distinguish secrets without revealing them: the HMAC of a constant."""
    return hmac.new(secret.encode(), b"videa key id", hashlib.sha256).hexdigest()[:8]


class Tokens:
    """Signs and verifies tokens. Caches verified access tokens, so that a busy client costs only one check."""

    def __init__(self, access_secrets: tuple[str, ...], refresh_secrets: tuple[str, ...]) -> None:
        self._access = _Keys(access_secrets, "videa-api")
        self._refresh = _Keys(refresh_secrets, "videa-refresh")
        self._dashboard = _Keys(access_secrets, "videa-dashboard")
        self._successors = refresh_secrets
        self._known: dict[str, User] = {}

    @property
    def fingerprints(self) -> dict[str, list[str]]:
        """The fingerprints of all secrets, that of the signing secret first."""
        return {"access": list(self._access.keys), "refresh": list(self._refresh.keys)}

    def access(self, user_id: int, role: str, authority: int = 0) -> str:
        """A new access token for the next 15 minutes."""
        return self._access.sign(_user_claims(user_id, role, authority, ACCESS_SECONDS))

    def refresh(self, user_id: int, token_id: str, issued: int) -> str:
        """The refresh token for a stored row; the same arguments give the same token."""
        claims = {"sub": str(user_id), "jti": token_id, "iat": issued, "exp": issued + REFRESH_SECONDS}
        return self._refresh.sign(claims)

    def verify_access(self, token: str) -> User:
        """The user of the token. Raises TokenRefused."""
        user = self._known.get(token)
        if user is not None:
            if time.time() < user.expires + _LEEWAY:
                return user
            del self._known[token]
        claims = self._access.verify(token)
        role = claims.get("role")
        if role not in ("user", "admin"):
            raise TokenRefused("no role")
        user = User(_user_id(claims), role, float(claims["exp"]), _authority(claims))
        if len(self._known) >= _REMEMBERED:
            # The oldest entry is dropped; its token would only be verified again.
            del self._known[next(iter(self._known))]
        self._known[token] = user
        return user

    def dashboard(self, user_id: int, role: str, seconds: int, authority: int = 0) -> str:
        """A session token for the dashboard, which is not an access token."""
        return self._dashboard.sign(_user_claims(user_id, role, authority, seconds))

    def verify_dashboard(self, token: str) -> User:
        """The user of the session. Raises TokenRefused."""
        claims = self._dashboard.verify(token)
        return User(_user_id(claims), str(claims.get("role")), float(claims["exp"]), _authority(claims))

    def verify_refresh(self, token: str) -> RefreshClaims:
        """The content of the refresh token. Raises TokenRefused."""
        claims = self._refresh.verify(token)
        token_id = claims.get("jti")
        if not isinstance(token_id, str) or not token_id:
            raise TokenRefused("no id")
        return RefreshClaims(_user_id(claims), token_id)

    def successor(self, token_id: str) -> str:
        """The id of the token that replaces this one. Derived, so that two concurrent refreshes get the same one."""
        return hmac.new(self._successors[-1].encode(), f"after {token_id}".encode(), hashlib.sha256).hexdigest()


class _Keys:
    def __init__(self, secrets: tuple[str, ...], audience: str) -> None:
        self.keys = {fingerprint(secret): secret for secret in secrets}
        self._signing = next(iter(self.keys))
        self._audience = audience

    def sign(self, claims: dict[str, Any]) -> str:
        body = claims | {"iss": _ISSUER, "aud": self._audience, "nbf": claims["iat"]}
        return jwt.encode(body, self.keys[self._signing], algorithm=_ALGORITHM, headers={"kid": self._signing})

    def verify(self, token: str) -> dict[str, Any]:
        if len(token) > _LONGEST_TOKEN:
            raise TokenRefused("too long")
        try:
            key = self.keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                raise TokenRefused("unknown key")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=_ISSUER,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "nbf", "sub", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise TokenRefused(type(error).__name__) from None
        return claims


def _user_claims(user_id: int, role: str, authority: int, seconds: int) -> dict[str, Any]:
    now = int(time.time())
    return {"sub": str(user_id), "role": role, "ver": authority, "iat": now, "exp": now + seconds}


def _authority(claims: dict[str, Any]) -> int:
    # Tokens of older versions have no count.
    count = claims.get("ver", 0)
    if not isinstance(count, int):
        raise TokenRefused("no count")
    return count


def _user_id(claims: dict[str, Any]) -> int:
    subject = str(claims["sub"])
    if not subject.isascii() or not subject.isdecimal() or len(subject) > 18:
        raise TokenRefused("no user")
    return int(subject)
