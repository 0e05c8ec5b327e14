"""Give entities of a module other indices, wherever they are used.

A renumbering maps old indices to new ones, by index space; an index that is not in it
stays. What is changed is every *use*: in bodies, constant expressions, types, segments,
exports, the start function, names, branch hints. Which entity then stands at an index is
the caller's to arrange, by the order of the module's lists.

Assumed: the module is well-formed (a validator has said so). A body keeps its bytes but for
the operators that change, also paddings that a canonical encoder would not write; a body
without a change is the same object.

Which immediates hold indices is the operator table's to say. For speed (a module has
megabytes of code) operators that cannot change are passed over by a regular expression
made from the table (`skipper`); all others go through `decode_operator`. And where all
operators that use a changed space hold the index right behind their opcode (functions:
`call`, `return_call`, `ref.func`), bodies are searched for those bytes first: one without
them holds no such operator.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.branch_hints import SECTION as HINTS_SECTION
from plumbob.wasm.binary.branch_hints import (
    BranchHint,
    FunctionHints,
    decode_branch_hints,
    encode_branch_hints,
)
from plumbob.wasm.binary.instructions import (
    INDICES,
    OPCODES,
    BlockType,
    Catch,
    MemArg,
    decode_locals,
    decode_operator,
    encode_operator,
    write_locals,
)
from plumbob.wasm.binary.leb import write_u32
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import (
    KIND_NAMES,
    BodySequence,
    Code,
    CustomSection,
    Export,
    Global,
    Module,
    Table,
)
from plumbob.wasm.names import DIRECT, NAME_SECTION, Names, decode_names, encode_names
from plumbob.wasm.opcodes import BY_CODE, TABLE
from plumbob.wasm.type_space import rename_type
from plumbob.wasm.types import (
    CONCRETE,
    INDEX_MASK,
    GlobalType,
    HeapType,
    TableType,
    TagType,
    ValType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plumbob.wasm.module import DataSegment, ElementSegment, ExternType

    Maps = Mapping[str, Mapping[int, int]]
    """Index space (as in `names.DIRECT`) to old index to new index."""

    Renamer = Callable[["Renumbering", Any], Any]

MAX_SEARCHED = 64
"""Above this many changed indices any index is searched for: the pattern stays small."""


class Edited(NamedTuple):
    """A body after the change, and where its operators went."""

    code: bytes
    places: tuple[int, ...]
    """Offsets in the old body behind which all is shifted by another distance."""
    shifts: tuple[int, ...]
    """The distance from there on."""

    def new_offset(self, offset: int) -> int:
        """Return where what began at an offset of the old body begins now."""
        place = bisect_right(self.places, offset)
        return offset + (self.shifts[place - 1] if place else 0)


class Renumbering:
    """A renumbering, ready to be applied to bodies, expressions, types and modules."""

    def __init__(self, maps: Maps) -> None:
        """Take the new indices by space. Raises `KeyError` for a space there is not."""
        self.maps: dict[str, dict[int, int]] = {space: {} for space in DIRECT}
        for space, moved in maps.items():
            own = self.maps[space]
            own.update((old, new) for old, new in moved.items() if old != new)
        changed = frozenset(space for space, moved in self.maps.items() if moved)
        self._plans = _plans(changed)
        self.pattern = self._pattern(changed)
        self._skip = skipper(frozenset(self._plans)).match

    @property
    def is_identity(self) -> bool:
        """Whether nothing changes."""
        return not any(self.maps.values())

    def _pattern(self, changed: frozenset[str]) -> re.Pattern[bytes] | None:
        """Return what a body that changes contains; None where that is not known."""
        if "type" in changed:
            return None  # the types of locals as well
        parts = []
        for code, plan in self._plans.items():
            operator = BY_CODE[code]
            ((place, _), *more) = plan
            kind = operator.immediates[0]
            if more or place or kind not in DIRECT or operator.prefix:
                return None  # the number behind a prefix may be padded too
            parts.append(re.escape(OPCODES[code]) + _index_pattern(self.maps[kind]))
        return re.compile(b"|".join(parts), re.DOTALL) if parts else None

    def index(self, space: str, index: int) -> int:
        """Return the new index of an entity."""
        return self.maps[space].get(index, index)

    def value_type(self, type_: ValType) -> ValType:
        """Return a value or storage type with the index of a concrete type renewed."""
        if not type_ & CONCRETE or not self.maps["type"]:
            return type_
        return ValType(type_ & ~INDEX_MASK | self.index("type", type_ & INDEX_MASK))

    def heap_type(self, heap: HeapType) -> HeapType:
        """Return a heap type with the index of a concrete type renewed."""
        if not heap & CONCRETE:
            return heap
        return HeapType(heap & ~INDEX_MASK | self.index("type", heap & INDEX_MASK))

    def expression(self, code: bytes) -> bytes:
        """Return a constant expression with its indices renewed."""
        if not self._plans:
            return code
        return self._operators(code, 0, bytearray(), 0).code

    def body(self, code: bytes) -> Edited:
        """Return a function's body, locals included, with its indices renewed.

        Raises `MalformedError` for one that is malformed.
        """
        reader = Reader(code, section="code")
        runs = decode_locals(reader)
        renewed = tuple((count, self.value_type(type_)) for count, type_ in runs)
        out = bytearray()
        done = 0
        if renewed != runs:
            write_locals(out, renewed)
            done = reader.offset
        return self._operators(code, reader.offset, out, done)

    def _operators(self, code: bytes, start: int, out: bytearray, done: int) -> Edited:
        """Copy the operators from `start` on; `out` has what the first `done` bytes became."""
        places: list[int] = []
        shifts: list[int] = []
        if done:
            places.append(done)
            shifts.append(len(out) - done)
        at, end = start, len(code)
        while True:
            run = self._skip(code, at)
            at = run.end() if run else at
            if at == end:
                break
            reader = Reader(code, at, section="code")
            operator, immediates, _ = decode_operator(reader)
            new = self._renewed(operator.code, immediates)
            if new != immediates:
                out += code[done:at]
                encode_operator(out, operator, new)
                done = reader.offset
                places.append(done)
                shifts.append(len(out) - done)
            at = reader.offset
        if not places:
            return Edited(code, (), ())
        out += code[done:]
        return Edited(bytes(out), tuple(places), tuple(shifts))

    def _renewed(self, code: int, immediates: tuple[Any, ...]) -> tuple[Any, ...]:
        plan = self._plans.get(code)
        if plan is None:
            return immediates
        new = list(immediates)
        for place, kind in plan:
            new[place] = RENAMERS[kind](self, new[place])
        return tuple(new)

    def bodies(self, code: Sequence[Code]) -> tuple[Sequence[Code], dict[int, Edited]]:
        """Return all bodies, and those that changed by their place.

        Nothing is copied where none changes.
        """
        if not self._plans and not self.maps["type"]:
            return code, {}
        changed: dict[int, Edited] = {}
        for place in self._candidates(code):
            edited = self.body(code[place].body)
            if edited.places:
                changed[place] = edited
        if not changed:
            return code, {}
        out = list(code)
        for place, edited in changed.items():
            out[place] = Code(edited.code)
        return out, changed

    def _candidates(self, code: Sequence[Code]) -> Sequence[int]:
        """Return the places of the bodies that may change."""
        if self.pattern is None or not code:
            return range(len(code))
        if not isinstance(code, BodySequence):
            search = self.pattern.search
            return [place for place, item in enumerate(code) if search(item.body)]
        found: dict[int, None] = {}
        starts, ends = code.starts, code.ends
        position, last = starts[0], ends[-1]
        data = memoryview(code.data)
        while position < last:
            match = self.pattern.search(data, position, last)
            if match is None:
                break
            # A match that begins in one body and ends in the next is looked at in vain.
            place = bisect_right(starts, match.start()) - 1
            found[place] = None
            position = max(ends[place], match.start() + 1)
        return list(found)

    def module(self, module: Module) -> Module:
        """Return a module with every use renewed; lists that do not change are shared.

        Offsets and the source map are those of another text, and left out. Custom sections
        other than `name` and branch hints stay as they are, though some hold indices
        (`linking`, `reloc.*` of object files) or offsets of code (DWARF). A `name` or hint
        section that is malformed stays too.
        """
        out = Module(module.name)
        out.rec_groups = self._types(module)
        out.imports = [item._replace(type=self._extern_type(item.type)) for item in module.imports]
        types = self.maps["type"]
        out.functions = (
            [types.get(index, index) for index in module.functions] if types else module.functions
        )
        out.tables = [
            Table(self._table_type(item.type), self._optional(item.init)) for item in module.tables
        ]
        out.memories = module.memories
        out.tags = [TagType(self.index("type", item.type_index)) for item in module.tags]
        out.globals = [
            Global(self._global_type(item.type), self.expression(item.init))
            for item in module.globals
        ]
        out.exports = [
            Export(item.name, item.kind, self.index(KIND_NAMES[item.kind], item.index))
            for item in module.exports
        ]
        out.start = None if module.start is None else self.index("func", module.start)
        out.elements = list(map(self._element, module.elements))
        out.data_count = module.data_count
        out.code, changed = self.bodies(module.code)
        if self._plans or self.maps["memory"]:
            out.datas = list(map(self._data, module.datas))
        else:
            out.datas = module.datas
        imported = sum(1 for item in module.imports if item.kind == 0)
        out.customs = [self._custom(item, changed, imported) for item in module.customs]
        out.names = None if module.names is None else self.names(module.names)
        return out

    def _types(self, module: Module) -> list[Any]:
        if not self.maps["type"]:
            return module.rec_groups

        def rename(index: int) -> int:
            return self.index("type", index)

        return [
            group._replace(types=tuple(rename_type(item, rename) for item in group.types))
            for group in module.rec_groups
        ]

    def _extern_type(self, type_: ExternType) -> ExternType:
        match type_:
            case TableType():
                return self._table_type(type_)
            case GlobalType():
                return self._global_type(type_)
            case TagType():
                return TagType(self.index("type", type_.type_index))
            case int():
                return self.index("type", type_)
            case _:
                return type_

    def _table_type(self, type_: TableType) -> TableType:
        return type_._replace(element=self.value_type(type_.element))

    def _global_type(self, type_: GlobalType) -> GlobalType:
        return type_._replace(type=self.value_type(type_.type))

    def _optional(self, expression: bytes | None) -> bytes | None:
        return None if expression is None else self.expression(expression)

    def _element(self, segment: ElementSegment) -> ElementSegment:
        functions = segment.functions
        moved = self.maps["func"]
        if functions is not None and moved and not moved.keys().isdisjoint(functions):
            functions = tuple(moved.get(index, index) for index in functions)
        return segment._replace(
            type=self.value_type(segment.type),
            functions=functions,
            expressions=tuple(map(self.expression, segment.expressions)),
            table=self.index("table", segment.table),
            offset=self._optional(segment.offset),
        )

    def _data(self, segment: DataSegment) -> DataSegment:
        return segment._replace(
            memory=self.index("memory", segment.memory), offset=self._optional(segment.offset)
        )

    def _custom(
        self, custom: CustomSection, changed: dict[int, Edited], imported: int
    ) -> CustomSection:
        try:
            if custom.name == NAME_SECTION:
                names = decode_names(custom.data)
                renewed = self.names(names)
                if renewed != names:
                    return custom._replace(data=encode_names(renewed))
            elif custom.name == HINTS_SECTION:
                return custom._replace(data=self._hints(custom.data, changed, imported))
        except MalformedError:
            return custom
        return custom

    def _hints(self, data: bytes | memoryview, changed: dict[int, Edited], imported: int) -> bytes:
        out = []
        for function, hints in decode_branch_hints(data):
            edited = changed.get(function - imported)
            renewed = hints
            if edited is not None:
                renewed = tuple(
                    BranchHint(edited.new_offset(offset), likely) for offset, likely in hints
                )
            out.append(FunctionHints(self.index("func", function), renewed))
        return encode_branch_hints(sorted(out))

    def names(self, names: Names) -> Names:
        """Return the names under the new indices; of two that meet, the lower index's."""
        out = Names()
        out.module = names.module
        for space, given in names.direct.items():
            out.direct[space] = self._keys(space, given)
        for space, outer in names.indirect.items():
            out.indirect[space] = self._keys("type" if space == "field" else "func", outer)
        return out

    def _keys(self, space: str, given: dict[int, Any]) -> dict[int, Any]:
        moved = self.maps[space]
        if not moved or moved.keys().isdisjoint(given):
            return given
        out: dict[int, Any] = {}
        for index in sorted(given):
            out.setdefault(moved.get(index, index), given[index])
        return out


