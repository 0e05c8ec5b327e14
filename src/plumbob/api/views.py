"""Views: the API's objects that stand for objects of the runtime's.

A view belongs to a store. Once the store is closed every use of the object raises
`UsageError`, since all go by `View.runtime`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from plumbob.api.checks import Unique, shown, wrong
from plumbob.errors import UsageError

if TYPE_CHECKING:
    from plumbob.api.store import Store

Runtime = TypeVar("Runtime")


class View(Unique, Generic[Runtime]):
    """A view of an object of the runtime's; all views of one object are equal."""

    __slots__ = ("_runtime", "_store")

    KIND: ClassVar[type]
    """The runtime's class."""

    def __init__(self, store: Store, runtime: Runtime) -> None:
        """See an object of the runtime's; raises UsageError for anything else.

        Callers get views as exports and results, and from constructors such as `Memory.new`.
        """
        if not isinstance(runtime, self.KIND):
            name = type(self).__name__
            raise wrong(f"{name}()", f"a {name} that Plumbob made", runtime)
        self._store = store
        self._runtime = runtime

    @property
    def store(self) -> Store:
        """The store that the object belongs to."""
        return self._store

    @property
    def runtime(self) -> Runtime:
        """The object itself; raises UsageError if the store was closed."""
        self._store.require_open()
        return self._runtime

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and other._runtime is self._runtime

    def __hash__(self) -> int:
        return id(self._runtime)

    def require_store(self, store: Store, what: object) -> None:
        """Raise UsageError where it is another store's."""
        if store is not self._store:
            raise UsageError(
                str(what),
                expected=f"a {type(self).__name__} of the same store",
                found="another store's",
            )


VIEWS: Final[dict[type, type[View[Any]]]] = {}
"""The view of each class of the runtime's; the modules that define views add them."""


def view(store: Store, runtime: Any) -> Any:
    """Return the view of an object of the runtime's."""
    for kind in type(runtime).__mro__:
        found = VIEWS.get(kind)
        if found is not None:
            return found(store, runtime)
    raise AssertionError(f"no view of {shown(runtime)}")
