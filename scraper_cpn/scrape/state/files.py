"""State files of crawls: a new one, another run in one, one to go on with.

Owns: which store of which file a crawl gets, and what of a resumed crawl may change.
Must not know: the command line, how a crawl runs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec
from anyio import CancelScope
from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.net.marking import Standing
from scraper_cpn.run.clock import Clock
from scraper_cpn.scrape.items.outputs import CheckedOutput
from scraper_cpn.scrape.options.read import checked
from scraper_cpn.scrape.policy import sites_of
from scraper_cpn.scrape.redact import HARMLESS_HEADERS
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.scrape.state.metadata import fact_or_none
from scraper_cpn.scrape.state.packing import lacks_password
from scraper_cpn.scrape.state.run import (
    Kept,
    Opening,
    State,
    codec_of,
    ending,
    first_facts,
    kept,
    last_opening,
    opened,
)
from scraper_cpn.scrape.text import check_name
from scraper_cpn.scrape.trace import tracer
from scraper_cpn.store.reader import StateReader
from scraper_cpn.store.sqlite import SqliteStore, create, new_run, open_run

MAIN = "main"
"""The run of a state, where it has no other name."""


SCOPE = (
    "scope", "domains", "allow", "deny", "max_depth", "robots", "limit_by", "fields", "schema", "seed",
    "ageing_ns", "host_delay_ns", "per_host",
)  # fmt: skip
"""Settings that decide what a crawl is: it has them from its beginning. Ageing is one of them because
what waits already keeps its rank, and ranks of two periods can't be compared; limits of hosts are, because
the places of the net have other keys with them."""


class Past(Struct, frozen=True, kw_only=True):
    """What a state says of a crawl that goes on.

    Attributes:
        run: its name.
        opening: the laws of its last opening.
        kept: what was written down when it began.
        output: where its items were written beside the state; None: nowhere.
        length: of that output, as far as it counts; None: as far as it goes.
        ended: how it had ended; None if it was not over.
    """

    run: str
    opening: Opening
    kept: Kept
    output: str | None = None
    length: int | None = None
    ended: str | None = None


class Keeping(Struct, frozen=True, kw_only=True):
    """The state that a crawl is to be kept in.

    Attributes:
        path: its file.
        run: the crawl's name there; None for the usual one.
        past: what the state says of a crawl that goes on; None for a new one.
        program: the file of the program that has its page handlers.
        handled: whether a program has page handlers that no file is known of.
    """

    path: Path
    run: str | None = None
    past: Past | None = None
    program: str | None = None
    handled: bool = False

    @property
    def name(self) -> str:
        """The crawl's name in the state."""
        return self.past.run if self.past else self.run or MAIN

    def opening(self, settings: Settings, seeds: Sequence[str]) -> Opening:
        """The laws from now on. The sites stay what they were, for they are the scope.

        Those of the seeds as the suffix list has them today are added: links are compared with them.
        """
        before = self.past.opening.sites if self.past else ()
        return Opening(settings, tuple(dict.fromkeys([*before, *sites_of(settings, seeds)])))


class Beside(Struct, frozen=True):
    """Where items go beside the state.

    Attributes:
        output: a file, or `-`; None: nowhere.
        length: of that file, now that it is open; None where it has none.
    """

    output: str | None = None
    length: int | None = None

    def facts(self) -> list[tuple[str, bytes]]:
        """It, written down so that it is found again from any folder."""
        known = self.output in {None, "-"}
        where = self.output if known else str(Path(str(self.output)).absolute())
        return [
            ("output", msgspec.json.encode(where)),
            ("length", msgspec.json.encode(self.length)),
        ]


@asynccontextmanager
async def kept_in(
    keeping: Keeping,
    settings: Settings,
    seeds: Sequence[str],
    sink: CheckedOutput | None,
    output: str | None,
    *,
    trace: TextIO | None = None,
) -> AsyncIterator[State]:
    """Keep a crawl in a state: begin it there, or go on with it.

    Args:
        keeping: how.
        settings: from now on.
        seeds: of the crawl, normalised.
        sink: where items go beside the state, not open yet; it is closed at the end.
        output: the name of that.
        trace: gets a line of JSON for each event of the kernel.

    Raises:
        OutputError: the output can't be opened.
        StoreError: the state can't be made or opened, is not whole, or can't be written.
    """
    store: SqliteStore | None = None
    try:
        if keeping.past is not None:
            # The state first: while another process has it, its output is not ours to cut.
            store = open_run(keeping.path, keeping.past.run)
        elif sink is not None and sink.new:
            # Known before it is made: a process that is killed in between leaves no file that is in
            # the way when the crawl is begun again.
            store = _new_store(keeping, settings, seeds, Beside(output, 0))
        if sink is not None:
            await sink.open()
        beside = Beside(output, None if sink is None else sink.length)
        if store is None:
            store = _new_store(keeping, settings, seeds, beside)
        yield await opened(
            store,
            keeping.opening(settings, seeds),
            others=_pauses(keeping),
            facts=beside.facts(),
            trace=None if trace is None else tracer(trace),
        )
    finally:
        with CancelScope(shield=True):
            try:
                if sink is not None:
                    await sink.close()
            finally:
                if store is not None:
                    await store.close()


