"""Random modules: what their shims tell is what their functions were written to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.triage.shims.twins import require_same_features

from plumbob.engines.request import Outcome, OutcomeKind, Request
from plumbob.triage.check.arguments import Argument, choose
from plumbob.triage.check.reference import Reference
from plumbob.triage.shims import Entry, Observation, Seen, add_shims
from plumbob.wasm import features as f
from plumbob.wasm import types as t
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import BlockType
from plumbob.wasm.edit.append import Editor, FunctionWriter
from plumbob.wasm.module import FUNC, TAG, Module, RecGroup, Table
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn

NUMBERS = (t.I32, t.I64, t.F32, t.F64)
ABSTRACT = (t.FUNC, t.EXTERN, t.ANY, t.EQ, t.I31, t.STRUCT, t.ARRAY, t.NONE, t.NOFUNC, t.NOEXTERN,
            t.EXN, t.NOEXN)  # fmt: skip


class Result(NamedTuple):
    """A result: the parameter of this number, or the default of its type."""

    type: t.ValType
    parameter: int | None


class Function(NamedTuple):
    """A function that returns results, or throws the tag of a number with defaults."""

    params: tuple[t.ValType, ...]
    results: tuple[Result, ...]
    throws: int | None


class Program(NamedTuple):
    """A module and what its exports, `f0` and so on, do."""

    module: Module
    functions: tuple[Function, ...]
    tags: tuple[tuple[t.ValType, ...], ...]


@st.composite
def composites(draw: DrawFn, count: int) -> list[RecGroup]:
    """Types, some in groups of two, some open with a subtype behind them."""
    groups: list[RecGroup] = []
    index = 0
    for _ in range(count):
        size = draw(st.sampled_from((1, 1, 2)))
        values = value_types(index + size)
        members = []
        for _ in range(size):
            kind = draw(st.sampled_from(("func", "struct", "array")))
            if kind == "func":
                params = tuple(draw(st.lists(values, max_size=2)))
                members.append(
                    t.SubType(t.FuncType(params, tuple(draw(st.lists(values, max_size=2)))))
                )
                continue
            storage = st.one_of(values, st.sampled_from((t.I8, t.I16)))
            fields = [
                t.FieldType(draw(storage), draw(st.booleans()))
                for _ in range(draw(st.integers(0, 4)))
            ]
            composite = (
                t.StructType(tuple(fields))
                if kind == "struct"
                else t.ArrayType(fields[0] if fields else t.FieldType(t.I16, mutable=False))
            )
            members.append(t.SubType(composite, final=draw(st.booleans())))
        groups.append(RecGroup(tuple(members), explicit=size > 1))
        index += size
        last = members[-1]
        if not last.final and draw(st.booleans()):
            more = last.composite
            if isinstance(more, t.StructType):
                more = t.StructType((*more.fields, t.FieldType(t.I64, mutable=True)))
            groups.append(RecGroup((t.SubType(more, (index - 1,)),)))
            index += 1
    return groups


def value_types(types: int) -> st.SearchStrategy[t.ValType]:
    """Value types where there are so many types."""
    heaps = st.sampled_from(ABSTRACT)
    if types:
        heaps = st.one_of(heaps, st.integers(0, types - 1).map(t.concrete))
    references = st.builds(lambda heap, null: t.ref(heap, nullable=null), heaps, st.booleans())
    return st.one_of(st.sampled_from((*NUMBERS, t.V128)), references)


@st.composite
def programs(draw: DrawFn) -> Program:
    """Modules of one of three kinds: the first release's, with vectors, with everything."""
    kind = draw(st.sampled_from(("mvp", "vectors", "all", "all", "all")))
    module = Module()
    if kind == "all":
        module.rec_groups = draw(composites(draw(st.integers(0, 4))))
    values = (
        st.sampled_from(NUMBERS) if kind == "mvp"
        else st.sampled_from((*NUMBERS, t.V128)) if kind == "vectors"
        else value_types(len(module.types))
    )  # fmt: skip
    editor = Editor(module)
    payloads: list[tuple[t.ValType, ...]] = []
    if kind == "all":
        payloads = [
            tuple(type_ for type_ in draw(st.lists(values, max_size=3)) if type_.defaultable)
            for _ in range(draw(st.integers(0, 3)))
        ]
        tags = [t.TagType(editor.func_type(payload, ())) for payload in payloads]
    functions = [draw(bodies(values, kind, len(payloads))) for _ in range(draw(st.integers(0, 5)))]
    for number, function in enumerate(functions):
        results = [result.type for result in function.results]
        index = editor.add_function(
            editor.func_type(function.params, results), body(function, payloads)
        )
        editor.export(f"f{number}", FUNC, index)
    for number in range(draw(st.integers(0, len(payloads)))):
        editor.export(f"tag {number}", TAG, number)
    for type_ in draw(st.lists(values, max_size=4)):
        if type_.defaultable:
            held = default(FunctionWriter(), type_)
            editor.add_global(type_, held.body()[1:], mutable=draw(st.booleans()))
    made = editor.finish()
    if kind == "all":
        made.tags = tags
        made.tables = [
            Table(t.TableType(type_, t.Limits(draw(st.integers(0, 3)), None, draw(st.booleans()))))
            for type_ in draw(st.lists(values, max_size=2))
            if type_.is_ref and type_.nullable
        ]
        made.memories = [
            t.MemoryType(
                t.Limits(1, None, draw(st.booleans())),
                page_size_log2=draw(st.sampled_from((0, 16))),
            )
            for _ in range(draw(st.integers(0, 2)))
        ]
    return Program(made, tuple(functions), tuple(payloads))


