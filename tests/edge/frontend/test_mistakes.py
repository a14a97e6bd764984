"""Mistakes in the configuration, on the page: above all else, in nobody's way, until they are mended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import expect

from edge.firstboot import Places, first_boot

from . import samples
from .conftest import Kiosk

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_a_boot_found_wrong_is_on_the_screen(kiosk: Kiosk, tmp_path: Path) -> None:
    places = Places(tmp_path / "boot", tmp_path / "data", tmp_path / "root")
    for folder in (places.boot, places.data, places.root / "etc"):
        folder.mkdir(parents=True)
    (places.boot / "kiosk.toml").write_text('[devices]\nprnter = "<b>pcsc:</b>"\n')
    first_boot(places)
    (tmp_path / "mistakes.json").write_bytes(places.mistakes.read_bytes())
    page = await kiosk.open(ready=False)
    told = page.locator("#mistakes")
    await expect(told).to_contain_text("kiosk.toml, line 2")
    await expect(told).to_contain_text("Did you mean printer?")
    # The bus has nothing to show yet, so the page is covered; this isn't.
    assert await page.evaluate(
        """() => {
          const box = document.getElementById("mistakes").getBoundingClientRect();
          return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2).closest("#mistakes") !== null;
        }"""
    )
    await kiosk.show(samples.ALL[0])
    await expect(page.locator("#stage")).to_contain_text("Start")
    stage = await page.locator("#stage").bounding_box()
    box = await told.bounding_box()
    assert stage is not None
    assert box is not None
    assert stage["y"] >= box["y"] + box["height"] - 1
    assert kiosk.complaints == []


async def test_without_mistakes_there_is_nothing(kiosk: Kiosk, tmp_path: Path) -> None:
    await kiosk.show(samples.ALL[0])
    page = await kiosk.open()
    await expect(page.locator("#mistakes")).to_be_hidden()
    stage = await page.locator("#stage").bounding_box()
    assert stage is not None
    assert stage["y"] == 0
    (tmp_path / "mistakes.json").write_text(json.dumps({"title": "<img src=x>", "mistakes": [{"where": "<b>"}]}))
    await page.reload()
    await expect(page.locator("#mistakes")).to_contain_text("<b>")
    (tmp_path / "mistakes.json").unlink()
    await page.reload()
    await expect(page.locator("#mistakes")).to_be_hidden()
    assert kiosk.complaints == []
