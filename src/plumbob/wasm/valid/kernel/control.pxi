# Control: frames, branches, and the operators whose typing no signature expresses.


cdef int push_frame(State* s, uint8_t kind, bint dead) noexcept nogil:
    # The block type is in block_type and block_single; its parameters have been popped.
    cdef Frame* frame
    cdef Frame* moved
    cdef uint32_t capacity
    if s.nframes == s.frame_capacity:
        capacity = s.frame_capacity * 2 if s.frame_capacity else 64
        moved = <Frame*>realloc(s.frames, capacity * sizeof(Frame))
        if moved == NULL:
            return fail(s, E_LIMIT, 0, capacity)
        s.frames = moved
        s.frame_capacity = capacity
    frame = &s.frames[s.nframes]
    s.nframes += 1
    frame.kind = kind
    frame.dead = dead
    frame.entered_dead = dead
    frame.height = <uint32_t>s.sp
    frame.init_height = s.ninit
    frame.offset = <uint32_t>s.start
    frame.dead_at = <uint32_t>s.start
    frame.type = s.block_type
    frame.single = s.block_single
    return 0


cdef int push_params(State* s, const Frame* frame) noexcept nogil:
    # A block's parameters lie on its stack at its start; no operator inside pushed them.
    cdef uint32_t i
    if frame.type == NULL or frame.kind == R_FUNCTION or skips(s, frame):
        return 0
    if grow_stack(s, frame.type.nparams):
        return 1
    for i in range(frame.type.nparams):
        s.stack[s.sp] = <uint64_t>NO_ORIGIN << 32 | frame.type.params[i]
        s.sp += 1
    return 0


cdef inline bint skips(const State* s, const Frame* frame) noexcept nogil:
    # Whether operators in this frame's dead code have no effect on the stack.
    return frame.dead and s.env.policy != P_POLYMORPHIC


cdef int enter(State* s, uint8_t kind) noexcept nogil:
    # block, loop, if, try, try_table: parameters move into the new block.
    cdef Frame* frame = top_frame(s)
    cdef bint dead = False
    if skips(s, frame):
        dead = s.env.policy != P_RELAXED_BLOCK
    else:
        if kind == R_IF and pop(s, T_I32):
            return 1
        if s.block_type != NULL:
            if pop_list(s, s.block_type.params, s.block_type.nparams):
                return 1
    if push_frame(s, kind, dead):
        return 1
    return push_params(s, top_frame(s))


cdef int leave(State* s) noexcept nogil:
    # Check what a block or arm leaves; the frame stays.
    cdef Frame* frame = top_frame(s)
    cdef uint32_t count
    cdef const T* results
    if not skips(s, frame):
        results = results_of(frame, &count)
        if not frame.dead and s.sp - frame.height < count:
            # Too few comes before the types of those that are there.
            return fail(s, E_REACHED if is_dead_end(results, count) else E_MISSING, 0, 0)
        if pop_list(s, results, count):
            if s.error == E_MISSING and is_dead_end(results, count):
                s.error = E_REACHED
            return 1
        if s.sp != frame.height:
            return fail(s, E_LEFT, frame.height, s.sp)
    s.sp = frame.height
    revive(s)
    reset_initialised(s, frame.init_height)
    return 0


cdef void reset_initialised(State* s, uint32_t height) noexcept nogil:
    while s.ninit > height:
        s.ninit -= 1
        s.initialised[s.init_stack[s.ninit]] = 0


cdef int rule_else(State* s) noexcept nogil:
    cdef Frame* frame = top_frame(s)
    if frame.kind != R_IF:
        return misplaced(s)
    if leave(s):
        return 1
    return next_arm(s, frame, R_ELSE)


cdef int next_arm(State* s, Frame* frame, uint8_t kind) noexcept nogil:
    # else, catch, catch_all: live again, unless the whole block was entered dead.
    frame.kind = kind
    frame.dead = frame.entered_dead
    if kind == R_ELSE:
        return push_params(s, frame)
    if frame.dead or kind == R_CATCH_ALL:
        return 0
    return push_list(s, s.callee.params, s.callee.nparams)


