"""Every operator: its signature, immediates, checks, feature, grammar and constness."""

from __future__ import annotations

import pytest
from tests.wasm.support import environment as env
from tests.wasm.support.corpus import differences
from tests.wasm.support.environment import TAIL, Case, Environment, code, nonnull
from tests.wasm.support.expectations import CONSTANT, EXTENDED, feature_of
from tests.wasm.support.faults import CHECK_FAULTS, faults
from tests.wasm.support.uses import all_uses, use_of, uses_of

from plumbob.wasm import features as f
from plumbob.wasm.binary.instructions import BlockType, encode_operator
from plumbob.wasm.opcodes import BY_NAME, TABLE
from plumbob.wasm.types import ANY, EXTERN, EXTERNREF, F32, FUNC, I31, I32, I64, V128, ref
from plumbob.wasm.valid.policy import FORBIDDEN, POLICIES, POLYMORPHIC

USES = all_uses()
CLOSERS = {"end", "else", "catch", "catch_all", "delegate"}
UNREACHABLE = code(("unreachable",))
END_OF_INPUT = 101


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment()


def test_the_table_is_the_one_these_tests_were_written_for() -> None:
    assert len(TABLE) == 575
    assert len({operator.code for operator in TABLE}) == 575
    assert len({operator.name for operator in TABLE}) == 575


@pytest.mark.parametrize("accelerate", [True, False])
def test_well_typed_uses_are_valid(environment: Environment, *, accelerate: bool) -> None:
    outcomes = environment.outcomes([use.case() for use in USES], accelerate=accelerate)
    wrong = [(use, found) for use, found in zip(USES, outcomes, strict=True) if found.error]
    assert not wrong
    assert {use.operator for use in USES} == set(TABLE)


def test_three_judges_agree_on_every_operator_and_single_fault() -> None:
    count, found = differences(TABLE)
    assert not found
    assert count > 25_000


def test_a_wrong_operand_is_found_at_the_operator(environment: Environment) -> None:
    """wasmtime judges whether; here stands which operand is no subtype, and where it shows."""
    expected, cases = [], []
    for use in USES:
        if use.name in CLOSERS or use.before:
            continue
        for place, operand in enumerate(use.operands):
            # v128 and externref are in no relation to anything but themselves and `any` words.
            wrong = EXTERNREF if operand == V128 else V128
            types = (*use.operands[:place], wrong, *use.operands[place + 1 :])
            cases.append(Case(types, use.results, use.body()))
            expected.append((use, place))
    for (use, place), case, found in zip(expected, cases, environment.outcomes(cases), strict=True):
        if use.name == "drop":
            assert found.error == 0
            continue
        assert found.error in ({201, 233} if use.name == "select" else {201, 241}), (use, place)
        assert found.start == use.position, (use, case)


def test_a_missing_operand_is_found_at_the_operator(environment: Environment) -> None:
    uses = [use for use in USES if use.operands and not use.before]
    outcomes = environment.outcomes([use.case(use.body(skip=1)) for use in uses])
    for use, found in zip(uses, outcomes, strict=True):
        assert found.error == 202, use
        assert found.start == len(use.prologue(skip=1)), use


def test_results_have_no_more_and_no_less_than_their_types(environment: Environment) -> None:
    """The exact result: what is left over, and what is missing, is found at the end."""
    uses = [
        use
        for use in USES
        if not use.operator.ends_in_dead_code
        and not use.after
        and not use.before
        and "label" not in use.operator.immediates  # its label takes the function's results
        and "catches" not in use.operator.immediates
        and use.name not in {"br_on_cast", "br_on_cast_fail"}
    ]
    less = [Case(use.operands, use.results[:-1], use.body()) for use in uses if use.results]
    assert {found.error for found in environment.outcomes(less)} == {203}
    more = [Case(use.operands, (F32, *use.results), use.body()) for use in uses]
    assert {found.error for found in environment.outcomes(more)} == {202}


