"""The orchestrator: leads a customer from greeting to goodbye, and tells the page what to show.

`states` says what may follow what, `cart` and `order` compute, `session` holds what is known of the
customer, `screens` turns it into what the page shows. `visits`, `ordering`, `listening` and `checkout` act on
it; `agent` hears the events and has them done one after the other.
"""

from edge.agents.orchestrator.agent import OrchestratorAgent
from edge.agents.orchestrator.timing import Timing

__all__ = ["OrchestratorAgent", "Timing"]
