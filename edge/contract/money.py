"""Amounts of money: whole minor units inside, a JSON number with at most two decimals on the wire.

The specification writes amounts as JSON numbers (12.99). Binary floats can't hold those, so nothing
here computes with floats: a number is read through its shortest decimal text, which is exact for every
amount a till can show.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import total_ordering

MINOR_UNITS = 100  # cents of a dollar or euro; currencies with other minor units are not supported yet
_MOST_MINOR = 100_000_000  # a million in major units: beyond it a kiosk's amount is a mistake


@total_ordering
class Money:
    """A non-negative amount in minor units (cents). Immutable.

    Not a dataclass: msgspec would write one as an object, and an amount is a number on the wire.

    Raises:
        ValueError: negative, or a million and more.
    """

    __slots__ = ("_minor",)

    def __init__(self, minor: int) -> None:
        if not 0 <= minor < _MOST_MINOR:
            raise ValueError(f"an amount is at least 0 and under {_MOST_MINOR // MINOR_UNITS}")
        self._minor = minor

    @property
    def minor(self) -> int:
        """The amount in minor units."""
        return self._minor

    @classmethod
    def of(cls, amount: str | int | float | Decimal) -> Money:
        """Read an amount in major units: "12.99", 12.99 and Decimal("12.99") are all 1299 minor units.

        Raises:
            ValueError: not a number, more than two decimals, negative or far too large.
        """
        if isinstance(amount, bool):
            raise ValueError("an amount is a number, not true or false")  # noqa: TRY004 - callers expect one error
        if isinstance(amount, float) and 0 <= amount < _MOST_MINOR:
            # The float nearest to minor / 100 is this one exactly if its shortest decimal text is that amount.
            nearest = round(amount * MINOR_UNITS)
            if nearest / MINOR_UNITS == amount:
                return cls(nearest)
        try:
            minor = Decimal(repr(amount) if isinstance(amount, float) else amount) * MINOR_UNITS
            whole = int(minor)
        except (InvalidOperation, ValueError, OverflowError) as error:
            raise ValueError(f"{amount!r} is not an amount of money") from error
        if whole != minor:
            raise ValueError(f"{amount!r} has more than two decimals")
        return cls(whole)

    @property
    def text(self) -> str:
        """The amount in major units, with two decimals, as JSON writes it."""
        return f"{self._minor // MINOR_UNITS}.{self._minor % MINOR_UNITS:02d}"

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, with two decimals."""
        return Decimal(self.text)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + other.minor)

    def __mul__(self, pieces: int) -> Money:
        return Money(self.minor * pieces)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and self._minor == other._minor

    def __lt__(self, other: Money) -> bool:
        return self._minor < other._minor

    def __hash__(self) -> int:
        return hash((Money, self._minor))

    def __repr__(self) -> str:
        return f"Money({self._minor})"

    def __str__(self) -> str:
        return str(self.decimal)


def total(amounts: list[Money]) -> Money:
    """The sum of `amounts`; nothing is zero."""
    return Money(sum(amount.minor for amount in amounts))
