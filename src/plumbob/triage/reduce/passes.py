"""The passes of a reduction, in their order.

From the coarse to the fine: what takes much away with one attempt comes first, since every
later attempt is the cheaper for it. Calls and whole functions; then statements in runs that
halve; early returns; expressions, from the largest; blocks; what code no longer needs:
parameters, locals, fields, types; last, what makes the rest read better: small constants.
A pass proposes from the best draft at hand and looks at it anew after every success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.triage.reduce import shapes
from plumbob.triage.reduce.code import arms, block_of, simplest_all, without_block
from plumbob.triage.reduce.draft import op
from plumbob.wasm import types as t
from plumbob.wasm.binary.instructions import Body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plumbob.triage.reduce.draft import Draft
    from plumbob.triage.reduce.reducer import Reducer
    from plumbob.wasm.binary.instructions import Instruction
    from plumbob.wasm.edit.spans import Span


def tidy(reducer: Reducer) -> None:
    """Drop what nothing uses."""
    reducer.attempt(reducer.best.tidied())


def fewer_calls(reducer: Reducer) -> None:
    """Leave calls out, in runs that halve; what is not called any more goes with them."""
    size = max(1, len(reducer.best.invocations) // 2)
    while size:
        at = 0
        while at < len(reducer.best.invocations) and len(reducer.best.invocations) > 1:
            calls = reducer.best.invocations
            fewer = reducer.best.calling(calls[:at] + calls[at + size :])
            if not fewer.invocations or not reducer.attempt(fewer.tidied()):
                at += size
        size //= 2


def stub_functions(reducer: Reducer) -> None:
    """Replace whole functions by the simplest results, the largest first."""
    for place in reducer.best.largest_first():
        draft = reducer.best
        if place >= len(draft.module.code):
            break
        code = simplest_all(draft.scope, draft.type(place).results)
        if code is None:
            code = [op("unreachable")]
        reducer.attempt(draft.with_body(place, Body((), [*code, op("end")])).tidied())


def each_function(propose: Callable[[Reducer, int], bool]) -> Callable[[Reducer], None]:
    """Return the pass that proposes for each function, the largest first, until nothing helps."""

    def run(reducer: Reducer) -> None:
        count = len(reducer.best.module.code)
        for place in reducer.best.largest_first():
            # A success may have dropped functions, and moved the others.
            while len(reducer.best.module.code) == count and propose(reducer, place):
                pass
            if len(reducer.best.module.code) != count:
                return

    run.__doc__ = propose.__doc__
    run.__name__ = propose.__name__
    return run


def _statements(draft: Draft, place: int) -> list[list[Span]]:
    """Return runs of neighbouring statements, the longest code first."""
    statements = [span for span in draft.spans(place) if not span.results]
    behind = {span.end: span for span in statements}
    outer: dict[int, Span] = {}
    for span in statements:  # spans that begin at the same place: the longest is the statement
        found = outer.get(span.start)
        if found is None or span.end > found.end:
            outer[span.start] = span
    runs = []
    for span in sorted(outer.values()):
        if span.start - 1 in behind and behind[span.start - 1] in outer.values():
            continue
        run = [span]
        while (follower := outer.get(run[-1].end + 1)) is not None:
            run.append(follower)
        runs.append(run)
    return sorted(runs, key=lambda run: run[0].start - run[-1].end)


def drop_statements(reducer: Reducer, place: int) -> bool:
    """Delete statements, in runs that halve."""
    for run in _statements(reducer.best, place):
        size = len(run)
        while size:
            for at in range(0, len(run), size):
                part = run[at : at + size]
                draft = _cut(reducer.best, place, part[0].start, part[-1].end, [])
                if reducer.attempt(draft):
                    return True
            size //= 2
    return False


def _cut(draft: Draft, place: int, start: int, end: int, instead: list[Instruction]) -> Draft:
    code = draft.body(place).instructions
    return draft.with_code(place, [*code[:start], *instead, *code[end + 1 :]])


def drop_dead(reducer: Reducer, place: int) -> bool:
    """Delete code behind a terminator."""
    draft = reducer.best
    code = draft.body(place).instructions
    at = 0
    while at < len(code):
        if code[at].operator.ends_in_dead_code:
            end = shapes.dead_end(code, at)
            if end > at + 1 and reducer.attempt(_cut(draft, place, at + 1, end - 1, [])):
                return True
        at += 1
    return False


def return_early(reducer: Reducer, place: int) -> bool:
    """Return an operand of a statement that has the function's type, and end there."""
    draft = reducer.best
    results = draft.type(place).results
    if len(results) != 1:
        return False
    code = draft.body(place).instructions
    for span in draft.spans(place):
        for start, end, type_ in span.operands:
            if type_ == results[0] and span.opener is None:
                early = [*code[: end + 1], op("return")]
                rest = code[end + 1 :]
                closing = shapes.dead_end([op("return"), *rest], 0) - 1
                if reducer.attempt(draft.with_code(place, [*early, *rest[closing:]])):
                    return True
                whole = [*code[start : end + 1], op("end")]
                if reducer.attempt(draft.with_code(place, whole)):
                    return True
    return False


