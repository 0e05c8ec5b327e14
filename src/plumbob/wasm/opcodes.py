"""The operator table: every operator of WebAssembly 3.0 and of the proposals behind switches.

One row an operator; `operators.py` explains the columns. Sources: the index of
instructions in the specification's appendix; the proposals threads, wide arithmetic
and legacy exception handling for theirs.
"""

from __future__ import annotations

from plumbob.wasm import features as f
from plumbob.wasm.operators import CONST, DEAD, NO_CONST, Operator, signature, words

TABLE: list[Operator] = []
_feature = f.MVP
_prefix = 0


def _group(feature: int, prefix: int = 0) -> None:
    """Set the feature and prefix of the rows that follow."""
    global _feature, _prefix  # the table is read from top to bottom
    _feature, _prefix = feature, prefix << 16


def _op(  # noqa: PLR0913  # a row has as many columns
    code: int,
    name: str,
    immediates: str,
    types: str,
    *,
    effects: str = "",
    checks: str = "",
    const: int = NO_CONST,
    align: int = 0,
    lanes: int = 0,
    rule: str = "",
    feature: int | None = None,
) -> None:
    """Add a row."""
    pops, pushes = signature(types)
    TABLE.append(
        Operator(
            name,
            _prefix | code,
            words(immediates),
            pops,
            pushes,
            _feature if feature is None else feature,
            words(effects),
            words(checks),
            const,
            align,
            lanes,
            rule,
        )
    )


def _run(code: int, types: str, names: str, *, effects: str = "", const: int = NO_CONST) -> None:
    """Add rows of consecutive opcodes without immediates and with one signature.

    A name of `-` leaves its opcode out.
    """
    for offset, name in enumerate(names.split()):
        if name != "-":
            _op(code + offset, name, "", types, effects=effects, const=const)


def _load(code: int, name: str, result: str, align: int) -> None:
    _op(code, name, "memarg", f"addr -> {result}", effects="trap read.memory", align=align)


def _store(code: int, name: str, operand: str, align: int) -> None:
    _op(code, name, "memarg", f"addr {operand} ->", effects="trap write.memory", align=align)


# Control.
_group(f.MVP)
_op(0x00, "unreachable", "", f"-> {DEAD}", effects="trap")
_op(0x01, "nop", "", "->")
_op(0x02, "block", "blocktype", "params -> results", rule="block")
_op(0x03, "loop", "blocktype", "params -> results", rule="loop")
_op(0x04, "if", "blocktype", "params i32 -> results", effects="branch", rule="if")
_op(0x05, "else", "", "->", rule="else")
_op(0x0B, "end", "", "->", rule="end", const=CONST)
_op(0x0C, "br", "label", f"labeltypes -> {DEAD}", effects="branch", rule="br")
_op(0x0D, "br_if", "label", "labeltypes i32 -> labeltypes", effects="branch", rule="br_if")
_op(0x0E, "br_table", "labels", f"labeltypes i32 -> {DEAD}", effects="branch", rule="br_table")
_op(0x0F, "return", "", f"returns -> {DEAD}", effects="branch", rule="return")
_op(0x10, "call", "func", "params -> results", effects="call")
_op(
    0x11,
    "call_indirect",
    "type table",
    "params addr -> results",
    effects="trap read.table call",
    checks="function table_func",
)
_group(f.TAIL_CALL)
_op(0x12, "return_call", "func", f"params -> {DEAD}", effects="call branch", checks="tail")
_op(
    0x13,
    "return_call_indirect",
    "type table",
    f"params addr -> {DEAD}",
    effects="trap read.table call branch",
    checks="function table_func tail",
)
_group(f.FUNCTION_REFERENCES)
_op(
    0x14,
    "call_ref",
    "type",
    "params refnull:type -> results",
    effects="trap call",
    checks="function",
)
_op(
    0x15,
    "return_call_ref",
    "type",
    f"params refnull:type -> {DEAD}",
    effects="trap call branch",
    checks="function tail",
    feature=f.FUNCTION_REFERENCES | f.TAIL_CALL,
)
_group(f.LEGACY_EXCEPTIONS)
_op(0x06, "try", "blocktype", "params -> results", rule="try")
_op(0x07, "catch", "tag", "->", rule="catch")
_op(0x09, "rethrow", "label", f"-> {DEAD}", effects="throw", rule="rethrow")
_op(0x18, "delegate", "label", "->", rule="delegate")
_op(0x19, "catch_all", "", "->", rule="catch_all")
_group(f.EXCEPTIONS)
_op(0x08, "throw", "tag", f"params -> {DEAD}", effects="throw")
_op(0x0A, "throw_ref", "", f"exnref -> {DEAD}", effects="trap throw")
_op(0x1F, "try_table", "blocktype catches", "params -> results", rule="try_table")

