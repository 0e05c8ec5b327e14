"""Validation: the kernel, the rules of a module's fields, diagnostics, policies, the census.

May import `wasm`, its binary format and its text; nothing of editing.
"""