@cache
def _plans(changed: frozenset[str]) -> dict[int, tuple[tuple[int, str], ...]]:
    """Return the operators that use changed spaces: by code, which immediates, of what kind."""
    plans = {}
    for operator in TABLE:
        plan = tuple(
            (place, kind)
            for place, kind in enumerate(operator.immediates)
            if not changed.isdisjoint(SPACES_OF.get(kind, ()))
        )
        if plan:
            plans[operator.code] = plan
    return plans


def renumber(module: Module, maps: Maps) -> Module:
    """Return a module in which every use of an index in `maps` is one of its new index."""
    return Renumbering(maps).module(module)


def _index_pattern(moved: Mapping[int, int]) -> bytes:
    """Return a pattern for the LEB128 forms, padded ones too, of indices that change."""
    if len(moved) > MAX_SEARCHED:
        return b""
    forms = []
    for index in sorted(moved):
        short = bytearray()
        write_u32(short, index)
        longer = bytes(byte | 0x80 for byte in short)
        room = 5 - len(short)
        forms.append(re.escape(bytes(short)))
        if room:
            forms.append(re.escape(longer) + b"\x80{0,%d}\x00" % (room - 1))
    return b"(?:" + b"|".join(forms) + b")"


_LEB = rb"[\x80-\xff]*[\x00-\x7f]"