# Parametric.
_group(f.MVP)
_op(0x1A, "drop", "", "any ->", rule="drop")
_op(0x1B, "select", "", "any any i32 -> any", rule="select")
_group(f.REFERENCE_TYPES)
_op(0x1C, "select t", "valtypes", "t t i32 -> t", checks="single")

# Variables.
_group(f.MVP)
_op(0x20, "local.get", "local", "-> local", effects="read.local", rule="local.get")
_op(0x21, "local.set", "local", "local ->", effects="write.local", rule="local.set")
_op(0x22, "local.tee", "local", "local -> local", effects="write.local", rule="local.tee")
_op(0x23, "global.get", "global", "-> global", effects="read.global", const=CONST)
_op(0x24, "global.set", "global", "global ->", effects="write.global", checks="global_mutable")

# Tables.
_group(f.REFERENCE_TYPES)
_op(0x25, "table.get", "table", "addr -> elem", effects="trap read.table")
_op(0x26, "table.set", "table", "addr elem ->", effects="trap write.table")

# Memory.
_group(f.MVP)
_load(0x28, "i32.load", "i32", 2)
_load(0x29, "i64.load", "i64", 3)
_load(0x2A, "f32.load", "f32", 2)
_load(0x2B, "f64.load", "f64", 3)
_load(0x2C, "i32.load8_s", "i32", 0)
_load(0x2D, "i32.load8_u", "i32", 0)
_load(0x2E, "i32.load16_s", "i32", 1)
_load(0x2F, "i32.load16_u", "i32", 1)
_load(0x30, "i64.load8_s", "i64", 0)
_load(0x31, "i64.load8_u", "i64", 0)
_load(0x32, "i64.load16_s", "i64", 1)
_load(0x33, "i64.load16_u", "i64", 1)
_load(0x34, "i64.load32_s", "i64", 2)
_load(0x35, "i64.load32_u", "i64", 2)
_store(0x36, "i32.store", "i32", 2)
_store(0x37, "i64.store", "i64", 3)
_store(0x38, "f32.store", "f32", 2)
_store(0x39, "f64.store", "f64", 3)
_store(0x3A, "i32.store8", "i32", 0)
_store(0x3B, "i32.store16", "i32", 1)
_store(0x3C, "i64.store8", "i64", 0)
_store(0x3D, "i64.store16", "i64", 1)
_store(0x3E, "i64.store32", "i64", 2)
_op(0x3F, "memory.size", "memory", "-> addr", effects="read.memory")
_op(0x40, "memory.grow", "memory", "addr -> addr", effects="read.memory write.memory")

# Constants.
_op(0x41, "i32.const", "s32", "-> i32", const=CONST)
_op(0x42, "i64.const", "s64", "-> i64", const=CONST)
_op(0x43, "f32.const", "f32", "-> f32", const=CONST)
_op(0x44, "f64.const", "f64", "-> f64", const=CONST)

# Numbers.
_INT_COMPARISONS = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
_FLOAT_COMPARISONS = "eq ne lt gt le ge"


def _of(shape: str, names: str) -> str:
    """Put `shape.` before each name."""
    return " ".join("-" if name == "-" else f"{shape}.{name}" for name in names.split())


