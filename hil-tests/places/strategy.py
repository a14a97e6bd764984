"""How labgrid brings a kiosk from nothing to running: power off, image on the card, power on, all agents up.

Runs in labgrid's own environment (extra `labgrid`), and imports nothing of ours.
"""

from __future__ import annotations

import enum
from typing import Any

import attr
from labgrid import step, target_factory
from labgrid.strategy import Strategy, StrategyError

_UP_WITHIN_S = 300  # from login to a running system, on a slow card in an emulated processor


class Status(enum.Enum):
    """Where a kiosk is; each includes those before it but `off`."""

    unknown = 0
    off = 1
    flashed = 2
    shell = 3
    up = 4


@target_factory.reg_driver
@attr.s(eq=False)
class KioskStrategy(Strategy):  # type: ignore[misc]  # labgrid is in another environment, so mypy sees Any
    """States `off`, `flashed` (where there is an SD multiplexer), `shell` (logged in) and `up`.

    `image` is the key of the image in the environment's `images`; without a multiplexer nothing is written.
    `ready` is what tells on the console that the kiosk is up.
    """

    bindings = {
        "power": "PowerProtocol",
        "console": "ConsoleProtocol",
        "shell": "ShellDriver",
        "sdmux": {"USBSDMuxDriver", "USBSDWireDriver", "USBSDWire3Driver", None},
        "storage": {"USBStorageDriver", None},
    }
    image: str = attr.ib(default="kiosk", validator=attr.validators.instance_of(str))
    ready: str = attr.ib(
        default="systemctl is-system-running --wait && kiosk doctor", validator=attr.validators.instance_of(str)
    )
    status: Status = attr.ib(default=Status.unknown)

    @step(args=["status"])  # type: ignore[untyped-decorator]  # as above
    def transition(self, status: Status | str, *, step: Any) -> None:
        """Bring the kiosk to `status`.

        Raises:
            StrategyError: there is no way there, or what tells that it is up says otherwise.
        """
        wanted = status if isinstance(status, Status) else Status[status]
        if wanted is Status.unknown:
            raise StrategyError(f"no transition to {wanted}")
        if wanted is self.status:
            step.skip("nothing to do")
            return
        if wanted is Status.off:
            self._off()
        elif wanted is Status.flashed:
            self.transition(Status.off)
            self._flash()
        elif wanted is Status.shell:
            if self.status not in (Status.off, Status.flashed):
                self.transition(Status.off)
            self._boot()
        else:
            if self.status is not Status.shell:
                self.transition(Status.shell)
            said, _, code = self.shell.run(self.ready, timeout=_UP_WITHIN_S)
            if code != 0:
                raise StrategyError(f"the kiosk isn't up: {' / '.join(said[-3:])}")
        self.status = wanted

    def _off(self) -> None:
        self.target.deactivate(self.shell)
        self.target.deactivate(self.console)
        self.target.activate(self.power)
        self.power.off()

    def _flash(self) -> None:
        if self.sdmux is None or self.storage is None:
            return  # what it boots is put there by other means
        self.target.activate(self.sdmux)
        self.sdmux.set_mode("host")
        self.target.activate(self.storage)
        self.storage.write_image(self.target.env.config.get_image_path(self.image))
        self.target.deactivate(self.storage)
        self.sdmux.set_mode("dut")

    def _boot(self) -> None:
        # The console first: what a kernel says at once is what a failing boot leaves.
        self.target.activate(self.console)
        self.target.activate(self.power)
        self.power.on()
        self.target.activate(self.shell)
