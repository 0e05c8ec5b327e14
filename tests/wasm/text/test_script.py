"""Scripts as data: every command, values and patterns, faults of the script itself."""

from __future__ import annotations

import pytest

from plumbob.wasm import types as t
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.text.script import (
    AssertAction,
    AssertModule,
    AssertReturn,
    BinaryModule,
    Command,
    Either,
    Get,
    InstanceCommand,
    Invoke,
    ModuleCommand,
    Number,
    QuotedModule,
    Reference,
    Register,
    TextModule,
    Thread,
    Vector,
    Wait,
    parse_script,
)


def commands(text: str) -> tuple[Command, ...]:
    return parse_script(text, "s.wast").commands


def one(text: str) -> Command:
    (command,) = commands(text)
    return command


def test_modules() -> None:
    text = """(module $a (func))
      (module binary "\\00" "asm")
      (module $q quote "(func)" "(memory" "1)")
      (module definition $d (memory 1))
      (module definition binary "x")
      (module instance $i $d) (module instance)"""
    a, binary, quoted, definition, defined, instance, last = commands(text)
    assert isinstance(a, ModuleCommand)
    assert isinstance(a.source, TextModule)
    assert (a.line, a.identifier, a.definition) == (1, "$a", False)
    module = a.source.parse()
    assert len(module.code) == 1
    assert module.names is not None
    assert module.names.module == "a"
    assert isinstance(binary, ModuleCommand)
    assert binary.source == BinaryModule(b"\0asm", "s.wast:2")
    assert isinstance(quoted, ModuleCommand)
    assert quoted.identifier == "$q"
    assert quoted.source == QuotedModule(b"(func) (memory 1)", "s.wast:3")
    assert len(quoted.source.parse().memories) == 1
    assert isinstance(definition, ModuleCommand)
    assert (definition.identifier, definition.definition) == ("$d", True)
    assert isinstance(defined, ModuleCommand)
    assert defined.definition
    assert (instance, last) == (InstanceCommand(6, "$i", "$d"), InstanceCommand(6, None, None))


def test_a_broken_module_does_not_spoil_the_script() -> None:
    quoted, written, fine = commands(
        '(module quote "(func \\22 (;") (module (func i32.foo $x)) (module)'
    )
    for command in (quoted, written):
        assert isinstance(command, ModuleCommand)
        assert not isinstance(command.source, BinaryModule)
        with pytest.raises(MalformedError):
            command.source.parse()
    assert isinstance(fine, ModuleCommand)


def test_places_in_a_module_of_a_script() -> None:
    command = one("(module\n  (func i32.foo))")
    assert isinstance(command, ModuleCommand)
    assert isinstance(command.source, TextModule)
    with pytest.raises(MalformedError, match=r"s\.wast:2:9: unknown operator"):
        command.source.parse()


@pytest.mark.parametrize("text", ["(func) (memory 1)", '(import "a" "b" (func)) (func)'])
def test_fields_alone_are_one_module(text: str) -> None:
    command = one(text)
    assert isinstance(command, ModuleCommand)
    assert isinstance(command.source, TextModule)
    assert len(command.source.parse().code) == 1


def test_actions_and_assertions() -> None:
    invoke = Invoke(1, None, "f", (Number(t.I32, 0xFFFFFFFF), Number(t.F64, 0)))
    call = '(invoke "f" (i32.const -1) (f64.const 0))'
    assert one(call) == invoke
    assert one('(invoke $m "f")') == Invoke(1, "$m", "f", ())
    assert one('(get $m "g")') == Get(1, "$m", "g")
    assert one('(register "n" $m)') == Register(1, "n", "$m")
    assert one('(register "n")') == Register(1, "n", None)
    assert one(f"(assert_return {call})") == AssertReturn(1, invoke, ())
    assert one(f"(assert_return {call} (i64.const 1))") == AssertReturn(
        1, invoke, (Number(t.I64, 1),)
    )
    for kind in ("assert_trap", "assert_exhaustion", "assert_suspension", "assert_exception"):
        assert one(f'({kind} {call} "why")') == AssertAction(1, kind, invoke, "why")
    assert one(f"(assert_exception {call})") == AssertAction(1, "assert_exception", invoke, "")


