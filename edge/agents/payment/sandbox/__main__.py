"""`python -m edge.agents.payment.sandbox`."""

from edge.agents.payment.sandbox.server import main

main()
