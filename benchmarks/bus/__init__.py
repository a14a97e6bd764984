"""The bus: asking an agent and publishing an event, each way beside raw nats-py and FastStream."""
