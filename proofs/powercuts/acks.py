"""What the kiosk promised while its writes were logged, each with the log's length at the moment it was heard.

A line of JSON each, so that a recording that is cut off itself loses at most its last word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec


class Stored(msgspec.Struct, frozen=True, tag="event"):
    """The bus acknowledged the event `msg_id`."""

    at_bytes: int
    msg_id: str


class Paid(msgspec.Struct, frozen=True, tag="order"):
    """The screen told the customer that the order is paid."""

    at_bytes: int
    order_id: str
    transaction_id: str


class Serving(msgspec.Struct, frozen=True, tag="serving"):
    """The first customer is about to be served: what came before is the boot."""

    at_bytes: int


Ack = Stored | Paid | Serving


class AckWriter:
    """Notes what was promised, with the length that `log` has by then."""

    def __init__(self, path: Path, log: Path) -> None:
        self._file = path.open("wb")
        self._log = log
        self._encoder = msgspec.json.Encoder()
        self.events = 0
        self.orders = 0

    def __enter__(self) -> AckWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def stored(self, msg_id: str) -> None:
        """The bus acknowledged `msg_id` just now."""
        self._note(Stored(self._length(), msg_id))
        self.events += 1

    def paid(self, order_id: str, transaction_id: str) -> None:
        """A customer was told just now that they paid."""
        self._note(Paid(self._length(), order_id, transaction_id))
        self.orders += 1

    def serving(self) -> None:
        """The first customer comes now."""
        self._note(Serving(self._length()))

    def _length(self) -> int:
        return self._log.stat().st_size

    def _note(self, ack: Ack) -> None:
        self._file.write(self._encoder.encode(ack) + b"\n")
        self._file.flush()


@dataclass(frozen=True)
class Due:
    """What a disk has to hold: the events' msg_ids, and each paid order's transaction."""

    events: frozenset[str]
    orders: dict[str, str]

    def __or__(self, other: Due) -> Due:
        return Due(self.events | other.events, self.orders | other.orders)


NOTHING_DUE = Due(frozenset(), {})


def read_acks(path: Path) -> list[Ack]:
    """What was noted, in order; a last line that was being written is left out.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: it is no such file.
    """
    lines = path.read_bytes().split(b"\n")[:-1]
    decoder = msgspec.json.Decoder(Ack)
    return [decoder.decode(line) for line in lines]


def due(acks: Sequence[Ack], length_bytes: int) -> Due:
    """What was promised by the time that the log had this length."""
    heard = [ack for ack in acks if ack.at_bytes <= length_bytes]
    return Due(
        frozenset(ack.msg_id for ack in heard if isinstance(ack, Stored)),
        {ack.order_id: ack.transaction_id for ack in heard if isinstance(ack, Paid)},
    )
