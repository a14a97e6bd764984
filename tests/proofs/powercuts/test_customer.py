"""The customers at a real kiosk: the virtual one, with every agent and keys on."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.bus import Client
from edge.bus.keys import key_path
from edge.config import Config
from edge.contract.permissions import OPERATOR
from edge.models import Store
from edge.virtual.kiosk import VirtualKiosk
from proofs.powercuts.acks import AckWriter, Paid, Serving, due, read_acks
from proofs.powercuts.books import check_books
from proofs.powercuts.customer import at_the_kiosk, visits


@pytest.mark.timeout(180)
async def test_a_customer_is_served_and_every_promise_is_noted(model_store: Store, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(bytes(512))
    async with VirtualKiosk(Config(), model_store, tmp_path / "data", keys=True) as kiosk:
        assert kiosk.keys is not None
        operator = key_path(kiosk.keys, OPERATOR)
        with AckWriter(tmp_path / "acks", log) as acks:
            async with at_the_kiosk(kiosk.server.url, operator, acks, 60) as customers:
                acks.serving()
                log.write_bytes(bytes(1024))
                order_id = await customers.order_and_pay([101, 201])
                await customers.change_their_mind([102])
        client = Client(kiosk.server.url, name=OPERATOR, key_file=operator)
        await client.connect(wait_s=10)
        held = {message.msg_id async for message in client.stored()}
        await client.close()
    heard = read_acks(tmp_path / "acks")
    promised = due(heard, 1024)
    assert heard[0] == Serving(512)
    assert [ack.order_id for ack in heard if isinstance(ack, Paid)] == [order_id]
    assert len(promised.events) >= 9, "start, two dishes, checkout, pay, card, done; start, a dish, cancel"
    assert promised.events <= held
    books = check_books(tmp_path / "data" / "payments", promised.orders)
    assert (books.lost, books.wrong, books.charged_twice, books.paid) == ([], [], [], 1)


def test_most_visitors_pay_and_a_seed_brings_the_same() -> None:
    day = visits(20, 3)
    assert day == visits(20, 3)
    assert day != visits(20, 4)
    assert sum(pays for pays, _ in day) == 16
