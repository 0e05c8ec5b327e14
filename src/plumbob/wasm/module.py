"""A module as data (WebAssembly 3.0, Structure / Modules).

The decoder, the text parser and programs that edit modules make it; the encoder, the
printer, the validator and the translator read it. Function bodies and constant
expressions stay in their binary encoding: `instructions.py` turns one into objects when
somebody asks. Indices count imports first, as in the specification.

Everything compares by value, except where something stood: offsets and spans.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence
from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasm.types import (
    FUNCREF,
    FuncType,
    GlobalType,
    MemoryType,
    SubType,
    TableType,
    TagType,
    ValType,
)

if TYPE_CHECKING:
    from plumbob.source import Source, Span
    from plumbob.wasm.names import Names

Buffer = bytes | bytearray | memoryview
"""What holds a binary."""

FUNC, TABLE, MEMORY, GLOBAL, TAG = range(5)
"""External kinds: the bytes of the binary format, and the order of index spaces."""

KIND_NAMES = ("func", "table", "memory", "global", "tag")

ExternType = int | TableType | MemoryType | GlobalType | TagType
"""What an import asks for; a function's is its type index."""

PASSIVE, ACTIVE, DECLARATIVE = range(3)
"""Modes of segments."""

MODE_NAMES = ("passive", "active", "declarative")


class RecGroup(NamedTuple):
    """A recursive group of types; `explicit` where it is written with `rec`."""

    types: tuple[SubType, ...]
    explicit: bool = False


class Import(NamedTuple):
    """An import; `kind` says how to read `type`."""

    module: str
    name: str
    kind: int
    type: ExternType


class Export:
    """An export of the entity of this kind with this index. Immutable by agreement."""

    __slots__ = ("index", "kind", "name")

    def __init__(self, name: str, kind: int, index: int) -> None:
        self.name = name
        self.kind = kind
        self.index = index

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Export):
            return NotImplemented
        return (self.name, self.kind, self.index) == (other.name, other.kind, other.index)

    def __hash__(self) -> int:
        return hash((self.name, self.kind, self.index))

    def __repr__(self) -> str:
        return f"Export({self.name!r}, {self.kind}, {self.index})"


class Table(NamedTuple):
    """A defined table; without `init` its elements start as null."""

    type: TableType
    init: bytes | None = None


class Global(NamedTuple):
    """A defined global with its constant expression."""

    type: GlobalType
    init: bytes


class ElementSegment(NamedTuple):
    """An element segment.

    `functions` holds function indices (an `array('I')` or a tuple) where the segment is
    written as indices; otherwise `expressions` holds constant expressions.
    """

    mode: int
    type: ValType = FUNCREF
    functions: Sequence[int] | None = None
    expressions: tuple[bytes, ...] = ()
    table: int = 0
    offset: bytes | None = None

    @property
    def size(self) -> int:
        """How many elements the segment has."""
        return len(self.expressions if self.functions is None else self.functions)


class DataSegment(NamedTuple):
    """A data segment; `data` may be a read-only view into the file where it is large."""

    mode: int
    data: bytes | memoryview
    memory: int = 0
    offset: bytes | None = None


class CustomSection(NamedTuple):
    """A custom section, kept as it is; `data` may be a read-only view where it is large.

    `after` is the id of the last section before it that is neither custom nor empty, 0 where
    there is none.
    """

    name: str
    data: bytes | memoryview
    after: int


class Code(NamedTuple):
    """The code of a function: the bytes behind its size field, locals included."""

    body: bytes


