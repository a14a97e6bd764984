"""What visits, ordering, listening and checkout act on: the agent, as far as they need it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from edge.agents.orchestrator.attending import Attention
from edge.agents.orchestrator.insisting import Insisting
from edge.agents.orchestrator.neighbours import Neighbours
from edge.agents.orchestrator.session import Session
from edge.agents.orchestrator.surroundings import Surroundings
from edge.agents.orchestrator.timing import Deed, Timers, Timing
from edge.contract.hardware import SetLed
from edge.contract.subjects import Command, Event
from edge.contract.wire import Payload

P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)


class Stage(Protocol):
    """The running session and what can be done with it."""

    session: Session
    """The customer's session, or the time between two."""
    neighbours: Neighbours
    """The menu and recommendation agents."""
    insisting: Insisting
    """Asks for what may be asked twice."""
    timing: Timing
    """How long to wait for what."""
    timers: Timers
    """Deeds for later."""
    attention: Attention
    """Whether the customer speaks with the kiosk."""
    around: Surroundings
    """What there is of neighbours and devices."""

    @property
    def open(self) -> bool:
        """Whether someone who comes now can order."""

    async def ask(self, command: Command[Q, A], payload: Q) -> A:
        """Ask another agent.

        Raises:
            AskError: refused, or not there.
        """

    async def say(self, event: Event[P], payload: P) -> None:
        """Publish an event; a bus that is away is logged."""

    async def show(self) -> None:
        """Publish the screen."""

    async def keep(self) -> None:
        """Return once the session is on disk as it is now."""

    def address(self, receipt_url: str | None) -> str | None:
        """Where a customer's phone finds the receipt; None where it can't."""

    def aside(self, work: Callable[[], Coroutine[Any, Any, Deed]]) -> None:
        """Work beside the queue; what it returns is done in the queue, unless the session is over by then."""

    def light(self, ask: SetLed) -> None:
        """Have the LED strip show this, when it can."""

    def begin_journey(self) -> None:
        """Give what is said from now on a session id of its own, and the trace of what brought the customer."""

    def end_journey(self) -> None:
        """Give what is said from now on the id of no session in particular."""
