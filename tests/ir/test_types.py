from __future__ import annotations

import copy
import pickle

import pytest

from plumbob.errors import UsageError
from plumbob.ir import types


def test_names_and_sizes() -> None:
    for ty in types.NUMERIC:
        assert types.named(ty.name) is ty
        assert ty.bits == ty.lane_bits * ty.lanes
        assert ty.bytes * 8 == ty.bits
        assert ty.lane.lane is ty.lane
        assert ty.bits <= 512


def test_vectors_from_small_to_512_bits() -> None:
    for name in ("i8x2", "i8x4", "i8x64", "i128x4", "f16x32", "f64x8", "i32x4xN"):
        assert types.lookup(name) is not None
    for name in (
        "i8x3",
        "i8x1",
        "i8x128",
        "f8",
        "i24",
        "i32xN",
        "x4",
        "",
        "ref",
        "ref.",
        "ref.a-b",
    ):
        assert types.lookup(name) is None
        with pytest.raises(UsageError):
            types.named(name)


def test_derived_types() -> None:
    assert types.I32X4.split_lanes() is types.I16X8
    assert types.I16X8.merge_lanes() is types.I32X4
    assert types.I32.split_lanes() is None
    assert types.I8.half_width() is None
    assert types.I128.double_width() is None
    assert types.F32X4.as_truthy() is types.I32X4
    assert types.F32.as_truthy() is types.I8
    assert types.F32X4.as_int() is types.I32X4
    assert types.reference("any").as_truthy() is None
    dynamic = types.I32X4.vector_to_dynamic()
    assert dynamic is types.named("i32x4xN")
    assert dynamic is not None
    assert dynamic.dynamic_to_vector() is types.I32X4
    assert types.I32.vector_to_dynamic() is None
    assert types.I32.dynamic_to_vector() is None
    assert types.vector(types.I8, 16) is types.I8X16
    assert types.integer(128) is types.I128
    with pytest.raises(UsageError):
        types.vector(types.I32X4, 2)


def test_types_are_interned() -> None:
    ref = types.reference("struct.7")
    assert types.named("ref.struct.7") is ref
    for ty in (types.I32, types.F64X2, ref):
        assert pickle.loads(pickle.dumps(ty)) is ty  # noqa: S301  # our own bytes
        assert copy.copy(ty) is ty
        assert copy.deepcopy([ty])[0] is ty


def test_scalar_vector_and_reference_are_told_apart() -> None:
    kinds = [
        (t.is_int, t.is_float, t.is_vector, t.is_ref) for t in (types.I8, types.F16, types.F32X4)
    ]
    assert kinds == [
        (True, False, False, False),
        (False, True, False, False),
        (False, False, True, False),
    ]
    assert types.reference("any").is_ref
