"""A hub and its kiosks: what arrives, who may what, who is shut out."""

from __future__ import annotations

import asyncio
import json

import pytest

from edge.bus.connection import SignInRefused
from edge.bus.hub import Hub, KioskAway, KioskSilent
from edge.bus.keys import new_seed, public_of
from edge.contract.fleet import FLEET_EVENTS, answers_of, api_of, events_of
from edge.contract.subjects import HARDWARE_STATUS, SET_LED
from edge.fleet.applying import BEHIND, apply_later
from edge.fleet.asking import ask
from edge.fleet.errors import FleetError
from edge.fleet.hub_conf import add_person
from edge.fleet.keeper import books, notices
from edge.fleet.nodes import links
from edge.fleet.register import changing
from proofs.fleet.machines import KioskMachine

from .conftest import Keeping, SmallFleet, until

# After an outage nats-server waits before it asks a source again: 10 s, and up to 2 minutes after many tries.
pytestmark = pytest.mark.timeout(240)


def sign_in(fleet: SmallFleet, user: str = "operator") -> Hub:
    return fleet.hub.sign_in(fleet.hub.folder.path, user)


async def numbers(fleet: SmallFleet, kiosk: str, stream: str = FLEET_EVENTS) -> list[tuple[str, int]]:
    async with sign_in(fleet) as hub:
        found = [json.loads(each.data)["payload"] async for each in hub.read(stream, [events_of(kiosk)])]
    return [(each["kiosk"], each["number"]) for each in found]


async def answering(kiosk: KioskMachine, subject: str, payload: dict[str, object]) -> None:
    """Have the kiosk's bus answer as an agent would."""
    assert kiosk.nc is not None
    said = json.dumps({"payload": payload} | payload).encode()

    async def answer(msg: object) -> None:
        await msg.respond(said)  # type: ignore[attr-defined]  # nats-py's Msg, which tests don't import

    await kiosk.nc.subscribe(subject, cb=answer)
    await kiosk.nc.flush()


async def test_each_kiosks_events_arrive_once_in_order_under_its_own_name(fleet: SmallFleet, keeping: Keeping) -> None:
    one, two = await fleet.kiosk("one"), await fleet.kiosk("two")
    await asyncio.gather(one.say(50), two.say(50))
    await keeping.has(one)
    await keeping.has(two)
    for name in ("one", "two"):
        assert await numbers(fleet, name) == [(name, number + 1) for number in range(50)]


async def test_what_a_kiosk_forgot_while_cut_off_is_counted_and_told(fleet: SmallFleet, keeping: Keeping) -> None:
    kiosk = await fleet.kiosk("one", max_msgs=20)
    await kiosk.say(10)
    await keeping.has(kiosk)
    fleet.cables.pull("one")
    await keeping.sees(kiosk, connected=False)
    await kiosk.say(50)  # 11 to 60, of which it keeps 41 to 60
    fleet.cables.plug("one")
    await keeping.has(kiosk)
    await until(lambda: keeping.told)
    assert [(each.kind, each.first, each.last, each.count) for each in keeping.told] == [("lost", 11, 40, 30)]

    async def written() -> int:
        async with sign_in(fleet) as hub:
            return next(book for book in await books(hub) if book.kiosk == "one").lost

    assert await written() == 30
    async with sign_in(fleet) as hub:
        assert [each.count for each in await notices(hub, "one")] == [30]


async def test_a_kiosk_with_a_new_disk_is_told_and_goes_on_from_its_first_event(
    fleet: SmallFleet, keeping: Keeping
) -> None:
    kiosk = await fleet.kiosk("one")
    await kiosk.say(30)
    await keeping.has(kiosk)
    await keeping.sees(kiosk, connected=True)
    await until(lambda: keeping.keeper.books["one"].origin is not None)
    await kiosk.stop()
    for path in (kiosk.folder / "store").rglob("*"):
        if path.is_file():
            path.unlink()
    await kiosk.start()
    kiosk.said = 0
    await kiosk.say(5)
    await until(lambda: keeping.keeper.books["one"].arrived == 35)
    assert [each.kind for each in keeping.told] == ["restarted"]
    assert [number for _, number in await numbers(fleet, "one")] == [*range(1, 31), *range(1, 6)]


