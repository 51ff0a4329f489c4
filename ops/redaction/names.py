"""Names of settings, headers, fields and flags with secret values."""

from __future__ import annotations

import re
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = re.compile(r"[^A-Za-z0-9]+")

_ANYWHERE = re.compile(
    r"webhook|passw|pass_?(?:ph|f)rase|secret|token|credential|authorization|cookie|requirepass|masterauth"
    r"|(?:api|private|access|encryption|signing|license|account|storage|shared|client|master|jwt|app|encrypt|fernet|signature|session|auth)_?keys?(?:_|\d|$)"
    r"|connection_?string|videa_?canary|sess(?:ion)?_?id$|(?:^|_)salt(?:_v?\d+)?$|basic_?auth_?user(?:s|$)|mnemonic|(?:totp|otp|mfa)_?seed"
)
"""Words that make a name secret anywhere in it, such as SECRET_KEY_BASE."""

_ENDING = re.compile(
    r"(?:^|_)(?:pass|pwd|pw|psw|passcode|creds?|auth|dsn|pepper|pin|otp|cvv|sig|signature|jwt|sid|hmac)_?\d*$"
    r"|_key_?\d*$|_verifier$|assertion$|(?:otp|auth|verification|reset|pin|access)_code$|(?:pwd|(?:db|user|smtp|store|key|root|admin|proxy)pass|(?:bind|root)pw|accesskey|authkey)\d*$"
)
"""Words that make a name secret at its end, such as SMTP_PWD, MAIL_PASS and STRIPE_KEY."""

_DESCRIBES = re.compile(
    r"_(?:count|size|len|length|limit|max|min|ttl|type|expiry|expires(?:_in|_at)?|expiration|lifetime|timeout|seconds|ms|age"
    r"|names?|file|path|dir|policy|at|enabled|required|version|algorithm|alg|cost|rounds|prefix|header|field|column|url"
    r"|uri|endpoint|host|usage|used|total|rate|hits|misses|status|method|mode|provider|store|scheme|issuer|domain"
    r"|secure|samesite|validation|encryption|reset|change[ds]?)$"
)
"""A name with this ending describes a secret but does not contain it, such as POSTGRES_PASSWORD_FILE."""

_ORDINARY_KEY = re.compile(
    r"(?:^|_)(?:public|primary|foreign|cache|partition|sort|routing|unique|lock|group|index|object|row|idempotency"
    r"|metric|map|redis|host)_key$"
)
"""Keys of data in logs, which are shown. In upper case they are settings, which are hidden."""


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether the value of this name is secret. Any spelling: DB_PASSWORD, dbPassword, db.password, X-Api-Key."""
    words = _SEPARATOR.sub("_", name if name.isupper() else _CAMEL.sub("_", name)).strip("_").lower()
    if "webhook" in words:
        return True
    if _DESCRIBES.search(words) or (not name.isupper() and _ORDINARY_KEY.search(words)):
        return False
    return bool(_ANYWHERE.search(words) or _ENDING.search(words))
