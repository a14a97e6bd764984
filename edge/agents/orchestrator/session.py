"""What is known of the customer at the kiosk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from edge.agents.orchestrator.cart import Cart
from edge.agents.orchestrator.order import Order
from edge.agents.orchestrator.states import State, Step, after
from edge.contract import menu, payment, ui, voice
from edge.contract.session import EndReason

PromptState = Literal["waiting", "declined", "timeout", "cancelled", "failed"]


@dataclass(frozen=True)
class Prompt:
    """What the payment screen says."""

    state: PromptState
    message: str


@dataclass(frozen=True)
class Ending:
    """The session ends at `at_s` (of the event loop's clock) unless the customer does something."""

    kind: Literal["idle", "left", "finished"]
    at_s: float


@dataclass
class Session:
    """One customer's visit, or the time between two (ATTRACT, OUT_OF_SERVICE).

    All of it survives a restart (`keeping`), so nothing in it may be a thing of this process.
    """

    state: State = State.ATTRACT
    started_s: float = 0.0  # of the event loop's clock
    stirred_s: float = 0.0  # the customer's last deed
    party_size: int = 1
    person_gone: bool = False

    # The captions: what was heard, what the kiosk says to it, and what it warns of.
    heard: str | None = None
    said: str | None = None
    warning: str | None = None

    dishes: tuple[ui.HeroItem, ...] = ()
    dish: menu.ItemDetails | None = None
    cart: Cart = field(default_factory=Cart)
    diets: tuple[str, ...] = ()  # that the customer asked for
    suggestions: tuple[ui.Suggestion, ...] = ()
    loyalty_id: str | None = None
    doubtful: voice.Intent | None = None  # "Did you mean …?" was asked about it

    order: Order | None = None
    prompt: Prompt | None = None
    cancel_asked: bool = False
    in_doubt: bool = False  # the last payment may or may not have gone through
    paid: payment.PaymentResult | None = None  # what the receipt is printed from
    receipt: ui.ReceiptInfo | None = None
    receipt_address: str | None = None  # for the customer's phone
    ending: Ending | None = None
    end: EndReason | None = None  # while the bus may not know yet that it is over

    def step(self, step: Step) -> bool:
        """Move on; False where `step` makes no sense now."""
        state = after(self.state, step, filled=bool(self.cart))
        if state is not None:
            self.state = state
        return state is not None

    def allows(self, step: Step) -> bool:
        """Whether `step` makes sense now."""
        return after(self.state, step, filled=bool(self.cart)) is not None

    def hush(self) -> None:
        """Take the captions away."""
        self.heard = self.said = self.warning = None
