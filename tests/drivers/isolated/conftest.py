from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from drivers.isolated.devices import IsolatedCamera, IsolatedLeds, IsolatedNfcReader
from drivers.isolated.keeper import Keeper, Patience

from .devices import HERE

# Soon hung, soon back: what is tested is that it happens. Seconds enough for a busy machine to answer in.
QUICK = Patience(ping_every_s=0.1, hung_s=1.5, back_off_s=(0.0, 0.05), state_s=1.0)
PATIENT_S = 30


class Closable(Protocol):
    async def close(self) -> None: ...


T = TypeVar("T", bound=Closable)


class Bench:
    """Opens isolated devices of this folder's `devices`, and closes them after the test."""

    def __init__(self, folder: Path, leaving: AsyncExitStack) -> None:
        self.frames = folder / "frames"
        self._leaving = leaving

    async def open(self, make: Callable[[], T]) -> T:
        device = await asyncio.to_thread(make)
        self._leaving.push_async_callback(device.close)
        return device

    async def leds(
        self, opener: str = "open_strip", more: str = "", patience: Patience = QUICK, url: str | None = None
    ) -> IsolatedLeds:
        url = url or f"simulated:?frames={self.frames}{more}"
        return await self.open(lambda: IsolatedLeds(f"{HERE}:{opener}", url, count=9, patience=patience))

    async def reader(self, patience: Patience = QUICK) -> IsolatedNfcReader:
        return await self.open(lambda: IsolatedNfcReader(f"{HERE}:open_reader", "simulated:", patience=patience))

    async def camera(self, opener: str = "open_camera", patience: Patience = QUICK) -> IsolatedCamera:
        return await self.open(lambda: IsolatedCamera(f"{HERE}:{opener}", "simulated:", patience=patience))

    @property
    def shown(self) -> list[tuple[int, str]]:
        """The frames that strips were sent: the process, and "lit" or "dark"."""
        lines = [line.split() for line in self.frames.read_text().splitlines()]
        return [(int(pid), light) for pid, light in lines]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as leaving:
        yield Bench(tmp_path, leaving)


def keeper_of(device: object) -> Keeper:
    keeper = device._keeper  # type: ignore[attr-defined]  # for the stage directions of the device in the child
    assert isinstance(keeper, Keeper)
    return keeper


async def gone(pid: int) -> None:
    """Return when there is no process `pid`, not even a zombie."""

    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), PATIENT_S)
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return False


async def replaced(device: object, pid: int | None) -> int:
    """Return the new process' id once the device runs in another one than `pid`."""
    keeper = keeper_of(device)
    async with asyncio.timeout(PATIENT_S):
        link = keeper._link
        while keeper.pid in (pid, None) or link is None:
            link = await keeper.next_link(link)
    assert keeper.pid is not None
    return keeper.pid
