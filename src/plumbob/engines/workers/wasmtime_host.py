"""The host of every wasmtime release since 0.28, through the wheel's own Python package.

Run as `python -I -S wasmtime_host.py IN OUT FOLDER VERSION OPTIONS`, where OPTIONS is JSON.
The interface changed over the years, and this is what is done about it:

- fuel: `Store.add_fuel` until 14, which adds up, `Store.set_fuel` from 15;
- features are switched by properties of `Config`. Where the property is missing, the shared
  library of the wheel has the C interface's setter (`wasmtime_config_wasm_…_set`);
- GC and typed function references are left off before 27: the switches are there, and the
  compiler behind them stops the process as not implemented. Exceptions have a switch from 39;
- kinds of traps are told by `trap_code`, and by the message where a release knows none;
  3.0 stops the process when it is asked for the code of running out of fuel, and releases
  from 27 on when they are asked for that of a trap that GC brought: so they are not asked
  where the message tells;
- Cranelift's own flags can be set from 13, the processor's extensions among them. What an
  older release finds out of the processor is changed (`cpu.py`);
- Winch has no name in the C interface, whose setter takes its number all the same. That it
  is at work is proved on a small function; features that it lacks are left off, found by
  processes that try, since an engine that cannot be had stops its process;
- an uncaught exception is a trap to some releases and an error to others.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.engines.workers import cpu, host
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  # start-up
    import cpu
    import host

    sys.path[0] = sys.argv[3]
import wasmtime

GC_SINCE = (27,)
FRAMES = 2000
"""Characters of a backtrace that are worth telling: a deep one is a megabyte."""
VERSION = tuple(int(part) for part in sys.argv[4].split("."))

NO_FUEL = "all fuel consumed"

FEATURES = {
    "simd": (0,),
    "bulk_memory": (0,),
    "reference_types": (0,),
    "multi_value": (0,),
    "threads": (0,),
    "memory64": (1,),
    "multi_memory": (1,),
    "relaxed_simd": (15,),
    "tail_call": (19,),
    "function_references": (27,),
    "gc": (27,),
    "exceptions": (39,),
    "wide_arithmetic": (27,),
    "custom_page_sizes": (45,),
}
"""Features, and the release from which they are switched on."""


def configure(options: list[list[str]]) -> Any:
    """Return an engine with every feature that the release has."""
    winch = ["compiler", "winch"] in options
    if winch:
        prove_winch()
    level = next((value for name, value in reversed(options) if name == "cpu"), "native")
    switches = [] if level == "native" else extensions(level)  # before a configuration looks
    config = wasmtime.Config()
    for flag in switches:
        set_flag(config, f"{flag}=false")
    if winch:
        choose(config, WINCH)
    for feature, since in FEATURES.items():
        if since <= VERSION and (not winch or winch_has(feature)) and switch_on(config, feature):
            SWITCHED_ON.append(feature)
    if hasattr(type(config), "shared_memory"):
        config.shared_memory = True
    for name, value in options:
        if name == "opt":
            config.cranelift_opt_level = value
        elif name == "cranelift-flag":
            set_flag(config, value)
        elif name == "fuel":
            config.consume_fuel = True
    return wasmtime.Engine(config)


def extensions(level: str) -> list[str]:
    """Return Cranelift's flags to switch off for a level; without such flags none.

    Then the processor is made to look as if it were of that level.
    """
    try:
        if hasattr(library(), "wasmtime_config_cranelift_flag_set"):
            return cpu.flags(level)
        cpu.hide(library(), level)
    except cpu.CannotHideError as error:
        sys.exit(f"cpu={level}: {error}")
    return []


WINCH = 2
"""Its number in the enumeration of compilers that lies behind the C interface."""


def choose(config: Any, compiler: int) -> None:
    """Have a compiler by its number."""
    setter = library().wasmtime_config_strategy_set
    setter.argtypes = [ctypes.c_void_p, ctypes.c_uint8]
    setter.restype = None
    setter(pointer(config), compiler)


def compiled_by(compiler: int) -> bytes:
    """Return what a compiler makes of a small function, with all that comes with it."""
    config = wasmtime.Config()
    choose(config, compiler)
    return bytes(wasmtime.Module(wasmtime.Engine(config), PROBE).serialize())


PROBE = bytes.fromhex("0061736d010000000105016000017f030201000a0c010a00410141026a41036a0b")
"""A function that Cranelift folds into one constant, and Winch does not."""


def prove_winch() -> None:
    """Exit where the release has no Winch behind its number."""
    if not in_child(lambda: compiled_by(WINCH) != compiled_by(1)):
        sys.exit("this release of wasmtime has no compiler Winch that could be chosen")


def winch_has(feature: str) -> bool:
    """Return whether Winch compiles modules with a feature switched on."""

    def try_it() -> bool:
        config = wasmtime.Config()
        choose(config, WINCH)
        if not switch_on(config, feature):
            return False
        wasmtime.Module(wasmtime.Engine(config), PROBE)
        return True

    return in_child(try_it)


def in_child(do: Callable[[], bool]) -> bool:
    """Return what a function returns in a process of its own; False where that dies."""
    child = os.fork()
    if child == 0:
        done = False
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 2)
            done = do()
        finally:
            os._exit(0 if done else 1)
    return os.waitpid(child, 0)[1] == 0


def switch_on(config: Any, feature: str) -> bool:
    """Switch a feature on by its property or the C interface; return whether it has either."""
    name = f"wasm_{feature}"
    if isinstance(getattr(type(config), name, None), property):
        setattr(config, name, True)
        return True
    setter = getattr(library(), f"wasmtime_config_{name}_set", None)
    if setter is not None:
        setter.argtypes = [ctypes.c_void_p, ctypes.c_bool]
        setter.restype = None
        setter(pointer(config), True)
    return setter is not None


def set_flag(config: Any, flag: str) -> None:
    """Set one of Cranelift's own flags, `name` or `name=value`."""
    name, equals, value = flag.partition("=")
    function = "wasmtime_config_cranelift_flag_" + ("set" if equals else "enable")
    setter = getattr(library(), function, None)
    if setter is None:
        sys.exit(f"this release of wasmtime takes no Cranelift flags ({flag})")
    setter.argtypes = [ctypes.c_void_p] + [ctypes.c_char_p] * (2 if equals else 1)
    setter.restype = None
    setter(pointer(config), name.encode(), *([value.encode()] if equals else []))


