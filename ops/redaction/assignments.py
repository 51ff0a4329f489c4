"""Values with a secret name: settings, JSON, headers, XML, properties, and the settings of well-known servers."""

from __future__ import annotations

import re

from ops.redaction.hiding import Hide, hide_after, is_placeholder
from ops.redaction.names import is_secret_name

_NAME = re.compile(
    r"(?<![\w.$-])(?P<name>(?i:(?:api|access|secret|private|signing|license) key)|[\w.$-]{2,80}+)"
    r"(?:\\*[\"'`])?(?:\]|%5[Dd])?[ \t]{0,4}(?:=>|:=|==|=|:(?!//))[ \t]{0,4}"
)
_NEXT = r"(?![&,;][ \t]?[\w.%-]+[=:])"
"""Does not match before the next ``name=``."""
_END = rf"{_NEXT}(?![)\]}},;.]+(?:\s|$))"
"""Also does not match before the brackets and punctuation at the end of a text."""
_VALUE = re.compile(
    r"(?P<before>[bBrRuU@]?(?P<quote>\\*[\"'`]))(?P<quoted>(?:\\.|(?!(?P=quote))[^\\\n]|(?!(?P=quote))\\)*+)"
    r"|\[(?P<list>[^\]\n]*+)\]"
    rf"|(?P<bare>{_END}[^\s\"'<>\[{{](?:{_END}[^\s\"'<>])*+)"
)
_LINE = re.compile(rf"(?P<bare>(?:{_NEXT}(?![ \t]++(?:[\w.-]++=|$))[^\n\"'])++)", re.MULTILINE)
"""The rest of a line up to the next ``name=``: a value with spaces, as in properties and YAML."""
_HEADER_VALUE = re.compile(
    r"(?P<before>\\*[\"']?(?:(?:bearer|basic|digest|token|apikey|negotiate|aws4-hmac-sha256)[ \t]+)?)"
    r"(?P<bare>(?:[^\n\"'\\]|(?<==)\"[^\"\n]*\")++)",
    re.IGNORECASE,
)
_HEADERS = re.compile(r"(?i)(?:.*-)?(?:authorization|cookie)2?$")

