from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from plumbob.errors import InputError
from plumbob.filetest.clif_file import read_clif_file
from plumbob.ir.entities import AliasRegionData, SymbolName
from plumbob.ir.function import ALIAS, Function
from plumbob.ir.parser import parse_clif, parse_functions
from plumbob.ir.printer import print_function, print_functions, print_instruction
from plumbob.ir.types import F64
from plumbob.ir.verifier import verify
from plumbob.source import Source

ROOT = Path(__file__).resolve().parents[2]


def one(text: str) -> Function:
    (func,) = parse_clif(dedent(text), "t")
    return func


def body(text: str, params: str = "v0: i32, v1: i64, v2: f32, v3: i32x4") -> Function:
    return one(f"function %f() {{\nblock0({params}):\n    {text}\n}}\n")


def test_every_operation_reads_back(samples: list[Function]) -> None:
    for func in samples:
        text = print_function(func)
        (again,) = parse_clif(text)
        assert again.content() == func.content(), text
        assert print_function(again) == text


def test_several_functions(samples: list[Function]) -> None:
    text = print_functions(samples[:20])
    assert [f.content() for f in parse_clif(text)] == [f.content() for f in samples[:20]]


FULL = """\
function u1:2(i32 uext, i64 vmctx, i64 sarg(16), i64 sret) -> i8 sext, f64 tail {
    ss0 = explicit_slot 8
    ss3 = explicit_slot 12, align = 4, key = 77
    dt0 = i32x4*gv6
    dss1 = explicit_dynamic_slot dt0
    region2 = 36 "heap of a module"
    userextname0 = u8:9
    gv0 = vmctx
    gv1 = load.i64 notrap aligned readonly can_move region2 gv0-72
    gv2 = iadd_imm.i64 gv1, -32
    gv3 = symbol colocated tls userextname0+16
    gv4 = symbol %Memcpy
    gv6 = dyn_scale_target_const.i32x4
    sig0 = (i32, i64x2) -> f16 system_v
    sig2 = () fast
    fn0 = colocated patchable %callee.x sig0
    fn4 = u0:7 sig2
    fn5 = %CeilF32 sig2
    const0 = 0x0102030405060708090a0b0c0d0e0f10
    stack_limit = gv2

block0(v0: i32, v1: i64, v2: i64, v3: i64):
    v7 -> v0
    v8 -> v7
    v4 = iconst.i32 -5
    v9 = iadd v8, v4  ; v4 = -5
    v10 -> v9
    brif v10, block2(v9), block5 cold_arm

block2(v5: i32) cold:
    trap user250

block5:
    v6 = f16const +sNaN:0x1
    trap heap_oob
}
"""


def test_everything_a_function_may_hold_prints_as_it_was_written() -> None:
    text = FULL.replace(" cold_arm", "")
    assert print_function(one(text)) == text


def test_locations_tags_and_stack_maps() -> None:
    text = """\
        function %f(i64) -> i32 tail {
            ss0 = explicit_slot 16
            sig0 = (i64) -> i32 tail
            fn0 = %g sig0

                                        block0(v0: i64):
        @0010 <1, ss0, 7>                   v1 = call fn0(v0), stack_map=[i64 @ ss0+0, i32 @ ss0+8]
                                            try_call_indirect v0(v0), sig0, block1(ret0), [ context v0, tag5: block2(exn1), default: block2(exn0) ], stack_map=[i64 @ ss0+8]

                                        block1(v2: i32):
        @ffffffff                           return v2

                                        block2(v3: i64):
        @0011                               return_call_indirect.i64 sig0, v0(v3)
        }
        """  # noqa: E501  # one line of text each
    func = one(text)
    printed = print_function(func)
    assert one(printed).content() == func.content()
    inst = func.block_insts[0][0]
    assert func.inst_location[inst] == 0x10
    assert [tuple(tag) for tag in func.debug_tags[inst]] == [("user", 1), ("slot", 0), ("user", 7)]
    assert [tuple(map(str, e)) for e in func.stack_maps[inst]] == [
        ("i64", "0", "0"),
        ("i32", "0", "8"),
    ]
    lines = printed.splitlines()
    assert "@0010 <1, ss0, 7>                   v1 = call fn0(v0), stack_map=" in printed
    assert " " * 32 + "block0(v0: i64):" in lines


