"""A hub of three nodes and five kiosks, cut off and killed: every event once, in order, under its own name."""