_ELEMENT = re.compile(
    r"<(?:\w+:)?(?P<name>[\w.-]{1,80})(?P<attributes>(?:\s[^<>]{0,400})?)>(?:\s*<!\[CDATA\[)?"
    r"(?P<value>[^<\]]+)(?=(?:\]\]>\s*)?</)"
)
_PAIR = re.compile(
    r"(?i)(?P<start>(?<![\w-])(?:name|key|k|id|header|field|env|property)\\*[\"']?\s?[=:]\s?\\*[\"']?"
    r"(?P<name>[\w.-]{2,80}+)\\*[\"']?"
    r"[\s,;]{1,40}\\*[\"']?(?:value|v|val|values?)\\*[\"']?\s?[=:]\s?\\*[\"']?)(?P<value>[^\"'\\\n<>{}]+)"
)
_TUPLE = re.compile(
    r"(?P<start>[\[(,]\s?[bu]?(?P<q>[\"'])(?P<name>[\w.-]{2,80}+)(?P=q)\s?,\s?[bu]?(?P<quote>[\"']))"
    r"(?P<value>[^\"'\n]+)(?=(?P=quote)\s?[\])])"
)
_LINE_OF_CONF = re.compile(
    r"(?im)(?P<start>^[ \t]*(?:requirepass|masterauth|password|passwd|tls-key-file-pass"
    r"|auth_pass|bind_?(?:pw|password)|rootpw|rpcpassword"
    r"|sentinel[ \t]+auth-pass[ \t]+\S+|PASS|AUTH[ \t]+(?:PLAIN|LOGIN)|IDENTIFY|\w{1,9}[ \t]+LOGIN[ \t]+\S+)[ \t]+"
    r"|\b(?:login|account)[ \t]+\S+[ \t]+password[ \t]+)[\"']?(?P<value>[^\s\"';]+)(?=[\"']?;?[ \t]*$)"
)
_SPACED = re.compile(
    r"(?im)(?P<start>"
    r"(?:set|add|more_set)?_?headers?[ \t]+(?:set|add|append)?[ \t]*[\"']?(?P<name>[\w-]+)[\"']?[ \t]+"
    r"|(?:^|[ \t/+])(?:set|setx|setenv|env|arg|export|put|fastcgi_param|uwsgi_param)"
    r"[ \t]+(?P<variable>[$]?[\w./:@-]{2,80}+)[ \t]+)"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s\"';]+)"
)
_REDIS = re.compile(
    r"(?im)(?P<start>(?:^[ \t]*|\"|\b(?:redis|valkey)-cli\b[^\n|;]{0,200}?[ \t])"
    r"auth\"?[ \t]+(?:\"?[\w.-]+\"?[ \t]+)?\"?"
    r"|\bauth[ \t]+\S+[ \t]+(?=\S+[ \t]+setname\b)|\bauth[ \t]+\S+[ \t]+"
    r"|\"(?:requirepass|masterauth)\"[ \t]+\")(?P<value>[^\s\"]+)(?=\"?[ \t]*$|[ \t]+setname\b)"
)
_ACL = re.compile(r"(?im)^.*\b(?:setuser|user)[ \t]+\S+.*[ \t](?:on|off|reset\w*|nopass)\b.*$")
_ACL_PASSWORD = re.compile(r"(?<=[\s'\"])(?P<kind>[>#<!])(?P<value>[^\s\"']{3,})")
_PGPASS = re.compile(r"(?m)^(?P<start>[\w.*-]+:(?:\d{4,5}|\*):[\w*-]+:[\w*-]+:)(?P<value>\S+)$")


def hide(text: str, hide: Hide) -> str:
    """The text without the values that have a secret name."""
    text = _ELEMENT.sub(lambda match: _element(match, hide), text)
    for pairs in (_PAIR, _TUPLE):
        text = pairs.sub(lambda match: _named(match, hide), text)
    for settings in (_LINE_OF_CONF, _REDIS, _PGPASS):
        text = settings.sub(lambda match: match["start"] + hide(match["value"]), text)
    text = _SPACED.sub(lambda match: _spaced(match, hide), text)
    text = _ACL.sub(lambda match: _acl(match[0], hide), text)
    return hide_after(_NAME, _value, text, hide)


def _value(text: str, name: re.Match[str]) -> tuple[int, int] | None:
    if not is_secret_name(name["name"]):
        return None
    place = name.end()
    if _HEADERS.match(name["name"]):
        value = _HEADER_VALUE.match(text, place)
    else:
        value = _VALUE.match(text, place)
        if value and value["bare"] and not text[text.rfind("\n", 0, name.start()) + 1 : name.start()].strip():
            value = _LINE.match(text, place)
    return value.span(value.lastgroup or 0) if value else None


def _acl(line: str, hide: Hide) -> str:
    return _ACL_PASSWORD.sub(lambda match: match["kind"] + hide(match["value"]), line)


def _named(match: re.Match[str], hide: Hide) -> str:
    if not is_secret_name(match["name"]) or is_placeholder(match["value"]):
        return match[0]
    return match["start"] + hide(match["value"])


def _spaced(match: re.Match[str], hide: Hide) -> str:
    value = match["value"].strip("\"'")
    if is_placeholder(value) or not is_secret_name(match["name"] or match["variable"]):
        return match[0]
    return match["start"] + hide(value)


def _element(match: re.Match[str], hide: Hide) -> str:
    names = [match["name"], *re.findall(r"=\s?[\"']([\w.-]+)[\"']", match["attributes"])]
    value = match["value"].strip()
    if not value or is_placeholder(value) or not any(is_secret_name(name) for name in names):
        return match[0]
    return match[0][: match.start("value") - match.start()] + hide(value)
