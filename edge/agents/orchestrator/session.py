"""What is known of the customer at the kiosk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from edge.agents.orchestrator.cart import Cart
from edge.agents.orchestrator.order import Order
from edge.agents.orchestrator.states import State, Step, after
from edge.contract import menu, ui, voice

PromptState = Literal["waiting", "declined", "timeout", "cancelled", "failed"]


@dataclass(frozen=True)
class Prompt:
    """What the payment screen says."""

    state: PromptState
    message: str


@dataclass
class Session:
    """One customer's visit, or the time between two (state ATTRACT). The screen is drawn from it alone."""

    state: State = State.ATTRACT
    started_s: float = 0.0  # of the event loop's clock
    party_size: int = 1
    person_gone: bool = False

    # The captions: what was heard, what the kiosk says to it, and what it warns of.
    heard: str | None = None
    said: str | None = None
    warning: str | None = None

    dishes: tuple[ui.HeroItem, ...] = ()
    dish: menu.ItemDetails | None = None
    cart: Cart = field(default_factory=Cart)
    suggestions: tuple[ui.Suggestion, ...] = ()
    loyalty_id: str | None = None
    doubtful: voice.Intent | None = None  # "Did you mean …?" was asked about it

    order: Order | None = None
    prompt: Prompt | None = None
    cancel_asked: bool = False
    in_doubt: bool = False  # the last payment may or may not have gone through
    receipt: ui.ReceiptInfo | None = None

    def step(self, step: Step) -> bool:
        """Move on; False where `step` makes no sense now."""
        state = after(self.state, step)
        if state is not None:
            self.state = state
        return state is not None

    def allows(self, step: Step) -> bool:
        """Whether `step` makes sense now."""
        return after(self.state, step) is not None

    def hush(self) -> None:
        """Take the captions away."""
        self.heard = self.said = self.warning = None