def _new_store(
    keeping: Keeping, settings: Settings, seeds: Sequence[str], beside: Beside
) -> SqliteStore:
    """A store in a new file, or of another run in a file that is there."""
    path, run = keeping.path, keeping.run
    hidden = [name for name, _ in settings.headers if name.lower() not in HARMLESS_HEADERS]
    keep = Kept(
        seeds=tuple(seeds),
        program=keeping.program,
        handled=keeping.handled,
        hidden_headers=tuple(hidden),
    )
    facts = first_facts(keeping.opening(settings, seeds), keep) | dict(beside.facts())
    if run is not None and path.exists():
        return new_run(path, run, facts)
    return create(path, keeping.name, facts)


def refuse_existing(path: Path, run: str | None) -> None:
    """Raise `UsageError` if a new crawl can't be kept in *path*, with what to do instead."""
    check_name("--state", path)
    if not path.exists():
        return
    with StateReader(path) as reader:
        names = [each.name for each in reader.runs()]
    if run is None:
        raise UsageError(
            f"--state {path}: it exists; go on with it: scrape resume {path}; "
            "or keep this crawl beside it: --run NAME"
        )
    if run in names:
        raise UsageError(
            f"--run {run}: {path} has a run of that name; go on with it: "
            f"scrape resume {path} --run {run}; or choose another name"
        )


def past(path: Path, run: str | None) -> Past:
    """What a state says of the run called *run*; None: of its only one. Raises `StoreError`."""
    with StateReader(path) as reader:
        facts = reader.run(run).facts()
        name = run or next(each.name for each in reader.runs())
    end = ending(facts)
    return Past(
        run=name,
        opening=last_opening(facts),
        kept=kept(facts),
        output=fact_or_none(facts, "output", str),
        length=fact_or_none(facts, "length", int),
        ended=end.how if end else None,
    )


def _pauses(keeping: Keeping) -> list[Standing]:
    """The pacing tokens of all other runs of a state.

    What a run had in flight when its process ended may have been asked a moment ago.
    """
    found: list[Standing] = []
    now_ns = Clock().now_ns()
    with StateReader(keeping.path) as reader:
        for each in reader.runs():
            if each.name == keeping.name:
                continue
            codec = codec_of(last_opening(each.facts).policy)
            pacing = (codec.net.domains.pacing.name, codec.net.proxies.pool.name)
            other = reader.run(each.name)
            found += map(codec.standing, other.tokens(pacing))
            spent = [token for row in other.saved().flights for token in codec.spent(row)]
            found += [
                replace(token, ready_at_ns=now_ns + token.colour.delay_ns)
                for token in spent
                if token.place in pacing
            ]
    return found


def changed(past: Past, given: Mapping[str, Any], new: Settings) -> Settings:
    """The settings of a crawl that goes on: those that it had, and what is given now.

    Args:
        past: what the state says.
        given: the names of the fields of `Settings` that are given.
        new: these fields; the others count for nothing.

    Raises:
        UsageError: something that is not stored has to be given again.
    """
    settings = replace(past.opening.settings, **{name: getattr(new, name) for name in given})
    if any(lacks_password(proxy) for proxy in settings.proxies):
        raise UsageError(
            "resume: the passwords of proxies are not kept in a state; give --proxies (or -x) again"
        )
    if past.kept.hidden_headers and "headers" not in given:
        names = ", ".join(past.kept.hidden_headers)
        raise UsageError(
            f"resume: the values of these headers are not kept in a state: {names}; give -H again"
        )
    if "per_proxy" in given and "proxies" not in given and settings.proxies:
        raise UsageError("--per-proxy: counts when proxies are read; give --proxies (or -x) again")
    return checked(settings)


def same_crawl(past: Past, settings: Settings) -> Settings:
    """*settings*, if they are those of the crawl that goes on as far as its scope goes.

    Raises:
        UsageError: they are not; it names the option.
    """
    for name in SCOPE:
        if getattr(settings, name) != getattr(past.opening.settings, name):
            raise UsageError(
                f"{name}: a crawl that is kept has the scope that it began with: "
                f"{getattr(past.opening.settings, name)!r}"
            )
    return settings
