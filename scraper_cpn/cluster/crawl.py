"""Crawls that many workers run: making one, joining it, stopping it, and the laws that all of its workers obey.

Owns: the rows of a crawl, of its partitions and budgets, and the comparison of laws.
Must not know: workers' lives, kernels.

What a crawl begins with lies in its outbox when it is made, in the same transaction: its partitions receive it like
anything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import cycle
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from scraper_cpn.cluster.mail import Letter, by_partition, packed
from scraper_cpn.cluster.session import CALL_SECONDS
from scraper_cpn.cluster.sql import query, schema
from scraper_cpn.cluster.work import Work
from scraper_cpn.net import NetError, Place
from scraper_cpn.net.partitions import destination
from scraper_cpn.store.net_signature import NetSignature, differences, listed
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres.address import Address, address_of
from scraper_cpn.store.postgres.database import add_crawl, is_ready, make_ready
from scraper_cpn.store.postgres.failures import driver, store_errors
from scraper_cpn.store.postgres.link import Connection, connect, within
from scraper_cpn.store.postgres.text import kept

T = TypeVar("T")

Tokens = Mapping[Place[Any], Iterable[Any]]
"""Tokens to begin with, by their place: a source that is keyed, a channel, or leased."""

PARTITIONS = 32
"""How many partitions a crawl has by default. It can't be changed later, and is the most workers that it can use."""
PARTITIONS_MAX = 4096
RUN = "main"
CREATE_SECONDS = 600.0
"""How long it may take to make a crawl with millions of tokens."""
LETTERS_MOST = 500
"""How many tokens go into a row of the outbox at most."""


class Crawl(Struct, frozen=True):
    """A crawl on a database.

    Attributes:
        address: of the database, with the crawl's name.
        id: its number there.
        parts: the ids of its partitions, by their numbers.
        laws: what all of its workers agree on.
    """

    address: Address
    id: int
    parts: tuple[int, ...]
    laws: NetSignature


async def create(
    dsn: str,
    work: Work,
    tokens: Tokens | None = None,
    *,
    partitions: int = PARTITIONS,
    serves: bool = False,
    facts: Mapping[str, bytes] | None = None,
) -> Crawl:
    """Make a crawl.

    Args:
        dsn: `postgres://user@host/database?name=books`.
        work: its net has a partition key.
        tokens: to begin with.
        partitions: how many; from 1 to `PARTITIONS_MAX`.
        serves: whether it goes on without work, until it is stopped, because tokens may come from outside.
        facts: named values (JSON) of the crawl, for `look.facts_of`; nothing changes them.

    Raises:
        StoreError: "exists" if there is one of this name; the database can't be reached, or has other tables.
        NetError: the net can't be divided, a token does not fit, or there are fewer leased tokens than partitions.
    """
    address = address_of(dsn)
    if not 1 <= partitions <= PARTITIONS_MAX:
        raise NetError(f"partitions: {partitions} is not from 1 to {PARTITIONS_MAX}")
    letters = _addressed(work, tokens or {}, partitions)

    async def made(on: Connection) -> Crawl:
        await make_ready(address, on)
        await _install(on)
        async with on.transaction():
            return await _made(address, on, work, letters, facts or {}, partitions, serves=serves)

    return await _once(address, made, CREATE_SECONDS)


async def join(dsn: str, work: Work | None = None) -> Crawl:
    """Find a crawl.

    Args:
        dsn: as that of `create`.
        work: what the caller will run; None: it only looks.

    Raises:
        StoreError: there is none ("missing"), or its laws are not those of *work* ("foreign", with the differences).
    """
    address = address_of(dsn)

    async def looked(on: Connection) -> Crawl | None:
        await is_ready(address, on)
        return await _found(address, on)

    found = await _once(address, looked)
    if found is None:
        raise StoreError("missing", f"{address}: there is no crawl of this name for many workers")
    if work is not None:
        _refuse_other(found, work)
    return found


async def stop(dsn: str) -> None:
    """Ask all workers to leave: running work ends, everything else stays as it is. `resume` undoes it."""
    await _set_stopping(dsn, stopping=True)


async def resume(dsn: str) -> None:
    """Let workers run a crawl again that was stopped."""
    await _set_stopping(dsn, stopping=False)


