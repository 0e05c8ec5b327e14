"""Names of engines: `kind==version[:option=value,…]`, read into data.

A comma ends an option only where one of the kind's own options follows, so that values
hold commas: `binaryen==130.0.0:passes=--pass-arg=asyncify-imports@a.b,c.d -O3`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from plumbob.engines.kinds import KINDS, Kind
from plumbob.errors import UsageError

VERSION = re.compile(r"\d+(\.\d+)*([-.]?[a-z][\w.-]*)?")


class EngineSpec(NamedTuple):
    """An engine as somebody named it."""

    text: str
    """Exactly as it was typed; reports call the engine by it."""
    kind: str
    version: str | None
    """None for the newest release."""
    options: tuple[tuple[str, str], ...] = ()
    """In the order typed; an option without a value has an empty one."""

    def option(self, name: str) -> str:
        """Return the last value given for an option, or its default ("" without one)."""
        for given, value in reversed(self.options):
            if given == name:
                return value
        values = KINDS[self.kind].options[name]
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        """Return every value given for an option that may be repeated."""
        return [value for given, value in self.options if given == name]


def parse_spec(text: str) -> EngineSpec:
    """Return the engine that `text` names. Raises `UsageError` for what names none."""
    head, colon, tail = text.partition(":")
    name, equals, version = head.partition("==")
    kind = KINDS.get(name)
    if kind is None:
        raise UsageError(
            f"{name!r} is no engine", expected=f"one of {', '.join(KINDS)}", found=repr(text)
        )
    if equals and (kind.registry is None or not VERSION.fullmatch(version)):
        raise UsageError(
            f"{version!r} is no release of {name}",
            expected="a version such as 1.2.3" if kind.registry else "no version: it is built in",
        )
    if colon and not tail:
        raise UsageError(f"no option follows the colon of {text!r}")
    options = tuple(_split(kind, tail)) if tail else ()
    return EngineSpec(text, name, version or None, options)


def _split(kind: Kind, text: str) -> list[tuple[str, str]]:
    names = "|".join(map(re.escape, kind.options)) or "(?!)"
    options = []
    for part in re.split(rf",(?=(?:{names})(?:=|,|$))", text):
        name, equals, value = part.partition("=")
        if name not in kind.options:
            raise UsageError(
                f"{name!r} is no option of {kind.name}",
                expected=f"one of {', '.join(kind.options)}" if kind.options else "no options",
            )
        values = kind.options[name]
        if values == ():
            if equals:
                raise UsageError(f"option {name!r} of {kind.name} takes no value", found=value)
        elif not value or (values is not None and value not in values):
            raise UsageError(
                f"option {name!r} of {kind.name}",
                expected=" or ".join(values) if values else "a value",
                found=repr(value),
            )
        options.append((name, value))
    if kind.name == "wasmtime":
        _check_wasmtime(options)
    return options


def _check_wasmtime(options: list[tuple[str, str]]) -> None:
    for name, value in options:
        if name == "fuel" and not value.isdecimal():
            raise UsageError("option 'fuel' of wasmtime", expected="a number", found=repr(value))


def release_key(version: str) -> tuple[int, ...]:
    """Return the numbers of a final release, for comparing; () for any other version."""
    return tuple(map(int, version.split("."))) if re.fullmatch(r"\d+(\.\d+)*", version) else ()
