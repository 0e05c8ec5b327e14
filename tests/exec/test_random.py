"""Generated source and the tree walk agree on functions that nobody wrote.

Hypothesis draws whole programs: any control flow (loops, irreducible cycles, br_table,
dead blocks), operations of many types, slots accessed inside and outside of their bounds,
calls and tail calls that may recurse. Blocks use their own parameters and values and those
of the entry, so every program is valid. Outcome, place of a trap, call stack and every
value computed must be the same; fuel and call depth end what would not end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from plumbob.exec.interp import Limits, Machine, Program, Returned, Trap
from plumbob.ir.parser import parse_clif
from plumbob.ir.verifier import Target, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp import Mode, Outcome

LIMITS = Limits(fuel=3_000, call_depth=12, memory=1 << 16)
TYPES = ("i8", "i16", "i32", "i64", "i128", "f32", "f64", "i32x4", "i8x16")
INTEGERS = ("i8", "i16", "i32", "i64", "i128")
BINARY = "iadd isub imul band bor bxor ishl ushr sshr rotl rotr smin umax".split()
CONDITIONS = ("eq", "ne", "slt", "sge", "ult", "ugt")
SLOTS = (8, 16, 5)
CONSTANTS = (0, 1, 2, 7, -1, 127, -128)


class _Body:
    """Text of one block under construction, with the values that it may use."""

    def __init__(self, draw: Callable[..., int], fresh: list[int]) -> None:
        self.draw = draw
        self.fresh = fresh
        self.lines: list[str] = []
        self.values: dict[str, list[str]] = {ty: [] for ty in TYPES}

    def pick(self, count: int) -> int:
        return self.draw(st.integers(0, count - 1))

    def new(self, ty: str) -> str:
        self.fresh[0] += 1
        name = f"v{self.fresh[0]}"
        self.values[ty].append(name)
        return name

    def value(self, ty: str) -> str:
        """A value of the type; a constant made for it where there is none yet."""
        if self.values[ty] and self.pick(8):
            return self.values[ty][-1 - self.pick(min(4, len(self.values[ty])))]
        if ty in ("i8", "i16", "i32", "i64"):
            constant = CONSTANTS[self.pick(len(CONSTANTS))]
            name = self.new(ty)
            self.lines.append(f"{name} = iconst.{ty} {constant}")
        elif ty == "i128":
            low, high = self.value("i64"), self.value("i64")
            name = self.new(ty)
            self.lines.append(f"{name} = iconcat {low}, {high}")
        elif ty.startswith("f"):
            source = self.value("i32" if ty == "f32" else "i64")
            name = self.new(ty)
            self.lines.append(f"{name} = bitcast.{ty} {source}")
        else:
            lane = self.value("i32" if ty == "i32x4" else "i8")
            name = self.new(ty)
            self.lines.append(f"{name} = splat.{ty} {lane}")
        return name

    def integer(self) -> str:
        return INTEGERS[self.pick(len(INTEGERS))]

    def instruction(self) -> None:
        """Append one instruction of a random kind."""
        kinds = (
            self._binary,
            self._binary,
            self._compare,
            self._select,
            self._divide,
            self._overflow,
            self._float,
            self._vector,
            self._width,
            self._load,
            self._store,
            self._trap_condition,
            self._call,
        )
        kinds[self.pick(len(kinds))]()

    def _binary(self) -> None:
        ty = self.integer()
        op = BINARY[self.pick(len(BINARY))]
        a, b = self.value(ty), self.value(ty)
        self.lines.append(f"{self.new(ty)} = {op} {a}, {b}")

    def _compare(self) -> None:
        ty = self.integer()
        condition = CONDITIONS[self.pick(len(CONDITIONS))]
        a, b = self.value(ty), self.value(ty)
        self.lines.append(f"{self.new('i8')} = icmp {condition} {a}, {b}")

    def _select(self) -> None:
        ty = TYPES[self.pick(len(TYPES))]
        c, a, b = self.value("i8"), self.value(ty), self.value(ty)
        self.lines.append(f"{self.new(ty)} = select {c}, {a}, {b}")

    def _divide(self) -> None:
        ty = self.integer()
        op = ("udiv", "sdiv", "urem", "srem")[self.pick(4)]
        a, b = self.value(ty), self.value(ty)
        if self.pick(3):
            one = self.value(ty)
            guarded = self.new(ty)
            self.lines.append(f"{guarded} = bor {b}, {one}")
            b = guarded
        self.lines.append(f"{self.new(ty)} = {op} {a}, {b}")

    def _overflow(self) -> None:
        ty = self.integer()
        op = ("uadd_overflow", "ssub_overflow", "sadd_overflow")[self.pick(3)]
        a, b = self.value(ty), self.value(ty)
        result, flag = self.new(ty), self.new("i8")
        self.lines.append(f"{result}, {flag} = {op} {a}, {b}")

    def _float(self) -> None:
        ty = ("f32", "f64")[self.pick(2)]
        op = ("fadd", "fmul", "fdiv", "fmin", "fmax")[self.pick(5)]
        a, b = self.value(ty), self.value(ty)
        self.lines.append(f"{self.new(ty)} = {op} {a}, {b}")

    def _vector(self) -> None:
        ty = ("i32x4", "i8x16")[self.pick(2)]
        op = ("iadd", "isub", "bxor", "smin")[self.pick(4)]
        a, b = self.value(ty), self.value(ty)
        self.lines.append(f"{self.new(ty)} = {op} {a}, {b}")

    def _width(self) -> None:
        narrow, wide = (("i8", "i32"), ("i32", "i64"), ("i16", "i128"))[self.pick(3)]
        if self.pick(2):
            op = ("uextend", "sextend")[self.pick(2)]
            source = self.value(narrow)
            self.lines.append(f"{self.new(wide)} = {op}.{wide} {source}")
        else:
            source = self.value(wide)
            self.lines.append(f"{self.new(narrow)} = ireduce.{narrow} {source}")

    def _address(self) -> str:
        """An address within a slot, or near its end; static or through arithmetic."""
        slot = self.pick(len(SLOTS))
        self.fresh[0] += 1
        address = f"v{self.fresh[0]}"
        self.lines.append(f"{address} = stack_addr.i64 ss{slot}+{self.pick(SLOTS[slot] + 1)}")
        if self.pick(2):
            index = self.value("i8")
            self.fresh[0] += 4
            one, two, three, four = (f"v{self.fresh[0] - n}" for n in range(4))
            self.lines.append(f"{one} = iconst.i8 3")
            self.lines.append(f"{two} = band {index}, {one}")
            self.lines.append(f"{three} = uextend.i64 {two}")
            self.lines.append(f"{four} = iadd {address}, {three}")
            address = four
        return address

    def _load(self) -> None:
        ty = TYPES[self.pick(len(TYPES))]
        flags = ("", " big", " notrap", " aligned")[self.pick(4)]
        address = self._address()
        self.lines.append(f"{self.new(ty)} = load.{ty}{flags} {address}{self._offset()}")

    def _store(self) -> None:
        ty = TYPES[self.pick(len(TYPES))]
        value = self.value(ty)
        address = self._address()
        self.lines.append(f"store {value}, {address}{self._offset()}")

    def _offset(self) -> str:
        return ("", "", "+1", "-1", "+4")[self.pick(5)]

    def _trap_condition(self) -> None:
        op = ("trapz", "trapnz")[self.pick(2)]
        self.lines.append(f"{op} {self.value('i8')}, user{1 + self.pick(3)}")

    def _call(self) -> None:
        callee = self.pick(2)
        a, b = self.value("i32"), self.value("i64")
        results = f"{self.new('i64')}, {self.new('i32')}"
        self.lines.append(f"{results} = call fn{callee}({a}, {b})")


@st.composite
def programs(draw: Callable[..., int]) -> str:
    """Two functions of one signature that may call each other."""
    return "\n".join(_function(draw, name) for name in ("f", "g"))


def _function(draw: Callable[..., int], name: str) -> str:
    signature = "(i32, i64) -> i64, i32"
    fresh = [1]
    count = draw(st.integers(1, 7))
    shapes = [
        [TYPES[draw(st.integers(0, len(TYPES) - 1))] for _ in range(draw(st.integers(0, 3)))]
        for _ in range(count)
    ]
    lines = [f"function %{name}{signature} {{"]
    lines += [f"    ss{n} = explicit_slot {size}" for n, size in enumerate(SLOTS)]
    lines += [f"    fn0 = %f{signature}", f"    fn1 = %g{signature}"]
    entry = _Body(draw, fresh)
    lines.append("block0(v0: i32, v1: i64):")
    entry.values["i32"].append("v0")
    entry.values["i64"].append("v1")
    for index in range(count + 1):
        body = entry
        if index:
            body = _Body(draw, fresh)
            for ty in TYPES:
                body.values[ty].extend(entry.values[ty])
            parameters = ", ".join(f"{body.new(ty)}: {ty}" for ty in shapes[index - 1])
            lines.append(f"block{index}({parameters}):" if parameters else f"block{index}:")
        for _ in range(draw(st.integers(0, 4))):
            body.instruction()
        _terminator(body, shapes)
        lines += [f"    {line}" for line in body.lines]
    return "\n".join([*lines, "}"])


def _terminator(body: _Body, shapes: list[list[str]]) -> None:
    def target() -> str:
        index = body.pick(len(shapes))
        arguments = ", ".join(body.value(ty) for ty in shapes[index])
        return f"block{index + 1}({arguments})" if arguments else f"block{index + 1}"

    kind = body.pick(8)
    if kind < 2:
        body.lines.append(f"jump {target()}")
    elif kind < 5:
        condition = body.value("i8")
        then, other = target(), target()
        body.lines.append(f"brif {condition}, {then}, {other}")
    elif kind == 5:
        index = body.value("i32")
        default = target()
        table = ", ".join(target() for _ in range(body.pick(5)))
        body.lines.append(f"br_table {index}, {default}, [{table}]")
    elif kind == 6:
        results = f"{body.value('i64')}, {body.value('i32')}"
        body.lines.append(f"return {results}")
    else:
        a, b = body.value("i32"), body.value("i64")
        body.lines.append(f"return_call fn{body.pick(2)}({a}, {b})")


def execute(
    program: Program, mode: Mode, *, traced: bool
) -> tuple[Outcome, list[tuple[str, int, tuple[int, ...]]]]:
    log: list[tuple[str, int, tuple[int, ...]]] = []

    def trace(function: str, inst: int, values: tuple[int, ...]) -> None:
        log.append((function, inst, values))

    machine = Machine(program, mode=mode, limits=LIMITS, trace=trace if traced else None)
    return machine.call("%f", [5, 3]), log


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_generated_source_agrees_with_the_tree_walk(text: str) -> None:
    note(text)
    functions = parse_clif(text)
    for function in functions:
        # A tail call may only be made under a convention for it; nothing else may be wrong.
        errors = [e for e in verify(function, Target(64)) if "tail" not in e.message]
        assert not errors, errors
    program = Program(functions)
    walked, walk_log = execute(program, "walk", traced=True)
    assert isinstance(walked, Returned | Trap)
    note(str(walked))
    traced, source_log = execute(program, "source", traced=True)
    assert traced == walked
    assert source_log == walk_log
    assert execute(program, "source", traced=False)[0] == walked
