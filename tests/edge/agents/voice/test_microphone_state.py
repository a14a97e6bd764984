"""The voice agent tells how its microphone is."""

from __future__ import annotations

import asyncio

from drivers.microphone.simulated import SimulatedMicrophone
from drivers.watching import DeviceWatch
from edge.agents.voice import VoiceAgent
from edge.agents.voice.activity import SileroActivity
from edge.agents.voice.recogniser import Recogniser
from edge.agents.voice.vocabulary import Vocabulary
from edge.bus import Client, EmbeddedServer
from edge.contract.hardware import Condition, MicrophoneState
from edge.contract.subjects import MICROPHONE_STATE
from edge.models import Store

PATIENT_S = 30


async def test_a_microphone_that_is_unplugged_is_told_and_so_is_its_return(
    nats_server: EmbeddedServer, bus: Client, model_store: Store, menu_words: Vocabulary
) -> None:
    microphone = SimulatedMicrophone()
    told: asyncio.Queue[MicrophoneState] = asyncio.Queue()
    await bus.hear(MICROPHONE_STATE, told.put)
    agent = VoiceAgent(
        nats_server.url,
        microphone=microphone,
        activity=SileroActivity(model_store.path("silero_vad")),
        recogniser=Recogniser(menu_words),
        vocabulary=menu_words,
    )
    agent._microphone_watch = DeviceWatch("microphone", microphone, every_s=0.05)
    await agent.connect()
    try:
        async with asyncio.timeout(PATIENT_S):
            assert (await told.get()).condition is Condition.READY
            microphone.unplug()
            absent = await told.get()
            assert absent.condition is Condition.ABSENT
            assert (absent.reason, absent.code) == ("the simulated microphone is unplugged", "absent")
            microphone.plug()
            assert (await told.get()).condition is Condition.READY
    finally:
        await agent.close()
        await microphone.close()
