"""The payment agent (section 7.3): takes an order's money exactly once.

`prices` recomputes what is due, `waiting` is the wait for the customer's card, `journal` remembers every
attempt on disk, `gateway` is who moves the money (`sandbox` moves none), `receipt` makes the document;
`agent` joins them on the bus.
"""

from edge.agents.payment.agent import PaymentAgent

__all__ = ["PaymentAgent"]
