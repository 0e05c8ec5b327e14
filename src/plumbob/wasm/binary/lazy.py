"""Vectors of a decoded module whose items are made when somebody asks for them.

Real modules hold 100,000 data segments (Go writes one for each run of bytes that are not
zero) or 10,000 exports. Checking such a module needs few of them as objects. A vector
behaves as the list that it stands for: the first edit turns it into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from plumbob.wasm.binary._reader import Reader, data_init, read_data
from plumbob.wasm.module import DataSegment, Export

if TYPE_CHECKING:
    from array import array

T = TypeVar("T")


class LazyVector(MutableSequence[T], Generic[T]):
    """A list of items that are made on demand, anew each time, until it is edited."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: list[T] | None = None

    def _length(self) -> int:
        """Return how many items there were at first."""
        raise NotImplementedError

    def _make(self, index: int) -> T:
        """Return the item with this index, which is in range."""
        raise NotImplementedError

    @property
    def pristine(self) -> bool:
        """Whether nothing has been edited, so that what was decoded still stands."""
        return self._items is None

    def _list(self) -> list[T]:
        if self._items is None:
            self._items = [self._make(index) for index in range(self._length())]
        return self._items

    def __len__(self) -> int:
        return self._length() if self._items is None else len(self._items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if self._items is not None:
            return self._items[index]
        places = range(self._length())
        if isinstance(index, slice):
            return [self._make(place) for place in places[index]]
        return self._make(places[index])

    def __iter__(self) -> Iterator[T]:
        return iter(self._items) if self._items is not None else self._each()

    def _each(self) -> Iterator[T]:
        return map(self._make, range(self._length()))

    @overload
    def __setitem__(self, index: int, value: T) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[T]) -> None: ...
    def __setitem__(self, index: int | slice, value: T | Iterable[T]) -> None:
        self._list()[index] = value  # type: ignore[index,assignment]  # as the overloads say

    def __delitem__(self, index: int | slice) -> None:
        del self._list()[index]

    def insert(self, index: int, value: T) -> None:
        """Insert an item before an index."""
        self._list().insert(index, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


class DataVector(LazyVector[DataSegment]):
    """The data segments of a decoded module.

    `starts` are their offsets in the reader's data. `distinct` are the indices of
    segments that stand for all others where validity is asked: any other differs from
    an earlier one of them only in the number in its offset's one constant operator, and
    in its bytes.
    """

    __slots__ = ("_reader", "distinct", "starts")

    def __init__(self, reader: Reader, starts: array[int], distinct: list[int]) -> None:
        super().__init__()
        self._reader = reader
        self.starts = starts
        self.distinct = distinct

    def representatives(self) -> Sequence[int]:
        """Return the indices of segments that, if valid, make all of them valid."""
        return self.distinct if self._items is None else range(len(self))

    def _length(self) -> int:
        return len(self.starts)

    def _make(self, index: int) -> DataSegment:
        return read_data(self._reader, self.starts[index])

    def init_offset(self, index: int) -> int:
        """Return where the offset expression of a segment begins in the file."""
        return data_init(self._reader, self.starts[index])


class ExportVector(LazyVector[Export]):
    """The exports of a decoded module, as columns: `names`, `kinds` and `indices`."""

    __slots__ = ("indices", "kinds", "names")

    def __init__(self, names: list[str], kinds: bytes, indices: array[int]) -> None:
        super().__init__()
        self.names = names
        self.kinds = kinds
        self.indices = indices

    def _length(self) -> int:
        return len(self.names)

    def _make(self, index: int) -> Export:
        return Export(self.names[index], self.kinds[index], self.indices[index])

    def _each(self) -> Iterator[Export]:
        return map(Export, self.names, self.kinds, self.indices)
