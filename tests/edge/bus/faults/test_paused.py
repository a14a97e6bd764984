"""An instance that stands still for longer than ack_wait: a debugger, a swapping machine, a closed lid."""

from __future__ import annotations

import asyncio
import signal

import pytest

from edge.bus import Client, EmbeddedServer
from edge.bus.dead import envelope_of, graves
from edge.contract.dead import DeadCommand
from edge.contract.streams import CONSUMERS
from edge.contract.subjects import MENU_SEARCH, PAYMENT_PROCESS
from tests.edge.bus.counting import PATIENCE_S, Tally, ask_of, connected, emptied, outcome, running
from tests.edge.bus.faults.processes import processes
from tests.edge.bus.test_dead import undertaken

ACK_WAIT_S = 0.6


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("menu", "payment"):
        monkeypatch.setitem(CONSUMERS[name], "ack_wait", int(ACK_WAIT_S * 1_000_000_000))


async def all_dealt_with(bus: Client, tally: Tally, count: int) -> list[DeadCommand]:
    """Wait until `count` commands were done here or given up on; the latter."""
    async with asyncio.timeout(PATIENCE_S):
        while len(tally.begun) + len(dead := [grave.command async for grave in graves(bus)]) < count:
            await bus.settle()
    await emptied(bus)
    return dead


async def test_what_a_paused_instance_missed_is_not_done_again_when_it_wakes(each_server: EmbeddedServer) -> None:
    url, tally = each_server.url, Tally()
    async with (
        undertaken(url),
        connected(url) as asker,
        processes(url, "menu", ack_wait_s=ACK_WAIT_S) as (sleeper,),
        running(url, tally, "menu"),
    ):
        sleeper.signal(signal.SIGSTOP)
        asking = [
            asyncio.create_task(outcome(asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S)))
            for _ in range(40)
        ]
        # Done by the other, or given up on after three deliveries to the one that sleeps.
        dead = {envelope_of(record).msg_id for record in await all_dealt_with(asker, tally, 40)}
        meanwhile = set(tally.begun)
        assert len(meanwhile) > 20
        sleeper.signal(signal.SIGCONT)
        while not sleeper.begun:  # until it is at work again
            await asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S)
        await emptied(asker)
        assert not tally.twice
        assert not set(sleeper.begun) & (meanwhile | dead)
        assert len(sleeper.begun) == len(set(sleeper.begun))
        for task in asking:
            task.cancel()


async def test_a_payment_given_to_a_paused_instance_is_done_by_no_other(each_server: EmbeddedServer) -> None:
    """Delivered once means once: the one that has it does it when it wakes, if its deadline has not passed."""
    url, tally = each_server.url, Tally()
    async with (
        undertaken(url),
        connected(url) as asker,
        processes(url, "payment", ack_wait_s=ACK_WAIT_S) as (sleeper,),
        running(url, tally, "payment"),
    ):
        sleeper.signal(signal.SIGSTOP)
        asking = [
            asyncio.create_task(outcome(asker.request(PAYMENT_PROCESS, ask_of(PAYMENT_PROCESS), timeout=PATIENCE_S)))
            for _ in range(20)
        ]
        dead = await all_dealt_with(asker, tally, 20)
        assert {record.reason for record in dead} <= {"given_up"}
        sleeper.signal(signal.SIGCONT)
        assert await asyncio.gather(*asking) == ["success"] * 20
        assert not set(sleeper.begun) & set(tally.begun)
        assert set(sleeper.begun) == {envelope_of(record).msg_id for record in dead}
        assert not tally.twice