@pytest.mark.parametrize("accelerate", [True, False])
def test_immediates_out_of_range(environment: Environment, *, accelerate: bool) -> None:
    wrong = [fault for use in USES for fault in faults(use)]
    outcomes = environment.outcomes([fault.use.case(fault.body()) for fault in wrong],
                                    accelerate=accelerate)  # fmt: skip
    for fault, found in zip(wrong, outcomes, strict=True):
        assert found.error == fault.error, fault
        assert found.start == fault.use.position, fault
        if fault.at is not None:
            assert found.position == fault.use.position + fault.at, fault
    assert len(wrong) > 2_500


@pytest.mark.parametrize("policy", [number for number in POLICIES.values() if number != FORBIDDEN])
def test_immediates_out_of_range_in_dead_code(environment: Environment, policy: int) -> None:
    """Immediates are decoded and checked in dead code as in live code, under every policy."""
    wrong = [
        fault
        for use in USES
        if not use.before  # a block opened there would be live under relaxed-block
        for fault in faults(use)
    ]
    cases = []
    for fault in wrong:
        body = fault.use.prologue(skip=len(fault.use.operands)) + UNREACHABLE + fault.encoded
        cases.append(fault.use.case(body + fault.use.after + TAIL))
    for fault, found in zip(wrong, environment.outcomes(cases, policy=policy), strict=True):
        assert found.error == fault.error, fault
        assert found.start == len(fault.use.prologue(skip=len(fault.use.operands))) + 1


@pytest.mark.parametrize("dead", [False, True])
@pytest.mark.parametrize("policy", [number for number in POLICIES.values() if number != FORBIDDEN])
def test_conditions_between_immediates(
    environment: Environment, policy: int, *, dead: bool
) -> None:
    """`checks` come before operands, so an empty stack must not hide them."""
    cases = []
    before = b"\0" + UNREACHABLE * dead
    for name, immediates, _ in CHECK_FAULTS:
        out = bytearray(before)
        encode_operator(out, BY_NAME[name], immediates)
        cases.append(Case((), (), bytes(out) + TAIL))
    outcomes = environment.outcomes(cases, policy=policy)
    for (name, immediates, error), found in zip(CHECK_FAULTS, outcomes, strict=True):
        assert (found.error, found.start) == (error, len(before)), (name, immediates)


@pytest.mark.parametrize("policy", [number for number in POLICIES.values() if number != FORBIDDEN])
def test_dead_code_needs_no_operands(environment: Environment, policy: int) -> None:
    uses = [use for use in USES if not use.before]
    cases = [
        use.case(use.prologue(skip=len(use.operands)) + UNREACHABLE + use.encoded() + use.after
                 + TAIL)
        for use in uses
    ]  # fmt: skip
    for accelerate in (True, False):
        outcomes = environment.outcomes(cases, policy=policy, accelerate=accelerate)
        for use, found in zip(uses, outcomes, strict=True):
            assert found.error == 0, (use, found)


def test_dead_code_is_forbidden_but_for_what_closes_a_block(environment: Environment) -> None:
    uses = [use for use in USES if not use.before and use.name not in CLOSERS]
    before = [use.prologue(skip=len(use.operands)) + UNREACHABLE for use in uses]
    cases = [
        use.case(start + use.encoded() + use.after + TAIL)
        for use, start in zip(uses, before, strict=True)
    ]
    outcomes = environment.outcomes(cases, policy=FORBIDDEN)
    for use, start, found in zip(uses, before, outcomes, strict=True):
        assert (found.error, found.start) == (235, len(start)), use
    closers = [use for use in USES if use.name in CLOSERS]
    cases = [
        Case((I32,) * len(use.operands), use.results,
             use.prologue() + UNREACHABLE + use.encoded() + use.after + TAIL)
        for use in closers
    ]  # fmt: skip
    for use, found in zip(closers, environment.outcomes(cases, policy=FORBIDDEN), strict=True):
        # A dead second arm would make the code behind the `if` dead too: these have none.
        assert found.error in (0, 201, 203), use
        assert found.error != 235


