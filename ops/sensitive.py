"""Names of settings whose values are secret."""

from __future__ import annotations

import re

SENSITIVE_KEY = re.compile(
    r"pass(?:word|wd|phrase)?$|passw|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|encryption[_-]?key"
    r"|signing[_-]?key|license[_-]?key|credential|authorization|cookie|htpasswd|requirepass|masterauth|(?:^|_)salt$"
    r"|(?:^|_)dsn$|(?:^|_)auth$|webhook",
    re.IGNORECASE,
)
