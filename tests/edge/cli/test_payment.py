"""`kiosk payment` on a journal with something in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.agents.payment.journal import Journal
from edge.agents.payment.prices import Line
from edge.agents.payment.states import State, Why
from edge.contract.money import Money

from .conftest import Kiosk


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """One order that was declined and then paid, one that is in doubt."""
    journal = Journal(tmp_path / "payments" / "journal.sqlite")
    await journal.open()
    lines = [Line("Volcano Burger", 2, Money(1449), ("Extra Cheese",), 101)]
    for outcome in (State.DECLINED, State.CAPTURED):
        attempt = await journal.begin(
            "order-1", amount=Money(2898), fingerprint="f", lines=lines, loyalty_card="LOYALTY123"
        )
        attempt = await journal.move(attempt, State.AUTHORISING)
        await journal.move(attempt, outcome, reference="pi_1")
    doubtful = await journal.begin("order-2", amount=Money(100), fingerprint="f", lines=[], loyalty_card=None)
    await journal.move(await journal.move(doubtful, State.AUTHORISING), State.IN_DOUBT)
    yield journal
    await journal.close()


async def test_payments_are_listed_and_followed(kiosk: Kiosk, journal: Journal, tmp_path: Path) -> None:
    listed = await kiosk("payment", "list", "--data-dir", str(tmp_path))
    assert listed.code == 0, listed.err
    assert [line.split()[2:5] for line in listed.out.splitlines()[1:]] == [
        ["order-2/1", "1.00", "in_doubt"],
        ["order-1/2", "28.98", "captured"],
        ["order-1/1", "28.98", "declined"],
    ]
    open_ones = await kiosk("payment", "list", "--unsettled", "--data-dir", str(tmp_path))
    assert "order-2/1" in open_ones.out
    assert "order-1" not in open_ones.out
    shown = await kiosk("payment", "show", "order-1", "--data-dir", str(tmp_path))
    assert "2 x Volcano Burger (Extra Cheese)  28.98" in shown.out
    assert "at the gateway: pi_1" in shown.out
    assert [line.split()[-1] for line in shown.out.splitlines()[-3:]] == ["intent", "authorising", "captured"]
    counted = await kiosk("payment", "points", "LOYALTY123", "--data-dir", str(tmp_path))
    assert counted.out.strip() == "LOYALTY123: 29 points"


async def test_a_refund_is_owed_once_beside_the_agent(kiosk: Kiosk, journal: Journal, tmp_path: Path) -> None:
    done = await kiosk("payment", "refund", "order-1", "--yes", "--data-dir", str(tmp_path))
    assert done.code == 0, done.err
    owed = await journal.last("order-1")
    assert owed is not None
    assert (owed.state, owed.why) == (State.REFUNDING, Why.CLERK)
    again = await kiosk("payment", "refund", "order-1", "--yes", "--data-dir", str(tmp_path))
    assert (again.code, "there is nothing to give back" in again.err) == (1, True)
    doubtful = await kiosk("payment", "refund", "order-2", "--yes", "--data-dir", str(tmp_path))
    assert "the payment agent settles it first" in doubtful.err
    counted = await kiosk("payment", "points", "LOYALTY123", "--data-dir", str(tmp_path))
    assert counted.out.strip() == "LOYALTY123: 0 points"


async def test_what_isnt_there_is_said_in_a_line(kiosk: Kiosk, journal: Journal, tmp_path: Path) -> None:
    unknown = await kiosk("payment", "show", "order-9", "--data-dir", str(tmp_path))
    assert (unknown.code, "knows nothing of order order-9" in unknown.err) == (1, True)
    empty = await kiosk("payment", "list", "--data-dir", str(tmp_path / "elsewhere"))
    assert (empty.code, "no payments yet" in empty.err) == (1, True)
    assert not (tmp_path / "elsewhere").exists()
