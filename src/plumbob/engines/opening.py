"""The door to the engines: a name in, a running engine out.

The reference, `plumbob`, is no worker of this kind: who compares engines runs it in its own
way and gives its answers as `request.Answer` too.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from plumbob.engines import install, workers
from plumbob.engines.cache import Cache
from plumbob.engines.engine import Engine
from plumbob.engines.errors import StartError
from plumbob.engines.kinds import KINDS, REFERENCE
from plumbob.engines.optimiser import Optimiser
from plumbob.engines.process import Command, Limits
from plumbob.engines.spec import EngineSpec, parse_spec, release_key
from plumbob.engines.tool import TOOL
from plumbob.engines.traps import judge
from plumbob.engines.validator import Validator
from plumbob.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


HARNESSES = Path(workers.__file__).parent


def open_engine(
    name: str | EngineSpec,
    cache: Cache | None = None,
    limits: Limits | None = None,
    announce: Callable[[str], None] | None = None,
) -> Engine:
    """Return a running engine, installed first where it is missing.

    Raises `UsageError` for what names no engine that runs modules, `RegistryError`,
    `InstallError`, and `StartError`.
    """
    spec = parse_spec(name) if isinstance(name, str) else name
    if spec.kind == REFERENCE:
        raise UsageError(f"{REFERENCE} is the reference and runs in no worker")
    if KINDS[spec.kind].optimises:
        raise UsageError(f"{spec.kind} is an optimiser and runs no module")
    if KINDS[spec.kind].validates:
        raise UsageError(f"{spec.kind} is a validator and runs no module")
    cache = Cache() if cache is None else cache
    version, held = install.hold(spec, cache, announce)
    try:
        command = command_of(spec, version, held.path)
        engine = Engine(spec, version, command, limits or Limits(), partial(judge, spec.kind))
    except BaseException:
        held.close()
        raise
    return engine.keep(held)


def open_optimiser(
    name: str | EngineSpec,
    cache: Cache | None = None,
    limits: Limits | None = None,
    announce: Callable[[str], None] | None = None,
) -> Optimiser:
    """Return a running optimiser, installed first where it is missing.

    It runs in the Node that the machine has, or, where there is none that can, in the newest
    that is published.
    Raises as `open_engine` does.
    """
    spec = parse_spec(name) if isinstance(name, str) else name
    if not KINDS[spec.kind].optimises:
        raise UsageError(f"{spec.kind} is no optimiser")
    if spec.kind == TOOL:
        raise UsageError(f"a {spec.kind} is a command and no release")
    cache = Cache() if cache is None else cache
    version, held = install.hold(spec, cache, announce)
    both = [held]
    try:
        optimiser = None
        node = shutil.which("node")
        if node is not None:
            with contextlib.suppress(StartError):  # too old for us, or for this release
                optimiser = Optimiser(spec, version, node, held.path, limits or Limits())
        if optimiser is None:
            _, host = install.hold(parse_spec("node"), cache, announce)
            both.append(host)
            node = str(host.path / str(KINDS["node"].binary))
            optimiser = Optimiser(spec, version, node, held.path, limits or Limits())
    except BaseException:
        for one in both:
            one.close()
        raise
    return optimiser.keep(*both)


def open_validator(
    spec: EngineSpec,
    cache: Cache | None = None,
    limits: Limits | None = None,
    announce: Callable[[str], None] | None = None,
) -> Validator:
    """Return a validator, installed first where it is missing; raises as `open_engine` does."""
    version, held = install.hold(spec, Cache() if cache is None else cache, announce)
    return Validator(spec, version, held.path, limits or Limits()).keep(held)


def command_of(spec: EngineSpec, version: str, folder: Path) -> Command:
    """Return how the worker of an installed engine is started."""
    if KINDS[spec.kind].binary is None:
        return _python_command(spec, version, folder)
    return _javascript_command(spec, version, folder / str(KINDS[spec.kind].binary))


def _python_command(spec: EngineSpec, version: str, folder: Path) -> Command:
    harness = HARNESSES / f"{spec.kind}_host.py"
    arguments = (
        sys.executable, "-I", "-S", str(harness), "{in}", "{out}", str(folder), version,
        json.dumps(spec.options),
    )  # fmt: skip
    flags = tuple(f"{name}={value}" for name, value in spec.options)
    return Command(arguments, {}, bounded_space=spec.kind not in _RESERVING, flags=flags)


_RESERVING = ("wasmtime", "spidermonkey")
"""Engines in Python's process that reserve address space far beyond their use."""


