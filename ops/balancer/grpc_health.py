"""The standard gRPC health check with curl: one call with an empty message, and the evaluation of its answer.

https://github.com/grpc/grpc/blob/master/doc/health-checking.md. The requested service is the empty name, which stands
for the whole server.
"""

from __future__ import annotations

PATH = "/grpc.health.v1.Health/Check"

HEADERS = (("content-type", "application/grpc"), ("te", "trailers"))

EMPTY_CALL = "head -c 5 /dev/zero"
"""Prints an empty message: one byte for "not compressed", four bytes of length."""

PREFIX = 5
"""Bytes before each message: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md."""

OK = 200
SERVING = b"\x08\x01"
"""HealthCheckResponse: field 1, an enum with the value 1."""

STATES = {b"": "UNKNOWN", b"\x08\x02": "NOT_SERVING", b"\x08\x03": "SERVICE_UNKNOWN"}

SILENT = {"5": "NOT_FOUND", "7": "PERMISSION_DENIED", "12": "UNIMPLEMENTED", "16": "UNAUTHENTICATED"}
"""Statuses of a server that answers calls but does not report its health: no such service, or no access to it."""


def answers(status: int, call_status: str) -> bool:
    """Whether the server answers calls but does not report its health. ``call_status``: as for ``fault``."""
    return status == OK and call_status in SILENT


def fault(status: int, call_status: str, body: bytes) -> str:
    """Why the answer is not good; empty if the server serves or does not report its health.

    ``status``: of HTTP, 0 without an answer; ``call_status``: grpc-status in the headers (not the trailers); ``body``:
    the message.
    """
    if status != OK:
        return f"status {status}" if status else "no answer"
    if answers(status, call_status) or body[PREFIX:] == SERVING:
        return ""
    if len(body) < PREFIX:
        return f"grpc-status {call_status or 'missing'}"
    return STATES.get(body[PREFIX:], "an answer that is not a health check's")


def told(status: int, body: bytes) -> str:
    """Like ``fault`` if the status of the call is unknown: an answer without a message is then good."""
    return fault(status, "" if body else "12", body)