cdef int rule_catch(State* s, uint8_t kind) noexcept nogil:
    cdef Frame* frame = top_frame(s)
    if frame.kind != R_TRY and frame.kind != R_CATCH:
        return misplaced(s)
    if leave(s):
        return 1
    return next_arm(s, frame, kind)


cdef int rule_end(State* s) noexcept nogil:
    cdef Frame* frame = top_frame(s)
    cdef uint32_t count
    cdef const T* results
    if leave(s):
        return 1
    if frame.kind == R_IF and not skips_if(s, frame):
        results = results_of(frame, &count)
        if frame.type == NULL and count or frame.type != NULL and not lists_match(
            s.env, frame.type.params, frame.type.nparams, results, count
        ):
            return fail(s, E_IF, 0, 0)
    return exit_frame(s)


cdef inline bint skips_if(const State* s, const Frame* frame) noexcept nogil:
    # The missing else of an `if` that was entered dead is dead too.
    return frame.entered_dead and s.env.policy != P_POLYMORPHIC


cdef int exit_frame(State* s) noexcept nogil:
    # The results go to the enclosing block, where that is live.
    cdef Frame* frame = top_frame(s)
    cdef uint32_t count
    cdef const T* results
    s.nframes -= 1
    if s.nframes == 0:
        return 0
    if skips(s, top_frame(s)):
        return 0
    results = results_of(frame, &count)  # the frame is gone but not overwritten yet
    return push_results(s, results, count)


cdef int rule_delegate(State* s) noexcept nogil:
    # Its label counts from outside the try; immediates were checked against inside.
    cdef Frame* frame = top_frame(s)
    if frame.kind != R_TRY:
        return misplaced(s)
    if s.label + 1 >= s.nframes:
        return fail(s, E_LABEL, s.nframes - 1, s.label)
    if leave(s):
        return 1
    return exit_frame(s)


cdef int rule_rethrow(State* s) noexcept nogil:
    cdef uint8_t kind = s.frames[s.nframes - 1 - s.label].kind
    if kind != R_CATCH and kind != R_CATCH_ALL:
        return fail(s, E_RETHROW, 0, s.label)
    set_dead(s)
    return 0


cdef inline const T* label_types(State* s, uint32_t label, uint32_t* count) noexcept nogil:
    require(label < s.nframes)
    return label_of(&s.frames[s.nframes - 1 - label], count)


cdef int pop_label(State* s, const T* types, uint32_t count) noexcept nogil:
    if count and types[count - 1] == T_UNREACHABLE and s.sp == top_frame(s).height:
        return fail(s, E_REACHED, 0, 0)
    return pop_list(s, types, count)


cdef int rule_br(State* s, uint32_t label) noexcept nogil:
    cdef uint32_t count
    cdef const T* types = label_types(s, label, &count)
    if pop_label(s, types, count):
        return 1
    set_dead(s)
    return 0


cdef int rule_br_if(State* s) noexcept nogil:
    cdef uint32_t count
    cdef const T* types = label_types(s, s.label, &count)
    if pop(s, T_I32) or pop_label(s, types, count):
        return 1
    return push_list(s, types, count)


cdef int rule_br_table(State* s) noexcept nogil:
    # Every label is tried on the same operands. Under the relaxed policies dead code
    # compares the arities alone: equal types would refuse valid code (`meet-bottom`).
    cdef uint32_t arity
    cdef uint32_t count
    cdef uint32_t i
    cdef uint32_t label
    cdef size_t behind = s.pos
    cdef size_t sp
    cdef const T* types = label_types(s, s.label, &arity)
    cdef bint dead = skips(s, top_frame(s))
    if not dead and pop(s, T_I32):
        return 1
    sp = s.sp
    s.pos = s.vector
    for i in range(s.count + 1):
        if get_u32(s, &label):
            return 1
        types = label_types(s, label, &count)
        if count != arity:
            return fail(s, E_ARITY, arity, count)
        if not dead:
            s.sp = sp
            if pop_label(s, types, count):
                return 1
    s.pos = behind
    set_dead(s)
    return 0


