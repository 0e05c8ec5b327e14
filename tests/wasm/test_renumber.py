"""Renumbering: every operator that holds an index, every other use of one, and nothing else."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wasm.support.environment import Environment
from tests.wasm.support.uses import all_uses
from tests.wasm.test_instructions import IMMEDIATES, VALUES, instructions

from plumbob.wasm import features
from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.branch_hints import (
    SECTION,
    BranchHint,
    FunctionHints,
    decode_branch_hints,
    encode_branch_hints,
)
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import (
    CATCH_ALL,
    BlockType,
    Body,
    Catch,
    Instruction,
    MemArg,
    decode_body,
    decode_locals,
    decode_operator,
    encode_body,
    encode_expression,
    encode_operator,
)
from plumbob.wasm.edit import renumber
from plumbob.wasm.edit.renumber import Renumbering, skipper
from plumbob.wasm.module import (
    FUNC,
    GLOBAL,
    KIND_NAMES,
    MEMORY,
    TAG,
    Code,
    CustomSection,
    Global,
    Module,
    RecGroup,
    Table,
)
from plumbob.wasm.module import (
    TABLE as TABLE_KIND,
)
from plumbob.wasm.names import DIRECT, NAME_SECTION, decode_names, encode_names
from plumbob.wasm.opcodes import BY_NAME, TABLE
from plumbob.wasm.text.parser import parse_text
from plumbob.wasm.types import (
    ANY,
    CONCRETE,
    EXTERN,
    F32,
    FUNCREF,
    I32,
    I64,
    V128,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemoryType,
    SubType,
    TableType,
    TagType,
    ValType,
    concrete,
    ref,
)
from plumbob.wasm.types import FUNC as FUNC_HEAP
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATORS = st.sampled_from(TABLE).flatmap(instructions)
LOCALS = st.lists(st.tuples(st.integers(0, 5), VALUES), max_size=3).map(tuple)
BODIES = st.builds(Body, LOCALS, st.lists(OPERATORS, min_size=1, max_size=12))
INDICES = st.integers(0, 300)
ROTATIONS = st.integers(1, 500).map(lambda by: {index: index + by for index in range(310)})
MAPS = st.dictionaries(st.sampled_from(DIRECT), ROTATIONS, min_size=1, max_size=3)


def index(rng: Random) -> int:
    return rng.choice((0, 1, 2, 3, 63, 64, 127, 128, 300, 1 << 20, (1 << 28) - 1))


def heap(rng: Random) -> HeapType:
    return concrete(index(rng)) if rng.random() < 0.7 else rng.choice((FUNC_HEAP, EXTERN, ANY))


def value_type(rng: Random) -> ValType:
    numbers = (I32, I64, F32, V128)
    return (
        rng.choice(numbers) if rng.random() < 0.3 else ref(heap(rng), nullable=rng.random() < 0.5)
    )


def block_type(rng: Random) -> BlockType:
    return rng.choice(
        (BlockType(), BlockType(value_type(rng)), BlockType(None, index(rng)), BlockType(I64))
    )


def memarg(rng: Random) -> MemArg:
    return MemArg(rng.randrange(64), rng.choice((0, 16, 1 << 40)), rng.choice((0, index(rng))))


def catch(rng: Random) -> Catch:
    kind = rng.randrange(4)
    return Catch(kind, index(rng) if kind < CATCH_ALL else None, rng.randrange(200))


RANDOM: dict[str, Callable[[Random], Any]] = {
    **dict.fromkeys((*DIRECT, "label", "local", "field", "count"), index),
    "lane": lambda rng: rng.randrange(256),
    "castflags": lambda rng: rng.randrange(4),
    "zero": lambda _: 0,
    "lanes": lambda rng: rng.randbytes(16),
    "v128": lambda rng: rng.randbytes(16),
    "blocktype": block_type,
    "labels": lambda rng: tuple(index(rng) for _ in range(rng.randrange(1, 5))),
    "memarg": memarg,
    "f32": lambda rng: rng.getrandbits(32),
    "f64": lambda rng: rng.getrandbits(64),
    "s32": lambda rng: rng.choice((0, -1, 64, -65, -0x8000_0000, rng.getrandbits(31))),
    "s64": lambda rng: rng.choice((0, -1, 64, -1 << 63, rng.getrandbits(63), 0x10 << 14)),
    "heaptype": heap,
    "valtypes": lambda rng: tuple(value_type(rng) for _ in range(rng.randrange(3))),
    "catches": lambda rng: tuple(catch(rng) for _ in range(rng.randrange(4))),
}


def everything(seed: int) -> Body:
    """A body with every operator, three times each, in some order."""
    rng = Random(seed)  # noqa: S311  # repeatable
    rows = [*TABLE, *TABLE, *TABLE]
    rng.shuffle(rows)
    items = [Instruction(row, tuple(RANDOM[kind](rng) for kind in row.immediates)) for row in rows]
    return Body(tuple((rng.randrange(9), value_type(rng)) for _ in range(9)), items)


def check_everything(seed: int) -> None:
    """Renumber each space, and all, of such a body."""
    body = everything(seed)
    code = encode_body(body)
    for space in (*DIRECT, None):
        spaces = DIRECT if space is None else (space,)
        maps = {name: {old: old + 5 for old in range(301)} for name in spaces}
        edited = Renumbering(maps).body(code)
        assert edited.code == expected(body, maps), space
        back = {name: {new: old for old, new in moved.items()} for name, moved in maps.items()}
        small = {
            name: {old: new for old, new in one.items() if new > 300} for name, one in maps.items()
        }
        assert Renumbering(small).body(code).code == expected(body, small), space
        if space is None:
            assert Renumbering(back).body(edited.code).code == expected(
                decode_body_loosely(edited.code), back
            )


def decode_body_loosely(code: bytes) -> Body:
    """Decode a body whose blocks do not match."""
    reader = Reader(code)
    runs = decode_locals(reader)
    items = []
    while not reader.at_end:
        items.append(decode_operator(reader))
    return Body(runs, items)


def check_runs(seed: int) -> None:
    """Find the operators to stop at, and no place between operators."""
    body = everything(seed)
    out = bytearray()
    rng = Random(seed)  # noqa: S311  # repeatable
    stops = frozenset(row.code for row in rng.sample(TABLE, 5))
    match = renumber.skipper(stops).match
    boundaries: dict[int, Instruction | None] = {}
    for item in body.instructions:
        boundaries[len(out)] = item
        encode_operator(out, item.operator, item.immediates)
    boundaries[len(out)] = None
    code = bytes(out)
    place = 0
    stopped = []
    while place < len(code):
        run = match(code, place)
        assert run is not None
        assert run.end() in boundaries, "a run ends inside an operator"
        here = boundaries[run.end()]
        if here is None:
            break
        stopped.append(here)
        size = bytearray()
        encode_operator(size, here.operator, here.immediates)
        place = run.end() + len(size)
    assert [item for item in body.instructions if item.operator.code in stops] == [
        item for item in stopped if item.operator.code in stops
    ]
    for item in stopped:
        vector = {"labels", "catches", "valtypes"}.intersection(item.operator.immediates)
        wide = "memarg" in item.operator.immediates and item.immediates[0].align > 0x3F
        assert item.operator.code in stops or vector or wide, item


@pytest.mark.parametrize("seed", range(10))
def test_every_operator(seed: int) -> None:
    check_everything(seed)
    check_runs(seed)


def new_type(type_: ValType, types: dict[int, int]) -> ValType:
    index = type_.heap.index
    if not type_.heap.is_concrete or index not in types:
        return type_
    return ValType(type_ - index + types[index])


def renewed(kind: str, value: Any, maps: dict[str, dict[int, int]]) -> Any:
    """What an immediate becomes, said once more in other words."""
    types = maps.get("type", {})
    if kind in DIRECT:
        return maps.get(kind, {}).get(value, value)
    if kind == "memarg":
        return value._replace(memory=maps.get("memory", {}).get(value.memory, value.memory))
    if kind == "blocktype" and value.type_index is not None:
        return BlockType(None, types.get(value.type_index, value.type_index))
    if kind == "blocktype" and value.result is not None:
        return BlockType(new_type(value.result, types))
    if kind == "valtypes":
        return tuple(new_type(item, types) for item in value)
    if kind == "heaptype":
        return concrete(types.get(value.index, value.index)) if value & CONCRETE else value
    if kind == "catches":
        tags = maps.get("tag", {})
        return tuple(
            item if item.tag is None else item._replace(tag=tags.get(item.tag, item.tag))
            for item in value
        )
    return value


def expected(body: Body, maps: dict[str, dict[int, int]]) -> bytes:
    types = maps.get("type", {})
    return encode_body(
        Body(
            tuple((count, new_type(type_, types)) for count, type_ in body.locals),
            [
                Instruction(
                    item.operator,
                    tuple(
                        renewed(kind, value, maps)
                        for kind, value in zip(
                            item.operator.immediates, item.immediates, strict=True
                        )
                    ),
                )
                for item in body.instructions
            ],
        )
    )


@settings(max_examples=150)
@given(BODIES, MAPS)
def test_bodies_against_their_objects(body: Body, maps: dict[str, dict[int, int]]) -> None:
    code = encode_body(body)
    edited = Renumbering(maps).body(code)
    assert edited.code == expected(body, maps)
    if edited.code == code:
        assert edited.code is code


@settings(max_examples=100)
@given(BODIES, st.permutations(range(40)), st.sampled_from(DIRECT))
def test_the_inverse_gives_the_body_back(body: Body, order: list[int], space: str) -> None:
    code = encode_body(body)
    there = Renumbering({space: dict(enumerate(order))})
    back = Renumbering({space: {new: old for old, new in enumerate(order)}})
    assert back.body(there.body(code).code).code == code


def padded(index: int) -> bytes:
    return bytes([index & 0x7F | 0x80, 0x80, 0x80, 0x80, 0x00])


def test_paddings_stay_and_are_seen() -> None:
    call = bytes([BY_NAME["call"].code])
    code = b"\0" + call + padded(3) + call + padded(4) + b"\x0b"
    module = Module()
    module.code = [Code(code)]
    renumbering = Renumbering({"func": {3: 9}})
    assert renumbering.pattern is not None
    (changed,) = renumbering.bodies(module.code)[0]
    assert changed.body == b"\0" + call + b"\x09" + call + padded(4) + b"\x0b"


def test_offsets_behind_a_change_are_known() -> None:
    code = parse_text(
        """(module (func $f) (func $g
             (block (br_if 0 (i32.const 1)) (call $f) (br_if 0 (i32.const 0)))))"""
    ).code[1]
    edited = Renumbering({"func": {0: 1000}}).body(code.body)
    before = decode_body(code.body).instructions
    after = decode_body(edited.code).instructions
    assert [edited.new_offset(item.offset) for item in before] == [item.offset for item in after]


# Modules.


def shifted(module: Module, spaces: tuple[str, ...]) -> tuple[Module, dict[str, dict[int, int]]]:
    """The module with one entity more in front of those defined, in some index spaces."""
    counts = {
        "type": (0, len(module.types)),
        "func": (len(module.imported(FUNC)), len(module.functions)),
        "table": (len(module.imported(TABLE_KIND)), len(module.tables)),
        "memory": (len(module.imported(MEMORY)), len(module.memories)),
        "global": (len(module.imported(GLOBAL)), len(module.globals)),
        "tag": (len(module.imported(TAG)), len(module.tags)),
        "elem": (0, len(module.elements)),
        "data": (0, len(module.datas)),
    }
    maps = {
        space: {index: index + 1 for index in range(first, first + count)}
        for space, (first, count) in counts.items()
        if space in spaces
    }
    out = renumber.renumber(module, maps)
    nothing = len(out.types)
    out.rec_groups = [*out.rec_groups, RecGroup((SubType(FuncType((), ())),))]
    if "type" in spaces:
        out.rec_groups = [out.rec_groups[-1], *out.rec_groups[:-1]]
        nothing = 0
    zero = encode_expression([Instruction(BY_NAME["i32.const"], (0,)), Instruction(BY_NAME["end"])])
    if "func" in spaces:
        out.functions = [nothing, *out.functions]
        out.code = [Code(b"\0\x0b"), *out.code]
    if "table" in spaces:
        out.tables = [Table(TableType(FUNCREF, Limits(0))), *out.tables]
    if "memory" in spaces:
        out.memories = [MemoryType(Limits(0)), *out.memories]
    if "global" in spaces:
        out.globals = [Global(GlobalType(I32, mutable=False), zero), *out.globals]
    if "tag" in spaces:
        out.tags = [TagType(nothing), *out.tags]
    if "elem" in spaces:
        out.elements = [module_of_segments().elements[0], *out.elements]
    if "data" in spaces:
        out.datas = [module_of_segments().datas[0], *out.datas]
        out.data_count = None if out.data_count is None else out.data_count + 1
    return out, maps


def module_of_segments() -> Module:
    return parse_text('(module (elem funcref) (data ""))')


def verdict(module: Module) -> str:
    again = decode(encode(module), features=features.ALL)
    return validate(again, features=features.ALL).verdict


@pytest.mark.parametrize("space", [*DIRECT, "all"])
def test_a_use_of_every_operator_among_shifted_entities(space: str) -> None:
    environment = Environment()
    spaces = DIRECT if space == "all" else (space,)
    for use in all_uses()[:: 1 if space == "all" else 4]:
        module = decode(environment.binary(use.case()), features=features.ALL)
        if verdict(module) != "valid":
            continue
        before = encode(module)
        moved, maps = shifted(module, spaces)
        assert encode(module) == before, "the module given has changed"
        if space != "memory" or len(module.memories) <= 1:
            assert verdict(moved) == "valid", (space, use)
        back = {name: {new: old for old, new in one.items()} for name, one in maps.items()}
        home = renumber.renumber(moved, back)
        restored = decode(before, features=features.ALL)
        for field in FIELDS:
            ours = list(getattr(home, field))
            extra = len(ours) - len(getattr(restored, field))
            last = field == "rec_groups" and "type" not in spaces
            setattr(home, field, ours[:-extra] if last else ours[extra:])
        home.data_count = restored.data_count
        assert home == restored, (space, use)


FIELDS = "rec_groups functions tables memories tags globals elements datas code".split()


TEXT = """
(module $m
  (type $t (func (param i32) (result i32)))
  (import "m" "f" (func $imported (type $t)))
  (import "m" "g" (global $base i32))
  (table $table 4 funcref)
  (memory $memory 1)
  (global $start i32 (global.get $base))
  (export "f" (func $first)) (export "t" (table $table)) (export "g" (global $start))
  (start $main)
  (elem $elem (table $table) (offset (global.get $base)) func $first $imported)
  (elem $items (table $table) (i32.const 0) funcref (ref.func $second) (ref.null func))
  (data $data (memory $memory) (offset (global.get $base)) "x")
  (func $first (type $t) (local $x i64) (call $second (local.get 0)))
  (func $second (type $t) (block $out (br_if $out (call $imported (i32.const 1))) (br_if $out
    (call $imported (i32.const 1)))) (local.get 0))
  (func $main (drop (call_indirect (type $t) (i32.const 1) (i32.const 0)))))
