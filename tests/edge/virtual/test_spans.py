"""A story's spans at a real collector, with one line of kiosk.toml."""

from __future__ import annotations

from pathlib import Path

from edge.bus.history import last_journey
from edge.bus.telemetry import exporting
from edge.config import parse
from edge.contract.subjects import MENU_DETAILS, PAYMENT_PROCESS, PERSON_DETECTED, PRINT_RECEIPT, SESSION_STARTED
from edge.models import Store
from edge.virtual.kiosk import VirtualKiosk
from edge.virtual.story import Story
from tests.edge.bus.collector import Collector, Span, a_collector


async def test_a_story_is_one_trace_of_spans(model_store: Store, tmp_path: Path) -> None:
    async with a_collector() as collector:
        config = parse(f'[telemetry]\nendpoint = "{collector.url}"\n')
        async with (
            exporting(config.telemetry.endpoint, config.kiosk.id),
            VirtualKiosk(config, model_store, tmp_path / "data") as kiosk,
        ):
            await Story(kiosk.stage, kiosk.bus, lambda _: None).play()
            journey = await last_journey(kiosk.bus)
        spans = [span for span in collector.spans if span.trace_id == journey.trace_id]
        assert not [span for span in spans if span.failed]
        # Every event of the record that an agent said, once.
        said = {entry.message.msg_id for entry in journey.entries if not isinstance(entry.message, Exception)}
        assert {_msg_id(span) for span in spans if span.name.startswith("say ")} == said
        # Each command: asked by the one, done by the other, below the asking.
        for command in (MENU_DETAILS, PAYMENT_PROCESS, PRINT_RECEIPT):
            asked = {span.wire.span_id: span for span in spans if span.name == f"ask {command.subject}"}
            done = [span for span in spans if span.name == f"do {command.subject}"]
            assert asked
            assert {span.wire.parent_span_id for span in done} == set(asked)
            assert {span.who for span in done} == {command.done_by}
            for span in done:
                outer = asked[span.wire.parent_span_id].wire
                assert outer.start_time_unix_nano <= span.wire.start_time_unix_nano
                assert span.wire.end_time_unix_nano <= outer.end_time_unix_nano
        # What the orchestrator says about a customer who came is below their coming.
        came = _one(spans, f"say {PERSON_DETECTED.subject}")
        heard = _one(spans, f"hear {PERSON_DETECTED.subject}")
        begun = _one(spans, f"say {SESSION_STARTED.subject}")
        assert heard.wire.parent_span_id == came.wire.span_id
        assert begun.wire.parent_span_id == heard.wire.span_id
        assert (came.who, heard.who, begun.who) == ("vision", "orchestrator", "orchestrator")
        _nothing_of_the_customer_is_told(collector)


def _msg_id(span: Span) -> str:
    return span.attributes["messaging.message.id"]


def _one(spans: list[Span], name: str) -> Span:
    (span,) = [span for span in spans if span.name == name]
    return span


def _nothing_of_the_customer_is_told(collector: Collector) -> None:
    told = " ".join(str(span.wire) for span in collector.spans)
    for words in ("burger", "LOYALTY123", "Volcano"):
        assert words not in told
