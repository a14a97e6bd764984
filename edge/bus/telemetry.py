"""Spans of what is said, heard, asked and done on the bus, for an OpenTelemetry collector.

Off unless `exporting` is given an endpoint; then, and only then, is OpenTelemetry imported (the extra `telemetry`).
Where it is off a span costs a fifth of a microsecond, and no header travels.

A span's trace id is the message's own `trace_id`: a UUID v4 is 128 bits, as OpenTelemetry's ids are. Which span
led to which travels in the header `traceparent` (W3C Trace Context); the envelope is the specification's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Literal, Protocol

from edge.bus.connection import BusError
from edge.contract.envelope import NATSMessage

TRACEPARENT = "traceparent"

Verb = Literal["say", "hear", "ask", "do"]
SAY: Verb = "say"  # an event, until the stream has it
HEAR: Verb = "hear"  # an event, until its handler is done with it
ASK: Verb = "ask"  # a command, until its answer is there
DO: Verb = "do"  # a command, until it is done


class TelemetryUnavailable(BusError):
    """OpenTelemetry is configured and not installed."""


class Context(Protocol):
    """Where in the tree of spans something is done."""


class Recorder(Protocol):
    """What makes the spans: `edge.bus.spans.SpanRecorder`."""

    def span(
        self, verb: Verb, who: str, subject: str, message: NATSMessage | bytes, headers: dict[str, str] | None
    ) -> AbstractContextManager[None]:
        """A span from entering to leaving."""

    def here(self) -> Context:
        """Where we are."""

    def under(self, context: Context) -> AbstractContextManager[None]:
        """Be there for a while."""

    def stop(self) -> None:
        """Send what is left, for a few seconds at most; blocking."""


class _Off:
    """What a span is where nothing records it."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


_OFF = _Off()
_recorder: Recorder | None = None


def span(
    verb: Verb, who: str, subject: str, message: NATSMessage | bytes, headers: dict[str, str] | None = None
) -> AbstractContextManager[None]:
    """A span of what `who` does with `message` on `subject`; an exception that leaves it becomes its outcome.

    For SAY and ASK `headers` are those about to be sent, and get the span's `traceparent`; for HEAR and DO those
    that came, and tell what led to it.
    """
    if _recorder is None:
        return _OFF
    return _recorder.span(verb, who, subject, message, headers)


def here() -> Context | None:
    """Where in the tree of spans we are, for what will be done later: in another task, out of a queue."""
    return None if _recorder is None else _recorder.here()


def under(context: Context | None) -> AbstractContextManager[None]:
    """Do something as part of what was done at `context`."""
    if _recorder is None or context is None:
        return _OFF
    return _recorder.under(context)


@asynccontextmanager
async def exporting(endpoint: str | None, kiosk_id: str) -> AsyncIterator[None]:
    """Export spans to the OTLP collector at `endpoint` (``http://collector:4318``) for a while; None: don't.

    One at a time in a process. A collector that is away costs spans, never the kiosk's work.

    Raises:
        TelemetryUnavailable: OpenTelemetry is not installed.
    """
    global _recorder  # noqa: PLW0603 - one process, one recorder; spans are made in places that know of no other
    if endpoint is None:
        yield
        return
    recorder = await asyncio.to_thread(_recorder_to, endpoint, kiosk_id)
    _recorder = recorder
    try:
        yield
    finally:
        _recorder = None
        await asyncio.to_thread(recorder.stop)


def _recorder_to(endpoint: str, kiosk_id: str) -> Recorder:
    try:
        from edge.bus.spans import SpanRecorder  # noqa: PLC0415 - a third of a second, where it is wanted
    except ModuleNotFoundError as error:
        raise TelemetryUnavailable(
            f"kiosk.toml has telemetry.endpoint, which needs {error.name}: pip install 'kiosk-edge[telemetry]'"
        ) from error
    return SpanRecorder(endpoint, kiosk_id)
