"""Running the cases: kiosks side by side, each taking one case after the other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from edge.agents.payment.gateway import GatewayError
from edge.agents.payment.sandbox.faults import Faults
from edge.contract import ui
from edge.contract.envelope import NATSMessage
from edge.contract.errors import ContractError
from edge.contract.streams import EVENTS_STREAM
from edge.contract.subjects import UI_UPDATE
from edge.contract.wire import from_fields
from proofs.crashes.books import Books, Told, Verdict, judge, read_journal, read_ledger
from proofs.crashes.customer import Customer
from proofs.crashes.kiosk import CrashKiosk
from proofs.crashes.mischief import Line
from proofs.crashes.plan import Astray, Case, Kill
from proofs.crashes.programs import DidNotStart

log = logging.getLogger(__name__)

_PATIENCE_S: Final = 150.0  # for a whole case; the longest single wait in it is a payment's 30 s
_REACHED_S: Final = 20.0  # after the customer has gone, for what agents still do about them
_AGREE_S: Final = 45.0  # refunds of charges that nobody heard of wait for 30 s
_LOOK_S: Final = 0.1
_ANSWER_S: Final = 5.0
_STREAM: Final = str(EVENTS_STREAM["name"])
_FAULTS: Final = {"cut": Faults(hangs_up=True, times=1), "gives up": Faults(hangs_up=True, times=2)}


@dataclass
class Outcome:
    """How a case went."""

    case: Case
    verdict: Verdict = field(default_factory=Verdict)
    unfinished: str = ""
    """Why the case could not be judged; empty when it could."""
    how: str = ""
    """How it ended for the customer."""
    deeds: str = ""
    took_s: float = 0.0

    @property
    def good(self) -> bool:
        """Nothing is wrong."""
        return not self.unfinished and not self.verdict.wrong

    @property
    def wrong(self) -> list[str]:
        """What is wrong, in words."""
        found = [f"not finished: {self.unfinished}"] if self.unfinished else []
        return [f"{self.case.name}: {words}" for words in (*found, *self.verdict.wrong)]


Tell = Callable[[Outcome], None]
Reached = Callable[[], Awaitable[bool]]


async def run(cases: Sequence[Case], folder: Path, *, jobs: int, tell: Tell = lambda _: None) -> list[Outcome]:
    """Run `cases` on `jobs` kiosks in `folder`; in the end each kiosk's books are compared once more, whole.

    Raises:
        DidNotStart: a kiosk can't be started at all.
    """
    # Neighbours in the list share a kiosk: they need the same ways to pay and lines.
    size = -(-len(cases) // max(1, jobs))
    shares = [cases[first : first + size] for first in range(0, len(cases), size)]
    lanes = [
        asyncio.create_task(_Lane(folder / f"kiosk-{number}", tell).run(share)) for number, share in enumerate(shares)
    ]
    try:
        found = await asyncio.gather(*lanes)
    finally:
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
    return [outcome for share in found for outcome in share]


class _Lane:
    def __init__(self, folder: Path, tell: Tell) -> None:
        self._folder = folder
        self._tell = tell

    async def run(self, cases: Sequence[Case]) -> list[Outcome]:
        outcomes = []
        async with CrashKiosk.open(self._folder) as kiosk, contextlib.AsyncExitStack() as leaving:
            self._kiosk = kiosk
            self._lines = {
                agent: await leaving.enter_async_context(Line.before(kiosk.server.url))
                for agent in ("orchestrator", "payment")
            }
            for case in cases:
                outcome = await self._run(case)
                outcomes.append(outcome)
                self._tell(outcome)
            if outcomes:
                await self._judge_all(outcomes)
        return outcomes

    async def _judge_all(self, outcomes: list[Outcome]) -> None:
        """What a later case did to an earlier one's order shows in the end."""
        for pays in sorted({case.pays for case in (outcome.case for outcome in outcomes)}):
            self._kiosk.pays = pays
            books = self._books()
            keys = {charge.key for charge in books.charges}
            theirs = Books(
                books.charges,
                tuple(row for row in books.attempts if row["key"] in keys),
                books.documents,
                books.paper,
            )
            told = [each for each in await self._told(1) if any(key.startswith(f"{each.order_id}/") for key in keys)]
            whole = judge(theirs, told, meals=len(outcomes))
            last = next(outcome for outcome in reversed(outcomes) if outcome.case.pays == pays)
            for kind in ("double_charges", "without_order", "lost", "disagreements"):
                known = {words for outcome in outcomes for words in getattr(outcome.verdict, kind)}
                getattr(last.verdict, kind).extend(
                    f"in the end {words}" for words in getattr(whole, kind) if words not in known
                )

    async def _run(self, case: Case) -> Outcome:
        outcome = Outcome(case)
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._act(case, outcome)
        except TimeoutError:
            outcome.unfinished = f"it took longer than {_PATIENCE_S:g} s; {outcome.deeds}"
        except (DidNotStart, GatewayError, OSError) as error:
            outcome.unfinished = str(error) or type(error).__name__
        except Exception as error:  # a fault of ours: the other cases can be run all the same
            log.exception("a fault in %s", case.name)
            outcome.unfinished = f"{type(error).__name__}: {error}"
        outcome.took_s = time.monotonic() - began_s
        return outcome

    async def _act(self, case: Case, outcome: Outcome) -> None:
        kiosk = self._kiosk
        if isinstance(case, Kill):
            # The point of who died before is passed by who comes after it.
            own = case.moment.program
            stopping = None if case.story == "resumes" else (own, case.moment.point)
            await kiosk.prepare(pays=case.pays, stopping=stopping, victim=case.victim)
        else:
            await kiosk.prepare(pays=case.pays, urls={case.letter.line: self._lines[case.letter.line].url})
        keys = self._books().keys
        first = await self._next_sequence()
        if case.story in _FAULTS and case.pays == "sandbox":
            await kiosk.sandbox_misbehaves(_FAULTS[case.story])
        customer = Customer(kiosk, case.story)
        async with _befalling(kiosk, self._lines, case, customer) as reached:
            try:
                await customer.come_and_go()
            finally:
                outcome.deeds = " · ".join(customer.deeds)
            if not await reached():
                outcome.unfinished = f"never came to {case.name}; the customer: {outcome.deeds}"
        verdict = await self._agreement(keys, first)
        outcome.verdict = verdict
        outcome.how = _how(self._books().since(keys), customer)

    async def _agreement(self, keys: frozenset[str], first: int) -> Verdict:
        """The verdict once nothing is at work any more; what is to be given back may wait for its time."""
        ends_s = time.monotonic() + _AGREE_S
        while True:
            books = self._books().since(keys)
            verdict = judge(books, await self._told(first))
            if not verdict.wrong and not books.unsettled:
                return verdict
            if time.monotonic() > ends_s:
                verdict.disagreements += [f"{each} to the end" for each in books.unsettled]
                return verdict
            await asyncio.sleep(_LOOK_S)

    # -- what there is to compare -------------------------------------------------------------------------

    def _books(self) -> Books:
        kiosk = self._kiosk
        texts = ["".join("".join(receipt.text).split()) for receipt in kiosk.printer.receipts]
        attempts = read_journal(kiosk.journal)
        transactions = [str(row["transaction_id"]) for row in attempts]
        return Books(
            charges=read_ledger(kiosk.ledger),
            attempts=attempts,
            documents=frozenset(path.stem for path in kiosk.receipts.glob("*.pdf")),
            paper={each: sum(each in text for text in texts) for each in transactions},
        )

    async def _next_sequence(self) -> int:
        state = (await self._kiosk.client.js.stream_info(_STREAM)).state
        return int(state.last_seq) + 1

    async def _told(self, first: int) -> list[Told]:
        """What the screens said is paid, by the stream's own record from the sequence `first` on."""
        client = self._kiosk.client
        found: dict[str, Told] = {}
        try:
            last = await client.js.get_last_msg(_STREAM, UI_UPDATE.subject)
        except NotFoundError:
            return []
        if (last.seq or 0) < first:
            return []
        config = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=first)
        listening = await client.js.subscribe(UI_UPDATE.subject, stream=_STREAM, ordered_consumer=True, config=config)
        try:
            left = 1
            while left:
                msg = await listening.next_msg(timeout=_ANSWER_S)
                left = msg.metadata.num_pending
                for told in _receipts(msg.data):
                    before = found.get(told.order_id)
                    found[told.order_id] = replace(
                        told, printed=told.printed or (before is not None and before.printed)
                    )
        finally:
            await listening.unsubscribe()
        return [*found.values()]


