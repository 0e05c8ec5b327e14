# Subtyping and the operand stack (Appendix, Validation Algorithm).


cdef inline uint32_t heap_top(const Env* env, uint32_t heap) noexcept nogil:
    # The top of a heap type's hierarchy.
    cdef uint32_t kind = heap
    if heap & CONCRETE_BIT:
        kind = env.types[heap & INDEX_BITS].kind
    if kind == H_FUNC or kind == H_NOFUNC:
        return H_FUNC
    if kind == H_EXTERN or kind == H_NOEXTERN:
        return H_EXTERN
    if kind == H_EXN or kind == H_NOEXN:
        return H_EXN
    return H_ANY


cdef bint heap_matches(const Env* env, uint32_t a, uint32_t b) noexcept nogil:
    # a <= b (Validation / Matching / Heap Types); defined types by their display.
    cdef const CType* sub
    cdef const CType* sup
    if a == b or a == H_BOT:
        return True
    if b & CONCRETE_BIT:
        sup = &env.types[b & INDEX_BITS]
        if a & CONCRETE_BIT:
            sub = &env.types[a & INDEX_BITS]
            return sup.depth < sub.depth and sub.display[sup.depth] == (b & INDEX_BITS)
        return a == (H_NOFUNC if sup.kind == K_FUNC else H_NONE)
    if a & CONCRETE_BIT:
        a = env.types[a & INDEX_BITS].kind
    return env.heap_below[a][b]


cdef bint matches(const Env* env, T a, T b) noexcept nogil:
    # a <= b (Validation / Matching / Value Types).
    if a == b or a == T_BOT:
        return True
    if not a & REF_BIT or not b & REF_BIT:
        return False
    if a & NULL_BIT and not b & NULL_BIT:
        return False
    return heap_matches(env, a & HEAP_BITS, b & HEAP_BITS)


cdef bint lists_match(
    const Env* env, const T* a, uint32_t na, const T* b, uint32_t nb
) noexcept nogil:
    cdef uint32_t i
    if na != nb:
        return False
    for i in range(na):
        if not matches(env, a[i], b[i]):
            return False
    return True


cdef bint results_match(
    const Env* env, const T* a, uint32_t na, const T* b, uint32_t nb
) noexcept nogil:
    # As lists, except that a function that never returns returns anything.
    return is_dead_end(a, na) or lists_match(env, a, na, b, nb)


cdef inline T unpacked(T storage) noexcept nogil:
    return <T>T_I32 if storage == T_I8 or storage == T_I16 else storage


cdef int grow_stack(State* s, size_t more) noexcept nogil:
    # Room for `more` operands. The fast loop pushes at most one a byte without asking.
    cdef size_t need = s.sp + more + (s.end - s.pos) + 8
    cdef uint64_t* moved
    if need <= s.capacity:
        return 0
    if s.sp + more > (s.end + MAX_OPERANDS):
        return fail(s, E_LIMIT, s.end + MAX_OPERANDS, s.sp + more)
    need = need + need // 2
    moved = <uint64_t*>realloc(s.stack, need * sizeof(uint64_t))
    if moved == NULL:
        return fail(s, E_LIMIT, 0, need)
    s.stack = moved
    s.capacity = need
    return 0


cdef inline void push_one(State* s, T type) noexcept nogil:
    require(s.sp < s.capacity)
    s.stack[s.sp] = <uint64_t>s.start << 32 | type
    s.sp += 1


cdef inline int push(State* s, T type) noexcept nogil:
    if grow_stack(s, 1):
        return 1
    push_one(s, type)
    return 0


cdef int push_list(State* s, const T* types, uint32_t count) noexcept nogil:
    cdef uint32_t i
    if grow_stack(s, count):
        return 1
    for i in range(count):
        push_one(s, types[i])
    return 0


cdef int push_results(State* s, const T* types, uint32_t count) noexcept nogil:
    # What a call or block leaves; nothing comes after one that never returns.
    if is_dead_end(types, count):
        set_dead(s)
        return 0
    return push_list(s, types, count)


cdef int pop_any(State* s, T* type) noexcept nogil:
    cdef Frame* frame = top_frame(s)
    if s.sp == frame.height:
        if frame.dead:
            type[0] = T_BOT
            return 0
        return fail(s, E_MISSING, 0, 0)
    s.sp -= 1
    type[0] = <T>s.stack[s.sp]
    return 0


cdef int pop(State* s, T want) noexcept nogil:
    cdef Frame* frame = top_frame(s)
    cdef T have
    if s.sp == frame.height:
        if frame.dead:
            return 0
        return fail(s, E_MISSING, want, 0)
    s.sp -= 1
    have = <T>s.stack[s.sp]
    if have == want or matches(s.env, have, want):
        return 0
    if want == T_UNREACHABLE:
        return fail(s, E_REACHED, 0, 0)
    return fail(s, E_MISMATCH, want, have)


cdef int pop_list(State* s, const T* types, uint32_t count) noexcept nogil:
    cdef uint32_t i = count
    while i:
        i -= 1
        if pop(s, types[i]):
            return 1
    return 0


cdef int pop_ref(State* s, T* type) noexcept nogil:
    # A reference of any type; T_BOT from a polymorphic stack.
    if pop_any(s, type):
        if s.error == E_MISSING:
            s.expected = REF_BIT | NULL_BIT | H_BOT
        return 1
    if type[0] != T_BOT and not type[0] & REF_BIT:
        return fail(s, E_REFERENCE, 0, type[0])
    return 0


cdef void set_dead(State* s) noexcept nogil:
    # Control never gets here: the operands of this block are gone, what follows is dead.
    cdef Frame* frame = top_frame(s)
    s.sp = frame.height
    if not frame.dead:
        frame.dead = True
        frame.dead_at = <uint32_t>s.start
    if s.dead_depth == 0:
        s.dead_depth = s.nframes
        s.dead_since = s.operators
        s.dead_pos = s.pos
        s.dead_row = s.row


cdef inline void revive(State* s) noexcept nogil:
    # The innermost frame ends or changes arms: so does dead code that began in it.
    if s.dead_depth == s.nframes:
        s.dead_depth = 0
        # The closing operator itself has been counted already and is not dead.
        if s.dead_operators != NULL and s.operators - 1 > s.dead_since:
            s.dead_operators[s.dead_row] += s.operators - 1 - s.dead_since
            s.dead_bytes[s.dead_row] += s.start - s.dead_pos
            s.dead_regions[s.dead_row] += 1
