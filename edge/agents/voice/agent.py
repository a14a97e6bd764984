"""The voice agent (section 6.2): sound in, transcripts and intents out. No sound leaves it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import ClassVar, Final, Literal

from drivers.errors import DriverError
from drivers.microphone import Chunk, Microphone
from drivers.watching import TOLD_AGAIN_S, DeviceWatch
from edge.agents.voice.activity import SileroActivity
from edge.agents.voice.intent import Item, Meaning, meaning_of
from edge.agents.voice.recogniser import Hypothesis, Recogniser
from edge.agents.voice.utterance import End, Onset, Segmenter, Speech
from edge.agents.voice.vocabulary import Vocabulary
from edge.bus import NATSAgentBase, always, hears
from edge.contract import voice
from edge.contract.errors import ErrorCode
from edge.contract.hardware import Condition, MicrophoneState
from edge.contract.session import SessionEnded, SessionStarted
from edge.contract.subjects import INTENT, MICROPHONE_STATE, SESSION_ENDED, SESSION_STARTED, SPEECH_START, TRANSCRIPT

log = logging.getLogger(__name__)

LEAST_CONFIDENCE: Final = 0.5  # below it nothing is obeyed: the intent is said to be unknown


class VoiceAgent(NATSAgentBase):
    """Tells what a customer says and wants. It listens only while a customer's session runs.

    Voice activity and recognition run in one thread, chunk after chunk as they come, so that an answer is
    there a moment after the last word. A microphone that is lost is tried again, ever more slowly.
    """

    name = "voice"
    refusals: ClassVar = {DriverError: ErrorCode.HARDWARE_ERROR}

    def __init__(
        self,
        nats_url: str,
        *,
        microphone: Microphone,
        activity: SileroActivity,
        recogniser: Recogniser,
        vocabulary: Vocabulary,
        segmenter: Segmenter | None = None,
    ) -> None:
        super().__init__(nats_url)
        self.microphone = microphone
        self._microphone_watch = DeviceWatch("microphone", microphone)
        self._activity = activity
        self._recogniser = recogniser
        self._vocabulary = vocabulary
        self._segmenter = segmenter or Segmenter()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voice")
        self._here_since_s = math.inf  # when the customer who is here came, by time.monotonic

    async def close(self) -> None:
        """Stop listening and leave the bus."""
        await super().close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    @hears(SESSION_STARTED)
    async def begin_listening(self, _: SessionStarted) -> None:
        """A customer is here: what was said before they were is not listened to, however late it comes."""
        self._here_since_s = min(self._here_since_s, time.monotonic())

    @hears(SESSION_ENDED)
    async def stop_listening(self, _: SessionEnded) -> None:
        """Nobody is here: what is said now is none of the kiosk's business."""
        self._here_since_s = math.inf

    async def hear_text(self, text: str) -> None:
        """Take typed text for what a customer said; the transcript is marked as typed."""
        await self._tell(Hypothesis(text, 1.0), source="typed")

    @always
    async def listen(self) -> None:
        """Listen to every chunk."""
        loop = asyncio.get_running_loop()
        self._forget()
        try:
            async for chunk in self.microphone.chunks():
                if chunk.captured_at_s < self._here_since_s:
                    if self._segmenter.speaking:
                        await loop.run_in_executor(self._thread, self._forget)
                    continue
                began, heard = await loop.run_in_executor(self._thread, self._hear, chunk)
                if began:
                    await self.publish(SPEECH_START, voice.SpeechStart())
                if heard is not None:
                    await self._tell(heard)
        finally:
            self._forget()

    @always
    async def tell_of_the_microphone(self) -> None:
        """Tell the hardware agent, and whoever listens, how the microphone is."""
        async with aclosing(self._microphone_watch.follow(TOLD_AGAIN_S)) as changes:
            async for seen in changes:
                state = seen.state
                condition = Condition(state.condition.value)
                told = MicrophoneState(condition=condition, since=seen.since_text, reason=state.reason, code=state.code)
                await self.publish(MICROPHONE_STATE, told)

    def _hear(self, chunk: Chunk) -> tuple[bool, Hypothesis | None]:
        """In the thread: whether somebody began to speak in this chunk, and what they said if it is over."""
        change = self._segmenter.hear(chunk.samples, self._activity.probability(chunk.samples))
        match change:
            case Onset(samples=samples):
                self._recogniser.begin()
                self._recogniser.hear(samples)
                return True, None
            case Speech(samples=samples):
                self._recogniser.hear(samples)
            case End(complete=True):
                heard = self._recogniser.end()
                if heard is None:
                    log.info("voice: an utterance of %.1f s fits no sentence", change.speech_s)
                return False, heard
            case End():
                self._recogniser.cancel()
        return False, None

    def _forget(self) -> None:
        self._segmenter.reset()
        self._activity.reset()
        self._recogniser.cancel()

    async def _tell(self, heard: Hypothesis, source: Literal["microphone", "typed"] = "microphone") -> None:
        confidence = round(heard.confidence, 2)
        await self.publish(
            TRANSCRIPT, voice.Transcript(text=heard.text, confidence=confidence, is_final=True, source=source)
        )
        meaning = meaning_of(heard.text, self._vocabulary)
        if confidence < LEAST_CONFIDENCE:
            meaning = Meaning("unknown", understood=0.0)
        await self.publish(
            INTENT,
            voice.Intent(
                intent_type=meaning.intent_type,
                entities=entities(meaning),
                raw_text=heard.text,
                confidence=round(confidence * meaning.understood, 2)
                if meaning.intent_type != "unknown"
                else confidence,
            ),
        )


def entities(meaning: Meaning) -> voice.Entities:
    """A meaning's items and tags as the contract writes them: the first item in front, the others in `also`."""
    if not meaning.items:
        return voice.Entities(tags=list(meaning.tags))
    first, *others = meaning.items
    return voice.Entities(
        item=first.item,
        item_id=first.item_id,
        quantity=_quantity(first),
        modifiers=list(first.modifiers),
        tags=list(meaning.tags),
        also=[
            voice.SpokenItem(
                item=item.item, item_id=item.item_id, quantity=_quantity(item), modifiers=list(item.modifiers)
            )
            for item in others
        ],
    )


def _quantity(item: Item) -> int:
    return min(max(item.quantity, 1), 99)