def test_flags_print_in_one_order() -> None:
    func = body("v9 = load.i32 region0 big readonly user3 can_move aligned v1+4")
    inst = func.block_insts[0][0]
    expected = "v9 = load.i32 user3 aligned readonly can_move big region0 v1+4"
    assert print_instruction(func, inst) == expected


def test_types_are_left_out_where_the_operand_is_of_the_same_block() -> None:
    text = """\
        function %f(i32) {
        block0(v0: i32):
            v1 = iadd v0, v0
            jump block1

        block1:
            v2 = iadd.i32 v1, v1
            v3 = iadd v2, v1
            trap user1
        }
        """
    assert print_function(one(text)) == dedent(text).replace("%f(i32)", "%f(i32) fast")


def test_what_the_verifier_rejects_reads_back_too() -> None:
    # A type that is not the operand's, and a stack-map entry before its slot.
    wrong = body("v9 = rotl.i8 v1, v0\n return")
    assert "rotl.i8 v1, v0" in print_function(wrong)
    assert one(print_function(wrong)).content() == wrong.content()
    before = one("""\
        function %f() {
            ss0 = explicit_slot 8
            fn0 = %g()
        block0:
            call fn0(), stack_map=[i32 @ ss0-4]
            return
        }
        """)
    assert one(print_function(before)).content() == before.content()


def test_aliases_stay_and_may_come_first() -> None:
    func = body("v7 -> v8\n v8 -> v0\n v7 -> v8\n v9 = iadd v7, v7\n return")
    assert func.value_kind[7] == func.value_kind[8] == ALIAS
    assert func.resolve(7) == 0
    assert func.value_type(7) is func.value_type(0)
    assert func.inst_args[0] == (7, 7)
    func.resolve_all_aliases()
    assert func.inst_args[0] == (0, 0)
    assert not func.is_defined(7)


def test_dynamic_types_may_be_called_by_their_names() -> None:
    func = one("""\
        function %f(i8) -> i8x16 {
            gv0 = dyn_scale_target_const.i8x16
            dt0 = i8x16*gv0
        block0(v0: i8):
            v1 = splat.dt0 v0
            v2 = extract_vector v1, 0
            return v2
        }
        """)
    assert str(func.value_type(1)) == "i8x16xN"
    assert one(print_function(func)).content() == func.content()


def test_renamed_operations_may_go_by_their_old_name() -> None:
    func = body("v9 = x86_blendv v3, v3, v3\n return")
    assert print_instruction(func, 0) == "v9 = blendv v3, v3, v3"


def test_copies_share_nothing_that_changes(samples: list[Function]) -> None:
    for func in (*samples[::100], one(FULL.replace(" cold_arm", ""))):
        before = func.content()
        other = func.copy()
        assert other.content() == before
        other.append_param(other.entry, other.value_type(0) if other.value_kind else F64)
        other.remove_inst(other.block_insts[other.entry][0])
        other.stack_slots.clear()
        other.stack_maps.clear()
        other.add_constant(b"new")
        assert func.content() == before
        assert func.add_constant(b"new") == len(func.constants) - 1


@pytest.mark.parametrize(
    "name", ["", "a b", "f\u00fcr", 'q"uote', "new\nline", "back\\slash", "; no comment", "\ud800"]
)
def test_any_text_may_be_a_name(name: str) -> None:
    func = Function(SymbolName(name))
    func.add_alias_region(AliasRegionData(1, name))
    text = print_function(func)
    assert text.isascii()
    assert one(text).content() == func.content()


def test_functions_without_a_name_have_one() -> None:
    assert print_function(Function()) == "function u0:0() fast {\n}\n"


