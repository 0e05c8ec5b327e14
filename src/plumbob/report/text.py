"""Diagnostics as text for people.

One diagnostic, from top to bottom: what is wrong, where, the place itself, what the
operator takes against what the stack holds, the blocks around it, why the code is dead if
it is, and what to do. Parts that a diagnostic does not fill are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from plumbob.report.document import Document, Piece, cells, clip, visible
from plumbob.report.excerpt import LINES_BEFORE, Mark, disassembly, hexdump, source_lines
from plumbob.wasm.valid.codes import CATALOGUE
from plumbob.wasm.valid.diagnostics import MALFORMED, WARNING

if TYPE_CHECKING:
    from plumbob.report.body import Bodies
    from plumbob.source import Span
    from plumbob.wasm.valid.diagnostics import Diagnostic, Frame, Operand, Report

STACK_ROWS = 8
"""Operands shown below those that the operator takes, before the rest is counted."""

CLOSERS = frozenset(("end", "else", "catch", "catch_all", "delegate"))
"""Operators that take nothing themselves: they ask for a block's results."""

NAME_LENGTH = 60
"""Characters shown of a function's name: those of C++ and Rust fill pages."""

OPERATOR_LENGTH = 40
"""Cells of the operator that pushed an operand; calls name functions as long as pages."""

LABEL_LENGTH = 48
"""Characters of expected and found that fit behind a caret; longer ones go below."""

PLAIN_TYPES = {"i32", "i64", "f32", "f64", "v128"}
"""Types that match themselves alone."""
FRAME_ROWS = 6
"""Enclosing blocks shown, the innermost ones."""
OPERAND_MARKS = 6
"""Operators underlined beside the one at fault: those of the top operands."""


def render(
    report: Report, *, width: int = 100, data: bytes | None = None, bodies: Bodies | None = None
) -> Document:
    """Return all diagnostics of a module as a page.

    `data` is the binary that was checked, for hexdumps; `bodies` disassembles it. Both
    are for modules that came as binaries; text carries its source in its spans.
    """
    document = Document(width)
    for position, diagnostic in enumerate(report.diagnostics):
        if position:
            document.line()
        _Page(document, diagnostic, report.name, data, bodies).render()
    return document


