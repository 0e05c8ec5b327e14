"""What a function refers to besides its instructions.

Entities are integers: indices into arrays of their function. The aliases below only say
which array is meant. Everything else here is an immutable tuple, compared by content.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from plumbob.ir.types import Type

Value: TypeAlias = int
Block: TypeAlias = int
Inst: TypeAlias = int
StackSlot: TypeAlias = int
DynamicStackSlot: TypeAlias = int
DynamicType: TypeAlias = int
GlobalValue: TypeAlias = int
SigRef: TypeAlias = int
FuncRef: TypeAlias = int
Constant: TypeAlias = int
AliasRegion: TypeAlias = int

INT_CONDITIONS: Final = ("eq", "ne", "slt", "sge", "sgt", "sle", "ult", "uge", "ugt", "ule")
FLOAT_CONDITIONS: Final = (
    "ord uno eq ne one ueq lt le gt ge ult ule ugt uge".split()  # the order of IEEE subsets
)
ATOMIC_RMW_OPS: Final = "add sub and nand or xor xchg umin umax smin smax".split()

# Trap codes: five reserved names, and `userN` with N from 1 to 250.
HEAP_OOB: Final = "heap_oob"
RESERVED_TRAP_CODES: Final = ("stk_ovf", "int_ovf", HEAP_OOB, "int_divz", "bad_toint")
MAX_USER_TRAP: Final = 250

CALL_CONVENTIONS: Final = (
    "fast tail system_v windows_fastcall apple_aarch64 probestack winch preserve_all".split()
)
DEFAULT_CALL_CONVENTION: Final = "fast"
TAIL_CALL_CONVENTIONS: Final = frozenset(("tail",))
EXCEPTION_PAYLOADS: Final = {"tail": 2, "system_v": 2, "winch": 2, "preserve_all": 2}
"""How many pointer-sized payload values a handler gets, by the callee's convention.

Conventions that are not listed do not support exceptions.
"""

LIBCALLS: Final = frozenset(
    (
        "Probestack CeilF32 CeilF64 FloorF32 FloorF64 TruncF32 TruncF64 NearestF32 NearestF64 "
        "FmaF32 FmaF64 Memcpy Memset Memmove Memcmp ElfTlsGetAddr ElfTlsGetOffset X86Pshufb"
    ).split()
)
KNOWN_SYMBOLS: Final = frozenset(("ElfGlobalOffsetTable", "CoffTlsIndex"))


def is_trap_code(code: str) -> bool:
    """Whether `code` is a trap code's text form."""
    if code in RESERVED_TRAP_CODES:
        return True
    number = code.removeprefix("user")
    return (
        number != code
        and number.isascii()
        and number.isdigit()
        and number[0] != "0"
        and int(number) <= MAX_USER_TRAP
    )


# Block arguments: a value, or what only the end of a call knows. A result or payload is a
# negative number, so that a list of arguments stays a tuple of integers.


def return_argument(index: int) -> int:
    """Return the block argument `retN`: the N-th result of the try_call."""
    return -1 - 2 * index


def exception_argument(index: int) -> int:
    """Return the block argument `exnN`: the N-th payload of the caught exception."""
    return -2 - 2 * index


def block_argument_name(argument: int) -> str:
    """`v3`, `ret0` or `exn0`."""
    if argument >= 0:
        return f"v{argument}"
    index, is_exception = divmod(-1 - argument, 2)
    return f"exn{index}" if is_exception else f"ret{index}"


class BlockCall(NamedTuple):
    """A destination: a block and the arguments for its parameters.

    An argument that is not negative is a Value; see `return_argument`,
    `exception_argument` for the others.
    """

    block: Block
    args: tuple[int, ...] = ()


class MemFlags(NamedTuple):
    """What is known of one memory access. Obtain them from `memflags`, which shares them.

    `trap` is the trap code of a fault, None if the access cannot fault (`notrap`).
    `endian` is "little", "big" or None (the target's own). `region` is an AliasRegion.
    """

    trap: str | None = HEAP_OOB
    aligned: bool = False
    readonly: bool = False
    can_move: bool = False
    endian: str | None = None
    region: AliasRegion | None = None


@cache
def _shared_flags(flags: MemFlags) -> MemFlags:
    return flags


