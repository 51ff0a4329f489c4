"""Secrets that are recognized by their shape, whatever their name."""

from __future__ import annotations

import math
import re
from collections import Counter

from ops.redaction.hiding import Hide

_SHAPES = (
    re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*"),
    re.compile(r"(?i)(?<=\bbearer )[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"(?i)(?<=\bbasic )(?=\S*[\dA-Z=])(?-i:[A-Za-z0-9+/]{8,}={0,2})"),
    re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"),
    re.compile(
        r"\b(?:gh[pousr]_|github_pat_|gl(?:pat|dt|ft|soat|rt|cbt|ptt|agent)-|xox[abeoprs]-|xapp-|[sr]k_(?:live|test)_"
        r"|whsec_|sk-|dckr_pat_|npm_|pypi-|hvs\.|hvb\.|do[por]_v1_|shp(?:at|ss|ca|pa)_|dckr_oat_|hf_|r8_|sbp_|figd_|lin_api_|rubygems_|GOCSPX-|PMAK-|nvapi-|tskey-(?:auth|api|client)-"
        r"|ATATT3x|AGE-SECRET-KEY-1|pat-(?:na|eu)\d-|AIza|ya29\.|SG\.)[A-Za-z0-9_.-]{10,}"
    ),
    re.compile(
        r"\$(?:apr1|argon2\w*|2[abxy]?|[156y])\$[^\s\"':]+|\b(?:SCRAM-SHA-256\$|pbkdf2[:_]sha)[^\s\"']+|\{S?(?:SHA|MD5|CRYPT)\d*\}\S+"
    ),
    re.compile(r"(?<![\w.+%-])[\w.+%-]++@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"),
)
"""In this order: PEM blocks, JSON web tokens, bearer and basic authorization, keys of AWS and other services by prefix,
 password hashes, e-mail addresses."""

_WORD = re.compile(r"(?<![\w/+.=-])[\w+-]{20,200}+={0,2}(?![\w/])")
_CHANGES = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[a-z0-9])|(?<=[0-9])(?=[A-Za-z])")


def hide(text: str, hide: Hide) -> str:
    """The text without the shapes of secrets, and without words that look like generated keys."""
    for shape in _SHAPES:
        text = shape.sub(lambda match: hide(match[0]), text)
    return _WORD.sub(lambda match: hide(match[0]) if _is_generated(match[0]) else match[0], text)


def looks_random(text: str) -> bool:
    """Whether a value is long, has no spaces or paths, and has the entropy of a key (Shannon, bits per character)."""
    if len(text) < 20 or not re.fullmatch(r"[A-Za-z0-9+=_-]+", text) or not re.search(r"\d", text):
        return False
    return _bits(text) > 3.3


def _is_generated(word: str) -> bool:
    """Whether a word in a text is a key: lower case letters, upper case letters and digits in random order.

    Digits with only one case of letters are the ids of containers, images, requests and commits, which must stay.
    """
    if not (re.search("[a-z]", word) and re.search("[A-Z]", word) and re.search("[0-9]", word)):
        return False
    return len(_CHANGES.findall(word)) > 0.4 * len(word) and _bits(word) > 3.7


def _bits(text: str) -> float:
    share = [count / len(text) for count in Counter(text).values()]
    return -sum(part * math.log2(part) for part in share)
