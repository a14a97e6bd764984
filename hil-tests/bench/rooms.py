"""The microphone and who speaks into it: simulated, or a device of ALSA's under PortAudio."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bench import BenchUnusable
from bench.deeds import Deed
from bench.stations import Doing
from bench.surroundings import Surroundings
from drivers.isolated import open_microphone
from drivers.microphone import Microphone
from drivers.microphone.simulated import SimulatedMicrophone
from drivers.microphone.simulated_alsa import URL, AlsaRoom, missing
from edge.virtual.stage import recorded_sentences


def sentence(name: str) -> Path:
    """A recorded sentence."""
    for each in recorded_sentences():
        if each.id == name:
            return each.path
    raise BenchUnusable(f"there is no recording {name!r}")


class SimulatedRoom:
    """The simulated microphone."""

    how = "simulated microphone at a real one's pace"
    lacks: Mapping[Deed, str] = {}

    async def open(self) -> Microphone:
        """See `Station`."""
        self._microphone = SimulatedMicrophone()
        return self._microphone

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        microphone = self._microphone
        return {
            Deed.SAY: lambda name: microphone.say(sentence(name)),
            Deed.UNPLUG_MICROPHONE: lambda _: microphone.unplug(),
            Deed.PLUG_MICROPHONE: lambda _: microphone.plug(),
        }

    async def close(self) -> None:
        """See `Station`."""
        await self._microphone.close()


class RoomOnAlsa:
    """A room with a microphone that ALSA knows: a plugin of ours, under the unmodified PortAudio."""

    how = "sounddevice and PortAudio in a process of its own; a plugin of ALSA's that hears a room at real-time pace"
    lacks: Mapping[Deed, str] = {}

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        self._folder = folder
        self._surroundings = surroundings

    async def open(self) -> Microphone:
        """See `Station`."""
        reason = missing()
        if reason is not None:
            raise BenchUnusable(reason)
        self._room = await asyncio.to_thread(AlsaRoom, self._folder)
        self._surroundings.set(self._room.environment)
        self._microphone = await asyncio.to_thread(open_microphone, URL)
        return self._microphone

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        room = self._room
        return {
            Deed.SAY: self._say,
            Deed.UNPLUG_MICROPHONE: lambda _: room.unplug(),
            Deed.PLUG_MICROPHONE: lambda _: room.plug(),
        }

    async def _say(self, name: str) -> None:
        """Where nobody listens, speaking takes its time all the same."""
        try:
            await self._room.say(sentence(name))
        except TimeoutError:
            return

    async def close(self) -> None:
        """See `Station`."""
        await self._microphone.close()
