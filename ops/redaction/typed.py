"""Commands and their output without secrets, for storing and showing.

The command that runs is the original text. It is stored only where it must run again: a check in the request of the
journal, which only videa reads, and a hook in the Compose file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ops.redaction.redactor import Redactor

Command = TypeVar("Command", str, str | tuple[str, ...])


def redactor_for(source: object = None) -> Redactor:
    """A redactor for the output of other programs. It knows the secrets in videa's own environment.

    ``source``: an environment, or the commands that printed the output; the redactor also knows the secrets in it.
    """
    from ops.redaction.redactor import Redactor, secrets_in  # noqa: PLC0415 (most commands of videa show no such text)

    redactor = Redactor()
    redactor.learn(secrets_in(dict(os.environ)) | secrets_in(source))
    return redactor


def shown(text: str, source: object = None) -> str:
    """The output of another program without secrets. ``source``: see ``redactor_for``."""
    return redactor_for(source).text(text)


def shown_command(command: Command) -> Command:
    """A command, as a string or a list, without its secrets."""
    redactor = redactor_for(command)
    if isinstance(command, str):
        return redactor.text(command)
    return tuple(redactor.text(word) for word in redactor.tree(command))
