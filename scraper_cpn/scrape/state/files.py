"""States of crawls: creating one, adding a run, resuming one.

Owns: which store a crawl gets, and which settings may change when it is resumed.
Must not know: the command line, how a crawl runs.
"""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TextIO, cast

import msgspec
from anyio import CancelScope
from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.net.marking import Standing
from scraper_cpn.run.clock import Clock
from scraper_cpn.scrape.arriving import ArrivingLines, KeptLines
from scraper_cpn.scrape.colours import Length, Link
from scraper_cpn.scrape.items.outputs import CheckedOutput, place_of
from scraper_cpn.scrape.items.outputs.declared import OutputNames
from scraper_cpn.scrape.kernels import Prepared
from scraper_cpn.scrape.options.read import checked
from scraper_cpn.scrape.policy import sites_of
from scraper_cpn.scrape.seeds import BadSeed, Unread
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.scrape.state.earlier import first_targets
from scraper_cpn.scrape.state.metadata import read_value_or_none
from scraper_cpn.scrape.state.packing import lacks_password
from scraper_cpn.scrape.state.run import (
    CrawlRecord,
    Opening,
    OpenRun,
    codec_of,
    ending,
    first_metadata,
    harmless,
    kept,
    last_opening,
    opened,
    record_of,
    resuming,
)
from scraper_cpn.scrape.state.unread import Input, input_of
from scraper_cpn.scrape.state.vault import vault_of
from scraper_cpn.scrape.text import check_name
from scraper_cpn.scrape.trace import tracer
from scraper_cpn.store.port import Store, TextRow
from scraper_cpn.store.states import Location, create, is_there, look, new_run, open_run

MAIN = "main"
"""The default name of a run."""


SCOPE = (
    "scope", "domains", "allow", "deny", "max_depth", "robots", "limit_by", "fields", "schema", "seed",
    "ageing_ns", "shares", "host_delay_ns", "per_host", "address_delay_ns", "per_address", "dead_host_after", "follow_seeds", "links",
    "login", "sessions", "sticky_proxies",
    "trap_rules", "strip_params", "sort_params", "sitemaps", "files", "revisit_ns", "since", "since_run", "dedupe",
    "respect", "max_pages_per_domain", "max_bytes", "max_bytes_per_domain", "rate_bytes", "hours",
    "ban_status", "proxy_for", "page_bans",
)  # fmt: skip
"""Settings that are fixed when a crawl begins. Ageing is one of them because waiting URLs keep their rank,
and ranks of two periods can't be compared. Limits of hosts and addresses and routes are, because they change the keys of the
net's places."""


class Past(Struct, frozen=True, kw_only=True):
    """What a state says about a crawl that is to be resumed.

    Attributes:
        run: its name.
        opening: the laws of its last opening.
        kept: what was written down when it began.
        output: the output to which its items were written beside the state, or one for each type of items; None: none.
        length: the valid length of that output, or of each; None: all of it.
        ended: how it had ended; None if it was not over.
    """

    run: str
    opening: Opening
    kept: CrawlRecord
    output: OutputNames = None
    length: Length = None
    ended: str | None = None

    @property
    def lengths(self) -> dict[str, int | None]:
        """The valid length of each output."""
        if self.output is None:
            return {}
        names = self.output if isinstance(self.output, tuple) else (self.output,)
        lengths = self.length if isinstance(self.length, tuple) else (self.length,) * len(names)
        return dict(zip(names, lengths, strict=True))


class Keeping(Struct, frozen=True, kw_only=True):
    """The state in which a crawl is to be kept.

    Attributes:
        path: its file, or its address on PostgreSQL.
        run: the crawl's name there; None for the default.
        past: what the state says about a crawl that is resumed; None for a new one.
        program: the file of the program with its page handlers.
        handled: whether its page handlers come from a program whose file is unknown.
        unread: seeds of a new crawl that are read while it runs.
        bad: lines among the seeds of a new crawl that are not URLs.
    """

    path: Location
    run: str | None = None
    past: Past | None = None
    program: str | None = None
    handled: bool = False
    unread: Unread | None = None
    bad: tuple[BadSeed, ...] = ()

    @property
    def name(self) -> str:
        """The crawl's name in the state."""
        return self.past.run if self.past else self.run or MAIN

    @property
    def is_fed(self) -> bool:
        """Whether seeds are read while the crawl runs, so that their sites are not known from the beginning."""
        return (self.unread if self.past is None else self.past.kept.input) is not None

    def saves_in(self, place: str | None) -> bool:
        """Whether the crawl has saved bodies in *place* before."""
        return self.past is not None and self.past.opening.settings.save_bodies == place

    def opening(self, settings: Settings, seeds: Sequence[str | Link]) -> Opening:
        """The laws from now on. The sites do not change, since they are the scope.

        The seeds' sites by today's suffix list are added, since links are compared with those.
        """
        before = self.past.opening.sites if self.past else ()
        own = () if self.is_fed else sites_of(settings, seeds)
        return Opening(settings, tuple(dict.fromkeys([*before, *own])))


