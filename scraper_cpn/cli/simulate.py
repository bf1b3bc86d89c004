"""`scrape simulate`: the same net in virtual time, on a synthetic web.

Owns: the web's parameters as words (`hosts=20`), and the report at the end.
Must not know: how virtual time works, how a crawl decides.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from scraper_cpn.cli.arguments import parse
from scraper_cpn.cli.files import check_writable
from scraper_cpn.cli.streams import teller
from scraper_cpn.scrape.account.ledger import Ledger
from scraper_cpn.scrape.account.report import FailureGroup
from scraper_cpn.scrape.kernels import Prepared, prepare
from scraper_cpn.scrape.options.quantities import duration, duration_text
from scraper_cpn.scrape.options.read import crawl_options, likely, own_options, settings_from
from scraper_cpn.scrape.policy import first_policy
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from scraper_cpn.scrape.virtual import EPOCH_NS, virtual_crawl
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec

_PARAMETERS = {name.removesuffix("_ns"): name for name in WebSpec.__struct_fields__}
_NUMBERS = {"int": "give a whole number", "float": "give a number"}
"""What msgspec expects, in words."""
_HELP = """\
usage: scrape simulate [NAME=VALUE...] [OPTION...]

Crawls a synthetic web in virtual time, with the net and the options of a real
crawl, and says how long that would take. The same seed gives the same trace,
byte for byte.

  scrape simulate hosts=20 pages=40 fail=0.1 latency=30ms --delay 0.2
  scrape simulate hosts=3 robots=delay crawl_delay=5s --seed 7 --trace t.jsonl

parameters of the web:
"""


class SimulationResult(Struct, frozen=True):
    """The result of a virtual crawl."""

    ended: str
    virtual_ns: int
    """How long the crawl took in virtual time."""
    requests: int
    """The number of requests, including those for robots.txt."""
    stored: int
    failed: int
    skipped: int
    failures: tuple[FailureGroup, ...]


def simulate(argv: Sequence[str]) -> int:
    """Run a virtual crawl and print its result. Raises `UsageError`."""
    arguments = parse(argv)
    if "help" in arguments.options:
        sys.stdout.write(_HELP + "".join(f"  {line}\n" for line in _parameter_lines()))
        return 0
    given = arguments.options
    own = own_options(given)
    unfit = [f"--{key}" for key in own if key not in {"trace", "json", "quiet"}]
    unfit += ["--since"] * ("since" in given)
    if unfit:
        raise UsageError(f"{unfit[0]}: has no meaning in a simulation; leave it out")
    if "trace" in own:
        check_writable("--trace", own["trace"])
    settings = settings_from(crawl_options(given))
    tell = teller(silent=bool(own.get("quiet") or own.get("json")))
    web = _web(arguments.words, settings)
    policy = first_policy(settings, web.seeds(), fed=False)
    prepared = prepare(policy, traced="trace" in own, tell=tell)
    account = _run(prepared, web, own.get("trace"))
    if own.get("json"):
        sys.stdout.write(msgspec.json.encode(account).decode() + "\n")
    elif not own.get("quiet"):
        sys.stdout.write(_result_text(account))
    return 0


def _web(words: Sequence[str], settings: Settings) -> SyntheticWeb:
    parameters: dict[str, Any] = {"seed": settings.seed}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in _PARAMETERS:
            raise UsageError(
                f"simulate: {word}: not a parameter of the web{likely(name, _PARAMETERS)}; "
                "write NAME=VALUE; see scrape simulate --help"
            )
        parameters[_PARAMETERS[name]] = _value(name, text)
    try:
        return SyntheticWeb(msgspec.convert(parameters, WebSpec, strict=False))
    except ValueError as error:
        raise UsageError(f"simulate: {_mistake(error)}; see scrape simulate --help") from None


def _mistake(error: ValueError) -> str:
    """Return what is wrong with a parameter, its name first; msgspec puts it last, as a JSON path."""
    what, _, parameter = str(error).partition(" - at `$.")
    for kind, advice in _NUMBERS.items():
        what = what.replace(f"Expected `{kind}`, got `str`", advice)
    return f"{parameter.removesuffix('`')}: {what}" if parameter else what


def _value(name: str, text: str) -> Any:
    if _PARAMETERS[name].endswith("_ns"):
        try:
            return duration(text)
        except ValueError as error:
            raise UsageError(f"simulate: {name}={text}: {error}") from None
    return tuple(text.split(",")) if name in {"robots", "fail_kinds", "redirect_kinds"} else text


def _run(prepared: Prepared, web: SyntheticWeb, trace: str | None) -> SimulationResult:
    ledger = Ledger()
    heard: list[int] = []
    with ExitStack() as stack:
        file = None
        if trace is not None:
            file = stack.enter_context(Path(trace).open("w", encoding="utf-8"))
        run = virtual_crawl(
            prepared.net.policy.settings,
            web,
            web.seeds(),
            trace=file,
            heard=lambda start_ns, *_: heard.append(start_ns),
            on_rows=lambda rows: ledger.take(row.colour for row in rows),
            prepared=prepared,
        )
    virtual_ns = run.now_ns - EPOCH_NS
    groups = tuple(ledger.groups())
    counts = (len(heard), ledger.stored, ledger.failed, ledger.skipped)
    return SimulationResult(str(run.ended), virtual_ns, *counts, groups)


def _result_text(account: SimulationResult) -> str:
    lines = [
        f"{account.ended} after {account.virtual_ns / SECOND:,.1f} s of virtual time",
        f"{account.stored} pages stored, {account.requests} requests",
        f"{account.failed} failed, {account.skipped} skipped",
    ]
    lines += [f"  {group.count:>6}  {group.kind}: {group.meaning}" for group in account.failures]
    return "\n".join(lines) + "\n"


def _parameter_lines() -> list[str]:
    spec = WebSpec()
    return [
        f"{name:<16} {_shown(field, getattr(spec, field))}" for name, field in _PARAMETERS.items()
    ]


def _shown(field: str, value: Any) -> str:
    if field.endswith("_ns"):
        return duration_text(value)
    return ",".join(value) if isinstance(value, tuple) else str(value)
