"""Runners of the commands that execute nothing: verifier, cat, print-cfg, domtree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.errors import PlumbobError
from plumbob.filetest.filecheck import Directive, filecheck, find_directive
from plumbob.filetest.verdict import FAILED, Verdict
from plumbob.ir.cfg import control_flow_graph
from plumbob.ir.cfg_printer import print_cfg
from plumbob.ir.dominators import NONE, dominator_tree
from plumbob.ir.parser import parse_clif
from plumbob.ir.printer import print_function
from plumbob.ir.verifier import Target, VerifierError, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from plumbob.filetest.clif_file import ClifFile
    from plumbob.ir.entities import Block
    from plumbob.ir.function import Function
    from plumbob.ir.parser import AttachedComment, ParsedFunction

_ERROR: Final = "error:"
_DOMINATES: Final = "dominates:"


def _directive_text(comment: AttachedComment, name: str) -> str | None:
    """Return what follows `name` in a comment that begins with it, or None."""
    text = comment.text.lstrip("; \t")
    return text[len(name) :].strip() if text.startswith(name) else None


# test verifier


def run_verifier(file: ClifFile) -> Iterator[Verdict]:
    """Match the verifier's errors with the `; error:` comments, one to one.

    A comment expects an error at its own entity whose message contains the fragment. One
    verdict for each comment, and one for each function: that nothing else was reported.
    """
    target = Target()
    if len(file.targets) == 1:
        target = Target(file.pointer_bits(), file.enabled("enable_pinned_reg"))
    for parsed in file.functions:
        reported = verify(parsed.function, target)
        for comment in parsed.comments:
            fragment = _directive_text(comment, _ERROR)
            if fragment is None:
                continue
            found = _find_error(reported, parsed, comment, fragment)
            if found is None:
                listed = "; ".join(map(str, reported)) or "nothing"
                reason = f"expected an error with `{fragment}`; reported: {listed}"
                yield Verdict("error", comment.line, FAILED, reason)
            else:
                reported.remove(found)
                yield Verdict("error", comment.line)
        if reported:
            line = _line_of(parsed, reported[0].entity)
            yield Verdict("verifier", line, FAILED, "; ".join(map(str, reported)))
        else:
            yield Verdict("verifier", parsed.line)


def _find_error(
    reported: list[VerifierError],
    parsed: ParsedFunction,
    comment: AttachedComment,
    fragment: str,
) -> VerifierError | None:
    for error in reported:
        if fragment in error.message and _same_place(parsed, error.entity, comment.entity):
            return error
    return None


def _same_place(parsed: ParsedFunction, one: tuple[str, int], other: tuple[str, int]) -> bool:
    """Whether two entities are one, or come from one declaration (`fn0 = %g(i32)`)."""
    if one == other:
        return True
    place = parsed.spans.get(one)
    return place is not None and place == parsed.spans.get(other)


def _line_of(parsed: ParsedFunction, entity: tuple[str, int]) -> int:
    span = parsed.spans.get(entity)
    return span.source.location(span.start)[0] if span is not None else parsed.line


# Commands that print


def _check_text(file: ClifFile, parsed: ParsedFunction, text: str, kind: str) -> Iterator[Verdict]:
    """Match a printed text with the directives; one verdict for each, at least one."""
    directives: list[Directive] = []
    for comment in (*file.comments, *parsed.comments):
        directive = find_directive(comment.text, comment.line)
        if directive is not None:
            directives.append(directive)
    results = filecheck(directives, text)
    for result in results:
        failed = result.reason is not None
        yield Verdict(
            result.directive.kind,
            result.directive.line,
            FAILED if failed else "passed",
            result.reason or "",
        )
    judged = len(results)
    for directive in [d for d in directives if d.kind != "regex"][judged:]:
        yield Verdict(directive.kind, directive.line, FAILED, "not reached: one before it failed")
    if not results:
        yield Verdict(kind, parsed.line)


def run_cat(file: ClifFile) -> Iterator[Verdict]:
    """Print each function; its text must match the directives and read back the same."""
    for parsed in file.functions:
        text = print_function(parsed.function)
        yield from _check_text(file, parsed, text, "cat")
        yield _round_trip(parsed, text)


def _round_trip(parsed: ParsedFunction, text: str) -> Verdict:
    try:
        again = parse_clif(text)
    except PlumbobError as error:
        return Verdict("cat", parsed.line, FAILED, f"the printed text does not parse: {error}")
    if len(again) != 1 or again[0].content() != parsed.function.content():
        return Verdict("cat", parsed.line, FAILED, "the printed text means another function")
    return Verdict("cat", parsed.line)


def run_print_cfg(file: ClifFile) -> Iterator[Verdict]:
    """Print each function's control-flow graph for Graphviz, and match it."""
    for parsed in file.functions:
        yield from _check_text(file, parsed, print_cfg(parsed.function), "print-cfg")


# test domtree


def run_domtree(file: ClifFile) -> Iterator[Verdict]:
    """Check `; dominates:` comments and the printed postorder and dominator tree.

    A comment at a branch lists the blocks whose immediate dominator is the branch's block.
    Every block that no comment lists must be the entry or unreachable.
    """
    for parsed in file.functions:
        yield from _check_dominators(parsed)
        yield from _check_text(file, parsed, _dominator_text(parsed.function), "domtree")


def _check_dominators(parsed: ParsedFunction) -> Iterator[Verdict]:
    func = parsed.function
    tree = dominator_tree(func)
    listed: set[Block] = set()
    for comment in parsed.comments:
        text = _directive_text(comment, _DOMINATES)
        if text is None:
            continue
        kind, inst = comment.entity
        if kind != "inst":
            reason = "a `dominates:` comment must follow an instruction"
            yield Verdict("dominates", comment.line, FAILED, reason)
            continue
        wrong = []
        for word in text.split():
            number = word.removeprefix("block")
            block = int(number) if number.isdigit() else NONE
            if not 0 <= block < len(tree.idom) or block in listed:
                wrong.append(f"{word} is unknown or listed twice")
            elif tree.idom[block] != func.inst_block[inst]:
                wrong.append(f"the immediate dominator of {word} is block{tree.idom[block]}")
            listed.add(block)
        if wrong:
            yield Verdict("dominates", comment.line, FAILED, "; ".join(wrong))
        else:
            yield Verdict("dominates", comment.line)
    extra = [b for b in func.layout if b not in listed and tree.idom[b] != NONE]
    if extra:
        reason = "; ".join(f"block{b} has the dominator block{tree.idom[b]}" for b in extra)
        yield Verdict("domtree", parsed.line, FAILED, reason)
    else:
        yield Verdict("domtree", parsed.line)


def _dominator_text(func: Function) -> str:
    cfg = control_flow_graph(func)
    tree = dominator_tree(func, cfg)
    lines = ["cfg_postorder:" + "".join(f" block{b}" for b in cfg.postorder)]
    lines.append("domtree_preorder {")
    lines.extend(
        f"    block{block}:" + "".join(f" block{b}" for b in tree.children[block])
        for block in tree.preorder()
    )
    lines.append("}")
    return "\n".join(lines) + "\n"


STATIC_RUNNERS: Final[dict[str, Callable[[ClifFile], Iterable[Verdict]]]] = {
    "verifier": run_verifier,
    "cat": run_cat,
    "print-cfg": run_print_cfg,
    "domtree": run_domtree,
}
"""The runners of this module by command."""