def memflags(
    *,
    trap: str | None = HEAP_OOB,
    aligned: bool = False,
    readonly: bool = False,
    can_move: bool = False,
    endian: str | None = None,
    region: AliasRegion | None = None,
) -> MemFlags:
    """Return the shared object for these flags."""
    return _shared_flags(MemFlags(trap, aligned, readonly, can_move, endian, region))


class AbiParam(NamedTuple):
    """A parameter or result of a signature.

    `extension` is "uext", "sext" or None; `purpose` is None, "vmctx", "sret" or
    "sarg(BYTES)" (a structure passed by value).
    """

    type: Type
    extension: str | None = None
    purpose: str | None = None


class Signature(NamedTuple):
    """Parameters, results and calling convention."""

    params: tuple[AbiParam, ...] = ()
    returns: tuple[AbiParam, ...] = ()
    call_conv: str = DEFAULT_CALL_CONVENTION

    def special_param(self, purpose: str) -> int | None:
        """Return the index of the parameter with that purpose, or None."""
        for index, param in enumerate(self.params):
            if param.purpose == purpose:
                return index
        return None


class SymbolName(NamedTuple):
    """`%name`, as test files name functions; other text than `[A-Za-z0-9_.$]+` is quoted."""

    text: str


class UserName(NamedTuple):
    """`u0:3`: a number within a name space; the embedder gives both their meaning."""

    namespace: int
    number: int


class LibCall(NamedTuple):
    """`%CeilF32`: a routine of the compiler's runtime library."""

    name: str


class KnownSymbol(NamedTuple):
    """A symbol that the linker defines."""

    name: str


ExternalName: TypeAlias = SymbolName | UserName | LibCall | KnownSymbol


class ExtFunc(NamedTuple):
    """A function that this one may call or take the address of.

    `colocated`: defined close enough for a direct call. `patchable`: calls can be switched
    off while the program runs.
    """

    name: ExternalName
    signature: SigRef
    colocated: bool = False
    patchable: bool = False


class StackSlotData(NamedTuple):
    """A stack slot of `size` bytes, aligned to `align` bytes (a power of two).

    `key` is a number by which the embedder finds the slot again.
    """

    size: int
    align: int = 1
    key: int | None = None


class DynamicTypeData(NamedTuple):
    """`dt0 = i32x4*gv1`: a base vector, `scale` times (a global value) as long."""

    base: Type
    scale: GlobalValue


class VMContextGlobal(NamedTuple):
    """The value of the `vmctx` parameter."""


class LoadGlobal(NamedTuple):
    """What stands at `base + offset` in memory; always `notrap` accesses."""

    base: GlobalValue
    offset: int
    type: Type
    flags: MemFlags


class AddGlobal(NamedTuple):
    """`base + offset`, of the integer type `type`."""

    base: GlobalValue
    offset: int
    type: Type


class SymbolGlobal(NamedTuple):
    """The address of a symbol plus `offset` bytes."""

    name: ExternalName
    offset: int = 0
    colocated: bool = False
    tls: bool = False


class ScaleGlobal(NamedTuple):
    """How many times a dynamic vector holds its base `type`."""

    type: Type


GlobalValueData: TypeAlias = VMContextGlobal | LoadGlobal | AddGlobal | SymbolGlobal | ScaleGlobal


class AliasRegionData(NamedTuple):
    """`region0 = 36 "heap"`: accesses in different regions never touch the same bytes.

    `user_id` is the embedder's number, unique in a function.
    """

    user_id: int
    description: str


class Handler(NamedTuple):
    """One entry of an exception table, tried in order.

    `kind` is "tag" (`number` is the tag), "default", or "context" (`number` is the Value
    that later tags are resolved against). For tag and default, `target` indexes the
    instruction's `targets`; for context it is None.
    """

    kind: str
    number: int | None
    target: int | None


class ExceptionTable(NamedTuple):
    """Where a try_call goes on: `targets[0]` after a return, else what a handler says."""

    signature: SigRef
    handlers: tuple[Handler, ...] = ()


class StackMapEntry(NamedTuple):
    """At this call a reference of `type` stands in `slot`, `offset` bytes from its start."""

    type: Type
    slot: StackSlot
    offset: int


class DebugTag(NamedTuple):
    """A debug tag: `kind` is "user" or "slot" (`number` is a StackSlot)."""

    kind: str
    number: int
