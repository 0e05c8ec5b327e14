"""`plumbob hunt`: generate programs, compare engines on them, reduce what is wrong."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from plumbob.cli import outputs
from plumbob.cli.options import common, json_option
from plumbob.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.hunt.campaign import Hunt, Told
    from plumbob.hunt.store import Finding, Store

    _FloatType = click.ParamType[float]
else:
    _FloatType = click.ParamType

UNITS = {"s": 1, "m": 60, "h": 3600}


class Duration(_FloatType):
    """A time such as `90s`, `10m`, `1.5h`; a number alone is seconds."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        if match is None or not float(match[1]):
            self.fail(f"{value!r} is no time: 90s, 10m or 1.5h", param, ctx)
        return float(match[1]) * UNITS.get(match[2], 1)


@click.command(short_help="Find programs that engines get wrong, and reduce them.")
@click.option(
    "-e",
    "--engine",
    "engines",
    metavar="ENGINE",
    multiple=True,
    required=True,
    help="An engine or optimiser, as KIND==VERSION[:OPTION=VALUE,...]; may be repeated.",
)
@click.option("--time", "seconds", type=Duration(), metavar="10m", help="How long to hunt.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="How many programs to make.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="How many processes.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, (1 << 63) - 1),
    default=0,
    show_default=True,
    help="What the programs depend on.",
)
@click.option(
    "--out",
    metavar="DIR",
    default="hunt",
    show_default=True,
    help="The folder of what is found; made where it is missing.",
)
@click.option("--store", "url", metavar="URL", help="A store elsewhere: postgresql+psycopg://…")
@click.option(
    "--size",
    type=click.IntRange(5, 5000),
    default=60,
    show_default=True,
    metavar="N",
    help="How many operators a program has, about.",
)
@click.option(
    "--strategies",
    metavar="LIST",
    help="Weights of the generator's strategies: `across-loop=20,throw=0`; `help` lists them.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an engine may take for one call.",
)
@click.option("--resume", is_flag=True, help="Go on with the campaign in DIR.")
@click.option("--no-bisect", is_flag=True, help="Do not look for the releases that are wrong.")
@json_option
@common
def command(  # noqa: PLR0913  # one parameter an option
    *,
    engines: tuple[str, ...],
    seconds: float | None,
    count: int | None,
    jobs: int,
    seed: int,
    out: str,
    url: str | None,
    size: int,
    strategies: str | None,
    timeout: float,
    resume: bool,
    no_bisect: bool,
    as_json: bool,
) -> ExitCode:  # fmt: skip
    """Find programs that engines get wrong.

    Valid programs that end are generated and run on the engines and on the reference. Each
    program on which an engine is wrong is kept, reduced to the smallest that shows it, and
    bisected by releases. Interrupted, the campaign loses at most the programs at hand; the
    same command with --resume goes on.

    Exit status 1: something was found.
    """
    from pathlib import Path

    weights = _weights(strategies)
    if strategies == "help":
        return _list_strategies()
    from plumbob.hunt.campaign import Hunt, Settings

    if seconds is None and count is None:
        seconds = 600.0
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        engines, seed, jobs, seconds, count, size, weights, timeout,
    )  # fmt: skip
    with _open(url, folder) as store:
        hunt = Hunt(settings, store)
        _install(engines)
        hunt.resume() if resume else hunt.begin()
        progress = _Progress(as_json=as_json)
        try:
            hunt.run(progress)
        finally:
            progress.end()
        if not no_bisect:
            _bisect(hunt, store, timeout)
        paths = _write(hunt, store, folder)
        return _tell(hunt, paths, as_json=as_json)


def _weights(text: str | None) -> dict[str, int]:
    if text in (None, "help"):
        return {}
    from plumbob.hunt.generator.strategies import NAMES

    weights = {}
    for word in filter(None, (part.strip() for part in str(text).split(","))):
        name, equals, value = word.partition("=")
        if name not in NAMES:
            raise UsageError(
                f"there is no strategy {name!r}", expected="`--strategies help` lists them"
            )
        if not equals or not value.isdecimal() or int(value) > 1000:
            raise UsageError(f"the weight of {name}", expected="0 to 1000", found=value or "none")
        weights[name] = int(value)
    return weights