def library() -> Any:
    """Return the wheel's shared library, which its own package has loaded."""
    from wasmtime import _ffi  # noqa: PLC0415

    return _ffi.dll


def pointer(wrapped: Any) -> Any:
    """Return the C pointer that an object of the package wraps."""
    inner = wrapped.ptr() if callable(getattr(wrapped, "ptr", None)) else wrapped._ptr  # noqa: SLF001
    return ctypes.cast(inner, ctypes.c_void_p)


def message_of(error: BaseException) -> str:
    """Return an error's own words."""
    text = getattr(error, "message", None)
    return text if isinstance(text, str) else str(error)


def fail(error: Exception) -> host.Failed:
    """Return the outcome that an error of the package stands for."""
    if isinstance(error, wasmtime.Trap):
        if NO_FUEL in message_of(error):
            return host.Failed("trap", message_of(error), "OUT_OF_FUEL")
        frames, _, cause = message_of(error).rpartition("Caused by:")
        if VERSION >= GC_SINCE and "wasm trap: " in cause:
            return host.Failed("trap", f"{frames[:FRAMES]}Caused by:{cause}")
        try:
            code = error.trap_code
        except (AttributeError, ValueError):  # older, or newer than its own enumeration
            code = None
        return host.Failed("trap", message_of(error), "" if code is None else str(code.name))
    return host.Failed("error", message_of(error))


