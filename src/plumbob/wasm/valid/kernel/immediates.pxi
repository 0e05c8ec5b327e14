# Immediates: decoded and checked the same in live and in dead code, under every policy.
# With `lenient` they are decoded alone, for what is left of a function that is invalid.


cdef inline int get_u32(State* s, uint32_t* out) noexcept nogil:
    cdef int code = read_u32(s.code, &s.pos, s.end, out)
    return leb_error(s, code) if code else 0


cdef inline int get_byte(State* s, uint8_t* out) noexcept nogil:
    if s.pos >= s.end:
        return fail(s, E_END, 0, 0)
    out[0] = s.code[s.pos]
    s.pos += 1
    return 0


cdef inline int skip_bytes(State* s, size_t count) noexcept nogil:
    if s.end - s.pos < count:
        return fail(s, E_END, count, s.end - s.pos)
    s.pos += count
    return 0


cdef int get_index(State* s, uint32_t bound, int error, uint32_t* out) noexcept nogil:
    cdef size_t at = s.pos
    if get_u32(s, out):
        return 1
    if out[0] >= bound and not s.lenient:
        s.pos = at
        return fail(s, error, bound, out[0])
    return 0


cdef int get_heap_type(State* s, uint32_t* heap) noexcept nogil:
    # s33: negative for the abstract ones, whose table is types.HEAP_CODES.
    cdef int64_t value
    cdef size_t at = s.pos
    cdef int code = read_s33(s.code, &s.pos, s.end, &value)
    if code:
        return leb_error(s, code)
    if value < 0:
        # The grammar has abstract heap types as bytes: one that takes two is none.
        if s.pos - at != 1 or heap_codes[value + 128] == 0:
            s.pos = at
            return fail(s, E_HEAP_TYPE, 0, <uint64_t>value)
        heap[0] = heap_codes[value + 128]
        if heap_features[heap[0]] & ~s.env.features:
            s.pos = at
            return fail(s, E_FEATURE, heap_features[heap[0]], 0)
        return 0
    if not FEATURE_FUNCTION_REFERENCES & s.env.features:
        s.pos = at
        return fail(s, E_FEATURE, FEATURE_FUNCTION_REFERENCES, 0)
    if s.lenient:
        heap[0] = H_BOT
        return 0
    if value >= s.env.ntypes:
        s.pos = at
        return fail(s, E_TYPE, s.env.ntypes, <uint64_t>value)
    heap[0] = CONCRETE_BIT | s.env.canonical[value]
    return 0


cdef int get_value_type(State* s, T* type) noexcept nogil:
    cdef size_t at = s.pos
    cdef uint8_t code
    cdef uint32_t heap
    if get_byte(s, &code):
        return 1
    if value_codes[code] != T_BOT:
        type[0] = value_codes[code]
        if value_features[code] & ~s.env.features:
            s.pos = at
            return fail(s, E_FEATURE, value_features[code], 0)
        return 0
    if code == REF_CODE or code == REF_NULL_CODE:
        if not FEATURE_FUNCTION_REFERENCES & s.env.features:
            s.pos = at
            return fail(s, E_FEATURE, FEATURE_FUNCTION_REFERENCES, 0)
        if get_heap_type(s, &heap):
            return 1
        type[0] = REF_BIT | (NULL_BIT if code == REF_NULL_CODE else 0) | heap
        return 0
    s.pos = at
    return fail(s, E_VALUE_TYPE, 0, code)


