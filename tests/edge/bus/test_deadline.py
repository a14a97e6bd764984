"""A command past its deadline is never carried out; one within it is, whatever the clock on the wall does."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import pytest
from nats.aio.msg import Msg

from edge.bus import Client, EmbeddedServer
from edge.bus.dead import graves
from edge.bus.deadline import Deadline, boot_id, uptime_s
from edge.contract.dead import DeadCommand
from edge.contract.envelope import DEADLINE, NATSMessage
from edge.contract.examples import ASKS
from edge.contract.streams import CONSUMERS
from edge.contract.subjects import COMMANDS, MENU_SEARCH, Command
from tests.edge.bus.counting import Tally, ask_of, connected, durable, emptied, outcome, plain, running

HOUR_S = 3600.0


def jump(monkeypatch: pytest.MonkeyPatch, by_s: float) -> None:
    """Set this process's clock on the wall."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + by_s)


async def passed(deadline_s: float) -> None:
    """Return when `deadline_s` (of `uptime_s`) lies behind."""
    reached = asyncio.Event()
    asyncio.get_running_loop().call_later(max(0.0, deadline_s - uptime_s()) + 0.01, reached.set)
    await reached.wait()


async def send(
    bus: Client, command: Command[Any, Any], deadline: Deadline | str | None
) -> tuple[str, asyncio.Queue[Msg]]:
    """A durable ask without our SDK: its msg_id, and where its answer comes."""
    inbox = bus.nc.new_inbox()
    answers: asyncio.Queue[Msg] = asyncio.Queue()
    await bus.nc.subscribe(inbox, cb=answers.put)
    ask = NATSMessage.create(bus.session_id, ASKS[command.subject])
    await bus.nc.publish(command.subject, ask.to_json().encode(), headers=durable(inbox, deadline))
    await bus.settle()
    return ask.msg_id, answers


async def buried(bus: Client) -> list[DeadCommand]:
    return [grave.command async for grave in graves(bus)]


# -- the header --------------------------------------------------------------------------------------------------


def test_a_deadline_is_read_as_it_was_said() -> None:
    said = Deadline.within(2)
    read = Deadline.read({DEADLINE: str(said)})
    assert read == said
    assert read is not None
    assert 1.5 < read.left_s() <= 2.001
    assert Deadline.within(-1).left_s() < 0


def test_none_is_none_and_one_that_cannot_be_read_has_passed() -> None:
    assert Deadline.read({}) is None
    for text in ("", "soon", "1e99", f"{int(time.time() * 1000) + 60_000} {boot_id()}:soon"):
        unreadable = Deadline.read({DEADLINE: text})
        assert unreadable is not None
        assert unreadable.left_s() < 0, text


@pytest.mark.parametrize("by_s", [-HOUR_S, HOUR_S])
def test_a_clock_that_jumps_moves_no_deadline_of_this_boot(monkeypatch: pytest.MonkeyPatch, by_s: float) -> None:
    if not boot_id():
        pytest.skip("this system has no boot id: only wall clocks can be compared")
    soon, gone = str(Deadline.within(30)), str(Deadline.within(-1))
    jump(monkeypatch, by_s)
    read = [Deadline.read({DEADLINE: text}) for text in (soon, gone)]
    assert [deadline is not None and deadline.left_s() > 0 for deadline in read] == [True, False]


@pytest.mark.parametrize("words", ["", f" {uuid.UUID(int=7)}:1", f" {uuid.UUID(int=7)}:99999999999999"])
def test_another_machines_deadline_goes_by_the_wall_clock(words: str) -> None:
    for left_s in (-60, 60):
        read = Deadline.read({DEADLINE: f"{int((time.time() + left_s) * 1000)}{words}"})
        assert read is not None
        assert abs(read.left_s() - left_s) < 5


