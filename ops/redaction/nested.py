"""Secrets whose name is elsewhere: around them, on the previous line, after them, or in the previous element."""

from __future__ import annotations

import re

from ops.redaction.hiding import Hide, is_placeholder
from ops.redaction.names import is_secret_name

_NAME = r"(?P<name>[\w.-]{2,80}+)"
_AROUND = re.compile(rf"(?<![\w.-]){_NAME}\\*[\"']?[ \t]?(?::|=>?)[ \t]?(?P<inner>\{{[^{{}}\n]{{1,1000}}+\}})")
_STRING = re.compile(
    r"(?P<start>(?:=|:)[ \t]?\\*(?P<quote>[\"']))(?P<value>(?:(?!\\*(?P=quote))[^\n])++)(?=\\*(?P=quote))"
)
_NEXT_LINE = re.compile(
    rf"(?m)(?P<start>(?:^|(?<=[{{,]))[ \t-]*[\"']?{_NAME}[\"']?[ \t]*:[ \t]*(?:[>|][+-]?)?[ \t]*\n[ \t]+[\"']?)"
    r"(?P<value>[^\s\"'{}\[\]:,-][^\s\"'{}\[\],]*+)(?=[\"']?,?[ \t]*\}*$)"
)
_BEFORE = re.compile(
    r"(?P<start>(?<![\w-])\"?(?:value|val)\"?\s?[=:]\s?\")(?P<value>[^\"\n]{1,500}+)"
    rf"(?=\"[\s,]{{1,9}}\"?(?:name|key)\"?\s?[=:]\s?\"{_NAME}\")"
)
_INPUT = re.compile(
    rf"(?i)(?P<start><[^<>\n]{{0,300}}?\bname=[\"']?{_NAME}[\"']?[ \t]"
    rf"[^<>\n]{{0,300}}?\bvalue=[\"']?)(?P<value>[^\s\"'<>]++)"
)
_ELEMENTS = re.compile(
    rf"(?P<start><(?:key|name)>{_NAME}</(?:key|name)>\s{{0,40}}<(?:string|value|data)>"
    rf"|<\w+[ \t](?:name|key)=[\"']{_NAME.replace('name', 'attribute')}[\"']"
    rf"[^<>\n]{{0,200}}>\s{{0,40}}<value>)(?P<value>[^<\n]++)"
)
_ESCAPED = re.compile(
    rf"(?P<start>&(?:lt|quot|#34);{_NAME}(?:&gt;|&(?:quot|#34);[ \t]?:[ \t]?(?:&(?:quot|#34);)?))(?P<value>[^&\s,]++)"
)
_CALL = re.compile(
    rf"(?<![\w.$-]){_NAME}[\"']?\]?[ \t]?(?:=>?|:)[ \t]?(?:\w+\((?:[\"'][\w.-]*[\"'],[ \t]?)?|string\(\d+\)[ \t])"
    r"[\"'](?P<value>[^\"'\n]++)"
)
_TRIPLE = re.compile(
    rf"(?<![\w.$-]){_NAME}[ \t]?[=:][ \t]?(?P<quote>\"\"\"|''')(?P<value>(?:(?!(?P=quote)).)++)", re.DOTALL
)
_ARROW = re.compile(rf"(?<![\w.$-]){_NAME}[ \t]?->[ \t]?[\"']?(?P<value>[^\s\"',;]++)")


def hide(text: str, hide: Hide) -> str:
    """The text without the secrets whose name is not directly before them."""
    text = _AROUND.sub(lambda match: _around(match, hide), text)
    for pattern in (_NEXT_LINE, _BEFORE, _INPUT, _ELEMENTS, _ESCAPED, _CALL, _TRIPLE, _ARROW):
        text = pattern.sub(lambda match: _value(match, hide), text)
    return text


def _around(match: re.Match[str], hide: Hide) -> str:
    if not is_secret_name(match["name"]):
        return match[0]
    return match[0].replace(match["inner"], _STRING.sub(lambda string: _string(string, hide), match["inner"]))


def _string(match: re.Match[str], hide: Hide) -> str:
    return match[0] if is_placeholder(match["value"]) else match["start"] + hide(match["value"])


def _value(match: re.Match[str], hide: Hide) -> str:
    groups = match.groupdict()
    if not is_secret_name(match["name"] or groups.get("attribute") or "") or is_placeholder(match["value"]):
        return match[0]
    begin, end = (place - match.start() for place in match.span("value"))
    return match[0][:begin] + hide(match["value"]) + match[0][end:]
