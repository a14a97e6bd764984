"""What may be wrong with the sandbox: each fault is one that a real bank or the line to it has had."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge.contract.wire import Seconds


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong with each ask, until told otherwise.

    `slow_s` passes before anything is done, and the asker may have given up by then. `fails` does nothing and says
    so; `fails_after` does it and says that it failed; `hangs_up` does it and cuts the line; `never` does it and
    never answers; `deaf` does nothing and never answers; `twice` answers twice. `wrong_minor` is added to what is
    charged. Only the next `times` asks are concerned, or all of them.
    """

    slow_s: Seconds = 0.0
    fails: bool = False
    fails_after: bool = False
    hangs_up: bool = False
    never: bool = False
    deaf: bool = False
    twice: bool = False
    wrong_minor: int = 0
    times: Annotated[int, msgspec.Meta(ge=0)] | None = None

    def fewer(self) -> Faults:
        """What is left of them after one more ask."""
        if self.times is None:
            return self
        return Faults() if self.times <= 1 else msgspec.structs.replace(self, times=self.times - 1)
