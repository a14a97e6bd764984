"""The image takes pictures and hears speech by its kernel's V4L2 and ALSA: from vivid, and from a loopback card."""

from __future__ import annotations

from typing import TypeVar

from bench.lobby import Lobby
from bench.qemu_bench import COMMAND_S, QemuBench
from bench.rooms import sentence
from bench.waiting import until
from edge.contract.hardware import CameraState, Condition, MicrophoneState
from edge.contract.subjects import CAMERA_STATE, MICROPHONE_STATE, SPEECH_START, Event

State = TypeVar("State", CameraState, MicrophoneState)

# A device that isn't there is looked for every 30 s, and an emulated driver takes long to open one.
_SEEN_S = 600.0
# Plays a WAV file into the loopback's other end, as the end that listens has it: their rates must be the same.
_PLAY = """
import re, sys, wave
import numpy as np, sounddevice as sd
heard = open("/proc/asound/Loopback/pcm0c/sub0/hw_params").read()
rate, channels = (int(re.search(rf"{each}: (\\d+)", heard)[1]) for each in ("rate", "channels"))
with wave.open(sys.argv[1]) as file:
    said, had = np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()
at = np.arange(0, len(said), had / rate)
said = np.interp(at, np.arange(len(said)), said).astype("<i2")
with sd.RawOutputStream(samplerate=rate, channels=channels, dtype="int16", device="hw:0,1", latency="high") as stream:
    stream.write(np.repeat(said, channels).tobytes())
"""


async def until_missed(lobby: Lobby, device: Event[State]) -> None:
    async def is_missed() -> bool:
        return lobby.all(device)[-1].condition is not Condition.READY

    await until(is_missed, "the device to be missed", timeout_s=_SEEN_S)


async def test_a_camera_that_is_plugged_in_takes_pictures(booted: QemuBench, lobby: Lobby) -> None:
    await booted.shell.run("modprobe vivid n_devs=1 node_types=0x1", within_s=COMMAND_S)
    try:
        await lobby.until(CAMERA_STATE, lambda told: told.condition is Condition.READY, _SEEN_S)
    finally:
        await booted.shell.run("echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind", within_s=COMMAND_S)
    await until_missed(lobby, CAMERA_STATE)
    await booted.shell.run("modprobe -r vivid", within_s=COMMAND_S)


async def test_a_microphone_that_is_plugged_in_hears_speech(booted: QemuBench, lobby: Lobby) -> None:
    spoken = sentence("i_want_a_volcano_burger_with_extra_cheese").read_bytes()
    await booted.shell.run("cat >/run/said.wav", within_s=COMMAND_S, given=spoken)
    await booted.shell.run("cat >/run/play.py", within_s=COMMAND_S, given=_PLAY.encode())
    await booted.shell.run("modprobe snd-aloop index=0 pcm_substreams=1", within_s=COMMAND_S)
    try:
        await lobby.until(MICROPHONE_STATE, lambda told: told.condition is Condition.READY, _SEEN_S)
        await lobby.start()  # nobody is listened to before
        await booted.shell.run("/opt/kiosk/current/bin/python /run/play.py /run/said.wav", within_s=COMMAND_S)
        await lobby.until(SPEECH_START)
    finally:
        await booted.shell.run("echo snd_aloop.0 >/sys/bus/platform/drivers/snd_aloop/unbind", within_s=COMMAND_S)
    await until_missed(lobby, MICROPHONE_STATE)
    await booted.shell.run("modprobe -r snd-aloop", within_s=COMMAND_S)
