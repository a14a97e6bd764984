"""Timers and how they are set."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest

from edge.agents.orchestrator import OrchestratorAgent
from edge.agents.orchestrator.timing import Deed, Timers, Timing
from edge.assembly import Assembly
from edge.config import ConfigError, Orchestrator, parse
from edge.models import Store


async def test_a_timer_that_was_set_anew_or_cancelled_does_nothing_even_when_due() -> None:
    queue: asyncio.Queue[Deed] = asyncio.Queue()
    timers = Timers(queue.put_nowait)
    done: list[str] = []

    def deed(name: str) -> Deed:
        async def do() -> None:
            done.append(name)

        return do

    timers.set("idle", 0.001, deed("first"))
    overtaken = await asyncio.wait_for(queue.get(), 5)  # due, waiting for its turn
    timers.set("idle", 0.001, deed("second"))
    await overtaken()
    assert done == []
    await (await asyncio.wait_for(queue.get(), 5))()
    assert done == ["second"]
    assert not timers.is_set("idle")

    timers.set("left", 0.001, deed("third"))
    cancelled = await asyncio.wait_for(queue.get(), 5)
    assert timers.is_set("left")
    timers.cancel("left")
    await cancelled()
    assert done == ["second"]


async def test_clear_forgets_all() -> None:
    timers = Timers(lambda _: None)

    async def nothing() -> None: ...

    timers.set("idle", 60, nothing)
    timers.set("goodbye", 60, nothing)
    timers.clear()
    assert not timers.is_set("idle")
    assert not timers.is_set("goodbye")


@pytest.mark.parametrize("wrong", [{"idle_s": 0}, {"goodbye_s": -1}, {"receipt_s": float("nan")}, {"idle_s": 10}])
def test_times_that_cannot_work_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Timing(**wrong)


def test_the_kiosks_settings_are_these_waits() -> None:
    settings = {name: value for name, value in msgspec.structs.asdict(Orchestrator()).items() if name != "receipts_url"}
    assert settings == {each.name: each.default for each in fields(Timing) if each.name in settings}
    assert {each.name for each in fields(Timing)} - settings.keys() == {
        "look_again_s",
        "cancel_again_s",
        "show_again_s",
    }


def test_a_kiosks_settings_reach_its_orchestrator(tmp_path: Path) -> None:
    text = "[orchestrator]\nidle_s = 33.0\nresume_s = 7.0\nreceipts_url = 'https://shop.example/r/'"
    agent = Assembly(parse(text), Store(tmp_path), tmp_path, bus_url="nats://127.0.0.1:1").build("orchestrator")
    assert isinstance(agent, OrchestratorAgent)
    assert (agent.timing.idle_s, agent.timing.resume_s) == (33.0, 7.0)
    assert agent.address("t.pdf") == "https://shop.example/r/t.pdf"
    assert agent._keeper.path == tmp_path / "orchestrator" / "session.json"
    with pytest.raises(ConfigError, match="idle_warning_s has to be less"):
        parse("[orchestrator]\nidle_s = 10.0")