# -- on the bus --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.subject)
async def test_a_command_that_waited_past_its_deadline_is_not_done(
    nats_server: EmbeddedServer, command: Command[Any, Any]
) -> None:
    tally = Tally()
    tally.hold.clear()
    url = nats_server.url
    async with running(url, tally, command.done_by, at_once=1) as (agent,), connected(url) as asker:
        first = asyncio.create_task(asker.request(command, ask_of(command), timeout=30))
        await tally.until(lambda: len(tally.begun) == 1)
        assert await outcome(asker.request(command, ask_of(command), timeout=0.1)) == "TIMEOUT"
        tally.hold.set()
        await first
        await asker.request(command, ask_of(command), timeout=30)
        await emptied(asker)
        assert len(tally.begun) == 2  # the first and the last
        (record,) = await buried(asker)
        assert (record.reason, record.subject, record.agent) == ("expired", command.subject, agent.name)


@pytest.mark.parametrize("name", CONSUMERS)
async def test_a_command_whose_agent_was_down_until_its_deadline_is_not_done(
    each_server: EmbeddedServer, name: str
) -> None:
    tally, url = Tally(), each_server.url
    commands = [command for command in COMMANDS if command.done_by == name]
    async with connected(url) as asker:
        late = Deadline.within(0.05)
        for command in commands:
            await send(asker, command, late)
        intime = [(await send(asker, command, Deadline.within(60)))[0] for command in commands]
        assert late.uptime_ms is not None
        await passed(late.uptime_ms / 1000)
        async with running(url, tally, name):
            await emptied(asker)
        assert sorted(tally.begun) == sorted(intime)
        assert [(record.reason, record.agent) for record in await buried(asker)] == [("expired", name)] * len(commands)


@pytest.mark.parametrize("by_s", [-HOUR_S, HOUR_S])
async def test_a_clock_jump_while_it_waits_neither_kills_nor_revives_a_command(
    nats_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, by_s: float
) -> None:
    if not boot_id():
        pytest.skip("this system has no boot id: only wall clocks can be compared")
    tally, url = Tally(), nats_server.url
    async with connected(url) as asker:
        late = Deadline.within(0.05)
        await send(asker, MENU_SEARCH, late)
        wanted, answers = await send(asker, MENU_SEARCH, Deadline.within(60))
        assert late.uptime_ms is not None
        await passed(late.uptime_ms / 1000)
        jump(monkeypatch, by_s)
        async with running(url, tally, "menu"):
            await asyncio.wait_for(answers.get(), 10)
            await emptied(asker)
        assert tally.begun == [wanted]
        assert [record.reason for record in await buried(asker)] == ["expired"]


async def test_a_foreign_askers_deadline_counts_too(nats_server: EmbeddedServer) -> None:
    """One that knows the header and no uptime; and one that gives no deadline: KIOSK_COMMANDS' max_age is its end."""
    tally, url = Tally(), nats_server.url
    async with running(url, tally, "menu"), connected(url) as asker:
        now_ms = int(time.time() * 1000)
        await send(asker, MENU_SEARCH, str(now_ms - 60_000))
        await send(asker, MENU_SEARCH, "soon")
        intime, _ = await send(asker, MENU_SEARCH, str(now_ms + 60_000))
        endless, _ = await send(asker, MENU_SEARCH, None)
        await emptied(asker)
        assert sorted(tally.begun) == sorted([intime, endless])
        assert [record.reason for record in await buried(asker)] == ["expired", "expired"]


async def test_a_live_ask_has_no_deadline(nats_server: EmbeddedServer) -> None:
    """What a plain client can't say, nobody knows: done late, answered to nobody, and once."""
    tally, url = Tally(), nats_server.url
    tally.hold.clear()
    async with running(url, tally, "menu", at_once=1), plain(url) as stranger, connected(url) as asker:
        ask = NATSMessage.create(asker.session_id, ASKS[MENU_SEARCH.subject]).to_json().encode()
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await stranger.request(MENU_SEARCH.subject, ask, timeout=0.05)
        tally.hold.set()
        await tally.until(lambda: len(tally.ended) == 2)
        await emptied(asker)
        assert len(tally.begun) == 2