@contextlib.asynccontextmanager
async def _befalling(
    kiosk: CrashKiosk, lines: Mapping[str, Line], case: Case, customer: Customer
) -> AsyncIterator[Reached]:
    """While the customer is at it: what the case has in store. What is yielded tells whether it came to that."""
    if isinstance(case, Astray):
        letter, line = case.letter, lines[case.letter.line]
        line.befall(letter.subject, case.mischief, answers=letter.answer)

        async def was_befallen() -> bool:
            return line.befallen > 0

        try:
            yield was_befallen
        finally:
            line.leave_alone()
        return
    killed = asyncio.Event()
    killing = asyncio.create_task(_kill(kiosk, case, customer, killed))

    async def was_killed() -> bool:
        """The last points are passed when the customer has gone."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(killed.wait(), _REACHED_S)
        if killed.is_set() or killing.done():
            await killing  # the victim is back, or couldn't be killed or started
        return killed.is_set()

    try:
        yield was_killed
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        kiosk.program(case.moment.program).go_on()  # it may have come there too late


async def _kill(kiosk: CrashKiosk, case: Kill, customer: Customer, killed: asyncio.Event) -> None:
    """Wait until the point's program stands still there, kill the victim, let it go on, start the victim again."""
    name = case.moment.program
    if case.story == "resumes":
        await customer.waits_for_card.wait()
        await kiosk.kill(name)
        await kiosk.start_again(name, stop_at=case.moment.point, until_up=False)
    point = kiosk.program(name)
    await point.until_still()
    await kiosk.kill(case.victim)
    killed.set()
    if case.victim != name:
        point.go_on()
    await kiosk.start_again(case.victim)


def _receipts(data: bytes) -> list[Told]:
    """The receipt of a screen, if it shows one."""
    try:
        screen = from_fields(NATSMessage.from_json(data).payload, ui.UiUpdate)
        shown = [from_fields(each.data, ui.ReceiptInfo) for each in screen.components if each.type == "ReceiptInfo"]
    except ContractError:
        return []
    return [Told(each.order_id, each.transaction_id, each.total.minor, bool(each.printed)) for each in shown]


def _how(books: Books, customer: Customer) -> str:
    """How it ended for the customer, in a word or two for the table."""
    returned = sum(not charge.stands for charge in books.charges)
    words = ["paid"] if any(charge.stands for charge in books.charges) else [] if returned else ["not charged"]
    words += ["given back"] if returned else []
    return ", ".join(words) + (f" ({customer.visits} visits)" if customer.visits > 1 else "")