def replace_expressions(reducer: Reducer, place: int) -> bool:
    """Replace expressions by the simplest value, by an operand, or by a local; largest first."""
    draft = reducer.best
    found = [span for span in draft.spans(place) if span.results]
    for span in sorted(found, key=lambda span: (span.start - span.end, span.start)):
        for instead in _replacements(draft, place, span):
            if len(instead) > span.end - span.start + 1:
                continue
            if reducer.attempt(_cut(draft, place, span.start, span.end, instead)):
                return True
    return False


def _replacements(draft: Draft, place: int, span: Span) -> Iterator[list[Instruction]]:
    code = draft.body(place).instructions
    yield []  # valid where nobody takes the value
    simple = simplest_all(draft.scope, span.results)
    if simple is not None:
        yield simple
    if len(span.results) != 1:
        return
    (result,) = span.results
    if result == t.I32:
        yield [op("i32.const", 1)]
    if result == t.I64:
        yield [op("i64.const", 1)]
    for start, end, type_ in span.operands:
        if type_ == result or (type_.is_ref and result.is_ref):
            yield code[start : end + 1]
    for start, end, type_ in span.operands:
        if {type_, result} == {t.I32, t.I64}:
            yield [
                *code[start : end + 1],
                op("i32.wrap_i64" if result == t.I32 else "i64.extend_i32_u"),
            ]


def operands_only(reducer: Reducer, place: int) -> bool:
    """Replace statements by one of their operands, dropped, or by what an operand computes."""
    draft = reducer.best
    code = draft.body(place).instructions
    for span in draft.spans(place):
        if span.results or span.opener is not None:
            continue
        for start, end, type_ in span.operands:
            del type_
            instead = [*code[start : end + 1], op("drop")]
            if len(instead) < span.end - span.start + 1 and reducer.attempt(
                _cut(draft, place, span.start, span.end, instead)
            ):
                return True
    return False


def unwrap_blocks(reducer: Reducer, place: int) -> bool:
    """Take blocks away around their insides; of an `if`, take one arm."""
    draft = reducer.best
    code = draft.body(place).instructions
    for span in sorted(draft.spans(place), key=lambda span: (span.start - span.end, span.start)):
        if span.opener is None:
            continue
        opener = code[span.opener]
        inner = code[span.opener + 1 : span.end]
        for instead in _unwrapped(opener, inner, code[span.start : span.opener], span):
            if reducer.attempt(_cut(draft, place, span.start, span.end, instead)):
                return True
    return False


def _unwrapped(
    opener: Instruction, inner: list[Instruction], before: list[Instruction], span: Span
) -> Iterator[list[Instruction]]:
    rule = opener.operator.rule
    if rule == "if":
        type_ = block_of(span.results)
        for arm in arms(inner):
            flat = without_block(arm)
            if flat is not None:
                yield flat
            elif type_ is not None:
                yield [op("block", type_), *arm, op("end")]
        return
    flat = without_block(inner)
    if flat is not None:
        yield [*before, *flat]
    elif rule in ("loop", "try_table") and not before:
        type_ = block_of(span.results)
        if type_ is not None:
            yield [op("block", type_), *inner, op("end")]


