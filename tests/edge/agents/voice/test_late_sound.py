"""Sound that comes late, as on a busy machine, is judged by when it was said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from drivers.microphone import Chunk, Microphone
from drivers.microphone.simulated import SimulatedMicrophone
from drivers.states import DeviceState
from edge.agents.voice import VoiceAgent
from edge.agents.voice.activity import SileroActivity
from edge.agents.voice.recogniser import Recogniser
from edge.agents.voice.vocabulary import Vocabulary
from edge.bus import Client, EmbeddedServer
from edge.contract.session import SessionStarted
from edge.contract.subjects import SESSION_STARTED, TRANSCRIPT
from edge.contract.voice import Transcript
from edge.models import Store
from edge.virtual.stage import VOICES


class SlowLine:
    """A microphone whose sound is held up on its way while `moving` isn't set."""

    def __init__(self, microphone: Microphone) -> None:
        self._microphone = microphone
        self.moving = asyncio.Event()

    async def chunks(self) -> AsyncIterator[Chunk]:
        async for chunk in self._microphone.chunks():
            await self.moving.wait()
            yield chunk

    async def state(self) -> DeviceState:
        return await self._microphone.state()

    async def close(self) -> None:
        await self._microphone.close()


@pytest.fixture
async def room() -> AsyncIterator[SimulatedMicrophone]:
    room = SimulatedMicrophone(speed=2)
    yield room
    await room.close()


async def test_what_was_said_before_a_session_is_nobodys_business_however_late_it_comes(
    nats_server: EmbeddedServer,
    bus: Client,
    room: SimulatedMicrophone,
    model_store: Store,
    menu_words: Vocabulary,
) -> None:
    line = SlowLine(room)
    agent = VoiceAgent(
        nats_server.url,
        microphone=line,
        activity=SileroActivity(model_store.path("silero_vad")),
        recogniser=Recogniser(menu_words),
        vocabulary=menu_words,
    )
    heard: asyncio.Queue[Transcript] = asyncio.Queue()
    await bus.hear(TRANSCRIPT, heard.put)
    await agent.connect()
    try:
        await room.say(VOICES / "two_iced_colas_please.wav")
        customer = "3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f"
        await bus.publish(SESSION_STARTED, SessionStarted(kiosk_id="kiosk-001"), session_id=customer)
        async with asyncio.timeout(5):
            while agent.session_id != customer:
                await bus.settle()
        await bus.settle()
        line.moving.set()
        await room.say(VOICES / "what_do_you_have.wav")
        first = await asyncio.wait_for(heard.get(), 30)
        assert first.text == "what do you have"
    finally:
        await agent.close()
