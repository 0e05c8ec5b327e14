# Whole bodies. The fast loop below keeps the position and the top of the stack in
# registers and takes the operators that make up most of real code, each only where it is
# obviously right: operands of exactly the types wanted, above the block's floor, one-byte
# immediates. Everything else, errors included, goes through `step`.


cdef void begin(State* s, const Env* env, const uint8_t* code, size_t end) noexcept nogil:
    s.env = env
    s.code = code
    s.pos = 0
    s.start = 0
    s.end = end
    s.sp = 0
    s.start_sp = 0
    s.nframes = 0
    s.nflat = 0
    s.nlocals = 0
    s.ngroups = 0
    s.ninit = 0
    s.tracks_init = False
    s.is_const = False
    s.lenient = False
    s.callee = NULL
    s.error = 0
    s.dead_depth = 0


cdef int begin_function(State* s, uint32_t canonical) noexcept nogil:
    cdef CType* type = &s.env.types[canonical]
    cdef uint32_t i
    if s.end > MAX_FUNCTION_SIZE:
        return fail(s, E_LIMIT, MAX_FUNCTION_SIZE, s.end)
    if grow_stack(s, 0):
        return 1
    for i in range(type.nparams):
        if add_locals(s, 1, type.params[i]):
            return 1
    s.tracks_init = False
    if get_locals(s):
        return 1
    s.nparams = type.nparams
    if s.tracks_init and track_initialised(s):
        return 1
    s.block_type = type
    s.block_single = T_BOT
    s.start = s.pos
    return push_frame(s, R_FUNCTION, False)


cdef int check_end(State* s) noexcept nogil:
    # The last frame is closed, or the bytes are used up.
    if s.nframes:
        s.start = s.pos
        s.start_sp = s.sp
        return fail(s, E_END, 0, 0)
    if s.pos != s.end:
        s.start = s.pos
        return fail(s, E_BEHIND_END, 0, s.end - s.pos)
    return 0


cdef int run_slow(State* s) noexcept nogil:
    while s.nframes and s.pos < s.end:
        if step(s):
            return 1
    return check_end(s)


cdef inline bint takes_nothing(const Frame* frame) noexcept nogil:
    # Whether a branch to the block takes no operands, as most do.
    return frame.type == NULL and (frame.single == T_BOT or frame.kind == R_LOOP)


cdef inline uint32_t leb_size(const uint8_t* at) noexcept nogil:
    # Bytes of the LEB128 here if at most four, else 0; reads four bytes, without a branch:
    # lengths are as good as random, and a wrong guess costs more than everything else.
    cdef uint32_t word
    memcpy(&word, at, 4)
    word = ~word & <uint32_t>0x80808080  # the bytes that end an integer, on a little-endian host
    return (ctz(word) >> 3) + 1 if word else 0


cdef inline uint32_t gather(uint32_t word, uint32_t size) noexcept nogil:
    # The value of an unsigned LEB128 of `size` bytes (1 to 4) read as a little-endian word.
    word &= <uint32_t>0xFFFFFFFF >> (32 - 8 * size if size else 0)
    return (word & 0x7F) | (word & 0x7F00) >> 1 | (word & 0x7F0000) >> 2 | (
        word & 0x7F000000) >> 3


cdef enum:
    WINDOW = 6  # bytes that every arm of the fast loop may read