class OutputFile(Struct, frozen=True):
    """The output that items go to beside the state.

    Attributes:
        output: a file, or `-`; or one for each type of items; None: nowhere.
        length: the length of that file, or of each, after opening it; None if it has none.
    """

    output: OutputNames = None
    length: Length = None

    def metadata(self) -> list[tuple[str, bytes]]:
        """The metadata that record the output, with an absolute path."""
        output = self.output
        where: OutputNames
        if isinstance(output, tuple):
            where = tuple(map(place_of, output))
        else:
            where = None if output is None else place_of(output)
        return [
            ("output", msgspec.json.encode(where)),
            ("length", msgspec.json.encode(self.length)),
        ]


@asynccontextmanager
async def kept_in(
    keeping: Keeping,
    settings: Settings,
    seeds: Sequence[str | Link],
    sink: CheckedOutput | None,
    output: OutputNames,
    *,
    trace: TextIO | None = None,
    prepared: Prepared | None = None,
) -> AsyncIterator[OpenRun]:
    """Keep a crawl in a state: begin it there, or resume it.

    Args:
        keeping: which state.
        settings: the settings from now on.
        seeds: the crawl's seeds, normalised.
        sink: the output for items beside the state, not open yet; it is closed at the end.
        output: the name of that output, or of each.
        trace: gets a line of JSON for each event of the kernel.
        prepared: the net of `keeping.opening` and the code of its kernel; by default they are made now.

    Raises:
        OutputError: the output can't be opened.
        StoreError: the state can't be created or opened, is damaged, or can't be written.
        UsageError: there is no key for the cookies, or another one than before.
    """
    store: Store | None = None
    opening = keeping.opening(settings, seeds)
    vault = vault_of(settings, _metadata(keeping) if settings.keep_cookies else {})
    try:
        if keeping.past is not None:
            # The state comes first: while another process has it, we must not truncate its output.
            store = open_run(keeping.path, keeping.past.run)
        elif sink is not None and sink.begins is not None:
            # The state records the output before the output is created: if the process is killed in
            # between, no file is left that would be in the way of another start.
            store = _new_store(keeping, opening, seeds, OutputFile(output, sink.begins))
        if sink is not None:
            await sink.open()
        output_file = OutputFile(output, None if sink is None else sink.length)
        if store is None:
            store = _new_store(keeping, opening, seeds, output_file)
        run = await opened(
            store,
            opening,
            others=_pauses(keeping),
            metadata=output_file.metadata(),
            trace=None if trace is None else tracer(trace),
            prepared=prepared,
            vault=vault,
            first=first_targets,
        )
        if isinstance(keeping.unread, ArrivingLines):
            run.unread = KeptLines(keeping.unread)
        yield run
    finally:
        with CancelScope(shield=True):
            try:
                if sink is not None:
                    await sink.close()
            finally:
                if store is not None:
                    await store.close()


def _metadata(keeping: Keeping) -> Mapping[str, bytes]:
    """What the state of a resumed crawl says about it."""
    if keeping.past is None:
        return {}
    with look(keeping.path) as reader:
        return reader.run(keeping.past.run).metadata()


def _new_store(
    keeping: Keeping, opening: Opening, seeds: Sequence[str | Link], output_file: OutputFile
) -> Store:
    """A store in a new state, or for another run in an existing one."""
    path, run = keeping.path, keeping.run
    unread, given, texts = keeping.unread, None, list[TextRow]()
    if isinstance(unread, ArrivingLines):
        given = Input(unread.name, 0, 0, 0, piped=True)
    elif unread is not None:
        texts = [(block.line, block.text) for block in iter(unread.take, None)]
        given = input_of(unread.name, texts)
    keep = record_of(
        opening.settings,
        seeds,
        input=given,
        bad=keeping.bad,
        program=keeping.program,
        handled=keeping.handled,
    )
    metadata = first_metadata(opening, keep) | dict(output_file.metadata())
    if run is not None and is_there(path):
        return new_run(path, run, metadata, texts)
    return create(path, keeping.name, metadata, texts)