def letters_for(
    work: Work, place: Place[Any], colours: Iterable[Any], partitions: int
) -> list[tuple[int, Letter]]:
    """Tokens for a source, each with the partition that it belongs to.

    Raises:
        NetError: the place takes none from outside, or a token does not fit.
    """
    where = f"net {work.net.name}, place {place.name}"
    if work.net.places.get(place.name) is not place or not place.source:
        raise NetError(
            f"{where}: takes no tokens from outside; name a source or a channel of the net"
        )
    letters = []
    for colour in colours:
        if not isinstance(colour, place.colour):
            raise NetError(f"{where}: takes {place.colour.__name__}, not {type(colour).__name__}")
        letters.append((destination(work.net, place, colour, partitions), Letter(place, colour)))
    return letters


def _addressed(work: Work, tokens: Tokens, partitions: int) -> list[tuple[int, Letter]]:
    letters: list[tuple[int, Letter]] = []
    for place, colours in tokens.items():
        if place.name in work.net.leases:
            letters += _leased(work, place, list(colours), partitions)
        else:
            letters += letters_for(work, place, colours, partitions)
    return letters


def _leased(
    work: Work, place: Place[Any], colours: list[Any], partitions: int
) -> list[tuple[int, Letter]]:
    """Divide leased tokens: a partition keeps its own wherever it moves."""
    if len(colours) < partitions:
        raise NetError(
            f"net {work.net.name}, place {place.name}: {len(colours)} tokens can't be divided among {partitions} "
            "partitions; give more, or have fewer partitions"
        )
    turns = cycle(range(partitions))
    return [(pid, Letter(place, colour)) for pid, colour in zip(turns, colours, strict=False)]


async def _install(connection: Connection) -> None:
    """Make the tables of clusters, if they are not there; one process at a time."""
    async with connection.transaction():
        await connection.execute(query("lock"))
        await connection.execute(schema())


async def _made(
    address: Address,
    connection: Connection,
    work: Work,
    letters: list[tuple[int, Letter]],
    facts: Mapping[str, bytes],
    partitions: int,
    *,
    serves: bool,
) -> Crawl:
    try:
        parts = await add_crawl(connection, address.name, RUN, [{}] * partitions)
    except driver().exceptions.UniqueViolationError:
        raise StoreError(
            "exists",
            f"{address}: there is a crawl of this name already; give another one, or let workers go on with it",
        ) from None
    crawl, laws = await connection.fetchval(query("crawl_of"), parts[0]), work.laws(len(parts))
    await connection.execute(
        query("add_cluster"),
        crawl, msgspec.json.encode(laws), serves,
    )  # fmt: skip
    await connection.execute(
        query("add_facts"),
        crawl, list(facts), list(facts.values()),
    )  # fmt: skip
    await connection.execute(
        query("add_credits"),
        crawl, list(work.net.credits), [each.total for each in work.net.credits.values()],
    )  # fmt: skip
    columns = list(zip(*bundled(work, letters), strict=True)) or [(), (), ()]
    await connection.execute(query("feed"), crawl, *columns)
    return Crawl(address, crawl, tuple(parts), laws)


def bundled(work: Work, letters: list[tuple[int, Letter]]) -> list[tuple[int, int, bytes]]:
    """Letters as rows of the outbox: partition, tokens, body."""
    return [
        (pid, len(some), packed(work.codec, some))
        for pid, all_of_it in by_partition(letters).items()
        for some in _bunches(all_of_it)
    ]


def _bunches(letters: list[Letter]) -> list[list[Letter]]:
    return [letters[at : at + LETTERS_MOST] for at in range(0, len(letters), LETTERS_MOST)]


async def _found(address: Address, connection: Connection) -> Crawl | None:
    if await connection.fetchval(query("is_missing")):
        return None
    row = await connection.fetchrow(
        query("find"),
        kept(address.name), RUN,
    )  # fmt: skip
    if row is None:
        return None
    return Crawl(address, row[0], tuple(row[2]), msgspec.json.decode(row[1], type=NetSignature))


def _refuse_other(crawl: Crawl, work: Work) -> None:
    found = differences(crawl.laws, work.laws(len(crawl.parts)))
    if found:
        raise StoreError(
            "foreign",
            f"{crawl.address}: this worker would not run the same as the others: {listed(found)}; "
            "start it with the same program and settings",
        )


async def _set_stopping(dsn: str, *, stopping: bool) -> None:
    crawl = await join(dsn)

    async def changed(on: Connection) -> None:
        await on.execute(query("set_stopping"), crawl.id, stopping)

    await _once(crawl.address, changed)


async def _once(
    address: Address, work: Callable[[Connection], Awaitable[T]], seconds: float = CALL_SECONDS
) -> T:
    """Do something on a connection of its own, which takes so long at most, whatever the network does."""
    connection = await connect(address)
    try:
        with store_errors(address):
            return await within(seconds, connection, work(connection))
    finally:
        connection.terminate()