cdef inline T cast_type(const State* s, uint32_t which) noexcept nogil:
    # Source (0) or target (1) of br_on_cast.
    return REF_BIT | (NULL_BIT if s.flags >> which & 1 else 0) | s.heap[which]


cdef int branch_with(State* s, T operand, bint pushes_back) noexcept nogil:
    # The branch of br_on_non_null and br_on_cast*: the label takes t* and `operand`.
    cdef uint32_t count
    cdef const T* types = label_types(s, s.label, &count)
    if count == 0 or not matches(s.env, operand, types[count - 1]):
        return fail(s, E_BRANCH_LABEL, types[count - 1] if count else 0, operand)
    if not pushes_back:
        return 0
    if pop_list(s, types, count - 1):
        return 1
    return push_list(s, types, count - 1)


cdef int rule_br_on_null(State* s) noexcept nogil:
    cdef uint32_t count
    cdef T type
    cdef const T* types = label_types(s, s.label, &count)
    if pop_ref(s, &type) or pop_label(s, types, count) or push_list(s, types, count):
        return 1
    return push(s, type & ~<T>NULL_BIT if type != T_BOT else <T>REF_BIT)


cdef int rule_br_on_non_null(State* s, bint dead) noexcept nogil:
    cdef T type
    cdef uint32_t count
    cdef const T* types = label_types(s, s.label, &count)
    if count == 0 or not types[count - 1] & REF_BIT:
        return fail(s, E_BRANCH_LABEL, types[count - 1] if count else 0, REF_BIT)
    if dead:
        return 0
    if pop_ref(s, &type):
        return 1
    return branch_with(s, type & ~<T>NULL_BIT if type != T_BOT else <T>REF_BIT, True)


cdef int rule_br_on_cast(State* s, bint on_fail, bint dead) noexcept nogil:
    cdef T source = cast_type(s, 0)
    cdef T target = cast_type(s, 1)
    cdef T rest = source & ~<T>NULL_BIT if target & NULL_BIT else source
    if branch_with(s, rest if on_fail else target, False):
        return 1
    if dead:
        return 0
    if pop(s, source) or branch_with(s, rest if on_fail else target, True):
        return 1
    return push(s, target if on_fail else rest)


cdef int rule_select(State* s) noexcept nogil:
    cdef T first
    cdef T second
    if pop(s, T_I32) or pop_any(s, &second) or pop_any(s, &first):
        return 1
    if first & REF_BIT or second & REF_BIT:
        return fail(s, E_SELECT_REF, 0, second if second & REF_BIT else first)
    if first != second and first != T_BOT and second != T_BOT:
        return fail(s, E_MISMATCH, first, second)
    return push(s, first if first != T_BOT else second)


cdef int rule_convert(State* s, const Row* row) noexcept nogil:
    # any.convert_extern, extern.convert_any: nullability passes through.
    cdef T type
    cdef T want = fixed_types[row.pops[0]]
    cdef T result = fixed_types[row.pushes[0]]
    if pop_ref(s, &type):
        return 1
    if not matches(s.env, type, want):
        return fail(s, E_MISMATCH, want, type)
    return push(s, result if type & NULL_BIT else result & ~<T>NULL_BIT)


cdef int rule_ref(State* s, bint tests) noexcept nogil:
    # ref.is_null and ref.as_non_null take any reference.
    cdef T type
    if pop_ref(s, &type):
        return 1
    if tests:
        return push(s, T_I32)
    return push(s, type & ~<T>NULL_BIT if type != T_BOT else <T>REF_BIT)
