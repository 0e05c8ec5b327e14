"""A function's control-flow graph as a Graphviz digraph, in Cranelift's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.ir.cfg import control_flow_graph
from plumbob.ir.printer import print_block_header, print_instruction, print_name

if TYPE_CHECKING:
    from plumbob.ir.function import Function


def print_cfg(func: Function) -> str:
    """Return the graph: a record for each block with its branch, an edge for each branch."""
    cfg = control_flow_graph(func)
    name = print_name(func.name).replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'digraph "{name}" {{']
    if func.layout:
        lines.append(f"    {{rank=min; block{func.entry}}}")
    for block in func.layout:
        lines.append(f'    block{block} [shape=record, label="{{{print_block_header(func, block)}')
        insts = func.block_insts[block]
        if insts:
            lines.append(f" | <inst{insts[-1]}>{print_instruction(func, insts[-1])}")
        lines.append('}"]')
    for block in func.layout:
        lines.extend(
            f"    block{pred}:inst{func.block_insts[pred][-1]} -> block{block}"
            for pred in cfg.predecessors[block]
        )
    lines.append("}")
    return "\n".join(lines) + "\n"
