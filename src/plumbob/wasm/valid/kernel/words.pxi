# What the kernel takes from features.py, limits.py and types.py when it is imported.

cdef uint32_t FEATURE_FUNCTION_REFERENCES = _features.FUNCTION_REFERENCES
cdef uint32_t FEATURE_MULTI_VALUE = _features.MULTI_VALUE
cdef uint32_t FEATURE_MULTI_MEMORY = _features.MULTI_MEMORY
cdef uint32_t FEATURE_MEMORY64 = _features.MEMORY64
cdef uint32_t FEATURE_REFERENCE_TYPES = _features.REFERENCE_TYPES
cdef uint32_t MAX_LOCALS = limits.MAX_LOCALS
cdef size_t MAX_FUNCTION_SIZE = limits.MAX_FUNCTION_SIZE
cdef size_t MAX_OPERANDS = limits.MAX_OPERANDS
cdef uint32_t MAX_FIXED = limits.MAX_ARRAY_NEW_FIXED
cdef uint32_t MAX_CATCHES = limits.MAX_CATCHES
SIGN_EXTENSION = _features.SIGN_EXTENSION

cdef uint8_t REF_CODE = types.REF_CODE
cdef uint8_t REF_NULL_CODE = types.REF_NULL_CODE
cdef uint8_t UNREACHABLE_CODE = types.UNREACHABLE_CODE
cdef uint8_t EMPTY_BLOCK_CODE = types.EMPTY_BLOCK_CODE

cdef T[256] value_codes  # T_BOT where a byte is no value type
cdef uint32_t[256] value_features
cdef T[256] block_codes  # of block types that the fast loop takes, T_NO_BLOCK for others
cdef uint8_t[128] heap_codes  # by the byte; 0 where it is no heap type
cdef uint32_t[H_COUNT] heap_features

# Words of the operator table for types.
TYPE_WORDS = {str(code): int(code) for code in (
    types.I32, types.I64, types.F32, types.F64, types.V128)}
NUMBER_WORDS = frozenset(TYPE_WORDS)
TYPE_WORDS.update((name, int(code)) for code, name in types.SHORT_NAMES.items())
TYPE_WORDS.update(
    (f"ref:{name}", int(types.ref(heap))) for heap, name in types.HEAP_NAMES.items()
)


cdef fill_types():
    for code in range(256):
        block_codes[<uint8_t>code] = T_NO_BLOCK
    block_codes[EMPTY_BLOCK_CODE] = T_BOT
    for code, type in types.VALUE_CODES.items():
        value_codes[<uint8_t>code] = type
        value_features[<uint8_t>code] = types.FEATURE_OF_VALUE.get(type, 0)
        if value_features[<uint8_t>code] == 0:
            block_codes[<uint8_t>code] = type
    for code, heap in types.HEAP_CODES.items():
        heap_codes[<uint8_t>code] = heap
        heap_features[<uint8_t>heap] = types.FEATURE_OF_HEAP[heap]
        type = types.ref(heap, nullable=True)
        value_codes[<uint8_t>code] = type
        value_features[<uint8_t>code] = types.FEATURE_OF_HEAP[heap]