def _list_strategies() -> ExitCode:
    from plumbob.hunt.generator.strategies import NAMES

    for name, weight in NAMES.items():
        outputs.say(f"{name}={weight}")
    return ExitCode.OK


def _open(url: str | None, folder: Path) -> Store:
    from plumbob.hunt.store import Store

    return Store.in_folder(folder) if url is None else Store(url)


def _install(engines: tuple[str, ...]) -> None:
    """Install what is missing, before the jobs begin; raises what is wrong with a name."""
    from plumbob.engines.cache import Cache
    from plumbob.triage.check.pool import Pool

    with Pool(cache=Cache(), announce=outputs.complain) as pool:
        for name in engines:
            pool.install(name)


class _Progress:
    """A line on the terminal that says how the campaign stands."""

    def __init__(self, *, as_json: bool) -> None:
        self._shown = not as_json and sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, told: Told) -> None:
        if self._shown:
            rate = told.modules / max(told.seconds, 0.001)
            text = (
                f"{told.modules} modules, {rate:.0f} a second, {told.findings} findings, "
                f"{told.shapes} distinct"
            )
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)


def _bisect(hunt: Hunt, store: Store, timeout: float) -> None:
    from plumbob.engines.cache import Cache
    from plumbob.engines.process import Limits
    from plumbob.hunt.causes import find_causes
    from plumbob.triage.check.pool import Pool

    findings = store.findings(hunt.campaign)
    if any(each.reduced is not None for each in findings):
        cache = Cache()
        with Pool(cache=cache, limits=Limits(seconds=timeout)) as pool:
            find_causes(store, findings, pool, cache, outputs.complain)


def _write(hunt: Hunt, store: Store, folder: Path) -> dict[int, tuple[str, str | None]]:
    """Write each finding's programs to files, and return their paths by the finding's id."""
    paths: dict[int, tuple[str, str | None]] = {}
    for each in store.findings(hunt.campaign):
        stem = f"{each.number:06d}-{re.sub(r'[^A-Za-z0-9.=-]+', '-', each.engine)}"
        module = folder / f"{stem}.wasm"
        module.write_bytes(each.module)
        reduced = None
        if each.text is not None:
            reduced = folder / f"{stem}.reduced.wat"
            reduced.write_text(each.text.replace("reduced.wat", reduced.name))
        paths[each.id] = (str(module), None if reduced is None else str(reduced))
    return paths


def _tell(hunt: Hunt, paths: dict[int, tuple[str, str | None]], *, as_json: bool) -> ExitCode:
    data = hunt.data()
    findings = hunt.store.findings(hunt.campaign)
    for told, each in zip(data["findings"], findings, strict=True):
        told["module"], told["reduced"] = paths[each.id]
    for fault in hunt.faults:
        outputs.complain(fault)
    if as_json:
        import json

        outputs.say(json.dumps(data, indent=2))
    else:
        rate = data["modules"] / max(data["seconds"], 0.001)
        outputs.say(f"{data['modules']} modules in {data['seconds']:.0f} s ({rate:.0f} a second).")
        _list(findings, paths)
    return ExitCode.FOUND if findings else ExitCode.OK


def _list(findings: Any, paths: dict[int, tuple[str, str | None]]) -> None:
    """Tell of each cause once, the smallest program first."""
    causes: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        causes.setdefault((each.engine, each.cause), []).append(each)
    for (engine, _), group in causes.items():
        smallest = min(group, key=lambda each: (each.instructions or 1 << 30, each.number))
        module, reduced = paths[smallest.id]
        size = f"{smallest.instructions} instructions" if smallest.instructions else "not reduced"
        since = _since(smallest)
        outputs.say(
            f"{engine}: {len(group)} finding{'s' * (len(group) > 1)}{since}; expected "
            f"{smallest.expected}, found {smallest.found}; {size}: {reduced or module}"
        )


def _since(finding: Finding) -> str:
    if not finding.ranges:
        return ""
    spans = [
        each["first_bad"]
        if each["first_bad"] == each["last_bad"]
        else f"{each['first_bad']} to {each['last_bad']}"
        for each in finding.ranges
    ]
    guilty = f", pass {finding.guilty}" if finding.guilty else ""
    return f", wrong in {', '.join(spans)}{guilty}"