SKIPPED: dict[str, bytes] = {
    **dict.fromkeys((*INDICES, "s32", "s64", "heaptype"), _LEB),
    **dict.fromkeys(("lane", "castflags", "zero"), rb"[\x00-\xff]"),
    **dict.fromkeys(("lanes", "v128"), rb"[\x00-\xff]{16}"),
    "f32": rb"[\x00-\xff]{4}",
    "f64": rb"[\x00-\xff]{8}",
    # The codes of (ref ht) and (ref null ht), which a heap type follows; any other is a LEB.
    "blocktype": rb"(?:[\x63\x64])?" + _LEB,
    # Bit 6 of the flags says that a memory index follows; flags of two bytes are not skipped.
    "memarg": rb"(?:[\x00-\x3f]|[\x40-\x7f]" + _LEB + rb")" + _LEB,
}
"""Kind of immediate to a pattern for its bytes; vectors (`labels`, `catches`, `valtypes`) have
none, as they begin with their length."""


@cache
def skipper(stops: frozenset[int]) -> re.Pattern[bytes]:
    """Return a pattern for a run of operators, up to one whose code is in `stops`.

    It also stops at operators with a vector, and at unusual encodings (a padded number
    behind a prefix). What it passes over are whole operators, and it never goes back.
    """
    groups: dict[tuple[int, bytes], list[int]] = {}
    for operator in TABLE:
        if operator.code in stops or not SKIPPED.keys() >= set(operator.immediates):
            continue
        tail = b"".join(SKIPPED[kind] for kind in operator.immediates)
        groups.setdefault((operator.prefix, tail), []).append(operator.number)
    parts = []
    for (prefix, tail), numbers in groups.items():
        if not prefix:
            heads = b"[" + b"".join(b"\\x%02x" % number for number in numbers) + b"]"
        else:
            forms = b"|".join(re.escape(OPCODES[prefix << 16 | number]) for number in numbers)
            heads = b"(?:" + forms + b")"
        parts.append(heads + tail)
    # Possessive: an operator once passed stays passed, and nothing is kept for going back.
    return re.compile(b"(?:" + b"|".join(parts) + b")*+", re.DOTALL)