def _integers(shape: str, test: int, compare: int, unary: int, binary: int) -> None:
    _op(test, f"{shape}.eqz", "", f"{shape} -> i32")
    _run(compare, f"{shape} {shape} -> i32", _of(shape, _INT_COMPARISONS))
    _run(unary, f"{shape} -> {shape}", _of(shape, "clz ctz popcnt"))
    types = f"{shape} {shape} -> {shape}"
    _run(binary, types, _of(shape, "add sub mul"), const=f.EXTENDED_CONST)
    _run(binary + 3, types, _of(shape, "div_s div_u rem_s rem_u"), effects="trap")
    _run(binary + 7, types, _of(shape, "and or xor shl shr_s shr_u rotl rotr"))


def _floats(shape: str, compare: int, unary: int, binary: int) -> None:
    _run(compare, f"{shape} {shape} -> i32", _of(shape, _FLOAT_COMPARISONS))
    _run(unary, f"{shape} -> {shape}", _of(shape, "abs neg ceil floor trunc nearest sqrt"))
    _run(binary, f"{shape} {shape} -> {shape}", _of(shape, "add sub mul div min max copysign"))


_integers("i32", 0x45, 0x46, 0x67, 0x6A)
_integers("i64", 0x50, 0x51, 0x79, 0x7C)
_floats("f32", 0x5B, 0x8B, 0x92)
_floats("f64", 0x61, 0x99, 0xA0)
_run(0xA7, "i64 -> i32", "i32.wrap_i64")
_run(0xA8, "f32 -> i32", "i32.trunc_f32_s i32.trunc_f32_u", effects="trap")
_run(0xAA, "f64 -> i32", "i32.trunc_f64_s i32.trunc_f64_u", effects="trap")
_run(0xAC, "i32 -> i64", "i64.extend_i32_s i64.extend_i32_u")
_run(0xAE, "f32 -> i64", "i64.trunc_f32_s i64.trunc_f32_u", effects="trap")
_run(0xB0, "f64 -> i64", "i64.trunc_f64_s i64.trunc_f64_u", effects="trap")
_run(0xB2, "i32 -> f32", "f32.convert_i32_s f32.convert_i32_u")
_run(0xB4, "i64 -> f32", "f32.convert_i64_s f32.convert_i64_u")
_run(0xB6, "f64 -> f32", "f32.demote_f64")
_run(0xB7, "i32 -> f64", "f64.convert_i32_s f64.convert_i32_u")
_run(0xB9, "i64 -> f64", "f64.convert_i64_s f64.convert_i64_u")
_run(0xBB, "f32 -> f64", "f64.promote_f32")
_run(0xBC, "f32 -> i32", "i32.reinterpret_f32")
_run(0xBD, "f64 -> i64", "i64.reinterpret_f64")
_run(0xBE, "i32 -> f32", "f32.reinterpret_i32")
_run(0xBF, "i64 -> f64", "f64.reinterpret_i64")
_group(f.SIGN_EXTENSION)
_run(0xC0, "i32 -> i32", "i32.extend8_s i32.extend16_s")
_run(0xC2, "i64 -> i64", "i64.extend8_s i64.extend16_s i64.extend32_s")
_group(f.SATURATING_FLOAT_TO_INT, 0xFC)
_run(0x00, "f32 -> i32", "i32.trunc_sat_f32_s i32.trunc_sat_f32_u")
_run(0x02, "f64 -> i32", "i32.trunc_sat_f64_s i32.trunc_sat_f64_u")
_run(0x04, "f32 -> i64", "i64.trunc_sat_f32_s i64.trunc_sat_f32_u")
_run(0x06, "f64 -> i64", "i64.trunc_sat_f64_s i64.trunc_sat_f64_u")
_group(f.WIDE_ARITHMETIC, 0xFC)
_run(0x13, "i64 i64 i64 i64 -> i64 i64", "i64.add128 i64.sub128")
_run(0x15, "i64 i64 -> i64 i64", "i64.mul_wide_s i64.mul_wide_u")

