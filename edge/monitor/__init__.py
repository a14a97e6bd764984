"""Health and metrics (specification 11)."""
