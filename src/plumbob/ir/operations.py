"""The operation table: every operation of the IR is one row, and everything derives from it.

The rows below are the 163 opcodes of Cranelift's instruction list (facts from
cranelift/codegen/meta/src/shared/instructions.rs). A row gives the name, the format
(`formats.py`), the types (`constraints.py`) and the effects. A package that adds
high-level operations (`gc.*`, `memory.*`, `table.*`) calls `define` at import with rows of
the same shape; parser, printer, verifier, control-flow graph and executors need no other
word of them.

Effects are upper bounds: an operation never does what its row does not say. `reads` and
`writes` name abstract locations; "memory" is the address space of CLIF's own loads and
stores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from plumbob.errors import InternalError
from plumbob.ir.constraints import TypeSignature, parse_signature
from plumbob.ir.formats import FORMATS, Format

if TYPE_CHECKING:
    from plumbob.ir.function import Function
    from plumbob.ir.types import Type

MEMORY: Final = "memory"
ALL_LOCATIONS: Final = "memory table global heap"
"""What a callee of unknown effects may read and write (`high_level.py` has the other three)."""

_FLAGS: Final = frozenset(
    "branch call terminator return trap effects idempotent allocate throw".split()
)


class Operation:
    """One row of the table.

    `code` is the row's index in `OPERATIONS`; `types` what operands and results must be.
    The flags:

    - `is_terminator`: ends its block. Branches and returns are terminators.
    - `is_branch`: has destinations in this function (`targets`).
    - `is_call`: runs other code; its results' types come from a signature.
    - `is_return`: leaves the function (a tail call is both call and return).
    - `can_trap`: may end execution with a trap; for loads and stores the flags of the one
      instruction decide, see `Function.can_trap`.
    - `can_load`, `can_store`: `reads` or `writes` is not empty.
    - `has_side_effects`: has an effect besides traps, loads and stores, so it may be neither
      removed nor moved.
    - `is_idempotent`: it may trap, yet of two executions with the same operands, one
      dominating the other, the second is redundant.
    - `may_allocate`, `may_throw`: it may run the collector; it may throw an exception.

    `known_results` remembers result types by controlling type.

    `check`, if not None, takes a function and an instruction and yields what is wrong with it
    beyond its types; the verifier asks it.
    """

    __slots__ = (
        "can_load",
        "can_store",
        "can_trap",
        "check",
        "code",
        "format",
        "has_side_effects",
        "is_branch",
        "is_call",
        "is_idempotent",
        "is_return",
        "is_terminator",
        "known_results",
        "may_allocate",
        "may_throw",
        "name",
        "reads",
        "types",
        "writes",
    )

    def __init__(
        self,
        code: int,
        name: str,
        fmt: Format,
        signature: TypeSignature,
        effects: _Effects,
        check: Check | None,
    ) -> None:
        flags, reads, writes = effects
        self.check = check
        self.code = code
        self.name = name
        self.format = fmt
        self.types = signature
        self.is_branch = "branch" in flags
        self.is_call = "call" in flags
        self.is_return = "return" in flags
        self.is_terminator = self.is_branch or self.is_return or "terminator" in flags
        self.can_trap = "trap" in flags
        self.has_side_effects = "effects" in flags
        self.is_idempotent = "idempotent" in flags
        self.may_allocate = "allocate" in flags
        self.may_throw = "throw" in flags
        self.reads = reads
        self.writes = writes
        self.can_load = bool(reads)
        self.can_store = bool(writes)
        self.known_results: dict[Type | None, tuple[Type, ...] | None] = {}

    @property
    def is_polymorphic(self) -> bool:
        """Whether instructions carry a controlling type."""
        return self.types.control is not None

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return operation, (self.name,)

    def __copy__(self) -> Operation:
        return self

    def __deepcopy__(self, _memo: object) -> Operation:
        return self


_Effects = tuple[frozenset[str], frozenset[str], frozenset[str]]
Check = Callable[["Function", int], Iterable[str]]

OPERATIONS: Final[dict[str, Operation]] = {}
"""Every operation by name, in the order of definition."""


def define(
    name: str,
    fmt: str | Format,
    signature: str,
    flags: str = "",
    *,
    reads: str = "",
    writes: str = "",
    check: Check | None = None,
) -> Operation:
    """Add a row and return it.

    `signature` gives the types of the fixed operands and of the results
    (`constraints.parse_signature`); a call's variable operands and results follow its
    function signature instead (`Function.call_signature`). `flags` are words of: branch call
    terminator return trap effects idempotent allocate throw. Raises InternalError if the row
    contradicts itself or the name is taken.
    """
    resolved = FORMATS[fmt] if isinstance(fmt, str) else fmt
    words = frozenset(flags.split())
    if name in OPERATIONS or words - _FLAGS:
        raise InternalError("malformed operation", found=f"{name} ({flags})")
    types = parse_signature(signature, resolved.control)
    if len(types.operands) != resolved.fixed_values:
        raise InternalError("an operation's types do not fit its format", found=name)
    if resolved.has_targets != ("branch" in words):
        raise InternalError("exactly the branches have destinations", found=name)
    effects = (words, frozenset(reads.split()), frozenset(writes.split()))
    row = Operation(len(OPERATIONS), name, resolved, types, effects, check)
    OPERATIONS[name] = row
    return row


def operation(name: str) -> Operation:
    """Return the row of that name; raises InternalError if there is none."""
    try:
        return OPERATIONS[name]
    except KeyError:
        raise InternalError("unknown operation", found=name) from None


def _rows(
    fmt: str, signature: str, names: str, flags: str = "", *, reads: str = "", writes: str = ""
) -> None:
    for name in names.split():
        define(name, fmt, signature, flags, reads=reads, writes=writes)


def _control_flow() -> None:
    define("jump", "jump", "", "branch")
    define("brif", "brif", "Truthy", "branch")
    define("br_table", "br_table", "i32", "branch")
    define("debugtrap", "nullary", "", "effects", reads=MEMORY, writes=MEMORY)
    define("trap", "trap", "", "trap terminator")
    _rows("cond_trap", "Truthy", "trapz trapnz", "trap")
    define("return", "multiary", "", "return")
    anything = "call effects trap allocate throw"
    define("call", "call", "", anything, reads=ALL_LOCATIONS, writes=ALL_LOCATIONS)
    define(
        "call_indirect",
        "call_indirect",
        "iAddr",
        anything,
        reads=ALL_LOCATIONS,
        writes=ALL_LOCATIONS,
    )
    define(
        "return_call", "call", "", "return " + anything, reads=ALL_LOCATIONS, writes=ALL_LOCATIONS
    )
    define(
        "return_call_indirect",
        "call_indirect",
        "iAddr",
        "return " + anything,
        reads=ALL_LOCATIONS,
        writes=ALL_LOCATIONS,
    )
    define("func_addr", "func_addr", "-> iAddr")
    define(
        "try_call", "try_call", "", "branch " + anything, reads=ALL_LOCATIONS, writes=ALL_LOCATIONS
    )
    define(
        "try_call_indirect",
        "try_call_indirect",
        "iAddr",
        "branch " + anything,
        reads=ALL_LOCATIONS,
        writes=ALL_LOCATIONS,
    )
    define("get_exception_handler_address", "exception_handler_address", "-> iAddr", "effects")
    define("sequence_point", "nullary", "", "effects")


def _lanes() -> None:
    define("splat", "unary", "lane(AnyTxN) -> AnyTxN")
    _rows("binary", "i8x16, i8x16 -> i8x16", "swizzle x86_pshufb")
    define("insertlane", "ternary_imm8", "AnyTxN, lane(AnyTxN) -> AnyTxN")
    define("extractlane", "binary_imm8", "AnyTxN -> lane(AnyTxN)")
    _rows("binary", "FixedInt, FixedInt -> FixedInt", "smin umin smax umax")
    _rows("binary", "IxN, IxN -> IxN", "avg_round uadd_sat sadd_sat usub_sat ssub_sat")
    define("scalar_to_vector", "unary", "lane(TxN) -> TxN")
    _rows("unary", "TxN -> i8", "vany_true vall_true")
    define("vhigh_bits", "unary", "TxN -> NarrowInt")
    narrow = "I16or32or64xN, I16or32or64xN -> split(I16or32or64xN)"
    _rows("binary", narrow, "snarrow unarrow uunarrow")
    widen = "I8or16or32xN -> merge(I8or16or32xN)"
    _rows("unary", widen, "swiden_low swiden_high uwiden_low uwiden_high")
    define("iadd_pairwise", "binary", "I8or16or32xN, I8or16or32xN -> I8or16or32xN")
    define("x86_pmaddubsw", "binary", "i8x16, i8x16 -> i16x8")
    define("shuffle", "shuffle", "i8x16, i8x16 -> i8x16")
    define("extract_vector", "binary_imm8", "DynTxN -> fixed(DynTxN)")


def _memory() -> None:
    define("load", "load", "iAddr -> Mem", "trap", reads=MEMORY)
    define("store", "store", "Mem, iAddr", "trap", writes=MEMORY)
    _rows("load", "iAddr -> iExt8", "uload8 sload8", "trap", reads=MEMORY)
    _rows("load", "iAddr -> iExt16", "uload16 sload16", "trap", reads=MEMORY)
    _rows("load", "iAddr -> i64", "uload32 sload32", "trap", reads=MEMORY)
    define("istore8", "store", "iExt8, iAddr", "trap", writes=MEMORY)
    define("istore16", "store", "iExt16, iAddr", "trap", writes=MEMORY)
    define("istore32", "store", "iExt32, iAddr", "trap", writes=MEMORY)
    _rows("load", "iAddr -> i16x8", "uload8x8 sload8x8", "trap", reads=MEMORY)
    _rows("load", "iAddr -> i32x4", "uload16x4 sload16x4", "trap", reads=MEMORY)
    _rows("load", "iAddr -> i64x2", "uload32x2 sload32x2", "trap", reads=MEMORY)
    define(
        "stack_switch",
        "ternary",
        "iAddr, iAddr, iAddr -> iAddr",
        "call effects",
        reads=MEMORY,
        writes=MEMORY,
    )
    define("stack_addr", "stack_addr", "-> iAddr")
    define("dynamic_stack_addr", "dynamic_stack_addr", "-> iAddr")
    _rows("unary_global_value", "-> Mem", "symbol_value tls_value")
    define("get_pinned_reg", "nullary", "-> iAddr", "effects")
    define("set_pinned_reg", "unary", "iAddr", "effects")
    _rows("nullary", "-> iAddr", "get_frame_pointer get_stack_pointer get_return_address")
    atomic = "trap effects"
    define(
        "atomic_rmw",
        "atomic_rmw",
        "iAddr, AtomicMem -> AtomicMem",
        atomic,
        reads=MEMORY,
        writes=MEMORY,
    )
    cas = "iAddr, AtomicMem, AtomicMem -> AtomicMem"
    define("atomic_cas", "atomic_cas", cas, atomic, reads=MEMORY, writes=MEMORY)
    define("atomic_load", "load_no_offset", "iAddr -> AtomicMem", atomic, reads=MEMORY)
    define("atomic_store", "store_no_offset", "AtomicMem, iAddr", atomic, writes=MEMORY)
    define("fence", "nullary", "", "effects")


def _constants_and_choices() -> None:
    define("iconst", "unary_imm", "-> NarrowInt")
    define("f16const", "unary_f16", "-> f16")
    define("f32const", "unary_f32", "-> f32")
    define("f64const", "unary_f64", "-> f64")
    define("f128const", "unary_const", "-> f128")
    define("vconst", "unary_const", "-> TxN")
    define("nop", "nullary", "")
    _rows("ternary", "Truthy, Any, Any -> Any", "select select_spectre_guard")
    _rows("ternary", "Bits, Bits, Bits -> Bits", "bitselect blendv")


def _integers() -> None:
    define("icmp", "int_compare", "Int, Int -> truthy(Int)")
    _rows("binary", "Int, Int -> Int", "iadd isub imul umulhi smulhi")
    _rows("unary", "Int -> Int", "ineg iabs popcnt")
    _rows("binary", "I16or32, I16or32 -> I16or32", "sqmul_round_sat x86_pmulhrsw")
    _rows("binary", "iB, iB -> iB", "udiv sdiv urem srem", "trap idempotent")
    carry = "sadd_overflow_cin uadd_overflow_cin ssub_overflow_bin usub_overflow_bin"
    _rows("ternary", "iB, iB, i8 -> iB, i8", carry)
    overflow = "uadd_overflow sadd_overflow usub_overflow ssub_overflow"
    _rows("binary", "iB, iB -> iB, i8", overflow)
    _rows("binary", "NarrowInt, NarrowInt -> NarrowInt, i8", "umul_overflow smul_overflow")
    trapping = "i32_64, i32_64 -> i32_64"
    define("uadd_overflow_trap", "int_add_trap", trapping, "trap idempotent")
    _rows("binary", "Bits, Bits -> Bits", "band bor bxor")
    define("bnot", "unary", "Bits -> Bits")
    _rows("binary", "Int, iB -> Int", "rotl rotr ishl ushr sshr")
    _rows("unary", "iB -> iB", "bitrev clz cls ctz")
    define("bswap", "unary", "iSwappable -> iSwappable")
    define("bmask", "unary", "Truthy -> IntTo")
    define("ireduce", "unary", "wider(iB) -> iB")
    _rows("unary", "narrower(Int) -> Int", "uextend sextend")
    define("isplit", "unary", "WideInt -> half(WideInt), half(WideInt)")
    define("iconcat", "binary", "NarrowInt, NarrowInt -> double(NarrowInt)")


def _floats() -> None:
    define("fcmp", "float_compare", "Float, Float -> truthy(Float)")
    _rows("binary", "Float, Float -> Float", "fadd fsub fmul fdiv fcopysign fmin fmax")
    _rows("unary", "Float -> Float", "sqrt fneg fabs ceil floor trunc nearest")
    define("fma", "ternary", "Float, Float, Float -> Float")
    define("bitcast", "load_no_offset", "Mem -> MemTo")
    define("fpromote", "unary", "narrower(FloatScalar) -> FloatScalar")
    define("fdemote", "unary", "wider(FloatScalar) -> FloatScalar")
    define("fvdemote", "unary", "f64x2 -> f32x4")
    define("fvpromote_low", "unary", "f32x4 -> f64x2")
    to_int = "fcvt_to_uint fcvt_to_sint"
    _rows("unary", "FloatScalar -> IntTo", to_int, "trap idempotent")
    saturating = "fcvt_to_uint_sat fcvt_to_sint_sat x86_cvtt2dq"
    _rows("unary", "Float -> FixedIntTo", saturating)
    _rows("unary", "FixedInt -> FloatTo", "fcvt_from_uint fcvt_from_sint")


for _define_group in (
    _control_flow,
    _lanes,
    _memory,
    _constants_and_choices,
    _integers,
    _floats,
):
    _define_group()

CLIF_OPERATIONS: Final = frozenset(OPERATIONS)
"""The names of Cranelift's own opcodes, without the high-level operations."""

RENAMED_OPERATIONS: Final = {"x86_blendv": "blendv"}
"""Names that older versions of CLIF had for operations of today; the parser takes both."""

FORMER_OPERATIONS: Final = {
    **{
        f"{name}_imm": f"`iconst`, then `{name}`"
        for name in (
            "icmp iadd imul udiv sdiv urem srem band bor bxor rotl rotr ishl ushr sshr".split()
        )
    },
    "irsub_imm": "`iconst`, then `isub` with the operands swapped",
    **{f"{name}_not": f"`bnot`, then `{name}`" for name in ("band", "bor", "bxor")},
    "stack_load": "`stack_addr`, then `load`",
    "stack_store": "`stack_addr`, then `store`",
    "dynamic_stack_load": "`dynamic_stack_addr`, then `load`",
    "dynamic_stack_store": "`dynamic_stack_addr`, then `store`",
    "global_value": "the global's own loads and additions, or `symbol_value`",
}
"""Opcodes that older versions of CLIF had, and what to write today."""
