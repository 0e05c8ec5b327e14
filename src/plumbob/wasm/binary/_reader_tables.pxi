# What the reader takes from types.py, features.py and the operator table when it is imported.

cdef uint32_t BULK_MEMORY = _features.BULK_MEMORY
cdef uint32_t REFERENCE_TYPES = _features.REFERENCE_TYPES
cdef uint32_t FUNCTION_REFERENCES = _features.FUNCTION_REFERENCES
cdef uint32_t GC = _features.GC
cdef uint32_t EXCEPTIONS = _features.EXCEPTIONS
cdef uint32_t LEGACY_EXCEPTIONS = _features.LEGACY_EXCEPTIONS
cdef uint32_t THREADS = _features.THREADS
cdef uint32_t MEMORY64 = _features.MEMORY64
cdef uint32_t CUSTOM_PAGE_SIZES = _features.CUSTOM_PAGE_SIZES

cdef uint8_t REC_CODE = _codes.REC_CODE
cdef uint8_t SUB_CODE = _codes.SUB_CODE
cdef uint8_t SUB_FINAL_CODE = _codes.SUB_FINAL_CODE
cdef uint8_t FUNC_CODE = _codes.FUNC_CODE
cdef uint8_t STRUCT_CODE = _codes.STRUCT_CODE
cdef uint8_t ARRAY_CODE = _codes.ARRAY_CODE
cdef uint8_t REF_CODE = _types.REF_CODE
cdef uint8_t REF_NULL_CODE = _types.REF_NULL_CODE
cdef uint8_t UNREACHABLE_CODE = _types.UNREACHABLE_CODE
cdef uint8_t FUNCREF_CODE = _codes.CODE_OF_TYPE[_types.FUNCREF]

cdef int64_t MAX_TYPES = _limits.MAX_TYPES
cdef int64_t MAX_PARAMS = _limits.MAX_PARAMS
cdef int64_t MAX_RESULTS = _limits.MAX_RESULTS
cdef int64_t MAX_STRUCT_FIELDS = _limits.MAX_STRUCT_FIELDS
cdef int64_t MAX_IMPORTS = _limits.MAX_IMPORTS
cdef int64_t MAX_EXPORTS = _limits.MAX_EXPORTS
cdef int64_t MAX_STRING_SIZE = _limits.MAX_STRING_SIZE
cdef int64_t MAX_FUNCTIONS = _limits.MAX_FUNCTIONS
cdef int64_t MAX_GLOBALS = _limits.MAX_GLOBALS
cdef int64_t MAX_TAGS = _limits.MAX_TAGS
cdef int64_t MAX_TABLES = _limits.MAX_TABLES
cdef int64_t MAX_MEMORIES = _limits.MAX_MEMORIES
cdef int64_t MAX_ELEMENT_SEGMENTS = _limits.MAX_ELEMENT_SEGMENTS
cdef int64_t MAX_DATA_SEGMENTS = _limits.MAX_DATA_SEGMENTS
cdef int64_t MAX_TABLE_ENTRIES = _limits.MAX_TABLE_ENTRIES
cdef int64_t MAX_FUNCTION_SIZE = _limits.MAX_FUNCTION_SIZE

cdef int64_t NO_LIMIT = -1
"""As a limit: the bytes of the input are limit enough."""

cdef uint32_t HAS_MAXIMUM = _codes.HAS_MAXIMUM
cdef uint32_t SHARED = _codes.SHARED
cdef uint32_t INDEX64 = _codes.INDEX64
cdef uint32_t PAGE_SIZE = _codes.PAGE_SIZE

cdef uint64_t REF_BIT = _types.REF
cdef uint64_t NULL_BIT = _types.NULL
cdef uint64_t CONCRETE_BIT = _types.CONCRETE
cdef uint64_t INDEX_MASK = _types.INDEX_MASK
cdef uint32_t PAGE_SIZE_LOG2 = _types.DEFAULT_PAGE_SIZE_LOG2

ValType, HeapType = _types.ValType, _types.HeapType
FuncType, StructType, ArrayType = _types.FuncType, _types.StructType, _types.ArrayType
SubType, FieldType, Limits = _types.SubType, _types.FieldType, _types.Limits
TableType, MemoryType = _types.TableType, _types.MemoryType
GlobalType, TagType = _types.GlobalType, _types.TagType
FUNCREF = _types.FUNCREF
FUNC_REFERENCE = _types.ref(_types.FUNC)
UNREACHABLE = _types.UNREACHABLE

# By byte: the value type, the packed type, the heap type (or None), and what brings it.
cdef list value_types = [None] * 256
cdef list packed_types = [None] * 256
cdef list heap_types = [None] * 256
cdef uint32_t[256] value_features
cdef uint32_t[256] heap_features
cdef uint32_t[256] heap_codes

cdef enum Trivial:
    # How to step over a constant operator with few immediates.
    NOT_TRIVIAL
    NOTHING
    INDEX
    INDICES
    INT32
    INT64
    BYTES4
    BYTES8
    BYTES16
    HEAP
    PREFIX

cdef uint8_t[256] trivial
cdef uint8_t[8][256] prefixed
"""By the lowest three bits of the prefix, which tell prefixes apart, and the number."""
cdef uint8_t END = 0

cdef dict _TRIVIAL = {
    (): NOTHING,
    ("func",): INDEX,
    ("global",): INDEX,
    ("type",): INDEX,
    ("type", "count"): INDICES,
    ("s32",): INT32,
    ("s64",): INT64,
    ("f32",): BYTES4,
    ("f64",): BYTES8,
    ("v128",): BYTES16,
    ("heaptype",): HEAP,
}


cdef fill_tables():
    global END
    cdef uint8_t code
    for code in range(255):
        value_features[code] = heap_features[code] = trivial[code] = 0
    value_features[255] = heap_features[255] = trivial[255] = 0
    for number, type in _types.VALUE_CODES.items():
        code = number
        value_types[code] = packed_types[code] = type
        value_features[code] = _types.FEATURE_OF_VALUE.get(type, 0)
    for number, type in _types.PACKED_CODES.items():
        packed_types[number] = type
        value_features[<uint8_t>number] = GC
    for number, heap in _types.HEAP_CODES.items():
        code = number
        heap_types[code] = heap
        heap_codes[code] = heap
        value_types[code] = packed_types[code] = _types.ref(heap, nullable=True)
        value_features[code] = heap_features[code] = _types.FEATURE_OF_HEAP[heap]
    memset(prefixed, NOT_TRIVIAL, sizeof(prefixed))
    for prefix in PREFIXES:
        trivial[<uint8_t>prefix] = PREFIX
    for operator in TABLE:
        if operator.const == NO_CONST or operator.number > 255:
            continue
        code = operator.number
        if operator.rule == "end":
            END = code
        elif operator.immediates in _TRIVIAL:
            if operator.prefix:
                prefixed[operator.prefix & 7][code] = _TRIVIAL[operator.immediates]
            else:
                trivial[code] = _TRIVIAL[operator.immediates]
    if len({prefix & 7 for prefix in PREFIXES}) != len(PREFIXES):
        raise InternalError("two prefixes have the same lowest bits")


fill_tables()


cdef make = tuple.__new__
"""Makes a named tuple from a tuple of its fields, without its slow constructor."""

cdef array.array U32S = _array.array("I")


cdef array.array u32_array(Py_ssize_t count):
    return array.clone(U32S, count, False)
