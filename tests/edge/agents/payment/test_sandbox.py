"""The sandbox: a bank that charges a key once, whatever is wrong with it or with the line."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.agents.payment.gateway import Approved, Declined, GatewayError, NotCharged
from edge.agents.payment.sandbox import SandboxGateway
from edge.agents.payment.sandbox.bank import Bank
from edge.agents.payment.sandbox.faults import Faults
from edge.bus.crashing import CRASH_AT
from edge.contract.envelope import is_uuid4
from edge.contract.money import Money
from tests.edge.agents.payment.shop import DECLINED_CARD, GOOD_CARD, OTHER_CARD


async def forget(reference: str) -> None:
    """The sandbox has nothing to be remembered before it charges."""


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "bank" / "ledger.db"


@pytest.fixture
async def bank(ledger: Path) -> AsyncIterator[Bank]:
    bank = Bank(ledger, [DECLINED_CARD])
    yield bank
    await bank.close()


@pytest.fixture
async def process(ledger: Path) -> AsyncIterator[SandboxGateway]:
    """The same, as a process of its own."""
    gateway = SandboxGateway(ledger, [DECLINED_CARD])
    await gateway.open()
    yield gateway
    await gateway.close()


def charges(ledger: Path) -> int:
    connection = sqlite3.connect(ledger)
    try:
        (count,) = connection.execute("SELECT count(*) FROM charges WHERE transaction_id NOTNULL").fetchone()
    finally:
        connection.close()
    return int(count)


# -- the bank ------------------------------------------------------------------------------------------------


async def test_a_key_is_charged_once(bank: Bank) -> None:
    made = await asyncio.gather(*(bank.charge("key", Money(100), GOOD_CARD) for _ in range(5)))
    assert len(set(made)) == 1
    (charge,) = set(made)
    assert isinstance(charge, Approved)
    assert is_uuid4(charge.reference)
    assert charge.amount == Money(100)
    assert await bank.charge("other", Money(100), GOOD_CARD) != charge


async def test_two_kiosks_at_one_bank_charge_a_key_once(bank: Bank, ledger: Path) -> None:
    other = Bank(ledger)
    made = await asyncio.gather(
        *(each.charge(str(key), Money(100), GOOD_CARD) for key in range(30) for each in (bank, other))
    )
    await other.close()
    assert made[::2] == made[1::2]
    assert len(set(made)) == 30


async def test_a_refused_card_is_declined_under_its_key_for_good(bank: Bank) -> None:
    assert isinstance(await bank.charge("key", Money(100), DECLINED_CARD), Declined)
    assert isinstance(await bank.charge("key", Money(100), OTHER_CARD), Declined)
    assert isinstance(await bank.settle("key"), Declined)


async def test_the_ledger_outlives_the_bank(bank: Bank, ledger: Path) -> None:
    charge = await bank.charge("key", Money(100), GOOD_CARD)
    await bank.close()
    again = Bank(ledger)
    assert await again.settle("key") == charge
    assert await again.charge("key", Money(100), GOOD_CARD) == charge
    await again.close()


async def test_a_key_that_was_given_up_on_is_never_charged(bank: Bank, ledger: Path) -> None:
    """Otherwise "nothing was charged" could be answered, and the charge come after it."""
    assert isinstance(await bank.settle("key"), NotCharged)
    assert isinstance(await bank.charge("key", Money(100), GOOD_CARD), NotCharged)
    assert isinstance(await bank.settle("key"), NotCharged)
    assert charges(ledger) == 0


async def test_a_key_is_good_for_one_amount(bank: Bank) -> None:
    charge = await bank.charge("key", Money(100), GOOD_CARD)
    with pytest.raises(GatewayError, match="another amount"):
        await bank.charge("key", Money(101), GOOD_CARD)
    assert await bank.settle("key") == charge


async def test_a_charge_is_given_back_once(bank: Bank, ledger: Path) -> None:
    charge = await bank.charge("key", Money(100), GOOD_CARD)
    assert isinstance(charge, Approved)
    with pytest.raises(GatewayError, match="not charged"):
        await bank.refund("key", "another reference")
    await bank.refund("key", charge.reference)
    first = await bank._ledger.read(lambda own: own.execute("SELECT refunded_at FROM charges").fetchone()[0])
    await bank.refund("key", charge.reference)
    assert await bank._ledger.read(lambda own: own.execute("SELECT refunded_at FROM charges").fetchone()[0]) == first
    with pytest.raises(GatewayError, match="not charged"):
        await bank.refund("never heard of", charge.reference)


async def test_without_a_card_nothing_is_charged(bank: Bank) -> None:
    with pytest.raises(GatewayError, match="wants a card"):
        await bank.charge("key", Money(100), None)


class SlowCard(str):
    """A card that keeps the bank busy until `go_on` is set."""

    __slots__ = ()
    at_work = threading.Event()
    go_on = threading.Event()

    def __hash__(self) -> int:
        self.at_work.set()
        assert self.go_on.wait(10)
        return super().__hash__()


async def test_settling_sees_the_charge_whose_asker_gave_up(bank: Bank) -> None:
    charging = asyncio.create_task(bank.charge("key", Money(100), SlowCard(GOOD_CARD)))
    assert await asyncio.to_thread(SlowCard.at_work.wait, 10)
    charging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await charging
    looking = asyncio.create_task(bank.settle("key"))
    await asyncio.wait([looking], timeout=0)
    SlowCard.go_on.set()
    assert isinstance(await looking, Approved)


async def test_an_unusable_ledger_is_a_gateways_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bank = Bank(tmp_path / "file" / "ledger.db")
    with pytest.raises(GatewayError, match=r"ledger\.db can't be used"):
        await bank.charge("key", Money(100), GOOD_CARD)
    await bank.close()


async def test_a_ledger_of_the_first_version_is_taken_over_without_its_cards(ledger: Path) -> None:
    ledger.parent.mkdir(parents=True)
    old = sqlite3.connect(ledger)
    old.execute(
        "CREATE TABLE charges (key TEXT PRIMARY KEY, amount_minor INTEGER NOT NULL, card TEXT NOT NULL,"
        " transaction_id TEXT, charged_at TEXT NOT NULL DEFAULT '')"
    )
    old.execute("INSERT INTO charges VALUES ('key', 100, ?, 'txn', '')", (GOOD_CARD,))
    old.commit()
    old.close()
    bank = Bank(ledger)
    assert await bank.settle("key") == Approved("txn", Money(100))
    columns = await bank._ledger.read(lambda own: [row["name"] for row in own.execute("PRAGMA table_info(charges)")])
    await bank.close()
    assert "card" not in columns


# -- as a process ----------------------------------------------------------------------------------------------


async def test_the_process_charges_settles_and_gives_back(process: SandboxGateway, ledger: Path) -> None:
    charge = await process.charge("key", Money(100), GOOD_CARD, forget)
    assert isinstance(charge, Approved)
    assert charge.amount == Money(100)
    assert await process.settle("key", None) == charge
    assert isinstance(await process.charge("bad", Money(100), DECLINED_CARD, forget), Declined)
    await process.cancel("key", None)
    assert await process.settle("key", None) == charge, "a cancel after the charge changes nothing"
    await process.refund("key", charge.reference)
    with pytest.raises(GatewayError, match="was not charged"):
        await process.refund("bad", charge.reference)
    with pytest.raises(GatewayError, match="wants a card"):
        await process.charge("other", Money(100), None, forget)
    assert charges(ledger) == 1


@pytest.mark.parametrize(
    ("faults", "entered"),
    [
        (Faults(fails=True), False),
        (Faults(fails_after=True), True),
        (Faults(hangs_up=True), True),
        (Faults(never=True), True),
        (Faults(deaf=True), False),
    ],
)
async def test_what_went_wrong_is_known_afterwards(ledger: Path, faults: Faults, entered: bool) -> None:
    gateway = SandboxGateway(ledger, answer_s=0.5 if faults.never or faults.deaf else 5.0)
    await gateway.open()
    try:
        await gateway.misbehave(faults)
        with pytest.raises(GatewayError, match=r"out of order|cut|can't be asked|no answer"):
            await gateway.charge("key", Money(100), GOOD_CARD, forget)
        gateway._answer_s = 20
        await gateway.misbehave(Faults())
        assert isinstance(await gateway.settle("key", None), Approved if entered else NotCharged)
    finally:
        await gateway.close()
    assert charges(ledger) == int(entered)


async def test_what_is_said_of_a_charge_whose_asker_gave_up_is_final(ledger: Path) -> None:
    gateway = SandboxGateway(ledger, answer_s=0.3)
    await gateway.open()
    gateway._answer_s = 20
    await gateway.misbehave(Faults(slow_s=1.0, times=1))
    gateway._answer_s = 0.3
    with pytest.raises(GatewayError, match="no answer within"):
        await gateway.charge("key", Money(100), GOOD_CARD, forget)
    gateway._answer_s = 20
    said = await gateway.settle("key", None)
    await gateway.close()  # it does what it was asked before it ends: the late charge comes here, if not before
    assert charges(ledger) == (1 if isinstance(said, Approved) else 0)


async def test_an_answer_that_comes_twice_is_nobody_elses(process: SandboxGateway) -> None:
    await process.misbehave(Faults(twice=True))
    first = await process.charge("first", Money(100), GOOD_CARD, forget)
    second = await process.charge("second", Money(200), GOOD_CARD, forget)
    assert isinstance(first, Approved)
    assert isinstance(second, Approved)
    assert (first.amount, second.amount) == (Money(100), Money(200))
    assert first.reference != second.reference


async def test_a_process_that_was_killed_is_started_again(process: SandboxGateway, ledger: Path) -> None:
    charge = await process.charge("key", Money(100), GOOD_CARD, forget)
    assert process.pid is not None
    assert process._process is not None
    os.kill(process.pid, signal.SIGKILL)
    await process._process.wait()
    assert await process.settle("key", None) == charge
    assert isinstance(await process.charge("bad", Money(100), DECLINED_CARD, forget), Declined)


@pytest.mark.parametrize(("point", "entered"), [("sandbox.asked", 0), ("sandbox.entered", 1)])
async def test_it_may_die_before_and_after_its_ledger_has_it(
    ledger: Path, point: str, entered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = SandboxGateway(ledger)
    monkeypatch.setenv(CRASH_AT, point)
    await gateway.open()
    monkeypatch.delenv(CRASH_AT)
    with pytest.raises(GatewayError, match=r"cut|can't be asked"):
        await gateway.charge("key", Money(100), GOOD_CARD, forget)
    assert gateway._process is not None
    await gateway._process.wait()
    assert isinstance(await gateway.settle("key", None), Approved if entered else NotCharged)
    await gateway.close()
    assert charges(ledger) == entered


async def test_a_sandbox_that_runs_elsewhere_is_asked_there(ledger: Path, tmp_path: Path) -> None:
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge.agents.payment.sandbox", "--ledger", str(ledger)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        url = (await asyncio.wait_for(server.stdout.readline(), 20)).decode().strip()
        gateway = SandboxGateway(tmp_path / "unused.db", url=url)
        await gateway.open()
        assert isinstance(await gateway.charge("key", Money(100), GOOD_CARD, forget), Approved)
        await gateway.close()
        assert gateway.pid is None
    finally:
        server.terminate()
        await server.wait()
    with pytest.raises(GatewayError, match="can't be asked"):
        await gateway.settle("key", None)
    assert charges(ledger) == 1
    assert not (tmp_path / "unused.db").exists()


async def test_rubbish_is_answered_as_such(process: SandboxGateway) -> None:
    host, _, port = (await process._where()).removeprefix("tcp://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b'{"do":"rob"}\n')
    assert b'"outcome":"error"' in await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    await writer.wait_closed()


async def test_a_closed_gateway_starts_no_other_process(process: SandboxGateway) -> None:
    await process.close()
    with pytest.raises(GatewayError, match="the sandbox was closed"):
        await process.settle("order/1", None)
    assert process.pid is None
