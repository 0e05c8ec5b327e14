"""WebAssembly itself: operator table, types, binary and text format, validation, scripts.

May import errors and source alone. Everything here derives from `opcodes.py`.
"""