def _javascript_command(spec: EngineSpec, version: str, binary: Path) -> Command:
    harness = str(HARNESSES / "javascript.mjs")
    tier = spec.option("tier")
    # A first call runs in BBQ while OMG compiles, and natural tiers follow what was called.
    words = [f"warm={count}" for count in (_WARM.get(tier),) if count]
    words += ["stress"] if spec.option("gc") == "stress" else []
    tail = ("{in}", "{out}", *words)
    if spec.kind == "bun":
        settings = _jsc_settings(spec, version)
        shown = tuple(f"{name}={value}" for name, value in settings.items())
        return Command((str(binary), "run", harness, *tail), settings, flags=shown)
    flags = _v8_flags(spec)
    if spec.kind == "node":
        return Command((str(binary), _COLLECTOR, *flags, harness, *tail), {}, flags=flags)
    # Deno opens descriptors by their path, and may do nothing else.
    arguments = (
        str(binary), "run", "--quiet", "--no-config", "--no-remote", "--cached-only",
        "--allow-read=/dev/fd,/proc", "--allow-write=/dev/fd,/proc",
        f"--v8-flags={','.join((_COLLECTOR, *flags))}", harness, *tail,
    )  # fmt: skip
    return Command(arguments, {"DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}, flags=flags)


_WARM = {"omg": 1, "natural": 200}
"""How often a call is made before the one that counts, by tier."""

_COLLECTOR = "--expose-gc"
"""V8's flag that gives the harness a function that collects; it changes no code."""

_V8_TIERS = {
    "turbofan": ("--no-liftoff",),
    "liftoff": ("--liftoff-only",),
    # As it comes, but sooner, and without a thread whose end nobody sees.
    "natural": ("--wasm-tiering-budget=1000", "--wasm-sync-tier-up"),
}

_V8_BASELINE = (
    "--no-enable-avx2", "--no-enable-avx", "--no-enable-fma3", "--no-enable-sse4-2",
    "--no-enable-bmi1", "--no-enable-bmi2", "--no-enable-lzcnt", "--no-enable-popcnt",
)  # fmt: skip
"""V8 has no vectors without SSE 4.1."""

_V8_STRESS = ("--gc-interval=100", "--stress-compaction", "--random-seed=1")


def _v8_flags(spec: EngineSpec) -> tuple[str, ...]:
    """Return the flags that say how V8 compiles and collects; given ones come last."""
    flags = _V8_TIERS[spec.option("tier")]
    flags += _V8_BASELINE if spec.option("cpu") == "baseline" else ()
    flags += _V8_STRESS if spec.option("gc") == "stress" else ()
    return flags + tuple(f"--{flag.lstrip('-')}" for flag in spec.all("v8-flag"))


_JSC_EAGER = {
    "useConcurrentJIT": "0",
    "useWasmIPInt": "0",
    "thresholdForBBQOptimizeAfterWarmUp": "0",
    "thresholdForBBQOptimizeSoon": "0",
    "thresholdForOMGOptimizeAfterWarmUp": "0",
    "thresholdForOMGOptimizeSoon": "0",
}
"""Counters at nought: whoever calls a function waits for its compiler."""

_JSC_TIERS = {
    "omg": {**_JSC_EAGER, "useBBQJIT": "1", "useOMGJIT": "1"},
    "bbq": {**_JSC_EAGER, "useBBQJIT": "1", "useOMGJIT": "0"},
    "interpreter": {"useBBQJIT": "0", "useOMGJIT": "0"},
    "natural": {
        "useConcurrentJIT": "0",
        "thresholdForBBQOptimizeAfterWarmUp": "10",
        "thresholdForOMGOptimizeAfterWarmUp": "100",
    },
}

_JSC_LONG_NAMES = (1, 1, 18), (1, 1, 22)
"""Releases of bun, the second not included, that spell `Wasm` in settings `WebAssembly`; they
do not start with a setting that they do not know."""

_JSC_STRESS = {"slowPathAllocsBetweenGCs": "10", "scribbleFreeCells": "1"}


def _jsc_settings(spec: EngineSpec, version: str) -> dict[str, str]:
    """Return the settings that say how JavaScriptCore compiles and collects."""
    settings = dict(_JSC_TIERS[spec.option("tier")])
    settings |= _JSC_STRESS if spec.option("gc") == "stress" else {}
    for flag in spec.all("jsc-flag"):
        name, equals, value = flag.partition("=")
        settings[name] = value if equals else "1"
    first, end = _JSC_LONG_NAMES
    long = first <= release_key(version) < end
    return {
        f"BUN_JSC_{name.replace('Wasm', 'WebAssembly') if long else name}": value
        for name, value in settings.items()
    }
