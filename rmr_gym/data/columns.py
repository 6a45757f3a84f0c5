"""Columns of an episode file, between Python and the buffers of Arrow.

`pyarrow.array` and `Array.to_numpy` do the same, but import pandas wherever it is installed (pyarrow 26), which costs
every process that records or reads episodes a quarter of a second and some 40 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rmr_gym.errors import explain

_MAX_OFFSET = 2**31 - 1


def pack_column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Build a column; the same buffers as those of `pyarrow.array`.

    Args:
        values: bytes for binary kinds; for numbers and truth values also None, a null.
        kind: `binary`, `binary(length)`, `bool_` or a type of numbers.

    Raises:
        ValueError: when the bytes are too many for one column, or a value has another length than the kind says.

    Example:
        >>> pack_column([3, None], pa.uint8()).to_pylist()
        [3, None]
    """
    if pa.types.is_binary(kind):
        offsets = np.concatenate([[0], np.cumsum([len(value) for value in values], dtype=np.int64)])
        if offsets[-1] > _MAX_OFFSET:
            fix = "Record shorter episodes, see max_steps."
            raise ValueError(explain(expected="frames of at most 2 GiB in all", got=f"{offsets[-1]} bytes", fix=fix))
        return _column(kind, len(values), None, offsets.astype(np.int32), b"".join(values))
    if pa.types.is_fixed_size_binary(kind):
        lengths = {len(value) for value in values} - {kind.byte_width}
        if lengths:
            raise ValueError(
                explain(expected=f"values of {kind.byte_width} bytes", got=lengths, fix="Mend what made them.")
            )
        return _column(kind, len(values), None, b"".join(values))
    known = np.array([value is not None for value in values], bool)
    numbers = np.array([0 if value is None else value for value in values], kind.to_pandas_dtype())
    return _column(kind, len(values), None if known.all() else _to_bits(known), _to_buffer(numbers))


def unpack_column(column: pa.Array) -> NDArray[Any]:
    """Return the numbers or truth values of a whole column, read-only; what stands in place of nulls means nothing.

    Numbers are not copied.

    Example:
        >>> unpack_column(pack_column([True, False], pa.bool_()))
        array([ True, False])
    """
    values, end = column_bytes(column), column.offset + len(column)
    if pa.types.is_boolean(column.type):
        numbers: NDArray[Any] = np.unpackbits(values, count=end, bitorder="little").view(bool)
    else:
        kind = np.dtype(column.type.to_pandas_dtype())
        numbers = values[: end * kind.itemsize].view(kind)
    numbers.setflags(write=False)
    return numbers[column.offset :]


def column_bytes(column: pa.Array) -> NDArray[np.uint8]:
    """View the values of a column of fixed or variable width as bytes, without a copy."""
    return np.frombuffer(column.buffers()[-1] or b"", dtype=np.uint8)


def _column(kind: pa.DataType, length: int, *buffers: NDArray[Any] | bytes | None) -> pa.Array:
    packed = [None if buffer is None else pa.py_buffer(buffer) for buffer in buffers]
    return pa.Array.from_buffers(kind, length, packed)


def _to_buffer(numbers: NDArray[Any]) -> NDArray[Any]:
    return _to_bits(numbers) if numbers.dtype == bool else numbers


def _to_bits(truth: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.packbits(truth, bitorder="little")
