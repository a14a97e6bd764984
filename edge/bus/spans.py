"""What `edge.bus.telemetry` makes spans with: the only file that imports OpenTelemetry.

Names and attributes are those of OpenTelemetry's semantic conventions for messaging where it has one. A payload
is never part of a span: what customers say stays on the kiosk.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from edge.bus.telemetry import ASK, DO, HEAR, SAY, Context, Verb
from edge.contract.envelope import NATSMessage, is_uuid4
from edge.contract.errors import AskError, ContractError, ErrorCode

log = logging.getLogger(__name__)

_EXPORT_TIMEOUT_S: Final = 5.0
_STOP_S: Final = 3.0

_KINDS: Final[Mapping[Verb, SpanKind]] = {
    SAY: SpanKind.PRODUCER,
    HEAR: SpanKind.CONSUMER,
    ASK: SpanKind.CLIENT,
    DO: SpanKind.SERVER,
}
_OPERATIONS: Final[Mapping[Verb, str]] = {SAY: "send", HEAR: "process", ASK: "send", DO: "process"}

_w3c = TraceContextTextMapPropagator()


class _TraceIds(IdGenerator):
    """Gives a span that begins a tree the trace id of its message."""

    def __init__(self) -> None:
        self._wanted = threading.local()

    def begin_in(self, trace_id: int) -> None:
        """The next tree that this thread begins is of that trace."""
        self._wanted.trace_id = trace_id

    def generate_trace_id(self) -> int:
        """The wanted one, or a random one."""
        wanted: int = getattr(self._wanted, "trace_id", 0)
        self._wanted.trace_id = 0
        return wanted or random.getrandbits(128) or 1

    def generate_span_id(self) -> int:
        """A random one."""
        return random.getrandbits(64) or 1


class _Exporter(SpanExporter):
    """OTLP over HTTP; a collector that is away is told of once, and once when it is back."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._otlp = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT_S)
        self._away = False
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # else it tells of each try, at length

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; it is dropped where that takes longer than a few seconds."""
        result = self._otlp.export(spans)
        away = result is not SpanExportResult.SUCCESS
        if away and not self._away:
            log.warning("no collector takes spans at %s; they are dropped until one does", self._endpoint)
        elif self._away and not away:
            log.info("spans go to %s again", self._endpoint)
        self._away = away
        return result

    def shutdown(self) -> None:
        """Give up what is being sent."""
        self._otlp.shutdown()  # type: ignore[no-untyped-call]  # OpenTelemetry gives it no types


class SpanRecorder:
    """Makes spans and sends them, in batches and from a thread of its own, to an OTLP collector.

    Each agent is a service of its own (`service.name`), of the kiosk (`service.instance.id`).
    """

    def __init__(self, endpoint: str, kiosk_id: str) -> None:
        self._kiosk_id = kiosk_id
        self._exporter = _Exporter(endpoint)
        self._processor = BatchSpanProcessor(self._exporter)
        self._ids = _TraceIds()
        self._tracers: dict[str, Tracer] = {}

    def span(
        self, verb: Verb, who: str, subject: str, message: NATSMessage | bytes, headers: dict[str, str] | None
    ) -> AbstractContextManager[None]:
        """A span from entering to leaving; see `telemetry.span`."""
        return self._span(verb, who, subject, message, headers)

    @contextmanager
    def _span(
        self, verb: Verb, who: str, subject: str, message: NATSMessage | bytes, headers: dict[str, str] | None
    ) -> Iterator[None]:
        if isinstance(message, bytes):
            message = NATSMessage.from_json(message)
        came = verb in (HEAR, DO)
        before = otel.Context() if came else otel.get_current()
        if came and headers:
            before = _w3c.extract(headers, context=before)
        led_here = trace.get_current_span(before).get_span_context()
        trace_id = int(message.trace_id.replace("-", ""), 16) if is_uuid4(message.trace_id) else 0
        links: list[Link] = []
        if led_here.is_valid and trace_id and led_here.trace_id != trace_id:
            # One customer's trace is never mixed with another's; that the one led to the other is a link.
            links.append(Link(led_here))
            before = otel.Context()
        self._ids.begin_in(trace_id)
        made = self._tracer(who).start_span(
            f"{verb} {subject}",
            context=before,
            kind=_KINDS[verb],
            links=links,
            attributes={
                "messaging.system": "nats",
                "messaging.operation.name": verb,
                "messaging.operation.type": _OPERATIONS[verb],
                "messaging.destination.name": subject,
                "messaging.message.id": message.msg_id,
                "session.id": message.session_id,
                "kiosk.trace_id": message.trace_id,
            },
        )
        inside = trace.set_span_in_context(made, before)
        if not came and headers is not None:
            _w3c.inject(headers, context=inside)
        token = otel.attach(inside)
        outcome, error = "success", None
        try:
            yield
        except BaseException as raised:
            outcome, error = _outcome(raised)
            raise
        finally:
            otel.detach(token)
            made.set_attribute("kiosk.outcome", outcome)
            if error is not None:
                made.set_attribute("error.type", outcome)
                made.set_status(StatusCode.ERROR, error)
            made.end()

    def here(self) -> Context:
        """Where we are."""
        return otel.get_current()

    @contextmanager
    def under(self, context: Context) -> Iterator[None]:
        """Be there for a while."""
        assert isinstance(context, otel.Context)  # noqa: S101 - from `here`
        token = otel.attach(context)
        try:
            yield
        finally:
            otel.detach(token)

    def stop(self) -> None:
        """Send what is left, for a few seconds at most; blocking."""
        flushing = threading.Thread(target=self._processor.shutdown, name="last spans", daemon=True)
        flushing.start()
        flushing.join(_STOP_S)
        if flushing.is_alive():
            self._exporter.shutdown()  # the collector is away

    def _tracer(self, who: str) -> Tracer:
        if who not in self._tracers:
            resource = Resource.create(
                {"service.name": who, "service.namespace": "kiosk", "service.instance.id": self._kiosk_id}
            )
            provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
            provider.add_span_processor(self._processor)
            self._tracers[who] = provider.get_tracer("edge.bus")
        return self._tracers[who]


def _outcome(raised: BaseException) -> tuple[str, str | None]:
    """An exception as a span's outcome, and in words; who was told to stop has not failed."""
    match raised:
        case AskError():
            return str(raised.code), str(raised)
        case ContractError():
            return str(ErrorCode.INVALID_REQUEST), str(raised)
        case asyncio.CancelledError() | GeneratorExit():
            return "cancelled", None
        case TimeoutError():
            return str(ErrorCode.TIMEOUT), "no answer in time"
        case _:  # its text is for the log only
            return type(raised).__name__, type(raised).__name__
