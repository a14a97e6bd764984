"""A keeper whose hub is away says so once, whatever it tries, and again when it is so anew."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from edge.bus.connection import BusUnreachable
from edge.bus.hub import Hub
from edge.bus.tasks import cancel_all
from edge.fleet import keeper as module
from edge.fleet.keeper import Keeper

AWAY = BusUnreachable("the hub is away")
ELECTING = BusUnreachable("the hub elects its leader")


class Tries:
    """In a lease's place: what comes of each try, in order; None takes it. Then it waits for ever."""

    held = False

    def __init__(self, *outcomes: BusUnreachable | None) -> None:
        self._outcomes = list(outcomes)
        self.over = asyncio.Event()

    async def take(self) -> None:
        if not self._outcomes:
            self.over.set()
            await asyncio.Event().wait()
        problem = self._outcomes.pop(0)
        if problem is not None:
            raise problem

    async def keep(self) -> None:
        raise AWAY


async def test_why_the_books_are_not_kept_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(module, "_RETRY_S", 0)
    tries = Tries(AWAY, AWAY, ELECTING, AWAY, None, AWAY, AWAY)

    async def nothing(*_: object) -> None: ...

    monkeypatch.setattr(Keeper, "_read_books", nothing)
    keeper = Keeper(Hub(["tls://127.0.0.1:1"], user="keeper", key_file=tmp_path / "none"))
    monkeypatch.setattr(keeper, "_lease", tries)
    task = asyncio.create_task(keeper.run())
    await tries.over.wait()
    await cancel_all([task])
    # The last is of the hub that was there for a while.
    assert [record.args for record in caplog.records] == [(AWAY,), (ELECTING,), (AWAY,), (AWAY,)]
