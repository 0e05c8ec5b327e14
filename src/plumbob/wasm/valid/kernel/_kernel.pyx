"""The validation kernel: see the package's docstring. One extension module, in rooms."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdio cimport fputs, stderr
from libc.stdlib cimport abort, calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from plumbob.wasm.binary._leb cimport read_s32, read_s33, read_s64, read_u32, read_u64

from plumbob.errors import InternalError
from plumbob.wasm import features as _features
from plumbob.wasm.valid import policy
from plumbob.wasm import (limits, types)
from plumbob.wasm.opcodes import PREFIXES, TABLE
from plumbob.wasm.operators import DEAD

cdef extern from *:
    """
    #ifndef PLUMBOB_CHECKED
    #define PLUMBOB_CHECKED 0
    #endif
    """
    const bint PLUMBOB_CHECKED
    int ctz "__builtin_ctz"(unsigned int) nogil

include "state.pxi"
include "errors.pxi"
include "words.pxi"
include "table.pxi"
include "operands.pxi"
include "locals.pxi"
include "immediates.pxi"
include "checks.pxi"
include "control.pxi"
include "step.pxi"
include "run.pxi"
include "api.pxi"

check_layout()
fill_types()
build_table()
