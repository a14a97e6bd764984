"""The crash points of a payment, in the order that a payment passes them (`edge.bus.crashing`)."""

from __future__ import annotations

from edge.bus.crashing import crash_point

INTENT_WRITTEN = crash_point("payment.intent-written", "the journal says intent; no card was asked for")
CARD_TAPPED = crash_point("payment.card-tapped", "a card is there; the journal says intent")
AUTHORISING_WRITTEN = crash_point(
    "payment.authorising-written", "the journal says authorising; the gateway wasn't asked"
)
REFERENCE_WRITTEN = crash_point("payment.reference-written", "the terminal's payment is made and noted, not begun")
GATEWAY_ANSWERED = crash_point("payment.gateway-answered", "the gateway gave its outcome; the journal says authorising")
OUTCOME_WRITTEN = crash_point("payment.outcome-written", "the journal has the outcome; no receipt, nobody was told")
RECEIPT_WRITTEN = crash_point("payment.receipt-written", "the document is there; nobody was told")
CLAIM_WRITTEN = crash_point("payment.claim-written", "the journal says that the asker is being told; the asker isn't")
DOUBT_WRITTEN = crash_point(
    "payment.doubt-written", "the journal says in doubt; the gateway wasn't asked what became of it"
)
DOUBT_ANSWERED = crash_point("payment.doubt-answered", "the gateway said what became of it; the journal says in doubt")
CANCEL_ASKED = crash_point("payment.cancel-asked", "the terminal was asked to stop; its word on it is awaited")
REFUND_WRITTEN = crash_point("payment.refund-written", "the journal says refunding; the gateway wasn't asked")
REFUND_ANSWERED = crash_point("payment.refund-answered", "the gateway gave the money back; the journal says refunding")
SESSION_END_HEARD = crash_point("payment.session-end-heard", "the customer has left; nothing was done about it")