"""


def text_module() -> Module:
    """A module with its names, and branch hints, in custom sections."""
    module = parse_text(TEXT)
    hints = [
        FunctionHints(
            2,
            tuple(
                BranchHint(item.offset, likely=True)
                for item in decode_body(module.code[1].body).instructions
                if item.operator.name == "br_if"
            ),
        )
    ]
    module.customs = [CustomSection(SECTION, encode_branch_hints(hints), 3)]
    return decode(encode(module))


def test_all_that_is_not_code() -> None:
    module = text_module()
    out = renumber.renumber(
        module,
        {"func": {0: 300, 1: 2, 2: 1}, "global": {0: 1, 1: 0}, "table": {0: 3}, "memory": {0: 2},
         "type": {0: 5}, "elem": {0: 1, 1: 0}, "data": {0: 4}},
    )  # fmt: skip
    assert [(item.name, item.index) for item in out.exports] == [("f", 2), ("t", 3), ("g", 0)]
    assert out.start == 3
    assert out.imports[0].type == 5
    assert [*out.functions] == [5, 5, 1]
    assert [segment.table for segment in out.elements] == [3, 3]
    assert [*(out.elements[0].functions or ())] == [2, 300]
    assert out.elements[1].expressions[0] == b"\xd2\x01\x0b"
    assert out.elements[0].offset == b"\x23\x01\x0b"
    assert (out.datas[0].memory, out.datas[0].offset) == (2, b"\x23\x01\x0b")
    assert out.globals[0].init == b"\x23\x01\x0b"
    sections = {custom.name: custom.data for custom in out.customs}
    names = decode_names(sections[NAME_SECTION])
    assert names.direct["func"] == {300: "imported", 2: "first", 1: "second", 3: "main"}
    assert names.direct["global"] == {1: "base", 0: "start"}
    assert names.direct["elem"] == {1: "elem", 0: "items"}
    assert names.direct["data"] == {4: "data"}
    assert names.indirect["local"][2] == {1: "x"}
    assert names.indirect["label"][1] == {0: "out"}
    ((function, hints),) = decode_branch_hints(sections[SECTION])
    assert function == 1
    places = {
        item.offset: item.operator.name for item in decode_body(out.code[1].body).instructions
    }
    assert [places[offset] for offset, _ in hints] == ["br_if", "br_if"]


def test_nothing_is_copied_where_nothing_changes() -> None:
    module = text_module()
    out = renumber.renumber(module, {"func": {0: 0}, "table": {7: 8}})
    assert out == module
    assert out.code is module.code
    assert Renumbering({"func": {3: 3}}).is_identity


def test_names_that_meet_keep_the_first() -> None:
    module = parse_text("(module (func $a) (func $b) (func $c))")
    names = renumber.renumber(module, {"func": {1: 0}}).names
    assert names is not None
    assert names.direct["func"] == {0: "a", 2: "c"}


def test_malformed_custom_sections_stay() -> None:
    module = parse_text("(module (func))")
    module.names = None
    customs = [CustomSection(NAME_SECTION, b"\xff\xff", 0), CustomSection(SECTION, b"\x09", 0)]
    module.customs = list(customs)
    assert renumber.renumber(module, {"func": {0: 1}}).customs == customs


def test_an_unknown_space_is_refused() -> None:
    with pytest.raises(KeyError):
        Renumbering({"label": {0: 1}})


@given(st.lists(st.lists(OPERATORS, max_size=6), max_size=6), st.dictionaries(INDICES, INDICES))
@settings(max_examples=60)
def test_the_search_finds_every_body_that_changes(
    bodies: list[list[Instruction]], moved: dict[int, int]
) -> None:
    module = Module()
    module.rec_groups = [RecGroup((SubType(FuncType((), ())),))]
    module.functions = [0] * len(bodies)
    module.code = [Code(encode_body(Body((), [*items, END]))) for items in bodies]
    sequence = decode(encode(module)).code
    renumbering = Renumbering({"func": moved})
    for code in (module.code, sequence):
        found, changed = renumbering.bodies(code)
        slow = [renumbering.body(item.body).code for item in code]
        assert [item.body for item in found] == slow
        assert set(changed) <= set(renumbering._candidates(code))


END = Instruction(BY_NAME["end"])


# Planted faults.


@pytest.mark.parametrize("kind", sorted(renumber.RENAMERS))
def test_an_index_that_is_not_renumbered_is_found(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(renumber.RENAMERS, kind, lambda _, value: value)
    with pytest.raises(AssertionError):
        check_everything(0)


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [("s64", rb"[\x00-\xff]{2}"), ("f32", rb"[\x00-\xff]{3}"), ("lane", b""), ("memarg", rb"\x00")],
)
def test_a_run_that_goes_astray_is_found(
    kind: str, pattern: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(renumber.SKIPPED, kind, pattern)
    monkeypatch.setattr(renumber, "skipper", skipper.__wrapped__)  # without its cache
    with pytest.raises(AssertionError):
        list(map(check_runs, range(10)))


def test_every_kind_is_either_renamed_or_no_index() -> None:
    kinds = {kind for operator in TABLE for kind in operator.immediates}
    no_index = {
        "label", "labels", "local", "field", "count", "lane", "lanes", "v128", "s32", "s64",
        "f32", "f64", "castflags", "zero",
    }  # fmt: skip
    assert kinds - no_index == set(renumber.RENAMERS) == set(renumber.SPACES_OF)
    assert set(IMMEDIATES) == kinds
    assert set(KIND_NAMES) < set(DIRECT)
    assert encode_names(decode_names(b"")) == b""
