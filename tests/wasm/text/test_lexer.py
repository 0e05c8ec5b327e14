"""Tokens: what separates them, what they may hold, what is wrong with broken ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.wasm.errors import MalformedError
from plumbob.wasm.text.identifiers import quote_bytes, quote_name
from plumbob.wasm.text.lexer import string_bytes, tokenize


def words(text: str | bytes) -> list[str]:
    tokens = tokenize(text, "t")
    assert tokens.texts[-1] == ""
    return tokens.texts[:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("(a)", ["(", "a", ")"]),
        ("(func(nop)nop)", ["(", "func", "(", "nop", ")", "nop", ")"]),
        ("br 0(nop)", ["br", "0", "(", "nop", ")"]),
        ("nop;;bla\nnop", ["nop", "nop"]),
        ("nop;;bla\rnop", ["nop", "nop"]),
        ("a(;b;)c", ["a", "c"]),
        ("a(;;)b", ["a", "b"]),
        ("a(;;;)b", ["a", "b"]),
        ("a(; ;; ;)b", ["a", "b"]),
        ('a(; " ;)b', ["a", "b"]),
        ('";; (; " a', ['";; (; "', "a"]),
        ("a(;x(;y;)z;)b", ["a", "b"]),
        ('";;" (;(;;)"(;;);) "(;"', ['";;"', '"(;"']),
        (";; (; \na (;(;;);) b", ["a", "b"]),
        ("$a $!?@#a$%^&*b-+_.:9'`|/\\<=>~", ["$a", "$!?@#a$%^&*b-+_.:9'`|/\\<=>~"]),
        ('$"a b" $"\\41B" $"\\u{41}"', ["$a b", "$AB", "$A"]),
        (';; Heiße\n"Würstchen"', ['"Würstchen"']),
        ("\t\r\n a", ["a"]),
        ("a ;; b ; c [", ["a"]),
        ("a (; ;) ;; ;; ", ["a"]),
        (";; é", []),
        ("a" + " " * 200_000, ["a"]),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    assert words(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        (b'"ab\xff"', "E0170", 4),
        (b"(module \xc0\xaf)", "E0170", 9),
        ('$"\\ef"', "E0170", 1),
        ('"\ud800"', "E0170", 2),
        ("a \x01", "E0171", 3),
        ("a \x7f", "E0171", 3),
        ("(é)", "E0171", 2),
        ("a , b", "E0171", 3),
        ("a ; b", "E0171", 3),
        ("[", "E0171", 1),
        ("$", "E0171", 1),
        ('$""', "E0171", 1),
        ("($)", "E0171", 2),
        ("(func $übung)", "E0171", 8),
        ("(func $a$é)", "E0171", 10),
        ('"a""b"', "E0171", 1),
        ('"a"x', "E0171", 1),
        ('0"a"', "E0171", 1),
        ('$l"a"', "E0171", 1),
        ('$"a"b', "E0171", 1),
        ('"a\x00"', "E0171", 3),
        ('(a "b', "E0172", 4),
        ('(a "b\nc"', "E0172", 4),
        ("a (; b", "E0172", 3),
        ("a (; (; ;)", "E0172", 3),
        ("(a (@x (y)", "E0172", 4),
        ('"\\q"', "E0173", 2),
        ('"\\0"', "E0173", 2),
        ('"\\u{}"', "E0173", 2),
        ('"\\u{d800}"', "E0173", 1),
        ('"\\u{110000}"', "E0173", 1),
        ("(@)", "E0181", 1),
        ("(@ x)", "E0181", 1),
        ('(@"")', "E0181", 1),
        ("(@x \x02)", "E0171", 5),
        ('(@x "\\z")', "E0173", 6),
    ],
)
def test_broken_tokens(text: str | bytes, code: str, column: int) -> None:
    with pytest.raises(MalformedError) as caught:
        tokenize(text, "t")
    assert caught.value.code == code
    assert caught.value.span is not None
    assert caught.value.span.source.location(caught.value.span.start) == (1, column)


def test_unknown_annotations_vanish() -> None:
    text = '(module (@a x (y ")" ,;[]{}) (@) (;);) ) (@b)(@"c d") (func (@e)) )'
    assert words(text) == ["(", "module", "(", "func", ")", ")"]


def test_known_annotations_stand_aside() -> None:
    tokens = tokenize('(module (@custom "x" (@y) "z") (func))', "t")
    assert tokens.texts[:-1] == ["(", "module", "(", "func", ")", ")"]
    ((place, (annotation,)),) = tokens.annotations.items()
    assert (place, annotation.name, annotation.offset) == (2, "custom", 8)
    assert tokens.aside is not None
    assert tokens.aside.texts == ['"x"', '"z"', ")"]
    assert tokens.annotated(2, 3) == [2]
    assert tokens.annotated(3, 9) == []


def test_starts_are_characters_of_the_text_as_given() -> None:
    text = '"é" (;(;ü;);) $"\\41" x'
    tokens = tokenize(text, "t")
    assert [text[start] for start in tokens.starts[:-1]] == ['"', "$", "x"]


def test_deep_comments_and_annotations() -> None:
    depth = 100_000
    assert words("(;" * depth + ";)" * depth) == []
    assert words("(@a " * depth + ")" * depth) == []


@given(st.binary())
def test_bytes_survive_quoting(data: bytes) -> None:
    (literal,) = words(quote_bytes(data))
    assert string_bytes(literal) == data


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_names_survive_quoting(name: str) -> None:
    (literal,) = words(quote_name(name))
    assert string_bytes(literal).decode() == name


@given(st.text('()"\\;@$ a0u{}\n,[]\x00é'))
def test_any_text_is_tokens_or_malformed(text: str) -> None:
    try:
        tokens = tokenize(text, "t")
    except MalformedError as error:
        fault = error
    else:
        assert len(tokens.texts) == len(tokens.starts)
        return
    assert fault.span is not None
    assert str(fault).startswith("t:")
