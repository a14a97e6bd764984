"""SumUp's Cloud API as far as a Solo reader needs it: checkouts, their termination, transactions, refunds."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from edge.agents.payment.simulated.serving import Serving


@dataclass
class _Checkout:
    id: str
    client_transaction_id: str
    foreign_id: str
    value: int
    currency: str
    status: str = "pending"
    reason: str | None = None
    transaction_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    refunded: bool = False

    def public(self) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        return {
            "card_type": None,
            "checkout_id": self.id,
            "client_transaction_id": self.client_transaction_id,
            "created_at": now,
            "installments": None,
            "payment_failure_reason": self.reason,
            "payment_status": None,
            "payment_type": "card",
            "reader_firmware_version": "3.3.40.0",
            "reader_serial_number": "U1DT3NA00-CN",
            "status": self.status,
            "total_amount": {"currency": self.currency, "minor_unit": 2, "value": self.value},
            "updated_at": now,
            "valid_until": None,
        }

    def transaction(self) -> dict[str, Any]:
        status = {"successful": "SUCCESSFUL", "failed": "FAILED", "cancelled": "CANCELLED"}.get(self.status, "PENDING")
        return {
            "id": self.transaction_id,
            "amount": self.value / 100,
            "currency": self.currency,
            "foreign_transaction_id": self.foreign_id,
            "client_transaction_id": self.client_transaction_id,
            "status": "REFUNDED" if self.refunded else status,
            "card": {"last_4_digits": "4242", "type": "VISA"},  # SumUp tells it; nobody here may read it
        }


@dataclass
class SimulatedSumup:
    """One merchant with one reader. Stage directions are below."""

    api_key: str = "sup_sk_simulated"
    merchant: str = "MSIMUL8D"
    reader: str = "rdr_SIMULATED00000000000000000"
    offline: bool = False
    termination_is_lost: bool = False  # "there is no confirmation of the termination"
    checkouts: dict[str, _Checkout] = field(default_factory=dict)

    def __post_init__(self) -> None:
        app = web.Application(middlewares=[self._guard])
        reader = f"/v0.1/merchants/{self.merchant}/readers/{{reader}}"
        app.add_routes(
            [
                web.post(f"{reader}/checkout", self._create, name="create"),
                web.get(f"{reader}/checkout/{{id}}", self._retrieve, name="retrieve"),
                web.post(f"{reader}/terminate", self._terminate, name="terminate"),
                web.get(f"{reader}/status", self._status, name="status"),
                web.get(f"/v2.1/merchants/{self.merchant}/transactions", self._find, name="find"),
                web.post(f"/v1.0/merchants/{self.merchant}/payments/{{id}}/refunds", self._refund, name="refund"),
            ]
        )
        self._current: _Checkout | None = None
        self._waiting = asyncio.Event()
        self.serving = Serving(app)

    # Stage directions

    async def asks_for_card(self) -> None:
        """Wait until the reader asks the customer for a card."""
        await self._waiting.wait()

    def tap(self, *, declined: str | None = None) -> None:
        """The customer holds a card to the reader; `declined` is SumUp's reason for refusing it."""
        self._end("successful" if declined is None else "failed", declined)

    def press_cancel(self) -> None:
        """The customer presses the reader's own cancel button."""
        self._end("cancelled")

    @property
    def charged(self) -> dict[str, int]:
        """What was charged and kept, by the kiosk's reference, in minor units."""
        kept: dict[str, int] = {}
        for each in self.checkouts.values():
            if each.status == "successful" and not each.refunded:
                kept[each.foreign_id] = kept.get(each.foreign_id, 0) + each.value
        return kept

    def _end(self, status: str, reason: str | None = None) -> None:
        if self._current is None:
            raise RuntimeError("the reader asks for no card")
        self._current.status, self._current.reason = status, reason
        self._current = None
        self._waiting.clear()

    # What SumUp does

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return _problem(401, "Unauthorized")
        if request.match_info.get("reader", self.reader) != self.reader:
            return web.json_response({"errors": {"detail": "Reader not found"}}, status=404)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.offline or self._current is not None:
            why = "READER_OFFLINE" if self.offline else "READER_BUSY"
            return web.json_response({"errors": {"reader": why}}, status=422)
        affiliate, total = body["affiliate"], body["total_amount"]
        if total["minor_unit"] != 2 or not affiliate["app_id"] or not affiliate["key"]:
            return web.json_response({"errors": {"type": "INVALID", "detail": "bad parameters"}}, status=400)
        made = _Checkout(
            str(uuid.uuid4()),
            str(uuid.uuid4()),
            affiliate["foreign_transaction_id"],
            total["value"],
            total["currency"],
        )
        self.checkouts[made.id] = self._current = made
        self._waiting.set()
        data = {"client_transaction_id": made.client_transaction_id, "checkout_id": made.id}
        return web.json_response({"data": data}, status=201)

    async def _retrieve(self, request: web.Request) -> web.Response:
        found = self.checkouts.get(request.match_info["id"])
        if found is None:
            return web.json_response({"errors": {"detail": "Checkout not found"}}, status=404)
        return web.json_response({"data": found.public()})

    async def _terminate(self, request: web.Request) -> web.Response:
        if self._current is None:
            return web.json_response({"errors": {"reader": "NO_TRANSACTION"}}, status=422)
        if not self.termination_is_lost:
            self._end("failed", "terminated")
        return web.Response(status=202)

    async def _status(self, request: web.Request) -> web.Response:
        status = "OFFLINE" if self.offline else "ONLINE"
        state = "IDLE" if self._current is None else "WAITING_FOR_CARD"
        return web.json_response({"data": {"status": status, "state": state}})

    async def _find(self, request: web.Request) -> web.Response:
        """Transactions begin with the card: a checkout that still waits for one has none."""
        wanted = request.query
        for each in self.checkouts.values():
            if each.status != "pending" and (
                each.foreign_id == wanted.get("foreign_transaction_id") or each.transaction_id == wanted.get("id")
            ):
                return web.json_response(each.transaction())
        return web.json_response({"error_code": "NOT_FOUND", "message": "Resource not found"}, status=404)

    async def _refund(self, request: web.Request) -> web.Response:
        for each in self.checkouts.values():
            if each.transaction_id == request.match_info["id"] and each.status == "successful":
                if each.refunded:
                    return _problem(409, "The transaction is not refundable in its current state")
                each.refunded = True
                return web.json_response({}, status=201)
        return _problem(404, "Not found")


def _problem(status: int, title: str) -> web.Response:
    return web.json_response(
        {"type": "https://developer.sumup.com/problem", "title": title, "status": status},
        status=status,
        content_type="application/problem+json",
    )