cdef int get_block_type(State* s) noexcept nogil:
    cdef size_t at = s.pos
    cdef int64_t value
    cdef int code
    cdef uint32_t canonical
    s.block_type = NULL
    s.block_single = T_BOT
    if s.pos < s.end and s.code[s.pos] == EMPTY_BLOCK_CODE:
        s.pos += 1
        return 0
    if s.pos < s.end and s.code[s.pos] == UNREACHABLE_CODE and s.env.policy == P_TYPED:
        s.pos += 1
        s.block_single = T_UNREACHABLE
        return 0
    if s.pos < s.end and s.code[s.pos] & 0xC0 == 0x40:
        return get_value_type(s, &s.block_single)
    code = read_s33(s.code, &s.pos, s.end, &value)
    if code:
        return leb_error(s, code)
    if value < 0:
        s.pos = at
        return fail(s, E_BLOCK_TYPE, 0, <uint64_t>value)
    if not FEATURE_MULTI_VALUE & s.env.features:
        s.pos = at
        return fail(s, E_FEATURE, FEATURE_MULTI_VALUE, 0)
    if s.lenient:
        return 0
    if value >= s.env.ntypes:
        s.pos = at
        return fail(s, E_TYPE, s.env.ntypes, <uint64_t>value)
    canonical = s.env.canonical[value]
    if s.env.types[canonical].kind != K_FUNC:
        s.pos = at
        return fail(s, E_KIND, K_FUNC, CONCRETE_BIT | canonical)
    s.block_type = &s.env.types[canonical]
    return 0


cdef int get_memory(State* s) noexcept nogil:
    cdef size_t at = s.pos
    if not FEATURE_MULTI_MEMORY & s.env.features:
        if s.pos < s.end and s.code[s.pos] != 0:
            return fail(s, E_ZERO_BYTE, 0, s.code[s.pos])
    if get_index(s, s.env.nmemories, E_MEMORY, &s.index):
        return 1
    return note_address(s, at, T_BOT if s.lenient else s.env.memories[s.index])


cdef int note_address(State* s, size_t at, T type) noexcept nogil:
    require(s.naddresses < 2)
    s.address[s.naddresses] = type
    s.naddresses += 1
    return 0


cdef int get_memarg(State* s, const Row* row) noexcept nogil:
    cdef uint32_t flags
    cdef uint32_t memory = 0
    cdef uint32_t narrow = 0
    cdef size_t at = s.pos
    cdef int code
    if get_u32(s, &flags):
        return 1
    if flags >= 0x80 or (flags >= 0x40 and not FEATURE_MULTI_MEMORY & s.env.features):
        s.pos = at
        return fail(s, E_MEMARG, 0, flags)
    if flags & 0x40:
        flags &= 0x3F
        if get_index(s, s.env.nmemories, E_MEMORY, &memory):
            return 1
    elif s.env.nmemories == 0 and not s.lenient:
        s.pos = at
        return fail(s, E_MEMORY, 0, 0)
    if flags > row.align and not s.lenient:
        s.pos = at
        return fail(s, E_ALIGN, row.align, flags)
    s.flags = flags
    at = s.pos
    if FEATURE_MEMORY64 & s.env.features:
        code = read_u64(s.code, &s.pos, s.end, &s.offset)
    else:
        code = read_u32(s.code, &s.pos, s.end, &narrow)
        s.offset = narrow
    if code:
        return leb_error(s, code)
    if s.lenient:
        return 0
    if s.env.memories[memory] == T_I32 and s.offset >> 32:
        s.pos = at
        return fail(s, E_OFFSET, 0, s.offset)
    return note_address(s, at, s.env.memories[memory])


cdef int get_labels(State* s) noexcept nogil:
    # A vector of labels and the default; the rule of br_table reads them once more.
    cdef uint32_t i
    cdef uint32_t label
    if get_u32(s, &s.count):
        return 1
    if s.count > s.end - s.pos:
        return fail(s, E_END, s.count, s.end - s.pos)
    s.vector = s.pos
    for i in range(s.count):
        if get_index(s, s.nframes, E_LABEL, &label):
            return 1
    return get_index(s, s.nframes, E_LABEL, &s.label)


cdef int get_value_types(State* s) noexcept nogil:
    cdef uint32_t i
    if get_u32(s, &s.count):
        return 1
    if s.count > s.end - s.pos:
        return fail(s, E_END, s.count, s.end - s.pos)
    for i in range(s.count):
        if get_value_type(s, &s.value_type):
            return 1
    return 0