@pytest.mark.parametrize(
    "kind",
    ["assert_malformed", "assert_invalid", "assert_malformed_custom", "assert_invalid_custom",
     "assert_unlinkable", "assert_trap"],
)  # fmt: skip
def test_assertions_on_modules(kind: str) -> None:
    command = one(f'\n({kind} (module quote "x") "why")')
    assert command == AssertModule(2, kind, QuotedModule(b"x", "s.wast:2"), "why")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("i32.const 5", Number(t.I32, 5)),
        ("f32.const 1", Number(t.F32, 0x3F800000)),
        ("f32.const nan:canonical", Number(t.F32, "nan:canonical")),
        ("f64.const nan:arithmetic", Number(t.F64, "nan:arithmetic")),
        ("f64.const nan:0x4", Number(t.F64, 0x7FF0000000000004)),
        ("v128.const i64x2 1 -1", Vector("i64x2", (1, (1 << 64) - 1))),
        ("v128.const f64x2 nan:canonical 0", Vector("f64x2", ("nan:canonical", 0))),
        ("ref.null func", Reference("null", "func")),
        ("ref.null", Reference("null")),
        ("ref.extern 7", Reference("extern", None, 7)),
        ("ref.extern", Reference("extern")),
        ("ref.host 1", Reference("host", None, 1)),
        ("ref.func", Reference("func")),
        ("ref.i31", Reference("i31")),
        ("ref.struct", Reference("struct")),
        ("ref.array", Reference("array")),
        ("ref.eq", Reference("eq")),
        ("ref.any", Reference("any")),
        ("ref.exn", Reference("exn")),
        (
            "either (i32.const 0) (i32.const 1)",
            Either((Number(t.I32, 0), Number(t.I32, 1))),
        ),
    ],
)
def test_results(text: str, value: object) -> None:
    command = one(f'(assert_return (invoke "f") ({text}))')
    assert isinstance(command, AssertReturn)
    assert command.results == (value,)


def test_bytes_of_a_vector() -> None:
    vector = Vector("i16x8", (1, 2, 3, 4, 5, 6, 7, 0xFFFF))
    assert vector.data == bytes([1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0xFF, 0xFF])


def test_threads() -> None:
    thread, wait = commands(
        '(thread $T (shared (module $Mem)) (register "mem" $Mem)\n (invoke "run")) (wait $T)'
    )
    assert thread == Thread(
        1, "$T", ("$Mem",), (Register(1, "mem", "$Mem"), Invoke(2, None, "run", ()))
    )
    assert wait == Wait(2, "$T")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("(module) nonsense", 10),
        ("(module) (nonsense)", 11),
        ("(module", 1),
        ("(assert_return (module) (i32.const 1))", 23),
        ('(assert_return (invoke "f") (i32.const nan:canonical))', 40),
        ('(assert_return (invoke "f") (f32.const 1e99))', 40),
        ('(assert_return (invoke "f") (v128.const i9x9 1))', 41),
        ('(assert_return (invoke "f") (ref.foo))', 30),
        ('(assert_return (invoke "f") (either (either)))', 44),
        ('(invoke "f" (either))', 20),
        ('(assert_malformed (func) "x")', 19),
        ("(assert_malformed (module))", 27),
        ("(thread $a (thread $b))", 13),
        ("(thread)", 8),
        ("(wait)", 6),
        ("(register)", 10),
        ('(module binary "a" 1)', 20),
        ("(module quote 1)", 15),
    ],
)
def test_a_script_that_is_not_in_order(text: str, at: int) -> None:
    with pytest.raises(MalformedError) as caught:
        commands(text)
    assert caught.value.span is not None
    assert caught.value.span.start + 1 == at
