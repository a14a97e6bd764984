"""The cases: every crash point times every victim, and what may happen to a message times every message."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import edge.agents.orchestrator
import edge.agents.payment
from edge.bus.crashing import crash_points
from edge.contract.subjects import (
    CARD_TAP,
    CART_ACTION,
    PAYMENT_CANCEL,
    PAYMENT_PROCESS,
    PRINT_RECEIPT,
    SESSION_ENDED,
    SESSION_STARTED,
    TOUCH,
    UI_UPDATE,
)
from proofs.crashes.kiosk import GATEWAY, SPECTATORS, VICTIMS, Pays

# pays: touches, tap, receipt · declined: a card that is refused, then a good one · cancels: touches Cancel while the
# card is awaited · races: touches Cancel and taps in the same moment · cut: the line to the bank is cut after the
# charge · gives up: it stays cut, and the customer leaves · resumes: the orchestrator died while the card was awaited
Story = Literal["pays", "declined", "cancels", "races", "cut", "gives up", "resumes"]
Mischief = Literal["twice", "late", "after the next"]


@dataclass(frozen=True)
class Moment:
    """A crash point and the story that comes by it."""

    point: str
    story: Story = "pays"
    pays: Pays = "sandbox"

    @property
    def program(self) -> str:
        """Whose point it is."""
        owner = self.point.partition(".")[0]
        return GATEWAY if owner == "sandbox" else owner

    @property
    def text(self) -> str:
        """For the table."""
        more = [each for each in (self.story if self.story != "pays" else "", self.pays) if each not in ("", "sandbox")]
        return f"{self.point} ({', '.join(more)})" if more else self.point


# Points that a customer who simply pays doesn't come by, or that another story makes worse as well.
_STORIES: Final[Mapping[str, tuple[Moment, ...]]] = {
    each[0].point: each
    for each in (
        (
            Moment("orchestrator.cancel-asked", "cancels"),
            Moment("orchestrator.cancel-asked", "races"),
            Moment("orchestrator.cancel-asked", "gives up"),
        ),
        (Moment("orchestrator.refused", "declined"), Moment("orchestrator.refused", "cancels")),
        (Moment("orchestrator.resuming", "resumes"),),
        (Moment("orchestrator.end-told"), Moment("orchestrator.end-told", "gives up")),
        (Moment("orchestrator.goodbye-shown"), Moment("orchestrator.goodbye-shown", "gives up")),
        (Moment("payment.doubt-written", "cut"),),
        (Moment("payment.doubt-answered", "cut"),),
        (Moment("payment.refund-written", "gives up"),),
        (Moment("payment.refund-answered", "gives up"),),
        (Moment("payment.session-end-heard"), Moment("payment.session-end-heard", "gives up")),
        (Moment("payment.reference-written", pays="terminal"),),
        (Moment("payment.cancel-asked", "cancels", "terminal"),),
        (Moment("payment.gateway-answered"), Moment("payment.gateway-answered", pays="terminal")),
        (Moment("payment.outcome-written"), Moment("payment.outcome-written", pays="terminal")),
        (Moment("sandbox.refund-asked", "gives up"),),
        (Moment("sandbox.refund-entered", "gives up"),),
    )
}


@dataclass(frozen=True)
class Letter:
    """A message of a paying order: its subject, whose line it is on, and whether it is an answer on that subject."""

    name: str
    subject: str
    line: str  # the agent between whom and the server the mischief sits
    story: Story = "pays"
    answer: bool = False


LETTERS: Final = (
    Letter("touch", TOUCH.subject, "orchestrator"),
    Letter("cart action", CART_ACTION.subject, "orchestrator"),
    Letter("session started, as said", SESSION_STARTED.subject, "orchestrator"),
    Letter("session started, as heard", SESSION_STARTED.subject, "payment"),
    Letter("screen", UI_UPDATE.subject, "orchestrator"),
    Letter("payment asked", PAYMENT_PROCESS.subject, "orchestrator"),
    Letter("payment asked, as it arrives", PAYMENT_PROCESS.subject, "payment"),
    Letter("card tapped", CARD_TAP.subject, "payment"),
    Letter("card tapped, a declined one first", CARD_TAP.subject, "payment", "declined"),
    Letter("payment answered", PAYMENT_PROCESS.subject, "payment", answer=True),
    Letter("payment answered, as it arrives", PAYMENT_PROCESS.subject, "orchestrator", answer=True),
    Letter("payment declined", PAYMENT_PROCESS.subject, "payment", "declined", answer=True),
    Letter("cancel asked", PAYMENT_CANCEL.subject, "payment", "cancels"),
    Letter("cancel answered", PAYMENT_CANCEL.subject, "payment", "cancels", answer=True),
    Letter("cancel asked while tapping", PAYMENT_CANCEL.subject, "payment", "races"),
    Letter("cancel answered while tapping", PAYMENT_CANCEL.subject, "payment", "races", answer=True),
    Letter("receipt asked", PRINT_RECEIPT.subject, "orchestrator"),
    Letter("receipt answered", PRINT_RECEIPT.subject, "orchestrator", answer=True),
    Letter("session ended, as said", SESSION_ENDED.subject, "orchestrator"),
    Letter("session ended, as heard", SESSION_ENDED.subject, "payment"),
    Letter("session ended in doubt, as heard", SESSION_ENDED.subject, "payment", "gives up"),
)
MISCHIEFS: Final[tuple[Mischief, ...]] = ("twice", "late", "after the next")


@dataclass(frozen=True)
class Kill:
    """`victim` is killed at `moment`."""

    moment: Moment
    victim: str

    @property
    def name(self) -> str:
        """What it is chosen by."""
        return f"{self.moment.text} / {self.victim}"

    @property
    def story(self) -> Story:
        """What the customer means to do."""
        return self.moment.story

    @property
    def pays(self) -> Pays:
        """How they pay."""
        return self.moment.pays


@dataclass(frozen=True)
class Astray:
    """`mischief` befalls each `letter`."""

    letter: Letter
    mischief: Mischief
    pays: Pays = "sandbox"

    @property
    def name(self) -> str:
        """What it is chosen by."""
        return f"{self.letter.name} / {self.mischief}"

    @property
    def story(self) -> Story:
        """What the customer means to do."""
        return self.letter.story


Case = Kill | Astray


def points() -> dict[str, str]:
    """Every crash point of the agents' code with its moment, as the code itself tells when all of it is imported."""
    for package in (edge.agents.payment, edge.agents.orchestrator):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    return dict(crash_points())


def moments() -> list[Moment]:
    """Every crash point, with each story that is told of it."""
    return [moment for point in points() for moment in _STORIES.get(point, (Moment(point),))]


def cases() -> list[Case]:
    """All of them. What is alike comes together: another way to pay starts two agents anew, another spectator one."""
    kills = [Kill(moment, victim) for moment in moments() for victim in VICTIMS]
    return [*sorted(kills, key=_likeness), *(Astray(letter, mischief) for letter in LETTERS for mischief in MISCHIEFS)]


def _likeness(case: Kill) -> tuple[str, str]:
    return case.pays, case.victim if case.victim in SPECTATORS else ""
