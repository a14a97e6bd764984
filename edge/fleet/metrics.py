"""The fleet as Prometheus metrics, and the small server that answers for them. docs/fleet.md lists them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.fleet.books import Book
from edge.fleet.keeper import Keeper

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_OF_A_KIOSK: Final = ["kiosk", "stream"]


class _Kept(Collector):
    """What the keeper knows, for one scrape."""

    def __init__(self, keeper: Keeper, now_s: float) -> None:
        self._keeper = keeper
        self._now_s = now_s

    def collect(self) -> Iterable[Metric]:
        """Every metric; of kiosks that were never there only that."""
        keeper = self._keeper
        members = [book for _, book in sorted(keeper.books.items()) if book.member]
        yield _gauge("fleet_keeper_keeping", "1 when this keeper keeps the books; another one may.", keeper.keeping)
        if keeper.looked_s is not None:
            age_s = max(0.0, self._now_s - keeper.looked_s)
            yield _gauge("fleet_keeper_look_age_seconds", "Since every kiosk was last asked how it is.", age_s)
        yield _gauge("fleet_kiosks", "Kiosks that may sign in.", len(members))
        yield _gauge("fleet_kiosks_connected", "Of them, those that answer.", sum(each.connected for each in members))
        yield from _streams(keeper.streams)
        yield from _kiosks(members, list(keeper.books.values()), self._now_s)


def _streams(streams: dict[str, dict[str, int]]) -> Iterator[Metric]:
    words = {
        "messages": "Events that the stream keeps.",
        "bytes": "Their size.",
        "sources": "Kiosks that it takes events from.",
        "replicas_behind": "Copies that are not up to date, or whose node is away.",
    }
    for name, text in words.items():
        metric = GaugeMetricFamily(f"fleet_stream_{name}", text, labels=["stream"])
        for stream, state in sorted(streams.items()):
            metric.add_metric([stream], state[name])
        yield metric


def _kiosks(members: list[Book], every: list[Book], now_s: float) -> Iterator[Metric]:
    connected = GaugeMetricFamily("fleet_kiosk_connected", "1 when the kiosk answers.", labels=_OF_A_KIOSK)
    away = GaugeMetricFamily(
        "fleet_kiosk_cut_off_seconds", "Since the kiosk last answered; 0 when it does.", labels=_OF_A_KIOSK
    )
    losing = GaugeMetricFamily(
        "fleet_kiosk_losing", "1 when it has been away for longer than it keeps its events.", labels=_OF_A_KIOSK
    )
    lag = GaugeMetricFamily(
        "fleet_kiosk_lag_events", "Events that the kiosk has and the hub hasn't, when it last told.", labels=_OF_A_KIOSK
    )
    fill = GaugeMetricFamily(
        "fleet_kiosk_fill_ratio", "Of the events that a kiosk may keep, how many it keeps; 0 to 1.", labels=_OF_A_KIOSK
    )
    last = GaugeMetricFamily(
        "fleet_kiosk_last_event_timestamp_seconds", "When the hub stored its newest event.", labels=_OF_A_KIOSK
    )
    info = GaugeMetricFamily("fleet_kiosk_info", "1; the version is in the label.", labels=[*_OF_A_KIOSK, "version"])
    for book in members:
        labels = [book.kiosk, book.stream]
        connected.add_metric(labels, book.connected)
        away.add_metric(labels, book.cut_off_s(now_s))
        losing.add_metric(labels, book.losing(now_s))
        if book.lag is not None and book.origin is not None:
            lag.add_metric(labels, book.lag)
            if book.origin.max_messages > 0:
                fill.add_metric(labels, book.origin.messages / book.origin.max_messages)
        if book.last_event_s is not None:
            last.add_metric(labels, book.last_event_s)
        if book.version:
            info.add_metric([*labels, book.version], 1)
    yield from (connected, away, losing, lag, fill, last, info)
    arrived = CounterMetricFamily("fleet_kiosk_events", "Events that arrived.", labels=_OF_A_KIOSK)
    lost = CounterMetricFamily(
        "fleet_kiosk_lost_events", "Events that the kiosk's limits took before the hub had them.", labels=_OF_A_KIOSK
    )
    restarts = CounterMetricFamily(
        "fleet_kiosk_restarts", "How often the kiosk came with a new event stream.", labels=_OF_A_KIOSK
    )
    for book in sorted(every, key=lambda each: each.kiosk):  # a counter doesn't end with a revocation
        labels = [book.kiosk, book.stream]
        arrived.add_metric(labels, book.arrived)
        lost.add_metric(labels, book.lost)
        restarts.add_metric(labels, book.restarts)
    yield from (arrived, lost, restarts)


def metrics_text(keeper: Keeper, now_s: float | None = None) -> bytes:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Kept(keeper, time.time() if now_s is None else now_s))
    return generate_latest(registry)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=float(value))


class Exporter:
    """Answers /metrics and /healthz on `host` and `port`; 0 picks a free port."""

    def __init__(self, keeper: Keeper, *, host: str = "127.0.0.1", port: int = 9700) -> None:
        self._keeper = keeper
        self._host = host
        self._wanted_port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Exporter:
        app = web.Application()
        app.router.add_get("/metrics", self._scrape)
        app.router.add_get("/healthz", self._health)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._wanted_port).start()
        except OSError as error:
            await self._runner.cleanup()
            text = f"the fleet's metrics can't be served on {self._host}:{self._wanted_port}: {error.strerror}"
            raise OSError(error.errno, text) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it answers."""
        assert self._runner is not None  # noqa: S101 - __aenter__ made it
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _scrape(self, _request: web.Request) -> web.Response:
        return web.Response(body=metrics_text(self._keeper), headers={"Content-Type": CONTENT_TYPE})

    async def _health(self, _request: web.Request) -> web.Response:
        well = self._keeper.keeping and self._keeper.looked_s is not None
        return web.json_response(
            {"keeping": self._keeper.keeping, "looked_s": self._keeper.looked_s}, status=200 if well else 503
        )