class BodySequence(Sequence[Code]):
    """The code section of a decoded module: bodies are cut out of the file when asked for.

    `starts` and `ends` are arrays of offsets into `data`.
    """

    __slots__ = ("data", "ends", "starts")

    def __init__(self, data: bytes, starts: Sequence[int], ends: Sequence[int]) -> None:
        self.data = data
        self.starts = starts
        self.ends = ends

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        # The data may be a memoryview or mmap; bytes are not copied again.
        return Code(bytes(self.data[self.starts[index] : self.ends[index]]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(Code.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]


class SourceMap:
    """Where the parts of a module made from text stand in it.

    `fields` maps (kind of field, index among the module's own fields of that kind) to a
    span; kinds are those of `FIELDS`. `operators` maps a constant expression's or body's
    place to two parallel arrays, byte offsets of operators in it and character offsets in
    the text: key ("func", i), ("global", i), ("table", i), ("elem", i), ("data", i),
    or ("elem", i, item).
    """

    __slots__ = ("fields", "operators", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.fields: dict[tuple[str, int], Span] = {}
        self.operators: dict[tuple[str | int, ...], tuple[Sequence[int], Sequence[int]]] = {}


FIELDS = (
    "type",
    "import",
    "func",
    "table",
    "memory",
    "tag",
    "global",
    "export",
    "start",
    "elem",
    "data",
)
"""Kinds of fields in `SourceMap.fields`, named by their keyword."""


class Module:
    """A WebAssembly module. Lists may be edited freely; nothing is cached across edits."""

    __slots__ = (
        "code",
        "customs",
        "data_count",
        "datas",
        "elements",
        "exports",
        "functions",
        "globals",
        "imports",
        "memories",
        "name",
        "names",
        "offsets",
        "rec_groups",
        "source_map",
        "start",
        "tables",
        "tags",
    )

    def __init__(self, name: str = "module") -> None:
        self.name = name
        """What a person calls the input: a file name, usually."""
        self.rec_groups: list[RecGroup] = []
        self.imports: list[Import] = []
        self.functions: Sequence[int] = []
        """Type indices of the defined functions; a list or an `array('I')`."""
        self.tables: list[Table] = []
        self.memories: list[MemoryType] = []
        self.tags: list[TagType] = []
        self.globals: list[Global] = []
        self.exports: MutableSequence[Export] = []
        self.start: int | None = None
        self.elements: list[ElementSegment] = []
        self.data_count: int | None = None
        self.code: Sequence[Code] = []
        self.datas: MutableSequence[DataSegment] = []
        self.customs: list[CustomSection] = []
        self.names: Names | None = None
        """Identifiers of a module made from text; a decoded module's are read from its
        custom section `name` by `names.names_of`."""
        self.offsets: Mapping[tuple[str | int, ...], int] = {}
        """Where fields of a decoded module begin in the file: keys as in `SourceMap.fields`,
        (kind, index, "init") for constant expressions, ("elem", index, item) for elements."""
        self.source_map: SourceMap | None = None

    _COMPARED = (
        "rec_groups",
        "imports",
        "functions",
        "tables",
        "memories",
        "tags",
        "globals",
        "exports",
        "start",
        "elements",
        "data_count",
        "code",
        "datas",
    )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Module):
            return NotImplemented
        return (
            all(_same(getattr(self, name), getattr(other, name)) for name in self._COMPARED)
            and self.custom_sections() == other.custom_sections()
        )

    __hash__ = None  # type: ignore[assignment]

    def custom_sections(self) -> list[CustomSection]:
        """Return the custom sections as they are encoded.

        One for `names` comes last, unless there is a `name` section already.
        """
        from plumbob.wasm.names import NAME_SECTION, encode_names  # noqa: PLC0415  # a cycle
        from plumbob.wasm.sections import ORDER, has_contents  # noqa: PLC0415  # a cycle

        if not self.names or any(custom.name == NAME_SECTION for custom in self.customs):
            return self.customs
        needed = [section for section in ORDER if has_contents(self, section)]
        last = needed[-1] if needed else 0
        return [*self.customs, CustomSection(NAME_SECTION, encode_names(self.names), last)]

    @property
    def types(self) -> list[SubType]:
        """All types by index."""
        return [subtype for group in self.rec_groups for subtype in group.types]

    def imported(self, kind: int) -> list[Import]:
        """Return the imports of one kind."""
        return [item for item in self.imports if item.kind == kind]

    def func_type_index(self, index: int) -> int:
        """Return the type index of the function with this index, imports counted first."""
        imported = self.imported(FUNC)
        if index < len(imported):
            type_index = imported[index].type
            assert isinstance(type_index, int)  # noqa: S101  # kind FUNC says so
            return type_index
        return self.functions[index - len(imported)]

    def func_type(self, index: int) -> FuncType:
        """Return the function type of the function with this index."""
        composite = self.types[self.func_type_index(index)].composite
        if not isinstance(composite, FuncType):
            raise TypeError(f"the type of function {index} is not a function type")
        return composite


def _same(left: object, right: object) -> bool:
    """Compare two fields; a list, a tuple and an array of the same items are the same."""
    if isinstance(left, Sequence) and isinstance(right, Sequence):
        return len(left) == len(right) and all(map(_same_segment, left, right))
    return left == right


def _same_segment(left: object, right: object) -> bool:
    if isinstance(left, ElementSegment) and isinstance(right, ElementSegment):
        rest = left.mode, left.type, left.expressions, left.table, left.offset
        others = right.mode, right.type, right.expressions, right.table, right.offset
        return rest == others and (
            left.functions is right.functions
            if left.functions is None or right.functions is None
            else list(left.functions) == list(right.functions)
        )
    return left == right
