"""The PC/SC backend through everything that happens to a PC/SC service; needs pcscd and vpcd on the machine."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.errors import DeviceAbsent, DeviceSetup, DriverError
from drivers.nfc import open_nfc_reader
from drivers.nfc.card import SimulatedCard
from drivers.nfc.pcsc import PcscReader, explained, is_new_contact
from drivers.nfc.reading import GET_UID
from drivers.nfc.vpcd import VpcdField
from drivers.nfc.winscard import Connection, Context, PcscError, ReaderState
from drivers.states import READY, Condition
from tests.drivers.nfc.bench import QUIET_S, TIMEOUT_S, logged, next_tap
from tests.drivers.nfc.pcscd import READER, WireBench

ANNA = SimulatedCard(bytes.fromhex("04A1B2C3D4E5F6"), "LOYALTY123")
BERT = SimulatedCard(bytes.fromhex("0411223344556F"), "bert.42")


@pytest.fixture
async def bench(pcscd_home: Path) -> AsyncIterator[WireBench]:
    """A bench whose daemon is not started yet."""
    opened = WireBench(pcscd_home)
    yield opened
    await opened.close()


async def hold_at_start(bench: WireBench, card: SimulatedCard) -> None:
    """Start pcscd and lay a card on its reader before anybody looks."""
    await bench.start_daemon()
    await bench.hold(card)
    await bench.present()


class Flaky(SimulatedCard):
    """Refuses everything at the edge of the field: the first `failures` commands."""

    def __init__(self, failures: int) -> None:
        super().__init__(ANNA.uid, "LOYALTY123")
        self.failures = failures

    def answer(self, command: bytes) -> bytes:
        if self.failures:
            self.failures -= 1
            return bytes.fromhex("6300")
        return super().answer(command)


EMPTY = ReaderState(present=False, mute=False, contact=4, atr=b"", raw=0x40010)
THERE = ReaderState(present=True, mute=False, contact=5, atr=ANNA.atr, raw=0x50020)


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        (EMPTY, THERE, True),
        (THERE, EMPTY, False),
        (THERE, replace(THERE, raw=0x50120), False),
        (THERE, replace(THERE, contact=7, raw=0x70020), True),
        (EMPTY, replace(THERE, mute=True), False),
        (replace(THERE, mute=True), THERE, True),
    ],
    ids=["came", "left", "used by another", "left and came", "came mute", "mute, then answers"],
)
def test_what_counts_as_a_contact(before: ReaderState, now: ReaderState, new: bool) -> None:
    assert is_new_contact(before, now) is new


def test_without_pyscard_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(DeviceSetup, match=r"apt install pcscd .* pip install 'kiosk-edge\[nfc\]'"):
        open_nfc_reader("pcsc:")


@pytest.mark.parametrize(
    ("call", "status", "advice"),
    [
        ("PC/SC service", 0x8010006A, "polkit rule"),
        ("state of X", 0x8010006A, "is pcscd running?"),
        ("PC/SC service", 0x8010001D, "is pcscd running?"),
    ],
    ids=["refused", "went away", "not there"],
)
def test_what_to_do_about_a_failing_service(call: str, status: int, advice: str) -> None:
    told = explained(PcscError(call, status, "Access denied."))
    assert isinstance(told, DeviceAbsent)
    assert f"{call}: Access denied ({status:08X}): " in str(told)
    assert advice in str(told)


@pytest.mark.usefixtures("pcscd_home")
def test_it_opens_by_url_without_a_service() -> None:
    assert open_nfc_reader("pcsc:?reader=ACR122").name == "ACR122"
    assert open_nfc_reader("pcsc:").name == "PC/SC reader"
    with pytest.raises(DeviceSetup, match="known: reader"):
        open_nfc_reader("pcsc:?name=ACR122")


async def test_a_service_that_starts_later_is_found(bench: WireBench, caplog: pytest.LogCaptureFixture) -> None:
    taps = bench.reader.taps()
    tries = itertools.count(1)
    assert await asyncio.to_thread(bench.pcsc.wait_for, lambda: next(tries) > 3, TIMEOUT_S)
    assert "is pcscd running?" in str(bench.pcsc.failure)
    assert (type(bench.pcsc.failure), bench.pcsc.watching) == (DeviceAbsent, False)
    await bench.start()
    assert (bench.pcsc.failure, bench.pcsc.watching) == (None, True)
    assert bench.reader.name == READER
    await bench.hold(ANNA)
    assert (await next_tap(taps)).loyalty_id == "LOYALTY123"
    assert caplog.text.count("is pcscd running?") == 1  # once an outage, not once a try


async def test_a_service_without_a_reader_is_waited_for(bench: WireBench) -> None:
    taps = bench.reader.taps()
    await bench.start_daemon(with_reader=False)
    await bench.told("no reader named 'Virtual PCD'; connected: none")
    await bench.plug()
    await bench.hold(ANNA)
    await next_tap(taps)


async def test_another_reader_is_not_taken_for_ours(bench: WireBench) -> None:
    bench.pcsc = bench.reader = PcscReader("ACR122")
    bench.pcsc.taps()
    await bench.daemon.start()
    await bench.told("no reader named 'ACR122'; connected: Virtual PCD 00 00, Virtual PCD 00 01")


async def test_a_card_that_lies_there_at_the_start_counts_once_it_was_taken_away(bench: WireBench) -> None:
    await hold_at_start(bench, ANNA)
    taps = bench.reader.taps()
    await bench.until(watching=True)
    await bench.take_away()
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"
    await bench.take_away()
    await bench.hold(ANNA)
    assert (await next_tap(taps)).loyalty_id == "LOYALTY123"


async def test_a_card_that_lies_there_through_a_restart_is_no_second_tap(
    bench: WireBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.ready()
    taps = bench.reader.taps()
    await bench.hold(ANNA)
    await next_tap(taps)
    card_is_back = threading.Event()

    def look_again() -> Context:
        assert card_is_back.wait(TIMEOUT_S)
        return Context()

    monkeypatch.setattr("drivers.nfc.pcsc.Context", look_again)
    await bench.crash()
    await hold_at_start(bench, ANNA)
    card_is_back.set()
    await bench.until(watching=True)
    await bench.take_away()
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"


@pytest.mark.parametrize("times", [3])
async def test_killed_again_and_again(bench: WireBench, times: int) -> None:
    await bench.ready()
    taps = bench.reader.taps()
    for number in range(times):
        await bench.crash()
        await bench.start()
        await bench.hold(SimulatedCard(ANNA.uid, f"N{number}"))
        assert (await next_tap(taps)).loyalty_id == f"N{number}"


async def test_a_card_at_the_edge_of_the_field_is_tried_again(bench: WireBench) -> None:
    await bench.ready()
    taps = bench.reader.taps()
    await bench.hold(Flaky(2))
    assert (await next_tap(taps)).loyalty_id == "LOYALTY123"


async def test_a_card_that_stays_unreadable_is_told_once_and_the_next_one_works(
    bench: WireBench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.ready()
    taps = bench.reader.taps()
    dead = Flaky(1000)
    with logged("does not say its UID") as told:
        await bench.hold(dead)
        assert await asyncio.to_thread(told.wait, TIMEOUT_S)
    assert 1000 - dead.failures == 3
    await bench.take_away()
    await bench.hold(ANNA)
    await next_tap(taps)
    assert caplog.text.count("does not say its UID") == 1


async def test_a_bug_in_the_watch_ends_the_taps_in_words(
    bench: WireBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> ReaderState:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("drivers.nfc.winscard.Context.state", broken)
    await bench.daemon.start()
    taps = bench.reader.taps()
    with pytest.raises(DriverError, match="stopped: a bug"):
        await next_tap(taps)
    assert "stopped" in caplog.text


async def test_another_program_at_the_same_card_makes_no_second_tap(bench: WireBench) -> None:
    def read_too() -> None:
        with Context() as context, context.connect(READER) as card:
            assert card.transmit(GET_UID)[0] == ANNA.uid

    await bench.ready()
    taps = bench.reader.taps()
    await bench.hold(ANNA)
    await next_tap(taps)
    await asyncio.to_thread(read_too)
    await bench.take_away()
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"


async def test_closing_does_not_wait_for_a_card(bench: WireBench) -> None:
    await bench.ready()
    async with asyncio.timeout(0.9):  # a wait of the watch takes 1 s
        await bench.reader.close()
    assert not bench.pcsc.watching


async def test_closing_without_a_service_does_not_wait_either(bench: WireBench) -> None:
    bench.pcsc._retry_s = 60.0
    bench.reader.taps()
    await bench.told("is pcscd running?")
    async with asyncio.timeout(0.9):
        await bench.reader.close()


@pytest.mark.usefixtures("pcscd_home")
async def test_a_card_where_no_vpcd_listens() -> None:
    with pytest.raises(DeviceAbsent, match="no vpcd at 127"):
        await VpcdField(1).insert(ANNA)


async def test_a_card_that_a_found_reader_only_finds_later_is_no_tap(bench: WireBench) -> None:
    bench.pcsc = bench.reader = PcscReader("Virtual PCD", settle_s=3.0)
    taps = bench.reader.taps()
    with logged("found") as found:
        await bench.start_daemon()
        assert await asyncio.to_thread(found.wait, TIMEOUT_S)
    await bench.hold(ANNA)
    await bench.present()
    await bench.until(watching=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(QUIET_S):
            await anext(taps)
    await bench.take_away()
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"


async def test_a_service_that_hangs_is_told_and_goes_on(bench: WireBench) -> None:
    await bench.ready()
    taps = bench.reader.taps()
    bench.daemon.stop()
    try:
        await bench.until(watching=False)
        state = await bench.reader.state()
        assert (state.condition, state.code) == (Condition.DEGRADED, "timeout")
        assert "hangs" in state.reason
        await bench.field.insert(ANNA)  # tapped at a dead reader, and left there
    finally:
        bench.daemon.go_on()
    await bench.until(watching=True)
    assert await bench.reader.state() == READY
    await bench.present()
    await bench.take_away()
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"


async def test_a_service_that_hangs_and_is_killed_is_found_again(bench: WireBench) -> None:
    await bench.ready()
    taps = bench.reader.taps()
    bench.daemon.stop()
    await bench.until(watching=False)
    await bench.crash()
    await bench.start()
    await bench.hold(ANNA)
    assert (await next_tap(taps)).loyalty_id == "LOYALTY123"


@pytest.mark.parametrize("stays", [False, True])
async def test_a_card_whose_reading_hung_is_no_tap_later(bench: WireBench, stays: bool) -> None:
    class Stopper(SimulatedCard):
        """Lets the service hang as soon as it is spoken to."""

        stopped = False

        def answer(self, command: bytes) -> bytes:
            if not self.stopped:
                self.stopped = True
                bench.daemon.stop()
            return super().answer(command)

    await bench.ready()
    taps = bench.reader.taps()
    await bench.hold(Stopper(ANNA.uid, "LOYALTY123"))
    await bench.told("hangs")
    if not stays:
        await bench.field.remove()
    bench.daemon.go_on()
    await bench.until(watching=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(QUIET_S):
            await anext(taps)
    await bench.take_away()
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"


async def test_closing_while_the_service_hangs(bench: WireBench) -> None:
    await bench.ready()
    taps = bench.reader.taps()
    bench.daemon.stop()
    async with asyncio.timeout(TIMEOUT_S):
        await bench.reader.close()
        assert [tap async for tap in taps] == []
    thread = bench.pcsc._thread
    assert thread is not None
    await asyncio.to_thread(thread.join, TIMEOUT_S)
    assert not thread.is_alive()  # though the service never answers


async def test_a_conversation_that_hangs_is_begun_anew(
    bench: WireBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def hang(context: Context, *_: object) -> ReaderState | None:
        monkeypatch.undo()
        bench.daemon.stop()
        try:
            return Context.change(context, READER, EMPTY, 0.1)
        finally:
            cut.set()

    cut = threading.Event()
    await bench.ready()
    taps = bench.reader.taps()
    monkeypatch.setattr(Context, "change", hang)
    assert await asyncio.to_thread(cut.wait, TIMEOUT_S)  # while the service hangs on
    bench.daemon.go_on()
    await bench.until(watching=True)
    await bench.hold(ANNA)
    assert (await next_tap(taps)).loyalty_id == "LOYALTY123"
    assert "is pcscd running?" not in caplog.text  # it is: what was cut off is a hang


async def test_a_reader_that_is_listed_and_says_nothing_is_asked_seldom(
    bench: WireBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    real = Context.state

    def count(context: Context, reader: str) -> ReaderState:
        nonlocal asked
        asked += 1
        return real(context, reader)

    await bench.ready()
    bench.daemon.fray()
    await bench.until(watching=False)
    monkeypatch.setattr(Context, "state", count)
    assert not await asyncio.to_thread(bench.pcsc.wait_for, lambda: asked > 20, 1.0)
    bench.daemon.mend()
    await bench.until(watching=True)
    assert asked


async def test_the_state_of_a_reader_nobody_listens_to(bench: WireBench) -> None:
    nothing = await bench.reader.state()
    assert (nothing.condition, nothing.code) == (Condition.ABSENT, "absent")
    assert "is pcscd running?" in nothing.reason
    await bench.start_daemon()
    await bench.until(watching=True)
    assert await bench.reader.state() == READY


async def test_the_state_after_a_bug(bench: WireBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> ReaderState:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("drivers.nfc.winscard.Context.state", broken)
    await bench.daemon.start()
    assert "stopped: a bug" in (await bench.reader.state()).reason


async def test_a_card_taken_away_at_once_leaves_no_socket(bench: WireBench) -> None:
    await bench.ready()
    await bench.field.insert(ANNA)
    serving = bench.field._serving
    assert serving is not None
    await bench.field.remove()
    assert serving.cancelled()  # and the test would fail of an unclosed socket


async def test_a_card_that_is_read_too_slowly_is_nobodys_tap(bench: WireBench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.ready()
    taps = bench.reader.taps()
    with monkeypatch.context() as slow, logged("was not read within") as told:
        slow.setattr("drivers.nfc.pcsc.READ_LIMIT_S", 0.0)
        await bench.hold(ANNA)
        assert await asyncio.to_thread(told.wait, TIMEOUT_S)
        await bench.until(watching=True)
    await bench.take_away()
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"


async def test_a_service_that_hangs_after_the_reading_makes_no_late_tap(
    bench: WireBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(connection: Connection, *_: object) -> None:
        bench.daemon.stop()
        let_go(connection, None, None, None)

    await bench.ready()
    taps = bench.reader.taps()
    let_go = Connection.__exit__
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "__exit__", hang)
        await bench.hold(ANNA)
        await bench.told("hangs")
    bench.daemon.go_on()
    await bench.until(watching=True)
    await bench.take_away()
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"
