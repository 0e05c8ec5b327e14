# The entries of sections (Binary Format / Modules). Each function reads the vector that a
# section is, and returns it with arrays of offsets (from the start of the data): where each
# entry begins and, where it holds a constant expression, where that begins.

cdef struct DataHead:
    # A data segment: where its offset expression stands, and how many bytes follow.
    uint32_t flags
    uint32_t memory
    size_t init
    size_t init_end
    size_t length
    uint8_t shape


cdef object skip_general = None


cdef int skip_hard(Reader r, size_t start) except -1:
    # An expression with an operator that is not constant, and may open a block.
    global skip_general
    if skip_general is None:
        from plumbob.wasm.binary.instructions import skip_expression as skip_general
    r.pos = start
    skip_general(r)
    return 0


cdef int step_immediates(Reader r, uint8_t kind) except -1:
    # Step over the immediates of an operator of this kind.
    cdef uint32_t index
    cdef int32_t narrow
    cdef int64_t wide
    cdef size_t length
    cdef int error = LEB_OK
    if kind == INT32:
        error = read_s32(r.p, &r.pos, r.end, &narrow)
    elif kind == INT64:
        error = read_s64(r.p, &r.pos, r.end, &wide)
    elif kind == INDEX or kind == INDICES:
        error = read_u32(r.p, &r.pos, r.end, &index)
        if error == LEB_OK and kind == INDICES:
            error = read_u32(r.p, &r.pos, r.end, &index)
    elif kind == HEAP:
        get_heap(r)
    elif kind == BYTES4 or kind == BYTES8 or kind == BYTES16:
        length = 4 if kind == BYTES4 else 8 if kind == BYTES8 else 16
        if length > r.end - r.pos:
            return r.fail_end("a constant")
        r.pos += length
    if error:
        return r.fail_leb(error, "an operator's immediate")
    return 0


cdef int step_expression(Reader r, uint8_t* shape) except -1:
    # Step over an expression. `shape` becomes the opcode where it is one operator that
    # has a number or nothing as its immediate, else 0 (which is no constant operator).
    cdef size_t start = r.pos
    cdef uint8_t code
    cdef uint8_t kind
    cdef uint32_t number
    cdef int operators = 0
    shape[0] = 0
    while r.pos < r.end:
        code = r.p[r.pos]
        r.pos += 1
        if code == END:
            if operators != 1:
                shape[0] = 0
            return 0
        kind = trivial[code]
        if kind == PREFIX:
            number = r.get_u32("an opcode")
            kind = prefixed[code & 7][number] if number < 256 else NOT_TRIVIAL
            code = 0
        if kind == NOT_TRIVIAL:
            shape[0] = 0
            return skip_hard(r, start)
        step_immediates(r, kind)
        operators += 1
        shape[0] = 0 if kind == INDEX or kind == HEAP else code
    return r.fail_end("`end` of a constant expression")


cdef object get_expression(Reader r):
    cdef size_t start = r.pos
    cdef uint8_t shape
    step_expression(r, &shape)
    return PyBytes_FromStringAndSize(<const char*>r.p + start, r.pos - start)


def read_types(Reader r):
    """Read the type section: rec groups, and where each type begins."""
    cdef Py_ssize_t count = r.get_count("types", MAX_TYPES)
    cdef Py_ssize_t members
    cdef list groups = []
    cdef list starts = []
    cdef size_t at
    for _ in range(count):
        at = r.pos
        if r.pos < r.end and r.p[r.pos] == REC_CODE:
            r.need_feature(GC, r.pos, "a rec group")
            r.pos += 1
            members = r.get_count("types of a rec group", MAX_TYPES)
            types = []
            for _ in range(members):
                starts.append(r.pos)
                types.append(get_subtype(r))
            groups.append(make(RecGroup, (tuple(types), True)))
        else:
            starts.append(r.pos)
            groups.append(make(RecGroup, ((get_subtype(r),), False)))
        if len(starts) > MAX_TYPES:
            r.fail_limit(at, MAX_TYPES, "types", len(starts))
    return groups, starts


def read_imports(Reader r):
    """Read the import section."""
    cdef Py_ssize_t count = r.get_count("imports", MAX_IMPORTS)
    cdef Py_ssize_t i
    cdef array.array starts = u32_array(count)
    cdef list out = []
    cdef size_t at
    cdef int kind
    for i in range(count):
        starts.data.as_uints[i] = r.pos
        module = r.get_name("the name of a module")
        name = r.get_name("the name of an import")
        at = r.pos
        kind = r.get_u8("an import kind")
        if kind == 0:
            type = r.get_u32("a type index")
        elif kind == 1:
            type = get_table_type(r)
        elif kind == 2:
            type = get_memory_type(r)
        elif kind == 3:
            type = get_global_type(r)
        elif kind == 4:
            type = get_tag_type(r)
        else:
            r.fail_at(at, "E0123", "malformed import kind", "0 to 4", hex(kind))
        out.append(make(Import, (module, name, kind, type)))
    return out, starts


