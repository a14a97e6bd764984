"""kiosk-edge: contract, bus, agents and pages. docs/house.md says where everything lives."""
