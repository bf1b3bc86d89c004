"""The base of properties, and how they distinguish tokens.

Owns: `Property`, `Watch`, `By`. `by` is the name of a field, or a function of a token (None: it does not
count). A firing counts by the first of its tokens that has the field.
Must not know: particular properties, how a net is explored.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from scraper_cpn.analysis.monitor import Monitor
from scraper_cpn.analysis.plain import PlainNet
from scraper_cpn.net import Net

if TYPE_CHECKING:
    from scraper_cpn.analysis.ground import Grounder
    from scraper_cpn.analysis.paces import Example

By: TypeAlias = str | Callable[[Any], Hashable] | None


class Property:
    """Something that a net may or may not have. Each subclass says what."""

    claim: str
    invariant = False
    """Whether it may follow from the events alone."""
    structural = False
    """Whether it follows from them or from nothing: no state is looked at for it."""
    everywhere = False
    """Whether it then holds for any number of tokens like those that were looked at."""

    def problems(self, net: Net) -> Iterator[str]:
        """Names that the net does not have, one line each."""
        yield from ()

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        """The monitor that checks it during an exploration."""
        raise NotImplementedError


class Watch(Monitor):
    """A monitor that knows whether it has seen anything to judge."""

    exercised = False
    vacuous = "no event that it names ever happens"
    broken = ""
    """Why it is violated, if the events alone show it; else empty."""

    def example(self, grounder: Grounder) -> Example | None:
        """A run of the real kernel that breaks it, where it is `broken`; None if none was found."""
        return None

    def holds_always(self) -> bool:
        """Whether every event keeps it, whatever the state."""
        return False


def key_of(by: By, token: Any) -> Hashable:
    """What a token counts as; None if it does not count."""
    if by is None:
        return True
    if callable(by):
        return by(token)
    return getattr(token, by, None)


def names_problems(net: Net, names: Iterable[str], kinds: Any, what: str) -> Iterator[str]:
    """A line for each name that is none of the net's places of these kinds."""
    for name in names:
        if not isinstance(net.places.get(name), kinds):
            listed = ", ".join(
                each for each, place in net.places.items() if isinstance(place, kinds)
            )
            yield f"the net has no {what} {name!r}; it has {listed}"


def transition_problems(net: Net, names: Iterable[str]) -> Iterator[str]:
    """A line for each name that is none of the net's transitions."""
    for name in names:
        if name not in net.transitions:
            yield f"the net has no transition {name!r}; it has {', '.join(net.transitions)}"
