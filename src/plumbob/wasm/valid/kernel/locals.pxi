# Locals: their types, and which of those without a default have been set.


cdef T local_type(const State* s, uint32_t index) noexcept nogil:
    cdef uint32_t low = 0
    cdef uint32_t high = s.ngroups
    cdef uint32_t middle
    if index < s.nflat:
        return s.locals[index]
    while low < high:  # the first run that ends behind index
        middle = (low + high) // 2
        if s.groups[middle].end > index:
            high = middle
        else:
            low = middle + 1
    require(low < s.ngroups)
    return s.groups[low].type


cdef int add_locals(State* s, uint32_t count, T type) noexcept nogil:
    cdef uint32_t i
    cdef uint32_t capacity
    cdef Group* moved
    cdef uint64_t total = <uint64_t>s.nlocals + count
    if total >> 32:
        return fail(s, E_LOCALS, 0, total)
    if total > MAX_LOCALS and not s.lenient:
        return fail(s, E_LIMIT, MAX_LOCALS, total)
    i = s.nlocals
    s.nlocals = <uint32_t>total
    while i < total and i < FLAT_LOCALS:
        s.locals[i] = type
        i += 1
    s.nflat = i if i < FLAT_LOCALS else FLAT_LOCALS
    if count and not is_defaultable(type):
        s.tracks_init = True
    if total <= FLAT_LOCALS:
        return 0
    if s.ngroups == s.group_capacity:
        capacity = s.group_capacity * 2 if s.group_capacity else 64
        moved = <Group*>realloc(s.groups, capacity * sizeof(Group))
        if moved == NULL:
            return fail(s, E_LIMIT, 0, capacity)
        s.groups = moved
        s.group_capacity = capacity
    s.groups[s.ngroups].end = s.nlocals
    s.groups[s.ngroups].type = type
    s.ngroups += 1
    return 0


cdef int get_locals(State* s) noexcept nogil:
    cdef uint32_t runs
    cdef uint32_t count
    cdef uint32_t i
    cdef T type
    if get_u32(s, &runs):
        return 1
    for i in range(runs):
        s.start = s.pos
        if get_u32(s, &count):
            return 1
        if get_value_type(s, &type) or add_locals(s, count, type):
            return 1
    return 0


cdef int track_initialised(State* s) noexcept nogil:
    # Called for functions that have a local without a default, after the locals are known.
    # A local is set where it holds the function's generation: nothing is cleared between
    # functions, which may have 50,000 locals in five bytes each.
    cdef uint32_t* moved
    if s.init_capacity < s.nlocals:
        moved = <uint32_t*>realloc(s.initialised, s.nlocals * sizeof(uint32_t))
        if moved == NULL:
            return fail(s, E_LIMIT, 0, s.nlocals)
        s.initialised = moved
        memset(moved + s.init_capacity, 0, (s.nlocals - s.init_capacity) * sizeof(uint32_t))
        moved = <uint32_t*>realloc(s.init_stack, s.nlocals * sizeof(uint32_t))
        if moved == NULL:
            return fail(s, E_LIMIT, 0, s.nlocals)
        s.init_stack = moved
        s.init_capacity = s.nlocals
    s.generation += 1
    if s.generation == 0:
        memset(s.initialised, 0, s.init_capacity * sizeof(uint32_t))
        s.generation = 1
    return 0


cdef inline bint is_initialised(const State* s, uint32_t index, T type) noexcept nogil:
    return (not s.tracks_init or index < s.nparams or is_defaultable(type)
            or s.initialised[index] == s.generation)


cdef inline void mark_initialised(State* s, uint32_t index, T type) noexcept nogil:
    if not is_initialised(s, index, type):
        s.initialised[index] = s.generation
        s.init_stack[s.ninit] = index
        s.ninit += 1
