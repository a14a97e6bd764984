"""What a test does and sees: the bench's stimuli and observers with a memory, and a customer's usual ways."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final

import pytest

from bench import Bench, Paper
from bench.customer import Customer
from bench.deeds import MENDS, Deed, Sight, in_words
from bench.record import Record
from bench.watch import Heard, Watch
from edge.bus import Client
from edge.contract import ui
from edge.contract.subjects import PERSON_DETECTED, PERSON_LEFT

_TAP_AGAIN_S: Final = 3.0
_SHOWN_EVENTS: Final = 400


class Lobby(Customer):
    """The place where a test happens. Every deed is one that the test said it needs."""

    def __init__(self, bench: Bench, client: Client, watch: Watch, record: Record, needed: Sequence[Deed | Sight]):
        super().__init__(client, watch)
        self._bench = bench
        self._telling = True
        self._record = record
        self._needed = frozenset(needed)
        self._to_mend: dict[Deed, None] = {}
        watch.on_heard = self._note_message

    @property
    def patience_s(self) -> float:
        """See `Customer`."""
        return self._bench.patience_s

    def note(self, deed: str) -> None:
        """Put what was done into the report."""
        if self._telling:
            self._record.note("person", deed)

    def figure(self, name: str, value: str) -> None:
        """Put a measurement into the report."""
        self._record.figures[name] = value

    # -- deeds ---------------------------------------------------------------------------------------------------

    async def do(self, deed: Deed, what: str = "") -> None:
        """Do something; what should come of it is looked for from here on."""
        assert deed in self._needed or deed in MENDS.values(), f"the test does not say that it needs {deed}"
        self._last_deed = len(self._watch.heard)
        self.note(in_words(deed, what))
        if deed in MENDS:
            self._to_mend[MENDS[deed]] = None
        await self._bench.do(deed, what)
        self._to_mend.pop(deed, None)

    async def mend(self) -> None:
        """Bring back what a test that failed left broken."""
        for deed in reversed(list(self._to_mend)):
            await self.do(deed)

    # -- a customer ----------------------------------------------------------------------------------------------

    async def pay(self, card: str = "good") -> ui.UiUpdate:
        """Hold the card to the reader, as often as a person does until something happens; returns that screen."""

        def over(screen: ui.UiUpdate) -> bool:
            states = [each.data.get("state") for each in screen.components if each.type == "PaymentPrompt"]
            return screen.layout_mode == "receipt" or (bool(states) and states != ["waiting"])

        deadline_s = time.monotonic() + 2 * self.patience_s
        while True:
            await self.do(Deed.TAP, card)
            with contextlib.suppress(AssertionError):
                return await self.screen("tells how the payment went", over, _TAP_AGAIN_S)
            assert time.monotonic() < deadline_s, "nothing comes of tapping the card"

    async def buy(self, item_id: int = 101) -> ui.ReceiptInfo:
        """All of it, up to the receipt on the screen, printed or not."""
        await self.start()
        await self.order(item_id)
        await self.go_to_pay()
        await self.pay()
        return await self.part(ui.ReceiptInfo, lambda receipt: receipt.printed is not None)

    async def rest(self) -> None:
        """Bring the kiosk back to where nobody is there; the test is over, and so is its report."""
        self._telling = False
        with contextlib.suppress(AssertionError):
            seen, left = self.all(PERSON_DETECTED), self.all(PERSON_LEFT)
            if len(seen) > len(left) and Deed.SHOW in self._needed:
                await self.do(Deed.SHOW, "nobody")
                await self.until(PERSON_LEFT)
            shows = self._watch.screen()
            if shows is not None and shows.layout_mode == "receipt":  # its paper is nobody else's
                await self.part(ui.ReceiptInfo, lambda receipt: receipt.printed is not None)
            if shows is not None and shows.layout_mode not in ("attract", "goodbye"):
                await self.touch("cancel")
                await self.screen("says goodbye", lambda screen: screen.layout_mode in ("attract", "goodbye"))

    # -- what can be seen ----------------------------------------------------------------------------------------

    async def receipt(self, *words: str) -> Paper:
        """The next receipt, which shows `words`."""
        self._must_see(Sight.RECEIPTS)
        return await self._bench.receipts.next(words, self.patience_s)

    async def receipts(self) -> int:
        """How many whole receipts came out since the test began."""
        self._must_see(Sight.RECEIPTS)
        return await self._bench.receipts.count()

    def papers(self) -> str:
        """What came out since the test began, for whoever must find out why."""
        return "\n--8<--\n".join(each.text for each in self._record.papers)

    async def lit(self) -> None:
        """Return once the LED strip shines."""
        self._must_see(Sight.LIGHTS)
        await self._bench.lights.until(True, self.patience_s)

    async def dark(self, timeout_s: float | None = None) -> None:
        """Return once the LED strip is dark."""
        self._must_see(Sight.LIGHTS)
        await self._bench.lights.until(False, timeout_s or self.patience_s)

    async def press_felt(self) -> float:
        """The next press of the button that the driver felt."""
        self._must_see(Sight.BUTTON)
        return await self._bench.button.next_press(self.patience_s)

    async def presses(self) -> int:
        """How many presses it felt since the test began."""
        self._must_see(Sight.BUTTON)
        return await self._bench.button.presses()

    def _must_see(self, sight: Sight) -> None:
        assert sight in self._needed, f"the test does not say that it needs {sight}"

    # -- memory --------------------------------------------------------------------------------------------------

    def _note_message(self, heard: Heard) -> None:
        if len(self._record.moments) < _SHOWN_EVENTS:
            self._record.note("bus", heard.subject, heard.about, heard.at_s)

    def begin(self) -> None:
        """The test begins: what was before is nobody's."""
        self._bench.receipts.begin()
        self._bench.lights.begin()
        if self._bench.missing(Sight.BUTTON) is None:
            self._bench.button.begin()

    def end(self) -> None:
        """The test is over: keep what the lights showed."""
        self._watch.on_heard = _ignore
        self._record.frames = list(self._bench.lights.frames())

    @property
    def malformed(self) -> Sequence[str]:
        """What broke the contract so far."""
        return self._watch.malformed


def _ignore(_: Any) -> None:
    """The test is over."""


def needs(*what: Deed | Sight) -> pytest.MarkDecorator:
    """Say what a test does to the kiosk and sees of it: where the bench can't, it is skipped with the reason."""
    return pytest.mark.needs(*what)
