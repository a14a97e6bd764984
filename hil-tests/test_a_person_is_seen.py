"""Who stands before the kiosk is seen and greeted, and missed when they leave."""

from __future__ import annotations

from bench.deeds import Deed
from bench.lobby import Lobby, needs
from edge.contract.subjects import PERSON_DETECTED, PERSON_LEFT, SESSION_STARTED


@needs(Deed.SHOW)
async def test_a_customer_is_greeted_and_missed(lobby: Lobby) -> None:
    await lobby.do(Deed.SHOW, "customer")
    seen = await lobby.until(PERSON_DETECTED)
    assert seen.confidence > 0.5
    await lobby.until(SESSION_STARTED)
    await lobby.screen("greets", lambda screen: screen.layout_mode == "greeting")
    await lobby.do(Deed.SHOW, "nobody")
    await lobby.until(PERSON_LEFT)
    assert len(lobby.all(PERSON_DETECTED)) == len(lobby.all(PERSON_LEFT)) == 1


@needs(Deed.SHOW)
async def test_no_picture_is_on_the_bus(lobby: Lobby) -> None:
    await lobby.do(Deed.SHOW, "customer")
    await lobby.until(PERSON_DETECTED)
    await lobby.do(Deed.SHOW, "nobody")
    await lobby.until(PERSON_LEFT)
    longest = max(map(len, lobby.everything_said().splitlines()))
    assert longest < 10_000, "a message is long enough to hold a picture"


@needs(Deed.SHOW, Deed.UNPLUG_CAMERA)
async def test_the_camera_may_be_unplugged(lobby: Lobby) -> None:
    await lobby.do(Deed.SHOW, "customer")
    await lobby.until(PERSON_DETECTED)
    await lobby.do(Deed.UNPLUG_CAMERA)
    await lobby.until(PERSON_LEFT)  # nobody can be said to stand there
    await lobby.do(Deed.PLUG_CAMERA)
    await lobby.until(PERSON_DETECTED)
    await lobby.do(Deed.SHOW, "nobody")
    await lobby.until(PERSON_LEFT)
