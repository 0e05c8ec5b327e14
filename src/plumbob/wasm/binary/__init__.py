"""The binary format: decoding modules and function bodies, and encoding them.

Reads untrusted bytes. May import `wasm` itself; text, validation and editing stand above.
"""
