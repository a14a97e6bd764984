"""`kiosk service` with a stand-in orchestrator on a real server; how it waits, on a clock of the test's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from edge.bus import EmbeddedServer, NATSAgentBase, does
from edge.cli.service import STILL_SERVING, close
from edge.contract.session import Service, SetService
from edge.contract.subjects import SET_SERVICE

from .conftest import Kiosk

CLOSING = SetService(wanted=False, reason="Back soon.", for_s=60)
SERVING = Service(in_service=True, serving=True, closing=True)
CLOSED = Service(in_service=False, serving=False, closing=True)


class Doorkeeper(NATSAgentBase):
    """Has a customer for `serves` more questions."""

    name = "orchestrator"
    serves = 0
    reason = ""
    closing = False

    @does(SET_SERVICE)
    async def set_service(self, ask: SetService) -> Service:
        if ask.wanted is not None:
            self.closing, self.reason = not ask.wanted, ask.reason
        serving = self.serves > 0
        self.serves -= 1
        return Service(in_service=serving or not self.closing, serving=serving, closing=self.closing)


@pytest.fixture
async def doorkeeper(nats_server: EmbeddedServer) -> AsyncIterator[Doorkeeper]:
    agent = Doorkeeper(nats_server.url)
    await agent.connect()
    yield agent
    await agent.close()


@pytest.fixture
def config(tmp_path: Path, nats_server: EmbeddedServer) -> str:
    path = tmp_path / "kiosk.toml"
    path.write_text(f'[bus]\nurl = "{nats_server.url}"\n[monitor]\nport = 1\n', encoding="utf-8")
    return str(path)


async def test_a_kiosk_is_closed_and_given_back(kiosk: Kiosk, doorkeeper: Doorkeeper, config: str) -> None:
    done = await kiosk("service", "out", "--reason", "Back soon.", "--config", config)
    assert (done.code, done.out.strip()) == (0, "out of service; nobody is being served"), done.err
    assert (doorkeeper.closing, doorkeeper.reason) == (True, "Back soon.")
    done = await kiosk("service", "show", "--config", config)
    assert done.out.splitlines()[0] == "out of service, as was asked"
    done = await kiosk("service", "in", "--config", config)
    assert (done.code, done.out.strip()) == (0, "in service")
    assert not doorkeeper.closing


async def test_a_customer_who_takes_too_long_is_left_alone(kiosk: Kiosk, doorkeeper: Doorkeeper, config: str) -> None:
    doorkeeper.serves = 1000
    done = await kiosk("service", "out", "--wait", "0", "--config", config)
    assert done.code == STILL_SERVING
    assert "stays in service" in done.err
    assert not doorkeeper.closing


async def test_a_kiosk_that_is_off_is_told_of(kiosk: Kiosk, nats_server: EmbeddedServer, config: str) -> None:
    done = await kiosk("service", "in", "--config", config)
    assert done.code == 1
    assert "doesn't answer" in done.err
    done = await kiosk("service", "show", "--json", "--config", config)
    assert (done.code, done.out.strip()) == (0, '{"service": null, "devices": null}')
    done = await kiosk("service", "well", "--within", "0", "--config", config)
    assert done.code == 1
    assert "the monitor does not answer" in done.err


class Clock:
    """A clock that only a pause moves, and an orchestrator that answers by the script; its last answer stays."""

    def __init__(self, answers: Sequence[Service | None]) -> None:
        self.now_s = 0.0
        self.asked: list[SetService] = []
        self.said: list[str] = []
        self._answers = list(answers)

    async def ask(self, words: SetService) -> Service | None:
        self.asked.append(words)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    async def pause(self, seconds: float) -> None:
        self.now_s += seconds

    async def close(self, wait_s: float) -> bool | None:
        return await close(self.ask, CLOSING, wait_s, say=self.said.append, clock=lambda: self.now_s, pause=self.pause)


async def test_it_asks_once_and_then_looks() -> None:
    clock = Clock([SERVING, SERVING, CLOSED])
    assert await clock.close(60) is True
    assert clock.asked == [CLOSING, SetService(), SetService()]
    assert clock.said == ["a customer is being served; waited 0 of 60 s"]


async def test_it_waits_no_longer_than_it_may_and_takes_the_closure_back() -> None:
    clock = Clock([SERVING])
    assert await clock.close(45) is False
    assert clock.now_s == 45
    assert clock.asked[-1] == SetService(wanted=True)
    assert len(clock.said) == 2


async def test_an_orchestrator_that_starts_again_is_waited_for() -> None:
    clock = Clock([SERVING, *[None] * 10, SERVING, CLOSED])
    assert await clock.close(60) is True


async def test_silence_for_long_means_that_nobody_serves() -> None:
    clock = Clock([None])
    assert await clock.close(600) is None
    assert clock.now_s == 30


async def test_a_closure_that_ran_out_is_asked_for_again() -> None:
    clock = Clock([SERVING, Service(in_service=True, serving=False, closing=False), CLOSED])
    assert await clock.close(60) is True
    assert clock.asked == [CLOSING, SetService(), CLOSING]