@st.composite
def bodies(draw: DrawFn, values: st.SearchStrategy[t.ValType], kind: str, tags: int) -> Function:
    """A function over such types; a result without a default is a parameter."""
    params = tuple(draw(st.lists(values, max_size=5)))
    results = []
    for _ in range(draw(st.integers(0, 1 if kind != "all" else 4))):
        number = draw(st.integers(-1, len(params) - 1))
        type_ = params[number] if number >= 0 else draw(values)
        if number >= 0 or type_.defaultable:
            results.append(Result(type_, number if number >= 0 else None))
    throws = draw(st.integers(0, tags - 1)) if tags and draw(st.booleans()) else None
    return Function(params, tuple(results), throws)


def default(writer: FunctionWriter, type_: t.ValType) -> FunctionWriter:
    if type_.is_ref:
        return writer.op("ref.null", type_.heap)
    return writer.op(f"{type_}.const", bytes(16) if type_ == t.V128 else 0)


def body(function: Function, payloads: Sequence[tuple[t.ValType, ...]]) -> bytes:
    writer = FunctionWriter(function.params)
    if function.throws is not None:
        for type_ in payloads[function.throws]:
            default(writer, type_)
        return writer.op("throw", function.throws).body()
    # A block around it all, so that shims meet functions with operators in them.
    writer.op("block", BlockType()).op("end")
    for type_, number in function.results:
        if number is None:
            default(writer, type_)
        else:
            writer.get(number)
    return writer.body()


def expected(value: Result, args: Sequence[Argument]) -> Seen:
    """What a result must be; a digest is not predicted here."""
    name = str(value.type)
    if value.parameter is None:
        return Seen(name, None, "null") if value.type.is_ref else Seen(name, 0)
    given = args[value.parameter]
    if given.shape in ("", "i31"):
        return Seen(name, given.bits, given.shape)
    return Seen(name, None, given.shape)


def found(seen: Seen, wanted: Seen) -> Seen:
    """What was seen, without a digest where none is predicted."""
    if wanted.shape == "func":
        return seen._replace(bits=seen.bits or None)
    if wanted.shape == "some":
        return Seen(seen.type, None, "some" if seen.shape in ("struct", "array") else seen.shape)
    return seen


def check(program: Program, entry: Entry, function: Function, outcome: Outcome,
          args: Sequence[Argument]) -> None:  # fmt: skip
    observed = entry.observe(outcome)
    assert observed is not None, outcome
    if function.throws is None:
        assert observed.kind == "values"
        wanted = [expected(result, args) for result in function.results]
        pairs = zip(observed.values, wanted, strict=True)
        assert [found(seen, result) for seen, result in pairs] == wanted
        return
    payload = program.tags[function.throws]
    values = tuple(expected(Result(type_, None), ()) for type_ in payload)
    name = f"tag {function.throws}"
    assert observed == Observation("exception", values, name, named=observed.named)


@settings(max_examples=100)
@given(programs(), st.integers(0, 1000))
def test_random_modules(program: Program, seed: int) -> None:
    before = encode(program.module)
    assert validate(before, features=f.ALL).ok, validate(before, features=f.ALL).diagnostics
    shimmed = add_shims(program.module)
    assert encode(program.module) == before
    require_same_features(before, shimmed.module, f.ALL, "polymorphic")
    calls: list[tuple[Entry, Function, Sequence[Argument]]] = []
    for entry, function in zip(shimmed.entries, program.functions, strict=True):
        unbuilt = [type_ for type_, shapes in zip(entry.params, entry.shapes, strict=True)
                   if type_.is_ref and not shapes]  # fmt: skip
        assert bool(entry.uncallable) == bool(unbuilt)
        if not unbuilt:
            chosen = choose(entry.name, entry.params, entry.shapes, seed, 4)
            calls += [(entry, function, args) for args in chosen]
    made = tuple(entry.call(args) for entry, _, args in calls)
    request = Request(shimmed.module, made + tuple(probe.call for probe in shimmed.probes))
    answer = Reference().run(request)
    assert answer.instantiated.kind == OutcomeKind.OK, answer
    for (entry, function, args), outcome in zip(calls, answer.results[: len(made)], strict=True):
        check(program, entry, function, outcome, args)
    for probe, outcome in zip(shimmed.probes, answer.results[len(made) :], strict=True):
        seen: Any = probe.observe(outcome)
        assert seen is not None, (probe.what, outcome)
        if probe.value is not None:
            assert seen == expected(Result(probe.value, None), ())
