"""The drivers' error tree: stable codes, and the built-in each error resembles."""

from __future__ import annotations

import pytest

from drivers import errors
from drivers.errors import DriverError

CODES = {
    "DriverError": "driver_error",
    "DeviceAbsent": "absent",
    "DeviceTimeout": "timeout",
    "DeviceLost": "lost",
    "DeviceSetup": "setup",
    "OutOfPaper": "out_of_paper",
    "CoverOpen": "cover_open",
    "CardTornAway": "card_torn_away",
}


def test_every_error_has_its_own_code_and_keeps_it() -> None:
    """Askers compare codes: one that changes breaks them, so the change has to be made here too."""
    tree = {
        name: kind.code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, DriverError)
    }
    assert tree == CODES
    assert len(set(tree.values())) == len(tree)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.DeviceAbsent, FileNotFoundError),
        (errors.DeviceTimeout, TimeoutError),
        (errors.DeviceLost, ConnectionError),
        (errors.DeviceSetup, ValueError),
    ],
)
def test_an_error_is_the_builtin_it_resembles_and_says_its_words(
    error: type[DriverError], builtin: type[Exception]
) -> None:
    with pytest.raises(builtin, match="no reader here") as raised:
        raise error("no reader here")
    assert isinstance(raised.value, DriverError)
    assert str(raised.value) == "no reader here"
