from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.errors import InternalError
from plumbob.ir import types
from plumbob.ir.entities import (
    AbiParam,
    AddGlobal,
    BlockCall,
    ExtFunc,
    Signature,
    StackSlotData,
    SymbolName,
    memflags,
)
from plumbob.ir.function import ALIAS, HOLE, Function
from plumbob.ir.operations import OPERATIONS, operation
from plumbob.ir.parser import parse_clif
from plumbob.ir.printer import print_function
from plumbob.ir.verifier import Target, require_valid, verify

if TYPE_CHECKING:
    from collections.abc import Callable


def errors(text: str, target: Target | None = None) -> list[str]:
    (func,) = parse_clif(dedent(text))
    return [
        f"{kind}{number}: {e.message}" for e in verify(func, target) for kind, number in [e.entity]
    ]


def body(lines: str, head: str = "(i32, i64) -> i32", preamble: str = "") -> str:
    return (
        f"function %f{head} {{\n{indent(dedent(preamble), '    ')}\n"
        f"block0(v0: i32, v1: i64):\n{indent(dedent(lines), '    ')}\n}}\n"
    )


def test_every_sample_is_valid(samples: list[Function]) -> None:
    for func in samples:
        assert verify(func) == [], print_function(func)


def test_addresses_are_as_wide_as_pointers(samples: list[Function]) -> None:
    for func in samples:
        inst = func.block_insts[func.entry][0]
        op = func.inst_op[inst]
        if "flags" not in op.format.imm_slots or op.name == "bitcast":
            continue
        for index, constraint in enumerate(op.types.operands):
            if constraint.variable == "iAddr":
                found = func.value_type(func.inst_args[inst][index]).bits
                for bits in (32, 64):
                    wrong = [e.message[:21] for e in verify(func, Target(bits))]
                    assert wrong == ([] if bits == found else ["invalid pointer width"]), op.name


CASES = [
    ("v2 = iadd v0, v1\nreturn v2", "inst0: arg 1 (v1) has type i64, expected i32"),
    ("return v1", "inst0: result 0 has type i64, must match function signature of i32"),
    ("return", "inst0: arguments of return must match function signature: got 0, expected 1"),
    ("jump block7", "inst0: invalid block reference block7"),
    ("jump block0", "inst0: mismatched argument count for block0: got 0, expected 2"),
    ("jump block0(v0, v0)", "inst0: arg v0 has type i32, expected i64"),
    ("nop", "inst0: block0 does not end in a terminator"),
    ("v2 = uextend.i32 v1\nreturn v2", "inst0: arg 0 (v1) with type i64 failed to satisfy type"),
    ("v2 = load.i32 region4 v1\nreturn v2", "inst0: undefined alias region region4"),
    ("store readonly v0, v1\nreturn v0", "inst0: A store instruction cannot have the `readonly`"),
    ("v2 = iadd v0, v0\nv3 = iadd.i32 v2, v4\nv4 = iadd v2, v2\nreturn v4",
     "inst1: uses value v4 from non-dominating inst2"),
    (
        "return v5\nblock1(v5: i32):\nreturn v5",
        "inst0: uses value arg from non-dominating block1: v5",
    ),
    ("v2 = iadd.i32 v2, v0\nreturn v2", "inst0: uses value v2 from itself"),
    ("return v0\nblock1(v5: i32):\nreturn v5\n", ""),
    ("v2 = splat.i32x4 v0\nv3 = extractlane v2, 4\nreturn v3",
     "inst1: The lane 4 does not index into the type i32x4"),
    ("v2 = splat.i32x4 v0\nv3 = fcvt_from_sint.f64x2 v2\nreturn v0",
     "inst1: arg 0 (v2) has type i32x4, expected as many lanes as f64x2"),
    ("v2 = bitcast.i64 v0\nreturn v0",
     "inst0: The bitcast argument v0 has a type of 32 bits, which doesn't match an expected type"),
    ("v2 = bitcast.i8x4 v0\nreturn v0",
     "inst0: Byte order specifier required for bitcast instruction changing lane count"),
    ("v2 = bitcast.f32 notrap v0\nreturn v0",
     "inst0: The bitcast instruction only accepts the `big` or `little` memory flags"),
    ("v2 = get_exception_handler_address.i64 block0, 0\nreturn v0",
     "inst0: referenced block block0 does not end in a try_call"),
    ("<1> v2 = iadd v0, v0\nreturn v2",
     "inst0: debug tags present on non-call, non-sequence point instruction"),
    ("<1> sequence_point\nreturn v0", ""),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "message"), CASES)
