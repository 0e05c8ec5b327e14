"""Small modules that break one rule each, by the code that must be reported.

In text, `(;!;)` stands right before the operator or field that is at fault. A module
stands here once for each way to break a rule; `features` and `policy` where they matter.
"""

from __future__ import annotations

from typing import NamedTuple

MARK = "(;!;)"


class Broken(NamedTuple):
    """A module with its one fault."""

    code: str
    text: str
    features: str = "all"
    policy: str = "polymorphic"


def _func(code: str, body: str, rest: str = "", head: str = "") -> Broken:
    return Broken(code, f"(module {rest} (func {head} {body}))")


_EXPORT_F = '(func $f (export "f"))'

BODIES = [
    _func("E0201", "i32.const 0 i64.const 0 (;!;)i32.add drop"),
    _func("E0201", "i64.const 0 (;!;)if end"),
    _func("E0201", "i64.const 0 (;!;)", head="(result i32)"),
    _func("E0201", "i32.const 0 (;!;)call $g", "(func $g (param f32))"),
    _func("E0202", "(;!;)drop"),
    _func("E0202", "i32.const 0 block (;!;)drop end drop"),
    _func("E0202", "i32.const 1 (;!;)i32.add", head="(result i32)"),
    _func("E0203", "i32.const 0 block i32.const 1 (;!;)end drop"),
    _func("E0204", "(;!;)br 1"),
    _func("E0204", "block (;!;)br_table 0 1 2 end", head="(param i32)"),
    _func("E0205", "(;!;)local.get 1 drop", head="(local i32)"),
    _func("E0206", "(;!;)global.get 0 drop"),
    _func("E0207", "(;!;)call 1"),
    _func("E0208", "i32.const 0 (;!;)call_ref 9"),
    _func("E0209", "i32.const 0 (;!;)table.get 0 drop"),
    _func("E0210", "i32.const 0 (;!;)i32.load drop"),
    _func("E0210", "(;!;)memory.size 1 drop", "(memory 1)"),
    _func("E0211", "(;!;)throw 0"),
    _func("E0212", "(;!;)elem.drop 0"),
    _func("E0213", "(;!;)data.drop 1", '(memory 1) (data "")'),
    _func("E0214", "(;!;)struct.get 0 1 drop", "(type (struct (field i32)))", "(param (ref 0))"),
    _func("E0215", "i32.const 0 (;!;)i32.load align=8 drop", "(memory 1)"),
    _func("E0216", "i32.const 0 (;!;)i32.atomic.load align=2 drop", "(memory 1)"),
    _func("E0217", "i32.const 0 (;!;)i32.load offset=0x1_0000_0000 drop", "(memory 1)"),
    _func("E0218", "(;!;)i8x16.extract_lane_s 16 drop", head="(param v128)"),
    _func("E0219", "i32.const 0 (;!;)global.set 0", "(global i32 (i32.const 0))"),
    _func("E0220", "(;!;)local.get 0 drop", head="(local (ref func))"),
    _func(
        "E0220",
        "block local.get 0 local.set 1 local.get 1 drop end (;!;)local.get 1 drop",
        head="(param (ref func)) (local (ref func))",
    ),
    _func("E0221", "(;!;)ref.func $g drop", "(func $g)"),
    _func("E0222", "(;!;)struct.new 0 drop", "(type (array i32))"),
    _func("E0222", "i32.const 0 (;!;)call_indirect (type 0)", "(type (struct)) (table 1 funcref)"),
    _func("E0223", "(;!;)struct.get 0 0 drop", "(type (struct (field i8)))", "(param (ref 0))"),
    _func("E0224", "i32.const 0 (;!;)struct.set 0 0", "(type (struct (field i32)))",
          "(param (ref 0))"),
    _func("E0225", "(;!;)struct.new_default 0 drop", "(type (struct (field (ref func))))"),
    _func("E0226", "i32.const 0 i32.const 0 (;!;)array.new_data 0 0 drop",
          '(type (array funcref)) (data "")'),
    _func("E0227", "i32.const 0 i32.const 0 i32.const 0 (;!;)table.copy 0 1",
          "(table 1 funcref) (table 1 externref)"),
    _func("E0228", "i32.const 0 (;!;)call_indirect (param)", "(table 1 externref)"),
    _func("E0229", "block (result i32) block i32.const 0 (;!;)br_table 0 1 end end drop"),
    _func("E0230", "(;!;)return_call $g", "(func $g (result i32) i32.const 0)"),
    _func("E0231", "(;!;)br_on_cast 0 (ref i31) (ref any) drop", head="(param (ref i31))"),
    _func("E0232", "(;!;)select (result i32 i32)", head="(result i32)"),
    _func("E0233", "local.get 0 local.get 1 i32.const 0 (;!;)select drop",
          head="(param funcref funcref)"),
    _func("E0234", "i32.const 0 if (result i32) i32.const 0 (;!;)end drop"),
    _func("E0239", "block (;!;)try_table (catch 0 0) end end", "(tag (param i32))"),
    _func("E0240", "block (;!;)rethrow 0 end"),
    _func("E0241", "i32.const 0 (;!;)ref.is_null drop"),
    _func("E0242", "ref.null func (;!;)br_on_non_null 0"),
    _func("E0301", "(;!;)array.new_fixed 0 10001 drop", "(type (array i32))"),
]  # fmt: skip
POLICY_BODIES = [
    Broken("E0261", "(module (;!;)(type (func (result i32 unreachable))))", policy="typed"),
    Broken("E0235", "(module (func unreachable (;!;)nop))", policy="forbidden"),
    Broken("E0235", "(module (func block br 0 (;!;)i32.const 0 drop end))", policy="forbidden"),
    Broken("E0236", "(module (func (result unreachable) nop (;!;)))", policy="typed"),
    Broken("E0236", "(module (func block (result unreachable) nop (;!;)end))", policy="typed"),
    Broken("E0236", "(module (func block (result unreachable) (;!;)br 0 end))", policy="typed"),
]

