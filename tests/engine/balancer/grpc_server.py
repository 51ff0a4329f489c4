"""A server of gRPC's health check in frames made by hand: `python3 grpc_server.py PORT ANSWER`.

ANSWER: the message in hexadecimal digits, or "status N" for a call that ends without one. It reads nothing but the
beginning of a connection, and answers the first call.
"""

import socket
import struct
import sys

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS, DATA = 1, 4, 0
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """https://www.rfc-editor.org/rfc/rfc9113#section-4.1"""
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def field(name: str, value: str) -> bytes:
    """A literal header field, not indexed: https://www.rfc-editor.org/rfc/rfc7541#section-6.2.2"""
    return b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()


def serve(connection: socket.socket, answer: str) -> None:
    stream = connection.makefile("rwb")
    assert stream.read(len(PREFACE)) == PREFACE
    stream.write(frame(SETTINGS, 0, 0))
    stream.flush()
    while head := stream.read(9):
        payload = stream.read(int.from_bytes(head[:3], "big"))
        kind, flags, number = head[3], head[4], int.from_bytes(head[5:], "big")
        if kind == SETTINGS and not flags & ACK:
            stream.write(frame(SETTINGS, ACK, 0))
        if kind == DATA and flags & END_STREAM:
            assert payload == b"\0" * 5, "not a message of length 0"
            first = b"\x88" + field("content-type", "application/grpc")
            if answer.startswith("status "):
                stream.write(frame(HEADERS, END_HEADERS | END_STREAM, number, first + field("grpc-status", answer[7:])))
            else:
                message = bytes.fromhex(answer)
                stream.write(frame(HEADERS, END_HEADERS, number, first))
                stream.write(frame(DATA, 0, number, b"\0" + struct.pack(">I", len(message)) + message))
                stream.write(frame(HEADERS, END_HEADERS | END_STREAM, number, field("grpc-status", "0")))
        stream.flush()


if __name__ == "__main__":
    listener = socket.create_server(("", int(sys.argv[1])))
    while True:
        accepted, _ = listener.accept()
        with accepted:
            serve(accepted, sys.argv[2])