def test_errors_name_the_instruction(lines: str, message: str) -> None:
    found = errors(body(lines))
    if message:
        assert [e[: len(message)] for e in found] == [message]
    else:
        assert found == []


def test_all_errors_are_collected() -> None:
    found = errors(body("v2 = iadd v0, v1\nv3 = isub v0, v1\nstore v0, v1\nreturn v1"))
    assert [e.split(":")[0] for e in found] == ["inst0", "inst1", "inst3"]


CALLS = [
    ("call fn0(v0)\nreturn v0", "() tail", "inst0: mismatched argument count for `call fn0(v0)`"),
    ("call fn0(v1)\nreturn v0", "(i32) tail", "inst0: arg 0 (v1) has type i64, expected i32"),
    ("return_call fn0()", "() -> i32 fast", "inst0: calling convention `fast` does not support"),
    ("return_call fn0()", "() -> i32 tail", "inst0: callee's calling convention must match caller"),
    ("call fn0()\nreturn v0", "() -> i32, i64 preserve_all", None),
    ("try_call fn0(), sig0, block1(), []\nblock1:\nreturn v0", "() fast",
     "inst0: calling convention `fast` of callee does not support exceptions"),
    ("try_call fn0(), sig0, block1(ret0), []\nblock1(v5: i32):\nreturn v0", "() tail",
     "inst0: out-of-bounds `retN` block argument: 0 exist"),
    ("try_call fn0(), sig0, block1(exn0), []\nblock1(v5: i32):\nreturn v0", "() tail",
     "inst0: `exnN` block argument used outside normal-return target of `try_call`"),
    ("try_call fn0(), sig0, block1(ret1), []\nblock1(v5: i32):\nreturn v0", "() -> i8, i64 tail",
     "inst0: arg ret1 has type i64, expected i32"),
    ("jump block1(ret0)\nblock1(v5: i32):\nreturn v0", "() tail", "inst0: `retN` block argument"),
    ("call fn0(), stack_map=[i64 @ ss0+4]\nreturn v0", "() tail",
     "inst0: stack map entry i64 at offset 4 exceeds ss0 of 8 bytes"),
    ("call fn0(), stack_map=[i32 @ ss0+4]\nreturn v0", "() tail", ""),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "signature", "message"), CALLS)
def test_calls(lines: str, signature: str, message: str | None) -> None:
    if message is None:
        with pytest.raises(Exception, match="wrong number of results"):
            errors(
                body(lines, preamble=f"ss0 = explicit_slot 8\nsig0 = {signature}\nfn0 = %g sig0")
            )
        return
    found = errors(
        body(lines, preamble=f"ss0 = explicit_slot 8\nsig0 = {signature}\nfn0 = %g sig0")
    )
    expected = [message] if message else []
    assert [e[: len(message)] for e in found[:1]] == expected
    if not message:
        assert found == []


ENTITIES = [
    ("sig0 = () -> i32 preserve_all", "sig0: Signature with `preserve_all` ABI cannot have return"),
    ("sig0 = (f32 sext)", "sig0: Parameter at position 0 has invalid extension Sext"),
    ('region0 = 1 "a"\nregion1 = 1 "b"', "region1: duplicate alias region user_id 1"),
    ("gv0 = vmctx", "gv0: undeclared vmctx reference"),
    ("gv0 = load.i32 gv1\ngv1 = load.i64 gv0", "gv0: global value cycle: [gv0, gv1]"),
    ("gv0 = iadd_imm.i32 gv0, 1", "gv0: global value cycle: [gv0]"),
    ("gv0 = symbol %x\ngv1 = iadd_imm.f32 gv0, 1", "gv1: iadd_imm needs an integer type, not f32"),
    ("gv0 = symbol %x\ngv1 = iadd_imm.i32 gv0, 1", "gv1: base gv0 has type i64, expected i32"),
    ("gv0 = load.i64 region2 gv1\ngv1 = symbol %x", "gv0: undefined alias region region2"),
    ("gv0 = symbol %x\ndt0 = i8x16*gv0", "dt0: gv0 is not a dyn_scale_target_const"),
]


