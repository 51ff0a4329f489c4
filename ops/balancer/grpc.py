"""Which requests are gRPC calls, as nginx configuration: nginx proxies them by HTTP/2 and rejects all others. Pure.

A gRPC server may answer other requests in any way, even by closing the connection, which would count as a failure.
For projects without gRPC, the image sets ``$videa_grpc`` to empty for every request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

CALL = "application/grpc([+;]|$)"
"""https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, Content-Type.

Browsers send application/grpc-web, which needs a proxy that translates it."""


def calls(service: str, endings: Sequence[str]) -> str:
    """The lines that set $videa_grpc: "call", or "other" for requests that a gRPC service cannot answer.

    ``endings``: of the gRPC services; without any, there are no lines. ``service``: the variable with the ending of the
    request's service, empty if there is only one service.
    """
    if not endings:
        return ""
    matches = "".join(
        f'        "~^{re.escape(ending)} {CALL}" call;\n        "~^{re.escape(ending)} " other;\n' for ending in endings
    )
    return f'    map "{service} $content_type" $videa_grpc {{\n        default "";\n{matches}    }}\n'
