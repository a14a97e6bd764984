"""What a customer says is heard and done; what is said when nobody orders is not."""

from __future__ import annotations

from bench.deeds import Deed
from bench.lobby import Lobby, needs
from edge.contract import ui
from edge.contract.subjects import INTENT, SPEECH_START, TRANSCRIPT


@needs(Deed.SAY)
async def test_an_order_is_heard_and_lands_in_the_cart(lobby: Lobby) -> None:
    await lobby.start()
    await lobby.do(Deed.SAY, "i_want_a_volcano_burger_with_extra_cheese")
    heard = await lobby.until(TRANSCRIPT, lambda each: each.is_final)
    assert "volcano" in heard.text.lower()
    meant = await lobby.until(INTENT)
    assert meant.entities.item == "Volcano Burger"
    cart = await lobby.part(ui.Cart, lambda cart: bool(cart.lines))
    assert cart.lines[0].title == "Volcano Burger"


@needs(Deed.SAY)
async def test_nobody_is_listened_to_before_a_session(lobby: Lobby) -> None:
    await lobby.do(Deed.SAY, "two_iced_colas_please")
    await lobby.start()
    await lobby.do(Deed.SAY, "what_do_you_have")
    await lobby.until(SPEECH_START)
    await lobby.until(TRANSCRIPT)
    assert not any("cola" in each.text.lower() for each in lobby.all(TRANSCRIPT))


@needs(Deed.SAY, Deed.UNPLUG_MICROPHONE)
async def test_the_microphone_may_be_unplugged(lobby: Lobby) -> None:
    await lobby.start()
    await lobby.do(Deed.UNPLUG_MICROPHONE)
    await lobby.do(Deed.PLUG_MICROPHONE)
    # The driver comes back within seconds; a person who isn't heard says it again.
    for _ in range(6):
        await lobby.do(Deed.SAY, "two_iced_colas_please")
        try:
            # It may come back in the middle of a sentence: what is left of one can be anything.
            await lobby.until(TRANSCRIPT, lambda heard: "cola" in heard.text.lower())
        except AssertionError:
            continue
        return
    raise AssertionError("nothing is heard any more")