# Bulk memory and tables.
_group(f.BULK_MEMORY, 0xFC)
_op(
    0x08,
    "memory.init",
    "data memory",
    "addr i32 i32 ->",
    effects="trap write.memory",
)
_op(0x09, "data.drop", "data", "->", effects="write.memory")
_op(
    0x0A,
    "memory.copy",
    "memory memory",
    "addr addr2 addrmin ->",
    effects="trap read.memory write.memory",
)
_op(0x0B, "memory.fill", "memory", "addr i32 addr ->", effects="trap write.memory")
_op(
    0x0C,
    "table.init",
    "elem table",
    "addr i32 i32 ->",
    effects="trap write.table",
    checks="elem_table",
)
_op(0x0D, "elem.drop", "elem", "->", effects="write.table")
_op(
    0x0E,
    "table.copy",
    "table table",
    "addr addr2 addrmin ->",
    effects="trap read.table write.table",
    checks="tables_match",
)
_group(f.REFERENCE_TYPES, 0xFC)
_op(0x0F, "table.grow", "table", "elem addr -> addr", effects="read.table write.table")
_op(0x10, "table.size", "table", "-> addr", effects="read.table")
_op(0x11, "table.fill", "table", "addr elem addr ->", effects="trap write.table")

# References.
_group(f.REFERENCE_TYPES)
_op(0xD0, "ref.null", "heaptype", "-> heapnull", const=CONST)
_op(0xD1, "ref.is_null", "", "anyref -> i32", rule="ref.is_null")
_op(0xD2, "ref.func", "func", "-> ref:func", checks="declared", const=CONST)
_group(f.GC)
_op(0xD3, "ref.eq", "", "eqref eqref -> i32")
_group(f.FUNCTION_REFERENCES)
_op(0xD4, "ref.as_non_null", "", "anyref -> anyref", effects="trap", rule="ref.as_non_null")
_op(0xD5, "br_on_null", "label", "labeltypes anyref -> labeltypes anyref",
    effects="branch", rule="br_on_null")  # fmt: skip
_op(0xD6, "br_on_non_null", "label", "labeltypes anyref -> labeltypes",
    effects="branch", rule="br_on_non_null")  # fmt: skip

# Garbage collection.
_group(f.GC, 0xFB)
_op(
    0x00,
    "struct.new",
    "type",
    "fields -> ref:type",
    effects="alloc",
    checks="struct",
    const=CONST,
)
_op(
    0x01,
    "struct.new_default",
    "type",
    "-> ref:type",
    effects="alloc",
    checks="struct fields_defaultable",
    const=CONST,
)
for _code, _suffix, _check in (
    (0x02, "", "field_unpacked"),
    (0x03, "_s", "field_packed"),
    (0x04, "_u", "field_packed"),
):
    _op(
        _code,
        f"struct.get{_suffix}",
        "type field",
        "refnull:type -> field",
        effects="trap read.heap",
        checks=f"struct {_check}",
    )
_op(
    0x05,
    "struct.set",
    "type field",
    "refnull:type field ->",
    effects="trap write.heap",
    checks="struct field_mutable",
)
_op(
    0x06,
    "array.new",
    "type",
    "item i32 -> ref:type",
    effects="trap alloc",
    checks="array",
    const=CONST,
)
_op(
    0x07,
    "array.new_default",
    "type",
    "i32 -> ref:type",
    effects="trap alloc",
    checks="array item_defaultable",
    const=CONST,
)
_op(
    0x08,
    "array.new_fixed",
    "type count",
    "items -> ref:type",
    effects="alloc",
    checks="array fixed_limit",
    const=CONST,
)
_op(
    0x09,
    "array.new_data",
    "type data",
    "i32 i32 -> ref:type",
    effects="trap alloc read.memory",
    checks="array item_numeric",
)
_op(
    0x0A,
    "array.new_elem",
    "type elem",
    "i32 i32 -> ref:type",
    effects="trap alloc read.table",
    checks="array item_elem",
)
for _code, _suffix, _check in (
    (0x0B, "", "item_unpacked"),
    (0x0C, "_s", "item_packed"),
    (0x0D, "_u", "item_packed"),
):
    _op(
        _code,
        f"array.get{_suffix}",
        "type",
        "refnull:type i32 -> item",
        effects="trap read.heap",
        checks=f"array {_check}",
    )
