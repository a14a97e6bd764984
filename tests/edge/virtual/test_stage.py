"""Stage directions that can't be followed are said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.virtual.stage import Stage, StageError


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage({"nobody": tmp_path / "absent.png"})
    yield stage
    await stage.close()


async def test_what_is_not_there_is_named(stage: Stage) -> None:
    with pytest.raises(StageError, match="no scene 'moon'; there are: empty, nobody"):
        await stage.show("moon")
    with pytest.raises(StageError, match="no sentence 'x'"):
        await stage.say("x")
    with pytest.raises(StageError, match="no card 'x'"):
        await stage.tap("x")
    with pytest.raises(StageError, match="can't 'explode'"):
        stage.handle_printer("explode")


@pytest.mark.parametrize("data", [b"", b"junk", b"\x89PNG\r\n\x1a\n"])
async def test_what_is_no_picture_is_refused(stage: Stage, data: bytes) -> None:
    with pytest.raises(StageError, match="not a picture"):
        await stage.show_picture(data)
    assert stage.scene == "empty"


@pytest.mark.parametrize("data", [b"", b"junk", b"RIFF\x24\x00\x00\x00WAVE"])
async def test_what_is_no_recording_is_refused(stage: Stage, data: bytes) -> None:
    with pytest.raises(StageError, match="the recording is not a WAV file"):
        await stage.say_recording(data)


async def test_the_wallet_has_cards_that_answer(stage: Stage) -> None:
    taps = stage.reader.taps()
    assert await stage.tap("good")
    first = await asyncio.wait_for(anext(taps), 5)
    assert await stage.tap("loyalty")
    second = await asyncio.wait_for(anext(taps), 5)
    assert (first.loyalty_id, second.loyalty_id) == (None, "LOYALTY123")
    assert first.uid != second.uid


async def test_the_printer_is_handled(stage: Stage) -> None:
    changes: list[str] = []
    stage.listen(lambda: changes.append(stage.paper))
    stage.handle_printer("empty_roll")
    stage.handle_printer("load_roll")
    stage.printer.roll_near_end()
    stage.handle_printer("open_cover")
    assert changes[0] == "out"
    assert changes[1] == "ok"
    assert changes[-1] == "low"
    assert stage.printer.cover_open


async def test_recorded_sentences_say_what_their_names_say(stage: Stage) -> None:
    assert "I want a volcano burger with extra cheese" in [each.text for each in stage.sentences]
    assert all(each.path.stat().st_size > 1000 for each in stage.sentences)
