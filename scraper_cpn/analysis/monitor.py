"""What a property wants to see of an exploration.

Owns: `Monitor`, `Everything`.
Must not know: how a net is explored, what a property means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scraper_cpn.analysis.plain import Event, PlainNet


class Monitor:
    """What a property wants to see. This one looks at nothing; a subclass says what it looks at."""

    def observed(self, plain: PlainNet) -> Iterable[int]:
        """Atoms that it needs in a state, whether an event tests them or not."""
        return ()

    def watched(self, event: Event) -> Sequence[int] | None:
        """Atoms that say whether an event may happen; None if it always may."""

    def forbids(self, event: Event, numbers: dict[int, int]) -> bool:
        """Whether an event may not happen beside these watched atoms."""
        raise NotImplementedError

    def seen(self, plain: PlainNet) -> Sequence[int] | None:
        """Atoms that say whether a state is good; None if it looks at no states."""

    def bad(self, numbers: dict[int, int]) -> bool:
        """Whether a state with these atoms is bad."""
        raise NotImplementedError

    def rested(self, plain: PlainNet) -> Sequence[int] | None:
        """Atoms that say whether a state may be the last one; None if any may."""

    def bad_rest(self, numbers: dict[int, int]) -> bool:
        """Whether a state may not be the last one."""
        raise NotImplementedError

    def alike(self, plain: PlainNet, one: int, other: int) -> bool:
        """Whether it is the same to it how many there are of two atoms, as long as their sum is.

        By default, if it looks at neither of them.
        """
        looked = {*self.observed(plain), *(self.seen(plain) or ())}
        for event in plain.events:
            looked.update(self.watched(event) or ())
        return not looked & {one, other}


class Everything(Monitor):
    """Has all atoms in the states, also those that no event tests."""

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return range(len(plain.atoms))

    def alike(self, plain: PlainNet, one: int, other: int) -> bool:
        return False


class AgainError(Exception):
    """A monitor must see more than it had said: the exploration begins again."""
