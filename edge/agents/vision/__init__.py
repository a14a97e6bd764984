"""Vision: who stands before the kiosk, and whether they look at it."""
