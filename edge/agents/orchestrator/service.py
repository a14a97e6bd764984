"""In service or out of it: what is missing, and who asked for the kiosk to be closed."""

from __future__ import annotations

import asyncio
import logging

from edge.agents.orchestrator.keeping import Closure
from edge.agents.orchestrator.stage import Stage
from edge.agents.orchestrator.states import State
from edge.agents.orchestrator.surroundings import Surroundings
from edge.agents.orchestrator.visits import Visits
from edge.contract.session import Service as ServiceAnswer
from edge.contract.session import SetService

log = logging.getLogger(__name__)

_BETWEEN: tuple[State, ...] = (State.ATTRACT, State.OUT_OF_SERVICE)


class Service:
    """Decides whether someone who comes now can order. Who is being served is served to the end."""

    def __init__(self, stage: Stage, visits: Visits) -> None:
        self._stage = stage
        self._visits = visits
        self.closure: Closure | None = None

    @property
    def open(self) -> bool:
        """Whether someone who comes now can order."""
        return self.closure is None and not self._stage.around.missing

    @property
    def closed_for(self) -> str:
        """Why it was asked to be closed, in words for customers; "" where it wasn't, or nobody said."""
        return self.closure.reason if self.closure else ""

    async def be_asked(self, ask: SetService) -> ServiceAnswer:
        """Close, open or just tell."""
        if ask.wanted is not None:
            now_s = asyncio.get_running_loop().time()
            await self.close_by(None if ask.wanted else Closure(ask.reason, now_s + ask.for_s))
        state = self._stage.session.state
        return ServiceAnswer(
            in_service=state is not State.OUT_OF_SERVICE,
            serving=state not in _BETWEEN,
            closing=self.closure is not None,
            missing=list(self._stage.around.missing),
        )

    async def close_by(self, closure: Closure | None) -> None:
        """Close for that reason until then, or, with None, no more."""
        self.closure = closure
        if closure is None:
            self._stage.timers.cancel("closure")
        else:
            left_s = closure.ends_s - asyncio.get_running_loop().time()
            self._stage.timers.set("closure", max(left_s, 0.0), self._run_out)
        await self._visits.review_service()
        await self._stage.keep()

    async def notice(self, around: Surroundings) -> None:
        """Neighbours or devices have gone, or are back."""
        stage = self._stage
        before, stage.around = stage.around, around
        log.info("around the kiosk: %s", around)
        if not around.camera:  # nothing that it said counts any more
            stage.attention.forget()
            stage.session.person_gone = False
            stage.timers.cancel("left")
        if around.missing != before.missing:
            await self._visits.review_service()
        if stage.session.state is not State.OUT_OF_SERVICE:
            await stage.show()

    async def _run_out(self) -> None:
        log.warning("whoever had the kiosk closed has not given it back; it is open again")
        await self.close_by(None)
