"""Writing an image to a card: checked before, verified after, with the kiosk's configuration put in."""
