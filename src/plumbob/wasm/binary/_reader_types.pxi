# Types (Binary Format / Types).


cdef array.array get_u32_vector(Reader r, what, int64_t limit):
    cdef Py_ssize_t count = r.get_count(what, limit)
    cdef array.array out = u32_array(count)
    cdef uint32_t* items = out.data.as_uints
    cdef Py_ssize_t i
    cdef int error
    for i in range(count):
        error = read_u32(r.p, &r.pos, r.end, &items[i])
        if error:
            r.fail_leb(error, what)
    return out


cdef int64_t get_heap(Reader r) except -1:
    # A heap type as `types.HeapType` lays it out.
    cdef size_t at = r.pos
    cdef int64_t value = r.get_s33("a heap type")
    cdef uint8_t code
    if value >= 0:
        r.need_feature(FUNCTION_REFERENCES, at, "a reference to a defined type")
        if <uint64_t>value > INDEX_MASK:
            r.fail_at(
                at, "E0158", "malformed heap type", f"a type index up to {INDEX_MASK}", str(value)
            )
        return CONCRETE_BIT | value
    # A negative number names the byte that encodes it, if one does.
    code = value & 0x7F
    if value < -64 or heap_types[code] is None:
        r.fail_at(at, "E0158", "malformed heap type", "a heap type", str(value))
    if heap_features[code] & ~r.features:
        r.need_feature(heap_features[code], at, f"the heap type {heap_types[code]}")
    return heap_codes[code]


cdef object get_reference(Reader r, uint64_t flags):
    cdef uint64_t type
    r.need_feature(FUNCTION_REFERENCES, r.pos - 1, "a typed reference")
    type = flags | <uint64_t>get_heap(r)
    found = r.references.get(type)
    if found is None:
        found = r.references[type] = ValType(type)
    return found


cdef object get_type_of(Reader r, list table, what):
    # A value or storage type: `table` holds those of one byte.
    cdef size_t at = r.pos
    cdef int code = r.get_u8(what)
    type = <object>table[code]
    if type is not None:
        if value_features[code] & ~r.features:
            r.need_feature(value_features[code], at, f"the type {type}")
        return type
    if code == REF_CODE:
        return get_reference(r, REF_BIT)
    if code == REF_NULL_CODE:
        return get_reference(r, REF_BIT | NULL_BIT)
    r.fail_at(at, "E0151", "malformed value type", what, hex(code))


cdef object get_value_type(Reader r):
    # `unreachable` stands in the place of a value type only under `typed`.
    if r.allow_unreachable and r.pos < r.end and r.p[r.pos] == UNREACHABLE_CODE:
        r.pos += 1
        return UNREACHABLE
    return get_type_of(r, value_types, "a value type")


cdef object get_plain_value_type(Reader r):
    return get_type_of(r, value_types, "a value type")


cdef object get_reference_type(Reader r):
    cdef size_t at = r.pos
    # Tables of functions are older than references.
    if r.pos < r.end and r.p[r.pos] == FUNCREF_CODE:
        r.pos += 1
        return FUNCREF
    type = get_plain_value_type(r)
    if not <uint64_t>type & REF_BIT:
        r.fail_at(at, "E0125", "malformed reference type", "a reference type", str(type))
    return type


cdef tuple get_value_types(Reader r, what, bint results):
    cdef Py_ssize_t count = r.get_count(what, MAX_RESULTS if results else MAX_PARAMS)
    cdef Py_ssize_t i
    cdef tuple out
    if count == 0:
        return ()
    out = PyTuple_New(count)
    for i in range(count):
        type = get_value_type(r) if results else get_plain_value_type(r)
        Py_INCREF(type)
        PyTuple_SET_ITEM(out, i, type)
    return out


cdef bint get_mutability(Reader r) except -1:
    cdef size_t at = r.pos
    cdef int flag = r.get_u8("a mutability")
    if flag > 1:
        r.fail_at(at, "E0121", "malformed mutability", "0 or 1", hex(flag))
    return flag


cdef object get_field(Reader r):
    # Structures share their fields' types: real modules have few different ones.
    type = get_type_of(r, packed_types, "a storage type")
    cdef bint mutable = get_mutability(r)
    cdef uint64_t key = <uint64_t>type << 1 | mutable
    found = r.fields.get(key)
    if found is None:
        found = r.fields[key] = make(FieldType, (type, True if mutable else False))
    return found