def test_tags_are_any_number_of_32_bits() -> None:
    func = one("""\
        function %f() tail {
            sig0 = () tail
            fn0 = %g sig0
        block0:
            try_call fn0(), sig0, block1, [ tag4294967295: block1 ]
        block1:
            return
        }
        """)
    assert one(print_function(func)).content() == func.content()


def test_a_use_before_its_definition_keeps_its_type() -> None:
    func = body("v9 = iadd v0, v0\n v10 = iadd v9, v9\n return")
    func.block_insts[0][:2] = reversed(func.block_insts[0][:2])
    text = print_function(func)
    assert "v10 = iadd.i32 v9, v9" in text
    assert one(text).content() == func.content()


def test_the_reference_shows_a_function_that_is_valid() -> None:
    reference = (ROOT / "docs" / "clif.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```\n(function %gcd.*?)```", reference, re.DOTALL)
    assert verify(one(text)) == []


def test_names_may_hold_dots_and_functions_need_no_blocks() -> None:
    func = one("function %a.b$c_1() {}")
    assert func.is_declaration
    assert print_function(func) == "function %a.b$c_1() fast {\n}\n"


def test_comments_belong_to_the_entity_before_them() -> None:
    text = dedent("""\
        ; head
        function %f() { ; of f
            ; still of f
            ss0 = explicit_slot 8 ; of ss0
            fn0 = %g() ; of fn0
        block0: ; of block0
            v0 = iconst.i32 1 ; of inst0
            ; also of inst0
            v1 -> v0 ; of v1
            call fn0( ; within inst1
            )
            return ; of inst2
        } ; of f again
        ; last
        function %g() { ; of g
        }
        """)
    first, second = parse_functions(Source("t", text))
    assert [(*c.entity, c.text[2:], c.line) for c in first.comments] == [
        ("function", 0, "of f", 2),
        ("function", 0, "still of f", 3),
        ("ss", 0, "of ss0", 4),
        ("fn", 0, "of fn0", 5),
        ("block", 0, "of block0", 6),
        ("inst", 0, "of inst0", 7),
        ("inst", 0, "also of inst0", 8),
        ("alias", 1, "of v1", 9),
        ("inst", 1, "within inst1", 10),
        ("inst", 2, "of inst2", 12),
        ("function", 0, "of f again", 13),
        ("function", 0, "last", 14),
    ]
    assert [c.text for c in second.comments] == ["; of g"]
    assert (first.line, second.line) == (2, 15)


