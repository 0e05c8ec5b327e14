"""The expressions in a function's body: where each begins, and the types of what it leaves.

A body is a sequence for a stack machine, not a tree; but in valid code the operands of an
operator were left by operators before it, so that a *span*, from the first instruction that
takes part to the operator itself, is a piece that leaves the operator's results and nothing
else. What edits expressions (reduction) replaces spans. Types are the operators' own, from
the operator table; a block's span ends at its `end`. Code that control never reaches has no
spans (Validation / Instructions, stack-polymorphic).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.wasm import types as t
from plumbob.wasm.module import GLOBAL, MEMORY, TABLE, TAG, Module
from plumbob.wasm.operators import DEAD
from plumbob.wasm.types import (
    ArrayType,
    FuncType,
    GlobalType,
    MemoryType,
    StructType,
    TableType,
    TagType,
    ValType,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plumbob.wasm.binary.instructions import BlockType, Body, Instruction

_PLAIN = {
    **{name: type_ for type_, name in t.NUM_NAMES.items()},
    **{name: type_ for type_, name in t.SHORT_NAMES.items()},
    "ref:i31": t.ref(t.I31),
}


class Span(NamedTuple):
    """The code of one expression: instructions `start` to `end`, both included."""

    start: int
    end: int
    results: tuple[ValType, ...]
    operands: tuple[tuple[int, int, ValType], ...] = ()
    """Of each operand: its first and last instruction, and its type. The last one is behind
    the operand's own where statements stand between."""
    opener: int | None = None
    """Of a block, the instruction that opens it."""


class Scope:
    """The types of a module's entities, by index."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.types = module.types
        self.functions = [item.type for item in module.imported(0)] + list(module.functions)
        self.globals = [
            item.type.type for item in module.imported(GLOBAL) if isinstance(item.type, GlobalType)
        ] + [item.type.type for item in module.globals]
        self.tables = [
            item.type for item in module.imported(TABLE) if isinstance(item.type, TableType)
        ] + [item.type for item in module.tables]
        self.memories = [
            item.type for item in module.imported(MEMORY) if isinstance(item.type, MemoryType)
        ] + module.memories
        self.tags = [
            item.type.type_index for item in module.imported(TAG) if isinstance(item.type, TagType)
        ] + [item.type_index for item in module.tags]

    def function(self, type_index: int) -> FuncType:
        """Return a function type by its index."""
        composite = self.types[type_index].composite
        assert isinstance(composite, FuncType)  # noqa: S101  # the module is valid
        return composite

    def block(self, block: BlockType) -> FuncType:
        """Return a block type's parameters and results."""
        if block.type_index is not None:
            return self.function(block.type_index)
        return FuncType((), () if block.result is None else (block.result,))

    def fields(self, type_index: int) -> tuple[ValType, ...]:
        """Return the unpacked fields of a structure type."""
        composite = self.types[type_index].composite
        assert isinstance(composite, StructType)  # noqa: S101  # the module is valid
        return tuple(field.storage.unpacked for field in composite.fields)

    def item(self, type_index: int) -> ValType:
        """Return the unpacked element of an array type."""
        composite = self.types[type_index].composite
        assert isinstance(composite, ArrayType)  # noqa: S101  # the module is valid
        return composite.field.storage.unpacked


class _Frame(NamedTuple):
    opener: int
    height: int
    params: tuple[ValType, ...]
    results: tuple[ValType, ...]
    loop: bool
    start: int
    operands: tuple[tuple[int, int, ValType], ...]
    whole: bool = True

    @property
    def label(self) -> tuple[ValType, ...]:
        return self.params if self.loop else self.results


class _Value(NamedTuple):
    start: int
    end: int
    type: ValType
    whole: bool = True
    """Whether the code from `start` on leaves this value and no other: not so of one of
    several results, nor of a block's parameter within the block."""


