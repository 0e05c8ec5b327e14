# The data of the kernel: types, the module's index spaces, the state of one function.
#
# A `T` is a value type in the layout of types.py, with the canonical id of a defined type
# in place of its index. An entry of the operand stack is `origin << 32 | T`, where origin
# is the offset in the body of the operator that pushed it (NO_ORIGIN for what a block
# starts with): a diagnostic can name the culprit at no cost in the loop.

ctypedef uint32_t T

cdef enum:
    REF_BIT = 0x80000000
    NULL_BIT = 0x40000000
    CONCRETE_BIT = 0x10000000
    INDEX_BITS = 0x0FFFFFFF
    HEAP_BITS = 0x1FFFFFFF
    NO_ORIGIN = 0xFFFFFFFF

cdef enum:  # as in types.py; `check_layout` compares them
    T_BOT = 0
    T_I32 = 1
    T_I64 = 2
    T_F32 = 3
    T_F64 = 4
    T_V128 = 5
    T_I8 = 6
    T_I16 = 7
    T_UNREACHABLE = 8
    T_NO_BLOCK = 0xFF

cdef enum:
    H_BOT = 0
    H_FUNC = 1
    H_NOFUNC = 2
    H_EXTERN = 3
    H_NOEXTERN = 4
    H_ANY = 5
    H_EQ = 6
    H_I31 = 7
    H_STRUCT = 8
    H_ARRAY = 9
    H_NONE = 10
    H_EXN = 11
    H_NOEXN = 12
    H_COUNT = 13

cdef enum:  # kinds of composite types, and the abstract heap type above each
    K_FUNC = 1  # H_FUNC
    K_STRUCT = 8  # H_STRUCT
    K_ARRAY = 9  # H_ARRAY

cdef enum:  # dead-code policies, as in policy.py; `check_layout` compares them
    P_POLYMORPHIC = 0
    P_RELAXED_BLOCK = 1
    P_RELAXED = 2
    P_TYPED = 3
    P_FORBIDDEN = 4

cdef struct CType:
    uint8_t kind
    uint32_t nparams  # fields of a structure; 1 for an array
    uint32_t nresults
    T* params  # storage types of fields and elements
    T* results
    uint8_t* mutable
    uint32_t depth
    uint32_t* display  # canonical ids of the supertypes, by depth; itself last

cdef struct Global:
    T type
    uint8_t mutable

cdef struct Table:
    T element
    T address

cdef struct Env:
    # What every function of a module sees. Read-only while bodies are checked, but for
    # `declared`, which constant expressions fill before.
    uint32_t features
    int policy
    bint accelerate  # use the fast loop; off only to hold it against `step`
    uint32_t ntypes
    uint32_t* canonical  # type index -> canonical id
    CType* types  # by canonical id
    uint32_t nfuncs
    uint32_t* func_types  # function index -> canonical id of its type
    uint8_t* declared
    uint32_t ntables
    Table* tables
    uint32_t nmemories
    T* memories  # address types
    uint32_t nglobals
    Global* globals
    uint32_t const_globals  # constant expressions may read the globals below this
    uint32_t ntags
    uint32_t* tags  # canonical ids
    uint32_t nelems
    T* elems
    uint32_t ndatas
    bint has_data_count
    uint8_t[H_COUNT][H_COUNT] heap_below  # [a][b]: abstract a <= abstract b

cdef struct Frame:
    uint8_t kind  # a Rule: R_FUNCTION, R_BLOCK, R_LOOP, R_IF, R_ELSE, R_TRY, ...
    uint8_t dead
    uint8_t entered_dead
    uint32_t height  # operands below the block
    uint32_t init_height
    uint32_t offset  # where the block begins
    uint32_t dead_at
    T single  # the result where `type` is NULL; T_BOT where there is none
    CType* type

cdef struct Group:
    uint32_t end  # the first local behind the run
    T type

cdef struct State:
    const Env* env
    # Input: pos, end and start count from the beginning of the body.
    const uint8_t* code
    size_t pos
    size_t end
    size_t start  # of the operator at hand
    # Stacks.
    uint64_t* stack
    size_t sp
    size_t capacity
    size_t start_sp
    Frame* frames
    uint32_t nframes
    uint32_t frame_capacity
    # Locals: the first FLAT_LOCALS in an array, what lies beyond in runs.
    T* locals
    uint32_t nflat
    uint32_t nlocals
    Group* groups
    uint32_t ngroups
    uint32_t group_capacity
    bint tracks_init
    uint32_t nparams
    uint32_t generation
    uint32_t* initialised  # by local: the generation in which it was set
    uint32_t* init_stack
    uint32_t ninit
    uint32_t init_capacity
    # Modes.
    bint is_const
    bint lenient  # decode alone: no index spaces, no types
    # The operator at hand and its immediates.
    uint32_t row
    uint32_t index  # the last plain index
    uint32_t label
    uint32_t count
    uint64_t offset
    uint32_t flags
    uint32_t local
    size_t vector  # where the entries of a vector immediate begin
    T address[2]
    uint32_t naddresses
    Table table[2]
    uint32_t ntables
    uint32_t type[2]  # canonical ids
    uint32_t ntypes
    T heap[2]
    uint32_t nheaps
    uint32_t func
    CType* callee
    Global variable
    T local_type
    T value_type
    T elem_type
    T field_type
    uint8_t field_mutable
    CType* block_type
    T block_single
    # The first error.
    int error
    size_t error_pos
    uint64_t expected
    uint64_t found
    # Census.
    uint64_t operators
    uint64_t dead_since  # `operators` when the outermost dead code began
    uint32_t dead_depth  # frames when it began, 0 where code is live
    size_t dead_pos
    uint32_t dead_row
    uint64_t* dead_operators  # by row, NULL where nobody counts
    uint64_t* dead_bytes
    uint64_t* dead_regions

cdef enum:
    FLAT_LOCALS = 512


cdef inline void require(bint holds) noexcept nogil:
    # An invariant of the kernel's own, checked in builds for testing.
    if PLUMBOB_CHECKED and not holds:
        fputs(b"plumbob: validation kernel: broken invariant\n", stderr)
        abort()


cdef inline Frame* top_frame(State* s) noexcept nogil:
    require(0 < s.nframes <= s.frame_capacity)
    return &s.frames[s.nframes - 1]


cdef inline const T* results_of(const Frame* frame, uint32_t* count) noexcept nogil:
    if frame.type != NULL:
        count[0] = frame.type.nresults
        return frame.type.results
    count[0] = frame.single != T_BOT
    return &frame.single


cdef inline const T* label_of(const Frame* frame, uint32_t* count) noexcept nogil:
    # What a branch to the block takes (Validation / Conventions: labels).
    if frame.kind == R_LOOP:
        if frame.type != NULL:
            count[0] = frame.type.nparams
            return frame.type.params
        count[0] = 0
        return NULL
    return results_of(frame, count)


cdef inline bint is_dead_end(const T* types, uint32_t count) noexcept nogil:
    # The declared result `unreachable` of the typed policy.
    return count == 1 and types[0] == T_UNREACHABLE
