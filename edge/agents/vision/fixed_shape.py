"""Give an ONNX file the input shape we run it at.

CenterFace was exported for ten pictures of 32 by 32 and onnxruntime refuses any other shape, though the
network is fully convolutional. The shape is a few bytes of the file's protocol buffer, so it is rewritten
there; the `onnx` package would do the same at forty megabytes. Declared shapes of outputs and of values
between layers are dropped (the runtime infers them), and weights stop being listed as inputs, without which
the runtime may not fold them.

Field numbers are those of onnx.proto: ModelProto.graph 7, ir_version 1; GraphProto.initializer 5, input 11,
output 12, value_info 13; ValueInfoProto.name 1, type 2; TypeProto.tensor_type 1; Tensor.elem_type 1, shape
2; TensorProto.name 8.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT = 1  # TensorProto.DataType.FLOAT
_IR_VERSION = 4  # the first in which a weight need not be an input too

Field = tuple[int, int, int | bytes]


def with_input_shape(model: bytes, input_name: str, shape: tuple[int, ...]) -> bytes:
    """The model, taking float32 of `shape` as its only input `input_name`.

    Raises:
        ValueError: these bytes are no ONNX model, or it has no input of that name.
    """
    fields = list(_fields(model))
    if not any(number == 7 and kind == _BYTES for number, kind, _ in fields):
        raise ValueError("no ONNX graph in it")
    out = bytearray()
    for number, kind, value in fields:
        if number == 1 and isinstance(value, int):
            out += _field(1, _VARINT, max(value, _IR_VERSION))
        elif number == 7 and isinstance(value, bytes):
            out += _field(7, _BYTES, _reshaped_graph(value, input_name, shape))
        else:
            out += _field(number, kind, value)
    return bytes(out)


def _reshaped_graph(graph: bytes, input_name: str, shape: tuple[int, ...]) -> bytes:
    fields = list(_fields(graph))
    if input_name not in {_text(value, 1) for number, _, value in fields if number == 11}:
        raise ValueError(f"it has no input {input_name!r}")
    out = bytearray()
    for number, kind, value in fields:
        if number == 11:
            continue
        if number == 13:
            continue
        if number == 12:
            out += _field(12, _BYTES, _float_tensor(_text(value, 1), None))
        else:
            out += _field(number, kind, value)
    out += _field(11, _BYTES, _float_tensor(input_name, shape))
    return bytes(out)


def _float_tensor(name: str, shape: tuple[int, ...] | None) -> bytes:
    """A ValueInfoProto: `name` is a float32 tensor, of `shape` if that is given."""
    tensor = _field(1, _VARINT, _FLOAT)
    if shape is not None:
        dimensions = b"".join(_field(1, _BYTES, _field(1, _VARINT, size)) for size in shape)
        tensor += _field(2, _BYTES, dimensions)
    return _field(1, _BYTES, name.encode()) + _field(2, _BYTES, _field(1, _BYTES, tensor))


def _text(message: int | bytes, wanted: int) -> str:
    if isinstance(message, bytes):
        for number, _, value in _fields(message):
            if number == wanted and isinstance(value, bytes):
                return value.decode("utf-8", "replace")
    return ""


def _fields(message: bytes) -> Iterator[Field]:
    """The fields of one protocol buffer message, in the file's order.

    Raises:
        ValueError: it is cut short, or no protocol buffer at all.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, kind, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("not a protocol buffer")
        if at + size > len(message):
            raise ValueError("cut short")
        yield number, kind, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("cut short")


def _field(number: int, kind: int, value: int | bytes) -> bytes:
    out = bytearray(_encoded(number << 3 | kind))
    if isinstance(value, int):
        return bytes(out + _encoded(value))
    if kind == _BYTES:
        out += _encoded(len(value))
    return bytes(out + value)


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
