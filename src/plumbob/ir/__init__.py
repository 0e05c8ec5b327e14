"""The IR: operation table, functions, builder, CLIF text, verifier, control-flow graph.

May import errors, source, wasm and semantics; nothing above.
"""
