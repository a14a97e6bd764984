"""The sandbox: a bank that moves no money, for the virtual kiosk, the bench, and a shop that tries the kiosk out.

It is a process of its own with a ledger of its own (`bank`, `server`), as a real one is: it may be slow, fail,
answer twice or never (`faults`), and it outlives nothing and nobody. `SandboxGateway` asks it.
"""

from edge.agents.payment.sandbox.client import SandboxGateway

__all__ = ["SandboxGateway"]
