"""Dead-code policies: what validation asks of code that control never reaches.

Sources: the specification's validation algorithm for `polymorphic`; the proposal
relaxed-dead-code-validation and WebAssembly/design#1379 for the relaxed ones and `typed`.
In all of them immediates are decoded and checked in dead code too.
"""

from __future__ import annotations

POLYMORPHIC, RELAXED_BLOCK, RELAXED, TYPED, FORBIDDEN = range(5)

POLICIES = {
    "polymorphic": POLYMORPHIC,
    "relaxed-block": RELAXED_BLOCK,
    "relaxed": RELAXED,
    "typed": TYPED,
    "forbidden": FORBIDDEN,
}
"""Name on the command line to number in the kernel.

polymorphic    the specification's: dead code pops what it likes and is type-checked
relaxed-block  the stack is bottom; pops and pushes check nothing; nested blocks start live
relaxed        the same, and nested blocks are dead too
typed          relaxed, and `unreachable` may be declared as a result type
forbidden      any operator in dead code is an error
"""
