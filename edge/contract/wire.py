"""Between JSON and the contract's types: the one place that knows msgspec's hooks."""

from __future__ import annotations

import re
from decimal import Decimal as _Decimal
from functools import cache
from typing import Annotated, Any, TypeVar, cast

import msgspec

from edge.contract.errors import InvalidPayload
from edge.contract.money import Money

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1, description="a fraction from 0 to 1")]
Count = Annotated[int, msgspec.Meta(ge=1, le=99, description="how many, from 1 to 99")]
Seconds = Annotated[float, msgspec.Meta(ge=0, description="seconds")]


class Payload(msgspec.Struct, kw_only=True, frozen=True):
    """A payload. Unknown fields are ignored, so that a newer neighbour can talk to an older one."""


P = TypeVar("P", bound=Payload)

_SAYS_WHAT = ("command", "event")
_encoder = msgspec.json.Encoder(decimal_format="number")
_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<name>[^`]+)`")


def _encode_ours(thing: object) -> object:
    if isinstance(thing, Money):
        return thing.decimal
    raise NotImplementedError(f"{type(thing).__name__} has no place in a message")


def _decode_ours(wanted: type, raw: object) -> object:
    if wanted is Money:
        if isinstance(raw, str) or not isinstance(raw, int | float):
            raise ValueError(f"Expected `number`, got `{type(raw).__name__}`")
        return Money.of(raw)
    raise NotImplementedError(f"{wanted.__name__} has no place in a message")


def _encode_raw(thing: object) -> object:
    if isinstance(thing, Money):
        return msgspec.Raw(thing.text.encode())
    return _encode_ours(thing)


_checked_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_encode_raw)


def to_json(value: object) -> bytes:
    """`value` (builtins, from `to_fields` or elsewhere) as JSON."""
    return _encoder.encode(value)


def to_bytes(payload: Payload) -> bytes:
    """`payload` as JSON, read back to check it against its own type.

    Raises:
        InvalidPayload: the sender broke the contract; the field is named.
    """
    data = _checked_encoder.encode(payload)
    try:
        _decoder(type(payload)).decode(data)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from None
    return data


@cache
def _decoder(wanted: type[P]) -> msgspec.json.Decoder[P]:
    return msgspec.json.Decoder(wanted, dec_hook=_decode_ours)


def to_fields(payload: Payload) -> dict[str, Any]:
    """`payload` as JSON-ready builtins, checked against its own type.

    Amounts become decimals, which `to_json` writes as numbers.

    Raises:
        InvalidPayload: the sender broke the contract; the field is named.
    """
    fields = msgspec.to_builtins(payload, enc_hook=_encode_ours, builtin_types=(_Decimal,))
    from_fields(_as_read(fields), type(payload))
    return cast(dict[str, Any], fields)


def from_fields(fields: object, wanted: type[P]) -> P:
    """`fields` of a received message as `wanted`.

    Raises:
        InvalidPayload: a field is missing or wrong; its `field` is the path, such as ``cart[0].quantity``.
    """
    if isinstance(fields, dict):
        for name in _SAYS_WHAT:  # these have defaults for whoever makes a message, none for whoever reads one
            if name in wanted.__struct_fields__ and name not in fields:
                raise InvalidPayload(name, f"payload field `{name}` is missing")
    try:
        return msgspec.convert(fields, type=wanted, dec_hook=_decode_ours)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from None


def _explain(text: str) -> InvalidPayload:
    found = _WHERE.match(text)
    what, path = (found["what"], found["path"] or "") if found else (text, "")
    path = path.removeprefix(".")
    missing = _MISSING.search(what)
    if missing:
        name = ".".join(part for part in (path, missing["name"]) if part)
        return InvalidPayload(name, f"payload field `{name}` is missing")
    where = f"payload field `{path}`" if path else "payload"
    return InvalidPayload(path, f"{where}: {what[:1].lower()}{what[1:]}")


def _as_read(value: Any) -> Any:
    """`value` as the other side will read it: decimals as floats."""
    if isinstance(value, _Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _as_read(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_read(item) for item in value]
    return value
