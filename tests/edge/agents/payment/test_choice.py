"""Which gateway kiosk.toml chooses."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.agents.payment import PaymentAgent
from edge.agents.payment.sandbox import SandboxGateway
from edge.agents.payment.stripe_terminal import StripeTerminal
from edge.agents.payment.sumup_reader import SumupReader
from edge.assembly import Assembly
from edge.config import parse
from edge.models import Store

STRIPE = "[payment]\ngateway = 'stripe'\n[payment.stripe]\nkey = 'sk_test_1'\nreader = 'tmr_1'\n"
SUMUP = (
    "[payment]\ngateway = 'sumup'\n[payment.sumup]\nkey = 'sup_sk_1'\nmerchant = 'M1'\nreader = 'rdr_1'\n"
    "app_id = 'app'\naffiliate_key = 'key'\n"
)


@pytest.mark.parametrize(("text", "kind"), [("", SandboxGateway), (STRIPE, StripeTerminal), (SUMUP, SumupReader)])
async def test_the_gateway_is_the_configured_one(tmp_path: Path, text: str, kind: type) -> None:
    assembly = Assembly(parse(text), Store(tmp_path), tmp_path, bus_url="nats://127.0.0.1:1")
    agent = assembly.build("payment")
    assert isinstance(agent, PaymentAgent)
    assert type(agent.till.gateway) is kind
    assert agent.till.gateway.reads_cards is (kind is not SandboxGateway)
    await agent.till.close()
    await assembly.close()