class _Page:
    """One diagnostic being laid out."""

    def __init__(
        self,
        document: Document,
        diagnostic: Diagnostic,
        name: str,
        data: bytes | None,
        bodies: Bodies | None,
    ) -> None:
        self.document = document
        self.diagnostic = diagnostic
        self.name = name
        self.data = data
        self.bodies = bodies
        self.labelled = False
        """Whether the excerpt shows the label of the fault."""

    def render(self) -> None:
        self.headline()
        self.place()
        self.excerpt()
        self.expectation()
        self.stack()
        self.frames()
        self.dead_code()
        for note in self.diagnostic.notes:
            self.document.prose(Piece("note: ", "note"), note)
        self.help()

    def headline(self) -> None:
        diagnostic = self.diagnostic
        style = "warning" if diagnostic.severity == WARNING else "error"
        label = Piece(f"{diagnostic.severity}[{diagnostic.code}]: ", style)
        self.document.prose(label, diagnostic.message, style="strong")

    def place(self) -> None:
        diagnostic = self.diagnostic
        where = []
        if diagnostic.function is not None:
            where.append(f"in {function_label(diagnostic)}")
        elif diagnostic.section is not None:
            where.append(f"in the {diagnostic.section} section")
        if diagnostic.severity != WARNING:
            where.append(f"the module is {diagnostic.verdict}")
        place = place_of(self.name, diagnostic.span, diagnostic.offset)
        arrow = Piece("  --> ", "gutter")
        remark = Piece(", ".join(where), "dim")
        if len(arrow.text) + cells(place) + 2 + cells(remark.text) <= self.document.width:
            self.document.line(arrow, Piece(place, "place"), "  " if where else "", remark)
        else:
            self.document.line(arrow, Piece(place, "place"))
            self.document.prose(Piece("      "), remark.text, style="dim")

    def excerpt(self) -> None:
        diagnostic = self.diagnostic
        if _of_text(diagnostic.span):
            before = LINES_BEFORE if self.goes_on(diagnostic.span) else 0
            source_lines(self.document, self.marks(diagnostic.span), before)
            self.labelled = True
        elif diagnostic.offset is not None and self.data is not None:
            lines = self.bodies.around(diagnostic.offset) if self.bodies is not None else []
            if lines:
                self.labelled = True
                labels = {
                    operand.offset: f"pushes {operand.type}"
                    for operand in reversed(diagnostic.stack or ())
                    if operand.offset is not None
                }
                disassembly(
                    self.document, lines, diagnostic.offset, labels, short_label(diagnostic)
                )
            else:
                hexdump(self.document, self.data, diagnostic.offset)

    def goes_on(self, span: Span) -> bool:
        """Whether the lines before the fault belong to the same thing as its own."""
        diagnostic = self.diagnostic
        if diagnostic.function is None:
            return diagnostic.verdict == MALFORMED
        line, column = span.source.location(span.start)
        return "(func" not in span.source.line_text(line)[: column - 1]

    def marks(self, span: Span) -> list[Mark]:
        """Return the fault, and near it the operators whose operands it takes or are wrong."""
        diagnostic = self.diagnostic
        whole = with_immediates(span, diagnostic.operator)
        marks = [Mark(whole, short_label(diagnostic), primary=True)]
        line = span.source.location(span.start)[0]
        wanted = diagnostic.expected_stack or ()
        found = self.reachable()
        concerned = {*range(1, len(wanted) + 1), *self.wrong_operands(wanted, found)}
        for height in sorted(concerned & set(range(1, len(found) + 1)))[:OPERAND_MARKS]:
            operand = found[-height]
            there = operand.span
            if there is None or there.source is not span.source or there.start == span.start:
                continue
            if abs(line - there.source.location(there.start)[0]) <= LINES_BEFORE:
                whole = with_immediates(there, operand.operator)
                marks.append(Mark(whole, f"pushes {operand.type}", primary=False))
        return marks

    def expectation(self) -> None:
        diagnostic = self.diagnostic
        if diagnostic.expected_stack is not None and diagnostic.stack is not None:
            return  # the stack says it better
        if self.labelled and both(diagnostic) == short_label(diagnostic):
            return  # the label says it already
        rows = [
            [Piece(name, "dim"), Piece(value, style)]
            for name, value, style in (
                ("expected", diagnostic.expected, "good"),
                ("found", diagnostic.found, "bad"),
            )
            if value is not None
        ]
        self.document.table(rows, indent=4)

    def stack(self) -> None:
        diagnostic = self.diagnostic
        wanted = diagnostic.expected_stack
        if diagnostic.stack is None or wanted is None:
            return  # the fault is not on the stack
        reachable = self.reachable()
        floor = len(diagnostic.stack) - len(reachable)
        mnemonic = mnemonic_of(diagnostic)
        title = "must be left" if mnemonic in CLOSERS else f"{mnemonic or 'this'} takes"
        depth = max(len(wanted), len(reachable))
        state = "the operand stack at this point, the top last:" if depth else "the stack is empty"
        self.document.prose(Piece("note: ", "note"), state)
        if floor:
            outside = "operand" if floor == 1 else "operands"
            self.document.prose(
                Piece("    ", "dim"),
                f"{floor} {outside} of enclosing blocks, which this block cannot reach, then",
                style="dim",
            )
        rows = [[Piece(title, "dim") for title in ("", title, "found", "pushed by")]]
        below = depth - max(len(wanted) + STACK_ROWS, 1)
        wrong = self.wrong_operands(wanted, reachable)
        for height in range(depth, 0, -1):
            if height > depth - below:
                continue
            rows.append(self.stack_row(height, wanted, reachable, wrong))
        if below > 0:
            self.document.line(Piece(f"    … {below} more, then", "dim"))
        if depth:
            self.document.table(rows, indent=4)

    def reachable(self) -> tuple[Operand, ...]:
        """Return the operands of the innermost block, the top last."""
        floor = self.diagnostic.frames[-1].height if self.diagnostic.frames else 0
        return (self.diagnostic.stack or ())[floor:]

    def stack_row(
        self, height: int, wanted: tuple[str, ...], found: tuple[Operand, ...], wrong: set[int]
    ) -> list[Piece]:
        """One operand; `height` counts from 1, the top."""
        expected = wanted[-height] if height <= len(wanted) else None
        if height > len(found) and self.dead():
            return [
                Piece(" "),
                Piece(expected or "", "good"),
                Piece("any", "good"),
                Piece("dead code: the stack holds whatever is asked of it", "dim"),
            ]
        if height > len(found):
            return [
                Piece("✗", "error"),
                Piece(expected or "", "good"),
                Piece("nothing", "bad"),
                Piece("the stack ends here", "dim"),
            ]
        operand = found[-height]
        faulty = height in wrong
        return [
            Piece("✗", "error") if faulty else Piece(" "),
            Piece(expected, "good") if expected is not None else Piece("-", "dim"),
            Piece(operand.type, "bad" if faulty else "good" if expected else "plain"),
            Piece(self.pushed_by(operand)),
        ]

    def dead(self) -> bool:
        """Whether the innermost block's code is dead here, so that its stack has no end."""
        frames = self.diagnostic.frames
        return bool(frames) and frames[-1].dead_after is not None

    def pushed_by(self, operand: Operand) -> str:
        if operand.operator is None:
            return "the block's start: a parameter"
        operator = clip(visible(operand.operator), OPERATOR_LENGTH)
        if _of_text(operand.span):
            line, column = operand.span.source.location(operand.span.start)
            return f"{operator} at {line}:{column}"
        where = "" if operand.offset is None else f" at {operand.offset:#x}"
        return operator + where

    def wrong_operands(self, wanted: tuple[str, ...], found: tuple[Operand, ...]) -> set[int]:
        """How far from the top (1) the operands lie that have a wrong type or are too many."""
        diagnostic = self.diagnostic
        wrong = set()
        for height in range(1, min(len(wanted), len(found)) + 1):
            pair = (wanted[-height], found[-height].type)
            # Between references a difference may be a subtype: only the validator can tell.
            plain = set(pair) <= PLAIN_TYPES and pair[0] != pair[1]
            if plain or pair == (diagnostic.expected, diagnostic.found):
                wrong.add(height)
        if mnemonic_of(diagnostic) in CLOSERS:
            wrong.update(range(len(wanted) + 1, len(found) + 1))
        return wrong

    def frames(self) -> None:
        frames = self.diagnostic.frames
        if len(frames) < 2:
            return
        self.document.prose(Piece("note: ", "note"), "the enclosing blocks, the innermost last:")
        rows = [[Piece(title, "dim") for title in ("label", "block", "a branch takes", "at")]]
        first = max(0, len(frames) - FRAME_ROWS)
        for position, frame in enumerate(frames[first:], first):
            rows.append(
                [
                    Piece(str(len(frames) - 1 - position)),
                    Piece(f"{frame.kind}{' ' + frame.name if frame.name else ''}"),
                    Piece(stack_type(frame.label)),
                    Piece(self.frame_place(frame), "dim"),
                ]
            )
        if first:
            self.document.line(Piece(f"    … {first} more outside", "dim"))
        self.document.table(rows, indent=4)

    def frame_place(self, frame: Frame) -> str:
        if _of_text(frame.span):
            return "{}:{}".format(*frame.span.source.location(frame.span.start))
        if frame.offset is None or _of_text(self.diagnostic.span):
            return ""  # offsets into a binary that the reader has not seen would only confuse
        return f"{frame.offset:#x}"

    def dead_code(self) -> None:
        dead = next((f for f in reversed(self.diagnostic.frames) if f.dead_after), None)
        if dead is None:
            return
        if _of_text(dead.dead_span):
            where = " at {}:{}".format(*dead.dead_span.source.location(dead.dead_span.start))
        else:
            where = f" at {dead.dead_since:#x}" if dead.dead_since is not None else ""
        self.document.prose(
            Piece("note: ", "note"),
            f"this code is never reached: control does not come past `{dead.dead_after}`{where}",
        )

    def help(self) -> None:
        diagnostic = self.diagnostic
        if diagnostic.hint:
            self.document.prose(Piece("help: ", "help"), diagnostic.hint)
        entry = CATALOGUE.get(diagnostic.code)
        if entry is not None:
            self.document.prose(Piece("rule: ", "help"), entry.help)


