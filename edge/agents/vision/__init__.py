"""Vision: who stands before the kiosk, and whether they look at it."""

from edge.agents.vision.agent import VisionAgent

__all__ = ["VisionAgent"]
