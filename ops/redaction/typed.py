"""Commands as they are stored and shown, and what they print: without the secrets in them.

What runs is the text as it was typed. It is kept where it must be to run again: a check in the request of the journal,
which videa alone reads, and a hook in the Compose file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ops.redaction.redactor import Redactor

Command = TypeVar("Command", str, str | tuple[str, ...])


def knowing(beside: object = None) -> Redactor:
    """What takes secrets out of the texts of other programs.

    ``beside``: an environment, or the commands that have printed the text; the secrets in them are known then, as those
    of videa's own environment always are.
    """
    from ops.redaction.redactor import Redactor, secrets_in  # noqa: PLC0415 (most commands of videa show no such text)

    redactor = Redactor()
    redactor.learn(secrets_in(dict(os.environ)) | secrets_in(beside))
    return redactor


def shown(text: str, beside: object = None) -> str:
    """A text of another program as it may be told to others. ``beside``: see ``knowing``."""
    return knowing(beside).text(text)


def shown_command(command: Command) -> Command:
    """A command, given as a string or as a list, as it may be told to others."""
    redactor = knowing(command)
    if isinstance(command, str):
        return redactor.text(command)
    return tuple(redactor.text(word) for word in redactor.tree(command))
