"""What engines' own words are taken for, without the engines: sentences that they have said."""

from __future__ import annotations

import pytest

from plumbob.engines.traps import T, judge, same_class, unfinished

LACKING = [
    ("wasmtime", "Invalid input WebAssembly code at offset 22: Invalid type"),
    ("wasmtime", "Invalid input WebAssembly code at offset 22: invalid type"),
    ("wasmtime", "invalid table resizable limits flags (at offset 0x17)"),
    ("wasmtime", "Invalid input WebAssembly code at offset 9: invalid memory limits flags"),
    ("wasmtime", "Invalid input WebAssembly code at offset 26: malformed reference type"),
    ("wasmtime", "function references required for index reference types (at offset 0x19)"),
    ("wasmtime", "tables with expression initializers require the function-references proposal"),
    ("wasmtime", "constant expression required: non-constant operator: i32.mul (at offset 0x20)"),
    ("wasmtime", "constant expression required: global.get of locally defined global"),
    ("wasmtime", "element is not reference type"),
    ("wasmtime", "supertype idxs size is out of bounds"),
    ("wasmtime", "invalid mutability byte for array type"),
    ("wasmtime", "legacy_exceptions feature required for try instruction"),
    ("wasmtime", "exceptions proposal not enabled (at offset 0x15)"),
    ("node", "WebAssembly.Module(): invalid memory limits flags 8 @+11"),
    ("node", "WebAssembly.Module(): table count of 2 exceeds internal limit of 1 @+11"),
    ("node", "WebAssembly.Module(): unknown type form: 80 @+11"),
    ("node", "WebAssembly.Module(): opcode i32.mul is not allowed in constant expressions @+81"),
    ("deno", "WebAssembly.Module(): Compiling function #0 failed: invalid numeric opcode: 0xfc13"),
    ("bun", "WebAssembly.Module doesn't parse at byte 9: resizable limits flag are not valid 8"),
    ("bun", "WebAssembly.Module doesn't parse at byte 3: invalid opcode 8, in function at index 0"),
    ("wasm3", "only one memory per module is supported"),
]

FINDINGS = [
    ("wasmtime", "type mismatch: br_table target labels have different types"),
    ("wasmtime", "type mismatch: expected i32, found i64 (at offset 0x2a)"),
    ("deno", "WebAssembly.Module(): Compiling function #0 failed: i32.add[0] expected type i32"),
    ("deno", "WebAssembly.Module(): opcode ref.func is not allowed in constant expressions @+81"),
    ("bun", "WebAssembly.Module doesn't validate: control flow returns with unexpected type"),
]


@pytest.mark.parametrize(("engine", "message"), LACKING)
def test_what_an_engine_lacks_is_no_finding(engine: str, message: str) -> None:
    assert judge(engine, "rejected", "", message) == ("unsupported", None)


@pytest.mark.parametrize(("engine", "message"), FINDINGS)
def test_a_valid_module_called_invalid_is_a_finding(engine: str, message: str) -> None:
    assert judge(engine, "rejected", "", message) == ("rejected", None)


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (
            "thread '<unnamed>' panicked at 'not yet implemented', crates/c-api/src/extern.rs:123",
            "thread '<unnamed>' panicked at 'not yet implemented', crates/c-api/src/extern.rs:123",
        ),
        (
            (
                "thread '<unnamed>' (7) panicked at crates/c-api/src/extern.rs:147:31:\n"
                "not yet implemented\nnote: run with `RUST_BACKTRACE=1`"
            ),
            "not yet implemented",
        ),
        (
            (
                "thread 'x' panicked at src/y.rs:1:2:\n"
                "`exnrefs not yet supported in C API` is not implemented\n"
            ),
            "`exnrefs not yet supported in C API` is not implemented",
        ),
        ("thread 'x' panicked at 'internal error: entered unreachable code'", None),
        ("not yet implemented", None),
    ],
)
def test_an_abort_that_says_what_is_lacking(printed: str, words: str | None) -> None:
    assert unfinished("wasmtime", printed) == words
    assert unfinished("deno", printed) is None


def test_a_backtrace_does_not_decide() -> None:
    message = (
        "error while executing\n  0: f - unreachable\n\nCaused by:\n    wasm trap: cast failure"
    )
    assert judge("wasmtime", "error", "", message) == ("trap", T.CAST_FAILURE)


def test_an_unknown_word_of_a_harness_is_refused() -> None:
    with pytest.raises(ValueError, match="kind 'perhaps'"):
        judge("wasmtime", "perhaps", "", "")


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("access to a null reference", [T.NULL_STRUCTURE, T.CAST_FAILURE]),
        ("ref.as_non_null to a null reference", [T.NULL_STRUCTURE]),
        ("ref.cast failed to cast reference to target heap type", [T.CAST_FAILURE]),
    ],
)
def test_bun_s_guard_page_stands_for_casts_of_null_too(message: str, kinds: list[str]) -> None:
    outcome, trap = judge("bun", "trap", "", message)
    assert outcome == "trap"
    known = [T.NULL_STRUCTURE, T.CAST_FAILURE, T.UNREACHABLE]
    assert [kind for kind in known if same_class(trap, kind)] == kinds


def test_a_table_of_wasm3_ends_behind_its_last_element() -> None:
    _, trap = judge("wasm3", "trap", "", "[trap] undefined element")
    assert same_class(trap, T.UNDEFINED_ELEMENT)
    assert same_class(trap, T.UNINITIALIZED_ELEMENT)
    assert not same_class(trap, T.INDIRECT_CALL_MISMATCH)
    assert not same_class(trap, T.TABLE_OUT_OF_BOUNDS)


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("wasmtime", "memory minimum size of 281474976710656 pages exceeds memory limits"),
        ("wasmtime", "overflow calculating table allocation size"),
        ("wasmtime", "mmap failed to reserve 0x1000000000 bytes"),
        ("deno", "WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory"),
        ("bun", "Out of memory"),
    ],
)
def test_memory_that_an_instance_does_not_get_is_no_missing_feature(
    engine: str, message: str
) -> None:
    assert judge(engine, "link", "", message) == ("trap", T.MEMORY_LIMIT)


def test_imports_that_do_not_fit_stay_what_they_are() -> None:
    assert judge("wasmtime", "link", "", "incompatible import type for `a::b`") == ("link", None)


def test_an_interpreter_s_own_limit_of_frames_is_stack_depth() -> None:
    assert judge("pywasm", "trap", "", "too many frames") == ("trap", T.STACK_OVERFLOW)
    assert judge("pywasm", "trap", "", "AssertionError: ") == ("trap", None)