class Program:
    """A module, its store and its instance."""

    def __init__(self, module: Any, fuel: int | None) -> None:
        self.module = module
        self.fuel = fuel
        self.added = 0
        self.store: Any = wasmtime.Store(ENGINE)
        self.exports: Any = None

    def refuel(self) -> None:
        """Fill up before a step."""
        if self.fuel is None:
            return
        if hasattr(self.store, "set_fuel"):
            self.store.set_fuel(self.fuel)
            return
        wanted = self.fuel + self.store.fuel_consumed()
        self.store.add_fuel(wanted - self.added)
        self.added = wanted

    def instantiate(self, imports: list[dict[str, Any]], log: list[Any]) -> None:
        """Build the stand-ins in the module's order and instantiate."""
        wanted = self.module.imports
        if len(wanted) != len(imports):
            raise host.Failed("link", f"{len(wanted)} imports wanted, {len(imports)} described")
        try:
            self.refuel()
            given = [
                self.stand_in(place, item, kind.type, log)
                for place, (item, kind) in enumerate(zip(imports, wanted, strict=True))
            ]
            self.exports = wasmtime.Instance(self.store, self.module, given).exports(self.store)
        except host.Failed:
            raise
        except Exception as error:  # whatever it is, it is this step's outcome
            failed = fail(error)
            if not isinstance(error, (wasmtime.Trap, wasmtime.WasmtimeError)):
                failed.data["kind"] = "unsupported"  # the package's own: it has no such object
            elif "unknown extern" in message_of(error):
                failed.data["kind"] = "unsupported"
            elif failed.data["kind"] == "error":
                failed.data["kind"] = "link"
            raise failed from error

    def stand_in(self, place: int, item: dict[str, Any], kind: Any, log: list[Any]) -> Any:
        """Return what stands in for one import."""
        if item["kind"] == "func":
            called = host.recorder(
                place, item, log, self.store.gc, stress=STRESS, call=self.call_back
            )
            return wasmtime.Func(self.store, kind, called)
        if item["kind"] == "global":
            return wasmtime.Global(self.store, kind, value(item["value"]))
        if item["kind"] == "memory":
            if item["shared"]:
                return wasmtime.SharedMemory(ENGINE, kind)
            return wasmtime.Memory(self.store, kind)
        if item["kind"] == "table":
            return wasmtime.Table(self.store, kind, value(f"{item['element']}:null"))
        raise host.Failed("unsupported", f"the Python package makes no {item['kind']}")

    def call(self, export: str, args: list[str], results: list[str]) -> list[str]:
        """Call an export."""
        try:
            function = self.exports[export]
        except KeyError as error:
            raise host.Failed("unsupported", f"no export {export!r} is seen") from error
        if "exnref" in results:  # some releases stop the process as not implemented
            raise host.Failed("unsupported", "the Python package returns no exnref")
        given = [value(text) for text in args]
        if STRESS:
            self.store.gc()
        self.refuel()
        try:
            back = function(self.store, *given)
        except Exception as error:  # whatever it is, it is this step's outcome
            raise fail(error) from error
        back = [] if not results else back if isinstance(back, list) else [back]
        return [host.wire(kind, item) for kind, item in zip(results, back, strict=True)]

    def call_back(self, export: str, args: list[str], results: list[str]) -> list[str] | None:
        """Call an export in a function that the guest has called; None before it has started.

        A trap goes on through that function; an exception cannot, in this package.
        """
        if self.exports is None:
            return None
        try:
            back = self.exports[export](self.store, *map(value, args))
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            words = message_of(error)
            if "uncaught" not in words and "thrown Wasm exception" not in words:
                raise
            text = "the Python package carries no exception through a function of the host's"
            raise host.Failed("unsupported", text) from error
        back = [] if not results else back if isinstance(back, list) else [back]
        return [host.wire(kind, item) for kind, item in zip(results, back, strict=True)]

    def close(self) -> None:
        """Free the instance now rather than when the collector comes by."""
        self.exports = None
        if hasattr(self.store, "close"):
            self.store.close()
            self.module.close()


def value(text: str) -> Any:
    """Return what the package takes for a value."""
    kind, given = host.number(text)
    if kind in ("i32", "i64", "f32", "f64"):
        return getattr(wasmtime.Val, kind)(given)
    if kind == "funcref":
        return wasmtime.Val.funcref(None)
    if kind == "externref":
        return wasmtime.Val.externref(None)
    raise host.Failed("unsupported", f"the Python package passes no {kind}")


def compile_module(binary: bytes, fuel: int | None) -> Program:
    """Compile; raises `Failed`."""
    try:
        module = wasmtime.Module(ENGINE, binary)
    except Exception as error:  # whatever it is, it is this step's outcome
        raise host.Failed("rejected", message_of(error)) from error
    return Program(module, DEFAULT_FUEL if fuel is None or DEFAULT_FUEL is None else fuel)


SWITCHED_ON: list[str] = []
OPTIONS = json.loads(sys.argv[5])
STRESS = ["gc", "stress"] in OPTIONS
DEFAULT_FUEL = next((int(value) for name, value in OPTIONS if name == "fuel"), None)
ENGINE = configure(OPTIONS)

if __name__ == "__main__":
    about = {"version": sys.argv[4], "features": SWITCHED_ON}
    host.serve(host.descriptors(), about, compile_module)