class _Walk:
    """Goes through a body once, with the types on the stack."""

    def __init__(self, scope: Scope, type_: FuncType, body: Body) -> None:
        self.scope = scope
        self.locals: list[ValType] = list(type_.params)
        for count, local in body.locals:
            self.locals += [local] * count
        self.returns = type_.results
        self.code: Sequence[Instruction] = body.instructions
        self.stack: list[_Value] = []
        self.frames = [_Frame(-1, 0, (), type_.results, loop=False, start=0, operands=())]

    def spans(self) -> Iterator[Span]:
        at = 0
        while at < len(self.code):
            operator, immediates, _ = self.code[at]
            rule = operator.rule
            if rule in ("block", "loop", "if", "try_table", "try"):
                self._enter(at, immediates[0], rule)
            elif rule in ("else", "catch", "catch_all"):
                self._again(at, immediates, rule)
            elif rule in ("end", "delegate"):
                span = self._leave(at)
                if span is not None:
                    yield span
            else:
                pops, pushes = self._signature(immediates, at)
                span = self._apply(at, pops, pushes)
                if span is not None:
                    yield span
                if DEAD in operator.pushes:
                    at = self._skip_dead(at)
                    continue
            at += 1

    def _apply(self, at: int, pops: int, pushes: tuple[ValType, ...]) -> Span | None:
        taken, start, whole = self._take(at, pops)
        self._push(start, at, pushes, whole=whole)
        return Span(start, at, pushes, self._operands(taken, at)) if whole else None

    def _take(self, at: int, pops: int) -> tuple[list[_Value], int, bool]:
        """Take operands: the values, where their code begins, and whether it is a piece."""
        taken = self.stack[len(self.stack) - pops :] if pops else []
        del self.stack[len(self.stack) - pops :]
        return taken, taken[0].start if taken else at, all(value.whole for value in taken)

    def _push(self, start: int, end: int, types: tuple[ValType, ...], *, whole: bool) -> None:
        whole = whole and len(types) == 1
        self.stack += [_Value(start, end, type_, whole) for type_ in types]

    @staticmethod
    def _operands(taken: Sequence[_Value], at: int) -> tuple[tuple[int, int, ValType], ...]:
        ends = [*(value.start - 1 for value in taken[1:]), *([at - 1] if taken else [])]
        return tuple((value.start, end, value.type) for value, end in zip(taken, ends, strict=True))

    def _enter(self, at: int, block: BlockType, rule: str) -> None:
        params, results = self.scope.block(block)
        pops = len(params) + (rule == "if")
        taken, start, whole = self._take(at, pops)
        self.frames.append(
            _Frame(
                at, len(self.stack), params, results, rule == "loop", start,
                self._operands(taken, at), whole,
            )
        )  # fmt: skip
        self.stack += [_Value(at, at, type_, whole=False) for type_ in params]

    def _again(self, at: int, immediates: Sequence[Any], rule: str) -> None:
        frame = self.frames[-1]
        del self.stack[frame.height :]
        given = frame.params if rule == "else" else ()
        if rule == "catch":
            given = self.scope.function(self.scope.tags[immediates[0]]).params
        self.stack += [_Value(at, at, type_, whole=False) for type_ in given]

    def _leave(self, at: int) -> Span | None:
        frame = self.frames.pop()
        del self.stack[frame.height :]
        if not self.frames:
            return None
        self._push(frame.start, at, frame.results, whole=frame.whole)
        if not frame.whole:
            return None
        return Span(frame.start, at, frame.results, frame.operands, frame.opener)

    def _skip_dead(self, at: int) -> int:
        """Return the place of the instruction that ends the dead code behind `at`."""
        depth = 0
        at += 1
        while True:
            rule = self.code[at].operator.rule
            if not depth and rule in ("end", "else", "catch", "catch_all", "delegate"):
                return at
            if "blocktype" in self.code[at].operator.immediates:
                depth += 1
            elif rule in ("end", "delegate"):
                depth -= 1
            at += 1

    # Types of operands and results.

    def _signature(self, immediates: Sequence[Any], at: int) -> tuple[int, tuple[ValType, ...]]:
        """Return how many operands are popped, and the types that are pushed."""
        operator = self.code[at].operator
        rule = operator.rule
        if rule in _RULES:
            pops_, pushed = _RULES[rule](self, immediates)
            return pops_, tuple(pushed)
        pops = sum(
            len(self._types(word, immediates, operator.immediates)) for word in operator.pops
        )
        pushes: list[ValType] = []
        for word in operator.pushes:
            if word != DEAD:
                pushes += self._types(word, immediates, operator.immediates)
        return pops, tuple(pushes)

    def _types(
        self, word: str, immediates: Sequence[Any], kinds: Sequence[str]
    ) -> tuple[ValType, ...]:
        plain = _PLAIN.get(word)
        if plain is not None:
            return (plain,)
        given = dict(zip(kinds, immediates, strict=True))
        return tuple(_WORDS[word](self.scope, given, immediates))


