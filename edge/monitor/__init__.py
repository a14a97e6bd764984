"""The monitor (specification 11): health, Prometheus metrics, alerts; and keeper of streams and work queues."""

from edge.monitor.service import DEFAULT_PORT, Job, Monitor

__all__ = ["DEFAULT_PORT", "Job", "Monitor"]