@pytest.mark.parametrize(("preamble", "message"), ENTITIES)
def test_entities(preamble: str, message: str) -> None:
    found = errors(body("return v0", preamble=preamble), Target(64))
    assert [e[: len(message)] for e in found] == [message]


def test_cycles_of_global_values_are_reported_once() -> None:
    preamble = "gv0 = load.i64 gv1\ngv1 = load.i64 gv2\ngv2 = load.i64 gv1\n"
    found = errors(body("return v0", preamble=preamble))
    assert found == ["gv1: global value cycle: [gv1, gv2]"]


def test_what_is_unknown_of_the_target_is_not_checked() -> None:
    text = body("v2 = load.i32 v0\nset_pinned_reg v0\nreturn v2")
    assert errors(text) == []
    assert [e[:6] for e in errors(text, Target(64, pinned_reg=False))] == [
        "inst0:",
        "inst1:",
        "inst1:",
    ]
    assert errors(text, Target(32, pinned_reg=True)) == []


def simple() -> Function:
    (func,) = parse_clif(
        dedent("""\
        function %f(i32, i64 vmctx) -> i32 tail {
            ss0 = explicit_slot 8
            gv0 = vmctx
            sig0 = (i32) -> i32 tail
            fn0 = %g sig0
        block0(v0: i32, v1: i64):
            v2 -> v0
            v3 = iadd v2, v0
            brif v3, block1(v3), block2
        block1(v4: i32):
            v5 = call fn0(v4), stack_map=[i64 @ ss0+0]
            return v5
        block2:
            v6 = shuffle_me v0
            return v6
        }
        """).replace("shuffle_me", "clz")
    )
    assert verify(func) == []
    return func


def _set(table: str, index: int, value: object) -> Callable[[Function], None]:
    def change(func: Function) -> None:
        getattr(func, table)[index] = value

    return change


def _twice(func: Function) -> None:
    func.layout.append(0)


def _shared(func: Function) -> None:
    func.block_insts[2].insert(0, func.block_insts[0][0])


def _detached(func: Function) -> None:
    func.remove_inst(func.block_insts[0][0])


def _gone(func: Function) -> None:
    func.layout.remove(2)


def _alias_cycle(func: Function) -> None:
    func.value_kind[0] = ALIAS
    func.value_owner[0] = 2


def _alias_of_nothing(func: Function) -> None:
    func.value_owner[2] = func.new_value(ALIAS, 77, 0, types.I32)


def _alias_type(func: Function) -> None:
    func.value_types[2] = types.I64


CORRUPTIONS: list[tuple[str, Callable[[Function], None]]] = [
    ("layout names a block twice", _twice),
    ("is not in block", _shared),
    ("has no definition", _detached),
    ("invalid block reference", _gone),
    ("recorded as defined elsewhere", _alias_cycle),
    ("stands for v0 of", _alias_type),
    ("an alias of v77, which is no value", _alias_of_nothing),
    ("recorded as defined elsewhere", _set("value_owner", 3, 1)),
    ("has no type", _set("value_types", 3, None)),
    ("expected v3 to have type i32, got i64", _set("value_types", 3, types.I64)),
    ("an alias of v99, which is no value", _set("value_owner", 2, 99)),
    ("has 1 operands", _set("inst_args", 0, (0,))),
    ("wrong immediates", _set("inst_imms", 2, ())),
    ("undefined reference fn7", _set("inst_imms", 2, (7,))),
    ("has 1 destinations", _set("inst_targets", 1, (BlockCall(1, (3,)),))),
    ("controlling type None", _set("inst_type", 0, None)),
    ("not a valid controlling type", _set("inst_type", 0, types.F32)),
    ("block2 is empty", _set("block_insts", 2, [])),
    ("uses value v98, which has no definition", _set("inst_args", 4, (98,))),
    ("undefined signature sig5", _set("ext_funcs", 0, ExtFunc(SymbolName("g"), 5))),
    ("power of two", _set("stack_slots", 0, StackSlotData(8, 3))),
    ("undefined global value gv4", _set("global_values", 0, AddGlobal(4, 1, types.I64))),
    ("entry block parameter 0 expected to have type i32", _set("value_types", 0, types.I8)),
    ("stack map names ss0, which does not exist", _set("stack_slots", 0, None)),
]


