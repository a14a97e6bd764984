"""What a client does beside asking: publishing safely, watching, looking into the stream."""

from __future__ import annotations

import asyncio

import pytest
from nats.aio.msg import Msg

from edge.bus import Client, EmbeddedServer
from edge.bus.connection import BusUnreachable
from edge.bus.inbox import Expected
from edge.contract.envelope import NATSMessage
from edge.contract.errors import ContractError
from edge.contract.subjects import PERSON_DETECTED, SPEECH_START
from edge.contract.vision import PersonDetected
from edge.contract.voice import SpeechStart


async def test_stored_events_are_read_back_in_order(bus: Client) -> None:
    assert [message async for message in bus.stored()] == []
    for confidence in (0.1, 0.2, 0.3):
        await bus.publish(PERSON_DETECTED, PersonDetected(confidence=confidence))
    assert [m async for m in bus.stored(SPEECH_START.subject)] == []
    await bus.publish(SPEECH_START, SpeechStart())
    await bus.nc.publish(SPEECH_START.subject, b"junk")
    await bus.settle()
    assert [m.payload["confidence"] async for m in bus.stored(PERSON_DETECTED.subject)] == [0.1, 0.2, 0.3]
    assert len([m async for m in bus.stored()]) == 4


async def test_watching_shows_good_and_malformed(bus: Client) -> None:
    seen: list[NATSMessage | ContractError] = []

    async def watch() -> None:
        async for _, message in bus.watch("kiosk.voice.>"):
            seen.append(message)
            if isinstance(message, NATSMessage):
                return

    watching = asyncio.create_task(watch())
    async with asyncio.timeout(10):
        while not seen:  # until the watch has begun
            await bus.nc.publish(SPEECH_START.subject, b"junk")
            await bus.settle()
        await bus.publish(SPEECH_START, SpeechStart())
        await watching
    assert isinstance(seen[0], ContractError)
    assert isinstance(seen[-1], NATSMessage)


async def test_an_event_published_while_the_server_restarts_is_stored_once(
    nats_server: EmbeddedServer, bus: Client
) -> None:
    await nats_server.kill()
    publishing = asyncio.create_task(bus.publish(PERSON_DETECTED, PersonDetected()))
    await nats_server.start()
    await asyncio.wait_for(publishing, 30)
    assert len([message async for message in bus.stored()]) == 1


async def test_an_event_whose_acknowledgement_was_lost_is_stored_once(
    bus: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Expected.answer
    lost: list[object] = []

    async def stored_but_not_told(expected: Expected) -> Msg:
        acknowledgement = await answer(expected)
        if not lost:
            lost.append(acknowledgement)
            raise TimeoutError
        return acknowledgement

    monkeypatch.setattr(Expected, "answer", stored_but_not_told)
    await bus.publish(PERSON_DETECTED, PersonDetected())
    assert lost
    assert len([message async for message in bus.stored()]) == 1


async def test_an_unconnected_client_says_so() -> None:
    client = Client("nats://127.0.0.1:1")
    assert not client.connected
    with pytest.raises(BusUnreachable, match="not connected"):
        await client.publish(SPEECH_START, SpeechStart())
    await client.close()
