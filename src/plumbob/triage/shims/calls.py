"""Shims around exported functions: words in, words out, exceptions caught.

A shim takes the words of the parameters, makes the values, calls the function and returns
the words of the results. Where the module can throw, its first result says what happened: 0
for values, n for an exception of the n-th tag told apart, one more than there are tags for
any other; the words of the results or of the payload follow as i64, zeros where there are
fewer. Exceptions are caught in the form that the module itself uses: engines refuse to have
`try_table` and `try` in one module.

**Features.** A shim uses nothing that the module does not, except that several words need
`multi-value`. They are needed for a function of several results, which has it; for a v128;
and for exceptions, whose proposal builds on it. No engine has vectors or exceptions without
multi-value, so nothing becomes unsupported by that.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from plumbob.triage.shims.observed import PLAIN, Entry, TagSeen, words_of
from plumbob.wasm.binary.instructions import CATCH, CATCH_ALL, BlockType, Catch
from plumbob.wasm.edit.append import FunctionWriter
from plumbob.wasm.limits import MAX_PARAMS, MAX_RESULTS
from plumbob.wasm.module import FUNC, TAG
from plumbob.wasm.types import F32, F64, I32, I64, UNREACHABLE, V128, FuncType, TagType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.triage.shims.builders import Builders
    from plumbob.triage.shims.digests import Digests
    from plumbob.triage.shims.uses import Uses
    from plumbob.wasm.edit.append import Editor
    from plumbob.wasm.module import Export, Module
    from plumbob.wasm.types import ValType

SHIMS: Final = 10_000
"""How many functions get a shim."""
CLAUSES: Final = 200_000
"""How many catch clauses all shims have together, so that many tags and many functions do
not multiply."""
LEAST_TAGS: Final = 16
"""How many tags are told apart, however many functions there are."""
MOST_TAGS: Final = 1000

_WORD_TYPES: Final = {"i32": I32, "i64": I64}


def types_of_words(types: Sequence[ValType]) -> tuple[ValType, ...]:
    """Return the types of the words that values travel as."""
    return tuple(_WORD_TYPES[word] for type_ in types for word in words_of(type_))


class CallShims:
    """Writes the shims of a module's exported functions."""

    def __init__(
        self, editor: Editor, uses: Uses, builders: Builders, digests: Digests, *, room: bool
    ) -> None:
        self._room = room
        self._editor = editor
        self._module: Module = editor.original
        self._types = self._module.types
        self._uses = uses
        self._builders = builders
        self._digests = digests
        self._shims: dict[int, str] = {}
        """Function index to the export of its shim: a function may be exported often."""
        imported = self._module.imported(FUNC)
        self._type_indices = [item.type for item in imported]
        self._type_indices += self._module.functions

    def entry(self, place: int, export: Export) -> Entry:
        """Return how an exported function is called; `place` is the export's index."""
        type_index = self._type_indices[export.index]
        assert isinstance(type_index, int)  # noqa: S101  # an import of a function has one
        type_ = self._types[type_index].composite
        assert isinstance(type_, FuncType)  # noqa: S101  # validation has seen to it
        params, results = type_
        if not self._catches and set(params + results) <= PLAIN:
            return Entry(export.name, params, results, export.name, ((),) * len(params))
        shapes = tuple(self._builders.shapes(p) if p.is_ref else () for p in params)
        tags = self._tags if self._catches else None
        slots = self._slots(results) if self._catches else 0
        refused = self._refusal(params, results, shapes)
        if refused:
            return Entry(export.name, params, results, "", shapes, tags, slots, refused)
        name = self._shims.get(export.index)
        if name is None:
            name = self._editor.fresh_name(f"plumbob:call:{place}")
            self._editor.export(name, FUNC, self._write(export.index, params, results, slots))
            self._shims[export.index] = name
        return Entry(export.name, params, results, name, shapes, tags, slots)

    def _refusal(
        self,
        params: Sequence[ValType],
        results: Sequence[ValType],
        shapes: Sequence[tuple[str, ...]],
    ) -> str:
        """Return why a function cannot be called, or nothing."""
        if not self._room:
            return "the module is too large for shims"
        for type_, buildable in zip(params, shapes, strict=True):
            if type_.is_ref and not buildable:
                return f"no value of {type_} can be made"
        if len(types_of_words(params)) > MAX_PARAMS:
            return f"its parameters are more than {MAX_PARAMS} words"
        if results != (UNREACHABLE,):
            words = len(types_of_words(results)) + self._catches
            if words > MAX_RESULTS:
                return f"its results are more than {MAX_RESULTS} words"
        if len(self._shims) >= SHIMS:
            return f"more than {SHIMS} functions need a shim"
        return ""

    # Tags

    @cached_property
    def _tag_types(self) -> list[tuple[ValType, ...]]:
        """What each tag carries, imported ones first."""
        indices = [
            item.type.type_index for item in self._module.imports if isinstance(item.type, TagType)
        ]
        indices += [tag.type_index for tag in self._module.tags]
        payloads = []
        for index in indices:
            composite = self._types[index].composite
            assert isinstance(composite, FuncType)  # noqa: S101  # validation has seen to it
            payloads.append(composite.params)
        return payloads

    @cached_property
    def _catches(self) -> bool:
        """Whether the module can throw: it needs a tag for that, and an operator."""
        return bool(self._tag_types) and self._uses.exceptions

    @cached_property
    def _tags(self) -> tuple[TagSeen, ...]:
        """The tags that are told apart."""
        functions = sum(1 for export in self._module.exports if export.kind == FUNC)
        most = min(MOST_TAGS, max(LEAST_TAGS, CLAUSES // max(functions, 1)))
        names: dict[int, str] = {}
        for export in self._module.exports:
            if export.kind == TAG:
                names.setdefault(export.index, export.name)
        for index, item in enumerate(self._module.imported(TAG)):
            names.setdefault(index, f"{item.module}.{item.name}")
        return tuple(
            TagSeen(names.get(index, f"tag {index}"), index in names, self._told(payload))
            for index, payload in enumerate(self._tag_types[:most])
        )

    def _told(self, payload: tuple[ValType, ...]) -> tuple[ValType, ...]:
        """Return as many of a tag's types as fit behind the first word."""
        while len(types_of_words(payload)) >= MAX_RESULTS:
            payload = payload[:-1]
        return payload

    def _slots(self, results: Sequence[ValType]) -> int:
        """Return how many words follow the first, where exceptions are caught."""
        told = [tag.types for tag in self._tags]
        if results != (UNREACHABLE,):
            told.append(tuple(results))
        return max((len(types_of_words(types)) for types in told), default=0)

    # Writing

    def _write(
        self, function: int, params: Sequence[ValType], results: Sequence[ValType], slots: int
    ) -> int:
        """Append a shim and return its index."""
        words = types_of_words(params)
        writer = FunctionWriter(words)
        never = tuple(results) == (UNREACHABLE,)
        if self._catches:
            back = (I32, *(I64,) * slots)
        else:
            back = () if never else types_of_words(results)
        held = [writer.local(type_) for type_ in back]

        def call() -> None:
            self._arguments(writer, params)
            writer.op("call", function)
            if never:
                writer.op("unreachable")
            else:
                self._store(writer, results, held[self._catches :], back[self._catches :])

        if self._catches:
            form = self._legacy if self._uses.legacy_exceptions else self._modern
            form(writer, held, call)
        else:
            call()
        for local in held:
            writer.get(local)
        return self._editor.add_function(self._editor.func_type(words, back), writer.body())

    def _arguments(self, writer: FunctionWriter, params: Sequence[ValType]) -> None:
        """Append: values of the types come from the words in the first locals."""
        word = 0
        for type_ in params:
            writer.get(word)
            if type_ == V128:
                writer.op("i64x2.splat").get(word + 1).op("i64x2.replace_lane", 1)
                word += 1
            elif type_ in (F32, F64):
                writer.op(f"{type_}.reinterpret_i{str(type_)[1:]}")
            elif type_.is_ref:
                self._builders.build(writer, type_)
            word += 1

    def _store(
        self,
        writer: FunctionWriter,
        types: Sequence[ValType],
        slots: Sequence[int],
        slot_types: Sequence[ValType],
    ) -> None:
        """Append: the values on the stack become words in locals; what has no slot is dropped."""
        place = len(types_of_words(types))
        for type_ in reversed(types):
            width = len(words_of(type_))
            place -= width
            if place + width > len(slots):
                writer.op("drop")
            elif type_ == V128:
                vector = writer.local(V128)
                writer.op("local.tee", vector).op("i64x2.extract_lane", 0).set(slots[place])
                writer.get(vector).op("i64x2.extract_lane", 1).set(slots[place + 1])
            else:
                self._to_word(writer, type_)
                if words_of(type_) == ("i32",) and slot_types[place] == I64:
                    writer.op("i64.extend_i32_u")
                writer.set(slots[place])

    def _to_word(self, writer: FunctionWriter, type_: ValType) -> None:
        """Append: a value of one word becomes that word."""
        if type_ in (F32, F64):
            writer.op(f"i{str(type_)[1:]}.reinterpret_{type_}")
        elif type_.is_ref:
            self._digests.see(writer, type_)

    def _payload(self, writer: FunctionWriter, number: int, held: Sequence[int]) -> None:
        """Append: what a tag carries, on the stack, goes into the slots, and its number first."""
        slots = held[1:]
        told = words = len(types_of_words(self._tags[number].types))
        assert told <= len(slots)  # noqa: S101  # `_slots` counted them
        self._store(writer, self._tag_types[number], slots[:words], (I64,) * words)
        writer.i32(number + 1).set(held[0])

    def _modern(
        self, writer: FunctionWriter, held: Sequence[int], call: Callable[[], None]
    ) -> None:
        """Append the call in a `try_table`: a block for each tag, around it one for the rest."""
        count = len(self._tags)
        writer.block("block").block("block")
        for number in reversed(range(count)):
            payload = self._tag_types[number]
            if len(payload) > 1:
                writer.block("block", type_index=self._editor.func_type((), payload))
            else:
                writer.block("block", payload[0] if payload else None)
        clauses = [Catch(CATCH, number, number) for number in range(count)]
        writer.op("try_table", BlockType(), (*clauses, Catch(CATCH_ALL, None, count)))
        call()
        writer.op("end").op("br", count + 1)
        for number in range(count):
            writer.op("end")
            self._payload(writer, number, held)
            writer.op("br", count - number)
        writer.op("end").i32(count + 1).set(held[0]).op("end")

    def _legacy(
        self, writer: FunctionWriter, held: Sequence[int], call: Callable[[], None]
    ) -> None:
        """Append the call in a `try` with a clause for each tag and one for the rest."""
        writer.block("try")
        call()
        for number in range(len(self._tags)):
            writer.op("catch", number)
            self._payload(writer, number, held)
        writer.op("catch_all").i32(len(self._tags) + 1).set(held[0]).op("end")