cdef int get_lanes(State* s, uint32_t count, uint32_t lanes) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t lane
    for i in range(count):
        if get_byte(s, &lane):
            return 1
        if lane >= lanes and not s.lenient:
            s.pos -= 1
            return fail(s, E_LANE, lanes, lane)
    return 0


cdef int get_catches(State* s) noexcept nogil:
    # Labels count from outside the try_table, which has not been entered yet.
    cdef uint32_t i
    cdef uint32_t count
    cdef uint32_t tag
    cdef uint32_t label
    cdef uint8_t kind
    cdef size_t at
    if get_u32(s, &count):
        return 1
    if count > MAX_CATCHES and not s.lenient:
        return fail(s, E_LIMIT, MAX_CATCHES, count)
    for i in range(count):
        at = s.pos
        if get_byte(s, &kind):
            return 1
        if kind > 3:
            s.pos = at
            return fail(s, E_CATCH, 0, kind)
        if kind < 2 and get_index(s, s.env.ntags, E_TAG, &tag):
            return 1
        if get_index(s, s.nframes, E_LABEL, &label):
            return 1
        if not s.lenient and not catch_matches(s, kind, tag, label):
            s.pos = at
            return fail(s, E_CATCH_LABEL, kind, label)
    return 0


cdef bint catch_matches(State* s, uint8_t kind, uint32_t tag, uint32_t label) noexcept nogil:
    # catch, catch_ref, catch_all, catch_all_ref: 0 to 3.
    cdef uint32_t count
    cdef const T* types = label_of(&s.frames[s.nframes - 1 - label], &count)
    cdef const CType* tag_type
    if kind & 1:
        if count == 0 or not matches(s.env, REF_BIT | H_EXN, types[count - 1]):
            return False
        count -= 1
    if kind >= 2:
        return count == 0
    tag_type = &s.env.types[s.env.tags[tag]]
    return lists_match(s.env, tag_type.params, tag_type.nparams, types, count)


cdef int get_type(State* s) noexcept nogil:
    cdef uint32_t canonical
    if get_index(s, s.env.ntypes, E_TYPE, &s.index):
        return 1
    if s.lenient:
        return 0
    canonical = s.env.canonical[s.index]
    require(s.ntypes < 2)
    s.type[s.ntypes] = canonical
    s.ntypes += 1
    if s.env.types[canonical].kind == K_FUNC:
        s.callee = &s.env.types[canonical]
    return 0


cdef int get_table(State* s) noexcept nogil:
    cdef size_t at = s.pos
    if not FEATURE_REFERENCE_TYPES & s.env.features:
        if s.pos < s.end and s.code[s.pos] != 0:
            return fail(s, E_ZERO_BYTE, 0, s.code[s.pos])
    if get_index(s, s.env.ntables, E_TABLE, &s.index):
        return 1
    if s.lenient:
        return 0
    require(s.ntables < 2)
    s.table[s.ntables] = s.env.tables[s.index]
    s.ntables += 1
    return note_address(s, at, s.env.tables[s.index].address)


cdef int get_local(State* s) noexcept nogil:
    if get_index(s, s.nlocals, E_LOCAL, &s.local):
        return 1
    if not s.lenient:
        s.local_type = local_type(s, s.local)
    return 0


cdef int get_field(State* s) noexcept nogil:
    cdef const CType* type
    if s.lenient:
        return get_u32(s, &s.index)
    type = &s.env.types[s.type[0]]
    if type.kind != K_STRUCT:
        return fail(s, E_KIND, K_STRUCT, CONCRETE_BIT | s.type[0])
    if get_index(s, type.nparams, E_FIELD, &s.index):
        return 1
    s.field_type = type.params[s.index]
    s.field_mutable = type.mutable[s.index]
    return 0


