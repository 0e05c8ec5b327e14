"""Scripts (`.wast`): the test suite's commands as plain data.

Source: the reference interpreter's script grammar, the threads proposal's `thread` and
`wait`. A module keeps what it was written as and is parsed when somebody asks, since a
script is full of modules that are broken on purpose; the script itself must be in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasm import features as wasm_features
from plumbob.wasm import types as t
from plumbob.wasm.text.builder import build
from plumbob.wasm.text.cursor import Cursor
from plumbob.wasm.text.immediates import SHAPES
from plumbob.wasm.text.lexer import Tokens, tokenize
from plumbob.wasm.text.numbers import F32, F64, FloatFormat, NumberError, parse_float, parse_integer
from plumbob.wasm.text.parser import parse_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.source import Source
    from plumbob.wasm.module import Module
    from plumbob.wasm.types import ValType


class TextModule(NamedTuple):
    """A module written out: the tokens of its identifier and fields."""

    tokens: Tokens
    start: int
    end: int
    name: str

    def parse(
        self, features: int = wasm_features.DEFAULT, *, allow_unreachable_type: bool = False
    ) -> Module:
        """Return the module; raise `MalformedError`."""
        return build(self.tokens, self.start, self.end, self.name, features,
                     allow_unreachable_type=allow_unreachable_type)  # fmt: skip


class QuotedModule(NamedTuple):
    """A module in the text format, in quotes."""

    text: bytes
    name: str

    def parse(
        self, features: int = wasm_features.DEFAULT, *, allow_unreachable_type: bool = False
    ) -> Module:
        """Return the module; raise `MalformedError`."""
        return parse_text(
            self.text, self.name, features=features, allow_unreachable_type=allow_unreachable_type
        )


class BinaryModule(NamedTuple):
    """A module in the binary format."""

    data: bytes
    name: str


ModuleSource = TextModule | QuotedModule | BinaryModule

NAN_PATTERNS = ("nan:canonical", "nan:arithmetic")


class Number(NamedTuple):
    """A number, its bits unsigned; in an expected result the bits may be a NaN pattern."""

    type: ValType
    bits: int | str


class Vector(NamedTuple):
    """A vector by its lanes, the lowest first; lanes are as the bits of numbers."""

    shape: str
    lanes: tuple[int | str, ...]

    @property
    def data(self) -> bytes:
        """The 16 bytes of a vector without patterns."""
        _, bits, _ = SHAPES[self.shape]
        return b"".join(int(lane).to_bytes(bits // 8, "little") for lane in self.lanes)


class Reference(NamedTuple):
    """A reference: `(ref.KIND value)`.

    `null` has the heap type it was written with; `extern` and `host` a number that tells
    one from another. Without a value, any reference of the kind is expected.
    """

    kind: str
    heap: str | None = None
    value: int | None = None


class Either(NamedTuple):
    """An expected result that may be any of these."""

    alternatives: tuple[Number | Vector | Reference, ...]


Value = Number | Vector | Reference
Result = Number | Vector | Reference | Either


class Invoke(NamedTuple):
    """Call an export; `module` is the identifier of an instance, or None for the last."""

    line: int
    module: str | None
    name: str
    arguments: tuple[Value, ...]


class Get(NamedTuple):
    """Read an exported global."""

    line: int
    module: str | None
    name: str


Action = Invoke | Get


class ModuleCommand(NamedTuple):
    """Define a module and, unless it is a `definition`, instantiate it."""

    line: int
    identifier: str | None
    source: ModuleSource
    definition: bool


class InstanceCommand(NamedTuple):
    """Instantiate a module that was defined before."""

    line: int
    identifier: str | None
    module: str | None


class Register(NamedTuple):
    """Make an instance importable under a name."""

    line: int
    name: str
    module: str | None


class AssertReturn(NamedTuple):
    """The action returns these results."""

    line: int
    action: Action
    results: tuple[Result, ...]


class AssertAction(NamedTuple):
    """The action ends otherwise: `kind` is the command's keyword."""

    line: int
    kind: str
    action: Action
    message: str


class AssertModule(NamedTuple):
    """The module is faulty, or its instantiation is: `kind` is the command's keyword."""

    line: int
    kind: str
    source: ModuleSource
    message: str


class AssertInstance(NamedTuple):
    """Instantiating a module that was defined before fails: `kind` is the command's keyword."""

    line: int
    kind: str
    identifier: str | None
    module: str | None
    message: str


class Thread(NamedTuple):
    """Run commands in a thread that shares these instances."""

    line: int
    identifier: str
    shared: tuple[str, ...]
    commands: tuple[Command, ...]


class Wait(NamedTuple):
    """Wait for a thread to end."""

    line: int
    identifier: str


Command = (
    ModuleCommand
    | InstanceCommand
    | Register
    | Invoke
    | Get
    | AssertReturn
    | AssertAction
    | AssertModule
    | AssertInstance
    | Thread
    | Wait
)

