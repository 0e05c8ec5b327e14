"""Calls, returns and branches as Python source.

A guest function calls another directly: `F7(d - 1, v1, v2)`, where F7 is a global that the
machine links at the first call (reference 7 of the program: a symbol and the signature it
is called by). A function that makes tail calls is compiled as `T7(d, arguments)`, which may
return a `Tail`; its `F7` runs tails until one returns a result. So a chain of tail calls
takes one Python frame, and every other call one frame without any test of its result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.ir.printer import print_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp.source_function import FunctionSource
    from plumbob.ir.entities import Inst


def direct_reference(fs: FunctionSource, inst: Inst) -> int:
    """Return the program's reference number of a direct call's callee."""
    func = fs.func
    callee = func.ext_funcs[func.imm(inst, "func")]
    assert callee is not None  # noqa: S101  # the verifier's
    signature = func.signatures[callee.signature]
    assert signature is not None  # noqa: S101  # the verifier's
    return fs.program.reference(print_name(callee.name), signature)


def _indirect_signature(fs: FunctionSource, inst: Inst) -> int:
    func = fs.func
    number = func.call_signature(inst)
    signature = None if number is None else func.signatures[number]
    assert signature is not None  # noqa: S101  # the verifier's
    return fs.program.signature_number(signature)


def _arguments(fs: FunctionSource, inst: Inst, first: int) -> list[str]:
    return [fs.text(value) for value in fs.func.inst_args[inst][first:]]


def _direct_call(fs: FunctionSource, inst: Inst) -> str:
    arguments = ["d - 1", *_arguments(fs, inst, 0)]
    return f"F{direct_reference(fs, inst)}({', '.join(arguments)})"


def _indirect_call(fs: FunctionSource, inst: Inst) -> str:
    number = _indirect_signature(fs, inst)
    callee = fs.atom(fs.func.inst_args[inst][0])
    arguments = ["d - 1", *_arguments(fs, inst, 1)]
    return f"(I{number}.get({callee}) or indirect({callee}, {number}))({', '.join(arguments)})"


def _assigned(names: list[str], call: str) -> str:
    """Return a statement that assigns a call's results: none, one, or a tuple."""
    return f"{', '.join(names)} = {call}" if names else call


def _call(fs: FunctionSource, inst: Inst) -> None:
    names = [f"v{value}" for value in fs.func.inst_results[inst]]
    fs.out.line(_assigned(names, _direct_call(fs, inst)))


def _call_indirect(fs: FunctionSource, inst: Inst) -> None:
    names = [f"v{value}" for value in fs.func.inst_results[inst]]
    fs.out.line(_assigned(names, _indirect_call(fs, inst)))


def _tuple(texts: list[str]) -> str:
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


def _return_call(fs: FunctionSource, inst: Inst) -> None:
    arguments = _tuple(_arguments(fs, inst, 0))
    fs.out.line(f"return Tail(T{direct_reference(fs, inst)}, {arguments})")


def _return_call_indirect(fs: FunctionSource, inst: Inst) -> None:
    number = _indirect_signature(fs, inst)
    callee = fs.text(fs.func.inst_args[inst][0])
    arguments = _tuple(_arguments(fs, inst, 1))
    fs.out.line(f"return Tail(indirect_tail({callee}, {number}), {arguments})")


def _return(fs: FunctionSource, inst: Inst) -> None:
    fs.out.line(f"return {', '.join(_arguments(fs, inst, 0))}".rstrip())


def _func_addr(fs: FunctionSource, inst: Inst) -> None:
    result = fs.func.inst_results[inst][0]
    callee = fs.func.ext_funcs[fs.func.imm(inst, "func")]
    assert callee is not None  # noqa: S101  # the verifier's
    bits = fs.func.value_type(result).bits
    cut = "" if bits >= fs.program.layout.bits else f" & {(1 << bits) - 1:#x}"
    fs.out.line(f"v{result} = function_address({print_name(callee.name)!r}){cut}")


EMITTERS: Final[dict[str, Callable[[FunctionSource, Inst], None]]] = {
    "call": _call,
    "call_indirect": _call_indirect,
    "return_call": _return_call,
    "return_call_indirect": _return_call_indirect,
    "return": _return,
    "func_addr": _func_addr,
}


# Branches


def _jump(fs: FunctionSource, inst: Inst) -> str:  # noqa: ARG001  # a selector's signature
    return "0"


def _brif(fs: FunctionSource, inst: Inst) -> str:
    return fs.condition(fs.func.inst_args[inst][0])


def _br_table(fs: FunctionSource, inst: Inst) -> str:
    entries = len(fs.func.inst_targets[inst]) - 1
    index = fs.atom(fs.func.inst_args[inst][0])
    fs.out.line(f"k = {index} + 1 if {index} < {entries} else 0")
    return "k"


def _try(fs: FunctionSource, inst: Inst, call: str) -> str:
    """Write a call whose exceptions are looked up in the instruction's table.

    Afterwards `k` is the number of the destination, `r0, …` hold the results or `e0, …` the
    payload.
    """
    func, out = fs.func, fs.out
    table = func.imm(inst, "handlers")
    signature = func.signatures[table.signature]
    assert signature is not None  # noqa: S101  # the verifier's
    name = f"handlers{fs.number}_{inst}"
    fs.extras[name] = table
    contexts = [fs.text(h.number) for h in table.handlers if h.kind == "context"]
    out.line("k = 0")
    out.line("try:")
    out.indent += 1
    out.line(_assigned([f"r{n}" for n in range(len(signature.returns))], call))
    out.indent -= 1
    out.line("except GuestException as thrown:")
    out.indent += 1
    out.line(f"k, payload = catch(thrown, {name}, {_tuple(contexts)})")
    out.line("if not k: raise")
    wanted = payload_sizes(fs, inst)
    for index, count in wanted.items():
        names = ", ".join(f"e{n}" for n in range(count))
        out.line(f"if k == {index}: {names}, *_ = payload")
    out.indent -= 1
    return "k"


def payload_sizes(fs: FunctionSource, inst: Inst) -> dict[int, int]:
    """Return how many payload values the arguments of each handler's destination use."""
    sizes = {}
    for index, target in enumerate(fs.func.inst_targets[inst]):
        numbers = [-argument // 2 for argument in target.args if argument < 0 and argument % 2 == 0]
        if numbers:
            sizes[index] = max(numbers)
    return sizes


def _try_call(fs: FunctionSource, inst: Inst) -> str:
    return _try(fs, inst, _direct_call(fs, inst))


def _try_call_indirect(fs: FunctionSource, inst: Inst) -> str:
    return _try(fs, inst, _indirect_call(fs, inst))


SELECTORS: Final[dict[str, Callable[[FunctionSource, Inst], str]]] = {
    "jump": _jump,
    "brif": _brif,
    "br_table": _br_table,
    "try_call": _try_call,
    "try_call_indirect": _try_call_indirect,
}
