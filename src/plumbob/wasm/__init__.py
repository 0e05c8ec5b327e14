"""WebAssembly itself: operator table, types, modules as data; its rooms read, check, change.

May import errors and source alone. Everything here derives from `opcodes.py`.
"""
