"""Secrets in URLs: before the host, in the path of a hook, and in the query."""

from __future__ import annotations

import re

from ops.redaction.hiding import Hide, hide_after
from ops.redaction.names import is_secret_name
from ops.redaction.shapes import looks_random

_LOGIN = re.compile(
    r"(?<=://)(?P<user>[^\s/:@\"'<>]*+):(?P<password>[^\s\"'<>]{1,300}?)@(?=[\w.\[$%-]+[^\s@\"'<>]{0,2000}(?:[\s\"'<>,]|\\|$))"
)
_USER = re.compile(r"(?<=://)[^\s/:@\"'<>]++(?=@)")
_PLACE = re.compile(
    r"(?<![\w.:/@-])(?P<user>[\w.-]{1,60}+):(?P<password>[^\s:/@\"'<>,]{3,100})@(?=[\w.-]+:\d|(?:tcp|unix)\()"
)
_HOOK = re.compile(
    r"(?i)(?P<start>\bhttps?://(?:[\w-]+\.)*(?:hooks?|webhook|hookbin|webhooks)\.[\w.-]+(?::\d+)?/(?:services/|hooks/(?:catch/)?|webhookb2/)?+"
    r"|\bhttps?://[^\s\"'<>?#]{0,200}?/(?:web)?hooks?(?:b2)?/(?:catch/|incoming/)?+"
    r"|\bhttps?://api\.telegram\.org/(?:file/)?bot|\bhttps?://[^\s\"'<>?#]{0,200}?/with/key/|\bhttps?://[\w.-]+/v1/spaces/\w+/messages\?)"
    r"(?P<secret>[^\s\"'<>]+)"
)
_SERVICE = re.compile(
    r"(?i)(?<![\w.+-])(?P<start>(?:tgram|discord|slack|msteams|workflows?|pover|pbul|pushover|opsgenie|pagerduty|twilio|sendgrid|mailgun"
    r"|gotifys?|ntfys?|matrixs?|mmosts?|rockets?|zulip|signals?|jsons?|forms?|xmls?|apprises?)://)(?P<secret>[^\s\"'<>]+)"
)
"""Notification targets in Apprise's URL format: any part of one may be a token."""
_HOOK_PATH = re.compile(r"(?i)(?<=hook/|ooks/)(?P<secret>(?=[\w./-]{0,200}\d)[\w./-]{8,}+)")
_PARAMETER = re.compile(
    r"(?:[?&]|(?<=;)|%(?:25){0,2}(?:3[Ff]|26))(?:amp;)?(?P<name>(?:[\w.\[\]$-]|%5[BbDd]){1,60}+)(?:=|%(?:25){0,2}3[Dd])"
)
_VALUE = re.compile(r"(?:(?!%(?:25){0,2}26)[^&\s\"'<>#\\])+")
_KEY = re.compile(r"[A-Za-z0-9+=_-]{20,400}+(?=[&\s\"'<>#\\]|%26|\Z)")
_QUERY_NAME = re.compile(
    r"(?i)(?:sig|key|session|code|hash|ticket|assertion|saml\w*|invite|magic|verify|confirm\w*|unsubscribe"
    r"|x-(?:amz|goog)-(?:credential|signature|security-token))$"
)
"""Names that are secret in a query only."""

TOKEN = 20
"""Characters. A user name of at least this length in a URL counts as a token."""


def hide(text: str, hide: Hide) -> str:
    """The text without the secrets in its URLs."""
    text = _HOOK.sub(lambda match: match["start"] + hide(match["secret"]), text)
    text = _SERVICE.sub(lambda match: match["start"] + hide(match["secret"]), text)
    text = _HOOK_PATH.sub(lambda match: hide(match["secret"]), text)
    text = _LOGIN.sub(lambda match: _login(match, hide), text)
    text = _USER.sub(lambda match: hide(match[0]), text)
    text = _PLACE.sub(lambda match: f"{match['user']}:{hide(match['password'])}@", text)
    return hide_after(_PARAMETER, _value, text, hide)


def _login(match: re.Match[str], hide: Hide) -> str:
    if re.match(r"\d{1,5}/", match["password"]):  # a port, and a path that contains @
        return match[0]
    user = match["user"]
    # The name of a role is useful to the operator; some services use a token as the user name.
    token = len(user) >= TOKEN or looks_random(user)
    return f"{hide(user) if token else user}:{hide(match['password'])}@"


def _value(text: str, parameter: re.Match[str]) -> tuple[int, int] | None:
    """The position of a parameter's value if it is secret. Other values may be URLs that have their own query."""
    name, place = parameter["name"], parameter.end()
    if is_secret_name(name) or _QUERY_NAME.match(name):
        value = _VALUE.match(text, place)
    else:
        value = _KEY.match(text, place)
        value = value if value and looks_random(value[0]) else None
    return value.span() if value else None
