"""Which requests are calls of gRPC, as text: nginx passes them on by HTTP/2 and refuses all others itself. Pure.

A gRPC server answers other requests as it likes, also with a broken connection, which would count as a failed request.
The image has ``$videa_grpc`` for projects without gRPC: empty, for every request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

CALL = "application/grpc([+;]|$)"
"""https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, Content-Type.

What browsers send, application/grpc-web, needs a proxy that translates it."""


def calls(service: str, endings: Sequence[str]) -> str:
    """The lines that set $videa_grpc: "call", or "other" for what a gRPC service cannot answer; empty without endings.

    ``service``: the variable with the ending of the request's service, empty if there is only one.
    """
    if not endings:
        return ""
    matches = "".join(
        f'        "~^{re.escape(ending)} {CALL}" call;\n        "~^{re.escape(ending)} " other;\n' for ending in endings
    )
    return f'    map "{service} $content_type" $videa_grpc {{\n        default "";\n{matches}    }}\n'
