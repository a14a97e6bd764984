"""What parent and child say to one another, over a socket between the two.

A message is a tuple: its word and what belongs to it. Arrays travel beside the pickle, so that a frame is copied by the
kernel only. Pickle is safe here: both ends are one program, run by one user, on a socket that nobody else has.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, Final

Message = tuple[Any, ...]

_HEAD: Final = struct.Struct("!IQ")  # how many arrays, the pickle's length
_LENGTH: Final = struct.Struct("!Q")
STREAM_LIMIT: Final = 4 * 1024 * 1024  # a frame of 1280 x 960 in one go


def packed(*message: Any) -> list[bytes | memoryview]:
    """`message` in pieces, to be sent in this order."""
    arrays: list[pickle.PickleBuffer] = []
    body = pickle.dumps(message, protocol=5, buffer_callback=arrays.append)
    raw = [array.raw() for array in arrays]
    lengths = b"".join(_LENGTH.pack(each.nbytes) for each in raw)
    return [_HEAD.pack(len(raw), len(body)) + lengths + body, *raw]


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None at the end of the connection."""
    try:
        count, length = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        lengths = await reader.readexactly(count * _LENGTH.size) if count else b""
        body = await reader.readexactly(length)
        # A bytearray: who gets the array may write into it, as into one of his own.
        arrays = [bytearray(await reader.readexactly(each)) for (each,) in _LENGTH.iter_unpack(lengths)]
    except (asyncio.IncompleteReadError, OSError):
        return None
    return _unpickled(body, arrays)


def receive_blocking(connection: socket.socket, within_s: float) -> Message | None:
    """The next message, not one byte more; None at the end of the connection.

    Raises:
        TimeoutError: it did not come within `within_s`.
    """
    ends_s = time.monotonic() + within_s
    try:
        count, length = _HEAD.unpack(_exactly(connection, _HEAD.size, ends_s))
        lengths = _exactly(connection, count * _LENGTH.size, ends_s)
        body = _exactly(connection, length, ends_s)
        arrays = [bytearray(_exactly(connection, each, ends_s)) for (each,) in _LENGTH.iter_unpack(lengths)]
    except EOFError:
        return None
    return _unpickled(body, arrays)


def _unpickled(body: bytes, arrays: Sequence[bytearray]) -> Message:
    message: Message = pickle.loads(body, buffers=arrays)  # noqa: S301 - written by our own child or parent
    return message


def _exactly(connection: socket.socket, length: int, ends_s: float) -> bytes:
    pieces = bytearray()
    while len(pieces) < length:
        left_s = ends_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        try:
            piece = connection.recv(length - len(pieces))
        except ConnectionError:
            raise EOFError from None
        if not piece:
            raise EOFError
        pieces += piece
    return bytes(pieces)
