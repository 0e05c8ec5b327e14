"""The SSA builder against a direct evaluation of the same program on variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.errors import InternalError
from plumbob.ir import types
from plumbob.ir.builder import FunctionBuilder
from plumbob.ir.dominators import dominator_tree
from plumbob.ir.entities import AbiParam, BlockCall, Signature, SymbolName
from plumbob.ir.function import ALIAS, PARAM, Function
from plumbob.ir.parser import parse_clif
from plumbob.ir.printer import print_function
from plumbob.ir.verifier import verify

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLES = 3
FUEL = 60
MASK = (1 << 32) - 1

# A statement assigns to a variable: a constant, another variable, or the sum of two.
Statement = tuple[str, int, int, int]


class Code(NamedTuple):
    statements: list[Statement]
    successors: list[int]


class Program(NamedTuple):
    """Blocks 0 to n-1; block 0 is the entry, to which no branch leads.

    A block with two successors takes the first if variable 0 is odd; with none, it returns
    all variables.
    """

    blocks: list[Code]
    order: list[int]
    eager: bool


def statements() -> st.SearchStrategy[list[Statement]]:
    var = st.integers(0, VARIABLES - 1)
    return st.lists(
        st.one_of(
            st.tuples(st.just("const"), var, st.integers(0, 9), st.just(0)),
            st.tuples(st.just("copy"), var, var, st.just(0)),
            st.tuples(st.just("add"), var, var, var),
        ),
        max_size=4,
    )


@st.composite
def programs(draw: st.DrawFn) -> Program:
    count = draw(st.integers(1, 8))
    target = st.integers(1, count - 1) if count > 1 else st.nothing()
    blocks = [
        Code(draw(statements()), draw(st.lists(target, max_size=3 if count > 1 else 0)))
        for _ in range(count)
    ]
    rest = draw(st.permutations(range(1, count)))
    return Program(blocks, [0, *rest], draw(st.booleans()))


class Built(NamedTuple):
    """`seen` is every value that variable 1 was given or read as."""

    func: Function
    seen: list[int]


def build(program: Program) -> Built:
    params = tuple(AbiParam(types.I32) for _ in range(VARIABLES))
    func = Function(SymbolName("f"), Signature(params, params))
    builder = FunctionBuilder(func)
    names = [builder.create_block() for _ in program.blocks]
    variables = [builder.declare_var(types.I32, needs_stack_map=i == 1) for i in range(VARIABLES)]
    remaining = [0] * len(names)
    for code in program.blocks:
        for successor in set(code.successors):
            remaining[successor] += 1
    builder.append_function_params(names[0])
    seen: list[int] = []

    def read(var: int) -> int:
        value = builder.use_var(variables[var])
        if var == 1:
            seen.append(value)
        return value

    def assign(var: int, value: int) -> None:
        builder.def_var(variables[var], value)
        if var == 1:
            seen.append(value)

    for index in program.order:
        code = program.blocks[index]
        builder.switch_to_block(names[index])
        if program.eager and remaining[index] == 0:
            builder.seal_block(names[index])
        if index == 0:
            for var, param in enumerate(builder.block_params(names[0])):
                assign(var, param)
        for kind, var, a, b in code.statements:
            if kind == "const":
                value = builder.iconst(types.I32, a)
            elif kind == "copy":
                value = read(a)
            else:
                value = builder.ins("iadd", read(a), read(b))
            assign(var, value)
        terminate(builder, [names[s] for s in code.successors], read)
        for successor in set(code.successors):
            remaining[successor] -= 1
            if program.eager and remaining[successor] == 0:
                builder.seal_block(names[successor])
    builder.seal_all_blocks()
    return Built(builder.finalize(), seen)


def terminate(builder: FunctionBuilder, targets: list[int], read: Callable[[int], int]) -> None:
    if not targets:
        builder.return_([read(var) for var in range(VARIABLES)])
    elif len(targets) == 1:
        builder.jump(targets[0])
    else:
        odd = builder.ins("band", read(0), builder.iconst(types.I32, 1))
        if len(targets) == 2:
            builder.brif(odd, targets[0], targets[1])
        else:
            calls = [BlockCall(target) for target in targets]
            builder.br_table(odd, calls[2], calls[:2])


def expected(program: Program, inputs: list[int]) -> list[int] | None:
    state, index = list(inputs), 0
    for _ in range(FUEL):
        code = program.blocks[index]
        for kind, var, a, b in code.statements:
            value = a if kind == "const" else state[a]
            state[var] = (value + state[b]) & MASK if kind == "add" else value
        if not code.successors:
            return state
        odd = state[0] & 1
        choice = {1: 0, 2: 1 - odd, 3: odd}[len(code.successors)]
        index = code.successors[choice]
    return None


def evaluate(func: Function, inputs: list[int]) -> list[int] | None:
    env = dict(zip(func.block_params[func.entry], inputs, strict=True))
    block = func.entry
    for _ in range(FUEL):
        for inst in func.block_insts[block]:
            args = [env[func.resolve(v)] for v in func.inst_args[inst]]
            name = func.inst_op[inst].name
            targets = func.inst_targets[inst]
            if name == "return":
                return args
            if name == "iconst":
                result = func.inst_imms[inst][0]
            elif name == "iadd":
                result = (args[0] + args[1]) & MASK
            elif name == "band":
                result = args[0] & args[1]
            else:
                chosen = targets[0]
                if name == "brif":
                    chosen = targets[0 if args[0] else 1]
                elif name == "br_table":
                    chosen = targets[args[0] + 1 if args[0] + 1 < len(targets) else 0]
                values = [env[func.resolve(v)] for v in chosen.args]
                env.update(zip(func.block_params[chosen.block], values, strict=True))
                block = chosen.block
                break
            env[func.inst_results[inst][0]] = result
    return None


@settings(max_examples=300, deadline=None)
@given(programs(), st.lists(st.integers(0, 9), min_size=VARIABLES, max_size=VARIABLES))
def test_ssa_computes_what_the_variables_do(program: Program, inputs: list[int]) -> None:
    func = build(program).func
    assert verify(func) == [], print_function(func)
    assert evaluate(func, inputs) == expected(program, inputs), print_function(func)


@settings(max_examples=100, deadline=None)
@given(programs())
def test_what_is_built_reads_back(program: Program) -> None:
    func = build(program).func
    (again,) = parse_clif(print_function(func))
    assert again.content() == func.content()


@settings(max_examples=200, deadline=None)
@given(programs())
def test_every_value_of_a_marked_variable_is_marked(program: Program) -> None:
    built = build(program)
    func, marked = built.func, built.func.stack_map_values
    assert all(func.value_kind[v] != ALIAS for v in marked)
    assert {func.resolve(v) for v in built.seen} <= marked
    # Nor is anything marked that is neither one of these, nor a parameter inserted between,
    # nor a zero that stands for the variable in unreachable code.
    tree = dominator_tree(func)
    for value in marked - {func.resolve(v) for v in built.seen}:
        unreachable = not tree.is_reachable(func.value_block(value))
        assert func.value_kind[value] == PARAM or unreachable


def test_marks_hold_every_value_a_variable_ever_had() -> None:
    # Two definitions in one block, an inserted parameter, and an alias.
    func = Function(SymbolName("f"), Signature((AbiParam(types.I32),) * 2, (AbiParam(types.I32),)))
    builder = FunctionBuilder(func)
    entry, left, join = (builder.create_block() for _ in range(3))
    a, b = builder.append_function_params(entry)
    var, other = builder.declare_var(types.I32), builder.declare_var(types.I32)
    builder.switch_to_block(entry)
    builder.seal_block(entry)
    first = builder.iconst(types.I32, 7)
    builder.def_var(var, first)
    builder.def_var(var, a)
    builder.def_var(other, b)
    builder.brif(a, left, join)
    builder.switch_to_block(left)
    builder.seal_block(left)
    builder.def_var(var, b)
    builder.jump(join)
    builder.switch_to_block(join)
    value = builder.use_var(var)
    same = builder.use_var(other)
    builder.seal_block(join)
    builder.return_([builder.ins("iadd", value, same)])
    builder.declare_var_needs_stack_map(var)
    lone = func.block_insts[join][-1]
    builder.declare_value_needs_stack_map(func.inst_args[lone][0])
    builder.finalize()
    assert func.value_kind[value] == PARAM
    assert func.value_kind[same] == ALIAS
    assert func.resolve(same) == b
    assert func.stack_map_values == {first, a, b, value, func.inst_args[lone][0]}
    text = print_function(func)
    assert f"v{same} -> v{b}" in text
    assert f"jump block2(v{b})" in text
    assert "block2(v0)" in text


def test_loops_need_no_sealed_header() -> None:
    func = Function(SymbolName("f"), Signature((AbiParam(types.I32),), (AbiParam(types.I32),)))
    builder = FunctionBuilder(func)
    entry, header, body, done = (builder.create_block() for _ in range(4))
    (n,) = builder.append_function_params(entry)
    count, total = builder.declare_var(types.I32), builder.declare_var(types.I32)
    builder.switch_to_block(entry)
    builder.def_var(count, n)
    builder.def_var(total, builder.iconst(types.I32, 0))
    builder.jump(header)
    builder.switch_to_block(header)
    builder.brif(builder.use_var(count), body, done)
    builder.switch_to_block(body)
    builder.def_var(total, builder.ins("iadd", builder.use_var(total), builder.use_var(count)))
    minus = builder.iconst(types.I32, -1)
    builder.def_var(count, builder.ins("iadd", builder.use_var(count), minus))
    builder.jump(header)
    builder.switch_to_block(done)
    builder.return_([builder.use_var(total)])
    builder.seal_all_blocks()
    func = builder.finalize()
    assert verify(func) == []
    assert len(func.block_params[header]) == 2
    assert evaluate(func, [5]) == [15]


@pytest.mark.parametrize("ty", [ty for ty in types.NUMERIC if not ty.is_dynamic], ids=str)
def test_unreachable_code_reads_zeros(ty: types.Type) -> None:
    func = Function(SymbolName("f"), Signature())
    builder = FunctionBuilder(func)
    entry, dead = builder.create_block(), builder.create_block()
    var = builder.declare_var(ty)
    builder.switch_to_block(entry)
    builder.return_()
    builder.switch_to_block(dead)
    builder.seal_all_blocks()
    assert func.value_type(builder.use_var(var)) is ty
    builder.return_()
    builder.finalize()
    assert verify(func) == []


def test_an_unreachable_loop_reads_a_zero() -> None:
    func = Function(SymbolName("f"), Signature())
    builder = FunctionBuilder(func)
    entry, one, two = (builder.create_block() for _ in range(3))
    var = builder.declare_var(types.I64)
    builder.switch_to_block(entry)
    builder.return_()
    builder.switch_to_block(one)
    value = builder.use_var(var)
    builder.def_var(var, builder.ins("iadd", value, value))
    builder.jump(two)
    builder.switch_to_block(two)
    builder.jump(one)
    builder.seal_all_blocks()
    assert verify(builder.finalize()) == []


def test_references_in_dead_code_need_the_callers_help() -> None:
    def start(builder: FunctionBuilder) -> int:
        entry, dead = builder.create_block(), builder.create_block()
        builder.switch_to_block(entry)
        builder.return_()
        builder.switch_to_block(dead)
        builder.seal_all_blocks()
        return builder.use_var(builder.declare_var(types.reference("any")))

    with pytest.raises(InternalError, match="no path defines"):
        start(FunctionBuilder(Function()))

    def null(builder: FunctionBuilder, ty: types.Type) -> int:
        return builder.load(ty, builder.iconst(types.I64, 0))

    builder = FunctionBuilder(Function(), null)
    start(builder)
    builder.return_()
    assert verify(builder.finalize()) == []


def test_long_chains_of_blocks_do_not_recurse() -> None:
    func = Function(SymbolName("f"), Signature((AbiParam(types.I32),), (AbiParam(types.I32),)))
    builder = FunctionBuilder(func)
    blocks = [builder.create_block() for _ in range(20_000)]
    (n,) = builder.append_function_params(blocks[0])
    var = builder.declare_var(types.I32)
    for index, block in enumerate(blocks):
        builder.switch_to_block(block)
        if index == 0:
            builder.def_var(var, n)
        if index + 1 < len(blocks):
            # Every third block has two ways in, so parameters are asked for as well.
            after = blocks[index + 1]
            if index % 3 == 0 and index + 2 < len(blocks):
                builder.brif(n, after, blocks[index + 2])
            else:
                builder.jump(after)
    last = builder.use_var(var)
    builder.return_([last])
    builder.seal_all_blocks()
    func = builder.finalize()
    assert func.resolve(last) == n
    assert verify(func) == []


def test_wide_tables_take_linear_time() -> None:
    func = Function(SymbolName("f"), Signature((AbiParam(types.I32),), (AbiParam(types.I32),)))
    builder = FunctionBuilder(func)
    entry, other, join = (builder.create_block() for _ in range(3))
    (n,) = builder.append_function_params(entry)
    variables = [builder.declare_var(types.I32) for _ in range(50)]
    builder.switch_to_block(entry)
    for var in variables:
        builder.def_var(var, n)
    builder.br_table(n, BlockCall(other), [BlockCall(join)] * 5_000)
    builder.switch_to_block(other)
    for number, var in enumerate(variables):
        builder.def_var(var, builder.iconst(types.I32, number))
    builder.jump(join)
    builder.switch_to_block(join)
    builder.seal_all_blocks()
    total = n
    for var in variables:
        total = builder.ins("iadd", total, builder.use_var(var))
    builder.return_([total])
    func = builder.finalize()
    assert len(func.block_params[join]) == 50
    assert verify(func) == []


def broken(case: str) -> None:
    func = Function(SymbolName("f"), Signature())
    builder = FunctionBuilder(func)
    entry, other = builder.create_block(), builder.create_block()
    if case == "nowhere":
        builder.iconst(types.I32, 0)
    builder.switch_to_block(entry)
    if case == "undefined":
        builder.use_var(builder.declare_var(types.I32))
    if case == "type":
        builder.def_var(builder.declare_var(types.I64), builder.iconst(types.I32, 0))
    if case == "unfilled":
        builder.switch_to_block(other)
    if case == "unfilled at the end":
        builder.finalize()
    if case == "sealed":
        builder.seal_block(other)
        builder.jump(other)
    builder.jump(other)
    if case == "filled":
        builder.iconst(types.I32, 0)
    if case == "again":
        builder.switch_to_block(entry)
    builder.switch_to_block(other)
    var = builder.declare_var(types.I32)
    builder.use_var(var)
    if case == "own parameter":
        builder.append_block_param(other, types.I32)
    builder.return_()
    if case == "unsealed":
        builder.finalize()


@pytest.mark.parametrize(
    "case",
    [
        "nowhere",
        "undefined",
        "type",
        "unfilled",
        "unfilled at the end",
        "sealed",
        "filled",
        "again",
        "own parameter",
        "unsealed",
    ],
)
def test_misuse_is_an_error(case: str) -> None:
    with pytest.raises(InternalError):
        broken(case)


def test_source_locations_are_kept() -> None:
    func = Function(SymbolName("f"), Signature())
    builder = FunctionBuilder(func)
    builder.switch_to_block(builder.create_block())
    builder.location = 0x40
    builder.store(builder.iconst(types.I32, 1), builder.iconst(types.I64, 64), 4)
    builder.return_()
    assert set(builder.finalize().inst_location) == {0x40}
