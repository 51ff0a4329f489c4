"""Keys of well-known services, found with the rules of detect-secrets (Yelp, Apache License 2.0).

detect-secrets is loaded only to write a bundle, because this takes a tenth of a second. Its rules for names, passwords
in URLs and random strings are not used: they are for source code, and the rules of this package are stricter.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module

from ops.redaction.hiding import Hide

PLUGINS = {
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "mailchimp": "MailchimpDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}
"""Module of ``detect_secrets.plugins`` -> its rule."""


def hide(text: str, hide: Hide) -> str:
    """The text without the keys that the rules find."""
    for shape in _shapes():
        text = shape.sub(lambda match: hide(match[0]), text)
    return text


@cache
def _shapes() -> list[re.Pattern[str]]:
    rules = (getattr(import_module(f"detect_secrets.plugins.{module}"), name) for module, name in PLUGINS.items())
    return [shape for rule in rules for shape in rule.denylist]
