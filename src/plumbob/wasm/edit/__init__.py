"""Editing modules: appending, renumbering, dropping. Shims, stand-ins and reduction stand on it.

May import `wasm` and its binary format.
"""
