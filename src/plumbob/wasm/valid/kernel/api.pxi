# What Python sees: a Context for a module, a Checker for each thread that checks bodies.


cdef class Context:
    """A module's index spaces in C. Fill it in index order, then check bodies against it.

    Types are ints in the kernel's layout, with canonical ids. Not thread-safe while it is
    filled; read-only afterwards, so any number of `Checker`s may share it.
    """

    cdef Env env
    cdef void** blocks
    cdef size_t nblocks

    def __cinit__(self, uint32_t features, int policy, bint accelerate=True):
        memset(&self.env, 0, sizeof(Env))
        self.env.features = features
        self.env.policy = policy
        self.env.accelerate = accelerate
        for a, supers in types.HEAP_CLOSURE.items():
            for b in supers:
                self.env.heap_below[<uint32_t>a][<uint32_t>b] = True

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.nblocks):
            free(self.blocks[i])
        free(self.blocks)

    cdef void* take(self, size_t count, size_t size) except NULL:
        # Zeroed memory that lives as long as the context.
        cdef void* block
        cdef void** moved = <void**>realloc(self.blocks, (self.nblocks + 1) * sizeof(void*))
        if moved == NULL:
            raise MemoryError
        self.blocks = moved
        block = calloc(count if count else 1, size)
        if block == NULL:
            raise MemoryError
        self.blocks[self.nblocks] = block
        self.nblocks += 1
        return block

    cdef T* take_types(self, items) except NULL:
        cdef T* out = <T*>self.take(len(items), sizeof(T))
        cdef uint32_t i
        for i, item in enumerate(items):
            out[i] = item
        return out

    def set_types(self, canonical, descriptions):
        """Set the types: canonical id by index, and by id the description.

        A description is (kind, params or fields, mutabilities, results, display).
        """
        cdef uint32_t i
        cdef CType* type
        self.env.ntypes = len(canonical)
        self.env.canonical = self.take_types(canonical)
        self.env.types = <CType*>self.take(len(descriptions), sizeof(CType))
        for i, (kind, params, mutable, results, display) in enumerate(descriptions):
            type = &self.env.types[i]
            type.kind = kind
            type.nparams = len(params)
            type.params = self.take_types(params)
            type.nresults = len(results)
            type.results = self.take_types(results)
            type.depth = len(display) - 1
            type.display = self.take_types(display)
            type.mutable = <uint8_t*>self.take(len(mutable), 1)
            for place, flag in enumerate(mutable):
                type.mutable[<size_t>place] = flag

    def set_functions(self, const uint32_t[::1] types):
        """Set the functions, imports first: the type index of each.

        Returns the index of the first that has no function type, or -1.
        """
        cdef Py_ssize_t i
        cdef uint32_t canonical
        self.env.nfuncs = types.shape[0]
        self.env.func_types = <uint32_t*>self.take(types.shape[0], sizeof(uint32_t))
        self.env.declared = <uint8_t*>self.take(types.shape[0], 1)
        for i in range(types.shape[0]):
            if types[i] >= self.env.ntypes:
                return i
            canonical = self.env.canonical[types[i]]
            if self.env.types[canonical].kind != K_FUNC:
                return i
            self.env.func_types[i] = canonical
        return -1

    def set_tables(self, tables):
        """Set the tables: (element type, address type) of each."""
        cdef uint32_t i
        self.env.ntables = len(tables)
        self.env.tables = <Table*>self.take(len(tables), sizeof(Table))
        for i, (element, address) in enumerate(tables):
            self.env.tables[i].element = element
            self.env.tables[i].address = address

    def set_memories(self, addresses):
        """Set the memories: the address type of each."""
        self.env.nmemories = len(addresses)
        self.env.memories = self.take_types(addresses)

    def set_globals(self, types):
        """Set the globals: (type, mutable) of each."""
        cdef uint32_t i
        self.env.nglobals = len(types)
        self.env.globals = <Global*>self.take(len(types), sizeof(Global))
        for i, (type, mutable) in enumerate(types):
            self.env.globals[i].type = type
            self.env.globals[i].mutable = mutable

    def set_const_globals(self, uint32_t count):
        """Let constant expressions read the globals below this index."""
        self.env.const_globals = count

    def set_tags(self, canonical):
        """Set the tags: the canonical id of each one's function type."""
        self.env.ntags = len(canonical)
        self.env.tags = self.take_types(canonical)

    def set_segments(self, elems, uint32_t datas, bint has_data_count):
        """Set the element segments' types and the number of data segments."""
        self.env.nelems = len(elems)
        self.env.elems = self.take_types(elems)
        self.env.ndatas = datas
        self.env.has_data_count = has_data_count

    def declare(self, const uint32_t[::1] functions, T wanted):
        """Declare functions for ref.func, each of which must match a type.

        Returns the place of the first that is unknown or does not match, or -1.
        """
        cdef Py_ssize_t i
        cdef uint32_t index
        for i in range(functions.shape[0]):
            index = functions[i]
            if index >= self.env.nfuncs or not matches(
                &self.env, REF_BIT | CONCRETE_BIT | self.env.func_types[index], wanted
            ):
                return i
            self.env.declared[index] = True
        return -1

    def declare_exports(self, const uint8_t[::1] kinds, const uint32_t[::1] indices):
        """Declare the functions among the exports, given by kind and index.

        Returns the place of the first that names nothing, or -1.
        """
        cdef Py_ssize_t i
        cdef uint32_t[5] counts = [self.env.nfuncs, self.env.ntables, self.env.nmemories,
                                   self.env.nglobals, self.env.ntags]
        for i in range(min(kinds.shape[0], indices.shape[0])):
            if kinds[i] > 4 or indices[i] >= counts[kinds[i]]:
                return i
            if kinds[i] == 0:
                self.env.declared[indices[i]] = True
        return -1

    def matches(self, T a, T b):
        """Return whether value type a is a subtype of b."""
        return matches(&self.env, a, b)


