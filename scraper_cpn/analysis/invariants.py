"""Invariants of a plain net: sums that no event changes, and events that together change nothing.

Owns: `place_invariants`, `transition_invariants`, `bounds`, and `structure`, which lists them for a net and an instance.
Must not know: how a net is explored.

Found from the changes of the events alone, by Farkas's algorithm (J. Farkas, 1902; J. Martinez and M. Silva, 1982): rows with
weights of atoms are combined until no event changes them. They hold in every state, however many there are. In a grounded net
atoms have their colours, so that invariants are those of the coloured net, for the instance.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from scraper_cpn.analysis.ground import Grounder, TooMuchError
from scraper_cpn.analysis.instance import AnalysisError, Instance, refuse_misfit
from scraper_cpn.analysis.plain import Atom, PlainNet
from scraper_cpn.analysis.verify import CAPS
from scraper_cpn.net import Net, checked

ROWS_MAX = 4_000
"""Combinations at a time; nets with more have too many invariants to list."""
Vector = dict[int, int]


@dataclass(frozen=True)
class Invariant:
    """A sum that is the same in every state.

    Attributes:
        weights: of atoms, by their numbers; all are positive.
        total: the sum.
    """

    weights: Mapping[int, int]
    total: int


def place_invariants(plain: PlainNet) -> list[Invariant]:
    """The minimal sums of atoms, with positive weights, that no event changes.

    Raises:
        AnalysisError: there are too many.
    """
    columns: list[Mapping[int, int]] = []
    for event in plain.events:
        columns.append(event.change)
        columns += [{new.key: 1, **({} if new.forgets else new.change)} for new in event.news]
    rows = _semiflows(len(plain.atoms), columns)
    return [Invariant(row, sum(plain.initial[a] * n for a, n in row.items())) for row in rows]


def transition_invariants(plain: PlainNet) -> list[Vector]:
    """The minimal numbers of events, by their numbers in the net, that together change nothing.

    A net in which every run ends has none. Events that change nothing alone are left out.

    Raises:
        AnalysisError: there are too many.
    """
    columns: list[Vector] = [{} for _ in plain.atoms]
    for number, event in enumerate(plain.events):
        for atom, change in event.change.items():
            if change:
                columns[atom][number] = change
    rows = _semiflows(len(plain.events), columns)
    idle = {n for n, event in enumerate(plain.events) if not any(event.change.values())}
    return [row for row in rows if not row.keys() & idle]


def bounds(plain: PlainNet) -> dict[int, int]:
    """How many of an atom there can be at most, for atoms that are in a place invariant."""
    return _bounds(place_invariants(plain))


def _bounds(invariants: Sequence[Invariant]) -> dict[int, int]:
    found: dict[int, int] = {}
    for invariant in invariants:
        for atom, weight in invariant.weights.items():
            most = invariant.total // weight
            found[atom] = min(found.get(atom, most), most)
    return found


def _semiflows(size: int, columns: Sequence[Mapping[int, int]]) -> list[Vector]:
    """The minimal vectors of numbers from 0 up, not all 0, whose product with each column is 0."""
    rows = [({at: 1}, _products(at, columns)) for at in range(size)]
    while any(products for _, products in rows):
        column = _cheapest(rows)
        kept = [row for row in rows if column not in row[1]]
        plus = [row for row in rows if row[1].get(column, 0) > 0]
        minus = [row for row in rows if row[1].get(column, 0) < 0]
        if len(kept) + len(plus) * len(minus) > ROWS_MAX:
            raise AnalysisError(
                f"has more than {ROWS_MAX:,} candidates for invariants; take a smaller instance"
            )
        rows = _minimal(kept + [_combined(one, two, column) for one in plus for two in minus])
    return [weights for weights, _ in rows]


def _products(at: int, columns: Sequence[Mapping[int, int]]) -> Vector:
    return {number: column[at] for number, column in enumerate(columns) if column.get(at)}


def _cheapest(rows: Sequence[tuple[Vector, Vector]]) -> int:
    """The column whose elimination leaves the fewest rows."""
    plus, minus = Counts[int](), Counts[int]()
    for _, products in rows:
        for column, number in products.items():
            (plus if number > 0 else minus)[column] += 1
    every = sorted(plus.keys() | minus.keys())
    return min(every, key=lambda c: plus[c] * minus[c] - plus[c] - minus[c])


def _combined(
    one: tuple[Vector, Vector], two: tuple[Vector, Vector], column: int
) -> tuple[Vector, Vector]:
    """The sum of two rows in which a column is 0, as small as it can be."""
    first, second = -two[1][column], one[1][column]
    sums = []
    for left, right in zip(one, two, strict=True):
        total = {at: first * number for at, number in left.items()}
        for at, number in right.items():
            total[at] = total.get(at, 0) + second * number
        sums.append({at: number for at, number in total.items() if number})
    weights, products = sums
    by = gcd(*weights.values(), *products.values())
    return (
        {at: number // by for at, number in weights.items()},
        {at: number // by for at, number in products.items()},
    )


def _minimal(rows: Sequence[tuple[Vector, Vector]]) -> list[tuple[Vector, Vector]]:
    """The rows whose atoms are not all among those of another one."""
    found: list[tuple[Vector, Vector]] = []
    for row in sorted(rows, key=lambda each: len(each[0])):
        if not any(each[0].keys() <= row[0].keys() for each in found):
            found.append(row)
    return found


# For people.


@dataclass(frozen=True)
class Structure:
    """What the structure of a net shows for an instance.

    Attributes:
        conserved: a line for each sum that stays the same; those that differ in colours alone share one.
        rounds: a line for each set of events after which everything is as before, likewise.
        unbounded: places and numbers in no such sum.
        assumes: what was not proved, without which sums and rounds may be wrong.
    """

    net: str
    conserved: tuple[str, ...]
    rounds: tuple[str, ...]
    unbounded: tuple[str, ...]
    assumes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"net {self.net}"]
        for title, texts in (
            ("what is conserved", self.conserved),
            ("what may repeat", self.rounds),
            ("in no sum that is conserved", self.unbounded),
        ):
            lines += ["", title, *(f"  {text}" for text in texts or ("nothing",))]
        if self.assumes:
            lines += ["", "only if", *(f"  {text}" for text in self.assumes)]
        return "\n".join(lines)


def structure(net: Net, instance: Instance) -> Structure:
    """What the structure of a net shows: sums that are conserved, and what may go round. No state is looked at.

    Args:
        net: is checked first.
        instance: the tokens and outcomes that give atoms their colours.

    Raises:
        NetError: the net can't work.
        AnalysisError: the instance does not fit it, or there is too much to list.
    """
    checked(net)
    refuse_misfit(net, instance)
    for cap in CAPS:
        grounder = _grounded(net, instance, cap)
        plain, invariants = grounder.plain, place_invariants(grounder.plain)
        # Bounds hold as long as no arc takes more than was bound together, so that sums show that none ever does.
        most = _bounds(invariants)
        capped = grounder.capped() if grounder.takes_all else []
        many = dict.fromkeys(plain.atoms[n].name for n in capped if most.get(n, cap + 1) > cap)
        if not many:
            break
    covered = {plain.atoms[atom].name for each in invariants for atom in each.weights}
    sums = Counts(_sum(plain, each) for each in invariants)
    rounds = Counts(_round(plain, each) for each in transition_invariants(plain))
    return Structure(
        net.name,
        tuple(_times(text, number) for text, number in sums.items()),
        tuple(_times(text, number) for text, number in rounds.items()),
        tuple(name for name in net.places if name not in covered),
        tuple(
            f"{name} never has more than {cap} equal tokens, of which an arc takes all"
            for name in many
        ),
    )


def _grounded(net: Net, instance: Instance, cap: int) -> Grounder:
    grounder = Grounder(net, instance, cap=cap)
    try:
        grounder.relaxed()
    except TooMuchError as error:
        raise AnalysisError(
            f"net {net.name}: there are too many possible firings: {error}"
        ) from None
    return grounder


def _times(text: str, number: int) -> str:
    return text if number == 1 else f"{text} ({number} times)"


def _sum(plain: PlainNet, invariant: Invariant) -> str:
    """An invariant by the names of places; weights are those of one atom each."""
    weights = {_name(plain.atoms[atom]): number for atom, number in invariant.weights.items()}
    terms = [name if number == 1 else f"{number} * {name}" for name, number in weights.items()]
    return f"{' + '.join(terms)} = {invariant.total}"


def _round(plain: PlainNet, events: Vector) -> str:
    """The events of a round by their kinds and transitions."""
    names = Counts[str]()
    for number, times in events.items():
        event = plain.events[number]
        names[event.name if event.kind == "fire" else f"{event.kind} {event.name}"] += times
    return ", ".join(name if n == 1 else f"{n} * {name}" for name, n in names.items())


def _name(atom: Atom) -> str:
    kinds = {"flight": " in flight", "slots": " slots", "outside": " from outside", "row": " rows"}
    return f"{atom.name}{kinds.get(atom.kind, '')}"
