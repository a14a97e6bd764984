"""NATSMessage: the envelope of section 5, strict when made, tolerant when read."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from edge.contract.errors import InvalidMessage, InvalidPayload
from edge.contract.wire import to_json

VERSION = "1.0"

# Headers of a command that is asked durably (decision 2), for JetStream doesn't keep a reply subject.
REPLY_TO = "Kiosk-Reply-To"
# Unix time in ms after which nobody wants the command done any more; from the same machine, with a second word: the
# same moment as BOOT_ID:ms since boot, which no clock jump moves.
DEADLINE = "Kiosk-Deadline"

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)


def is_uuid4(text: object) -> bool:
    """Whether `text` is a UUID v4 in its usual form."""
    return isinstance(text, str) and _UUID4.fullmatch(text) is not None


def uuid4() -> str:
    """A new UUID v4; `uuid.uuid4` takes twice as long."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def now() -> str:
    """The time as the envelope writes it: UTC, ISO 8601, milliseconds, Z."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{nanoseconds // 1_000_000:03d}Z"


@lru_cache(maxsize=1)
def _second(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds").removesuffix("+00:00")


@dataclass
class NATSMessage:
    """One message on the bus (section 5.2)."""

    msg_id: str
    timestamp: str
    session_id: str
    trace_id: str
    version: str
    payload: dict[str, Any]

    @classmethod
    def create(cls, session_id: str, payload: dict[str, Any], trace_id: str | None = None) -> NATSMessage:
        """A message to send: its own id, the time, and every field in the form section 5.1 gives.

        Raises:
            ValueError: `session_id` or `trace_id` is not a UUID v4.
        """
        for name, value in (("session_id", session_id), ("trace_id", trace_id)):
            if value is not None and not is_uuid4(value):
                raise ValueError(f"{name} is not a UUID v4: {value!r}")
        return cls(
            msg_id=uuid4(),
            timestamp=now(),
            session_id=session_id,
            trace_id=trace_id or uuid4(),
            version=VERSION,
            payload=payload,
        )

    def to_json(self) -> str:
        """The message as JSON text."""
        return to_json(self).decode()

    @classmethod
    def from_json(cls, data: bytes | str) -> NATSMessage:
        """Read a message from anyone: only the payload is needed, as in section 10.2's examples.

        A missing or foreign id stays as it came ("" when missing): whoever needs a UUID v4 asks `is_uuid4`.

        Raises:
            InvalidMessage: not a JSON object.
            InvalidPayload: no payload, or one that is not an object.
        """
        try:
            return _whole.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # something is missing or wrong: see what, and whether it matters
        try:
            fields = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidMessage(f"not JSON: {error}") from None
        except RecursionError:
            raise InvalidMessage("JSON nested too deeply") from None
        if not isinstance(fields, dict):
            raise InvalidMessage(f"an envelope is a JSON object, not {type(fields).__name__}")
        payload = fields.get("payload")
        if payload is None:
            raise InvalidPayload("payload", "envelope field `payload` is missing")
        if not isinstance(payload, dict):
            raise InvalidPayload("payload", f"envelope field `payload` is an object, not {type(payload).__name__}")

        def text(name: str) -> str:
            value = fields.get(name)
            return value if isinstance(value, str) else ""

        return cls(
            msg_id=text("msg_id"),
            timestamp=text("timestamp"),
            session_id=text("session_id"),
            trace_id=text("trace_id"),
            version=text("version") or VERSION,
            payload=payload,
        )


_whole = msgspec.json.Decoder(NATSMessage)


class _Sealed(msgspec.Struct):
    msg_id: str
    timestamp: str
    session_id: str
    trace_id: str
    version: str
    payload: msgspec.Raw


def seal(payload: bytes, *, session_id: str, trace_id: str | None) -> tuple[str, bytes]:
    """An envelope around a payload that is JSON already: its msg_id, and the message as bytes.

    What `NATSMessage.create` and `to_json` do, for a payload that needn't be read again.
    """
    msg_id = uuid4()
    sealed = _Sealed(msg_id, now(), session_id, trace_id or uuid4(), VERSION, msgspec.Raw(payload))
    return msg_id, to_json(sealed)


def envelope_faults(message: NATSMessage) -> list[str]:
    """What in a message's envelope is not as section 5.1 demands of a sender; empty when all is well."""
    faults = [
        f"{name} is not a UUID v4"
        for name in ("msg_id", "session_id", "trace_id")
        if not is_uuid4(getattr(message, name))
    ]
    try:
        moment = datetime.fromisoformat(message.timestamp)
        if not message.timestamp.endswith("Z") or moment.utcoffset() is None:
            faults.append("timestamp is not UTC with Z")
    except ValueError:
        faults.append("timestamp is not ISO 8601")
    if not message.version:
        faults.append("version is missing")
    return faults