ERRORS = [
    ("functio %f() {}", "t:1:1: syntax error: expected `function`, found `functio`"),
    ("function f() {}", "t:1:10: .*expected a function's name"),
    ("function %f(i33) {}", "t:1:13: .*expected a type"),
    ("function %f() -> i32 quick {}", "t:1:22: .*expected a calling convention"),
    ("function %f() {\n", "t:2:1: .*expected a block.*found the end"),
    ("function %f() {\nblock0:\n", "t:3:1: .*found the end of the text"),
    ("function %f() {\nblock0:\n  v0 = iadd v1\n}", "t:4:1: .*expected `,`"),
    ("function %f() {\nblock0:\n  v0 = frob v1\n}", "t:3:8: unknown instruction: found `frob`"),
    ("function %f() {\nblock0:\n  v0 = iadd_imm v1, 2\n}", "t:3:8: .*write `iconst`, then `iadd`"),
    ("function %f() {\nblock0:\n  v0 = load v1\n}", "t:3:13: .*expected a type, as in `load.i32`"),
    ("function %f() {\nblock0:\n  v0 = iadd v1, v1\n}", "t:3:8: .*v1.*not defined yet"),
    ("function %f() {\nblock0:\n  return v5\n}", "t:3:10: undefined value: found `v5`"),
    ("function %f() {\nblock0(v0: i32, v0: i32):\n}", "t:2:17: duplicate definition"),
    ("function %f() {\nblock0:\nblock0:\n}", "t:3:1: duplicate definition: found `block0`"),
    ("function %f() {\n  ss0 = explicit_slot 8\n  ss0 = explicit_slot 8\n}", "t:3:3: dupl"),
    ("function %f() {\nblock0:\n  v0 = stack_addr.i64 ss0\n}", "t:3:23: undefined stack slot"),
    ("function %f() {\nblock0:\n  call fn0()\n}", "t:3:8: undefined function"),
    ("function %f() {\n  gv0 = load.i32 gv9\n}", "t:2:18: undefined entity: found `gv9`"),
    ("function %f() {\nblock0:\n  v0 -> v1\n  v1 -> v0\n}", "t:4:3: .*cycle.*`v1 -> v0`"),
    ("function %f() {\nblock0:\n  v0 -> v0\n}", "t:3:3: .*cycle"),
    ("function %f() {\nblock0:\n  v0, v1 = iconst.i32 1\n}", "t:3:12: wrong number of results"),
    ("function %f() {\nblock0:\n  v0 = iconst.i8 256\n}", "t:3:18: .*an integer of 8 bits"),
    ("function %f() {\nblock0:\n  v0 = f32const 1.5\n}", "t:3:17: .*hexadecimal float"),
    ("function %f() {\nblock0:\n  v0 = iconst.f32 1\n}", "t:3:8: .*does not work on this type"),
    ("function %f() {\nblock0:\n  nop.i32\n}", "t:3:7: `nop` takes no type"),
    ("function %f() {\nblock0:\n  v0 = vconst.i32x4 [1 2 3]\n}", "t:3:21: .*expected 4 lanes"),
    ("function %f() {\nblock0:\n  trap user0\n}", "t:3:8: .*expected a trap code"),
    ("function %f() {\nblock0:\n  trap user251\n}", "t:3:8: .*expected a trap code"),
    ("function %f() {\nblock0(v0: i64):\n  v1 = load.i8 notrap user1 v0\n}", "t:3:23: .*one trap"),
    ("function %f() {\nblock0(v0: i64):\n  v1 = load.i8 big little v0\n}", "t:3:20: .*byte order"),
    ("function %f() {\nblock4294967295:\n}", "t:2:1: number too large: .*`block4294967295`"),
    ("function %f() {\nblock0:\n  return v99999999999\n}", "t:3:10: number too large"),
    ('function %"a\\q"() {}', "t:1:10: .*JSON's escapes"),
    ("function %f() {\nblock007:\n}", "t:2:1: .*expected a block"),
    ("function %f() {\nblock0:\n  #\n}", "t:3:3: unknown character: found '#'"),
    ("function u4294967296:0() {}", "t:1:10: .*below 2"),
    ("function %f() {\n  ss0 = explicit_slot 8, align = 3\n}", "t:2:34: .*power of two"),
    ("function %f() {\n  gv0 = symbol userextname0\n}", "t:2:16: undefined name"),
    ("function %f() {\n  region0 = 1 heap\n}", "t:2:15: .*description"),
]


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_errors_name_the_place_and_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_clif(text, "t")
    assert re.match(message, str(caught.value)), str(caught.value)


def test_text_is_the_same_for_every_run(samples: list[Function]) -> None:
    assert [print_function(f) for f in samples[::50]] == [print_function(f) for f in samples[::50]]


def test_the_suites_read_back(suites: Path) -> None:
    count = 0
    for path in sorted((suites / "clif").glob("*/*.clif")):
        for parsed in read_clif_file(path).functions:
            text = print_function(parsed.function)
            (again,) = parse_clif(text, str(path))
            assert again.content() == parsed.function.content(), text
            assert print_function(again) == text
            count += 1
    assert count > 1500


def test_what_cranelift_printed_prints_the_same(suites: Path) -> None:
    """Some files hold, in comments, whole functions as Cranelift printed them."""
    count = 0
    for path in sorted((suites / "clif" / "alias").glob("*.clif")):
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(r"^; function .*?^; \}$", text, re.MULTILINE | re.DOTALL):
            printed = "".join(
                line.removeprefix(";").removeprefix(" ") + "\n" for line in match[0].split("\n")
            )
            assert print_function(one(printed)) == printed
            count += 1
    assert count > 40
