"""The virtual kiosk: the real server, the real agents, simulated peripherals, a page and a bench."""