def refuse_existing(path: Location, run: str | None) -> None:
    """Raise `UsageError` if a new crawl can't be kept in *path*; the message says what to do instead."""
    check_name("--state", str(path))
    if not is_there(path):
        return
    with look(path) as reader:
        runs = reader.runs()
    names = [each.name for each in runs]
    if run is None:
        handled = any(kept(each.metadata).handled for each in runs)
        command = resuming(shlex.quote(str(path)), handled=handled)
        raise UsageError(
            f"--state {path}: it exists; resume it: {command}; "
            + ("or name another" if handled else "or keep this crawl beside it: --run NAME")
        )
    if run in names:
        raise UsageError(
            f"--run {run}: {path} has a run of that name; resume it: "
            f"scrape resume {path} --run {run}; or choose another name"
        )


def past(path: Location, run: str | None) -> Past:
    """Read what a state says about the run called *run*; None: its only one. Raises `StoreError`."""
    with look(path) as reader:
        metadata = reader.run(run).metadata()
        name = run or next(each.name for each in reader.runs())
    end = ending(metadata)
    return Past(
        run=name,
        opening=last_opening(metadata),
        kept=kept(metadata),
        output=read_value_or_none(metadata, "output", cast("type[OutputNames]", OutputNames)),
        length=read_value_or_none(metadata, "length", cast("type[Length]", Length)),
        ended=end.how if end else None,
    )


def _pauses(keeping: Keeping) -> list[Standing]:
    """The pacing tokens of all other runs of a state.

    Firings that were in flight when a run's process ended count, too: they may have sent requests just before.
    """
    found: list[Standing] = []
    now_ns = Clock().now_ns()
    with look(keeping.path) as reader:
        for each in reader.runs():
            if each.name == keeping.name:
                continue
            codec = codec_of(last_opening(each.metadata).policy)
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
    """The settings of a resumed crawl: its old ones, overridden by those given now.

    Args:
        past: what the state says.
        given: the names of the fields of `Settings` that are given.
        new: the values of these fields; its other fields are ignored.

    Raises:
        UsageError: a setting that is not stored must be given again.
    """
    settings = replace(past.opening.settings, **{name: getattr(new, name) for name in given})
    if any(lacks_password(proxy) for proxy in settings.proxies):
        raise UsageError(
            "the passwords and keys of proxies are not stored with a crawl; give --proxies (or -x) again"
        )
    if past.kept.hidden_headers and "headers" not in given:
        names = ", ".join(past.kept.hidden_headers)
        raise UsageError(
            f"the values of these headers are not stored with a crawl: {names}; give -H again"
        )
    if past.kept.hidden_cookies and "cookie" not in given:
        names = ", ".join(past.kept.hidden_cookies)
        raise UsageError(
            f"the values of these cookies are not stored with a crawl: {names}; give -b again"
        )
    if "per_proxy" in given and "proxies" not in given and settings.proxies:
        raise UsageError("--per-proxy: counts when proxies are read; give --proxies (or -x) again")
    if settings.has_addresses != past.opening.settings.has_addresses:
        raise UsageError(
            "proxies: a crawl that counts requests by address can't begin or cease to use proxies; give them as before"
        )
    hours_before = {s.name for s in past.opening.settings.sites if s.hours is not None}
    if {site.name for site in settings.sites if site.hours is not None} != hours_before:
        raise UsageError(
            "domain: hours can't be given to other domains after a crawl has begun; give those that had hours other ones, "
            "or leave them as they were"
        )
    if settings.has_routes != past.opening.settings.has_routes:
        raise UsageError(
            "domain: proxy-group can't be added or removed after a crawl has begun; give the domains as before"
        )
    return checked(settings)


def same_crawl(past: Past, settings: Settings) -> Settings:
    """Return *settings* if they have the scope with which the resumed crawl began.

    Raises:
        UsageError: they differ; the message names the option.
    """
    now = harmless(Opening(settings, ())).settings
    for name in SCOPE:
        if getattr(now, name) != getattr(past.opening.settings, name):
            raise UsageError(
                f"{name}: this can't change after a crawl has begun; it was "
                f"{getattr(past.opening.settings, name)!r}"
            )
    return settings