def read_tables(Reader r):
    """Read the table section."""
    cdef Py_ssize_t count = r.get_count("tables", MAX_TABLES)
    cdef Py_ssize_t i
    cdef array.array starts = u32_array(count)
    cdef array.array inits = u32_array(count)
    cdef list out = []
    cdef size_t at
    cdef int zero
    for i in range(count):
        starts.data.as_uints[i] = at = r.pos
        init = None
        if r.pos < r.end and r.p[r.pos] == 0x40:
            r.need_feature(FUNCTION_REFERENCES, r.pos, "a table with an initialiser")
            r.pos += 1
            zero = r.get_u8("a zero byte")
            if zero:
                r.fail_at(at + 1, "E0154", "zero byte expected", "0", hex(zero))
            type = get_table_type(r)
            inits.data.as_uints[i] = r.pos
            init = get_expression(r)
        else:
            type = get_table_type(r)
            inits.data.as_uints[i] = r.pos
        out.append(make(Table, (type, init)))
    return out, starts, inits


def read_memories(Reader r):
    """Read the memory section."""
    cdef Py_ssize_t count = r.get_count("memories", MAX_MEMORIES)
    cdef Py_ssize_t i
    cdef array.array starts = u32_array(count)
    cdef list out = []
    for i in range(count):
        starts.data.as_uints[i] = r.pos
        out.append(get_memory_type(r))
    return out, starts


def read_tags(Reader r):
    """Read the tag section."""
    cdef Py_ssize_t count = r.get_count("tags", MAX_TAGS)
    cdef Py_ssize_t i
    cdef array.array starts = u32_array(count)
    cdef list out = []
    for i in range(count):
        starts.data.as_uints[i] = r.pos
        out.append(get_tag_type(r))
    return out, starts


def read_globals(Reader r):
    """Read the global section."""
    cdef Py_ssize_t count = r.get_count("globals", MAX_GLOBALS)
    cdef Py_ssize_t i
    cdef array.array starts = u32_array(count)
    cdef array.array inits = u32_array(count)
    cdef list out = []
    for i in range(count):
        starts.data.as_uints[i] = r.pos
        type = get_global_type(r)
        inits.data.as_uints[i] = r.pos
        out.append(make(Global, (type, get_expression(r))))
    return out, starts, inits


def read_exports(Reader r):
    """Read the export section: names, kinds (bytes) and indices, and where each begins."""
    cdef Py_ssize_t count = r.get_count("exports", MAX_EXPORTS)
    cdef Py_ssize_t i
    cdef array.array starts = u32_array(count)
    cdef array.array indices = u32_array(count)
    cdef bytearray kinds = bytearray(count)
    cdef list names = []
    cdef size_t at
    cdef int kind
    for i in range(count):
        starts.data.as_uints[i] = r.pos
        names.append(r.get_name("the name of an export"))
        at = r.pos
        kind = r.get_u8("an export kind")
        if kind > 4:
            r.fail_at(at, "E0124", "malformed export kind", "0 to 4", hex(kind))
        if kind == 4:
            r.need_feature(EXCEPTIONS | LEGACY_EXCEPTIONS, at, "a tag")
        kinds[i] = kind
        indices.data.as_uints[i] = r.get_u32("an index")
    return names, bytes(kinds), indices, starts


cdef tuple get_expressions(Reader r):
    cdef Py_ssize_t count = r.get_count("elements", MAX_TABLE_ENTRIES)
    cdef Py_ssize_t i
    cdef tuple out = PyTuple_New(count)
    for i in range(count):
        expression = get_expression(r)
        Py_INCREF(expression)
        PyTuple_SET_ITEM(out, i, expression)
    return out


def read_elements(Reader r):
    """Read the element section; the last array says where each segment's items begin."""
    cdef Py_ssize_t count = r.get_count("element segments", MAX_ELEMENT_SEGMENTS)
    cdef Py_ssize_t i
    cdef array.array starts = u32_array(count)
    cdef array.array inits = u32_array(count)
    cdef array.array items = u32_array(count)
    cdef list out = []
    cdef size_t at
    cdef int64_t flags
    cdef int64_t table
    cdef int kind
    for i in range(count):
        starts.data.as_uints[i] = at = r.pos
        flags = r.get_u32("the flags of an element segment")
        if flags > 7:
            r.fail_at(at, "E0126", "malformed element segment flags", "0 to 7", str(flags))
        if flags & 1:
            r.need_feature(BULK_MEMORY, at, "a passive or declarative element segment")
        if flags:
            r.need_feature(BULK_MEMORY | REFERENCE_TYPES, at, "this form of element segment")
        mode = ACTIVE if not flags & 1 else DECLARATIVE if flags & 2 else PASSIVE
        table = r.get_u32("a table index") if flags & 3 == 2 else 0
        inits.data.as_uints[i] = r.pos
        offset = None if flags & 1 else get_expression(r)
        type = FUNC_REFERENCE
        if flags & 4:
            type = get_reference_type(r) if flags & 3 else FUNCREF
        elif flags & 3:
            kind = r.get_u8("an element kind")
            if kind:
                r.fail_at(r.pos - 1, "E0126", "malformed element kind", "0", hex(kind))
        functions = None
        expressions = ()
        if flags & 4:
            items.data.as_uints[i] = r.pos
            expressions = get_expressions(r)
            if expressions:
                # The count precedes them; they themselves stand one behind the other.
                items.data.as_uints[i] = r.pos - sum(map(len, expressions))
        else:
            items.data.as_uints[i] = r.pos
            functions = get_u32_vector(r, "function indices", MAX_TABLE_ENTRIES)
        out.append(make(ElementSegment, (mode, type, functions, expressions, table, offset)))
    return out, starts, inits, items


