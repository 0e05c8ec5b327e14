# The operator table in C, built once from opcodes.py. Nothing here knows an opcode.

cdef enum Rule:
    # Rules of their own in the validation algorithm; the rest follow their signature.
    R_GENERIC = 0
    R_BLOCK
    R_LOOP
    R_IF
    R_ELSE
    R_END
    R_BR
    R_BR_IF
    R_BR_TABLE
    R_RETURN
    R_TRY
    R_CATCH
    R_CATCH_ALL
    R_DELEGATE
    R_RETHROW
    R_TRY_TABLE
    R_DROP
    R_SELECT
    R_LOCAL_GET
    R_LOCAL_SET
    R_LOCAL_TEE
    R_REF_IS_NULL
    R_REF_AS_NON_NULL
    R_BR_ON_NULL
    R_BR_ON_NON_NULL
    R_BR_ON_CAST
    R_BR_ON_CAST_FAIL
    R_CONVERT
    R_FUNCTION  # kind of the outermost frame; no operator has it
    # Shapes of signatures that the fast loop knows, all generic otherwise.
    R_UNARY
    R_BINARY
    R_LOAD
    R_STORE
    R_CONST_LEB
    R_CONST_BYTES
    R_GLOBAL_GET
    R_GLOBAL_SET
    R_CALL
    R_UNREACHABLE
    R_ILLEGAL

RULES = {
    "": R_GENERIC,
    "block": R_BLOCK,
    "loop": R_LOOP,
    "if": R_IF,
    "else": R_ELSE,
    "end": R_END,
    "br": R_BR,
    "br_if": R_BR_IF,
    "br_table": R_BR_TABLE,
    "return": R_RETURN,
    "try": R_TRY,
    "catch": R_CATCH,
    "catch_all": R_CATCH_ALL,
    "delegate": R_DELEGATE,
    "rethrow": R_RETHROW,
    "try_table": R_TRY_TABLE,
    "drop": R_DROP,
    "select": R_SELECT,
    "local.get": R_LOCAL_GET,
    "local.set": R_LOCAL_SET,
    "local.tee": R_LOCAL_TEE,
    "ref.is_null": R_REF_IS_NULL,
    "ref.as_non_null": R_REF_AS_NON_NULL,
    "br_on_null": R_BR_ON_NULL,
    "br_on_non_null": R_BR_ON_NON_NULL,
    "br_on_cast": R_BR_ON_CAST,
    "br_on_cast_fail": R_BR_ON_CAST_FAIL,
    "convert": R_CONVERT,
}

cdef enum Immediate:
    M_BLOCKTYPE, M_LABEL, M_LABELS, M_FUNC, M_TYPE, M_TABLE, M_MEMORY, M_GLOBAL, M_LOCAL, M_TAG
    M_ELEM, M_DATA, M_FIELD, M_MEMARG, M_LANE, M_LANES, M_V128, M_F32, M_F64, M_S32, M_S64
    M_COUNT, M_HEAPTYPE, M_VALTYPES, M_CASTFLAGS, M_CATCHES, M_ZERO

IMMEDIATES = {
    "blocktype": M_BLOCKTYPE,
    "label": M_LABEL,
    "labels": M_LABELS,
    "func": M_FUNC,
    "type": M_TYPE,
    "table": M_TABLE,
    "memory": M_MEMORY,
    "global": M_GLOBAL,
    "local": M_LOCAL,
    "tag": M_TAG,
    "elem": M_ELEM,
    "data": M_DATA,
    "field": M_FIELD,
    "memarg": M_MEMARG,
    "lane": M_LANE,
    "lanes": M_LANES,
    "v128": M_V128,
    "f32": M_F32,
    "f64": M_F64,
    "s32": M_S32,
    "s64": M_S64,
    "count": M_COUNT,
    "heaptype": M_HEAPTYPE,
    "valtypes": M_VALTYPES,
    "castflags": M_CASTFLAGS,
    "catches": M_CATCHES,
    "zero": M_ZERO,
}

cdef enum Operand:
    # Codes below SYMBOLIC index `fixed_types`.
    SYMBOLIC = 64
    O_ADDR, O_ADDR2, O_ADDRMIN, O_LOCAL, O_GLOBAL, O_ELEM, O_REF_TYPE, O_REFNULL_TYPE
    O_REFNULL_TYPE2, O_REF_FUNC, O_HEAP, O_HEAPNULL, O_TOP, O_FIELD, O_ITEM
    O_FIELDS, O_ITEMS, O_PARAMS, O_RESULTS, O_T
    # Of rules of their own; here for what a diagnostic expects.
    O_LABELTYPES, O_RETURNS, O_ANY, O_SOURCE, O_TARGET

