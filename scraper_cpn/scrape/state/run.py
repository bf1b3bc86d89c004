"""A crawl that is kept in a state: beginning, resuming and recording it.

Owns: the metadata that a state keeps of a crawl, the order of recovery.
Must not know: files, SQL, the command line, how requests are made.

A crawl is resumed in three steps, each of them a batch in the journal: firings in flight are `Lost`, as
for any effect that never returned; the marking is edited (see `resume.py`); the kernel continues from
there.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.net.marking import Standing, Trace
from scraper_cpn.run.clock import Clock, Dial
from scraper_cpn.scrape.account.report import Account, Ending
from scraper_cpn.scrape.arriving import KeptLines
from scraper_cpn.scrape.colours import Failure, Link, Proxy, Target
from scraper_cpn.scrape.kernels import Prepared, prepare
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import VERSION as POLICY_VERSION
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.frontier import on_their_way
from scraper_cpn.scrape.redact import HARMLESS_HEADERS
from scraper_cpn.scrape.seeds import BadSeed, Unread
from scraper_cpn.scrape.settings import Hours, Settings, Site
from scraper_cpn.scrape.state.libraries import FACT as LIBRARIES
from scraper_cpn.scrape.state.libraries import with_versions
from scraper_cpn.scrape.state.metadata import read_value, read_value_or_none
from scraper_cpn.scrape.state.packing import VERSION as FORM_VERSION
from scraper_cpn.scrape.state.packing import packings, without_password
from scraper_cpn.scrape.state.resume import ENDED_WITH_PROCESS, in_pipeline, latest, reopened
from scraper_cpn.scrape.state.rows import failures, writing
from scraper_cpn.scrape.state.unread import PIPE_OPEN, Input, unread
from scraper_cpn.scrape.state.vault import Vault, forgotten
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.edit import Edit
from scraper_cpn.store.net_signature import NetSignature, differences, hash_of, listed, signature_of
from scraper_cpn.store.port import Batch, Store, StoreError
from scraper_cpn.store.recorder import EDIT, Metadata, Recorder, written
from scraper_cpn.store.recovery import loaded, lost_in_flight
from scraper_cpn.store.restore import Restored, restore
from scraper_cpn.store.shelf import StoreShelf
from scraper_cpn.version import __version__

_json = msgspec.json.Encoder().encode


class Opening(Struct, frozen=True):
    """The laws of a run from one opening of its state to the next."""

    settings: Settings
    sites: tuple[str, ...]
    """The sites of the seeds, as the scope compares them."""

    @property
    def policy(self) -> Policy:
        """The policy under these laws."""
        return Policy(self.settings, self.sites, remembers=True)


class CrawlRecord(Struct, frozen=True, kw_only=True):
    """What is recorded about a crawl when it begins, without passwords and most headers."""

    seeds: tuple[str | Link, ...]
    input: Input | None = None
    """More seeds; None: these are all."""
    bad: tuple[BadSeed, ...] = ()
    """Lines that are not URLs."""
    program: str | None = None
    """The file of a Python program with the page handlers."""
    handled: bool = False
    """Whether the page handlers belong to a program that calls the Python API."""
    hidden_headers: tuple[str, ...] = ()
    """The names of headers whose values are not recorded."""
    hidden_cookies: tuple[str, ...] = ()
    """The names of cookies of the user, whose values are not recorded."""


def resuming(words: str, *, handled: bool) -> str:
    """Say how a crawl is resumed; *words* name its state, and its run, as a shell wants it."""
    return (
        f"crawl.resume({shlex.split(words)[0]!r}) in its program"
        if handled
        else f"scrape resume {words}"
    )


def first_metadata(opening: Opening, kept: CrawlRecord) -> dict[str, bytes]:
    """The metadata with which a run is created."""
    return {
        "version": _json(__version__),
        "net": _json(our_signature()),
        "net_hash": _json(hash_of(our_signature())),
        "crawl": _json(kept),
        "openings": _json([(0, harmless(opening))]),
    }


def record_of(settings: Settings, seeds: Iterable[str | Link], **more: Any) -> CrawlRecord:
    """What is recorded about a crawl that begins: of headers and cookies with secrets, only the names.

    Args:
        settings: of the crawl.
        seeds: all, or those that are known.
        more: other fields of the record.
    """
    hidden = (name for name, _ in settings.headers if name.lower() not in HARMLESS_HEADERS)
    return CrawlRecord(
        seeds=tuple(seeds),
        hidden_headers=tuple(hidden),
        hidden_cookies=tuple(name for name, _ in settings.cookie),
        **more,
    )


def harmless(opening: Opening) -> Opening:
    """An opening without secrets, so that it may be stored."""
    settings = opening.settings
    headers = tuple(each for each in settings.headers if each[0].lower() in HARMLESS_HEADERS)
    proxies = tuple(without_password(proxy) for proxy in settings.proxies)
    since = settings.since and _place_of(settings.since)
    harmless = replace(settings, headers=headers, cookie=(), proxies=proxies, since=since)
    return replace(opening, settings=harmless)


def _place_of(state: str) -> str:
    """Where a state is, without a password."""
    from scraper_cpn.store.states import location_of  # 5 ms, and only --since needs it

    return str(location_of(state))


_EVERY_PART = Settings(
    login="https://login.example/",
    sessions=1,
    per_host=1,
    per_address=1,
    dead_host_after=1,
    max_pages_per_domain=1,
    max_items=1,
    max_bytes=1,
    max_bytes_per_domain=1,
    rate_bytes=1,
    hours=Hours(0, 1),
    sites=(Site(name="a.example", hours=Hours(0, 1)),),
    adaptive=1.0,
    sitemaps=("auto",),
    files=("images",),
    revisit_ns=1,
    dedupe="content",
)
_PROXIES = (Proxy("p", "http://p:1", bytes=1),)
_OTHERS = {
    "routes": Settings(ban_status=(403,), proxies=_PROXIES),
    "shares": Settings(shares=(1,)),
    "sticky proxies": Settings(sessions=1, sticky_proxies=True, proxies=_PROXIES),
}
"""Parts that do not go with all others."""


@cache
def our_signature() -> NetSignature:
    """This version's scrape net with all its optional parts, as lines of text.

    The numbers of its settings are not included.
    """
    versions = {"policy": POLICY_VERSION, "written form": FORM_VERSION}
    found = dict[str, str]()
    for part, settings in _OTHERS.items():
        lines = signature_of(ScrapeNet(Policy(settings)), versions)
        found |= {f"{name} (with {part})": line for name, line in lines.items()}
    return found | signature_of(ScrapeNet(Policy(_EVERY_PART)), versions)


def openings(metadata: dict[str, bytes]) -> list[tuple[int, Opening]]:
    """The openings of a run, each with the number of the batch after which it applies.

    Raises:
        StoreError: the run belongs to another net or version; the message says what differs.
    """
    if read_value(metadata, "net_hash", str) != hash_of(our_signature()):
        theirs = read_value(metadata, "net", dict[str, str])
        by = read_value(metadata, "version", str)
        raise StoreError(
            "foreign",
            f"the state was written by scrape {by}, whose net differs from this one; use that version. Differences: "
            f"{listed(differences(theirs, our_signature()))}",
        )
    return read_value(metadata, "openings", list[tuple[int, Opening]])


def last_opening(metadata: dict[str, bytes]) -> Opening:
    """The laws of a run's last opening. Raises `StoreError`."""
    return openings(metadata)[-1][1]


