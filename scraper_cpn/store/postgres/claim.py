"""The right to write to a partition: a claim with a lease, by the server's clock.

Owns: claiming, refusing while another process has the claim, renewing the lease while nothing is committed.
Must not know: batches, what a partition holds.

A process that was killed leaves its claim behind. On the same machine the next one sees that it has ended,
and takes over at once; elsewhere it waits for the lease, and sees whether it is renewed. Whoever lost
its claim can't commit any more: every batch names the epoch and the owner.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres.address import Address
from scraper_cpn.store.postgres.holder import Holder, is_alive, myself, packed, unpacked
from scraper_cpn.store.postgres.link import CLOSE_SECONDS, Connection, Link, spawn, within
from scraper_cpn.store.postgres.sql import query

LEASE_SECONDS = 10.0
LOOK_SECONDS = 0.2
"""How often a lease that is waited for is looked at."""


class Claim:
    """A claim of a partition that this process has.

    Attributes:
        part: the partition's number in the store.
        epoch: counts its claims.
        owner: the nonce of this one.
        lost: whether a heartbeat found it to be another's.
    """

    def __init__(self, part: int, epoch: int, owner: str, lease_seconds: float) -> None:
        self.part = part
        self.epoch = epoch
        self.owner = owner
        self.lost = False
        self.lease_ms = int(lease_seconds * 1_000)
        self._renewed = time.monotonic()
        self._beating: Any = None

    @property
    def mark(self) -> tuple[int, int, str]:
        """What every change of the partition names: part, epoch, owner."""
        return self.part, self.epoch, self.owner

    def renewed(self) -> None:
        """Note that a batch has renewed the lease."""
        self._renewed = time.monotonic()

    def keep(self, link: Link) -> None:
        """Renew the lease from time to time, until `release`."""
        self._beating = spawn(self._beat(link))

    def release(self, link: Link) -> None:
        """Give the claim back, if the server can be reached; a second call does nothing."""
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None

        async def released(connection: Connection) -> None:
            await within(
                CLOSE_SECONDS, connection, connection.execute(query("release"), *self.mark)
            )

        link.call(released)

    async def _beat(self, link: Link) -> None:
        pause = self.lease_ms / 3_000
        while not self.lost:
            await asyncio.sleep(pause / 2)
            if time.monotonic() - self._renewed < pause:
                continue

            async def renew(connection: Connection) -> bool:
                return bool(await connection.fetchval(query("renew"), *self.mark, self.lease_ms))

            try:
                self.lost = not await link.run(renew)
                self.renewed()
            except Exception:  # noqa: BLE001, S112  (the server may be back in time; if not, the next batch says so)
                continue


def new_owner() -> str:
    """The nonce of a new claim."""
    return secrets.token_hex(8)


def claim(address: Address, link: Link, part: int) -> Claim:
    """Claim a partition. Raises `StoreError` ("locked") if another process has it.

    Waits, for one lease at most, until that of a process is over of which nothing can be known here.
    """
    before: str | None = None
    while True:
        owner, said, lease_until, held = link.call(lambda on: on.fetchrow(query("holder"), part))
        holder = unpacked(said)
        alive = is_alive(holder) if owner else False
        was_renewed = held and before not in {None, lease_until}
        if alive or (alive is None and was_renewed):
            raise in_use(address, holder)
        if alive is False or not held:
            mine = _taken(link, part, owner)
            if mine is not None:
                return mine
        before = lease_until
        time.sleep(LOOK_SECONDS)


async def take_part(on: Connection, part: int, owner: str, dead: str | None = None) -> int | None:
    """Claim a partition if nobody has it, or only *dead*, whose process has ended; returns the epoch."""
    values = (part, owner, int(LEASE_SECONDS * 1_000), packed(myself()), dead)
    epoch: int | None = await on.fetchval(query("claim"), *values)
    return epoch


def _taken(link: Link, part: int, dead: str | None) -> Claim | None:
    owner = new_owner()
    epoch = link.call(lambda on: take_part(on, part, owner, dead))
    return None if epoch is None else Claim(part, epoch, owner, LEASE_SECONDS)


def in_use(address: Address, holder: Holder | None) -> StoreError:
    """The error of a state that another process has."""
    who = f" ({holder})" if holder else ""
    return StoreError("locked", f"{address} is in use by another process{who}")