FEATURES = [
    Broken("E0150", "(module (func i32.const 0 (;!;)i32.extend8_s drop))", "all,-sign-extension"),
    Broken("E0150", "(module (func (;!;)return_call 0))", "all,-tail-call"),
    Broken("E0255", "(module (;!;)(memory 1) (memory 1))", "all,-multi-memory"),
    Broken("E0255", "(module (;!;)(table 1 funcref) (table 1 funcref))", "all,-reference-types"),
    Broken("E0260", "(module (;!;)(type (func (result i32 i32))))", "all,-multi-value"),
    Broken("E0260", "(module (func (;!;)block (param i32) drop end))", "all,-multi-value"),
    Broken("E0260", "(module (func (;!;)ref.null 0 drop))", "all,-function-references"),
]
"""Parsed with every feature on; which are on is the validator's business here."""

CONSTANTS = [
    Broken("E0237", "(module (global i32 ((;!;)memory.size)) (memory 1))"),
    Broken("E0237", '(module (memory 1) (data (offset i32.const 0 (;!;)i32.eqz) ""))'),
    Broken("E0238", "(module (global (mut i32) (i32.const 0)) (global i32 ((;!;)global.get 0)))"),
    Broken("E0238", "(module (global i32 ((;!;)global.get 1)) (global i32 (i32.const 0)))"),
    Broken("E0201", "(module (global i32 i64.const 0(;!;)))"),
    Broken("E0203", "(module (global i32 i32.const 0 i32.const 0 (;!;)))"),
    Broken("E0202", "(module (global i32 (;!;)))"),
]

FIELDS = [
    Broken("E0250", "(module (;!;)(type (struct (field (ref 1)))) (type (struct)))"),
    Broken("E0251", "(module (;!;)(type (sub 0 (struct))))"),
    Broken("E0251", "(module (type (struct)) (;!;)(type (sub 0 (struct))))"),
    Broken("E0251", "(module (type (sub (struct (field i32)))) (;!;)(type (sub 0 (struct))))"),
    Broken("E0251", "(module (type (sub (func))) (;!;)(type (sub 0 (struct))))"),
    Broken("E0251", "(module (type (sub (func (param anyref))))"
           " (;!;)(type (sub 0 (func (param eqref)))))"),
    Broken("E0251", "(module (type (sub (array (mut anyref))))"
           " (;!;)(type (sub 0 (array (mut eqref)))))"),
    Broken("E0251", "(module (type (sub (array anyref)))"
           " (;!;)(type (sub 0 (array (mut anyref)))))"),
    Broken("E0252", "(module (;!;)(memory 2 1))"),
    Broken("E0252", "(module (;!;)(memory 65537))"),
    Broken("E0252", "(module (;!;)(memory i64 0x1_0000_0000_0001))"),
    Broken("E0252", "(module (;!;)(table 2 1 funcref))"),
    Broken("E0253", '(module (func) (export "a" (func 0)) (;!;)(export "a" (func 0)))'),
    Broken("E0254", "(module (func (param i32)) (;!;)(start 0))"),
    Broken("E0256", "(module (;!;)(tag (result i32)))"),
    Broken("E0257", "(module (;!;)(table 1 (ref func)))"),
    Broken("E0258", "(module (;!;)(memory 1 shared))"),
    Broken("E0259", "(module (;!;)(memory 1 (pagesize 2)))"),
    Broken("E0206", '(module (;!;)(export "a" (global 0)))'),
    Broken("E0207", '(module (;!;)(export "a" (func 0)))'),
    Broken("E0207", "(module (;!;)(start 0))"),
    Broken("E0207", "(module (;!;)(elem func 0))"),
    Broken("E0208", "(module (;!;)(func (type 3)))"),
    Broken("E0209", '(module (;!;)(export "a" (table 0)))'),
    Broken("E0209", "(module (;!;)(elem (i32.const 0) func))"),
    Broken("E0210", '(module (;!;)(export "a" (memory 0)))'),
    Broken("E0210", '(module (;!;)(data (i32.const 0) ""))'),
    Broken("E0211", '(module (;!;)(export "a" (tag 0)))'),
    Broken("E0222", "(module (type (struct)) (;!;)(func (type 0)))"),
    Broken("E0222", '(module (type (struct)) (;!;)(import "" "" (func (type 0))))'),
    Broken("E0227", "(module (table 1 externref) (;!;)(elem (i32.const 0) func))"),
    Broken("E0301", f"(module (;!;)(type (func (param{' i32' * 1001}))))"),
    Broken("E0301", f"(module (;!;)(type (func (result{' i32' * 1001}))))"),
    Broken("E0301", f"(module (;!;)(type (struct{' (field i32)' * 10_001})))"),
]  # fmt: skip
