"""Annotations that mean something (Appendix, Custom Sections): @custom and branch hints.

`@name` is read by whoever reads the identifier before it; `Cursor.take_name` does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from plumbob.wasm.binary.branch_hints import SECTION as BRANCH_HINT_SECTION
from plumbob.wasm.binary.branch_hints import BranchHint, FunctionHints, encode_branch_hints
from plumbob.wasm.module import CustomSection
from plumbob.wasm.names import NAME_SECTION, Names, encode_names
from plumbob.wasm.sections import ORDER, has_contents
from plumbob.wasm.text.lexer import PLUMBOB_DATA_COUNT, PLUMBOB_NAMES

if TYPE_CHECKING:
    from plumbob.wasm.module import Module
    from plumbob.wasm.text.context import Context
    from plumbob.wasm.text.cursor import Cursor

SECTIONS = ("type", "import", "func", "table", "memory", "tag", "global", "export", "start",
            "elem", "datacount", "code", "data")  # fmt: skip
"""Names of sections in placements, in the order of the binary format."""


class PlacedCustom(NamedTuple):
    """A custom section and its place: 2k before, 2k + 1 behind the k-th of `SECTIONS`.

    `data` is None where the module's names make it.
    """

    place: int
    name: str
    data: bytes | None


FIRST = -1
LAST = 2 * len(SECTIONS)


def _malformed(cursor: Cursor, expected: str, *, at: int | None = None) -> NoReturn:
    cursor.fail("malformed @custom annotation", code="E0181", expected=expected, at=at)


def take_customs(cursor: Cursor) -> list[PlacedCustom]:
    """Read the custom sections that annotations before the next token stand for.

    `(@plumbob.names (after x))` is where the `name` section stands that the identifiers
    make: its data come when all are known.
    """
    customs = []
    for name, content in cursor.take("custom", PLUMBOB_NAMES):
        if name == "custom":
            customs.append(_custom(content))
            continue
        customs.append(PlacedCustom(_place(content), NAME_SECTION, None))
        if not content.at(")"):
            _malformed(content, "`)`")
    return customs


def _custom(content: Cursor) -> PlacedCustom:
    if content.texts[content.i][:1] != '"':
        _malformed(content, "the section's name, in quotes")
    name = content.name()
    place = _place(content)
    data = content.strings()
    if not content.at(")"):
        _malformed(content, "a string or `)`")
    return PlacedCustom(place, name, data)


def _place(content: Cursor) -> int:
    """Read `(before x)` or `(after x)`; the end of the module where there is neither."""
    place = LAST
    if content.accept("("):
        where = content.texts[content.i]
        content.i += 1
        what = content.texts[content.i]
        if (where, what) == ("before", "first"):
            place = FIRST
        elif (where, what) != ("after", "last"):
            if where not in {"before", "after"}:
                _malformed(content, "`before` or `after`", at=content.i - 1)
            if what not in SECTIONS:
                _malformed(content, f"`first`, `last` or a section ({', '.join(SECTIONS)})")
            place = 2 * SECTIONS.index(what) + (where == "after")
        content.i += 1
        if not content.accept(")"):
            _malformed(content, "`)`")
    return place


def take_hints(
    context: Context, function: int, extent: tuple[int, int], marks: list[int], places: list[int]
) -> None:
    """Read the branch hints of a function's body: annotations between two of its tokens.

    `marks` and `places` are where its operators stand in the body and in the text; an
    annotation belongs to the instruction whose keyword is the next token but for `(`.
    """
    cursor = context.cursor
    offsets: dict[int, int] | None = None
    hints: dict[int, bool] = {}
    for index in cursor.tokens.annotated(*extent):
        cursor.i = index
        for _, content in cursor.take(BRANCH_HINT_SECTION):
            if offsets is None:
                offsets = dict(zip(places, marks, strict=True))
            keyword = index + (cursor.texts[index] == "(")
            offset = offsets.get(cursor.starts[keyword])
            if offset is None:
                cursor.fail(
                    f"misplaced @{BRANCH_HINT_SECTION} annotation",
                    code="E0181",
                    expected="it before an instruction",
                    at=keyword,
                )
            data = content.strings()
            if data not in {b"\0", b"\1"} or not content.at(")"):
                content.fail(
                    f"malformed @{BRANCH_HINT_SECTION} annotation",
                    code="E0181",
                    expected='"\\00" (unlikely) or "\\01" (likely)',
                    found=None if data in {b"\0", b"\1"} else repr(data)[1:],
                )
            if offset in hints:
                content.fail(
                    f"second @{BRANCH_HINT_SECTION} annotation for one instruction",
                    code="E0181",
                    expected="at most one",
                    at=content.i - 1,
                )
            hints[offset] = data == b"\1"
    if hints:
        found = tuple(BranchHint(offset, likely) for offset, likely in sorted(hints.items()))
        context.hints.append(FunctionHints(function, found))


def hint_section(hints: list[FunctionHints]) -> PlacedCustom:
    """Return the custom section of branch hints, which stands before the code."""
    return PlacedCustom(2 * SECTIONS.index("code"), BRANCH_HINT_SECTION, encode_branch_hints(hints))


def last_section(module: Module, before: int) -> int:
    """Return the id of the last of the first `before` sections that the module needs."""
    needed = [section for section in ORDER[:before] if has_contents(module, section)]
    return needed[-1] if needed else 0


def take_data_count(cursor: Cursor) -> bool:
    """Read `(@plumbob.data_count)`: the module has a data count though no operator needs it."""
    found = cursor.take(PLUMBOB_DATA_COUNT)
    for _, content in found:
        if not content.at(")"):
            content.fail("malformed @plumbob.data_count annotation", code="E0181", expected="`)`")
    return bool(found)


def place_customs(module: Module, placed: list[PlacedCustom]) -> list[CustomSection]:
    """Return custom sections in the order of the binary, each behind the right section."""
    return [
        CustomSection(
            name,
            encode_names(module.names or Names()) if data is None else data,
            last_section(module, (place + 1) // 2),
        )
        for place, name, data in sorted(placed, key=lambda custom: custom.place)
    ]
