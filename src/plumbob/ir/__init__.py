"""The IR: operation table, functions, builder, CLIF text, verifier, control-flow graph.

May import errors, source, wasm and semantics; nothing above.

A guide to the data structures
------------------------------
Entities (values, blocks, instructions, slots, signatures, …) are plain integers, indices
into lists of their `Function` (`function.py`); what they refer to besides instructions are
immutable tuples (`entities.py`). Types are interned objects (`types.py`): compare with `is`.

    from plumbob.ir.parser import parse_clif         # list[Function] from text
    from plumbob.ir.printer import print_function    # text from a Function

    for block in func.layout:                        # layout[0] is the entry
        params = func.block_params[block]            # list of values
        for inst in func.block_insts[block]:
            op = func.inst_op[inst]                  # the row of the operation table
            op.name, op.format.name                  # "load", "load"
            ctrl = func.inst_type[inst]              # controlling type (`load.i32`: I32), or None
            args = func.inst_args[inst]              # values; a call's arguments come last
            imms = func.inst_imms[inst]              # immediates in the format's order
            func.imm(inst, "offset")                 # one of them by kind (formats.IMMEDIATES)
            results = func.inst_results[inst]        # values
            for block, args in func.inst_targets[inst]:
                ...                                  # destinations, see below

- An operand may be an alias: `func.resolve(v)` gives the value it stands for, through any
  number of aliases; `func.value_types[v]` is right for both.
- Destinations: of `jump` one; of `brif` then, else; of `br_table` the default first, then
  the table; of `try_call` the normal return first, then the handlers' (the immediate
  `handlers` is an `ExceptionTable`, whose handlers index `inst_targets`). A destination's
  argument is a value if it is not negative, else `retN` or `exnN`
  (`entities.return_argument`, `exception_argument`).
- A call's signature: `func.signatures[func.call_signature(inst)]`; a direct callee:
  `func.ext_funcs[func.imm(inst, "func")]` with its `name`.
- Immediates: `iconst`'s `imm64` is the value's bits, unsigned, cut to the type's width;
  `f32const` and its kin hold IEEE bits; `vconst` and `f128const` hold an index into
  `func.constants` (bytes, little-endian, as long as the type); memory flags are `MemFlags`;
  condition codes, trap codes and atomic operations are strings (`entities.py`).
- Source locations: `func.inst_location[inst]`, `NO_LOCATION` if there is none.
- `operations.OPERATIONS` maps names to rows, with effects (`can_trap`, `is_terminator`,
  `reads`, …) and types; `operations.define` adds rows.

To make functions: `builder.FunctionBuilder`, which turns variables into SSA values
(`declare_var`, `def_var`, `use_var`, sealed blocks). To change them: `new_inst`,
`make_results`, `append_inst`, `insert_before`, `remove_inst`, `change_to_alias`, `map_uses`;
instructions that move need no renumbering, and `func.copy()` is cheap. To judge them:
`verifier.verify`, `verifier.require_valid`. To look at their shape: `cfg.control_flow_graph`,
`dominators.dominator_tree`, `dominators.post_dominator_tree`, `loops.loop_forest`: frozen
answers, to be asked again after a change.
"""