_op(
    0x0E,
    "array.set",
    "type",
    "refnull:type i32 item ->",
    effects="trap write.heap",
    checks="array item_mutable",
)
_op(0x0F, "array.len", "", "arrayref -> i32", effects="trap read.heap")
_op(
    0x10,
    "array.fill",
    "type",
    "refnull:type i32 item i32 ->",
    effects="trap write.heap",
    checks="array item_mutable",
)
_op(
    0x11,
    "array.copy",
    "type type",
    "refnull:type i32 refnull:type2 i32 i32 ->",
    effects="trap read.heap write.heap",
    checks="array item_mutable items_match",
)
_op(
    0x12,
    "array.init_data",
    "type data",
    "refnull:type i32 i32 i32 ->",
    effects="trap read.memory write.heap",
    checks="array item_mutable item_numeric",
)
_op(
    0x13,
    "array.init_elem",
    "type elem",
    "refnull:type i32 i32 i32 ->",
    effects="trap read.table write.heap",
    checks="array item_mutable item_elem",
)
_op(0x14, "ref.test", "heaptype", "top -> i32", effects="read.heap")
_op(0x15, "ref.test null", "heaptype", "top -> i32", effects="read.heap")
_op(0x16, "ref.cast", "heaptype", "top -> heap", effects="trap read.heap")
_op(0x17, "ref.cast null", "heaptype", "top -> heapnull", effects="trap read.heap")
for _number, _suffix in ((0x18, ""), (0x19, "_fail")):
    _op(
        _number,
        f"br_on_cast{_suffix}",
        "castflags label heaptype heaptype",
        "labeltypes source -> labeltypes target",
        effects="branch read.heap",
        checks="cast",
        rule=f"br_on_cast{_suffix}",
    )
_op(0x1A, "any.convert_extern", "", "externref -> anyref", const=CONST, rule="convert")
_op(0x1B, "extern.convert_any", "", "anyref -> externref", const=CONST, rule="convert")
_op(0x1C, "ref.i31", "", "i32 -> ref:i31", const=CONST)
_run(0x1D, "i31ref -> i32", "i31.get_s i31.get_u", effects="trap")

# Vectors: memory, constants, lanes.
_group(f.SIMD, 0xFD)
_load(0x00, "v128.load", "v128", 4)
for _offset, _name in enumerate(
    "load8x8_s load8x8_u load16x4_s load16x4_u load32x2_s load32x2_u".split()
):
    _load(0x01 + _offset, f"v128.{_name}", "v128", 3)
for _offset, _width in enumerate((8, 16, 32, 64)):
    _load(0x07 + _offset, f"v128.load{_width}_splat", "v128", _offset)
_store(0x0B, "v128.store", "v128", 4)
_op(0x0C, "v128.const", "v128", "-> v128", const=CONST)
_op(0x0D, "i8x16.shuffle", "lanes", "v128 v128 -> v128", lanes=32)
_run(0x0E, "v128 v128 -> v128", "i8x16.swizzle")
_run(0x0F, "i32 -> v128", "i8x16.splat i16x8.splat i32x4.splat")
_run(0x12, "i64 -> v128", "i64x2.splat")
_run(0x13, "f32 -> v128", "f32x4.splat")
_run(0x14, "f64 -> v128", "f64x2.splat")
for _code, _shape, _scalar, _suffixes in (
    (0x15, "i8x16", "i32", ("_s", "_u")),
    (0x18, "i16x8", "i32", ("_s", "_u")),
    (0x1B, "i32x4", "i32", ("",)),
    (0x1D, "i64x2", "i64", ("",)),
    (0x1F, "f32x4", "f32", ("",)),
    (0x21, "f64x2", "f64", ("",)),
):
    _lanes = int(_shape.partition("x")[2])
    for _suffix in _suffixes:
        _op(_code, f"{_shape}.extract_lane{_suffix}", "lane", f"v128 -> {_scalar}", lanes=_lanes)
        _code += 1
    _op(_code, f"{_shape}.replace_lane", "lane", f"v128 {_scalar} -> v128", lanes=_lanes)

