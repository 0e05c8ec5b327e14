# The conditions of an operator that no operand expresses; words of the column `checks`.
# They rest on immediates alone, so dead code must meet them too.


cdef inline const CType* need_kind(State* s, uint32_t which, uint8_t kind) noexcept nogil:
    cdef const CType* type = &s.env.types[s.type[which]]
    if type.kind != kind:
        fail(s, E_KIND, kind, CONCRETE_BIT | s.type[which])
        return NULL
    return type


cdef int check_fields_defaultable(State* s) noexcept nogil:
    cdef const CType* type = &s.env.types[s.type[0]]
    cdef uint32_t i
    for i in range(type.nparams):
        if not is_defaultable(type.params[i]):
            return fail(s, E_DEFAULT, i, type.params[i])
    return 0


cdef inline bint is_defaultable(T type) noexcept nogil:
    return not type & REF_BIT or type & NULL_BIT


cdef inline bint is_packed(T type) noexcept nogil:
    return type == T_I8 or type == T_I16


cdef int check_items_match(State* s) noexcept nogil:
    # array.copy: storage types match as field types do, but for mutability.
    cdef const CType* source = need_kind(s, 1, K_ARRAY)
    cdef T target = s.env.types[s.type[0]].params[0]
    if source == NULL:
        return 1
    if not matches(s.env, source.params[0], target):
        return fail(s, E_ELEMENTS, target, source.params[0])
    return 0


cdef int check_tail(State* s) noexcept nogil:
    cdef uint32_t count
    cdef const T* results = results_of(&s.frames[0], &count)
    if not results_match(s.env, s.callee.results, s.callee.nresults, results, count):
        return fail(s, E_TAIL, 0, 0)
    return 0


cdef int check_cast(State* s) noexcept nogil:
    cdef T source = cast_type(s, 0)
    cdef T target = cast_type(s, 1)
    if not matches(s.env, target, source):
        return fail(s, E_CAST, source, target)
    return 0


cdef int check_one(State* s, const Row* row, uint8_t kind) noexcept nogil:
    cdef const CType* type
    if kind == C_STRUCT:
        return need_kind(s, 0, K_STRUCT) == NULL
    elif kind == C_ARRAY:
        return need_kind(s, 0, K_ARRAY) == NULL
    elif kind == C_FUNCTION:
        return need_kind(s, 0, K_FUNC) == NULL
    elif kind == C_NATURAL:
        return fail(s, E_NATURAL, row.align, s.flags) if s.flags != row.align else 0
    elif kind == C_GLOBAL_MUTABLE:
        return 0 if s.variable.mutable else fail(s, E_IMMUTABLE, 0, s.index)
    elif kind == C_TABLE_FUNC:
        if not matches(s.env, s.table[0].element, REF_BIT | NULL_BIT | H_FUNC):
            return fail(s, E_TABLE_FUNC, REF_BIT | NULL_BIT | H_FUNC, s.table[0].element)
        return 0
    elif kind == C_ELEM_TABLE:
        if not matches(s.env, s.elem_type, s.table[0].element):
            return fail(s, E_ELEMENTS, s.table[0].element, s.elem_type)
        return 0
    elif kind == C_TABLES_MATCH:
        if not matches(s.env, s.table[1].element, s.table[0].element):
            return fail(s, E_ELEMENTS, s.table[0].element, s.table[1].element)
        return 0
    elif kind == C_DECLARED:
        if s.is_const:
            s.env.declared[s.func] = True
            return 0
        return 0 if s.env.declared[s.func] else fail(s, E_UNDECLARED, 0, s.func)
    elif kind == C_TAIL:
        return check_tail(s)
    elif kind == C_CAST:
        return check_cast(s)
    elif kind == C_SINGLE:
        return 0 if s.count == 1 else fail(s, E_SELECT_COUNT, 1, s.count)
    elif kind == C_FIXED_LIMIT:
        return fail(s, E_LIMIT, MAX_FIXED, s.count) if s.count > MAX_FIXED else 0
    elif kind == C_FIELD_MUTABLE:
        return 0 if s.field_mutable else fail(s, E_FIELD_IMMUTABLE, 0, s.index)
    elif kind == C_FIELD_PACKED:
        return 0 if is_packed(s.field_type) else fail(s, E_PACKED, 1, s.field_type)
    elif kind == C_FIELD_UNPACKED:
        return fail(s, E_PACKED, 0, s.field_type) if is_packed(s.field_type) else 0
    elif kind == C_FIELDS_DEFAULTABLE:
        return check_fields_defaultable(s)
    type = &s.env.types[s.type[0]]
    if kind == C_ITEM_MUTABLE:
        return 0 if type.mutable[0] else fail(s, E_FIELD_IMMUTABLE, 0, 0)
    elif kind == C_ITEM_PACKED:
        return 0 if is_packed(type.params[0]) else fail(s, E_PACKED, 1, type.params[0])
    elif kind == C_ITEM_UNPACKED:
        return fail(s, E_PACKED, 0, type.params[0]) if is_packed(type.params[0]) else 0
    elif kind == C_ITEM_DEFAULTABLE:
        return check_fields_defaultable(s)
    elif kind == C_ITEM_NUMERIC:
        return fail(s, E_NUMERIC, 0, type.params[0]) if type.params[0] & REF_BIT else 0
    elif kind == C_ITEM_ELEM:
        if not matches(s.env, s.elem_type, type.params[0]):
            return fail(s, E_ELEMENTS, type.params[0], s.elem_type)
        return 0
    elif kind == C_ITEMS_MATCH:
        return check_items_match(s)
    require(False)
    return 1


cdef int check(State* s, const Row* row) noexcept nogil:
    cdef uint32_t i
    for i in range(row.nchecks):
        if check_one(s, row, row.checks[i]):
            return 1
    return 0
