"""Drivers: every peripheral behind a small async Protocol, real or simulated, chosen by a URL.

This wing knows nothing of NATS or of the agents. Each package's ``__init__`` is its storefront (the
Protocol, its value types, ``open_…``); a file beside it is named after the chip or library it drives;
``simulated.py`` is the peripheral itself.
"""
