"""The sandbox gateway: a bank that charges a key once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.agents.payment.gateway import Approved, Declined, GatewayError
from edge.agents.payment.sandbox import SandboxGateway
from edge.contract.envelope import is_uuid4
from edge.contract.money import Money
from tests.edge.agents.payment.shop import DECLINED_CARD, GOOD_CARD, OTHER_CARD


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "bank" / "ledger.db"


@pytest.fixture
async def bank(ledger: Path) -> AsyncIterator[SandboxGateway]:
    bank = SandboxGateway(ledger, [DECLINED_CARD])
    yield bank
    await bank.close()


async def test_a_key_is_charged_once(bank: SandboxGateway) -> None:
    charges = await asyncio.gather(*(bank.charge("key", Money(100), GOOD_CARD) for _ in range(5)))
    assert len(set(charges)) == 1
    (charge,) = set(charges)
    assert isinstance(charge, Approved)
    assert is_uuid4(charge.transaction_id)
    assert await bank.charge("other", Money(100), GOOD_CARD) != charge


async def test_two_kiosks_at_one_bank_charge_a_key_once(bank: SandboxGateway, ledger: Path) -> None:
    other = SandboxGateway(ledger)
    assert await bank.lookup("0") is None
    assert await other.lookup("0") is None
    charges = await asyncio.gather(
        *(each.charge(str(key), Money(100), GOOD_CARD) for key in range(30) for each in (bank, other))
    )
    await other.close()
    assert charges[::2] == charges[1::2]
    assert len(set(charges)) == 30


async def test_a_refused_card_is_declined_under_its_key_for_good(bank: SandboxGateway) -> None:
    assert isinstance(await bank.charge("key", Money(100), DECLINED_CARD), Declined)
    assert isinstance(await bank.charge("key", Money(100), OTHER_CARD), Declined)
    assert isinstance(await bank.lookup("key"), Declined)


async def test_the_ledger_outlives_the_bank(bank: SandboxGateway, ledger: Path) -> None:
    charge = await bank.charge("key", Money(100), GOOD_CARD)
    await bank.close()
    again = SandboxGateway(ledger)
    assert await again.lookup("key") == charge
    assert await again.charge("key", Money(100), GOOD_CARD) == charge
    assert await again.lookup("never heard of") is None
    await again.close()


async def test_a_key_is_good_for_one_amount(bank: SandboxGateway) -> None:
    charge = await bank.charge("key", Money(100), GOOD_CARD)
    with pytest.raises(GatewayError, match="another amount"):
        await bank.charge("key", Money(101), GOOD_CARD)
    assert await bank.lookup("key") == charge


class SlowCard(str):
    """A card that keeps the bank busy until `go_on` is set."""

    __slots__ = ()
    at_work = threading.Event()
    go_on = threading.Event()

    def __hash__(self) -> int:
        self.at_work.set()
        assert self.go_on.wait(10)
        return super().__hash__()


async def test_a_lookup_sees_the_charge_whose_asker_gave_up(bank: SandboxGateway) -> None:
    """Otherwise "nothing was charged" could be answered, and the charge come after it."""
    charging = asyncio.create_task(bank.charge("key", Money(100), SlowCard(GOOD_CARD)))
    assert await asyncio.to_thread(SlowCard.at_work.wait, 10)
    charging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await charging
    looking = asyncio.create_task(bank.lookup("key"))
    await asyncio.wait([looking], timeout=0)
    SlowCard.go_on.set()
    assert isinstance(await looking, Approved)


async def test_an_unusable_ledger_is_a_gateways_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bank = SandboxGateway(tmp_path / "file" / "ledger.db")
    with pytest.raises(GatewayError, match=r"ledger\.db can't be used"):
        await bank.charge("key", Money(100), GOOD_CARD)
    await bank.close()
