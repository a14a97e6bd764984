"""The voice agent on a real bus, with a simulated microphone in a quiet room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from drivers.microphone.simulated import SimulatedMicrophone
from edge.agents.voice import VoiceAgent
from edge.agents.voice.activity import SileroActivity
from edge.agents.voice.recogniser import Recogniser
from edge.agents.voice.vocabulary import Vocabulary
from edge.bus import Client, EmbeddedServer
from edge.contract.session import SessionEnded, SessionStarted
from edge.contract.subjects import INTENT, SESSION_ENDED, SESSION_STARTED, SPEECH_START, TRANSCRIPT
from edge.contract.voice import Intent, SpeechStart, Transcript
from edge.contract.wire import Payload
from edge.models import Store
from edge.virtual.stage import VOICES

ORDER = VOICES / "two_iced_colas_please.wav"
CUSTOMER = "3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f"


@pytest.fixture
async def microphone() -> AsyncIterator[SimulatedMicrophone]:
    microphone = SimulatedMicrophone(speed=2)
    yield microphone
    await microphone.close()


@pytest.fixture
async def agent(
    nats_server: EmbeddedServer, microphone: SimulatedMicrophone, model_store: Store, menu_words: Vocabulary
) -> AsyncIterator[VoiceAgent]:
    agent = VoiceAgent(
        nats_server.url,
        microphone=microphone,
        activity=SileroActivity(model_store.path("silero_vad")),
        recogniser=Recogniser(menu_words),
        vocabulary=menu_words,
    )
    await agent.connect()
    yield agent
    await agent.close()


@pytest.fixture
async def said(bus: Client) -> asyncio.Queue[Payload]:
    queue: asyncio.Queue[Payload] = asyncio.Queue()
    await bus.hear(SPEECH_START, queue.put)
    await bus.hear(TRANSCRIPT, queue.put)
    await bus.hear(INTENT, queue.put)
    return queue


async def welcome(bus: Client, agent: VoiceAgent) -> None:
    """A customer is here, and the agent knows."""
    await bus.publish(SESSION_STARTED, SessionStarted(kiosk_id="kiosk-001"), session_id=CUSTOMER)
    async with asyncio.timeout(5):
        while agent.session_id != CUSTOMER:
            await bus.settle()
    await bus.settle()


async def three(said: asyncio.Queue[Payload]) -> list[Payload]:
    async with asyncio.timeout(30):
        return [await said.get() for _ in range(3)]


async def test_a_customers_order_is_heard(
    bus: Client, agent: VoiceAgent, microphone: SimulatedMicrophone, said: asyncio.Queue[Payload]
) -> None:
    await welcome(bus, agent)
    await microphone.say(ORDER)
    start, transcript, intent = await three(said)
    assert isinstance(start, SpeechStart)
    assert isinstance(transcript, Transcript)
    assert (transcript.text, transcript.is_final, transcript.source) == ("two iced colas please", True, "microphone")
    assert isinstance(intent, Intent)
    assert intent.intent_type == "add_item"
    assert (intent.entities.item_id, intent.entities.quantity) == (201, 2)
    assert intent.raw_text == transcript.text


async def test_nobodys_words_are_nobodys_business(
    bus: Client, agent: VoiceAgent, microphone: SimulatedMicrophone, said: asyncio.Queue[Payload]
) -> None:
    await microphone.say(ORDER)
    assert said.empty()
    await welcome(bus, agent)
    await bus.publish(SESSION_ENDED, SessionEnded(reason="timeout", duration_seconds=1), session_id=CUSTOMER)
    async with asyncio.timeout(5):
        while agent.session_id == CUSTOMER:
            await bus.settle()
    await bus.settle()
    await microphone.say(ORDER)
    assert said.empty()
    await welcome(bus, agent)  # and now it listens again
    await microphone.say(ORDER)
    assert isinstance((await three(said))[2], Intent)


async def test_typed_text_is_marked(bus: Client, agent: VoiceAgent, said: asyncio.Queue[Payload]) -> None:
    await agent.hear_text("A volcano burger and two colas")
    transcript, intent = await asyncio.wait_for(said.get(), 5), await asyncio.wait_for(said.get(), 5)
    assert isinstance(transcript, Transcript)
    assert transcript.source == "typed"
    assert isinstance(intent, Intent)
    assert [item.item for item in intent.entities.also] == ["Iced Cola"]


async def test_an_unplugged_microphone_is_tried_again(
    bus: Client,
    agent: VoiceAgent,
    microphone: SimulatedMicrophone,
    said: asyncio.Queue[Payload],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await welcome(bus, agent)
    microphone.unplug()
    async with asyncio.timeout(10):
        while "unplugged" not in caplog.text:
            await bus.settle()
    microphone.plug()
    async with asyncio.timeout(20):
        while said.empty():  # said into a microphone that nobody listens to yet, it is lost
            await microphone.say(ORDER)
    assert "Traceback" not in caplog.text