def without_conditions(reducer: Reducer, place: int) -> bool:
    """Turn a conditional branch into none: what it carries stays, the condition goes."""
    draft = reducer.best
    code = draft.body(place).instructions
    for span in draft.spans(place):
        if code[span.end].operator.rule != "br_if" or not span.operands:
            continue
        start = span.operands[-1][0]
        if reducer.attempt(_cut(draft, place, start, span.end, [])):
            return True
    return False


def simpler_locals(reducer: Reducer, place: int) -> bool:
    """Take `local.tee` away, and locals that nothing uses; make a set an unused value."""
    draft = reducer.best
    code = draft.body(place).instructions
    for at, instruction in enumerate(code):
        if instruction.operator.rule == "local.tee" and reducer.attempt(
            _cut(draft, place, at, at, [])
        ):
            return True
    fewer = shapes.used_locals_alone(draft, place)
    return fewer is not None and reducer.attempt(fewer)


def forward_values(reducer: Reducer, place: int) -> bool:
    """Replace the reads of a local by what its only write computes, where that is short."""
    draft = reducer.best
    code = draft.body(place).instructions
    for span in draft.spans(place):
        if code[span.end].operator.rule != "local.set":
            continue
        (local,) = code[span.end].immediates
        reads = [
            at for at, each in enumerate(code)
            if each.operator.rule == "local.get" and each.immediates == (local,)
        ]  # fmt: skip
        value = code[span.start : span.end]
        if len(reads) != 1 or reads[0] < span.end:
            continue
        moved = [*code[: span.start], *code[span.end + 1 : reads[0]], *value, *code[reads[0] + 1 :]]
        if reducer.attempt(draft.with_code(place, moved)):
            return True
    return False


def smaller_constants(reducer: Reducer, place: int) -> bool:
    """Make constants, offsets and alignments smaller."""
    draft = reducer.best
    code = draft.body(place).instructions
    for at, instruction in enumerate(code):
        for new in shapes.smaller(instruction):
            if reducer.attempt(_cut(draft, place, at, at, [new])):
                return True
    return False


def fewer_parameters(reducer: Reducer) -> None:
    """Make parameters locals, and take the arguments away wherever the function is called."""
    progress = True
    while progress:
        draft = reducer.best
        progress = any(
            proposal is not None and reducer.attempt(proposal)
            for place in range(len(draft.module.code))
            for number in range(len(draft.type(place).params))
            for proposal in (shapes.without_parameter(draft, place, number),)
        )


def fewer_fields(reducer: Reducer) -> None:
    """Take fields of structures away that nothing reads or writes."""
    index = 0
    while index < len(reducer.best.module.types):
        composite = reducer.best.module.types[index].composite
        number = len(composite.fields) - 1 if isinstance(composite, t.StructType) else -1
        while number >= 0:
            draft = shapes.without_field(reducer.best, index, number)
            if draft is not None:
                reducer.attempt(draft)
            number -= 1
        index += 1


def plainer_types(reducer: Reducer) -> None:
    """Make types final, without supertypes, in groups of their own; packed fields plain."""
    progress = True
    while progress:
        progress = any(reducer.attempt(draft) for draft in shapes.plainer_types(reducer.best))


def inline_calls(reducer: Reducer) -> None:
    """Put the body of a function in the place of its only call."""
    progress = True
    while progress:
        progress = any(reducer.attempt(draft) for draft in shapes.inlined(reducer.best))


def simpler_arguments(reducer: Reducer) -> None:
    """Make the arguments of the calls simpler."""
    progress = True
    while progress:
        progress = any(reducer.attempt(draft) for draft in shapes.simpler_arguments(reducer.best))


def simpler_initial_values(reducer: Reducer) -> None:
    """Make globals, segments and limits simpler."""
    progress = True
    while progress:
        progress = any(reducer.attempt(draft) for draft in shapes.simpler_storage(reducer.best))


PASSES: Final = (
    tidy,
    fewer_calls,
    stub_functions,
    each_function(drop_dead),
    each_function(drop_statements),
    each_function(return_early),
    each_function(replace_expressions),
    each_function(operands_only),
    each_function(unwrap_blocks),
    each_function(without_conditions),
    each_function(simpler_locals),
    each_function(forward_values),
    inline_calls,
    fewer_parameters,
    fewer_fields,
    plainer_types,
    simpler_arguments,
    simpler_initial_values,
    each_function(smaller_constants),
    tidy,
)
"""The passes, in the order in which a round runs them."""
