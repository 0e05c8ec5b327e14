"""From text to a module: the entry point of the text format's reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm import features as wasm_features
from plumbob.wasm.text.builder import build
from plumbob.wasm.text.cursor import Cursor
from plumbob.wasm.text.lexer import Tokens, tokenize

if TYPE_CHECKING:
    from plumbob.wasm.module import Module


def parse_text(
    text: str | bytes,
    name: str = "module",
    *,
    features: int = wasm_features.DEFAULT,
    allow_unreachable_type: bool = False,
) -> Module:
    """Parse a module in the text format (Text Format / Modules).

    The text is one `(module ...)`, or the fields of one without the parentheses around
    them. Operators and forms of features that are not in `features` are refused;
    `allow_unreachable_type` accepts the result type `unreachable`, as the `typed`
    dead-code policy asks. The module carries its identifiers as `names` and the places of
    its parts as `source_map`. What is returned is well-formed, not validated.

    Raises `MalformedError` with a span.
    """
    tokens = tokenize(text, name)
    start, end = module_extent(tokens)
    return build(tokens, start, end, name, features, allow_unreachable_type=allow_unreachable_type)


def module_extent(tokens: Tokens) -> tuple[int, int]:
    """Return the tokens between which a module's fields stand."""
    texts = tokens.texts
    last = len(texts) - 1
    if texts[:2] != ["(", "module"]:
        return 0, last
    cursor = Cursor(tokens, 0, 0)
    if texts[2] in {"binary", "quote", "definition", "instance"}:
        cursor.fail(f"`(module {texts[2]}` belongs to scripts", expected="a module's fields", at=2)
    end = cursor.close_of(0)
    if end + 1 != last:
        cursor.unexpected("nothing behind the module", at=end + 1)
    return 2, end
