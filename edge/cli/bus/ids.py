"""Session and trace ids as people give them: whole, or as much of their beginning as is clear."""

from __future__ import annotations

from typing import Annotated, Final

import typer

_SHAPE: Final = "00000000-0000-4000-8000-000000000000"


def beginning_of_an_id(text: str) -> str:
    """An id or its beginning, in the form that messages have it; "" for none.

    Raises:
        typer.BadParameter: no UUID begins like that.
    """
    lower = text.strip().lower()
    fits = len(lower) <= len(_SHAPE) and all(
        each == "-" if wanted == "-" else each in "0123456789abcdef"
        for each, wanted in zip(lower, _SHAPE, strict=False)
    )
    if not fits or (text and not lower):
        raise typer.BadParameter(f"{text!r} is no id: ids are UUIDs such as 3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f")
    return lower


SessionId = Annotated[
    str,
    typer.Option(
        "--session",
        metavar="ID",
        help="Of this session; its first characters do.",
        show_default=False,
        callback=beginning_of_an_id,
    ),
]
TraceId = Annotated[
    str,
    typer.Option(
        "--trace",
        metavar="ID",
        help="Of this trace; its first characters do.",
        show_default=False,
        callback=beginning_of_an_id,
    ),
]