cdef int get_zero(State* s) noexcept nogil:
    cdef uint8_t byte
    if get_byte(s, &byte):
        return 1
    if byte != 0:
        s.pos -= 1
        return fail(s, E_ZERO_BYTE, 0, byte)
    return 0


cdef int get_cast_flags(State* s) noexcept nogil:
    cdef uint8_t byte
    if get_byte(s, &byte):
        return 1
    if byte > 3:
        s.pos -= 1
        return fail(s, E_CAST_FLAGS, 0, byte)
    s.flags = byte
    return 0


cdef int get_immediate(State* s, const Row* row, uint8_t kind) noexcept nogil:
    cdef int64_t wide
    cdef int32_t narrow
    cdef int code
    if kind == M_MEMARG:
        return get_memarg(s, row)
    elif kind == M_LOCAL:
        return get_local(s)
    elif kind == M_LABEL:
        return get_index(s, s.nframes, E_LABEL, &s.label)
    elif kind == M_S32:
        code = read_s32(s.code, &s.pos, s.end, &narrow)
        return leb_error(s, code) if code else 0
    elif kind == M_S64:
        code = read_s64(s.code, &s.pos, s.end, &wide)
        return leb_error(s, code) if code else 0
    elif kind == M_F32:
        return skip_bytes(s, 4)
    elif kind == M_F64:
        return skip_bytes(s, 8)
    elif kind == M_V128:
        return skip_bytes(s, 16)
    elif kind == M_LANE:
        return get_lanes(s, 1, row.lanes)
    elif kind == M_LANES:
        return get_lanes(s, 16, row.lanes)
    elif kind == M_BLOCKTYPE:
        return get_block_type(s)
    elif kind == M_LABELS:
        return get_labels(s)
    elif kind == M_CATCHES:
        return get_catches(s)
    elif kind == M_FUNC:
        if get_index(s, s.env.nfuncs, E_FUNC, &s.func):
            return 1
        if not s.lenient:
            s.callee = &s.env.types[s.env.func_types[s.func]]
        return 0
    elif kind == M_TYPE:
        return get_type(s)
    elif kind == M_TABLE:
        return get_table(s)
    elif kind == M_MEMORY:
        return get_memory(s)
    elif kind == M_GLOBAL:
        if get_index(s, s.env.nglobals, E_GLOBAL, &s.index):
            return 1
        if not s.lenient:
            s.variable = s.env.globals[s.index]
        return 0
    elif kind == M_TAG:
        if get_index(s, s.env.ntags, E_TAG, &s.index):
            return 1
        if not s.lenient:
            s.callee = &s.env.types[s.env.tags[s.index]]
        return 0
    elif kind == M_ELEM:
        if get_index(s, s.env.nelems, E_ELEM, &s.index):
            return 1
        if not s.lenient:
            s.elem_type = s.env.elems[s.index]
        return 0
    elif kind == M_DATA:
        if not s.env.has_data_count:
            return fail(s, E_DATA_COUNT, 0, 0)
        return get_index(s, s.env.ndatas, E_DATA, &s.index)
    elif kind == M_FIELD:
        return get_field(s)
    elif kind == M_COUNT:
        return get_u32(s, &s.count)
    elif kind == M_HEAPTYPE:
        require(s.nheaps < 2)
        s.nheaps += 1
        return get_heap_type(s, &s.heap[s.nheaps - 1])
    elif kind == M_VALTYPES:
        return get_value_types(s)
    elif kind == M_CASTFLAGS:
        return get_cast_flags(s)
    elif kind == M_ZERO:
        return get_zero(s)
    require(False)
    return 1


cdef int get_immediates(State* s, const Row* row) noexcept nogil:
    cdef uint32_t i
    s.naddresses = 0
    s.ntables = 0
    s.ntypes = 0
    s.nheaps = 0
    for i in range(row.nimmediates):
        if get_immediate(s, row, row.immediates[i]):
            return 1
    return 0
