"""A day at the kiosk in fast motion: hundreds of customers, their accidents, and the books at its end."""