OPERANDS = {
    "addr": O_ADDR,
    "addr2": O_ADDR2,
    "addrmin": O_ADDRMIN,
    "local": O_LOCAL,
    "global": O_GLOBAL,
    "elem": O_ELEM,
    "ref:type": O_REF_TYPE,
    "refnull:type": O_REFNULL_TYPE,
    "refnull:type2": O_REFNULL_TYPE2,
    "ref:func": O_REF_FUNC,
    "heap": O_HEAP,
    "heapnull": O_HEAPNULL,
    "top": O_TOP,
    "field": O_FIELD,
    "item": O_ITEM,
    "fields": O_FIELDS,
    "items": O_ITEMS,
    "params": O_PARAMS,
    "results": O_RESULTS,
    "t": O_T,
    "labeltypes": O_LABELTYPES,
    "returns": O_RETURNS,
    "any": O_ANY,
    "source": O_SOURCE,
    "target": O_TARGET,
}

cdef enum Check:
    C_STRUCT, C_ARRAY, C_FUNCTION, C_FIELD_MUTABLE, C_FIELD_PACKED, C_FIELD_UNPACKED
    C_FIELDS_DEFAULTABLE, C_ITEM_MUTABLE, C_ITEM_PACKED, C_ITEM_UNPACKED, C_ITEM_DEFAULTABLE
    C_ITEM_NUMERIC, C_ITEM_ELEM, C_ITEMS_MATCH, C_GLOBAL_MUTABLE, C_DECLARED, C_TABLE_FUNC, C_ELEM_TABLE, C_TABLES_MATCH, C_TAIL, C_NATURAL, C_CAST, C_SINGLE, C_FIXED_LIMIT

CHECKS = {
    "struct": C_STRUCT,
    "array": C_ARRAY,
    "function": C_FUNCTION,
    "field_mutable": C_FIELD_MUTABLE,
    "field_packed": C_FIELD_PACKED,
    "field_unpacked": C_FIELD_UNPACKED,
    "fields_defaultable": C_FIELDS_DEFAULTABLE,
    "item_mutable": C_ITEM_MUTABLE,
    "item_packed": C_ITEM_PACKED,
    "item_unpacked": C_ITEM_UNPACKED,
    "item_defaultable": C_ITEM_DEFAULTABLE,
    "item_numeric": C_ITEM_NUMERIC,
    "item_elem": C_ITEM_ELEM,
    "items_match": C_ITEMS_MATCH,
    "global_mutable": C_GLOBAL_MUTABLE,
    "declared": C_DECLARED,
    "table_func": C_TABLE_FUNC,
    "elem_table": C_ELEM_TABLE,
    "tables_match": C_TABLES_MATCH,
    "tail": C_TAIL,
    "natural": C_NATURAL,
    "cast": C_CAST,
    "single": C_SINGLE,
    "fixed_limit": C_FIXED_LIMIT,
}

cdef enum:
    NO_CONST = 0  # as in operators.py
    MAX_ROWS = 1024
    MAX_PREFIXES = 8
    MAX_NUMBERS = 512

cdef struct Row:
    uint8_t rule
    uint8_t nimmediates
    uint8_t nchecks
    uint8_t npops
    uint8_t npushes
    uint8_t align
    uint8_t lanes
    uint8_t dead
    uint8_t[4] immediates
    uint8_t[4] checks
    uint8_t[6] pops
    uint8_t[4] pushes
    uint32_t feature
    int32_t constant

cdef struct Hot:
    # What the fast loop needs of an operator of one byte.
    uint8_t rule
    uint8_t align  # or how many bytes a constant has
    uint8_t immediates
    T operand  # type of every operand
    T result
    uint32_t feature
    uint32_t row

cdef Row[MAX_ROWS] rows
cdef uint32_t row_count = 0
cdef Hot[256] hot
cdef uint16_t[256] prefix_of  # 0, or 1 + the prefix's place in `prefixed`
cdef uint16_t[MAX_PREFIXES][MAX_NUMBERS] prefixed  # 1 + row, 0 where there is none
cdef T[SYMBOLIC] fixed_types
cdef uint32_t fixed_count = 0


cdef uint8_t operand_code(str word) except 255:
    # A symbolic operand, or the place of a type in `fixed_types`.
    global fixed_count
    cdef uint32_t i
    cdef T type
    code = OPERANDS.get(word)
    if code is not None:
        return code
    type = TYPE_WORDS[word]
    for i in range(fixed_count):
        if fixed_types[i] == type:
            return i
    if fixed_count == SYMBOLIC:
        raise InternalError("too many operand types in the operator table")
    fixed_types[fixed_count] = type
    fixed_count += 1
    return fixed_count - 1


cdef fill_codes(uint8_t* out, uint32_t capacity, words, codes, str column, str name):
    cdef uint32_t i = 0
    for word in words:
        if i == capacity or word not in codes:
            raise InternalError(f"operator table, {name}: unknown or one too many in {column}",
                                found=word)
        out[i] = codes[word]
        i += 1