def _address_type(limits: t.Limits) -> ValType:
    return ValType(limits.address_type)


def _address(scope: Scope, given: dict[str, Any], place: int, immediates: Sequence[Any]) -> ValType:
    """Return the address type of the memory or table of an operator."""
    if "memarg" in given:
        return _address_type(scope.memories[given["memarg"].memory].limits)
    if "memory" in given:
        index = immediates[place] if isinstance(immediates[place], int) else given["memory"]
        return _address_type(scope.memories[index].limits)
    index = immediates[place] if isinstance(immediates[place], int) else given["table"]
    return _address_type(scope.tables[index].limits)


def _indices(given: dict[str, Any], immediates: Sequence[Any]) -> list[int]:
    """Return the places of the memories' or tables' indices among the immediates."""
    if len(immediates) == 2 and ("data" in given or "elem" in given or "type" in given):
        return [1]
    return list(range(len(immediates)))


def _addr(scope: Scope, given: dict[str, Any], immediates: Sequence[Any]) -> list[ValType]:
    return [_address(scope, given, _indices(given, immediates)[0], immediates)]


def _addr2(scope: Scope, given: dict[str, Any], immediates: Sequence[Any]) -> list[ValType]:
    return [_address(scope, given, 1, immediates)]


def _addrmin(scope: Scope, given: dict[str, Any], immediates: Sequence[Any]) -> list[ValType]:
    return [min(_address(scope, given, place, immediates) for place in (0, 1))]


def _function_of(scope: Scope, given: dict[str, Any]) -> FuncType:
    if "func" in given:
        type_index = scope.functions[given["func"]]
        assert isinstance(type_index, int)  # noqa: S101  # kind FUNC says so
        return scope.function(type_index)
    if "tag" in given:
        return scope.function(scope.tags[given["tag"]])
    return scope.function(given["type"])


def _func_ref(scope: Scope, given: dict[str, Any]) -> ValType:
    type_index = scope.functions[given["func"]]
    assert isinstance(type_index, int)  # noqa: S101  # kind FUNC says so
    return t.ref(t.concrete(type_index))


_WORDS: dict[str, Any] = {
    "addr": _addr,
    "addr2": _addr2,
    "addrmin": _addrmin,
    "global": lambda s, g, _: [s.globals[g["global"]]],
    "elem": lambda s, g, _: [s.tables[g["table"]].element],
    "ref:type": lambda _s, g, _: [t.ref(t.concrete(g["type"]))],
    "refnull:type": lambda _s, _g, i: [t.ref(t.concrete(i[0]), nullable=True)],
    "refnull:type2": lambda _s, _g, i: [t.ref(t.concrete(i[1]), nullable=True)],
    "ref:func": lambda s, g, _: [_func_ref(s, g)],
    "heap": lambda _s, g, _: [t.ref(g["heaptype"])],
    "heapnull": lambda _s, g, _: [t.ref(g["heaptype"], nullable=True)],
    "top": lambda _s, _g, _i: [t.ref(t.ANY, nullable=True)],
    "field": lambda s, g, _: [s.fields(g["type"])[g["field"]]],
    "fields": lambda s, g, _: s.fields(g["type"]),
    "item": lambda s, _g, i: [s.item(i[0])],
    "items": lambda s, g, i: [s.item(i[0])] * g["count"],
    "params": lambda s, g, _: _function_of(s, g).params,
    "results": lambda s, g, _: _function_of(s, g).results,
    "t": lambda _s, g, _: [g["valtypes"][0]],
}
"""What a word of a signature stands for, as types."""


