"""What the specification and the proposals say of operators, by hand: features, constness."""

from __future__ import annotations

from plumbob.wasm import features as f

CONSTANT = set(
    "i32.const i64.const f32.const f64.const v128.const ref.null ref.func global.get ref.i31 "
    "struct.new struct.new_default array.new array.new_default array.new_fixed "
    "any.convert_extern extern.convert_any end".split()
)
"""Validation / Instructions / Constant Expressions."""

EXTENDED = {f"{width}.{name}" for width in ("i32", "i64") for name in ("add", "sub", "mul")}
"""Constant with the feature extended-const."""

BY_NAME = {
    f.REFERENCE_TYPES: "table.get table.set table.grow table.size table.fill ref.null "
    "ref.is_null ref.func",
    f.TAIL_CALL: "return_call return_call_indirect",
    f.TAIL_CALL | f.FUNCTION_REFERENCES: "return_call_ref",
    f.FUNCTION_REFERENCES: "call_ref ref.as_non_null br_on_null br_on_non_null",
    f.EXCEPTIONS: "throw throw_ref try_table",
    f.LEGACY_EXCEPTIONS: "try catch catch_all rethrow delegate",
    f.GC: "ref.eq",
    f.SIGN_EXTENSION: "i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s",
}
"""Feature to the operators of one byte that it brings."""


def feature_of(name: str, prefix: int, number: int) -> int:
    """Return the feature that brings an operator; those behind a prefix go by number."""
    if name == "select t":
        return f.REFERENCE_TYPES
    for feature, names in BY_NAME.items():
        if name in names.split():
            return feature
    if prefix == 0xFB:
        return f.GC
    if prefix == 0xFD:
        return f.SIMD if number < 0x100 else f.RELAXED_SIMD
    if prefix == 0xFE:
        return f.THREADS
    if prefix == 0xFC and number < 8:
        return f.SATURATING_FLOAT_TO_INT
    if prefix == 0xFC and number >= 0x13:
        return f.WIDE_ARITHMETIC
    # Behind 0xFC, table.grow, table.size and table.fill have been found by name.
    return f.BULK_MEMORY if prefix == 0xFC else f.MVP
