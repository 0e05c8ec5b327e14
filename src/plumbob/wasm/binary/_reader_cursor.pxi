# The cursor: position, bounds, integers, names, bytes, and how it fails.

cdef Py_ssize_t VIEW_SIZE = 1 << 16
"""Bytes from which a payload is a view into the input instead of a copy."""


cdef class Reader:
    """A cursor over `data[start:end]`, bytes or anything else that offers their buffer.

    `base` is added to every offset that it reports: that of `data` in its file. The
    buffer is held until the reader dies. Methods that read take what was expected, for
    the error; all raise `MalformedError` with the offset and `section`.
    """

    cdef Py_buffer buffer
    cdef bint held
    cdef readonly object data
    cdef object window
    cdef const uint8_t* p
    cdef size_t pos
    cdef size_t end
    cdef size_t base
    cdef public object section
    cdef uint32_t features
    cdef bint allow_unreachable
    cdef dict references
    cdef dict fields

    def __cinit__(
        self,
        data,
        size_t start=0,
        end=None,
        *,
        size_t base=0,
        section=None,
        uint32_t features=_features.ALL,
        bint allow_unreachable_type=True,
    ):
        PyObject_GetBuffer(data, &self.buffer, PyBUF_SIMPLE)
        self.held = True
        self.data = data
        self.p = <const uint8_t*>self.buffer.buf
        self.end = self.buffer.len if end is None else end
        self.pos = start
        if self.end > <size_t>self.buffer.len or start > self.end:
            raise ValueError(f"range {start}:{end} outside {self.buffer.len} bytes")
        self.base = base
        self.section = section
        self.features = features
        self.allow_unreachable = allow_unreachable_type
        self.references = {}
        self.fields = {}

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.buffer)

    @property
    def offset(self):
        """Where the next byte stands in the binary."""
        return self.base + self.pos

    @property
    def remaining(self):
        """How many bytes are left."""
        return self.end - self.pos

    @property
    def at_end(self):
        """Whether every byte has been read."""
        return self.pos == self.end

    def enter(self, size_t size):
        """Let reading end behind the next `size` bytes; return the end so far, for `leave`."""
        cdef size_t end = self.end
        if size > end - self.pos:
            self.fail_end(f"{size} bytes")
        self.end = self.pos + size
        return end

    def leave(self, size_t end, code, what):
        """End what `enter` began: fail unless all of it has been read."""
        if self.pos != self.end:
            self.fail_at(
                self.pos,
                code,
                f"{what} size mismatch",
                f"the end of the {what}",
                f"{self.end - self.pos} more bytes",
            )
        if end < self.pos or end > <size_t>self.buffer.len:
            raise ValueError(f"end {end} outside {self.pos}:{self.buffer.len}")
        self.end = end

    def fail(self, code, subject, offset, expected=None, found=None, hint=None):
        """Raise the `MalformedError` that says so."""
        raise MalformedError(
            subject,
            code=code,
            offset=offset,
            section=self.section,
            expected=expected,
            found=found,
            hint=hint,
        )

    cdef int fail_at(self, size_t at, code, subject, expected=None, found=None) except -1:
        self.fail(code, subject, self.base + at, expected, found)
        return -1

    cdef int fail_end(self, expected) except -1:
        return self.fail_at(
            self.end,
            "E0101",
            "unexpected end" if self.section is None else "unexpected end of section or function",
            expected,
        )

    cdef int fail_leb(self, int error, expected) except -1:
        if error == LEB_END:
            return self.fail_end(expected)
        if error == LEB_LONG:
            return self.fail_at(
                self.pos, "E0102", "integer representation too long", f"{expected} of fewer bytes"
            )
        return self.fail_at(
            self.pos, "E0103", "integer too large", f"{expected} within its width"
        )

    cdef int need_feature(self, uint32_t any_of, size_t at, what) except -1:
        # Fail unless one of the features is on.
        if self.features & any_of:
            return 0
        names = _features.describe(any_of).replace(",", " or ")
        self.fail(
            "E0260",
            f"{what} needs the feature {names}, which is disabled",
            self.base + at,
            hint=f"enable it with --features={_features.describe(any_of & -any_of)}",
        )
        return -1

    # C.

    cdef int get_u8(self, expected) except -1:
        if self.pos >= self.end:
            return self.fail_end(expected)
        self.pos += 1
        return self.p[self.pos - 1]

    cdef int64_t get_u32(self, expected) except -1:
        cdef uint32_t value = 0
        cdef int error = read_u32(self.p, &self.pos, self.end, &value)
        if error:
            return self.fail_leb(error, expected)
        return value

    cdef uint64_t get_u64(self, expected) except? 0xFFFFFFFFFFFFFFFF:
        cdef uint64_t value = 0
        cdef int error = read_u64(self.p, &self.pos, self.end, &value)
        if error:
            self.fail_leb(error, expected)
        return value

    cdef int64_t get_s33(self, expected) except? -1:
        cdef int64_t value = 0
        cdef int error = read_s33(self.p, &self.pos, self.end, &value)
        if error:
            self.fail_leb(error, expected)
        return value

    cdef Py_ssize_t get_count(self, what, int64_t limit) except -1:
        # Every item takes at least a byte, so that a count bounds the memory it asks for.
        cdef size_t at = self.pos
        cdef int64_t count = self.get_u32(what)
        if <uint64_t>count > self.end - self.pos:
            return self.fail_at(
                at,
                "E0105",
                "length out of bounds",
                f"at most {self.end - self.pos} {what}: a byte each",
                str(count),
            )
        if limit != NO_LIMIT and count > limit:
            return self.fail_limit(at, limit, what, count)
        return count

    cdef int fail_limit(self, size_t at, int64_t limit, what, int64_t found) except -1:
        return self.fail_at(
            at, "E0301", f"implementation limit exceeded: {what}", f"at most {limit}", str(found)
        )

    cdef size_t get_length(self, what) except? 0xFFFFFFFFFFFFFFFF:
        cdef size_t at = self.pos
        cdef int64_t length = self.get_u32(what)
        if <uint64_t>length > self.end - self.pos:
            self.fail_at(
                at,
                "E0105",
                "length out of bounds",
                f"{what} of at most {self.end - self.pos} bytes",
                str(length),
            )
        return length

    cdef str get_name(self, what):
        cdef size_t start = self.pos
        cdef size_t length = self.get_length(what)
        cdef size_t at = self.pos
        if <int64_t>length > MAX_STRING_SIZE:
            self.fail_limit(start, MAX_STRING_SIZE, f"bytes in {what}", length)
        try:
            text = PyUnicode_DecodeUTF8(<const char*>self.p + at, length, "strict")
        except UnicodeDecodeError as error:
            self.fail_at(
                at + error.start, "E0104", "malformed UTF-8 encoding", what, hex(self.p[at + error.start])
            )
        self.pos += length
        return text

    cdef object get_payload(self, size_t length):
        # `length` bytes, known to be there; views of large ones.
        cdef size_t at = self.pos
        self.pos += length
        if <Py_ssize_t>length < VIEW_SIZE:
            return PyBytes_FromStringAndSize(<const char*>self.p + at, length)
        if self.window is None:
            self.window = memoryview(self.data).toreadonly()
        return self.window[at : at + length]

    # Python.

    def peek(self, expected="a byte"):
        """Return the next byte without moving."""
        if self.pos >= self.end:
            self.fail_end(expected)
        return self.p[self.pos]

    def u8(self, expected="a byte"):
        """Read a byte."""
        return self.get_u8(expected)

    def u32(self, expected="a u32"):
        """Read a u32."""
        return self.get_u32(expected)

    def u64(self, expected="a u64"):
        """Read a u64."""
        return self.get_u64(expected)

    def s32(self, expected="an s32"):
        """Read an s32."""
        cdef int32_t value = 0
        cdef int error = read_s32(self.p, &self.pos, self.end, &value)
        if error:
            self.fail_leb(error, expected)
        return value

    def s33(self, expected="an s33"):
        """Read an s33."""
        return self.get_s33(expected)

    def s64(self, expected="an s64"):
        """Read an s64."""
        cdef int64_t value = 0
        cdef int error = read_s64(self.p, &self.pos, self.end, &value)
        if error:
            self.fail_leb(error, expected)
        return value

    def count(self, what="items"):
        """Read the length of a vector; fail where the bytes left cannot hold as many."""
        return self.get_count(what, NO_LIMIT)

    def length(self, what="bytes"):
        """Read a size in bytes; fail where fewer are left."""
        return self.get_length(what)

    def name(self, what="a name"):
        """Read a name: its size in bytes, and strict UTF-8."""
        return self.get_name(what)

    def bytes(self, size_t length, expected="bytes"):
        """Read that many bytes, and return a copy."""
        if length > self.end - self.pos:
            self.fail_end(f"{length} {expected}")
        self.pos += length
        return PyBytes_FromStringAndSize(<const char*>self.p + self.pos - length, length)

    def payload(self, size_t length):
        """Read that many bytes: a copy of few, a read-only view of many."""
        if length > self.end - self.pos:
            self.fail_end(f"{length} bytes")
        return self.get_payload(length)

    def skip(self, size_t length):
        """Step over that many bytes."""
        if length > self.end - self.pos:
            self.fail_end(f"{length} bytes")
        self.pos += length

    def u32_vector(self, what="indices", int64_t limit=NO_LIMIT):
        """Read a vector of at most `limit` u32 and return an `array('I')`."""
        return get_u32_vector(self, what, limit)

    def value_type(self):
        """Read a value type."""
        return get_value_type(self)

    def heap_type(self):
        """Read a heap type."""
        return HeapType(get_heap(self))