def kept(metadata: dict[str, bytes]) -> CrawlRecord:
    """Read what was recorded about a crawl when it began."""
    return read_value(metadata, "crawl", CrawlRecord)


def account(metadata: dict[str, bytes]) -> Account:
    """Read the account of a crawl so far."""
    return read_value(metadata, "account", Account, b"{}")


def ending(metadata: dict[str, bytes]) -> Ending | None:
    """Read how a crawl has ended; None if it is not over, or its process did not record it."""
    return read_value_or_none(metadata, "ended", Ending)


def codec_of_opening(opening: Any) -> Codec:
    """The codec of the net with which a run continued, from its encoded opening."""
    return codec_of(msgspec.convert(opening, Opening).policy)


class ScrapeCodec(Codec):
    """The codec of the scrape net under a policy."""

    net: ScrapeNet

    def __init__(self, net: ScrapeNet) -> None:
        super().__init__(net, packings(net.policy))


def codec_of(policy: Policy) -> ScrapeCodec:
    """Build the codec of the scrape net under a policy."""
    return ScrapeCodec(ScrapeNet(policy))


class OpenRun:
    """A run of a state, open for writing; made by `opened`.

    Attributes:
        net: the net under the present policy.
        recorder: the kernel, with everything that the state had.
        clock: the kernel's time.
        shelf: the waiting tokens; is called with each durable batch.
        unread: the seeds that are not read yet.
        vault: keeps the cookies; None: they are not kept.
    """

    def __init__(
        self,
        store: Store,
        net: ScrapeNet,
        shelf: StoreShelf,
        recorder: Recorder,
        clock: Clock,
        unread: Unread | None,
        vault: Vault | None = None,
    ) -> None:
        self.unread = unread
        self.vault = vault
        self.store = store
        self.recorder = recorder
        self.clock = clock
        self.net = net
        self.shelf = shelf

    @property
    def account(self) -> Account:
        """The account of the crawl before this opening."""
        return account(self.store.metadata())

    def failures(self) -> Iterator[Failure]:
        """The rows of the failed log so far; rows that were put back since are not final any more."""
        return failures(self.store)

    @property
    def lacks_lines(self) -> bool:
        """Whether there were more lines in the pipe of an earlier process, or could have been."""
        return read_value_or_none(self.store.metadata(), PIPE_OPEN, bool) is True

    def cut(self, metadata: Metadata, *, always: bool = False) -> Batch | None:
        """Cut a batch of everything since the last one, the lines of a pipe that were read included; see `Recorder.cut`."""
        batch = self.recorder.cut(metadata, always=always)
        if batch is not None and isinstance(self.unread, KeptLines):
            batch = replace(batch, texts=self.unread.drain())
        return batch

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable. Raises `StoreError`."""
        await self.store.commit(batch)
        self.shelf.committed(batch)

    async def end(self, metadata: Metadata) -> None:
        """Record how the crawl has ended."""
        batch = self.cut(metadata, always=True)
        if batch is not None:
            await self.commit(batch)


First: TypeAlias = Callable[[Policy, Sequence[str | Link], int], Sequence[Target]]
"""Makes the targets with which a run begins, of its policy, its seeds and the time."""


def seeds_alone(policy: Policy, seeds: Sequence[str | Link], now_ns: int) -> list[Target]:
    """The targets of seeds."""
    return [policy.frontier.seed(seed, now_ns) for seed in seeds]


async def opened(
    store: Store,
    opening: Opening,
    *,
    others: Iterable[Standing] = (),
    metadata: Iterable[tuple[str, bytes]] = (),
    trace: Trace | None = None,
    prepared: Prepared | None = None,
    vault: Vault | None = None,
    first: First = seeds_alone,
) -> OpenRun:
    """Begin or resume the run of a store.

    Args:
        store: open for writing.
        opening: the laws from now on; the scope is the one with which the run began.
        others: pacing tokens of other runs of the same state.
        metadata: other named values that change with the opening.
        trace: is called with each event of the kernel.
        prepared: the net of *opening* and the code of its kernel; by default they are made now.
        vault: keeps the cookies; None: they are not kept.
        first: the targets with which a run begins.

    Raises:
        StoreError: the state is damaged, or can't be written.
        UsageError: the kernel can't be built; see `prepare`.
    """
    known = store.metadata()
    history, keep = openings(known), kept(known)
    before = history[-1][1].policy
    net, build = prepared or prepare(opening.policy, kept=True, traced=trace is not None)
    saved, codec = store.saved(), ScrapeCodec(net)
    old = codec_of(before) if saved.seq else codec
    restored = restore(saved, old)
    clock = clock_of(known, saved.at_ns)
    again = in_pipeline(restored.durable, old.net)
    if restored.durable.flights:
        lost = lost_in_flight(restored, old, clock.now_ns(), ENDED_WITH_PROCESS, writing)
        await store.commit(lost)
    pauses, now_ns = latest(others), clock.now_ns()
    kept_items = account(known).items
    edit = reopened(
        restored.durable,
        before,
        codec.net,
        now_ns,
        saved.at_ns,
        pauses,
        again=again,
        items=kept_items,
        jars=frozenset() if vault is None else frozenset(vault.jars),
    )
    if saved.seq == 0:
        frontier = net.policy.frontier
        for found in on_their_way(first(net.policy, keep.seeds, now_ns)):
            edit.put(codec.net.frontier.found, found)
        for bad in keep.bad:
            edit.put(codec.net.seeds.bad, frontier.bad_seed(bad.text, bad.reason))
    history.append((restored.sums.seq + 1, harmless(opening)))
    libraries = with_versions(known, restored.sums.seq)
    new_metadata = [("openings", _json(history)), (LIBRARIES, libraries), *metadata]
    new_metadata += [] if vault is not None else forgotten(known)
    await store.commit(edited(restored, codec, opening, edit, clock, new_metadata))
    shelf = StoreShelf(store, codec, restored.durable.next_serial)
    kernel = loaded(restored, codec, shelf, trace, build)
    recorder = Recorder(kernel, codec, restored.sums, writing)
    return OpenRun(store, net, shelf, recorder, clock, unread(store, known, keep.input), vault)


def edited(
    restored: Restored,
    codec: Codec,
    opening: Opening,
    edit: Edit,
    clock: Clock,
    metadata: Iterable[tuple[str, bytes]],
) -> Batch:
    """The batch of an edit, after which the crawl counts as not over; it also updates *restored*.

    Args:
        restored: the marking to edit.
        codec: the codec of the net from now on.
        opening: the laws from now on.
        edit: of the marking.
        clock: the kernel's time from now on.
        metadata: other named values that change with the edit.
    """
    changes = edit.changes(restored.durable)
    restored.durable.fold(changes)
    return restored.sums.batch(
        codec,
        changes,
        firings=0,
        inputs=written(codec, [(EDIT, harmless(opening), edit.packed(codec))]),
        metadata=[("clock", _json(clock.dial)), ("ended", b"null"), *metadata],
    )


def clock_of(metadata: dict[str, bytes], at_ns: int) -> Clock:
    """The clock of a resumed run, whose last known time is *at_ns*."""
    if "clock" not in metadata:
        return Clock()
    return Clock.resumed(read_value(metadata, "clock", Dial), at_ns)