cdef tuple get_fields(Reader r):
    cdef Py_ssize_t count = r.get_count("fields", MAX_STRUCT_FIELDS)
    cdef Py_ssize_t i
    cdef tuple out = PyTuple_New(count)
    for i in range(count):
        field = get_field(r)
        Py_INCREF(field)
        PyTuple_SET_ITEM(out, i, field)
    return out


cdef tuple get_supertypes(Reader r):
    cdef Py_ssize_t count = r.get_count("supertypes", NO_LIMIT)
    cdef Py_ssize_t i
    cdef tuple out
    if count == 0:
        return ()
    out = PyTuple_New(count)
    for i in range(count):
        index = <object>r.get_u32("a supertype")
        Py_INCREF(index)
        PyTuple_SET_ITEM(out, i, index)
    return out


cdef object get_composite(Reader r):
    cdef size_t at = r.pos
    cdef int code = r.get_u8("a composite type")
    if code == FUNC_CODE:
        params = get_value_types(r, "parameters", False)
        return make(FuncType, (params, get_value_types(r, "results", True)))
    if code == STRUCT_CODE:
        r.need_feature(GC, at, "a structure type")
        return make(StructType, (get_fields(r),))
    if code == ARRAY_CODE:
        r.need_feature(GC, at, "an array type")
        return make(ArrayType, (get_field(r),))
    r.fail_at(at, "E0120", "malformed definition type", "func, struct or array", hex(code))


cdef object get_subtype(Reader r):
    cdef size_t at = r.pos
    cdef bint final = True
    supertypes = ()
    if r.pos < r.end and r.p[at] in (SUB_CODE, SUB_FINAL_CODE):
        r.need_feature(GC, at, "a subtype")
        final = r.p[at] == SUB_FINAL_CODE
        r.pos += 1
        supertypes = get_supertypes(r)
    composite = get_composite(r)
    return make(SubType, (composite, supertypes, True if final else False))


cdef object get_limits(Reader r, uint32_t flags):
    cdef object maximum = None
    cdef bint wide = MEMORY64 & r.features != 0
    minimum = r.get_u64("a minimum") if wide else r.get_u32("a minimum")
    if flags & HAS_MAXIMUM:
        maximum = r.get_u64("a maximum") if wide else r.get_u32("a maximum")
    return make(Limits, (minimum, maximum, True if flags & INDEX64 else False))


cdef uint32_t get_limits_flags(Reader r, uint32_t known) except 0xFFFFFFFF:
    cdef size_t at = r.pos
    cdef uint32_t flags = r.get_u8("the flags of limits")
    if flags & ~known or flags & PAGE_SIZE & ~(PAGE_SIZE if CUSTOM_PAGE_SIZES & r.features else 0):
        r.fail_at(at, "E0122", "malformed limits flags", f"flags within {known:#x}", hex(flags))
    if flags & SHARED:
        r.need_feature(THREADS, at, "a shared memory")
    if flags & INDEX64:
        r.need_feature(MEMORY64, at, "a 64-bit address type")
    return flags


cdef object get_memory_type(Reader r):
    cdef uint32_t flags = get_limits_flags(r, HAS_MAXIMUM | SHARED | INDEX64 | PAGE_SIZE)
    cdef size_t at
    cdef int64_t page = PAGE_SIZE_LOG2
    limits = get_limits(r, flags)
    if flags & PAGE_SIZE:
        at = r.pos
        page = r.get_u32("log2 of a page size")
        if page > 63:
            r.fail_at(at, "E0130", "invalid custom page size", "log2 of at most 63", str(page))
    return make(MemoryType, (limits, True if flags & SHARED else False, page))


cdef object get_table_type(Reader r):
    element = get_reference_type(r)
    return make(TableType, (element, get_limits(r, get_limits_flags(r, HAS_MAXIMUM | INDEX64))))


cdef object get_global_type(Reader r):
    type = get_plain_value_type(r)
    return make(GlobalType, (type, True if get_mutability(r) else False))


cdef object get_tag_type(Reader r):
    cdef size_t at = r.pos
    cdef int attribute
    r.need_feature(EXCEPTIONS | LEGACY_EXCEPTIONS, at, "a tag")
    attribute = r.get_u8("a tag's attribute")
    if attribute:
        r.fail_at(at, "E0129", "malformed tag attribute", "0", hex(attribute))
    return make(TagType, (r.get_u32("a type index"),))
