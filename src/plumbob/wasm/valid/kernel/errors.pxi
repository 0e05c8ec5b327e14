# Error numbers: those of codes.py.

cdef enum:
    E_END = 101
    E_TOO_LONG = 102
    E_TOO_LARGE = 103
    E_OPCODE = 150
    E_VALUE_TYPE = 151
    E_BLOCK_TYPE = 152
    E_MEMARG = 153
    E_ZERO_BYTE = 154
    E_LOCALS = 155
    E_DATA_COUNT = 156
    E_BEHIND_END = 157
    E_HEAP_TYPE = 158
    E_CAST_FLAGS = 159
    E_CATCH = 160
    E_MISPLACED = 161
    LAST_MALFORMED = 199
    E_MISMATCH = 201
    E_MISSING = 202
    E_LEFT = 203
    E_LABEL = 204
    E_LOCAL = 205
    E_GLOBAL = 206
    E_FUNC = 207
    E_TYPE = 208
    E_TABLE = 209
    E_MEMORY = 210
    E_TAG = 211
    E_ELEM = 212
    E_DATA = 213
    E_FIELD = 214
    E_ALIGN = 215
    E_NATURAL = 216
    E_OFFSET = 217
    E_LANE = 218
    E_IMMUTABLE = 219
    E_UNINITIALISED = 220
    E_UNDECLARED = 221
    E_KIND = 222
    E_PACKED = 223
    E_FIELD_IMMUTABLE = 224
    E_DEFAULT = 225
    E_NUMERIC = 226
    E_ELEMENTS = 227
    E_TABLE_FUNC = 228
    E_ARITY = 229
    E_TAIL = 230
    E_CAST = 231
    E_SELECT_COUNT = 232
    E_SELECT_REF = 233
    E_IF = 234
    E_DEAD = 235
    E_REACHED = 236
    E_CONST = 237
    E_CONST_GLOBAL = 238
    E_CATCH_LABEL = 239
    E_RETHROW = 240
    E_REFERENCE = 241
    E_BRANCH_LABEL = 242
    E_FEATURE = 260
    E_UNREACHABLE_TYPE = 261
    E_LIMIT = 301


cdef int fail(State* s, int error, uint64_t expected, uint64_t found) noexcept nogil:
    # Record the first error; what `expected` and `found` hold depends on its number.
    if s.error == 0:
        s.error = error
        s.error_pos = s.pos
        s.expected = expected
        s.found = found
    return 1


cdef int misplaced(State* s) noexcept nogil:
    # The immediates have been read: the fault is at the operator.
    s.pos = s.start
    return fail(s, E_MISPLACED, 0, 0)


cdef int leb_error(State* s, int code) noexcept nogil:
    # Errors of _leb.pxd in order: end of input, too long, too large.
    return fail(s, E_END + code - 1, 0, 0)


# Every number the kernel reports; a test holds them against codes.py.
ERRORS = (
    E_END, E_TOO_LONG, E_TOO_LARGE, E_OPCODE, E_VALUE_TYPE, E_BLOCK_TYPE, E_MEMARG, E_ZERO_BYTE,
    E_LOCALS, E_DATA_COUNT, E_BEHIND_END, E_HEAP_TYPE, E_CAST_FLAGS, E_CATCH, E_MISPLACED,
    E_MISMATCH, E_MISSING, E_LEFT, E_LABEL, E_LOCAL, E_GLOBAL, E_FUNC, E_TYPE, E_TABLE, E_MEMORY,
    E_TAG, E_ELEM, E_DATA, E_FIELD, E_ALIGN, E_NATURAL, E_OFFSET, E_LANE, E_IMMUTABLE,
    E_UNINITIALISED, E_UNDECLARED, E_KIND, E_PACKED, E_FIELD_IMMUTABLE, E_DEFAULT, E_NUMERIC,
    E_ELEMENTS, E_TABLE_FUNC, E_ARITY, E_TAIL, E_CAST, E_SELECT_COUNT, E_SELECT_REF, E_IF, E_DEAD,
    E_REACHED, E_CONST, E_CONST_GLOBAL, E_CATCH_LABEL, E_RETHROW, E_REFERENCE, E_BRANCH_LABEL,
    E_FEATURE, E_UNREACHABLE_TYPE, E_LIMIT,
)