_UNARY, _BINARY, _TERNARY, _SHIFT, _TEST = (
    "v128 -> v128",
    "v128 v128 -> v128",
    "v128 v128 v128 -> v128",
    "v128 i32 -> v128",
    "v128 -> i32",
)
_run(0x23, _BINARY, _of("i8x16", _INT_COMPARISONS))
_run(0x2D, _BINARY, _of("i16x8", _INT_COMPARISONS))
_run(0x37, _BINARY, _of("i32x4", _INT_COMPARISONS))
_run(0x41, _BINARY, _of("f32x4", _FLOAT_COMPARISONS))
_run(0x47, _BINARY, _of("f64x2", _FLOAT_COMPARISONS))
_run(0x4D, _UNARY, "v128.not")
_run(0x4E, _BINARY, "v128.and v128.andnot v128.or v128.xor")
_run(0x52, _TERNARY, "v128.bitselect")
_run(0x53, _TEST, "v128.any_true")
for _offset, _width in enumerate((8, 16, 32, 64)):
    _op(
        0x54 + _offset,
        f"v128.load{_width}_lane",
        "memarg lane",
        "addr v128 -> v128",
        effects="trap read.memory",
        align=_offset,
        lanes=128 // _width,
    )
    _op(
        0x58 + _offset,
        f"v128.store{_width}_lane",
        "memarg lane",
        "addr v128 ->",
        effects="trap write.memory",
        align=_offset,
        lanes=128 // _width,
    )
_load(0x5C, "v128.load32_zero", "v128", 2)
_load(0x5D, "v128.load64_zero", "v128", 3)

