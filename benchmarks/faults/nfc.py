"""Faults of the NFC reader, at wire level: our reader, pyscard and libpcsclite as they ship, and a pcscd of our own.

Behind pcscd is vpcd, a virtual reader that pcscd takes for a USB device, with a cable that can be pulled, and simulated
cards in its field.
`python -m benchmarks.faults.nfc` measures how long a tap takes.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import contextlib
import functools
import itertools
import logging
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.faults import Fault, Outcome, PromiseBroken
from drivers.nfc import Tap
from drivers.nfc.card import STORAGE_CARD_ATR, USER_SIZE, SimulatedCard
from drivers.states import READY, Condition
from tests.drivers.nfc.bench import QUIET_S, TIMEOUT_S, logged
from tests.drivers.nfc.pcscd import Pcscd, WireBench, missing

ANNA = SimulatedCard(bytes.fromhex("04A1B2C3D4E5F6"), "LOYALTY123")
BERT = SimulatedCard(bytes.fromhex("0411223344556F"), "bert.42")

TAP_S = 0.5  # issue 4: from contact to event
POLL_S = 0.4  # pcscd's own: PCSCLITE_STATUS_POLL_RATE

_number = itertools.count()
_random = random.Random(4)  # noqa: S311 - junk on cards, not a secret


@functools.cache
def _home() -> Path:
    """One a process: libpcsclite looks for its socket's name once."""
    home = Path(tempfile.mkdtemp(prefix="kiosk-nfc-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["PCSCLITE_CSOCK_NAME"] = str(Pcscd.socket_of(home))
    logging.getLogger("drivers.nfc").addHandler(logging.NullHandler())  # what goes wrong here is meant to
    return home


@asynccontextmanager
async def _reader() -> AsyncIterator[tuple[WireBench, AsyncIterator[Tap]]]:
    bench = WireBench(_home())
    try:
        await bench.ready()
        yield bench, bench.reader.taps()
    finally:
        await bench.close()


def _since(began_s: float) -> float:
    return time.perf_counter() - began_s


async def _next(taps: AsyncIterator[Tap], card: SimulatedCard, loyalty_id: str | None) -> None:
    """The next tap is `card`'s, with this loyalty id.

    Raises:
        PromiseBroken: it is another, or there is none.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            tap = await anext(taps)
    except TimeoutError as error:
        raise PromiseBroken("a card held to the reader gave no tap") from error
    if tap.uid != card.uid:
        raise PromiseBroken("a tap of a card that was not held to the reader")
    if tap.loyalty_id != loyalty_id:
        raise PromiseBroken(f"loyalty id {tap.loyalty_id!r} of a card that has {loyalty_id!r}")


async def _quiet(taps: AsyncIterator[Tap], why: str) -> None:
    """No tap.

    Raises:
        PromiseBroken: there is one.
    """
    try:
        async with asyncio.timeout(QUIET_S):
            await anext(taps)
    except TimeoutError:
        return
    raise PromiseBroken(f"a phantom tap: {why}")


async def _works(bench: WireBench, taps: AsyncIterator[Tap]) -> None:
    """One card, held once, is one tap; the state is ready."""
    await bench.hold(BERT)
    await _next(taps, BERT, "bert.42")
    await _quiet(taps, "a second one of one contact")
    if await bench.reader.state() != READY:
        raise PromiseBroken("the reader works and its state is not ready")


async def _told(bench: WireBench, condition: Condition, words: str) -> None:
    """The state says so by now."""
    state = await bench.reader.state()
    if state.condition != condition or words not in state.reason:
        raise PromiseBroken(f"the state says {state.condition} {state.reason!r} where it is {condition}: {words}")


async def torn_away() -> Outcome:
    """The card leaves after it answered 0, 1, 2 or 3 commands."""
    async with _reader() as (bench, taps):
        with logged("the card left") as told:
            await bench.field.insert(ANNA, torn_after=next(_number) % 4)
            await bench.field.left()
            began_s = time.perf_counter()
            if not await asyncio.to_thread(told.wait, TIMEOUT_S):
                raise PromiseBroken("a card torn away went unnoticed")
            detected_s = _since(began_s)
        await bench.empty()
        await bench.hold(BERT)
        await _next(taps, BERT, "bert.42")
        recovered_s = _since(began_s)
        await _quiet(taps, "of the card torn away")
        return Outcome(detected_s, recovered_s)


async def killed() -> Outcome:
    """pcscd crashes and is started again."""
    async with _reader() as (bench, taps):
        began_s = time.perf_counter()
        await bench.daemon.kill()
        await bench.until(watching=False)
        detected_s = _since(began_s)
        await _told(bench, Condition.ABSENT, "is pcscd running?")
        await bench.start_daemon()
        began_s = time.perf_counter()
        await bench.until(watching=True)
        recovered_s = _since(began_s)
        await _works(bench, taps)
        return Outcome(detected_s, recovered_s)


async def killed_under_a_card() -> Outcome:
    """A card lies on the reader while pcscd crashes and starts again, and is found as soon as it runs."""
    async with _reader() as (bench, taps):
        await bench.hold(ANNA)
        await _next(taps, ANNA, "LOYALTY123")
        began_s = time.perf_counter()
        await bench.daemon.kill()
        await bench.until(watching=False)
        detected_s = _since(began_s)
        await bench.start_daemon()
        began_s = time.perf_counter()
        await bench.hold(ANNA)
        await bench.until(watching=True)
        recovered_s = _since(began_s)
        await _quiet(taps, "of a card that lay there through a restart of pcscd")
        await bench.take_away()
        await _works(bench, taps)
        return Outcome(detected_s, recovered_s)


async def unplugged() -> Outcome:
    """The reader's cable is pulled, and put back."""
    async with _reader() as (bench, taps):
        detected_s, recovered_s = await _pull_and_put_back(bench)
        await _works(bench, taps)
        return Outcome(detected_s, recovered_s)


async def unplugged_under_a_card() -> Outcome:
    """The same, with a card on the reader."""
    async with _reader() as (bench, taps):
        await bench.hold(ANNA)
        await _next(taps, ANNA, "LOYALTY123")
        detected_s, recovered_s = await _pull_and_put_back(bench)
        await _quiet(taps, "of a card that lay there while the reader was unplugged")
        await bench.take_away()
        await _works(bench, taps)
        return Outcome(detected_s, recovered_s)


async def _pull_and_put_back(bench: WireBench) -> tuple[float, float]:
    began_s = time.perf_counter()
    bench.daemon.pull()
    await bench.until(watching=False)
    detected_s = _since(began_s)
    await _told(bench, Condition.ABSENT, "unplugged")
    began_s = time.perf_counter()
    await bench.put_back()
    await bench.until(watching=True)
    return detected_s, _since(began_s)


async def hangs() -> Outcome:
    """pcscd hangs (SIGSTOP), and goes on; a card that was held to the dead reader meanwhile lies there."""
    async with _reader() as (bench, taps):
        detected_s = await _hang(bench)
        await bench.field.insert(ANNA)
        bench.daemon.go_on()
        began_s = time.perf_counter()
        await bench.until(watching=True)
        recovered_s = _since(began_s)
        await _quiet(taps, "of a card that was held to a dead reader")
        await bench.take_away()
        await _works(bench, taps)
        return Outcome(detected_s, recovered_s)


async def hangs_and_is_killed() -> Outcome:
    """pcscd hangs, and is killed and started again, as systemd's watchdog or a person does."""
    async with _reader() as (bench, taps):
        detected_s = await _hang(bench)
        await bench.daemon.kill()
        await bench.start_daemon()
        began_s = time.perf_counter()
        await bench.until(watching=True)
        recovered_s = _since(began_s)
        await _works(bench, taps)
        return Outcome(detected_s, recovered_s)


async def hangs_while_reading() -> Outcome:
    """pcscd hangs in the middle of a card, whose owner leaves."""

    class Stopper(SimulatedCard):
        stopped_s = 0.0

        def answer(self, command: bytes) -> bytes:
            if not self.stopped_s:
                bench.daemon.stop()
                self.stopped_s = time.perf_counter()
            return super().answer(command)

    async with _reader() as (bench, taps):
        card = Stopper(ANNA.uid, "LOYALTY123")
        await bench.hold(card)
        await bench.told("hangs")
        detected_s = _since(card.stopped_s)
        await bench.field.remove()
        bench.daemon.go_on()
        began_s = time.perf_counter()
        await bench.until(watching=True)
        recovered_s = _since(began_s)
        await _quiet(taps, "of a card whose owner had left")
        await _works(bench, taps)
        return Outcome(detected_s, recovered_s)


async def _hang(bench: WireBench) -> float:
    began_s = time.perf_counter()
    bench.daemon.stop()
    await bench.until(watching=False)
    detected_s = _since(began_s)
    await _told(bench, Condition.DEGRADED, "hangs")
    return detected_s


async def tapped_while_recovering() -> Outcome:
    """A card is held to a reader that is just coming back; it may be a tap, and held again it is one."""
    async with _reader() as (bench, taps):
        began_s = time.perf_counter()
        await bench.daemon.kill()
        await bench.until(watching=False)
        detected_s = _since(began_s)
        await bench.start_daemon()
        began_s = time.perf_counter()
        await asyncio.sleep(_random.uniform(0, 2))  # it takes up to 2 s
        await bench.hold(ANNA)
        await bench.until(watching=True)
        recovered_s = _since(began_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                await anext(taps)
        await _quiet(taps, "a second one of one contact")
        await bench.take_away()
        await _works(bench, taps)
        return Outcome(detected_s, recovered_s)


async def junk_memory() -> Outcome:
    """A card with random bytes where its loyalty record belongs: a tap without loyalty."""
    junk = bytes([0x03, _random.randrange(1, 256)]) + _random.randbytes(_random.randrange(USER_SIZE - 1))
    return await _odd_card(SimulatedCard(bytes.fromhex("04DEADDEADDEAD"), memory=junk))


async def wrong_atr() -> Outcome:
    """A card that introduces itself with nonsense: named in the log, or a tap without loyalty."""
    atr = _random.choice(
        [
            b"\x3b",
            b"\x00" * 4,
            b"\xff" * 20,
            STORAGE_CARD_ATR[:-3],
            _random.randbytes(_random.randrange(1, 33)),
        ]
    )
    return await _odd_card(SimulatedCard(bytes.fromhex("0BADA7E0"), atr=atr))


async def refusing_card() -> Outcome:
    """A card whose every answer is an error: named in the log, no tap."""

    class Refusing(SimulatedCard):
        def answer(self, command: bytes) -> bytes:
            return bytes.fromhex(_random.choice(["6300", "6700", "6A81", "6C00", "6982", "6F00", "90", ""])) or b"\0"

    return await _odd_card(Refusing(bytes.fromhex("04BAD0BAD0BAD0")))


async def _odd_card(card: SimulatedCard) -> Outcome:
    """Noticed: what is wrong with it is logged, or it is a tap without loyalty. Over: the next card is a tap."""
    async with _reader() as (bench, taps):
        with logged("card") as told:
            began_s = time.perf_counter()
            await bench.hold(card)
            tapped = asyncio.create_task(_next(taps, card, None))
            waiting = asyncio.create_task(asyncio.to_thread(told.wait, TIMEOUT_S))
            try:
                await asyncio.wait([tapped, waiting], return_when=asyncio.FIRST_COMPLETED)
                detected_s = _since(began_s)
                if not told.is_set():
                    await tapped
                await asyncio.wait([tapped], timeout=QUIET_S)
            finally:
                told.set()
                tapped.cancel()
                await asyncio.wait([tapped, waiting])
            if not tapped.cancelled():
                tapped.result()
        began_s = time.perf_counter()
        await bench.take_away()
        await bench.hold(BERT)
        await _next(taps, BERT, "bert.42")
        recovered_s = _since(began_s)
        await _quiet(taps, "after an odd card")
        return Outcome(detected_s, recovered_s)


async def _time_tap(bench: WireBench, taps: AsyncIterator[Tap]) -> float:
    """Seconds from contact to event, at any moment of pcscd's polling."""
    await asyncio.sleep(_random.uniform(0, POLL_S))
    began_s = time.perf_counter()
    await bench.hold(ANNA)
    await _next(taps, ANNA, "LOYALTY123")
    took_s = _since(began_s)
    await bench.take_away()
    return took_s


# Where the bounds come from: a crash is told by the closed socket at once; a pulled cable is pcscd's to find, which
# looks every 0.4 s and a second after an error; a hang is one after WAIT_S + PATIENCE_S. A service that is back is
# found within LAST_RETRY_S, and the reader watches SETTLE_S for what lies on it before cards count.
_CARD_S = POLL_S + TAP_S + 0.1
_NEXT_CARD_S = 2 * POLL_S + TAP_S + 0.2  # the odd one is taken away, the next one read
_BACK_S = 2.5


def _fault(name: str, bound_s: float, recovery_bound_s: float, strike: Callable[[], Awaitable[Outcome]]) -> Fault:
    async def judged() -> Outcome:
        try:
            return await strike()
        except PromiseBroken:
            raise
        except AssertionError as error:  # the bench waited in vain
            raise PromiseBroken(str(error)) from error

    return Fault(name, bound_s, recovery_bound_s, judged, missing)


FAULTS = [
    _fault("card torn away while it is read", _CARD_S, _NEXT_CARD_S, torn_away),
    _fault("pcscd killed and restarted", 0.5, _BACK_S, killed),
    _fault("pcscd killed and restarted, a card lying there", 0.5, _BACK_S, killed_under_a_card),
    _fault("reader unplugged and replugged", 2.5, 3.5, unplugged),
    _fault("reader unplugged and replugged, a card lying there", 2.5, 3.5, unplugged_under_a_card),
    _fault("pcscd hangs and goes on, a card held meanwhile", 2.5, _BACK_S, hangs),
    _fault("pcscd hangs, is killed and restarted", 2.5, _BACK_S, hangs_and_is_killed),
    _fault("pcscd hangs while a card is read, whose owner leaves", 2.5, 3.5, hangs_while_reading),
    _fault("card held while pcscd comes back", 0.5, _BACK_S, tapped_while_recovering),
    _fault("junk in place of the loyalty record", _CARD_S, _NEXT_CARD_S, junk_memory),
    _fault("wrong ATR", _CARD_S, _NEXT_CARD_S, wrong_atr),
    _fault("card that answers every command with an error", _CARD_S, _NEXT_CARD_S, refusing_card),
]


async def _taps(times: int) -> list[float]:
    async with _reader() as (bench, taps):
        return sorted([await _time_tap(bench, taps) for _ in range(times)])


def main() -> int:
    """Tell how long a tap takes; 1 when one in 20 takes longer than 0.5 s."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.nfc", description=main.__doc__)
    parser.add_argument("--taps", type=int, default=100)
    times = parser.parse_args().taps
    reason = missing()
    if reason is not None:
        print(reason, file=sys.stderr)
        return 1
    took_s = asyncio.run(_taps(times))
    p95_s = statistics.quantiles(took_s, n=20)[18]
    print(
        f"{times} taps, contact to event: p50 {1000 * statistics.median(took_s):.0f} ms, p95 {1000 * p95_s:.0f} ms, "
        f"longest {1000 * took_s[-1]:.0f} ms"
    )
    return int(p95_s > TAP_S)


if __name__ == "__main__":
    raise SystemExit(main())
