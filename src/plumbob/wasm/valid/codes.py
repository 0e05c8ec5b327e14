"""The catalogue of diagnostic codes: stable, each with a title and what it means.

E01xx: malformed, the input is not in the format. E02xx: invalid, a rule of the
specification is broken. E03xx: an implementation limit. W01xx: a fault where the
specification asks for nothing, inside custom sections.

The kernel's error numbers are these codes' numbers; a test holds the two together.
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """One entry of the catalogue."""

    title: str
    help: str


CATALOGUE: dict[str, Code] = {
    "E0100": Code("malformed input", "The input does not follow the grammar of its format."),
    "E0101": Code(
        "unexpected end",
        "The input ends, or a section or function body ends, in the middle of something.",
    ),
    "E0102": Code(
        "integer representation too long",
        "A LEB128 integer may take at most ceil(bits / 7) bytes.",
    ),
    "E0103": Code(
        "integer too large",
        "The unused bits of a LEB128 integer's last byte must repeat its sign (or be zero).",
    ),
    "E0104": Code("malformed UTF-8 encoding", "Names are UTF-8, without surrogates."),
    "E0105": Code(
        "length out of bounds",
        "The size of a section, body or name, or the length of a vector, is larger than what "
        "is left of the input or section.",
    ),
    "E0110": Code("magic header not detected", "A binary module begins with the bytes \\0asm."),
    "E0111": Code("unknown binary version", "The version of core WebAssembly is 1."),
    "E0112": Code("malformed section id", "Sections have ids from 0 to 13."),
    "E0113": Code(
        "section out of order",
        "Each section but custom ones occurs at most once, in the order: type, import, "
        "function, table, memory, tag, global, export, start, element, data count, code, data.",
    ),
    "E0114": Code(
        "section size mismatch", "The contents of a section must end where its size says."
    ),
    "E0115": Code(
        "function and code section have inconsistent lengths",
        "Every declared function has one body.",
    ),
    "E0116": Code(
        "data count and data section have inconsistent lengths",
        "The data count section announces how many data segments there are.",
    ),
    "E0120": Code(
        "malformed definition type",
        "A type is func (0x60), struct (0x5f) or array (0x5e), perhaps within sub or rec.",
    ),
    "E0121": Code("malformed mutability", "0 is immutable, 1 mutable."),
    "E0122": Code(
        "malformed limits flags",
        "Bit 0: a maximum follows; 1: shared memory; 2: 64-bit; 3: a page size follows "
        "(custom-page-sizes).",
    ),
    "E0123": Code("malformed import kind", "0 func, 1 table, 2 memory, 3 global, 4 tag."),
    "E0124": Code("malformed export kind", "0 func, 1 table, 2 memory, 3 global, 4 tag."),
    "E0125": Code("malformed reference type", "Tables and element segments hold references."),
    "E0126": Code(
        "malformed element segment", "The flags are below 8 and the element kind is 0."
    ),
    "E0127": Code("malformed data segment flags", "0 active, 1 passive, 2 with memory index."),
    "E0129": Code("malformed tag attribute", "The attribute of a tag is 0, an exception."),
    "E0130": Code("malformed page size", "log2 of a page size is at most 63."),
    "E0131": Code(
        "malformed name section", "Subsections and indices ascend, and fill the section."
    ),
    "E0132": Code(
        "malformed branch hints",
        "Functions and offsets ascend; a hint has the size 1 and is 0 or 1.",
    ),
    "E0150": Code(
        "illegal opcode",
        "No operator of the enabled features has this opcode. If a proposal brings it, "
        "enable that feature with --features.",
    ),
    "E0151": Code("malformed value type", "No value type is written with this byte."),
    "E0152": Code("malformed block type", "A block type is empty, a value type or a type index."),
    "E0153": Code(
        "malformed memory operator flags",
        "The flags of a memory operator hold log2 of the alignment, and bit 6 where a "
        "memory index follows.",
    ),
    "E0154": Code("zero byte expected", "This byte is reserved and must be 0."),
    "E0155": Code("too many locals", "A function has at most 2^32 - 1 locals."),
    "E0156": Code(
        "data count section required",
        "An operator that names a data segment needs the data count section, so that one "
        "pass can check it.",
    ),
    "E0157": Code(
        "code behind the end of the function",
        "The function's last `end` must be the last byte of its body.",
    ),
    "E0158": Code("malformed heap type", "No heap type is written with this number."),
    "E0159": Code("malformed cast flags", "Only the two lowest bits may be set."),
    "E0160": Code("malformed catch clause", "A catch clause begins with a byte from 0 to 3."),
    "E0161": Code(
        "misplaced operator",
        "`else` belongs to an `if`, `catch`, `catch_all` and `delegate` to a `try`.",
    ),
    "E0170": Code("malformed UTF-8 encoding", "Text, and every name in it, is in UTF-8."),
    "E0171": Code(
        "malformed token",
        "A character that text may not hold, an empty identifier, or words and strings that "
        "nothing separates.",
    ),
    "E0172": Code("unclosed", "A parenthesis, string, comment or annotation is not closed."),
    "E0173": Code(
        "malformed escape",
        "In strings: \\t \\n \\r \\\" \\' \\\\ or two hexadecimal digits or \\u{...}, which is a "
        "Unicode scalar value.",
    ),
    "E0174": Code("unexpected token", "The grammar of the text format has no place for it here."),
    "E0175": Code("unknown identifier", "Nothing of this kind is called so in this module."),
    "E0176": Code("duplicate identifier", "Two things of one kind are called the same."),
    "E0177": Code(
        "mismatching label", "Behind `else` and `end` only the identifier of their block may stand."
    ),
    "E0178": Code("malformed number", "Not a number of this kind, or out of its range."),
    "E0179": Code("unknown operator or field", "No keyword of the text format is written so."),
    "E0180": Code(
        "inline function type",
        "Where a type use names a type and writes it out, the two must agree.",
    ),
    "E0181": Code(
        "malformed or misplaced annotation",
        "Annotations that Plumbob knows have contents and places of their own.",
    ),
    "E0182": Code("import after a definition", "Imports come first: they take the first indices."),
    "E0183": Code("multiple start functions", "A module has at most one."),
    "E0201": Code(
        "type mismatch",
        "An operator takes operands of fixed types; what lies on top of the stack must have them.",
    ),
    "E0202": Code(
        "operand missing",
        "The operator takes more operands than the enclosing block has pushed. A block cannot "
        "reach the operands below it, except for its own parameters.",
    ),
    "E0203": Code(
        "values left on the stack",
        "At its end a block must hold exactly its results. Drop what is not needed.",
    ),
    "E0204": Code("unknown label", "A label counts enclosing blocks from the innermost, 0."),
    "E0205": Code("unknown local", "Locals are numbered from the parameters on."),
    "E0206": Code("unknown global", "Globals are numbered from the imported ones on."),
    "E0207": Code("unknown function", "Functions are numbered from the imported ones on."),
    "E0208": Code("unknown type", "No type has this index."),
    "E0209": Code("unknown table", "Tables are numbered from the imported ones on."),
    "E0210": Code("unknown memory", "Memories are numbered from the imported ones on."),
    "E0211": Code("unknown tag", "Tags are numbered from the imported ones on."),
    "E0212": Code("unknown element segment", "No element segment has this index."),
    "E0213": Code("unknown data segment", "No data segment has this index."),
    "E0214": Code("unknown field", "The structure has no field with this index."),
    "E0215": Code(
        "alignment larger than natural",
        "The alignment of a memory operator is a hint of at most the width of its access.",
    ),
    "E0216": Code(
        "alignment not natural", "An atomic operator's alignment must be the width of its access."
    ),
    "E0217": Code(
        "offset out of range", "The offset must fit the address type of the memory: 32 or 64 bits."
    ),
    "E0218": Code("lane index out of range", "A lane index must be below the number of lanes."),
    "E0219": Code("global is immutable", "Only a global declared with `mut` can be set."),
    "E0220": Code(
        "local is not initialised",
        "A local of a non-nullable reference type has no default value; it must be set before "
        "it is read, in the same or an enclosing block.",
    ),
    "E0221": Code(
        "undeclared function reference",
        "ref.func may name only functions that occur outside function bodies: in an element "
        "segment, an export or a global. `(elem declare func $f)` declares one.",
    ),
    "E0222": Code(
        "type of another kind", "The operator needs a function, structure or array type."
    ),
    "E0223": Code(
        "packed and unpacked access mixed up",
        "A packed field (i8, i16) is read by the _s or _u form, any other by the plain one.",
    ),
    "E0224": Code("field is immutable", "Only a field declared with `mut` can be written."),
    "E0225": Code(
        "field has no default",
        "A non-nullable reference has no default value; give the values explicitly.",
    ),
    "E0226": Code(
        "array elements are not numbers",
        "A data segment holds bytes: it can fill arrays of numbers, vectors or packed values.",
    ),
    "E0227": Code(
        "element types do not match", "What is copied must be a subtype of what it is copied to."
    ),
    "E0228": Code("table holds no functions", "An indirect call goes through a table of funcref."),
    "E0229": Code(
        "labels of different arity", "All labels of a br_table take the same number of operands."
    ),
    "E0230": Code(
        "tail call with other results",
        "The callee of a tail call returns in place of its caller: its results must match.",
    ),
    "E0231": Code(
        "cast to an unrelated type",
        "The target type of a cast must be a subtype of its source type.",
    ),
    "E0232": Code("wrong number of result types", "A typed select has exactly one result type."),
    "E0233": Code(
        "untyped select on references",
        "select without a type works on numbers and vectors; write `select (result t)`.",
    ),
    "E0234": Code(
        "if without else",
        "An `if` without `else` passes its parameters through, so its results must match them.",
    ),
    "E0235": Code(
        "dead code", "Under --dead-code=forbidden no operator may follow one that never returns."
    ),
    "E0236": Code(
        "end of an unreachable block is reached",
        "A block or function that declares `(result unreachable)` must not reach its end.",
    ),
    "E0237": Code(
        "constant expression required",
        "Initialisers and offsets are computed at instantiation, by constant operators alone.",
    ),
    "E0238": Code(
        "global is not constant here",
        "A constant expression reads only immutable globals that are defined before it.",
    ),
    "E0239": Code(
        "catch clause does not match its label",
        "A catch clause passes the tag's parameters (and the exnref) to its label.",
    ),
    "E0240": Code("rethrow outside catch", "rethrow names the label of an enclosing catch."),
    "E0241": Code("reference expected", "The operator takes a reference."),
    "E0242": Code(
        "label does not fit the operator",
        "The operator's branch passes a reference as its last operand.",
    ),
    "E0250": Code("unknown type index", "A type may refer to itself, its group and earlier types."),
    "E0251": Code(
        "invalid supertype",
        "A type declares at most one supertype; it must stand before it, not be final, and be "
        "matched in structure.",
    ),
    "E0252": Code("invalid limits", "The minimum must not exceed the maximum or the range."),
    "E0253": Code("duplicate export name", "Every export has its own name."),
    "E0254": Code("invalid start function", "It takes no parameters and returns nothing."),
    "E0255": Code("too many memories or tables", "Several memories need the feature multi-memory, "
                  "several tables the feature reference-types."),
    "E0256": Code("invalid tag type", "The type of a tag returns nothing."),
    "E0257": Code("table without initial value", "Elements of a non-nullable reference type have "
                  "no default; give the table an initialiser."),
    "E0258": Code("shared memory without maximum", "A shared memory declares its maximum."),
    "E0259": Code("invalid page size", "The page size of a memory is 1 or 65536 bytes."),
    "E0260": Code("feature is disabled", "Enable the feature with --features."),
    "E0261": Code("misplaced type `unreachable`", "It stands alone, as the one result of a "
                  "function or block type, under --dead-code=typed."),
    "E0301": Code(
        "implementation limit exceeded",
        "The module is larger than engines support; `limits.py` lists the limits.",
    ),
    "W0101": Code(
        "malformed custom section",
        "A custom section that Plumbob knows is not in its format; it is ignored.",
    ),
    "W0102": Code(
        "misplaced custom section", "The name section stands behind the data section."
    ),
    "W0103": Code(
        "misplaced branch hint", "A branch hint stands for a br_if or if of a function with code."
    ),
}  # fmt: skip
