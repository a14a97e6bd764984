"""The lights say what the kiosk does, and end."""

from __future__ import annotations

from bench.deeds import Deed, Sight
from bench.lobby import Lobby, needs
from edge.contract.errors import AskError
from edge.contract.hardware import SetLed
from edge.contract.subjects import SET_LED


@needs(Sight.LIGHTS)
async def test_a_pattern_ends_when_its_time_is_up(lobby: Lobby) -> None:
    for pattern, color in (("solid", "#00FF00"), ("pulse", "#0066FF"), ("error", "#FF0000")):
        await lobby.ask(SET_LED, SetLed(color=color, pattern=pattern, duration_ms=1500))  # type: ignore[arg-type]  # a Literal
        await lobby.lit()
        await lobby.dark()


@needs(Sight.LIGHTS, Deed.KILL_SERVER)
async def test_a_pattern_ends_though_the_server_dies(lobby: Lobby) -> None:
    await lobby.ask(SET_LED, SetLed(color="#FF0000", pattern="error", duration_ms=1500))
    await lobby.lit()
    await lobby.do(Deed.KILL_SERVER)
    await lobby.dark()
    await lobby.do(Deed.START_SERVER)
    await lobby.until_up()


@needs(Sight.LIGHTS)
async def test_they_greet_and_go_dark_when_nobody_is_there(lobby: Lobby) -> None:
    await lobby.start()
    await lobby.lit()
    await lobby.touch("cancel")
    await lobby.dark()


@needs(Sight.LIGHTS, Deed.UNPLUG_LEDS)
async def test_they_shine_again_after_the_strip_came_back(lobby: Lobby) -> None:
    await lobby.ask(SET_LED, SetLed(color="#00FF00"))
    await lobby.lit()
    await lobby.do(Deed.UNPLUG_LEDS)
    await lobby.do(Deed.PLUG_LEDS)
    await _ask_until_taken(lobby, SetLed(color="#0000FF", duration_ms=1500))
    await lobby.lit()
    await lobby.dark()


async def _ask_until_taken(lobby: Lobby, ask: SetLed) -> None:
    """The first request after a loss may be the one that finds out."""
    deadline_s = lobby.clock_s() + lobby.patience_s
    while True:
        try:
            await lobby.ask(SET_LED, ask)
        except AskError:
            assert lobby.clock_s() < deadline_s, "the strip is not taken back"
        else:
            return
