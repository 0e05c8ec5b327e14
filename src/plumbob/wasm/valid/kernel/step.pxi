# One operator, whatever it is: the whole validation algorithm. The fast loop takes over
# only where an operator is obviously right; `accelerate` off runs everything through here.


cdef Row* get_operator(State* s) noexcept nogil:
    cdef uint8_t byte
    cdef uint32_t number
    cdef uint32_t place
    cdef Row* row
    if get_byte(s, &byte):
        return NULL
    if prefix_of[byte]:
        if get_u32(s, &number):
            return NULL
        place = prefixed[prefix_of[byte] - 1][number] if number < MAX_NUMBERS else 0
        if place == 0:
            s.pos = s.start
            fail(s, E_OPCODE, 0, <uint64_t>byte << 32 | number)
            return NULL
        place -= 1
    elif hot[byte].rule == R_ILLEGAL:
        s.pos = s.start
        fail(s, E_OPCODE, 0, byte)
        return NULL
    else:
        place = hot[byte].row
    row = &rows[place]
    s.row = place
    if row.feature & ~s.env.features:
        s.pos = s.start
        fail(s, E_OPCODE, row.feature & ~s.env.features, place)
        return NULL
    return row


cdef inline bint closes(const Row* row) noexcept nogil:
    # Operators that end an arm or a block, and so dead code.
    return (row.rule == R_END or row.rule == R_ELSE or row.rule == R_CATCH
            or row.rule == R_CATCH_ALL or row.rule == R_DELEGATE)


cdef int check_const(State* s, const Row* row) noexcept nogil:
    # Validation / Constant Expressions; the immediates are known.
    if row.constant > 0 and not row.constant & s.env.features:
        return fail(s, E_CONST, row.constant, s.row)
    if row.nimmediates and row.immediates[0] == M_GLOBAL:
        if s.index >= s.env.const_globals or s.variable.mutable:
            return fail(s, E_CONST_GLOBAL, s.variable.mutable, s.index)
    return 0


cdef T resolve(const State* s, uint8_t code) noexcept nogil:
    # The type of an operand that stands for one value; operators.py explains the words.
    cdef T narrow
    if code < SYMBOLIC:
        return fixed_types[code]
    elif code == O_ADDR:
        return s.address[0]
    elif code == O_ADDR2:
        return s.address[1]
    elif code == O_ADDRMIN:
        narrow = T_I32
        return s.address[1] if s.address[0] != narrow else narrow
    elif code == O_LOCAL:
        return s.local_type
    elif code == O_GLOBAL:
        return s.variable.type
    elif code == O_ELEM:
        return s.table[0].element
    elif code == O_REF_TYPE:
        return REF_BIT | CONCRETE_BIT | s.type[0]
    elif code == O_REFNULL_TYPE:
        return REF_BIT | NULL_BIT | CONCRETE_BIT | s.type[0]
    elif code == O_REFNULL_TYPE2:
        return REF_BIT | NULL_BIT | CONCRETE_BIT | s.type[1]
    elif code == O_REF_FUNC:
        return REF_BIT | CONCRETE_BIT | s.env.func_types[s.func]
    elif code == O_HEAP:
        return REF_BIT | s.heap[0]
    elif code == O_HEAPNULL:
        return REF_BIT | NULL_BIT | s.heap[0]
    elif code == O_TOP:
        return REF_BIT | NULL_BIT | heap_top(s.env, s.heap[0])
    elif code == O_FIELD:
        return unpacked(s.field_type)
    elif code == O_ITEM:
        return unpacked(s.env.types[s.type[0]].params[0])
    elif code == O_T:
        return s.value_type
    require(False)
    return T_BOT


cdef int pop_operand(State* s, uint8_t code) noexcept nogil:
    cdef const CType* type
    cdef uint32_t i
    if code == O_PARAMS:
        return pop_list(s, s.callee.params, s.callee.nparams)
    if code == O_FIELDS:
        type = &s.env.types[s.type[0]]
        i = type.nparams
        while i:
            i -= 1
            if pop(s, unpacked(type.params[i])):
                return 1
        return 0
    if code == O_ITEMS:
        for i in range(s.count):
            if pop(s, resolve(s, O_ITEM)):
                return 1
        return 0
    return pop(s, resolve(s, code))


cdef int apply_signature(State* s, const Row* row) noexcept nogil:
    cdef uint32_t i = row.npops
    while i:
        i -= 1
        if pop_operand(s, row.pops[i]):
            return 1
    for i in range(row.npushes):
        if row.pushes[i] == O_RESULTS:
            if push_results(s, s.callee.results, s.callee.nresults):
                return 1
        elif push(s, resolve(s, row.pushes[i])):
            return 1
    if row.dead:
        set_dead(s)
    return 0


