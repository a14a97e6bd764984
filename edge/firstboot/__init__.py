"""What the kiosk does at boot (docs/first-boot.md): the integrator's files, the status ticket."""

from edge.firstboot.boot import FirstBoot, Outcome, Places, first_boot

__all__ = ["FirstBoot", "Outcome", "Places", "first_boot"]
