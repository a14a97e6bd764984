"""Simulated servers of the payment services' public APIs, for tests and for trying a kiosk without an account.

Real HTTP servers on a port of this machine, which the services' own SDKs talk to. What they know is what the
services publish; what only a live account shows is written in docs/payment.md.
"""
