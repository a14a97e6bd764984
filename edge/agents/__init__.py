"""The agents: neighbours on the bus, none of which knows another."""
