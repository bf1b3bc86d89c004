"""What a worker is to run: a net, its effects, and how its tokens are kept.

Owns: `Work`, which whoever runs a net on many machines gives to a worker, and adapts where it needs more.
Must not know: the database, leases, which partitions there are.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from scraper_cpn.net import Net, Row, checked
from scraper_cpn.net.compiled.source import Build, generated, in_python
from scraper_cpn.run.effects import Binding as Bound
from scraper_cpn.run.effects import Paced
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.edit import Edit
from scraper_cpn.store.net_signature import NetSignature, signature_of
from scraper_cpn.store.port import ItemRow, SinkRow
from scraper_cpn.store.restore import Restored

if TYPE_CHECKING:
    from scraper_cpn.cluster.lease import Claim
    from scraper_cpn.cluster.partition import Partition

Effects = Mapping[str, Callable[..., Any] | Bound]


class Work:
    """A net that can be run in partitions, and its effects.

    A net with needs of its own (what is stored of a token, one fetcher for all partitions) has a subclass.

    Args:
        net: is checked; it has a partition key.
        effects: see `scraper_cpn.run.live.Effects`. All partitions of a process share them.
        settings: what all workers have to agree on beside the net, by name.
        on_row: is called with each row that a partition of this process puts into a sink, before it is durable.

    Raises:
        NetError: the net can't work.
    """

    fatal: tuple[type[Exception], ...] = ()
    """Exceptions of effects that end a worker, such as a full disk; any other is `Lost`."""

    @staticmethod
    def telling(text: str) -> str:
        """Return what an effect's exception says as it may be kept and shown: a net that has secrets hides them."""
        return text

    def __init__(
        self,
        net: Net,
        effects: Effects,
        *,
        settings: Mapping[str, str] | None = None,
        on_row: Callable[[Row], None] | None = None,
    ) -> None:
        self.net = checked(net)
        self.codec = Codec(net)
        self.settings = dict(settings or {})
        self._effects = {name: _asking(each) for name, each in effects.items()}
        self._on_row = on_row
        self._build: Build | None = None

    @property
    def build(self) -> Build:
        """What the kernels of all partitions share: their source is generated once."""
        if self._build is None:
            self._build = in_python(generated(self.net, recorded=True, printed=True, divided=True))
        return self._build

    def laws(self, partitions: int) -> NetSignature:
        """What every worker of a crawl in so many partitions has to agree on, by name: one that differs is refused."""
        versions = {f"setting {name}": text for name, text in self.settings.items()}
        return signature_of(self.net, versions, partitions)

    def effects(self, partition: Partition) -> Effects:
        """The effects of a partition, which this process has claimed."""
        return self._effects

    def writing(self, row: Row) -> tuple[SinkRow, Sequence[ItemRow]]:
        """How a row of a sink is stored."""
        return (row.sink, "", msgspec.json.encode(msgspec.to_builtins(row.colour))), ()

    def found(self, claim: Claim, restored: Restored) -> None:
        """Look at a partition that was claimed, before what was in flight is ended as `Lost`."""

    def took_over(self, claim: Claim, restored: Restored, now_ns: int) -> Edit | None:
        """What to change in a partition before it goes on here: pauses that begin anew, for example.

        Nothing is in flight in *restored*; its `sums.seq` is 0 for a partition that nobody has run before.
        """
        return None

    def rows(self, partition: Partition, rows: list[Row]) -> None:
        """Rows that a partition has put into its sinks; they become durable with its next batch."""
        if self._on_row is not None:
            for row in rows:
                self._on_row(row)

    def metadata(self, partition: Partition) -> Sequence[tuple[str, bytes]]:
        """Named values of a partition that change with the batch which is cut now."""
        return ()


def _asking(effect: Callable[..., Any] | Bound) -> Callable[..., Any] | Bound:
    """An effect as work that can be seen outside: it begins once its firing is durable, if the lease still holds."""
    if isinstance(effect, Bound) or not callable(effect):
        return effect
    return Paced(_started(effect))


def _started(effect: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    async def started(*given: Any) -> Any:
        *tokens, start = given
        if not start.may_start():
            return None
        start()
        outcome = effect(*tokens)
        return await outcome if inspect.isawaitable(outcome) else outcome

    return started
