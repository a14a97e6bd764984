"""Spans at a real OTLP/HTTP receiver, read with the protocol's own messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

from edge.bus import telemetry
from edge.bus.telemetry import ASK, DO, HEAR, SAY, TRACEPARENT, exporting, here, span, under
from edge.contract.envelope import NATSMessage
from edge.contract.errors import AskError, ErrorCode
from edge.contract.subjects import MENU_SEARCH, PERSON_DETECTED, SESSION_STARTED

from .collector import Collector, a_collector


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with a_collector() as made:
        yield made


def message(trace_id: str | None = None) -> NATSMessage:
    return NATSMessage.create(str(uuid.uuid4()), {}, trace_id)


async def test_a_spans_trace_is_the_messages_own(collector: Collector) -> None:
    said = message()
    async with exporting(collector.url, "kiosk-007"):
        with span(SAY, "vision", PERSON_DETECTED.subject, said.to_json().encode(), {}):
            pass
    (sent,) = collector.spans
    assert sent.name == "say kiosk.vision.person_detected"
    assert sent.trace_id == said.trace_id
    assert sent.wire.kind == WireSpan.SPAN_KIND_PRODUCER
    assert sent.wire.parent_span_id == b""
    assert sent.attributes == {
        "messaging.system": "nats",
        "messaging.operation.name": "say",
        "messaging.operation.type": "send",
        "messaging.destination.name": PERSON_DETECTED.subject,
        "messaging.message.id": said.msg_id,
        "session.id": said.session_id,
        "kiosk.trace_id": said.trace_id,
        "kiosk.outcome": "success",
    }
    service = sent.service
    assert (service["service.name"], service["service.namespace"]) == ("vision", "kiosk")
    assert service["service.instance.id"] == "kiosk-007"
    assert not sent.failed


async def test_what_led_to_what_travels_in_the_header(collector: Collector) -> None:
    asked, headers = message(), dict[str, str]()
    async with exporting(collector.url, "kiosk-001"):
        with (
            span(ASK, "orchestrator", MENU_SEARCH.subject, asked, headers),
            span(DO, "menu", MENU_SEARCH.subject, asked, headers),
        ):
            pass
    ask, do = collector.one(f"ask {MENU_SEARCH.subject}"), collector.one(f"do {MENU_SEARCH.subject}")
    assert headers[TRACEPARENT].split("-")[1:3] == [asked.trace_id.replace("-", ""), ask.wire.span_id.hex()]
    assert do.wire.parent_span_id == ask.wire.span_id
    assert do.trace_id == ask.trace_id == asked.trace_id
    assert (ask.who, do.who) == ("orchestrator", "menu")
    assert (ask.wire.kind, do.wire.kind) == (WireSpan.SPAN_KIND_CLIENT, WireSpan.SPAN_KIND_SERVER)


async def test_what_a_handler_says_is_below_it_and_later_deeds_are_too(collector: Collector) -> None:
    came = message()
    answer = message(came.trace_id)
    async with exporting(collector.url, "kiosk-001"):
        with span(HEAR, "orchestrator", PERSON_DETECTED.subject, came):
            where = here()
            with span(SAY, "orchestrator", SESSION_STARTED.subject, answer, {}):
                pass

        async def later() -> None:
            with under(where), span(ASK, "orchestrator", MENU_SEARCH.subject, answer, {}):
                pass

        await asyncio.create_task(later())
    heard = collector.one(f"hear {PERSON_DETECTED.subject}")
    assert heard.wire.kind == WireSpan.SPAN_KIND_CONSUMER
    for name in (f"say {SESSION_STARTED.subject}", f"ask {MENU_SEARCH.subject}"):
        assert collector.one(name).wire.parent_span_id == heard.wire.span_id


async def test_two_customers_traces_are_never_one_tree(collector: Collector) -> None:
    """A page with the trace of an earlier customer: what came of its touch is in the session's trace, linked."""
    stale, own, headers = message(), message(), dict[str, str]()
    async with exporting(collector.url, "kiosk-001"):
        with span(SAY, "page", "kiosk.x", stale, headers):
            pass
        with span(HEAR, "orchestrator", "kiosk.x", own, headers), span(SAY, "orchestrator", "kiosk.y", stale, {}):
            pass
    said, heard, answered = collector.one("say kiosk.x"), collector.one("hear kiosk.x"), collector.one("say kiosk.y")
    assert (heard.trace_id, heard.wire.parent_span_id) == (own.trace_id, b"")
    assert [link.span_id for link in heard.wire.links] == [said.wire.span_id]
    assert (answered.trace_id, answered.wire.parent_span_id) == (stale.trace_id, b"")
    assert [link.span_id for link in answered.wire.links] == [heard.wire.span_id]


