"""Decode a module (WebAssembly 3.0, Binary Format / Modules).

Here stand the order of sections and what holds between them; `_reader` reads their
entries. Function bodies are not decoded: the validation kernel does that, and reports
those that are malformed. Nor are custom sections, except for their names. What breaks a
rule without breaking the format (an index, a duplicate export) is the validator's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NoReturn

from plumbob.wasm.binary import _reader
from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.lazy import DataVector, ExportVector
from plumbob.wasm.errors import ComponentError, MalformedError
from plumbob.wasm.features import DEFAULT, NAMES
from plumbob.wasm.limits import MAX_FUNCTIONS, MAX_MODULE_SIZE
from plumbob.wasm.module import BodySequence, CustomSection, Module
from plumbob.wasm.sections import (
    CODE,
    COMPONENT_VERSION,
    CUSTOM,
    DATA,
    DATA_COUNT,
    ELEMENT,
    EXPORT,
    FUNCTION,
    GLOBAL,
    IMPORT,
    MAGIC,
    MEMORY,
    PLACES,
    SECTION_FEATURES,
    SECTION_NAMES,
    START,
    TABLE,
    TAG,
    TYPE,
    VERSION,
    has_contents,
)

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Sequence

    from plumbob.wasm.module import ElementSegment


class FieldOffsets(Mapping[tuple[str | int, ...], int]):
    """Where the fields of a decoded module begin, in bytes from the start of the file.

    Keys are those of `SourceMap.fields`, (kind of field, index among the module's own),
    and for constant expressions (kind, index, "init") or ("elem", index, item). A
    function's field is its body, behind the size.
    """

    # It must not refer to the module: the cycle would keep the whole input alive.
    __slots__ = ("_customs", "_datas", "_elements", "_inits", "_items", "_starts")

    def __init__(self) -> None:
        self._starts: dict[str, Sequence[int]] = {}
        self._inits: dict[str, Sequence[int]] = {}
        self._items: Sequence[int] = ()
        self._customs: list[int] = []
        self._elements: Sequence[ElementSegment] = ()
        self._datas: DataVector | None = None

    def record(self, kind: str, starts: Sequence[int], inits: Sequence[int] | None = None) -> None:
        """Note where the fields of a kind begin, and their constant expressions."""
        self._starts[kind] = starts
        if inits is not None:
            self._inits[kind] = inits

    def add_custom(self, start: int) -> None:
        """Note where the contents of the next custom section begin."""
        if not self._customs:
            self._starts["custom"] = self._customs
        self._customs.append(start)

    def record_items(self, elements: Sequence[ElementSegment], items: Sequence[int]) -> None:
        """Note where the first expression of each element segment begins."""
        self._elements = tuple(elements)
        self._items = items

    def record_datas(self, datas: DataVector) -> None:
        """Note the data segments, which know where their offsets begin."""
        self._starts["data"] = datas.starts
        self._datas = datas

    def __getitem__(self, key: tuple[str | int, ...]) -> int:
        match key:
            case (str(kind), int(index)):
                places = self._starts.get(kind, ())
            case ("data", int(index), "init"):
                if self._datas is None or not 0 <= index < len(self._datas.starts):
                    raise KeyError(key)
                return self._datas.init_offset(index)
            case (str(kind), int(index), "init"):
                places = self._inits.get(kind, ())
            case ("elem", int(index), int(item)) if 0 <= index < len(self._items):
                expressions = self._elements[index].expressions
                if 0 <= item < len(expressions):
                    return self._items[index] + sum(map(len, expressions[:item]))
                raise KeyError(key)
            case _:
                raise KeyError(key)
        if not 0 <= index < len(places):
            raise KeyError(key)
        return places[index]

    def __iter__(self) -> Iterator[tuple[str | int, ...]]:
        for kind, places in self._starts.items():
            for index in range(len(places)):
                yield kind, index

    def __len__(self) -> int:
        return sum(map(len, self._starts.values()))


class _Decoder:
    """The state of one decoding: the reader, the module so far, the place in the order."""

    def __init__(self, reader: Reader, module: Module) -> None:
        self.reader = reader
        self.module = module
        self.offsets = FieldOffsets()
        module.offsets = self.offsets
        self.last = CUSTOM
        """The last section that is not a custom one."""
        self.anchor = CUSTOM
        """The last that is not empty: an encoder leaves empty ones out."""

    def sections(self, features: int) -> None:
        """Decode every section up to the end of the input."""
        reader, handlers = self.reader, _HANDLERS
        while not reader.at_end:
            at = reader.offset
            section = reader.u8("a section id")
            if section >= len(SECTION_NAMES):
                reader.fail("E0112", "malformed section id", at, "0 to 13", hex(section))
            reader.section = SECTION_NAMES[section]
            size = reader.length("a section")
            end = reader.enter(size)
            if section == CUSTOM:
                self.custom()
            else:
                if PLACES[section] <= PLACES.get(self.last, 0):
                    self.misplaced(section, at)
                needed = SECTION_FEATURES.get(section, 0)
                if needed and not features & needed:
                    self.disabled(section, needed, at)
                self.last = section
                handlers[section](self)
                if has_contents(self.module, section):
                    self.anchor = section
            reader.leave(end, "E0114", "section")
            reader.section = None
        self.finish()

    def misplaced(self, section: int, at: int) -> NoReturn:
        """Refuse a section that stands where it must not."""
        last = SECTION_NAMES[self.last]
        again = section == self.last
        self.reader.fail(
            "E0113",
            f"unexpected {SECTION_NAMES[section]} section",
            at,
            "one section of each kind" if again else f"it before the {last} section",
            "a second one" if again else None,
        )

    def disabled(self, section: int, features: int, at: int) -> NoReturn:
        """Refuse a section whose feature is off."""
        names = [name for name, flag in NAMES.items() if flag & features]
        self.reader.fail(
            "E0260",
            f"the {SECTION_NAMES[section]} section needs the feature {' or '.join(names)}, "
            "which is disabled",
            at,
            hint=f"enable it with --features={names[0]}",
        )

    def custom(self) -> None:
        name = self.reader.name("the name of a custom section")
        self.offsets.add_custom(self.reader.offset)
        data = self.reader.payload(self.reader.remaining)
        self.module.customs.append(CustomSection(name, data, self.anchor))

    def types(self) -> None:
        self.module.rec_groups, starts = _reader.read_types(self.reader)
        self.offsets.record("type", starts)

    def imports(self) -> None:
        self.module.imports, starts = _reader.read_imports(self.reader)
        self.offsets.record("import", starts)

    def functions(self) -> None:
        self.module.functions = self.reader.u32_vector("functions", MAX_FUNCTIONS)

    def tables(self) -> None:
        self.module.tables, starts, inits = _reader.read_tables(self.reader)
        self.offsets.record("table", starts, inits)

    def memories(self) -> None:
        self.module.memories, starts = _reader.read_memories(self.reader)
        self.offsets.record("memory", starts)

    def tags(self) -> None:
        self.module.tags, starts = _reader.read_tags(self.reader)
        self.offsets.record("tag", starts)

    def globals(self) -> None:
        self.module.globals, starts, inits = _reader.read_globals(self.reader)
        self.offsets.record("global", starts, inits)

    def exports(self) -> None:
        names, kinds, indices, starts = _reader.read_exports(self.reader)
        self.module.exports = ExportVector(names, kinds, indices)
        self.offsets.record("export", starts)

    def start(self) -> None:
        self.offsets.record("start", (self.reader.offset,))
        self.module.start = self.reader.u32("a function index")

    def elements(self) -> None:
        self.module.elements, starts, inits, items = _reader.read_elements(self.reader)
        self.offsets.record("elem", starts, inits)
        self.offsets.record_items(self.module.elements, items)

    def data_count(self) -> None:
        self.module.data_count = self.reader.u32("a number of data segments")

    def code(self) -> None:
        at = self.reader.offset
        starts, ends = _reader.read_code(self.reader)
        if len(starts) != len(self.module.functions):
            self.inconsistent(len(starts), at)
        self.offsets.record("func", starts)
        self.module.code = BodySequence(self.reader.data, starts, ends)

    def datas(self) -> None:
        at = self.reader.offset
        starts, distinct = _reader.read_datas(self.reader)
        datas = DataVector(self.reader, starts, distinct)
        self.module.datas = datas
        self.offsets.record_datas(datas)
        self.check_data_count(at)

    def inconsistent(self, bodies: int, at: int) -> NoReturn:
        """Refuse code that does not fit the declared functions."""
        self.reader.fail(
            "E0115",
            "function and code section have inconsistent lengths",
            at,
            f"{len(self.module.functions)} bodies",
            str(bodies),
        )

    def check_data_count(self, at: int) -> None:
        """Hold the data count section to the segments."""
        count, found = self.module.data_count, len(self.module.datas)
        if count is not None and count != found:
            self.reader.fail(
                "E0116",
                "data count and data section have inconsistent lengths",
                at,
                f"{count} data segments",
                str(found),
            )

    def finish(self) -> None:
        """Check what missing sections leave open."""
        if len(self.module.functions) != len(self.module.code):
            self.inconsistent(len(self.module.code), self.reader.offset)
        self.check_data_count(self.reader.offset)


_HANDLERS: dict[int, Callable[[_Decoder], None]] = {
    TYPE: _Decoder.types,
    IMPORT: _Decoder.imports,
    FUNCTION: _Decoder.functions,
    TABLE: _Decoder.tables,
    MEMORY: _Decoder.memories,
    GLOBAL: _Decoder.globals,
    EXPORT: _Decoder.exports,
    START: _Decoder.start,
    ELEMENT: _Decoder.elements,
    CODE: _Decoder.code,
    DATA: _Decoder.datas,
    DATA_COUNT: _Decoder.data_count,
    TAG: _Decoder.tags,
}


def _check_header(header: bytes) -> None:
    """Check magic and version, the first eight bytes."""
    magic, version = header[:4], header[4:]
    if not MAGIC.startswith(magic):
        raise MalformedError(
            "magic header not detected",
            code="E0110",
            offset=0,
            expected=r"\0asm",
            found=magic.hex(" "),
            hint="text format goes through `plumbob parse`" if magic[:1] in b"(;" else None,
        )
    if len(header) < 8:
        raise MalformedError(
            "unexpected end",
            code="E0101",
            offset=len(header),
            expected="magic and version, 8 bytes",
            found=f"{len(header)} bytes",
        )
    if version == COMPONENT_VERSION:
        raise ComponentError(
            "the input is a component, not a core module",
            expected="a core module (version 1)",
            found="a component (version 13, layer 1)",
            hint="a component wraps core modules: extract them, as `wasm-tools component "
            "unbundle` does",
        )
    if version != VERSION:
        raise MalformedError(
            "unknown binary version",
            code="E0111",
            offset=4,
            expected="1",
            found=str(int.from_bytes(version, "little")),
        )


def decode(
    data: bytes | bytearray | memoryview | mmap.mmap,
    name: str = "module",
    *,
    features: int = DEFAULT,
    allow_unreachable_type: bool = False,
) -> Module:
    """Decode a module in the binary format.

    The module holds on to `data`, which must not change: bodies are cut out of it when
    somebody asks, and large payloads are views into it. So an `mmap` can be closed once
    the module is gone. Forms that belong to a feature that is not in `features` are
    refused; `allow_unreachable_type` accepts the result type `unreachable`, as the
    `typed` dead-code policy asks.

    Raises `MalformedError` with the offset and section, and `ComponentError` where the
    input is a component.
    """
    if len(data) > MAX_MODULE_SIZE:
        raise MalformedError(
            "module too large",
            code="E0301",
            offset=0,
            expected=f"at most {MAX_MODULE_SIZE} bytes",
            found=str(len(data)),
        )
    _check_header(bytes(data[:8]))
    module = Module(name)
    reader = Reader(data, 8, features=features, allow_unreachable_type=allow_unreachable_type)
    _Decoder(reader, module).sections(features)
    return module
