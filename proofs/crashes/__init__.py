"""`make crash-matrix`: kill -9 at every step of a paying order, and compare bank, journal, orders and receipts."""