async def test_a_revoked_kiosk_is_cut_off_and_refused_and_what_it_sent_stays(
    fleet: SmallFleet, keeping: Keeping
) -> None:
    good, bad = await fleet.kiosk("good"), await fleet.kiosk("bad")
    await asyncio.gather(good.say(10), bad.say(10))
    await keeping.has(bad)
    with changing(fleet.hub.folder.path) as register:
        register.revoke("bad")
    outcome = await fleet.apply()
    assert (outcome.problems, outcome.shut_out) == ([], ["bad"])
    assert bad.process is not None
    process = bad.process
    await until(lambda: process.log_has("Authorization Violation"))
    await asyncio.gather(good.say(10), bad.say(10))
    await keeping.has(good)
    assert len(await numbers(fleet, "bad")) == 10
    async with sign_in(fleet, "system") as system:
        assert {link.kiosk for link in await links(system)} == {"good"}
    async with sign_in(fleet) as hub:
        with pytest.raises(FleetError, match="isn't connected"):
            await ask(hub, "bad", "hardware.status")


async def test_a_key_that_was_changed_without_the_hub_is_cut_off_once_the_hub_is_told(fleet: SmallFleet) -> None:
    one = await fleet.kiosk("one")
    with changing(fleet.hub.folder.path) as register:
        register.add("one", public_of(new_seed()))
    apply_later(fleet.hub.folder, cut=["one"])
    assert (fleet.hub.folder.path / BEHIND).exists()
    outcome = await fleet.apply()
    assert (outcome.problems, outcome.shut_out) == ([], ["one"])
    assert not (fleet.hub.folder.path / BEHIND).exists()
    process = one.process
    assert process is not None
    await until(lambda: process.log_has("Authorization Violation"))


async def test_a_kiosk_with_another_ones_name_but_not_its_key_gets_nothing(fleet: SmallFleet) -> None:
    await fleet.kiosk("one")
    thief = KioskMachine("one", fleet.path / "thief", port=fleet.kiosks["one"].port + 1)
    thief.folder.mkdir()
    thief.make_key()
    thief.join(fleet.hub.folder.settings().leaf_urls, fleet.hub.folder.ca.read_text(encoding="utf-8"))
    fleet.kiosks["thief"] = thief
    await thief.start()
    process = thief.process
    assert process is not None
    await until(lambda: process.log_has("Authorization Violation"))


async def test_a_kiosk_neither_hears_another_nor_speaks_in_its_name(fleet: SmallFleet, keeping: Keeping) -> None:
    """Even one that may do everything on its own bus: its account of agents isn't the one that is linked."""
    one, two = await fleet.kiosk("one"), await fleet.kiosk("two")
    await keeping.sees(two, connected=True)
    assert one.nc is not None
    heard = []

    async def hear(msg: object) -> None:
        heard.append(msg.subject)  # type: ignore[attr-defined]  # nats-py's Msg, which tests don't import

    for subject in ("fleet.>", "hub.answer.>", "hub.api.>", "hub.deliver.two.>", "hub.ask.>"):
        await one.nc.subscribe(subject, cb=hear)
    await one.nc.publish("fleet.two.ui.update", b"{}")
    await one.nc.publish("hub.deliver.two.x", b"{}")
    await two.say(20)
    await keeping.has(two)
    assert [number for _, number in await numbers(fleet, "two")] == [*range(1, 21)]
    assert await numbers(fleet, "one") == []
    assert [
        subject
        for subject in heard
        if ".two." in subject and subject not in ("fleet.two.ui.update", "hub.deliver.two.x")
    ] == []


