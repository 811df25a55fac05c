"""One gRPC message that asks the daemon for one HTTP request, made by hand.

Only the fields that a bench sets; numbers are those of proto/spillway/v1/egress.proto.
"""

import struct


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes_field(number, value):
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _number_field(number, value):
    return _varint(number << 3) + _varint(value)


def http_request(url, method="GET", headers=(), body=b"", max_response_bytes=0, fresh=False):
    """An HttpRequest."""
    out = _bytes_field(1, method.encode()) + _bytes_field(2, url.encode())
    for name, value in headers:
        out += _bytes_field(3, _bytes_field(1, name.encode()) + _bytes_field(2, value.encode()))
    if body:
        out += _bytes_field(4, body)
    options = b""
    if max_response_bytes:
        options += _number_field(6, max_response_bytes)
    if fresh:
        options += _number_field(9, 1)
    if options:
        out += _bytes_field(6, options)
    return out


def framed(message):
    """The message with gRPC's prefix: not compressed, length."""
    return b"\0" + struct.pack(">I", len(message)) + message
