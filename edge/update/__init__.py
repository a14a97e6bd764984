"""Updates that can't brick a kiosk: RAUC writes the other slot, the Pi's tryboot tries it, health keeps it."""
