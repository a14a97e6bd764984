"""A device that is gone or can't do its work is told, with the reason, and so is its return."""

from __future__ import annotations

import asyncio

import pytest

from bench.deeds import MENDS, Deed
from bench.lobby import Lobby, needs
from edge.contract.errors import AskError, ErrorCode
from edge.contract.hardware import Condition, GetStatus
from edge.contract.subjects import HARDWARE_STATUS

FAULTS = [
    pytest.param(Deed.UNPLUG_READER, "reader", marks=needs(Deed.UNPLUG_READER), id="reader unplugged"),
    pytest.param(Deed.UNPLUG_PRINTER, "printer", marks=needs(Deed.UNPLUG_PRINTER), id="printer unplugged"),
    pytest.param(Deed.EMPTY_ROLL, "printer", marks=needs(Deed.EMPTY_ROLL), id="empty roll"),
    pytest.param(Deed.OPEN_COVER, "printer", marks=needs(Deed.OPEN_COVER), id="open cover"),
    pytest.param(Deed.UNPLUG_LEDS, "leds", marks=needs(Deed.UNPLUG_LEDS), id="strip unplugged"),
    pytest.param(Deed.UNPLUG_CAMERA, "camera", marks=needs(Deed.UNPLUG_CAMERA), id="camera unplugged"),
    pytest.param(Deed.UNPLUG_MICROPHONE, "microphone", marks=needs(Deed.UNPLUG_MICROPHONE), id="microphone unplugged"),
]


async def _until(lobby: Lobby, device: str, *, ready: bool) -> str:
    """Ask until `device` is ready, or isn't; returns the reason. Who isn't answered in time asks again."""
    async with asyncio.timeout(2 * lobby.patience_s):
        while True:
            try:
                answer = await lobby.ask(HARDWARE_STATUS, GetStatus())
            except AskError as error:
                if error.code != ErrorCode.TIMEOUT:
                    raise
                continue
            found = next(each for each in answer.devices if each.name == device)
            if (found.condition is Condition.READY) is ready:
                return found.reason
            await lobby.look_again()


@pytest.mark.parametrize(("fault", "device"), FAULTS)
async def test_it_is_told_and_over(lobby: Lobby, fault: Deed, device: str) -> None:
    await _until(lobby, device, ready=True)
    began_s = lobby.clock_s()
    await lobby.do(fault)
    reason = await _until(lobby, device, ready=False)
    assert reason
    lobby.figure("told", f"{lobby.clock_s() - began_s:.1f} s: {reason}")
    began_s = lobby.clock_s()
    await lobby.do(MENDS[fault])
    assert await _until(lobby, device, ready=True) == ""
    lobby.figure("over", f"{lobby.clock_s() - began_s:.1f} s")
