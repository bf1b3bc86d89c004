"""The plan of a compiled net: all that was decided before a line is written, as data that prints itself.

Owns: `Plan`, which the writers follow, and its text for people.
Must not know: the text of the generated functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scraper_cpn.net import plan
from scraper_cpn.net.compiled.generate.indexes import Index, Meeting
from scraper_cpn.net.compiled.generate.keeping import Keeping
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.looks import Search, search_of
from scraper_cpn.net.compiled.generate.watching import Watch
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.places import Counter, Sink

_WAYS = {
    "queue": "a queue",
    "serials": "by serial",
    "records": "in the records of its keys",
    "shown": "not kept, shown by firings",
}
_KINDS = {
    "line": "in the order in which they are taken",
    "view": "by key",
    "presence": "counted by key",
    "held": "in records",
}


@dataclass(frozen=True)
class Plan:
    """The plan of a compiled net.

    Attributes:
        layout: the names, and what each change concerns.
        searches: where the arcs of each transition look, in the order in which transitions are tried.
    """

    layout: Layout
    searches: tuple[Search, ...]

    @property
    def order(self) -> list[str]:
        """The names of the transitions, in the order in which they are tried."""
        return [each.transition.name for each in self.searches]

    @property
    def places(self) -> dict[str, Keeping]:
        """How each place that keeps tokens does so, by its name."""
        return {place.name: self.layout.how(place) for place in self.layout.standing}

    @property
    def meetings(self) -> list[Meeting]:
        """The joins whose inputs all have the same key: one for all transitions that join alike."""
        return self.layout.kept.meetings

    def search(self, transition: str) -> Search:
        """Where the arcs of a transition look."""
        return self.searches[self.order.index(transition)]

    def watched(self, transition: str) -> list[str]:
        """After what a transition is tried again, a line for each."""
        return list(dict.fromkeys(_watched(self.layout, self.search(transition).transition)))

    def __str__(self) -> str:
        return "\n".join(_lines(self)) + "\n"


def planned(layout: Layout) -> Plan:
    """The plan of a net whose layout is known."""
    return Plan(layout, tuple(search_of(layout, each) for each in layout.transitions))


# What a transition watches.


def _watched(layout: Layout, transition: Transition) -> Iterator[str]:
    if transition.manual:
        yield "never by itself: a hand begins it"
        return
    number = layout.number(transition)
    for name, place in layout.net.places.items():
        for watch in layout.watches.of(place):
            if watch.number == number and not watch.by_join:
                yield _change(layout, name, watch)
        if number in layout.watches.slots(place):
            yield f"{name}: a slot becomes free"
    for meeting in layout.kept.meetings:
        if meeting.mask >> number & 1:
            yield f"{meeting.name}: a key has all that the join needs"
    if layout.timed & layout.bit(transition):
        yield "its next useful time comes"


def _change(layout: Layout, name: str, watch: Watch) -> str:
    change = "goes" if watch.fears else "comes"
    what = "one" if isinstance(watch.arc.place, Counter) else "a token"
    state = " whose time has passed" if watch.expired else ""
    guard = (
        f" that passes {layout.names.function(watch.arc.when)}"
        if watch.bit and not watch.expired
        else ""
    )
    used = ", or is in use" if watch.arc.include_in_use and not watch.fears else ""
    return f"{name}: {what}{state}{guard} {change}{used}"


# The text.


def _lines(found: Plan) -> Iterator[str]:
    layout = found.layout
    yield f"net {layout.net.name}, as it is compiled"
    yield from ("", "places")
    for keeping in found.places.values():
        yield from _place(layout, keeping)
    for place in layout.net.places.values():
        if isinstance(place, Counter):
            yield f"  {place.name}: {_number(layout, place)}"
        elif isinstance(place, Sink):
            yield f"  {place.name}: a sink"
    yield from (
        f"  {seen.name}: a set{' in many tables' if seen.paged else ''}" for seen in layout.sets
    )
    if found.meetings:
        yield from ("", "joins of one key, by records")
        for meeting in found.meetings:
            yield from _meeting(layout, meeting)
    if layout.kept.joins:
        yield from ("", "joins of different keys, by indexes")
        for (transition, number), name in layout.kept.joins.items():
            keys = ", ".join(plan.groups(transition)[number].keys)
            yield f"  {name}: on {keys}, for {transition.name}"
    yield from ("", "transitions, in the order in which they are tried")
    for search in found.searches:
        yield from _transition(found, search)


def _place(layout: Layout, keeping: Keeping) -> Iterator[str]:
    place = keeping.place
    words = [_WAYS[keeping.way]]
    words += [f"order {', '.join(place.order)}"] if place.order else []
    words += ["few in memory"] if place.paged else []
    time = "in the order of their times" if place.by_time else "wait for their time"
    words += [time] if place.timed else []
    words += ["expire"] if place.expires else []
    words += [f"at most {place.capacity}"] if place.capacity is not None else []
    words += ["may belong to another partition"] if keeping.channel else []
    yield f"  {place.name}: {', '.join(words)}"
    if not keeping.is_queue:
        for found in keeping.indexes:
            yield f"    {found.name}: {_index(layout, found)}"


def _index(layout: Layout, found: Index) -> str:
    by = f" {', '.join(found.names)}" if found.names else ""
    guard = layout.how(found.place).guards[found.bit.bit_length() - 1] if found.bit else None
    words = [_KINDS[found.kind] + by]
    words += [f"those that pass {layout.names.function(guard)}"] if guard is not None else []
    words += ["those whose time has passed"] if found.expired else []
    words += ["ready or not"] if found.ignores_ready else []
    words += ["for trying combinations"] if found.scanned else []
    words += ["with those in use"] if found.in_use else []
    return ", ".join(words)


def _number(layout: Layout, counter: Counter) -> str:
    if not counter.keys:
        return "a number"
    where = "in the records of its keys" if counter.name in layout.kept.met else "in a table"
    return f"a number for each {', '.join(counter.keys)}, {where}"


def _meeting(layout: Layout, meeting: Meeting) -> Iterator[str]:
    yield f"  {meeting.name}: on {', '.join(meeting.keys)}, for {layout.listed(meeting.mask)}"
    yield f"    first: {meeting.lead.place.name}"
    needs = [found.place.name for found in meeting.others] + [each.name for each in meeting.numbers]
    if needs:
        yield f"    with: {', '.join(needs)}"


def _transition(found: Plan, search: Search) -> Iterator[str]:
    transition = search.transition
    yield f"  {transition.name}, priority {transition.priority}"
    if plan.combines(transition):
        yield "    tries combinations of tokens"
    for each in search.looks:
        yield f"    {each.arc}: {each.words}"
    for name, needed in plan.slots(transition).items():
        yield f"    {name}: {needed} free slot{'s' if needed > 1 else ''}"
    yield "    is tried again when"
    yield from (f"      {line}" for line in found.watched(transition.name))
