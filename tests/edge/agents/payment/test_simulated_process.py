"""The simulated Stripe as a process: what it has answered survives kill -9."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

FORM = {"amount": "500", "currency": "usd", "allowed_payment_method_types[0]": "card_present"}
FORM |= {"capture_method": "manual", "metadata[kiosk_attempt]": "order/1"}
KEY = {"Authorization": "Bearer sk_test_simulated"}


@contextlib.asynccontextmanager
async def serving(ledger: Path) -> AsyncIterator[str]:
    """Such a process, killed in the end; where it is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge.agents.payment.simulated", "--ledger", str(ledger)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("declined", [None, "card_declined"])
async def test_it_goes_on_from_its_ledger(tmp_path: Path, declined: str | None) -> None:
    ledger = tmp_path / "books" / "stripe.json"
    async with aiohttp.ClientSession(headers=KEY) as web:

        async def post(url: str, path: str, key: str | None = None, **form: str) -> tuple[int, dict[str, object]]:
            headers = {"Idempotency-Key": key} if key else {}
            async with web.post(f"{url}{path}", data=form, headers=headers) as answer:
                return answer.status, await answer.json()

        async with serving(ledger) as url:
            assert (await post(url, "/stage/tap"))[0] == 409  # no card is asked for
            status, intent = await post(url, "/v1/payment_intents", "order/1/create", **FORM)
            assert status == 200
            reader = "/v1/terminal/readers/tmr_simulated/process_payment_intent"
            assert (await post(url, reader, payment_intent=str(intent["id"])))[0] == 200
        async with serving(ledger) as url:
            assert (await post(url, "/v1/payment_intents", "order/1/create", **FORM))[1] == intent
            more = f"?declined={declined}" if declined else ""
            assert (await post(url, f"/stage/tap{more}"))[0] == 200
        async with serving(ledger) as url, web.get(f"{url}/v1/payment_intents/{intent['id']}") as answer:
            found = await answer.json()
            assert found["status"] == ("requires_payment_method" if declined else "requires_capture")


async def test_who_has_no_key_taps_nothing(tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "stripe.json") as url,
        aiohttp.ClientSession() as web,
        web.post(f"{url}/stage/tap") as answer,
    ):
        assert answer.status == 401
