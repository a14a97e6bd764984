"""An OTLP/HTTP collector on loopback that keeps the spans it is sent, as the protocol's own messages."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

WAIT_S = 15


@dataclass(frozen=True)
class Span:
    """One span, and who sent it."""

    wire: WireSpan
    service: dict[str, str]

    @property
    def name(self) -> str:
        return self.wire.name

    @property
    def trace_id(self) -> str:
        """As a UUID is written."""
        text = self.wire.trace_id.hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    @property
    def who(self) -> str:
        return self.service["service.name"]

    @property
    def failed(self) -> bool:
        return self.wire.status.code == Status.STATUS_CODE_ERROR

    @property
    def attributes(self) -> dict[str, str]:
        return _texts(self.wire.attributes)


@dataclass
class Collector:
    """What came; `url` is what kiosk.toml's telemetry.endpoint would be."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, good: Callable[[list[Span]], bool]) -> list[Span]:
        """All spans, once they are `good`."""
        async with asyncio.timeout(WAIT_S), self.news:
            await self.news.wait_for(lambda: good(self.spans))
        return self.spans

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> Span:
        (span,) = self.named(name)
        return span

    async def take(self, request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == "application/x-protobuf"
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        export = ExportTraceServiceRequest()
        export.ParseFromString(body)
        async with self.news:
            for resource in export.resource_spans:
                service = _texts(resource.resource.attributes)
                self.spans += [Span(span, service) for scope in resource.scope_spans for span in scope.spans]
            self.news.notify_all()
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )


def _texts(attributes: Any) -> dict[str, str]:
    return {each.key: each.value.string_value for each in attributes}


@asynccontextmanager
async def a_collector() -> AsyncIterator[Collector]:
    """A collector on a free port."""
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    collector.url = f"http://{host}:{port}"
    yield collector
    await runner.cleanup()