def _label(walk: _Walk, number: int) -> tuple[ValType, ...]:
    return walk.frames[len(walk.frames) - 1 - number].label


def _of_top(walk: _Walk, places: int = 1) -> ValType:
    return walk.stack[-places].type


def _solid(type_: ValType) -> ValType:
    return t.ref(type_.heap)


def _br_on_cast(walk: _Walk, i: Sequence[Any], *, fail: bool) -> tuple[int, tuple[ValType, ...]]:
    flags, number, source, target = i
    carried = _label(walk, number)[:-1]
    into = t.ref(target, nullable=bool(flags & 2))
    rest = t.ref(source, nullable=bool(flags & 1) and not flags & 2)
    return len(carried) + 1, (*carried, into if fail else rest)


def _on_null(walk: _Walk, i: Sequence[Any]) -> tuple[int, tuple[ValType, ...]]:
    carried = _label(walk, i[0])
    return len(carried) + 1, (*carried, _solid(_of_top(walk)))


def _on_non_null(walk: _Walk, i: Sequence[Any]) -> tuple[int, tuple[ValType, ...]]:
    carried = _label(walk, i[0])[:-1]
    return len(carried) + 1, carried


def _select(walk: _Walk, _: Sequence[Any]) -> tuple[int, tuple[ValType, ...]]:
    return 3, (_of_top(walk, 2),)


def _br_table(walk: _Walk, i: Sequence[Any]) -> tuple[int, tuple[ValType, ...]]:
    return len(_label(walk, i[0][-1])) + 1, ()


def _converted(walk: _Walk, _: Sequence[Any]) -> tuple[int, tuple[ValType, ...]]:
    type_ = _of_top(walk)
    heap = t.ANY if type_.heap in (t.EXTERN, t.NOEXTERN) else t.EXTERN
    return 1, (t.ref(heap, nullable=type_.nullable),)


_RULES: dict[str, Any] = {
    "br": lambda w, i: (len(_label(w, i[0])), ()),
    "br_if": lambda w, i: (len(_label(w, i[0])) + 1, _label(w, i[0])),
    "br_table": _br_table,
    "return": lambda w, _: (len(w.returns), ()),
    "rethrow": lambda _w, _: (0, ()),
    "drop": lambda _w, _: (1, ()),
    "select": _select,
    "local.get": lambda w, i: (0, (w.locals[i[0]],)),
    "local.set": lambda _w, _: (1, ()),
    "local.tee": lambda w, i: (1, (w.locals[i[0]],)),
    "ref.is_null": lambda _w, _: (1, (t.I32,)),
    "ref.as_non_null": lambda w, _: (1, (_solid(_of_top(w)),)),
    "br_on_null": _on_null,
    "br_on_non_null": _on_non_null,
    "br_on_cast": lambda w, i: _br_on_cast(w, i, fail=False),
    "br_on_cast_fail": lambda w, i: _br_on_cast(w, i, fail=True),
    "convert": _converted,
}
"""Rules of validation whose types depend on the stack: (operands, types pushed)."""


def spans(scope: Scope, type_: FuncType, body: Body) -> list[Span]:
    """Return the spans of a valid body, in the order in which they end.

    `type_` is the function's. The function's own `end` is no span.
    """
    return list(_Walk(scope, type_, body).spans())