# Vectors: integers.
_run(0x5E, _UNARY, "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4")
_run(0x60, _UNARY, _of("i8x16", "abs neg popcnt"))
_run(0x63, _TEST, _of("i8x16", "all_true bitmask"))
_run(0x65, _BINARY, _of("i8x16", "narrow_i16x8_s narrow_i16x8_u"))
_run(0x67, _UNARY, _of("f32x4", "ceil floor trunc nearest"))
_run(0x6B, _SHIFT, _of("i8x16", "shl shr_s shr_u"))
_run(0x6E, _BINARY, _of("i8x16", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u"))
_run(0x74, _UNARY, _of("f64x2", "ceil floor"))
_run(0x76, _BINARY, _of("i8x16", "min_s min_u max_s max_u"))
_run(0x7A, _UNARY, "f64x2.trunc")
_run(0x7B, _BINARY, "i8x16.avgr_u")
_run(0x7C, _UNARY, _of("i16x8", "extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u"))
_run(0x7E, _UNARY, _of("i32x4", "extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u"))
_run(0x80, _UNARY, _of("i16x8", "abs neg"))
_run(0x82, _BINARY, "i16x8.q15mulr_sat_s")
_run(0x83, _TEST, _of("i16x8", "all_true bitmask"))
_run(0x85, _BINARY, _of("i16x8", "narrow_i32x4_s narrow_i32x4_u"))
_EXTEND = "extend_low_{0}_s extend_high_{0}_s extend_low_{0}_u extend_high_{0}_u"
_EXTMUL = "extmul_low_{0}_s extmul_high_{0}_s extmul_low_{0}_u extmul_high_{0}_u"
_run(0x87, _UNARY, _of("i16x8", _EXTEND.format("i8x16")))
_run(0x8B, _SHIFT, _of("i16x8", "shl shr_s shr_u"))
_run(0x8E, _BINARY, _of("i16x8", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u"))
_run(0x94, _UNARY, "f64x2.nearest")
_run(0x95, _BINARY, _of("i16x8", "mul min_s min_u max_s max_u - avgr_u"))
_run(0x9C, _BINARY, _of("i16x8", _EXTMUL.format("i8x16")))
_run(0xA0, _UNARY, _of("i32x4", "abs neg"))
_run(0xA3, _TEST, _of("i32x4", "all_true bitmask"))
_run(0xA7, _UNARY, _of("i32x4", _EXTEND.format("i16x8")))
_run(0xAB, _SHIFT, _of("i32x4", "shl shr_s shr_u"))
_run(0xAE, _BINARY, _of("i32x4", "add - - sub - - - mul min_s min_u max_s max_u dot_i16x8_s"))
_run(0xBC, _BINARY, _of("i32x4", _EXTMUL.format("i16x8")))
_run(0xC0, _UNARY, _of("i64x2", "abs neg"))
_run(0xC3, _TEST, _of("i64x2", "all_true bitmask"))
_run(0xC7, _UNARY, _of("i64x2", _EXTEND.format("i32x4")))
_run(0xCB, _SHIFT, _of("i64x2", "shl shr_s shr_u"))
_run(0xCE, _BINARY, _of("i64x2", "add - - sub - - - mul eq ne lt_s gt_s le_s ge_s"))
_run(0xDC, _BINARY, _of("i64x2", _EXTMUL.format("i32x4")))

# Vectors: floats and conversions.
for _code, _shape in ((0xE0, "f32x4"), (0xEC, "f64x2")):
    _run(_code, _UNARY, _of(_shape, "abs neg - sqrt"))
    _run(_code + 4, _BINARY, _of(_shape, "add sub mul div min max pmin pmax"))
_run(
    0xF8,
    _UNARY,
    "i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_s f32x4.convert_i32x4_u "
    "i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero "
    "f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u",
)
_group(f.RELAXED_SIMD, 0xFD)
_run(0x100, _BINARY, "i8x16.relaxed_swizzle")
_run(
    0x101,
    _UNARY,
    "i32x4.relaxed_trunc_f32x4_s i32x4.relaxed_trunc_f32x4_u "
    "i32x4.relaxed_trunc_f64x2_s_zero i32x4.relaxed_trunc_f64x2_u_zero",
)
_run(
    0x105,
    _TERNARY,
    "f32x4.relaxed_madd f32x4.relaxed_nmadd f64x2.relaxed_madd f64x2.relaxed_nmadd "
    "i8x16.relaxed_laneselect i16x8.relaxed_laneselect "
    "i32x4.relaxed_laneselect i64x2.relaxed_laneselect",
)
_run(
    0x10D,
    _BINARY,
    "f32x4.relaxed_min f32x4.relaxed_max f64x2.relaxed_min f64x2.relaxed_max "
    "i16x8.relaxed_q15mulr_s i16x8.relaxed_dot_i8x16_i7x16_s",
)
_run(0x113, _TERNARY, "i32x4.relaxed_dot_i8x16_i7x16_add_s")

# Atomics.
_group(f.THREADS, 0xFE)


def _atomic(code: int, name: str, types: str, align: int) -> None:
    _op(
        code,
        name,
        "memarg",
        types,
        effects="trap read.memory write.memory",
        checks="natural",
        align=align,
    )


_atomic(0x00, "memory.atomic.notify", "addr i32 -> i32", 2)
_atomic(0x01, "memory.atomic.wait32", "addr i32 i64 -> i32", 2)
_atomic(0x02, "memory.atomic.wait64", "addr i64 i64 -> i32", 3)
_op(0x03, "atomic.fence", "zero", "->", effects="read.memory write.memory")

for _offset, (_shape, _bits, _align) in enumerate(
    (
        ("i32", "", 2),
        ("i64", "", 3),
        ("i32", "8", 0),
        ("i32", "16", 1),
        ("i64", "8", 0),
        ("i64", "16", 1),
        ("i64", "32", 2),
    )
):
    _sign = "_u" if _bits else ""
    _atomic(0x10 + _offset, f"{_shape}.atomic.load{_bits}{_sign}", f"addr -> {_shape}", _align)
    _atomic(0x17 + _offset, f"{_shape}.atomic.store{_bits}", f"addr {_shape} ->", _align)
    for _index, _name in enumerate("add sub and or xor xchg cmpxchg".split()):
        _operands = f"{_shape} {_shape}" if _name == "cmpxchg" else _shape
        _atomic(
            0x1E + 7 * _index + _offset,
            f"{_shape}.atomic.rmw{_bits}.{_name}{_sign}",
            f"addr {_operands} -> {_shape}",
            _align,
        )

BY_CODE = {operator.code: operator for operator in TABLE}
"""Operator by opcode (`prefix << 16 | number`)."""

BY_NAME = {operator.name: operator for operator in TABLE}
"""Operator by its unique name."""

PREFIXES = tuple(sorted({operator.prefix for operator in TABLE} - {0}))
"""The bytes that a second opcode follows (a u32 in LEB128)."""
