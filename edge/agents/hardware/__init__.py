"""The hardware agent (section 7.4)."""

from edge.agents.hardware.agent import REMEMBERED_RECEIPTS, HardwareAgent, card_token

__all__ = ["REMEMBERED_RECEIPTS", "HardwareAgent", "card_token"]