cdef enum:
    MAX_SHOWN = 1000  # operands and enclosing blocks in a failure


cdef class Checker:
    """The scratch memory of one thread. Use from one thread at a time."""

    cdef State state
    cdef Context context

    def __cinit__(self, Context context):
        memset(&self.state, 0, sizeof(State))
        self.context = context
        self.state.locals = <T*>malloc(FLAT_LOCALS * sizeof(T))
        if self.state.locals == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef State* s = &self.state
        for block in (<size_t>s.locals, <size_t>s.stack, <size_t>s.frames, <size_t>s.groups,
                      <size_t>s.initialised, <size_t>s.init_stack, <size_t>s.dead_operators,
                      <size_t>s.dead_bytes, <size_t>s.dead_regions):
            free(<void*><size_t>block)

    def count(self):
        """Start counting dead code by the operator behind which it stands."""
        cdef State* s = &self.state
        s.dead_operators = <uint64_t*>calloc(MAX_ROWS, sizeof(uint64_t))
        s.dead_bytes = <uint64_t*>calloc(MAX_ROWS, sizeof(uint64_t))
        s.dead_regions = <uint64_t*>calloc(MAX_ROWS, sizeof(uint64_t))
        if s.dead_operators == NULL or s.dead_bytes == NULL or s.dead_regions == NULL:
            raise MemoryError

    def counts(self):
        """Return (operators, {row: (regions, operators, bytes)} of dead code) of bodies."""
        cdef State* s = &self.state
        dead = {}
        if s.dead_operators != NULL:
            for row in range(row_count):
                if s.dead_regions[<size_t>row]:
                    dead[row] = (s.dead_regions[<size_t>row], s.dead_operators[<size_t>row],
                                 s.dead_bytes[<size_t>row])
        return s.operators, dead

    def check(self, const uint8_t[::1] data, const uint32_t[::1] starts,
              const uint32_t[::1] ends, size_t first, size_t last, uint32_t imported):
        """Check the bodies [first, last) of the code section; the GIL is released.

        Returns the places of those that fail. `imported` is how many functions come before
        the code section's in the index space.
        """
        cdef const uint8_t* bytes = &data[0] if data.shape[0] else NULL
        self.require_bodies(data, starts, ends, first, last, imported)
        failed = []
        while first < last:
            with nogil:
                while first < last:
                    if self.check_body(bytes + starts[first], ends[first] - starts[first],
                                       self.context.env.func_types[imported + first]):
                        break
                    first += 1
            if first < last:
                failed.append(first)
                first += 1
        return failed

    cdef require_bodies(self, const uint8_t[::1] data, const uint32_t[::1] starts,
                        const uint32_t[::1] ends, size_t first, size_t last, uint32_t imported):
        cdef size_t i
        if last > starts.shape[0] or last > ends.shape[0] or (
            imported + last > self.context.env.nfuncs
        ):
            raise InternalError("more bodies than functions")
        for i in range(first, last):
            if starts[i] > ends[i] or ends[i] > data.shape[0]:
                raise InternalError("a body lies outside its file")

    cdef int check_body(self, const uint8_t* code, size_t size, uint32_t type) noexcept nogil:
        begin(&self.state, &self.context.env, code, size)
        if begin_function(&self.state, type):
            return 1
        return run(&self.state)

    def check_const(self, const uint8_t[::1] expression, T expected):
        """Check a constant expression. Returns whether it is valid."""
        cdef State* s = &self.state
        begin(s, &self.context.env, &expression[0] if expression.shape[0] else NULL,
              expression.shape[0])
        s.is_const = True
        s.block_type = NULL
        s.block_single = expected
        operators = s.operators  # of function bodies alone
        valid = not (grow_stack(s, 0) or push_frame(s, R_FUNCTION, False) or run_slow(s))
        s.operators = operators
        return valid

    def find_malformed(self, const uint8_t[::1] body, bint is_const):
        """Decode alone what is known to be invalid. Returns whether it is malformed."""
        cdef State* s = &self.state
        begin(s, &self.context.env, &body[0] if body.shape[0] else NULL, body.shape[0])
        s.lenient = True
        s.block_type = NULL
        s.block_single = T_BOT
        if (not is_const and get_locals(s)) or push_frame(s, R_FUNCTION, False) or run_slow(s):
            return s.error <= LAST_MALFORMED
        return False

    def failure(self):
        """Return what the last check found, as plain data.

        (error number, offset of the operator, offset of the fault, expected, found, row,
        operand stack [(type, origin)], frames [(kind, offset, height, dead since or -1,
        label types, result types)], operands and frames left out). Offsets count from the
        body. Of a hostile function's million operands and blocks the innermost are shown.
        """
        cdef State* s = &self.state
        cdef uint32_t i
        cdef uint32_t count
        cdef size_t j
        cdef size_t hidden = s.start_sp - MAX_SHOWN if s.start_sp > MAX_SHOWN else 0
        cdef uint32_t outer = s.nframes - MAX_SHOWN if s.nframes > MAX_SHOWN else 0
        cdef const T* list
        stack = []
        for j in range(hidden, s.start_sp):
            stack.append((<T>s.stack[j], s.stack[j] >> 32))
        frames = []
        for i in range(outer, s.nframes):
            list = label_of(&s.frames[i], &count)
            label = [list[place] for place in range(count)]
            list = results_of(&s.frames[i], &count)
            results = [list[place] for place in range(count)]
            frames.append((KIND_WORDS[s.frames[i].kind], s.frames[i].offset,
                           max(s.frames[i].height, hidden) - hidden,
                           s.frames[i].dead_at if s.frames[i].dead else -1, label, results))
        return (s.error, s.start, s.error_pos, s.expected, s.found, s.row, stack, frames,
                (hidden, outer))

    def expected_operands(self):
        """Return the types that the operator which failed takes, the top last.

        T_BOT stands for any. The operator's immediates must have been read to the end.
        """
        cdef State* s = &self.state
        cdef Row* row = &rows[s.row]
        cdef uint32_t i
        cdef uint32_t j
        cdef uint32_t count
        cdef const T* list
        out = []
        for i in range(row.npops):
            code = row.pops[i]
            if code == O_PARAMS:
                if row.immediates[0] == M_BLOCKTYPE:
                    if s.block_type != NULL:
                        out.extend([s.block_type.params[j] for j in range(s.block_type.nparams)])
                elif s.callee != NULL:
                    out.extend([s.callee.params[j] for j in range(s.callee.nparams)])
            elif code == O_FIELDS:
                for j in range(self.context.env.types[s.type[0]].nparams):
                    out.append(unpacked(self.context.env.types[s.type[0]].params[j]))
            elif code == O_ITEMS:
                out.extend([resolve(s, O_ITEM)] * s.count)
            elif code == O_LABELTYPES:
                list = label_types(s, s.label, &count)
                if row.rule == R_BR_ON_NON_NULL or row.rule == R_BR_ON_CAST or (
                        row.rule == R_BR_ON_CAST_FAIL):
                    count -= 1 if count else 0
                out.extend([list[j] for j in range(count)])
            elif code == O_RETURNS:
                list = results_of(&s.frames[0], &count)
                out.extend([list[j] for j in range(count)])
            elif code == O_SOURCE:
                out.append(cast_type(s, 0))
            elif code == O_ANY:
                out.append(T_BOT)
            else:
                out.append(resolve(s, code))
        return out


KIND_WORDS = {
    R_FUNCTION: "function",
    R_BLOCK: "block",
    R_LOOP: "loop",
    R_IF: "if",
    R_ELSE: "else",
    R_TRY: "try",
    R_CATCH: "catch",
    R_CATCH_ALL: "catch_all",
    R_TRY_TABLE: "try_table",
}