async def test_a_message_by_hand_has_a_span_in_a_trace_of_its_own(collector: Collector) -> None:
    by_hand = NATSMessage.from_json('{"trace_id":"test","payload":{}}')
    async with exporting(collector.url, "kiosk-001"):
        for _ in range(2):
            with span(HEAR, "voice", "kiosk.x", by_hand, {TRACEPARENT: "junk"}):
                pass
    one, other = collector.spans
    assert one.trace_id != other.trace_id
    assert {each.attributes["kiosk.trace_id"] for each in (one, other)} == {"test"}


@pytest.mark.parametrize(
    ("raised", "outcome", "words"),
    [
        (AskError(ErrorCode.MENU_NOT_FOUND, "No items"), "MENU_NOT_FOUND", "No items"),
        (TimeoutError(), "TIMEOUT", "no answer in time"),
        (ZeroDivisionError("a customer's words"), "ZeroDivisionError", "ZeroDivisionError"),
    ],
)
async def test_what_goes_wrong_is_the_outcome(
    collector: Collector, raised: Exception, outcome: str, words: str
) -> None:
    async with exporting(collector.url, "kiosk-001"):
        with pytest.raises(type(raised)), span(DO, "menu", MENU_SEARCH.subject, message()):
            raise raised
    (sent,) = collector.spans
    assert sent.failed
    assert words in sent.wire.status.message
    assert (sent.attributes["kiosk.outcome"], sent.attributes["error.type"]) == (outcome, outcome)
    assert not sent.wire.events, "no traceback leaves the kiosk"


async def test_who_was_told_to_stop_has_not_failed(collector: Collector) -> None:
    entered = asyncio.Event()

    async def wait() -> None:
        with span(ASK, "orchestrator", MENU_SEARCH.subject, message(), {}):
            entered.set()
            await asyncio.Event().wait()

    async with exporting(collector.url, "kiosk-001"):
        task = asyncio.create_task(wait())
        await entered.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    (sent,) = collector.spans
    assert (sent.attributes["kiosk.outcome"], sent.failed) == ("cancelled", False)


async def test_spans_go_out_while_the_kiosk_works(collector: Collector) -> None:
    """Not at the end only."""
    async with exporting(collector.url, "kiosk-001"):
        for _ in range(600):  # more than a batch
            with span(SAY, "vision", PERSON_DETECTED.subject, message(), {}):
                pass
        assert len(await collector.until(lambda spans: len(spans) >= 512)) >= 512
    assert len(collector.spans) == 600
    assert len({each.wire.span_id for each in collector.spans}) == 600


async def test_a_collector_that_is_away_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()

    class Telling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            loop.call_soon_threadsafe(told.set)

    listening = Telling(logging.WARNING)
    logging.getLogger("edge.bus.spans").addHandler(listening)
    try:
        async with asyncio.timeout(30), exporting("http://127.0.0.1:9", "kiosk-001"):
            for _ in range(600):  # more than a batch
                with span(SAY, "vision", PERSON_DETECTED.subject, message(), {}):
                    pass
            await told.wait()
    finally:
        logging.getLogger("edge.bus.spans").removeHandler(listening)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "no collector takes spans at http://127.0.0.1:9; they are dropped until one does"
    ]


async def test_off_nothing_is_recorded_and_no_header_travels() -> None:
    headers: dict[str, str] = {}
    async with exporting(None, "kiosk-001"):
        with span(SAY, "vision", PERSON_DETECTED.subject, b"not even read", headers):
            assert here() is None
        with under(None):
            pass
    assert headers == {}
    with pytest.raises(ZeroDivisionError), span(SAY, "vision", PERSON_DETECTED.subject, b"", headers):
        raise ZeroDivisionError


async def test_after_the_export_it_is_off_again(collector: Collector) -> None:
    async with exporting(collector.url, "kiosk-001"):
        assert here() is not None
    assert here() is None


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=50)


def test_opentelemetry_is_imported_only_where_it_is_configured() -> None:
    done = run_python(
        "import asyncio, sys; import edge.bus, edge.agents.orchestrator; from edge.bus.telemetry import exporting\n"
        "async def off():\n"
        "    async with exporting(None, 'kiosk-001'): pass\n"
        "asyncio.run(off())\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'opentelemetry']"
    )
    assert done.returncode == 0, done.stderr


def test_without_the_extra_it_is_said_how_to_get_it() -> None:
    done = run_python(
        "import asyncio, sys; sys.modules['opentelemetry'] = None\n"
        "from edge.bus.telemetry import TelemetryUnavailable, exporting\n"
        "async def on():\n"
        "    async with exporting('http://127.0.0.1:9', 'kiosk-001'): pass\n"
        "try: asyncio.run(on())\n"
        "except TelemetryUnavailable as error: print(error)"
    )
    assert "pip install 'kiosk-edge[telemetry]'" in done.stdout, done.stderr


def test_what_nothing_records_costs_no_more_than_a_call() -> None:
    """The same object every time, and nothing made for it; `make bench` has the nanoseconds."""
    first = telemetry.span(SAY, "vision", "kiosk.x", b"")
    assert first is telemetry.span(DO, "menu", "kiosk.y", b"", {})
    assert first is telemetry.under(None)
