"""Voice: what a customer says, and what they want by it."""

from edge.agents.voice.agent import VoiceAgent

__all__ = ["VoiceAgent"]
