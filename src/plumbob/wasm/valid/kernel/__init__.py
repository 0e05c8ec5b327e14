"""The validation kernel: decodes and checks function bodies in one pass over their bytes.

`_kernel.pyx` is one extension module; the .pxi files are its rooms, in reading order:
state, table, errors, operands, immediates, checks, control, step, fast, api.
May import wasm's tables and types alone.
"""
