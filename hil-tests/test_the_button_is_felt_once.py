"""The assistance button is felt once a press, however its contact bounces."""

from __future__ import annotations

from bench.deeds import Deed, Sight
from bench.lobby import Lobby, needs


@needs(Deed.PRESS_BUTTON, Sight.BUTTON)
async def test_each_press_is_felt_once(lobby: Lobby) -> None:
    for _ in range(5):
        await lobby.do(Deed.PRESS_BUTTON)
        await lobby.press_felt()
    assert await lobby.presses() == 5
