"""Saying recorded events again, so that nobody takes them for what happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.bus import Client, EmbeddedServer
from edge.bus.history import Entry, journey, recorded
from edge.bus.replay import Replay, SameRecord
from edge.contract.envelope import NATSMessage, envelope_faults
from edge.contract.errors import ContractError
from edge.contract.subjects import TOUCH
from tests.edge.bus.test_history import customer


async def the_entries(bus: Client) -> list[Entry]:
    return [entry async for entry in recorded(bus)]


async def test_onto_another_server_each_event_is_a_message_of_its_own(bus: Client, tmp_path: Path) -> None:
    await customer(bus)
    originals = await the_entries(bus)
    async with EmbeddedServer(tmp_path / "other") as server:
        other = Client(server.url, name="other")
        await other.connect(wait_s=10, setup=True)
        replay = Replay(other)
        assert await replay.check(bus)
        for entry in originals:
            await replay.say(entry)
        played = await the_entries(other)
        await other.close()
    assert [entry.subject for entry in played] == [entry.subject for entry in originals]
    for old, new in zip(originals, played, strict=True):
        assert isinstance(old.message, NATSMessage)
        assert isinstance(new.message, NATSMessage)
        assert envelope_faults(new.message) == []
        assert new.message.payload == old.message.payload
        assert new.replay_of == old.message.msg_id != new.message.msg_id
        assert (new.session_id, new.trace_id) == (replay.ids[old.session_id], replay.ids[old.trace_id])
        assert not set(old.ids) & set(new.ids)
        assert new.message.timestamp >= old.message.timestamp
    assert len({entry.trace_id for entry in played}) == 1
    assert len({entry.session_id for entry in played}) == 2, "as many as there were"


async def test_its_own_record_is_refused_unless_it_is_allowed(bus: Client, nats_server: EmbeddedServer) -> None:
    session, _ = await customer(bus)
    originals = await the_entries(bus)
    # By another name of the same server: it is the stream that is known again, not the address.
    same = Client(nats_server.url.replace("127.0.0.1", "localhost"), name="same")
    await same.connect(wait_s=10)
    replay = Replay(same)
    with pytest.raises(SameRecord, match="the very KIOSK_EVENTS"):
        await replay.check(bus)
    assert len(await the_entries(bus)) == len(originals)

    assert await replay.check(bus, same_record=True)
    for entry in originals:
        await replay.say(entry)
    assert len(await the_entries(bus)) == 2 * len(originals), "none is dropped as a duplicate"
    assert len((await journey(bus, session=session)).entries) == len(originals), "the original is as it was"
    again = await journey(bus, session=replay.ids[session])
    assert again.replayed
    await same.close()


async def test_a_server_without_a_record_hears_it_all_the_same(bus: Client, tmp_path: Path) -> None:
    await customer(bus)
    async with EmbeddedServer(tmp_path / "bare") as server:
        bare = Client(server.url, name="bare")
        await bare.connect(wait_s=10)
        heard = await bare.nc.subscribe("kiosk.>")
        await bare.settle()
        replay = Replay(bare)
        assert not await replay.check(bus)
        for entry in await the_entries(bus):
            await replay.say(entry)
        for entry in await the_entries(bus):
            assert (await heard.next_msg(timeout=10)).subject == entry.subject
        await bare.close()


async def test_a_malformed_event_is_not_said_again(bus: Client) -> None:
    await bus.js.publish(TOUCH.subject, b"junk")
    (junk,) = await the_entries(bus)
    with pytest.raises(ContractError):
        await Replay(bus).say(junk)


async def test_events_by_hand_get_proper_ids(bus: Client) -> None:
    """Section 10.2's have none; nothing tells whether two of them belong together."""
    for _ in range(2):
        await bus.js.publish(TOUCH.subject, b'{"msg_id":"test","payload":{"event":"touch","action":"help"}}')
    replay = Replay(bus)
    said = [replay.renewed(entry) for entry in await the_entries(bus)]
    assert [envelope_faults(message) for message, _ in said] == [[], []]
    assert said[0][0].trace_id != said[1][0].trace_id
    assert {headers["Kiosk-Replay-Of"] for _, headers in said} == {"test"}
