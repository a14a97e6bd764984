"""The keeper and its reader while the hub fails under them: nothing is told as lost that is only late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from nats.js.api import ConsumerInfo

from edge.bus.connection import BusUnreachable
from edge.bus.hub import Hub, _nothing_for
from edge.bus.hub_reader import Reader
from edge.contract.fleet import FLEET_EVENTS
from edge.fleet.keeper import TALLY, Keeper, books

from .conftest import SmallFleet

pytestmark = pytest.mark.timeout(240)  # as in test_fleet.py


async def read(reader: Reader, count: int, wait_s: float = 1.0) -> list[int | None]:
    """The kiosk's own numbers of the next messages, as many as `count`."""
    found: list[int | None] = []
    while len(found) < count:
        found += [each.origin for each in await reader.next(count - len(found), wait_s)]
    return found


@pytest.fixture
async def hub(fleet: SmallFleet) -> AsyncIterator[Hub]:
    """A hub that has six events of a kiosk "one"."""
    await (await fleet.kiosk("one")).say(6)
    async with fleet.hub.sign_in(fleet.hub.folder.path, "keeper") as hub:
        await read(Reader(hub, FLEET_EVENTS, "counting"), 6)
        yield hub


async def test_a_reader_after_one_that_died_begins_behind_what_was_done(fleet: SmallFleet, hub: Hub) -> None:
    first = Reader(hub, FLEET_EVENTS, TALLY)
    assert await read(first, 2) == [1, 2]
    await first.done()
    assert await read(first, 2) == [3, 4]  # and dies
    second = Reader(hub, FLEET_EVENTS, TALLY)
    assert await read(second, 4) == [3, 4, 5, 6]
    await second.done()
    await fleet.kiosks["one"].say(1)
    assert await read(Reader(hub, FLEET_EVENTS, TALLY), 1) == [7]


async def test_messages_that_were_lost_on_their_way_are_read_again(hub: Hub) -> None:
    reader = Reader(hub, FLEET_EVENTS, TALLY)
    assert await read(reader, 2) == [1, 2]
    await reader.done()
    thief = await hub.nc.jetstream().pull_subscribe_bind(durable=TALLY, stream=FLEET_EVENTS)
    assert len(await thief.fetch(2)) == 2
    assert await read(reader, 4) == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("pending", "delivered", "nothing"),
    [
        (0, 0, True),
        (3, 0, False),
        (0, 3, False),  # the answer overtook the messages, which come by another route of the hub's
    ],
)
def test_a_stream_is_empty_when_nothing_is_pending_and_nothing_was_sent(
    pending: int, delivered: int, nothing: bool
) -> None:
    places = {"consumer_seq": delivered, "stream_seq": delivered}
    said = {
        "name": "n",
        "stream_name": "s",
        "config": {},
        "created": "2026-01-01T00:00:00Z",
        "num_pending": pending,
        "delivered": places,
    }
    assert _nothing_for(ConsumerInfo.from_response(said)) == nothing


async def test_books_that_could_not_be_written_are_written_later(
    fleet: SmallFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fleet.kiosk("one")
    async with fleet.hub.sign_in(fleet.hub.folder.path, "keeper") as hub:
        keeper = Keeper(hub)
        really = hub.store
        refused: list[str] = []

        async def store(subject: str, data: dict[str, Any], **options: Any) -> int:
            if not refused:
                refused.append(subject)
                raise BusUnreachable("two nodes are away")
            return await really(subject, data, **options)

        monkeypatch.setattr(hub, "store", store)
        with pytest.raises(BusUnreachable, match="two nodes"):
            await keeper.look()
        assert await books(hub) == []
        await keeper._write()
        assert [book.kiosk for book in await books(hub)] == ["one"]
        assert refused == ["hub.book.one"]