def _of(space: str) -> Renamer:
    def rename(renumbering: Renumbering, index: int) -> int:
        return renumbering.index(space, index)

    return rename


def _block_type(renumbering: Renumbering, block: BlockType) -> BlockType:
    result, index = block
    return BlockType(
        None if result is None else renumbering.value_type(result),
        None if index is None else renumbering.index("type", index),
    )


def _memarg(renumbering: Renumbering, memarg: MemArg) -> MemArg:
    return memarg._replace(memory=renumbering.index("memory", memarg.memory))


def _catches(renumbering: Renumbering, catches: tuple[Catch, ...]) -> tuple[Catch, ...]:
    return tuple(
        item if item.tag is None else item._replace(tag=renumbering.index("tag", item.tag))
        for item in catches
    )


def _value_types(renumbering: Renumbering, types: tuple[ValType, ...]) -> tuple[ValType, ...]:
    return tuple(map(renumbering.value_type, types))


RENAMERS: dict[str, Renamer] = {
    **{space: _of(space) for space in DIRECT},
    "blocktype": _block_type,
    "heaptype": lambda renumbering, heap: renumbering.heap_type(heap),
    "valtypes": _value_types,
    "memarg": _memarg,
    "catches": _catches,
}
"""Kind of immediate (`operators.py`) to what renews the indices in one."""

SPACES_OF: dict[str, tuple[str, ...]] = {
    **{space: (space,) for space in DIRECT},
    "blocktype": ("type",),
    "heaptype": ("type",),
    "valtypes": ("type",),
    "memarg": ("memory",),
    "catches": ("tag",),
}
"""Kind of immediate to the index spaces that it refers to."""