@pytest.mark.parametrize(("message", "corrupt"), CORRUPTIONS)
def test_broken_tables_are_found(message: str, corrupt: Callable[[Function], None]) -> None:
    func = simple()
    corrupt(func)
    found = verify(func)
    assert any(message in str(e) for e in found), list(map(str, found))
    with pytest.raises(InternalError, match="malformed IR after a test"):
        require_valid(func, after="a test")


def test_immediates_out_of_range() -> None:
    func = Function(SymbolName("f"), Signature())
    block = func.append_block()
    cases = [
        ("iconst", types.I8, (256,), "does not fit the type i8"),
        ("f32const", None, (1 << 32,), "not a bit pattern of f32"),
        ("trap", None, ("user0",), "unknown trap code"),
        ("stack_addr", types.I64, (0, 1 << 31), "does not fit 32 bits"),
    ]
    func.add_stack_slot(StackSlotData(8))
    for name, ctrl, imms, _ in cases:
        inst = func.new_inst(operation(name), ctrl, (), imms)
        func.make_results(inst)
        if name == "trap":
            last = inst
        else:
            func.append_inst(block, inst)
    func.append_inst(block, last)
    found = sorted(e.message for e in verify(func))
    assert len(found) == len(cases)
    for *_, message in cases:
        assert any(message in e for e in found), message


def test_bad_words_and_flags() -> None:
    func = Function(SymbolName("f"), Signature((AbiParam(types.I64),)))
    block = func.append_block()
    value = func.append_param(block, types.I64)
    for name, ctrl, args, imms in (
        ("icmp", types.I64, (value, value), ("lt",)),
        ("load", types.I8, (value,), (memflags(trap="oops", endian="middle"), 0)),
    ):
        inst = func.new_inst(operation(name), ctrl, args, imms)
        func.make_results(inst)
        func.append_inst(block, inst)
    func.append_inst(block, func.new_inst(operation("return")))
    assert [e.message for e in verify(func)] == [
        "unknown condition or operation `lt`",
        "unknown trap code `oops`",
        "unknown byte order `middle`",
    ]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_corruption_makes_the_verifier_fail(data: st.DataObject) -> None:
    """Whatever a faulty pass writes into a function, the verifier answers with errors."""
    func = simple()
    for _ in range(data.draw(st.integers(1, 3))):
        table = data.draw(
            st.sampled_from(
                ["inst_op", "inst_type", "inst_args", "inst_targets", "value_kind", "value_owner"]
            )
        )
        rows = getattr(func, table)
        index = data.draw(st.integers(0, len(rows) - 1))
        number = st.integers(0, 9)
        destinations = st.builds(BlockCall, number, st.lists(number, max_size=2).map(tuple))
        rows[index] = data.draw(
            {
                "inst_op": st.sampled_from(list(OPERATIONS.values())),
                "inst_type": st.sampled_from([None, *types.NUMERIC]),
                "inst_args": st.lists(number, max_size=3).map(tuple),
                "inst_targets": st.lists(destinations, max_size=3).map(tuple),
                "value_kind": st.integers(0, 3),
                "value_owner": number,
            }[table]
        )
    assert isinstance(verify(func), list)


def test_a_declaration_is_valid() -> None:
    assert errors("function %f(i32) {}") == []
    assert verify(Function()) == []


def test_errors_show_the_instruction() -> None:
    (func,) = parse_clif(body("v2 = iadd v0, v1\nreturn v2"))
    (error,) = verify(func)
    assert str(error) == "inst0 (v2 = iadd v0, v1): arg 1 (v1) has type i64, expected i32"


def test_holes_have_no_uses() -> None:
    (func,) = parse_clif(body("v7 = iadd v0, v0\nreturn v7"))
    assert func.value_kind[5] == HOLE
    assert verify(func) == []
