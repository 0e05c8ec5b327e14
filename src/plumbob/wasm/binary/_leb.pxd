"""LEB128 readers for the Cython kernels (WebAssembly 3.0, Binary Format / Values / Integers).

Each takes the bytes, the position (moved past the integer when it is read, left where the
integer begins when it is not), the end that no read may reach, and where to put the
value. It returns an error code: `LEB_OK`, `LEB_END` (the bytes end within the integer),
`LEB_LONG` (more bytes than ceil(N / 7)) or `LEB_LARGE` (unused bits of the last byte that
are not zero, or for a signed integer not copies of the sign bit). `*pos <= end` is the
caller's to guarantee; nothing else is assumed of the input.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef enum:
    LEB_OK = 0
    LEB_END = 1
    LEB_LONG = 2
    LEB_LARGE = 3


cdef inline int read_u32(
    const uint8_t* p, size_t* pos, size_t end, uint32_t* out
) noexcept nogil:
    """Read a u32."""
    cdef size_t at = pos[0]
    cdef uint32_t byte, value
    cdef int shift = 7
    if at >= end:
        return LEB_END
    byte = p[at]
    at += 1
    if byte < 0x80:
        out[0] = byte
        pos[0] = at
        return LEB_OK
    value = byte & 0x7F
    while shift < 28:
        if at >= end:
            return LEB_END
        byte = p[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            out[0] = value
            pos[0] = at
            return LEB_OK
        shift += 7
    if at >= end:
        return LEB_END
    byte = p[at]
    if byte >= 0x80:
        return LEB_LONG
    if byte > 0x0F:
        return LEB_LARGE
    out[0] = value | (byte << 28)
    pos[0] = at + 1
    return LEB_OK


cdef inline int read_u64(
    const uint8_t* p, size_t* pos, size_t end, uint64_t* out
) noexcept nogil:
    """Read a u64."""
    cdef size_t at = pos[0]
    cdef uint64_t byte, value = 0
    cdef int shift = 0
    while shift < 63:
        if at >= end:
            return LEB_END
        byte = p[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            out[0] = value
            pos[0] = at
            return LEB_OK
        shift += 7
    if at >= end:
        return LEB_END
    byte = p[at]
    if byte >= 0x80:
        return LEB_LONG
    if byte > 1:
        return LEB_LARGE
    out[0] = value | (byte << 63)
    pos[0] = at + 1
    return LEB_OK


cdef inline int read_signed(
    const uint8_t* p, size_t* pos, size_t end, int64_t* out, int bits
) noexcept nogil:
    """Read a signed integer of `bits` bits, at most 64; a constant folds the loop's bound."""
    cdef size_t at = pos[0]
    cdef uint64_t byte, value = 0
    cdef int shift = 0
    cdef int last = (bits - 1) // 7 * 7
    cdef uint32_t unused
    if at >= end:
        return LEB_END
    byte = p[at]
    if byte < 0x80:
        out[0] = <int64_t>byte - ((<int64_t>byte & 0x40) << 1)
        pos[0] = at + 1
        return LEB_OK
    while True:
        if at >= end:
            return LEB_END
        byte = p[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if shift == last:
            if byte >= 0x80:
                return LEB_LONG
            # The sign bit and the unused bits above it must all be alike.
            unused = (0x7F << (bits - 1 - last)) & 0x7F
            if (byte & unused) != 0 and (byte & unused) != unused:
                return LEB_LARGE
        shift += 7
        if byte < 0x80:
            break
    if shift < 64 and byte & 0x40:
        value |= (<uint64_t>-1) << shift
    out[0] = <int64_t>value
    pos[0] = at
    return LEB_OK


cdef inline int read_s32(
    const uint8_t* p, size_t* pos, size_t end, int32_t* out
) noexcept nogil:
    """Read an s32."""
    cdef int64_t value
    cdef int error = read_signed(p, pos, end, &value, 32)
    if error == LEB_OK:
        out[0] = <int32_t>value
    return error


cdef inline int read_s33(
    const uint8_t* p, size_t* pos, size_t end, int64_t* out
) noexcept nogil:
    """Read an s33."""
    return read_signed(p, pos, end, out, 33)


cdef inline int read_s64(
    const uint8_t* p, size_t* pos, size_t end, int64_t* out
) noexcept nogil:
    """Read an s64."""
    return read_signed(p, pos, end, out, 64)