cdef int apply_control(State* s, const Row* row, bint dead) noexcept nogil:
    # Rules that have an effect in dead code as well.
    cdef uint8_t rule = row.rule
    if rule == R_END:
        return rule_end(s)
    elif rule == R_BLOCK or rule == R_LOOP or rule == R_IF or rule == R_TRY:
        return enter(s, rule)
    elif rule == R_TRY_TABLE:
        return enter(s, rule)
    elif rule == R_ELSE:
        return rule_else(s)
    elif rule == R_CATCH or rule == R_CATCH_ALL:
        return rule_catch(s, rule)
    elif rule == R_DELEGATE:
        return rule_delegate(s)
    elif rule == R_BR_TABLE:
        return rule_br_table(s)
    elif rule == R_RETHROW:
        return rule_rethrow(s)
    elif rule == R_BR_ON_NON_NULL:
        return rule_br_on_non_null(s, dead)
    elif rule == R_BR_ON_CAST:
        return rule_br_on_cast(s, False, dead)
    elif rule == R_BR_ON_CAST_FAIL:
        return rule_br_on_cast(s, True, dead)
    return -1


cdef int apply_local(State* s, const Row* row, bint dead) noexcept nogil:
    if row.rule == R_LOCAL_GET:
        if not is_initialised(s, s.local, s.local_type):
            return fail(s, E_UNINITIALISED, s.local, s.local_type)
    else:
        mark_initialised(s, s.local, s.local_type)
    return 0 if dead else apply_signature(s, row)


cdef int apply_rule(State* s, const Row* row) noexcept nogil:
    # Rules that only move operands.
    cdef uint8_t rule = row.rule
    cdef T type
    if rule == R_DROP:
        return pop_any(s, &type)
    elif rule == R_SELECT:
        return rule_select(s)
    elif rule == R_BR:
        return rule_br(s, s.label)
    elif rule == R_RETURN:
        return rule_br(s, s.nframes - 1)
    elif rule == R_BR_IF:
        return rule_br_if(s)
    elif rule == R_BR_ON_NULL:
        return rule_br_on_null(s)
    elif rule == R_REF_IS_NULL:
        return rule_ref(s, True)
    elif rule == R_REF_AS_NON_NULL:
        return rule_ref(s, False)
    elif rule == R_CONVERT:
        return rule_convert(s, row)
    return apply_signature(s, row)


cdef int step(State* s) noexcept nogil:
    # Decode and check the operator at `pos`. Returns 1 where it fails.
    cdef Row* row
    cdef bint dead
    cdef int done
    s.start = s.pos
    s.start_sp = s.sp
    row = get_operator(s)
    if row == NULL:
        return 1
    s.operators += 1
    if s.lenient:
        return step_lenient(s, row)
    dead = skips(s, top_frame(s))
    if dead and s.env.policy == P_FORBIDDEN and not closes(row):
        s.pos = s.start
        return fail(s, E_DEAD, 0, s.row)
    if s.is_const and row.constant == NO_CONST:
        s.pos = s.start
        return fail(s, E_CONST, 0, s.row)
    if get_immediates(s, row):
        return 1
    if s.is_const and check_const(s, row):
        return 1
    if check(s, row):
        return 1
    done = apply_control(s, row, dead)
    if done >= 0:
        return done
    if row.rule == R_LOCAL_GET or row.rule == R_LOCAL_SET or row.rule == R_LOCAL_TEE:
        return apply_local(s, row, dead)
    return 0 if dead else apply_rule(s, row)


cdef int step_lenient(State* s, const Row* row) noexcept nogil:
    # The grammar alone: immediates, and which block each `end` and `else` closes.
    cdef uint8_t kind = top_frame(s).kind
    if get_immediates(s, row):
        return 1
    if row.rule == R_END or row.rule == R_DELEGATE:
        if row.rule == R_DELEGATE and kind != R_TRY:
            return misplaced(s)
        s.nframes -= 1
    elif row.rule == R_ELSE:
        if kind != R_IF:
            return misplaced(s)
        top_frame(s).kind = R_ELSE
    elif row.rule == R_CATCH or row.rule == R_CATCH_ALL:
        if kind != R_TRY and kind != R_CATCH:
            return misplaced(s)
        top_frame(s).kind = row.rule
    elif opens(row.rule):
        return push_frame(s, row.rule, False)
    return 0


cdef inline bint opens(uint8_t rule) noexcept nogil:
    return (rule == R_BLOCK or rule == R_LOOP or rule == R_IF or rule == R_TRY
            or rule == R_TRY_TABLE)
