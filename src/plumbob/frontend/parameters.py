"""The parameters of relaxed operators, which the specification leaves to the implementation.

Source: WebAssembly 3.0, Execution / Numerics (4.3) / Relaxed Operations. A relaxed operator is
one of several strict ones; which of them is a parameter R that is constant for a program. What
engines do besides, because their hardware does, and the official test suite accepts for that
reason, has numbers too, behind the specification's own.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Relaxed(NamedTuple):
    """Which of its strict operators each relaxed one is; the defaults are Plumbob's choice.

    All defaults but `fmadd` are the specification's deterministic profile.
    """

    fmadd: int = 1
    """0: a product rounded, then a sum; 1: rounded once."""
    fmin: int = 0
    """0: `min`; 1: `pmin`; 2: the second operand unless the first is less (x86); 3: a number
    wins over a NaN."""
    fmax: int = 0
    """The same for `max`."""
    idot: int = 0
    """Of products of two lanes. 0: signed, the sum of two clamped to 16 bits; 1: the second
    operand unsigned, clamped (PMADDUBSW). Besides the specification's: 2: signed, the sum
    wraps (SMULL and ADDP); 3: as 1, but where 32 bits are summed, without a step of 16
    (VPDPBUSD); 4: as 0, likewise (SDOT)."""
    iq15mulr: int = 0
    """Of -1 times -1. 0: the greatest number; 1: the least (PMULHRSW)."""
    trunc_u: int = 0
    """Of a NaN or beyond the range. 0: as `trunc_sat`; 1: the greatest number; 2: the greatest
    but one; 3: the top bit alone."""
    trunc_s: int = 0
    """0: as `trunc_sat`; 1: the least number (CVTTPS2DQ)."""
    swizzle: int = 0
    """Of an index from 16 to 127. 0: zero; 1: modulo 16 (PSHUFB)."""
    laneselect: int = 0
    """0: bit by bit; 1: by the top bit of a lane. Besides the specification's: 2: by the top
    bit of each byte, for lanes of 16 bits (PBLENDVB)."""


RELAXED: Final = Relaxed()
OPTIONS: Final = Relaxed(2, 4, 4, 5, 2, 4, 2, 2, 3)
"""How many alternatives each parameter has."""