cdef int run(State* s) noexcept nogil:
    cdef const uint8_t* code = s.code
    cdef const uint8_t* limit = s.code + s.end
    cdef const uint8_t* at = s.code + s.pos
    cdef uint32_t size
    cdef uint64_t* sp
    cdef uint64_t* floor
    cdef uint64_t operators = 0
    cdef uint64_t origin
    cdef const Hot* entry
    cdef const CType* callee
    cdef Frame* frame
    cdef uint8_t rule
    cdef uint8_t index
    cdef uint32_t function
    cdef uint32_t count
    cdef T type
    # Indices of one byte below these bounds are in range, and locals have been set.
    cdef uint32_t nlocals = 0 if s.tracks_init else min(s.nflat, 128)
    cdef uint32_t nglobals = min(s.env.nglobals, 128)
    cdef T memory = s.env.memories[0] if s.env.nmemories else <T>NO_ORIGIN
    if not s.env.accelerate:
        return run_slow(s)
    sp = s.stack + s.sp
    frame = top_frame(s)
    floor = s.stack + frame.height
    while limit - at >= WINDOW:
        entry = &hot[at[0]]
        origin = <uint64_t>(at - code) << 32
        rule = entry.rule
        index = at[1]
        operators += 1
        if frame.dead:
            # Under the polymorphic policy, where nothing was pushed since.
            type = frame.single
            if (rule == R_END and s.env.policy == P_POLYMORPHIC and s.nframes > 1
                    and frame.type == NULL and sp == floor and frame.init_height == s.ninit
                    and (type == T_BOT or frame.kind != R_IF)):
                s.operators += operators
                operators = 0
                s.start = at - code
                revive(s)
                s.nframes -= 1
                frame -= 1
                if type != T_BOT:
                    sp[0] = origin | type
                    sp += 1
                floor = s.stack + frame.height
                at += 1
                continue
        else:
            # An `if` each, the most frequent first, and no switch: a branch of its own is
            # predicted by itself, an indirect jump for all of them is missed more often.
            if rule == R_LOCAL_GET:
                if index < nlocals:
                    sp[0] = origin | s.locals[index]
                    sp += 1
                    at += 2
                    continue
            if rule == R_CONST_LEB:
                # Four bytes fit 32 bits whatever they are.
                size = leb_size(at + 1)
                if size:
                    sp[0] = origin | entry.result
                    sp += 1
                    at += size + 1
                    continue
            if rule == R_LOAD:
                if index <= entry.align and sp > floor and <T>(sp - 1)[0] == memory:
                    size = leb_size(at + 2)
                    if size:
                        (sp - 1)[0] = origin | entry.result
                        at += size + 2
                        continue
            if rule == R_BINARY:
                if (sp - floor >= 2 and <T>(sp - 1)[0] == entry.operand
                        and <T>(sp - 2)[0] == entry.operand):
                    sp -= 1
                    (sp - 1)[0] = origin | entry.result
                    at += 1
                    continue
            if rule == R_END:
                # Not the function's own, nor of an `if` that lacks an else it needs.
                type = frame.single
                if (s.nframes > 1 and frame.type == NULL and frame.init_height == s.ninit
                        and not (frame - 1).dead):
                    if type == T_BOT:
                        if sp == floor:
                            s.nframes -= 1
                            frame -= 1
                            floor = s.stack + frame.height
                            at += 1
                            continue
                    elif sp - floor == 1 and <T>(sp - 1)[0] == type and frame.kind != R_IF:
                        (sp - 1)[0] = origin | type
                        s.nframes -= 1
                        frame -= 1
                        floor = s.stack + frame.height
                        at += 1
                        continue
            if rule == R_LOCAL_SET:
                if index < nlocals and sp > floor and <T>(sp - 1)[0] == s.locals[index]:
                    sp -= 1
                    at += 2
                    continue
            if rule == R_LOCAL_TEE:
                if index < nlocals and sp > floor and <T>(sp - 1)[0] == s.locals[index]:
                    (sp - 1)[0] = origin | s.locals[index]
                    at += 2
                    continue
            if rule == R_CALL:
                size = leb_size(at + 1)
                memcpy(&function, at + 1, 4)
                function = gather(function, size)
                if size and function < s.env.nfuncs:
                    callee = &s.env.types[s.env.func_types[function]]
                    count = callee.nparams
                    if sp - floor >= count and callee.nresults <= 1:
                        while count and <T>(sp - 1)[0] == callee.params[count - 1]:
                            sp -= 1
                            count -= 1
                        if count == 0 and (
                            callee.nresults == 0 or callee.results[0] != T_UNREACHABLE
                        ):
                            if callee.nresults:
                                sp[0] = origin | callee.results[0]
                                sp += 1
                            at += size + 1
                            continue
                        sp += callee.nparams - count
            if rule == R_BR_IF:
                if (index < s.nframes and index < 0x80 and sp > floor and <T>(sp - 1)[0] == T_I32
                        and takes_nothing(&s.frames[s.nframes - 1 - index])):
                    sp -= 1
                    at += 2
                    continue
            if rule == R_STORE:
                if (index <= entry.align and sp - floor >= 2
                        and <T>(sp - 1)[0] == entry.operand and <T>(sp - 2)[0] == memory):
                    size = leb_size(at + 2)
                    if size:
                        sp -= 2
                        at += size + 2
                        continue
            if rule == R_BLOCK or rule == R_LOOP or rule == R_IF:
                # Of no parameters and at most one result, a number.
                type = block_codes[index]
                if s.nframes < s.frame_capacity and type != T_NO_BLOCK and (
                    rule != R_IF or sp > floor and <T>(sp - 1)[0] == T_I32
                ):
                    if rule == R_IF:
                        sp -= 1
                    frame = &s.frames[s.nframes]
                    s.nframes += 1
                    frame.kind = rule
                    frame.dead = False
                    frame.entered_dead = False
                    frame.height = <uint32_t>(sp - s.stack)
                    frame.init_height = s.ninit
                    frame.offset = <uint32_t>(at - code)
                    frame.single = type
                    frame.type = NULL
                    floor = sp
                    at += 2
                    continue
            if rule == R_UNARY:
                if (sp > floor and <T>(sp - 1)[0] == entry.operand
                        and not entry.feature & ~s.env.features):
                    (sp - 1)[0] = origin | entry.result
                    at += 1
                    continue
            if rule == R_DROP:
                if sp > floor:
                    sp -= 1
                    at += 1
                    continue
            if rule == R_SELECT:
                type = <T>(sp - 1)[0] if sp > floor else <T>T_BOT
                if (sp - floor >= 3 and type == T_I32 and <T>(sp - 2)[0] == <T>(sp - 3)[0]
                        and not <T>(sp - 2)[0] & REF_BIT):
                    type = <T>(sp - 2)[0]
                    sp -= 2
                    (sp - 1)[0] = origin | type
                    at += 1
                    continue
            if rule == R_GLOBAL_GET:
                if index < nglobals:
                    sp[0] = origin | s.env.globals[index].type
                    sp += 1
                    at += 2
                    continue
            if rule == R_GLOBAL_SET:
                if (index < nglobals and sp > floor and <T>(sp - 1)[0] == s.env.globals[index].type
                        and s.env.globals[index].mutable):
                    sp -= 1
                    at += 2
                    continue
            if rule == R_CONST_BYTES:
                if limit - at > entry.align:
                    sp[0] = origin | entry.result
                    sp += 1
                    at += entry.align + 1
                    continue
            if rule == R_BR or rule == R_RETURN or rule == R_UNREACHABLE:
                # To a label that takes nothing, or nowhere; what follows is dead.
                if rule == R_RETURN:
                    index = s.nframes - 1 if s.nframes <= 0x80 else 0xFF
                if rule == R_UNREACHABLE or index < s.nframes and index < 0x80 and (
                    takes_nothing(&s.frames[s.nframes - 1 - index])
                ):
                    s.operators += operators
                    operators = 0
                    s.start = at - code
                    at += 1 + entry.immediates
                    s.pos = at - code
                    s.row = entry.row
                    set_dead(s)
                    sp = floor
                    continue
        s.operators += operators - 1
        operators = 0
        s.pos = at - code
        s.sp = sp - s.stack
        if step(s):
            return 1
        if s.nframes == 0:
            return check_end(s)
        at = code + s.pos
        sp = s.stack + s.sp
        frame = top_frame(s)
        floor = s.stack + frame.height
    s.operators += operators
    s.pos = at - code
    s.sp = sp - s.stack
    return run_slow(s)
