"""The contract: what may be said on the bus, by whom, and in which shape.

Only msgspec, no I/O, nothing of ours imported. Everything here comes from the specification
(`nats-event-bus.md`, sections 3 to 9); where it is silent the module says so.
"""
