"""The report's page: complete, self-contained, and fit to be looked at."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser

from bench import Frame, Paper
from bench.page import page, write_page
from bench.pictures import strip_over_time
from bench.record import Record, Run
from bench.table import skipped_table
from tests.edge.conftest import browser as browser  # noqa: PLC0414 - a fixture, for these tests too


@pytest.fixture
def run() -> Run:
    kept = Record("test_a", "A receipt is printed once", "Once <and> only once", began_s=100.0, took_s=2.0)
    kept.outcome = "kept"
    kept.figures["tap to event, median"] = "181 ms"
    kept.note("person", "Hold the payment card to the reader", at_s=100.1)
    kept.note("person", "Take it away", at_s=100.11)
    kept.note("bus", "kiosk.input.card_tap", '{"card": "<b>"}', at_s=100.3)
    kept.note("paper", "A receipt", at_s=101.0)
    picture = io.BytesIO()
    Image.new("RGBA", (64, 96), (252, 251, 246, 255)).save(picture, "PNG")
    kept.papers.append(Paper("TOTAL 12.99", picture.getvalue()))
    kept.frames = [Frame(99.0, ("#000000",) * 4), Frame(100.5, ("#00FF00",) * 4), Frame(101.5, ("#000000",) * 4)]
    broken = Record("test_b", "The lights end", "They end", took_s=1.0, reason="AssertionError: they don't & won't")
    skipped = Record("test_c", "The power may be cut", "It comes back", reason="bench mock can't cut power: none")
    skipped.outcome = "skipped"
    return Run(
        "mock", {"commit": "abc123", "image": "this <checkout>"}, {"printer": "simulated"}, [kept, broken, skipped]
    )


@pytest.mark.asyncio(loop_scope="session")
async def test_the_page_shows_everything_and_fetches_nothing(run: Run, browser: Browser, tmp_path: Path) -> None:
    write_page(run, tmp_path / "index.html")
    tab = await browser.new_page(viewport={"width": 1100, "height": 900})
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda ask: None if ask.url.startswith(("file:", "data:")) else wrong.append(ask.url))
    await tab.goto((tmp_path / "index.html").as_uri())
    text = await tab.inner_text("body")
    for words in ("Bench mock", "abc123", "this <checkout>", "Once <and> only once", "181 ms", "they don't & won't"):
        assert words in text
    assert "bench mock can't cut power" in await tab.inner_text("#not-shown")
    assert await tab.locator(".tile.kept b").inner_text() == "1"
    assert await tab.locator(".tile.broken b").inner_text() == "1"
    assert await tab.locator("svg .said").count() == 1
    assert await tab.locator("svg .number").all_text_contents() == ["1–2"]  # what would overlap shares a mark
    assert await tab.locator("svg image").count() == 1
    shown = await tab.evaluate("[...document.images].slice(0, 1).every(img => img.complete && img.naturalWidth > 0)")
    assert shown
    await tab.locator(".papers img").click()
    assert await tab.locator("#big").is_visible()
    for width in (1100, 400):
        await tab.set_viewport_size({"width": width, "height": 900})
        wide = await tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"it doesn't fit {width} px"
    assert not wrong
    await tab.close()


def test_a_strip_over_time_is_what_it_showed(run: Run) -> None:
    strip = Image.open(io.BytesIO(strip_over_time(run.records[0].frames, 100.0, 102.0, width_px=200)))
    assert strip.size == (200, 12)
    assert [strip.getpixel((x, 5)) for x in (10, 100, 190)] == [(0, 0, 0), (0, 255, 0), (0, 0, 0)]


def test_what_was_not_shown_is_listed_by_reason(run: Run) -> None:
    lines = skipped_table(run)
    assert lines == ["bench mock: not shown here", "  bench mock can't cut power: none", "    - It comes back"]
    run.records.pop()
    assert skipped_table(run) == ["bench mock: every promise was put to the test"]


def test_a_run_without_breakage_says_so_in_its_title(run: Run) -> None:
    assert "<title>mock: 1 broken</title>" in page(run)
    run.records.pop(1)
    assert "<title>mock: 1 kept</title>" in page(run)
