"""Stripe's API as far as a server-driven Terminal needs it, API version 2026-10-28.endive.

PaymentIntents with manual capture, a reader with one action at a time, refunds, idempotency keys that answer the
same again and refuse other parameters. Parameters come as forms with brackets, as the SDK sends them.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from edge.agents.payment.simulated.serving import Serving, put

_OFTEN_SEEN = "Only a PaymentIntent with one of the following statuses may be {}: {}."


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": message}}


@dataclass
class _Intent:
    id: str
    amount: int
    currency: str
    metadata: dict[str, str]
    status: str = "requires_payment_method"
    received: int = 0
    last_error: dict[str, Any] | None = None
    refunded: int = 0

    def public(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_received": self.received,
            "amount_capturable": self.amount if self.status == "requires_capture" else 0,
            "capture_method": "manual",
            "currency": self.currency,
            "last_payment_error": self.last_error,
            "metadata": self.metadata,
            "payment_method_types": ["card_present"],
            "status": self.status,
        }


@dataclass
class SimulatedStripe:
    """One account with one reader. Stage directions are below.

    With a `ledger` all of it is in that file before anything is answered, and survives the process.
    """

    api_key: str = "sk_test_simulated"
    reader: str = "tmr_simulated"
    offline: bool = False
    intents: dict[str, _Intent] = field(default_factory=dict)
    action: dict[str, Any] | None = None
    ledger: Path | None = None

    def __post_init__(self) -> None:
        app = web.Application(middlewares=[self._write_down, self._guard])
        app.add_routes(
            [
                web.post("/v1/payment_intents", self._create, name="create"),
                web.get("/v1/payment_intents/{id}", self._retrieve, name="retrieve"),
                web.post("/v1/payment_intents/{id}/capture", self._capture, name="capture"),
                web.post("/v1/payment_intents/{id}/cancel", self._cancel, name="cancel"),
                web.get("/v1/terminal/readers/{reader}", self._look, name="look"),
                web.post("/v1/terminal/readers/{reader}/process_payment_intent", self._process, name="process"),
                web.post("/v1/terminal/readers/{reader}/cancel_action", self._clear, name="clear"),
                web.post("/v1/refunds", self._refund, name="refund"),
                web.get("/v1/refunds", self._refunds, name="refunds"),
            ]
        )
        self._seen: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self._waiting = asyncio.Event()
        if self.ledger is not None and self.ledger.exists():
            kept = json.loads(self.ledger.read_text(encoding="utf-8"))
            self.intents = {id_: _Intent(**each) for id_, each in kept["intents"].items()}
            self.action = kept["action"]
            self._seen = {key: (asked, status, body) for key, (asked, status, body) in kept["seen"].items()}
            if self.action is not None and self.action["status"] == "in_progress":
                self._waiting.set()
        self.serving = Serving(app)

    # Stage directions

    async def asks_for_card(self) -> None:
        """Wait until the reader asks the customer for a card."""
        await self._waiting.wait()

    def tap(self, *, declined: str | None = None) -> None:
        """The customer holds a card to the reader; `declined` is the bank's code for refusing it."""
        intent = self._at_reader()
        if declined is None:
            intent.status, intent.last_error = "requires_capture", None
            self._end("succeeded")
        else:
            intent.last_error = {"type": "card_error", "code": declined, "message": "Your card was declined."}
            self._end("failed", declined)

    def press_cancel(self) -> None:
        """The customer presses the reader's own cancel button."""
        self._at_reader()
        self._end("failed", "customer_canceled")

    def time_out(self) -> None:
        """The reader gives up waiting by itself."""
        self._at_reader()
        self._end("failed", "terminal_reader_timeout")

    def forget_keys(self) -> None:
        """24 hours pass: idempotency keys are forgotten."""
        self._seen.clear()

    @property
    def charged(self) -> dict[str, int]:
        """What was charged and kept, by the kiosk's key, in minor units."""
        kept: dict[str, int] = {}
        for intent in self.intents.values():
            if intent.received > intent.refunded:
                key = intent.metadata["kiosk_attempt"]
                kept[key] = kept.get(key, 0) + intent.received - intent.refunded
        return kept

    def _at_reader(self) -> _Intent:
        if self.action is None or self.action["status"] != "in_progress":
            raise RuntimeError("the reader asks for no card")
        return self.intents[self.action["process_payment_intent"]["payment_intent"]]

    def _end(self, status: str, code: str | None = None) -> None:
        if self.action is not None:
            self.action |= {"status": status, "failure_code": code, "failure_message": code}
        self._waiting.clear()

    def write(self) -> None:
        """Bring the ledger up to date."""
        if self.ledger is not None:
            intents = {id_: asdict(intent) for id_, intent in self.intents.items()}
            put(self.ledger, json.dumps({"intents": intents, "action": self.action, "seen": self._seen}).encode())

    # What Stripe does

    @web.middleware
    async def _write_down(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer: web.StreamResponse = await handler(request)
        if request.method == "POST":
            self.write()
        return answer

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.headers.get("Authorization") != f"Bearer {self.api_key}":
                raise _Refused(401, "api_key_invalid", "Invalid API Key provided")
            return await self._once(request, handler)
        except _Refused as error:
            return web.json_response(error.body, status=error.status)

    async def _once(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A key answers again what it answered before, for 24 hours."""
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or key is None:
            plain: web.StreamResponse = await handler(request)
            return plain
        asked = f"{request.path}?{await request.text()}"
        if key in self._seen:
            if self._seen[key][0] != asked:
                words = "Keys for idempotent requests can only be used with the same parameters"
                raise _Refused(400, "idempotency_key_in_use", words, "idempotency_error")
            _, status, body = self._seen[key]
            return web.json_response(body, status=status, headers={"Idempotent-Replayed": "true"})
        answer: web.StreamResponse = await handler(request)
        if isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            self._seen[key] = (asked, answer.status, json.loads(answer.body))
        return answer

    async def _create(self, request: web.Request) -> web.Response:
        form = await request.post()
        if any(name.startswith("payment_method_types") for name in form):
            raise _Refused(400, "payment_method_types_no_longer_supported", "Use allowed_payment_method_types")
        if form.get("allowed_payment_method_types[0]") != "card_present" or form.get("capture_method") != "manual":
            raise _Refused(400, "parameter_invalid", "this account takes cards at its reader, captured manually")
        metadata = {name[9:-1]: str(value) for name, value in form.items() if name.startswith("metadata[")}
        intent = _Intent(f"pi_{secrets.token_hex(12)}", int(str(form["amount"])), str(form["currency"]), metadata)
        if intent.amount < 50:
            raise _Refused(400, "amount_too_small", "Amount must be at least $0.50 usd")
        self.intents[intent.id] = intent
        return web.json_response(intent.public())

    def _intent(self, request: web.Request) -> _Intent:
        try:
            return self.intents[request.match_info["id"]]
        except KeyError:
            raise _Refused(404, "resource_missing", "No such payment_intent") from None

    async def _retrieve(self, request: web.Request) -> web.Response:
        return web.json_response(self._intent(request).public())

    async def _capture(self, request: web.Request) -> web.Response:
        intent = self._intent(request)
        _allow(intent, "captured", "requires_capture")
        intent.status, intent.received = "succeeded", intent.amount
        return web.json_response(intent.public())

    async def _cancel(self, request: web.Request) -> web.Response:
        intent = self._intent(request)
        _allow(intent, "canceled", "requires_payment_method", "requires_capture")
        intent.status = "canceled"
        return web.json_response(intent.public())

    def _public_reader(self, request: web.Request) -> web.Response:
        if request.match_info["reader"] != self.reader:
            raise _Refused(404, "resource_missing", "No such terminal.reader")
        return web.json_response(
            {
                "id": self.reader,
                "object": "terminal.reader",
                "action": self.action,
                "device_type": "simulated_wisepos_e",
                "status": "offline" if self.offline else "online",
            }
        )

    async def _look(self, request: web.Request) -> web.Response:
        return self._public_reader(request)

    async def _process(self, request: web.Request) -> web.Response:
        form = await request.post()
        if self.offline:
            raise _Refused(400, "terminal_reader_offline", "Reader is currently offline")
        if self.action is not None and self.action["status"] == "in_progress":
            raise _Refused(400, "terminal_reader_busy", "Reader is currently busy processing another request")
        intent = self.intents[str(form["payment_intent"])]
        _allow(intent, "processed", "requires_payment_method")
        self.action = {
            "type": "process_payment_intent",
            "status": "in_progress",
            "failure_code": None,
            "failure_message": None,
            "process_payment_intent": {"payment_intent": intent.id},
        }
        self._waiting.set()
        return self._public_reader(request)

    async def _clear(self, request: web.Request) -> web.Response:
        self.action = None
        self._waiting.clear()
        return self._public_reader(request)

    async def _refund(self, request: web.Request) -> web.Response:
        intent = self.intents[str((await request.post())["payment_intent"])]
        if intent.refunded:
            raise _Refused(400, "charge_already_refunded", "Charge has already been refunded.")
        _allow(intent, "refunded", "succeeded")
        intent.refunded = intent.received
        return web.json_response(_refund_of(intent))

    async def _refunds(self, request: web.Request) -> web.Response:
        intent = self.intents[request.query["payment_intent"]]
        data = [_refund_of(intent)] if intent.refunded else []
        return web.json_response({"object": "list", "data": data, "has_more": False, "url": "/v1/refunds"})


def _refund_of(intent: _Intent) -> dict[str, Any]:
    return {
        "id": f"re_{intent.id[3:]}",
        "object": "refund",
        "amount": intent.refunded,
        "payment_intent": intent.id,
        "status": "succeeded",
    }


def _allow(intent: _Intent, what: str, *statuses: str) -> None:
    if intent.status not in statuses:
        raise _Refused(
            400,
            "payment_intent_unexpected_state",
            f"This PaymentIntent could not be {what} because it has a status of {intent.status}. "
            + _OFTEN_SEEN.format(what, ", ".join(statuses)),
        )
