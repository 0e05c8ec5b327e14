"""Reading the binary format: a bounds-checked cursor, and the entries of every section.

The input is untrusted: every read is checked against the end of the section (or of the
sub-range) before it touches the bytes, and nothing is allocated for a count before the
bytes left could hold as many items. `decode.py` knows the order of sections and puts a
module together; bytes and flags of types come from `types.py`, immediates of constant
expressions from the operator table.
"""

from cpython cimport array
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.ref cimport Py_INCREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from plumbob.wasm.binary._leb cimport (
    LEB_END,
    LEB_LARGE,
    LEB_LONG,
    LEB_OK,
    read_s32,
    read_s33,
    read_s64,
    read_u32,
    read_u64,
)

import array as _array

from plumbob.errors import InternalError
from plumbob.wasm.binary import encode_types as _codes
from plumbob.wasm import features as _features
from plumbob.wasm import limits as _limits
from plumbob.wasm import types as _types
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    PASSIVE,
    DataSegment,
    ElementSegment,
    Global,
    Import,
    RecGroup,
    Table,
)
from plumbob.wasm.opcodes import PREFIXES, TABLE
from plumbob.wasm.operators import NO_CONST

include "_reader_tables.pxi"
include "_reader_cursor.pxi"
include "_reader_types.pxi"
include "_reader_entries.pxi"