@pytest.mark.parametrize("policy", list(POLICIES.values()))
def test_dead_operands_of_wrong_types(environment: Environment, policy: int) -> None:
    """What dead code pushes is checked under `polymorphic` alone."""
    uses = [
        use
        for use in USES
        if use.operands and not use.before and not use.name.startswith("br_on_")
        and use.name not in {"drop", "if", "block", "loop", "try", "try_table"}
    ]  # fmt: skip
    cases = []
    for use in uses:
        wrong = code(("v128.const", bytes(16)))
        if use.operands[-1] == V128:
            wrong = code(("i32.const", 0))
        start = use.prologue(skip=len(use.operands)) + UNREACHABLE + wrong
        cases.append(use.case(start + use.encoded() + use.after + TAIL))
    for use, found in zip(uses, environment.outcomes(cases, policy=policy), strict=True):
        if policy == POLYMORPHIC:
            assert found.error in (201, 241), use
        elif policy == FORBIDDEN:
            assert found.error == 235, use
        else:
            assert found.error == 0, use


def test_cut_anywhere_a_body_is_malformed(environment: Environment) -> None:
    cuts, cases = [], []
    for use in USES:
        body = use.body()
        for size in range(len(body)):
            cuts.append((use, size))
            cases.append(use.case(body[:size]))
    fast = environment.outcomes(cases)
    assert fast == environment.outcomes(cases, accelerate=False)
    for (use, size), found in zip(cuts, fast, strict=True):
        assert found.error == END_OF_INPUT, (use, size)
        assert found.start <= found.position <= size, (use, size)


def _single_features() -> list[int]:
    return [1 << bit for bit in range(len(f.NAMES))]


@pytest.mark.parametrize("feature", _single_features(), ids=list(f.NAMES))
def test_without_its_feature_an_operator_is_illegal(environment: Environment, feature: int) -> None:
    with_it = [use for use in USES if use.operator.feature & feature and not use.before]
    outcomes = environment.outcomes([use.case() for use in with_it], features=f.ALL & ~feature)
    for use, found in zip(with_it, outcomes, strict=True):
        if any(item.is_ref for item in use.locals):
            continue  # the declaration of its locals fails before
        assert (found.error, found.start) == (150, use.position), use


def test_features_are_those_of_the_proposals() -> None:
    """Which proposal brought an operator, by the first letters of its name or its opcode."""
    for operator in TABLE:
        expected = feature_of(operator.name, operator.prefix, operator.number)
        assert operator.feature == expected, operator.name


def test_constant_operators(environment: Environment) -> None:
    zero = {I32: ("i32.const", 0), I64: ("i64.const", 0), F32: ("f32.const", 0)}
    for operator in TABLE:
        use = uses_of(operator)[0]
        found = environment.constant(use.encoded() + b"\x0b", I32)
        if operator.name not in CONSTANT | EXTENDED:
            # Immediates come first: a constant expression has neither locals nor labels.
            kinds = {"local", "label"} & set(operator.immediates)
            assert found.error in ((204, 205, 237) if kinds else (237,)), operator.name
            assert found.start == 0
            continue
        assert found.error != 237, operator.name
        if all(item in zero for item in use.operands) and use.results and not use.before:
            operands = b"".join(code(zero[item]) for item in use.operands)
            found = environment.constant(operands + use.encoded() + b"\x0b", use.results[0])
            assert found.error == 0, operator.name
    without = f.ALL & ~f.EXTENDED_CONST
    for name in sorted(EXTENDED):
        width = name[:3]
        operands = code((f"{width}.const", 1), (f"{width}.const", 2))
        found = environment.constant(operands + code((name,)) + b"\x0b", I32, features=without)
        assert (found.error, found.start) == (237, len(operands))


def test_constant_expressions_read_immutable_globals_alone(environment: Environment) -> None:
    assert environment.constant(code(("global.get", env.CONST_GLOBAL)) + b"\x0b", I32).error == 0
    for index, error in ((env.MUT_I64, 238), (env.MUT_FUNC, 238), (77, 206)):
        found = environment.constant(code(("global.get", index)) + b"\x0b", I32)
        assert (found.error, found.start) == (error, 0)


def test_constant_expressions_are_one_value_and_an_end(environment: Environment) -> None:
    one = code(("i32.const", 1))
    for expression, error in (
        (b"", 101),
        (one, 101),
        (b"\x0b", 202),
        (one + one + b"\x0b", 203),
        (one + b"\x0b\x0b", 157),
        (code(("i64.const", 1)) + b"\x0b", 201),
        (one + code(("drop",)) + b"\x0b", 237),
        (code(("block", BlockType())) + b"\x0b\x0b", 237),
    ):
        assert environment.constant(expression, I32).error == error, expression.hex()


