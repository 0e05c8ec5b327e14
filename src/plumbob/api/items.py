"""Values by number: the elements of tables and arrays, the fields of structures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from plumbob.api.checks import counted, integer, require_slice, shown, wrong
from plumbob.api.values import from_guest, to_guest
from plumbob.api.views import Runtime, View
from plumbob.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.wasm.types import FieldType


class Items(View[Runtime]):
    """Values by number, `x[0]`; slices have Python's meaning and keep the length.

    A number is never negative, as in WebAssembly. All raise UsageError: wrong numbers and
    slices, wrong values, setting what is immutable.
    """

    __slots__ = ()

    NOUN = "item"

    def _items(self) -> list[Any]:
        raise NotImplementedError

    def _field(self, index: int) -> FieldType:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Any]:
        for index in range(len(self)):
            yield self[index]

    def __getitem__(self, place: int | slice) -> Any:
        items = self._items()
        if isinstance(place, slice):
            return [self[index] for index in require_slice(place, len(items), self._subject(place))]
        index = self._require(place)
        return from_guest(items[index], self._field(index).storage, self.store)

    def __setitem__(self, place: int | slice, value: Any) -> None:
        items = self._items()
        if isinstance(place, slice):
            for index, given in self._pairs(place, value):
                items[index] = given
            return
        index = self._require(place)
        items[index] = self._given(index, value)

    def _pairs(self, place: slice, values: Any) -> list[tuple[int, Any]]:
        """Return which items become what; nothing is set before all are known to fit."""
        what = self._subject(place)
        indices = require_slice(place, len(self), what)
        if not isinstance(values, Iterable):
            raise wrong(what, counted(len(indices), "value"), values)
        given = list(values)
        if len(given) != len(indices):
            raise UsageError(
                what,
                expected=counted(len(indices), "value"),
                found=counted(len(given), "value"),
            )
        return [
            (index, self._given(index, value)) for index, value in zip(indices, given, strict=True)
        ]

    def _given(self, index: int, value: Any) -> Any:
        declared = self._field(index)
        if not declared.mutable:
            raise UsageError(
                f"{self.NOUN} {index} of the {type(self).__name__} cannot be set",
                expected=f"a mutable {self.NOUN}",
                found=str(declared),
            )
        return to_guest(value, declared.storage, self.store, self._subject(index))

    def _require(self, index: object) -> int:
        length = len(self._items())
        number = integer(index)
        if number is None or not 0 <= number < length:
            raise UsageError(
                f"a number of {self.NOUN}s of the {type(self).__name__}",
                expected=f"an integer from 0, less than {length}",
                found=shown(index),
            )
        return number

    def _subject(self, place: object) -> str:
        if isinstance(place, slice):
            return f"{self.NOUN}s of the {type(self).__name__}"
        return f"{self.NOUN} {place} of the {type(self).__name__}"