async def test_a_kiosk_answers_what_it_lets_the_hub_ask_and_nothing_else(fleet: SmallFleet, keeping: Keeping) -> None:
    kiosk = await fleet.kiosk("one")
    await answering(kiosk, HARDWARE_STATUS.subject, {"status": "success", "devices": []})
    await answering(kiosk, SET_LED.subject, {"status": "success"})
    await answering(kiosk, "$SRV.INFO.hardware", {"name": "hardware", "version": "1.2.3"})
    await keeping.sees(kiosk, connected=True)
    async with sign_in(fleet) as hub:
        assert await ask(hub, "one", "hardware.status") == {"status": "success", "devices": []}
        assert (await ask(hub, "one", "about"))["version"] == "1.2.3"
        with pytest.raises(FleetError, match="doesn't let the hub ask"):
            await ask(hub, "one", "hardware.led", {"command": "set_led", "color": "#00FF00", "pattern": "solid"})
        with pytest.raises(FleetError, match="can't be asked without a payload"):
            await ask(hub, "one", "menu.details")
        with pytest.raises(FleetError, match="no command"):
            await ask(hub, "one", "dance")


async def test_kiosk_toml_widens_what_may_be_asked(fleet: SmallFleet, keeping: Keeping) -> None:
    kiosk = await fleet.kiosk("one", asks=[SET_LED.subject])
    await answering(kiosk, SET_LED.subject, {"status": "success"})
    await keeping.sees(kiosk, connected=True)
    async with sign_in(fleet) as hub:
        payload = {"command": "set_led", "color": "#00FF00", "pattern": "solid", "duration_ms": 100}
        assert await ask(hub, "one", "hardware.led", payload) == {"status": "success"}
        with pytest.raises(FleetError):
            await ask(hub, "one", "hardware.status", timeout_s=1)


async def test_a_person_asks_those_that_they_may_ask(fleet: SmallFleet, keeping: Keeping) -> None:
    for name in ("one", "two"):
        kiosk = await fleet.kiosk(name)
        await answering(kiosk, HARDWARE_STATUS.subject, {"status": "success", "devices": []})
        await keeping.sees(kiosk, connected=True)
    add_person(fleet.hub.folder, "anna", ["one"])
    assert (await fleet.apply()).problems == []
    async with sign_in(fleet, "anna") as hub:
        assert (await ask(hub, "one", "hardware.status"))["status"] == "success"
        with pytest.raises(FleetError, match="may anna ask it"):
            await ask(hub, "two", "hardware.status", timeout_s=1)
        for kiosk_api in (f"{api_of('one')}.STREAM.INFO.KIOSK_EVENTS",):  # the keeper's business
            with pytest.raises((KioskAway, KioskSilent)):
                await hub.ask(kiosk_api, b"", answers_of("one", "anna"), timeout_s=1)


async def test_who_has_no_key_of_the_hubs_is_not_let_in(fleet: SmallFleet) -> None:
    add_person(fleet.hub.folder, "anna", [])  # the hub has not read it
    with pytest.raises(SignInRefused, match="anna"):
        async with sign_in(fleet, "anna"):
            pass


async def test_groups_have_streams_of_their_own(fleet: SmallFleet, keeping: Keeping) -> None:
    north, south = await fleet.kiosk("n1", group="north"), await fleet.kiosk("s1", group="south")
    await asyncio.gather(north.say(5), south.say(7))
    await keeping.has(north)
    await keeping.has(south)
    assert len(await numbers(fleet, "*", f"{FLEET_EVENTS}_north")) == 5
    assert len(await numbers(fleet, "*", f"{FLEET_EVENTS}_south")) == 7


async def test_of_a_hub_that_goes_away_asyncio_warns_nobody(
    fleet: SmallFleet, caplog: pytest.LogCaptureFixture
) -> None:
    async with sign_in(fleet) as hub:
        await fleet.hub.stop()
        await until(lambda: not hub.nc.is_connected)
    assert [each.getMessage() for each in caplog.records if each.name == "asyncio"] == []