def test_a_function_named_in_a_constant_expression_is_declared(environment: Environment) -> None:
    expression = code(("ref.func", env.UNDECLARED)) + b"\x0b"
    assert environment.constant(expression, nonnull(env.VOID)).error == 0


def test_memarg_needs_a_memory(environment: Environment) -> None:
    """The environment has memories: here is one without."""
    from plumbob.wasm.module import Code, Module, RecGroup  # noqa: PLC0415  # nobody else's
    from plumbob.wasm.types import FuncType, SubType  # noqa: PLC0415  # the same
    from plumbob.wasm.valid.validate import validate  # noqa: PLC0415  # the same

    del environment
    for name in ("i32.load", "i64.store", "v128.load8_lane", "memory.atomic.notify"):
        module = Module()
        module.rec_groups = [RecGroup((SubType(FuncType((), ())),))]
        module.functions = [0]
        module.code = [Code(b"\0" + use_of(name).encoded() + b"\x0b")]
        report = validate(module, features=f.ALL)
        assert [item.code for item in report.diagnostics] == ["E0210"]


LEGACY = {
    # Bodies and what the validator must say: no other judge knows these operators.
    "catch outside try": (code(("catch", env.VOID_TAG)), 161),
    "catch behind catch_all": (
        code(("try", BlockType()), ("catch_all",), ("catch", env.VOID_TAG), ("end",)), 161),
    "two catch_all": (code(("try", BlockType()), ("catch_all",), ("catch_all",), ("end",)), 161),
    "else in try": (code(("try", BlockType()), ("else",), ("end",)), 161),
    "delegate behind catch": (
        code(("try", BlockType()), ("catch_all",), ("delegate", 0)), 161),
    "delegate in block": (code(("block", BlockType()), ("delegate", 0)), 161),
    "delegate past the function": (code(("try", BlockType()), ("delegate", 1)), 204),
    "catch pushes the parameters": (
        code(("try", BlockType()), ("catch", env.TAG), ("end",)), 203),
    "parameters of a tag in order": (
        code(("try", BlockType()), ("catch", env.TAG), ("i32.eqz",), ("drop",), ("drop",),
             ("end",)), 201),
    "try must leave its result": (
        code(("try", BlockType(I32)), ("catch_all",), ("i32.const", 0), ("end",), ("drop",)), 202),
    "catch must leave it too": (
        code(("try", BlockType(I32)), ("i32.const", 0), ("catch_all",), ("end",), ("drop",)), 202),
    "rethrow of a try body": (code(("try", BlockType()), ("rethrow", 0), ("end",)), 240),
    "rethrow of a block": (
        code(("try", BlockType()), ("catch_all",), ("block", BlockType()), ("rethrow", 0),
             ("end",), ("end",)), 240),
    "nothing left by catch_all": (
        code(("try", BlockType()), ("catch_all",), ("drop",), ("end",)), 202),
    "valid: both arms": (
        code(("try", BlockType(I32)), ("i32.const", 0), ("catch", env.TAG), ("drop",), ("end",),
             ("drop",)), 0),
    "valid: rethrow ends an arm": (
        code(("try", BlockType(I32)), ("i32.const", 0), ("catch_all",), ("rethrow", 0), ("end",),
             ("drop",)), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", LEGACY)
def test_legacy_exceptions_by_hand(environment: Environment, name: str) -> None:
    body, error = LEGACY[name]
    case = Case((), (), b"\0" + body + TAIL)
    fast, slow = (environment.outcomes([case], accelerate=on)[0] for on in (True, False))
    assert fast == slow
    assert fast.error == error


def test_references_are_told_apart() -> None:
    """The pool of types that the corpus tries must not have grown thin."""
    kinds = {item for use in USES for item in use.pool}
    assert {ref(ANY), ref(FUNC), ref(EXTERN), ref(I31), nonnull(env.STRUCT)} <= kinds
