"""`scrape verify`: proves the guarantees of a crawl before it runs.

Owns: the words of this command and its exit code.
Must not know: how anything is proved.
"""

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import msgspec
from msgspec import Struct

from scraper_cpn.analysis.compiled import Builder, explorer_of
from scraper_cpn.analysis.monitor import Everything
from scraper_cpn.analysis.plain import PlainNet
from scraper_cpn.analysis.pnml import read_pnml
from scraper_cpn.analysis.processes import processors
from scraper_cpn.analysis.space import Space
from scraper_cpn.analysis.stubborn import StubbornExplorer
from scraper_cpn.analysis.symmetric import PnmlError
from scraper_cpn.analysis.verdict import Report
from scraper_cpn.cli.arguments import ON_COMMAND_LINE, given_options, parse
from scraper_cpn.cli.job import crawl_in, loaded, mistake_in
from scraper_cpn.cli.streams import teller
from scraper_cpn.net import NetError
from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.kernels import searching
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.options.read import crawl_options, own_options, settings_from
from scraper_cpn.scrape.options.table import SWITCH, Option
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.scrape.verify import verify_crawl

_REDUCE = Option(
    name="reduce", kind=SWITCH, group="", help="count dead states alone, in fewer states"
)
_HELP = """\
usage: scrape verify [PROGRAM.py] [OPTION...]

Proves the guarantees of a crawl before it runs: what is conserved, what never
happens, what always ends, for every order in which its work can end, with slow
connections, lost work and a stop at any moment. It takes the options of a crawl,
and fetches nothing.

  scrape verify                                   with default options
  scrape verify --per-domain 4 --max-pages 100    with these limits
  scrape verify --config crawl.toml               with those of a file
  scrape verify program.py                        with those of a program, or with
                                                  its subclass of Policy or ScrapeNet
  scrape verify --kernel native                   in machine code, built once
  scrape verify --json                            for machines
  scrape verify model.pnml                        size of any net in PNML
  scrape verify model.pnml --reduce               its dead states alone, with fewer
                                                  states on the way to them

A claim for `all sizes` follows from the net's declaration; any other holds for
the small crawls that are named. `gave up` and `not proved` are not proofs. Exit
code 0: every claim is proved; 1: at least one is not; the counterexample is shown
if there is one.
"""


def verify_command(argv: Sequence[str]) -> int:
    """Prove the requested guarantees and print the verdicts. Raises `UsageError`."""
    arguments = parse(argv, (*ON_COMMAND_LINE, _REDUCE))
    if "help" in arguments.options:
        sys.stdout.write(_HELP)
        return 0
    reduce = arguments.options.pop(_REDUCE.key, None) is not None
    given = given_options(arguments)
    own = own_options(given)
    unfit = [f"--{key}" for key in own if key not in {"json", "quiet", "input", "output"}]
    if unfit:
        raise UsageError(f"{unfit[0]}: has no meaning for a proof; leave it out")
    tell = teller(silent=bool(own.get("quiet") or own.get("json")))
    if len(arguments.words) == 1 and arguments.words[0].endswith((".pnml", ".xml")):
        settings = settings_from(crawl_options(given))
        if reduce:
            return _dead_in(arguments.words[0], settings)
        return _size_of(arguments.words[0], searching(settings, tell))
    if reduce:
        raise UsageError(
            "verify: --reduce: keeps the dead states of a net in PNML and no other question; leave it out"
        )
    if len(arguments.words) > 1:
        raise UsageError(
            f"verify: {arguments.words[1]}: give one program and no URLs; a proof fetches nothing"
        )
    asked = _asked(arguments.words[0]) if arguments.words else _Asked({})
    settings = settings_from({**asked.options, **crawl_options(given)})
    builder = searching(settings, tell)
    tell("looking at every order of events; this takes some seconds")
    alone = threading.active_count() == 1  # a process with threads can't be forked safely
    processes = processors() if alone else 1
    try:
        report = verify_crawl(
            settings, policy=asked.policy, net=asked.net, processes=processes, builder=builder
        )
    except NetError as error:
        raise UsageError(f"verify: {error}") from None
    sys.stdout.write(_json(report) if own.get("json") else f"{report}\n")
    return 0 if report.ok else 1


class _Asked(Struct, frozen=True):
    """What a program has to be proved."""

    options: Mapping[str, Any]
    policy: Callable[[Settings], Policy] = Policy
    net: Callable[[Policy], ScrapeNet] = ScrapeNet


def _asked(path: str) -> _Asked:
    """The crawl of a program, or its policy or net, or several of these. Raises `UsageError`."""
    module = loaded(path)
    policies, nets = _own(module, path, Policy), _own(module, path, ScrapeNet)
    crawls = any(isinstance(value, Crawl) for value in vars(module).values())
    options = crawl_in(module, path).options if crawls or not (policies or nets) else {}
    policy, net = policies or Policy, nets or ScrapeNet
    return _Asked(options, partial(_made, path, policy), partial(_made, path, net))


def _made(path: str, make: Any, given: Any) -> Any:
    """What a class of a program makes; what it raises is one line."""
    try:
        return make(given)
    except NetError:
        raise
    except Exception as error:
        raise UsageError(f"verify: {mistake_in(path, error)}") from error


def _own(module: ModuleType, path: str, base: type[Any]) -> Any:
    """The subclass that a program declares, and bases nothing else on; None without one."""
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == module.__name__
    ]
    last = [
        one for one in found if not any(issubclass(each, one) and each is not one for each in found)
    ]
    if len(last) > 1:
        names = ", ".join(each.__name__ for each in last)
        raise UsageError(
            f"verify: {path} has several subclasses of {base.__name__}: {names}; leave one"
        )
    return last[0] if last else None


def _size_of(path: str, builder: Builder | None) -> int:
    """Print how many states, edges and deadlocks the net in a file has."""
    space = explorer_of(_read(path), [Everything()], builder=builder).run()
    size = f"{space.states:,} states, {space.edges:,} edges, {len(space.dead):,} dead"
    return _said(space, size)


def _dead_in(path: str, settings: Settings) -> int:
    """Print how many dead states the net in a file has, found in a reduced graph. Raises `UsageError`."""
    if settings.kernel == "native":
        raise UsageError("verify: --reduce: looks at states in Python; leave out --kernel native")
    space = StubbornExplorer(_read(path)).run()
    dead = f"{len(space.dead):,} dead; reduced: {space.states:,} states were seen"
    return _said(space, dead)


def _said(space: Space, found: str) -> int:
    """Print what was found in a net, and what stopped the search if something did; returns the exit code."""
    stopped = "" if space.whole else f"; gave up at {space.why}"
    sys.stdout.write(f"{space.plain.name}: {found}{stopped}\n")
    return 0 if space.whole else 1


def _read(path: str) -> PlainNet:
    """The net in a file. Raises `UsageError`."""
    try:
        return read_pnml(path)
    except PnmlError as error:
        raise UsageError(f"verify: {error}") from None


def _json(report: Report) -> str:
    rows = [
        {
            "claim": verdict.claim,
            "verdict": verdict.status,
            "for": verdict.scope,
            "how": verdict.how,
            "assumes": verdict.assumes,
            "states": verdict.states,
            "seconds": verdict.seconds,
            "why": verdict.why,
            "story": verdict.story,
        }
        for verdict in report.verdicts
    ]
    return msgspec.json.encode({"ok": report.ok, "verdicts": rows}).decode() + "\n"