cdef set_row(uint32_t number, operator):
    cdef Row* row = &rows[number]
    cdef uint32_t i
    name = operator.name
    if operator.rule not in RULES:
        raise InternalError(f"operator table, {name}: unknown rule", found=operator.rule)
    row.rule = RULES[operator.rule]
    row.feature = operator.feature
    row.constant = operator.const
    row.align = operator.align
    row.lanes = operator.lanes
    row.nimmediates = len(operator.immediates)
    fill_codes(row.immediates, 4, operator.immediates, IMMEDIATES, "immediates", name)
    row.nchecks = len(operator.checks)
    fill_codes(row.checks, 4, operator.checks, CHECKS, "checks", name)
    pushes = [word for word in operator.pushes if word != DEAD]
    row.dead = len(pushes) != len(operator.pushes)
    if len(operator.pops) > 6 or len(pushes) > 4:
        raise InternalError(f"operator table, {name}: too many operands")
    row.npops = len(operator.pops)
    for i, word in enumerate(operator.pops):
        row.pops[i] = operand_code(word)
    row.npushes = len(pushes)
    for i, word in enumerate(pushes):
        row.pushes[i] = operand_code(word)


cdef uint8_t shape_of(operator) except 255:
    # The rule under which the fast loop takes an operator of one byte.
    if operator.rule:
        return RULES[operator.rule]
    if operator.feature & ~SIGN_EXTENSION or operator.checks not in ((), ("global_mutable",)):
        return R_GENERIC
    fixed = all(word in NUMBER_WORDS for word in (*operator.pops, *operator.pushes))
    shape = (operator.immediates, len(operator.pops), len(operator.pushes))
    if fixed and len(set(operator.pops)) <= 1:
        if shape == ((), 1, 1):
            return R_UNARY
        if shape == ((), 2, 1):
            return R_BINARY
        if shape[0] in (("s32",), ("s64",)) and shape[1:] == (0, 1):
            return R_CONST_LEB
        if shape[0] in (("f32",), ("f64",)) and shape[1:] == (0, 1):
            return R_CONST_BYTES
    if shape == ((), 0, 1) and operator.pushes == (DEAD,):
        return R_UNREACHABLE
    if operator.immediates == ("func",) and operator.pops == ("params",) and (
        operator.pushes == ("results",)
    ):
        return R_CALL
    if shape == (("memarg",), 1, 1):
        return R_LOAD
    if shape == (("memarg",), 2, 0):
        return R_STORE
    if shape == (("global",), 0, 1):
        return R_GLOBAL_GET
    if shape == (("global",), 1, 0):
        return R_GLOBAL_SET
    return R_GENERIC


cdef set_hot(uint32_t number, operator):
    cdef Hot* entry = &hot[<uint8_t>operator.code]
    entry.rule = shape_of(operator)
    entry.row = number
    entry.align = operator.align
    entry.feature = operator.feature
    entry.immediates = len(operator.immediates)
    if entry.rule == R_CONST_BYTES:
        entry.align = 4 if operator.immediates == ("f32",) else 8
    for word in operator.pops:  # the last counts: a store's address is not a number's word
        if word in NUMBER_WORDS:
            entry.operand = TYPE_WORDS[word]
    for word in operator.pushes:
        if word in NUMBER_WORDS:
            entry.result = TYPE_WORDS[word]


cdef build_table():
    global row_count
    cdef uint32_t place
    if len(TABLE) > MAX_ROWS or len(PREFIXES) > MAX_PREFIXES:
        raise InternalError("the operator table has outgrown the kernel")
    for place in range(256):
        hot[place].rule = R_ILLEGAL
    for place, prefix in enumerate(PREFIXES):
        prefix_of[<uint8_t>prefix] = place + 1
        hot[<uint8_t>prefix].rule = R_GENERIC
    for place, operator in enumerate(TABLE):
        set_row(place, operator)
        if operator.prefix:
            if operator.number >= MAX_NUMBERS:
                raise InternalError("the operator table has outgrown the kernel")
            prefixed[prefix_of[<uint8_t>operator.prefix] - 1][<uint32_t>operator.number] = place + 1
        else:
            set_hot(place, operator)
    row_count = len(TABLE)


cdef check_layout():
    # The kernel's constants are compiled; types.py must say the same.
    if (types.REF, types.NULL, types.CONCRETE, types.INDEX_MASK) != (
        <uint32_t>REF_BIT, <uint32_t>NULL_BIT, <uint32_t>CONCRETE_BIT, <uint32_t>INDEX_BITS
    ) or [types.BOT, types.I32, types.I64, types.F32, types.F64, types.V128, types.I8, types.I16,
          types.UNREACHABLE] != list(range(9)) or [
        types.HEAP_BOT, types.FUNC, types.NOFUNC, types.EXTERN, types.NOEXTERN, types.ANY,
        types.EQ, types.I31, types.STRUCT, types.ARRAY, types.NONE, types.EXN, types.NOEXN,
    ] != list(range(H_COUNT)):
        raise InternalError("types.py and the kernel disagree on the layout of types")
    if (policy.POLYMORPHIC, policy.RELAXED_BLOCK, policy.RELAXED, policy.TYPED,
            policy.FORBIDDEN) != (
        P_POLYMORPHIC, P_RELAXED_BLOCK, P_RELAXED, P_TYPED, P_FORBIDDEN
    ):
        raise InternalError("policy.py and the kernel disagree on the numbers of policies")
