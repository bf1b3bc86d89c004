"""Named parts of a net, and limits: parts of which every request takes something.

Owns: `Part`, `Limit`, `Wording`. A net grows by parts, each of them a class of its own that declares its
places and transitions and offers some of them, as attributes, for others to connect to.
Must not know: how a net is executed. Parts mean nothing to an execution: a net of parts fires exactly as the
same net declared in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Declaring, Net
from scraper_cpn.net.outputs import Output
from scraper_cpn.net.places import AnyPlace, Place


class Wording(NamedTuple):
    """The words for people when a token waits because a place lacks what it needs.

    Attributes:
        event: what has to happen first; `{key}` stands for the key whose token or number is missing.
        pause: the same where only time has to pass. Empty: *event* says it.
        outlasts: whether the lack still holds when a run that was ended goes on.
    """

    event: str
    pause: str = ""
    outlasts: bool = False

    def tell(self, key: object = "", *, timed: bool = False) -> str:
        """The words for a key; *timed* if it is known until when it lacks."""
        words = self.pause if timed and self.pause else self.event
        return words.replace("{key}", str(key))


class Part(Declaring):
    """A named part of a net. Declare places and transitions with it as with the net itself.

    A subclass declares its own in `__init__`, keeps as attributes what others may connect to (its ports),
    and takes the ports of other parts as arguments.

    >>> from msgspec import Struct
    >>> from scraper_cpn.net import put
    >>> class Job(Struct, frozen=True):
    ...     host: str
    >>> class Desk(Part):
    ...     def __init__(self, net: Net) -> None:
    ...         super().__init__(net, "desk")
    ...         self.jobs = self.place("jobs", Job, source=True, work=True)
    ...         done = self.sink("done", Job)
    ...         self.transition("finish", [self.jobs], outputs=[put(done)])
    >>> net = Net("office")
    >>> desk = Desk(net)
    >>> list(net.places), list(net.parts), net.part_of(desk.jobs) is desk
    (['jobs', 'done'], ['desk'], True)

    Args:
        net: to which everything that the part declares is added.
        name: unique among the net's parts.

    Attributes:
        wording: what to say when a token waits for one of the part's places.
    """

    def __init__(self, net: Net, name: str) -> None:
        self._net = net
        self.name = name
        self.places = {}
        self.effects = {}
        self.transitions = {}
        self.wording: dict[AnyPlace, Wording] = {}
        net.register("part", net.parts, name, self)

    def __repr__(self) -> str:
        return f"<part {self.name} of net {self._net.name}>"

    @property
    def net(self) -> Net:
        """The net of which this is a part."""
        return self._net

    def properties(self) -> Iterable[Any]:
        """The part's promises, as properties that `scraper_cpn.analysis` can prove.

        Override it; by default there are none. The kernel ignores them; to prove the
        properties of a net goes through `net.parts.values()`.
        """
        return ()


class Limit(Part):
    """A part that limits requests: what each request takes, and what each outcome of it puts.

    Give limits to a transition (`net.transition(..., limits=[...])`) and it takes from all of them in one
    step, or from none. Transitions that share a list of limits are limited together.

    >>> from scraper_cpn.net import Lost, hold, on, put
    >>> from msgspec import Struct
    >>> class Job(Struct, frozen=True):
    ...     host: str
    >>> class Ok(Struct, frozen=True):
    ...     pass
    >>> class Lines(Limit):
    ...     def __init__(self, net: Net, number: int) -> None:
    ...         super().__init__(net, "lines")
    ...         self.free = self.counter("free_lines", start=number)
    ...         self.takes = [hold(self.free)]
    >>> net = Net("ping")
    >>> jobs = net.place("jobs", Job, source=True, work=True)
    >>> ping = net.effect("ping", Ok)
    >>> ends = [on(Ok), on(Lost, put(jobs))]
    >>> call = net.transition("call", [jobs], limits=[Lines(net, 2)], effect=ping(jobs), outcomes=ends)
    >>> [str(arc) for arc in call.arcs]
    ['take(jobs)', 'hold(free_lines)']

    Attributes:
        takes: the inputs that each request has from this limit, in order.
        still: what must hold when a request really starts: `read` or `absent`; else it is revoked.
        puts: by type of outcome, what is put for it beside the request's own outputs. An outcome that a
            transition does not have is no mistake: requests of several kinds may share a limit.
        counts_by: the fields of a request by which it counts. A place of requests needs them as keys.
    """

    counts_by: tuple[str, ...] = ()
    takes: Sequence[Arc] = ()
    still: Sequence[Arc] = ()
    puts: Mapping[type[Any], Sequence[Output]] = {}

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """The outputs for a newcomer, such as the pacing token of a key that was never seen.

        Override it if the limit has tokens of its own for each key; by default nothing. (A counter needs
        nothing: it has a number for each key from the beginning.)

        Args:
            source: where the newcomer comes from: a place to which an earlier output of the same outcome puts it,
                or the type of the outcome.
        """
        del source
        return ()