cdef int step_data(Reader r, DataHead* head) except -1:
    # Step over a data segment up to the end of its bytes.
    cdef size_t at = r.pos
    cdef int64_t flags = r.get_u32("the flags of a data segment")
    if flags > 2:
        r.fail_at(at, "E0127", "malformed data segment flags", "0 to 2", str(flags))
    if flags:
        r.need_feature(BULK_MEMORY, at, "this form of data segment")
    head.flags = flags
    head.memory = r.get_u32("a memory index") if flags == 2 else 0
    head.init = r.pos
    head.shape = 0
    if flags != 1:
        step_expression(r, &head.shape)
    head.init_end = r.pos
    head.length = r.get_length("data")
    r.pos += head.length
    return 0


def read_datas(Reader r):
    """Read the data section: where each segment begins, and which are distinct.

    Distinct from those before it, as far as validity goes: a segment of another mode, or
    whose memory is not 0, or whose offset is not one constant with the same opcode.
    """
    cdef Py_ssize_t count = r.get_count("data segments", MAX_DATA_SEGMENTS)
    cdef Py_ssize_t i
    cdef array.array starts = u32_array(count)
    cdef list distinct = []
    cdef DataHead head
    cdef uint8_t[256] seen
    cdef bint passive_seen = False
    memset(seen, 0, sizeof(seen))
    for i in range(count):
        starts.data.as_uints[i] = r.pos
        step_data(r, &head)
        if head.flags == 1:
            if not passive_seen:
                passive_seen = True
                distinct.append(i)
        elif head.memory != 0 or head.shape == 0 or not seen[head.shape]:
            seen[head.shape] = 1
            distinct.append(i)
    return starts, distinct


cdef object read_data_at(Reader r, size_t start, DataHead* head):
    # The bytes of a segment that `read_datas` has found to be well-formed. The reader
    # comes back as it was.
    cdef size_t pos = r.pos
    cdef size_t end = r.end
    r.end = r.buffer.len
    if start > r.end:
        raise ValueError(f"offset {start} outside {r.end} bytes")
    r.pos = start
    try:
        step_data(r, head)
        r.pos -= head.length
        return r.get_payload(head.length)
    finally:
        r.pos = pos
        r.end = end


def read_data(Reader r, size_t start):
    """Return the data segment at an offset of those that `read_datas` returned."""
    cdef DataHead head
    data = read_data_at(r, start, &head)
    offset = None
    if head.flags != 1:
        offset = PyBytes_FromStringAndSize(
            <const char*>r.p + head.init, head.init_end - head.init
        )
    mode = PASSIVE if head.flags == 1 else ACTIVE
    return make(DataSegment, (mode, data, head.memory, offset))


def data_init(Reader r, size_t start):
    """Return where the offset expression begins of the data segment at an offset."""
    cdef DataHead head
    read_data_at(r, start, &head)
    return head.init


def read_code(Reader r):
    """Read the code section: where each body begins, behind its size, and where it ends."""
    cdef Py_ssize_t count = r.get_count("function bodies", MAX_FUNCTIONS)
    cdef Py_ssize_t i
    cdef array.array starts = u32_array(count)
    cdef array.array ends = u32_array(count)
    cdef uint32_t size = 0
    cdef int error
    for i in range(count):
        error = read_u32(r.p, &r.pos, r.end, &size)
        if error:
            r.fail_leb(error, "the size of a function body")
        if size > r.end - r.pos:
            r.fail_at(
                r.pos,
                "E0105",
                "length out of bounds",
                f"a function body of at most {r.end - r.pos} bytes",
                str(size),
            )
        if size > MAX_FUNCTION_SIZE:
            r.fail_limit(r.pos, MAX_FUNCTION_SIZE, "bytes in a function body", size)
        starts.data.as_uints[i] = r.pos
        r.pos += size
        ends.data.as_uints[i] = r.pos
    return starts, ends
