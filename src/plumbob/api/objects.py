"""A guest's own objects: structures, arrays, exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from plumbob.api.items import Items
from plumbob.api.values import from_guest_all
from plumbob.api.views import VIEWS, View, view
from plumbob.runtime import references
from plumbob.wasm.types import ArrayType, StructType

if TYPE_CHECKING:
    from plumbob.api.externs import Tag
    from plumbob.wasm.types import FieldType


class Struct(Items[references.StructRef]):
    """A structure: fields by number, `s[0]`, of which mutable ones can be set."""

    __slots__ = ()

    KIND = references.StructRef
    NOUN = "field"

    def _items(self) -> list[Any]:
        return self.runtime.fields

    @property
    def type(self) -> StructType:
        """The type, with the store's canonical ids in place of type indices."""
        composite = self.store.registry.types[self._runtime.type].composite
        assert isinstance(composite, StructType)  # noqa: S101  # it is one's type
        return composite

    def _field(self, index: int) -> FieldType:
        return self.type.fields[index]

    def __repr__(self) -> str:
        return f"<Struct ({' '.join(['struct', *map(str, self.type.fields)])})>"


class Array(Items[references.ArrayRef]):
    """An array of a fixed length: elements by number, of which mutable ones can be set."""

    __slots__ = ()

    KIND = references.ArrayRef
    NOUN = "element"

    def _items(self) -> list[Any]:
        return self.runtime.items

    @property
    def type(self) -> ArrayType:
        """The type, with the store's canonical ids in place of type indices."""
        composite = self.store.registry.types[self._runtime.type].composite
        assert isinstance(composite, ArrayType)  # noqa: S101  # it is one's type
        return composite

    def _field(self, index: int) -> FieldType:  # noqa: ARG002  # all elements have one type
        return self.type.field

    def __repr__(self) -> str:
        return f"<Array (array {self.type.field}) of {len(self._runtime.items)}>"


class ExnRef(View[references.ExnRef]):
    """An exception of a guest's, as a reference that was caught or is to be thrown."""

    __slots__ = ()

    KIND = references.ExnRef

    @property
    def tag(self) -> Tag:
        """The exception's tag."""
        found: Tag = view(self.store, self.runtime.tag)
        return found

    @property
    def values(self) -> tuple[Any, ...]:
        """What the exception carries, as Python values."""
        exception = self.runtime
        return tuple(from_guest_all(exception.values, exception.tag.signature.params, self.store))

    def __repr__(self) -> str:
        return f"<ExnRef {view(self.store, self._runtime.tag)!r}>"


_OBJECTS: Final = (Struct, Array, ExnRef)
VIEWS.update({kind.KIND: kind for kind in _OBJECTS})
