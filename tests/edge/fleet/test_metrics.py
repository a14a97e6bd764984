"""The fleet's metrics, and that the dashboard and the alerts use no others."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from edge.bus.hub import Hub
from edge.fleet.books import Book, KioskStream
from edge.fleet.keeper import Keeper
from edge.fleet.metrics import Exporter, metrics_text

NAME = re.compile(r"\bfleet_[a-z_]+")


@pytest.fixture
def keeper() -> Keeper:
    """A keeper of two kiosks, one of them away for two days, and one that was revoked."""
    made = Keeper(Hub((), user="keeper", key_file=None))  # type: ignore[arg-type]  # it never connects
    made.looked_s = 990.0
    made.streams = {"FLEET_EVENTS": {"messages": 5, "bytes": 500, "sources": 2, "replicas_behind": 1}}
    stream = KioskStream(first=1, last=20, messages=20, created="x", max_messages=100)
    made.books = {
        "here": Book(
            kiosk="here",
            stream="FLEET_EVENTS",
            connected=True,
            since_s=1.0,
            seen=15,
            arrived=15,
            lost=3,
            last_event_s=980.0,
            version="1.2",
            origin=stream,
            restarts=1,
        ),
        "away": Book(kiosk="away", stream="FLEET_EVENTS", since_s=1000.0 - 2 * 86400),
        "gone": Book(kiosk="gone", stream="FLEET_EVENTS", member=False, lost=7),
    }
    return made


def samples(keeper: Keeper) -> dict[tuple[str, str], float]:
    text = metrics_text(keeper, 1000.0).decode()
    return {
        (sample.name, sample.labels.get("kiosk", sample.labels.get("stream", ""))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_each_kiosk_is_told_of(keeper: Keeper) -> None:
    found = samples(keeper)
    assert (found["fleet_kiosks", ""], found["fleet_kiosks_connected", ""]) == (2, 1)
    assert found["fleet_kiosk_lag_events", "here"] == 5
    assert found["fleet_kiosk_fill_ratio", "here"] == 0.2
    assert found["fleet_kiosk_lost_events_total", "here"] == 3
    assert found["fleet_kiosk_cut_off_seconds", "away"] == 2 * 86400
    assert (found["fleet_kiosk_losing", "away"], found["fleet_kiosk_losing", "here"]) == (1, 0)
    assert found["fleet_keeper_look_age_seconds", ""] == 10
    assert found["fleet_stream_replicas_behind", "FLEET_EVENTS"] == 1


def test_what_is_not_known_is_not_told(keeper: Keeper) -> None:
    found = samples(keeper)
    assert ("fleet_kiosk_lag_events", "away") not in found
    assert ("fleet_kiosk_connected", "gone") not in found
    assert found["fleet_kiosk_lost_events_total", "gone"] == 7  # a counter doesn't end with a revocation


@pytest.mark.parametrize("file", ["dashboard.json", "fleet-alerts.yml"])
def test_what_is_shown_and_alerted_on_exists(keeper: Keeper, file: str) -> None:
    text = files("edge.fleet").joinpath(file).read_text(encoding="utf-8")
    parsed = json.loads(text) if file.endswith("json") else yaml.safe_load(text)
    used = set(
        NAME.findall(
            json.dumps([each["targets"] for each in parsed["panels"]])
            if "panels" in parsed
            else json.dumps([rule["expr"] for rule in parsed["groups"][0]["rules"]])
        )
    )
    known = {name for name, _ in samples(keeper)}
    assert used
    assert used <= known, f"no such metrics: {sorted(used - known)}"


async def test_the_exporter_answers(keeper: Keeper) -> None:
    async with Exporter(keeper, port=0) as exporter, aiohttp.ClientSession() as web:
        async with web.get(f"{exporter.url}/metrics") as answer:
            assert "fleet_kiosks 2.0" in await answer.text()
        async with web.get(f"{exporter.url}/healthz") as answer:
            assert answer.status == 503  # it doesn't keep the books
        with pytest.raises(OSError, match="can't be served"):
            async with Exporter(keeper, port=int(exporter.url.rsplit(":", 1)[1])):
                pass
