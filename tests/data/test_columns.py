"""Columns beside those that `pyarrow.array` builds, and without what it imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.data import columns
from rmr_gym.data.columns import column_bytes, pack_column, unpack_column

_FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
_COLUMNS = st.one_of(
    st.tuples(st.lists(st.binary(max_size=9), min_size=1), st.just(pa.binary())),
    st.tuples(st.lists(st.binary(min_size=4, max_size=4), min_size=1), st.just(pa.binary(4))),
    st.tuples(st.lists(st.none() | st.integers(0, 255), min_size=1), st.just(pa.uint8())),
    st.tuples(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1), st.just(pa.int32())),
    st.tuples(st.lists(st.none() | _FLOATS, min_size=1), st.just(pa.float32())),
    st.tuples(st.lists(st.none() | st.booleans(), min_size=1), st.just(pa.bool_())),
)
"""Values, and the type of their column."""


@given(_COLUMNS)
def test_column_is_that_of_pyarrow(column: tuple[list[Any], pa.DataType]) -> None:
    ours, theirs = pack_column(*column), pa.array(*column)
    ours.validate(full=True)
    assert ours.equals(theirs)
    assert ours.null_count == theirs.null_count
    assert (ours.buffers()[0] is None) == (theirs.buffers()[0] is None)


@given(_COLUMNS, st.data())
def test_column_is_unpacked_as_by_pyarrow(column: tuple[list[Any], pa.DataType], data: st.DataObject) -> None:
    values, kind = column
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind) or None in values:
        return
    start = data.draw(st.integers(0, len(values) - 1))
    theirs = pa.array(values, kind)[start:]
    got = unpack_column(theirs)
    expected = theirs.to_numpy(zero_copy_only=False)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    assert not got.flags.writeable


def test_numbers_are_not_copied() -> None:
    column = pack_column([1, 2, 3], pa.int32())
    assert np.shares_memory(unpack_column(column), column_bytes(column))


def test_value_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected values of 4 bytes; got \{3\}"):
        pack_column([b"four", b"two"[:3]], pa.binary(4))


def test_more_bytes_than_offsets_can_count_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_MAX_OFFSET", 7)
    assert len(pack_column([b"1234", b"567"], pa.binary())) == 2
    with pytest.raises(ValueError, match="got 8 bytes"):
        pack_column([b"1234", b"5678"], pa.binary())


def test_recording_and_reading_import_no_pandas(tmp_path: Path) -> None:
    pytest.importorskip("pandas", reason="pyarrow cannot import what is not there")
    code = (
        "import sys; from rmr_gym.data import TransitionDataset, collect\n"
        "collect(sys.argv[1], 'pong', num_episodes=2, max_steps_per_episode=3)\n"
        "print(len(TransitionDataset(sys.argv[1])), 'pandas' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["3", "False"]
