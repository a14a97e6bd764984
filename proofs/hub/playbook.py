"""Running ansible/hub.yml as whoever looks after a hub does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from proofs.deploy.door import Target
from proofs.deploy.playbook import Playbook
from proofs.deploy.stock import USER


class HubPlaybook(Playbook):
    """hub.yml with an inventory of `targets`, the nodes of the hub that is kept in `hub`."""

    book: ClassVar = "hub.yml"
    group: ClassVar = "hub"

    def __init__(
        self, targets: Sequence[Target], bundles: Path, folder: Path, hub: Path, settings: dict[str, Any]
    ) -> None:
        super().__init__(targets, bundles, folder, settings)
        self._hub = hub

    def told(self) -> dict[str, Any]:
        """What every node is told."""
        return {"ansible_user": USER, "fleet_hub": str(self._hub), "hub_bundles": str(self._bundles)}
