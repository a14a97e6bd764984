"""The conformance suite can fail: each backend, broken on purpose in each of the ways it lists, turns it red."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from drivers.errors import CardTornAway
from drivers.nfc import Tap, pcsc, reading, simulated
from drivers.nfc.card import SimulatedCard
from drivers.nfc.pcsc import PcscReader
from drivers.nfc.simulated import SimulatedReader
from drivers.nfc.stream import TapStreams
from drivers.nfc.winscard import Context, ReaderGone, ReaderState
from drivers.states import READY, DeviceState
from tests.drivers.nfc import bench as benches
from tests.drivers.nfc import test_conformance as conformance
from tests.drivers.nfc.bench import Bench, SimulatedBench
from tests.drivers.nfc.pcscd import WireBench

Break = Callable[[pytest.MonkeyPatch], None]
Test = Callable[[Bench], Awaitable[None]]

# How long a broken reader is given for the tap that never comes: a whole one takes at most 0.5 s.
SHORT_S = 3.0

_log = logging.getLogger("drivers.nfc.broken")


def _twice(patch: pytest.MonkeyPatch) -> None:
    whole = TapStreams.put

    def put(streams: TapStreams, tap: Tap) -> None:
        whole(streams, tap)
        whole(streams, tap)

    patch.setattr(TapStreams, "put", put)


def _torn_and_all_the_same(module: object) -> Break:
    def torn(reader: str, atr: bytes, transmit: reading.Transmit) -> Tap:
        try:
            return reading.read_card(reader, atr, transmit)
        except CardTornAway:
            return Tap(reader, b"\0\0\0\0", reading.card_type(atr), None)

    return lambda patch: patch.setattr(module, "read_card", torn)


def _ends_with_its_service(patch: pytest.MonkeyPatch) -> None:
    whole = Context.change

    def change(context: Context, reader: str, known: ReaderState, timeout_s: float) -> ReaderState | None:
        try:
            return whole(context, reader, known, timeout_s)
        except ReaderGone as error:
            raise SystemExit from error  # ends the thread without a word, as the library's own monitor does

    patch.setattr(Context, "change", change)


def _stays_unplugged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SimulatedReader, "plug", lambda reader: None)


def _forgets_what_lay_there(patch: pytest.MonkeyPatch) -> None:
    def settle(_: PcscReader, context: Context, name: str) -> ReaderState:
        context.state(name)  # a reader that is gone stays gone
        return ReaderState(present=False, mute=False, contact=0, atr=b"", raw=0x10)

    patch.setattr(PcscReader, "_settle", settle)


def _taps_again_when_plugged(patch: pytest.MonkeyPatch) -> None:
    class Remembering(SimulatedReader):
        last: Tap | None = None

        async def tap(self, card: SimulatedCard, hold_s: float = 1.0, *, torn_after: int | None = None) -> Tap | None:
            self.last = await super().tap(card, hold_s, torn_after=torn_after)
            return self.last

        def plug(self) -> None:
            super().plug()
            if self.last is not None:
                self._streams.put(self.last)

    patch.setattr(simulated, "SimulatedReader", Remembering)


def _always_ready(reader: type[PcscReader | SimulatedReader]) -> Break:
    async def state(_: object) -> DeviceState:
        return READY

    return lambda patch: patch.setattr(reader, "state", state)


def _talks(module: object) -> Break:
    def read_and_tell(reader: str, atr: bytes, transmit: reading.Transmit) -> Tap:
        tap = reading.read_card(reader, atr, transmit)
        _log.debug("read %s", tap.uid.hex())
        return tap

    return lambda patch: patch.setattr(module, "read_card", read_and_tell)


def _leaves_listeners(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TapStreams, "end", lambda streams, error=None: None)


ONCE = conformance.test_once_a_contact_and_again_with_the_next
LOSS = conformance.test_a_reader_lost_and_found_goes_on
LAY_THERE = conformance.test_a_card_that_lies_there_through_a_loss_is_no_second_tap
STATE = conformance.test_the_state_follows_the_reader
CLOSE = conformance.test_close_ends_the_taps


async def _torn(bench: Bench) -> None:
    await conformance.test_a_card_torn_away_gives_no_tap_and_the_next_one_does(bench, 1)


FAULTS: list[tuple[str, Test, Break, Break]] = [
    ("two taps a contact", ONCE, _twice, _twice),
    ("a tap of a torn card", _torn, _torn_and_all_the_same(simulated), _torn_and_all_the_same(pcsc)),
    ("blind after a loss", LOSS, _stays_unplugged, _ends_with_its_service),
    ("phantom after a loss", LAY_THERE, _taps_again_when_plugged, _forgets_what_lay_there),
    ("says ready when gone", STATE, _always_ready(SimulatedReader), _always_ready(PcscReader)),
    ("listeners wait for ever", CLOSE, _leaves_listeners, _leaves_listeners),
]


@pytest.fixture(params=["simulated", "wire"])
async def make_bench(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[], Bench]]:
    made: list[Bench] = []
    home: Path | None = request.getfixturevalue("pcscd_home") if request.param == "wire" else None

    def make() -> Bench:
        made.append(SimulatedBench(simulated.SimulatedReader()) if home is None else WireBench(home))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.mark.parametrize(
    ("test", "simulated_fault", "wire_fault"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
async def test_a_broken_reader_is_found(
    make_bench: Callable[[], Bench], test: Test, simulated_fault: Break, wire_fault: Break
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benches, "TIMEOUT_S", SHORT_S)
        patch.setattr("tests.drivers.nfc.pcscd.TIMEOUT_S", SHORT_S)
        patch.setattr("threading.excepthook", lambda _: None)
        probe = make_bench()
        (wire_fault if isinstance(probe, WireBench) else simulated_fault)(patch)
        broken = make_bench()
        await broken.ready()
        with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
            async with asyncio.timeout(2 * SHORT_S):
                await test(broken)


async def test_a_talkative_reader_is_found(make_bench: Callable[[], Bench], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.MonkeyPatch.context() as patch:
        _talks(simulated)(patch)
        _talks(pcsc)(patch)
        broken = make_bench()
        await broken.ready()
        with pytest.raises(AssertionError):
            await conformance.test_no_uid_reaches_a_log(broken, caplog)