def _of_text(span: Span | None) -> TypeGuard[Span]:
    return span is not None and span.source.text is not None


def place_of(name: str, span: Span | None, offset: int | None) -> str:
    """Return `file:line:column` for text, `file:0xoffset` for a binary."""
    if span is not None:
        return str(span)
    return name if offset is None else f"{name}:{offset:#x}"


def function_label(diagnostic: Diagnostic) -> str:
    """Return what a person calls the function: its name, if it has one, and its index."""
    if diagnostic.function_name is None:
        return f"function {diagnostic.function}"
    name = diagnostic.function_name
    if len(name) > NAME_LENGTH:
        name = f"{name[: NAME_LENGTH - 1]}…"
    return f"function ${name} (index {diagnostic.function})"


def with_immediates(span: Span, operator: str | None) -> Span:
    """Return the span of an operator widened over its immediates, where they stand beside it."""
    text = span.source.text
    if text is None or operator is None or not text.startswith(operator, span.start):
        return span
    return span._replace(end=max(span.end, span.start + len(operator)))


def mnemonic_of(diagnostic: Diagnostic) -> str:
    """Return the operator at fault without its immediates."""
    return (diagnostic.operator or "").partition(" ")[0]


def stack_type(types: tuple[str, ...]) -> str:
    """Return types as the specification writes a stack."""
    return f"[{' '.join(types)}]"


def short_label(diagnostic: Diagnostic) -> str:
    """Return what stands behind the caret."""
    if diagnostic.expected_stack is not None:
        verb = "must leave" if mnemonic_of(diagnostic) in CLOSERS else "takes"
        return f"{verb} {stack_type(diagnostic.expected_stack)}"
    label = both(diagnostic)
    if label and len(label) <= LABEL_LENGTH:
        return label
    entry = CATALOGUE.get(diagnostic.code)
    return entry.title if entry is not None else ""


def both(diagnostic: Diagnostic) -> str:
    """Return what was expected and what was found, as far as they are known."""
    parts = [
        f"{name} {value}"
        for name, value in (("expected", diagnostic.expected), ("found", diagnostic.found))
        if value is not None
    ]
    return ", ".join(parts)