ACTION_ASSERTIONS = ("assert_trap", "assert_exhaustion", "assert_exception", "assert_suspension")
INSTANCE_ASSERTIONS = ("assert_trap", "assert_unlinkable")
"""Assertions about instantiating a module, which may be one that was defined before."""
MODULE_ASSERTIONS = (
    "assert_malformed",
    "assert_invalid",
    "assert_malformed_custom",
    "assert_invalid_custom",
    "assert_unlinkable",
)


class Script(NamedTuple):
    """A script with its source."""

    source: Source
    commands: tuple[Command, ...]


def parse_script(text: str | bytes, name: str) -> Script:
    """Return the commands of a script.

    A script that is the fields of one module is that module. Raises `MalformedError` where
    the script itself is not in order; its modules are not looked into.
    """
    tokens = tokenize(text, name)
    reader = _ScriptReader(Cursor(tokens, 0, wasm_features.ALL), name)
    last = len(tokens.texts) - 1
    if last and tokens.texts[0] == "(" and tokens.texts[1] not in _COMMANDS:
        whole = TextModule(tokens, 0, last, name)
        return Script(tokens.source, (ModuleCommand(tokens.line(0), None, whole, False),))
    return Script(tokens.source, reader.commands(last))


class _ScriptReader:
    """Reads commands. Each method for a keyword begins behind it."""

    def __init__(self, cursor: Cursor, name: str) -> None:
        self.cursor = cursor
        self.name = name

    def commands(self, end: int) -> tuple[Command, ...]:
        """Read commands up to token `end`; a thread holds no other thread."""
        found = []
        while self.cursor.i < end:
            found.append(self.command())
        return tuple(found)

    def command(self) -> Command:
        cursor = self.cursor
        opening = cursor.i
        cursor.expect("(", "a command, which begins with `(`")
        keyword = cursor.texts[cursor.i]
        read = _COMMANDS.get(keyword)
        if read is None:
            cursor.unexpected(f"a command ({', '.join(_COMMANDS)})")
        cursor.i += 1
        command = read(self, opening, keyword)
        cursor.expect(")")
        return command

    def line(self, opening: int) -> int:
        return self.cursor.tokens.line(opening)

    # Modules.

    def module(self, opening: int, _keyword: str) -> ModuleCommand | InstanceCommand:
        cursor = self.cursor
        line = self.line(opening)
        if cursor.accept("instance"):
            identifier = cursor.identifier()
            return InstanceCommand(line, identifier, cursor.identifier())
        definition = cursor.accept("definition")
        start = cursor.i
        identifier = cursor.identifier()
        cursor.i = start
        return ModuleCommand(line, identifier, self.source(opening), definition)

    def source(self, opening: int) -> ModuleSource:
        """Read a module from its identifier to before its closing parenthesis."""
        cursor = self.cursor
        line = self.line(opening)
        start = cursor.i
        cursor.identifier()
        if cursor.accept("binary"):
            return BinaryModule(cursor.strings(), f"{self.name}:{line}")
        if cursor.accept("quote"):
            pieces = []
            while not cursor.at(")"):
                pieces.append(cursor.string())
            return QuotedModule(b" ".join(pieces), f"{self.name}:{line}")
        end = cursor.close_of(opening)
        cursor.i = end
        return TextModule(cursor.tokens, start, end, self.name)

    def inner_module(self) -> ModuleSource:
        """Read `(module ...)`."""
        cursor = self.cursor
        opening = cursor.i
        if not cursor.accept("(", "module"):
            cursor.unexpected("`(module`")
        source = self.source(opening)
        cursor.expect(")")
        return source

    def register(self, opening: int, _keyword: str) -> Register:
        name = self.cursor.name()
        return Register(self.line(opening), name, self.cursor.identifier())

    # Actions.

    def invoke(self, opening: int, _keyword: str) -> Invoke:
        cursor = self.cursor
        module = cursor.identifier()
        name = cursor.name()
        arguments = []
        while not cursor.at(")"):
            value = self.value()
            if isinstance(value, Either):
                cursor.unexpected("a value", at=cursor.i - 1)
            arguments.append(value)
        return Invoke(self.line(opening), module, name, tuple(arguments))

    def get(self, opening: int, _keyword: str) -> Get:
        module = self.cursor.identifier()
        return Get(self.line(opening), module, self.cursor.name())

    def action(self) -> Action:
        command = self.command()
        if not isinstance(command, (Invoke, Get)):
            self.cursor.unexpected("`(invoke ...)` or `(get ...)`", at=self.cursor.i - 1)
        return command

    # Assertions.

    def assert_return(self, opening: int, _keyword: str) -> AssertReturn:
        action = self.action()
        results = []
        while not self.cursor.at(")"):
            results.append(self.value())
        return AssertReturn(self.line(opening), action, tuple(results))

    def assert_action(
        self, opening: int, keyword: str
    ) -> AssertAction | AssertModule | AssertInstance:
        if keyword == "assert_trap" and self.cursor.at("(", "module"):
            return self.assert_module(opening, keyword)
        action = self.action()
        message = self.message() if keyword != "assert_exception" or not self.cursor.at(")") else ""
        return AssertAction(self.line(opening), keyword, action, message)

    def assert_module(self, opening: int, keyword: str) -> AssertModule | AssertInstance:
        if keyword in INSTANCE_ASSERTIONS and self.cursor.accept("(", "module", "instance"):
            identifier, module = self.cursor.identifier(), self.cursor.identifier()
            self.cursor.expect(")")
            return AssertInstance(self.line(opening), keyword, identifier, module, self.message())
        source = self.inner_module()
        return AssertModule(self.line(opening), keyword, source, self.message())

    def message(self) -> str:
        return self.cursor.string("the expected message").decode(errors="replace")

    # Threads.

    def thread(self, opening: int, _keyword: str) -> Thread:
        cursor = self.cursor
        identifier = cursor.identifier()
        if identifier is None:
            cursor.unexpected("the thread's identifier")
        shared = []
        while cursor.accept("(", "shared"):
            cursor.expect("(")
            cursor.expect("module")
            module = cursor.identifier()
            if module is None:
                cursor.unexpected("the identifier of an instance")
            shared.append(module)
            cursor.expect(")")
            cursor.expect(")")
        found = []
        while not cursor.at(")"):
            if cursor.at("(", "thread"):
                cursor.unexpected("any command but `thread`", at=cursor.i + 1)
            found.append(self.command())
        return Thread(self.line(opening), identifier, tuple(shared), tuple(found))

    def wait(self, opening: int, _keyword: str) -> Wait:
        identifier = self.cursor.identifier()
        if identifier is None:
            self.cursor.unexpected("the thread's identifier")
        return Wait(self.line(opening), identifier)

    # Values and expected results.

    def value(self) -> Result:
        cursor = self.cursor
        cursor.expect("(", "a value")
        word = cursor.word("a constant")
        value: Result
        if word in _NUMBERS:
            value = Number(_NUMBERS[word], self.lane(*_LANES[word]))
        elif word == "v128.const":
            value = self.vector()
        elif word == "either":
            value = self.either()
        elif word.startswith("ref."):
            value = self.reference(word[4:])
        else:
            cursor.unexpected("a constant", at=cursor.i - 1)
        cursor.expect(")")
        return value

    def either(self) -> Either:
        alternatives: list[Value] = []
        while not self.cursor.at(")"):
            value = self.value()
            if isinstance(value, Either):
                self.cursor.unexpected("a value", at=self.cursor.i - 1)
            alternatives.append(value)
        return Either(tuple(alternatives))

    def lane(self, bits: int, form: FloatFormat | None) -> int | str:
        cursor = self.cursor
        word = cursor.texts[cursor.i]
        try:
            if form is None:
                value: int | str = parse_integer(word, bits)
            elif word in NAN_PATTERNS:
                value = word
            else:
                value = parse_float(word, form)
        except NumberError as error:
            cursor.fail(error.subject, code="E0178", expected=error.expected)
        cursor.i += 1
        return value

    def vector(self) -> Vector:
        cursor = self.cursor
        shape = cursor.word("a shape")
        if shape not in SHAPES:
            cursor.unexpected(f"a shape ({', '.join(SHAPES)})", at=cursor.i - 1)
        lanes, bits, form = SHAPES[shape]
        return Vector(shape, tuple(self.lane(bits, form) for _ in range(lanes)))

    def reference(self, kind: str) -> Reference:
        cursor = self.cursor
        if kind == "null":
            return Reference(kind, None if cursor.at(")") else cursor.word("a heap type"))
        if kind not in _REFERENCES:
            cursor.unexpected(f"a reference (ref.null, ref.{', ref.'.join(_REFERENCES)})",
                              at=cursor.i - 1)  # fmt: skip
        if kind in {"extern", "host"} and not cursor.at(")"):
            return Reference(kind, None, cursor.unsigned())
        return Reference(kind)


_NUMBERS = {"i32.const": t.I32, "i64.const": t.I64, "f32.const": t.F32, "f64.const": t.F64}
_LANES: dict[str, tuple[int, FloatFormat | None]] = {
    "i32.const": (32, None),
    "i64.const": (64, None),
    "f32.const": (32, F32),
    "f64.const": (64, F64),
}
_REFERENCES = ("extern", "host", "func", "any", "eq", "i31", "struct", "array", "exn")

_COMMANDS: dict[str, Callable[[_ScriptReader, int, str], Command]] = {
    "module": _ScriptReader.module,
    "register": _ScriptReader.register,
    "invoke": _ScriptReader.invoke,
    "get": _ScriptReader.get,
    "assert_return": _ScriptReader.assert_return,
    **dict.fromkeys(ACTION_ASSERTIONS, _ScriptReader.assert_action),
    **dict.fromkeys(MODULE_ASSERTIONS, _ScriptReader.assert_module),
    "thread": _ScriptReader.thread,
    "wait": _ScriptReader.wait,
}
