"""Nets as PNML files (ISO/IEC 15909-2), read and written: place/transition nets, and symmetric nets, which are unfolded.

Owns: `read_pnml` and `write_pnml`. The grammar is that of 2009, as the Model Checking Contest uses it.
Must not know: how a net is explored; what colours mean (`symmetric.py`).

A file that is no such net raises `PnmlError` with one line: broken XML, a document type (which may be a bomb of
entities), an unknown grammar, an identifier that is given twice, an arc that leads nowhere or has a type (an inhibitor).
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from scraper_cpn.analysis.plain import Atom, Event, PlainNet
from scraper_cpn.analysis.symmetric import PnmlError, Symmetric

GRAMMAR = "http://www.pnml.org/version-2009/grammar/"
KINDS = ("ptnet", "symmetricnet")
BYTES_MAX = 256 << 20


def read_pnml(path: str | Path) -> PlainNet:
    """The net of a file; of a symmetric net, its unfolding.

    Raises:
        PnmlError: with one line that names the file and what is wrong.
        OSError: it can't be read.
    """
    try:
        return _net(_parsed(Path(path)))
    except PnmlError as error:
        raise PnmlError(f"{path}: {error}") from None
    except RecursionError:
        raise PnmlError(f"{path}: is nested too deeply") from None
    except (LookupError, TypeError, ValueError) as error:  # of a term
        raise PnmlError(f"{path}: does not follow its grammar: {error}") from None


def _parsed(path: Path) -> ET.Element:
    if path.stat().st_size > BYTES_MAX:
        raise PnmlError(f"is larger than {BYTES_MAX >> 20} MB")
    data = path.read_bytes()
    parser = expat.ParserCreate()

    def refuse(*_: Any) -> None:
        raise PnmlError("has a document type, which is not allowed in PNML; remove <!DOCTYPE ...>")

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
        root = ET.fromstring(data)  # noqa: S314
    except (expat.ExpatError, ET.ParseError) as error:
        raise PnmlError(f"is no XML: {error}") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _net(root: ET.Element) -> PlainNet:
    nets = root.findall("net") if root.tag == "pnml" else []
    if len(nets) != 1:
        raise PnmlError(f"has {len(nets)} nets; a file of PNML has one <net> in <pnml>")
    (net,) = nets
    kind = net.get("type", "")
    if kind not in {GRAMMAR + known for known in KINDS}:
        raise PnmlError(f"is of grammar {kind!r}; {' and '.join(KINDS)} of {GRAMMAR} can be read")
    nodes = _Nodes(net)
    colours = Symmetric(net) if kind.endswith("symmetricnet") else None
    return _Unfolded(nodes, colours).plain


class _Nodes:
    """The places, transitions and arcs of a net, by identifier."""

    def __init__(self, net: ET.Element) -> None:
        self.id = net.get("id", "net")
        self.places: dict[str, ET.Element] = {}
        self.transitions: dict[str, ET.Element] = {}
        self.arcs: list[ET.Element] = []
        self._references: dict[str, str] = {}
        self._known: set[str] = set()
        for element in self._elements(net):
            self._add(element)

    def _elements(self, within: ET.Element) -> Iterator[ET.Element]:
        for element in within:
            if element.tag == "page":
                yield from self._elements(element)
            else:
                yield element

    def _add(self, element: ET.Element) -> None:
        tables = {"place": self.places, "transition": self.transitions}
        if element.tag not in {*tables, "arc", "referencePlace", "referenceTransition"}:
            return
        name = element.get("id")
        if not name:
            raise PnmlError(f"has a {element.tag} without an id")
        if name in self._known:
            raise PnmlError(f"has the id {name!r} twice")
        self._known.add(name)
        if element.tag == "arc":
            if element.find("type") is not None:
                raise PnmlError(f"arc {name!r}: has a type; only arcs that move tokens can be read")
            self.arcs.append(element)
        elif element.tag in tables:
            tables[element.tag][name] = element
        else:
            self._references[name] = element.get("ref", "")

    def end(self, arc: ET.Element, which: str) -> str:
        """The node at an end of an arc, behind references."""
        name = arc.get(which, "")
        seen = set[str]()
        while name in self._references and name not in seen:
            seen.add(name)
            name = self._references[name]
        if name not in self.places and name not in self.transitions:
            raise PnmlError(f"arc {arc.get('id')!r}: its {which} {arc.get(which)!r} is no node")
        return name


class _Unfolded:
    """The plain net."""

    def __init__(self, nodes: _Nodes, colours: Symmetric | None) -> None:
        self._nodes, self._colours = nodes, colours
        self.plain = PlainNet(nodes.id)
        initial = {name: self._initial(name, place) for name, place in nodes.places.items()}
        for name, tokens in initial.items():
            for value, number in tokens.items():
                self._atom(name, value, number)
        arcs: dict[str, list[tuple[str, int, Any]]] = {name: [] for name in nodes.transitions}
        for arc in nodes.arcs:
            source, target = nodes.end(arc, "source"), nodes.end(arc, "target")
            if (source in nodes.places) == (target in nodes.places):
                raise PnmlError(
                    f"arc {arc.get('id')!r}: leads from {source!r} to {target!r}; it must connect a place and a transition"
                )
            inward = source in nodes.places
            place, transition = (source, target) if inward else (target, source)
            arcs[transition].append((place, -1 if inward else 1, self._inscription(arc)))
        self._fixed = initial if colours is None else _fixed(initial, arcs.values())
        for name, element in nodes.transitions.items():
            self._transition(name, element, arcs[name])

    def _atom(self, place: str, value: Any, initial: int = 0) -> int:
        atom = Atom("token", place, value)
        if self._colours is not None and atom not in self.plain.index:
            self._colours.refuse_stranger(self._nodes.places[place], value)
        return self.plain.atom(atom, initial)

    def _initial(self, name: str, place: ET.Element) -> dict[Any, int]:
        if self._colours is not None:
            return self._colours.marking(place)
        number = _number(place.find("initialMarking/text"), f"place {name!r}: its marking", 0)
        return {None: number}

    def _inscription(self, arc: ET.Element) -> Any:
        if self._colours is not None:
            return self._colours.inscription(arc)
        return _number(arc.find("inscription/text"), f"arc {arc.get('id')!r}: its weight", 1)

    def _transition(self, name: str, element: ET.Element, arcs: list[tuple[str, int, Any]]) -> None:
        if self._colours is None:
            self._event(name, [(place, sign, {None: weight}) for place, sign, weight in arcs], ())
            return
        for binding, changes in self._colours.bindings(element, arcs, self._fixed):
            self._event(name, changes, binding)

    def _event(
        self,
        name: str,
        changes: Sequence[tuple[str, int, Mapping[Any, int]]],
        bound: tuple[Any, ...],
    ) -> None:
        needs: dict[int, int] = {}
        change: dict[int, int] = {}
        for place, sign, tokens in changes:
            for value, number in tokens.items():
                atom = self._atom(place, value)
                change[atom] = change.get(atom, 0) + sign * number
                if sign < 0:
                    needs[atom] = needs.get(atom, 0) + number
        self.plain.events.append(Event("fire", name, needs, change, bound=bound))


def _fixed(
    initial: Mapping[str, Mapping[Any, int]], arcs: Iterable[list[tuple[str, int, ET.Element]]]
) -> dict[str, Mapping[Any, int]]:
    """The places that always have their first tokens: each transition puts back what it takes from them."""
    moved = set[str]()
    for some in arcs:
        change = Counts[tuple[str, str]]()
        for place, sign, term in some:
            change[place, "".join(ET.tostring(term, encoding="unicode").split())] += sign
        moved.update(place for (place, _), number in change.items() if number)
    return {place: tokens for place, tokens in initial.items() if place not in moved}


def _number(element: ET.Element | None, what: str, default: int) -> int:
    if element is None:
        return default
    text = (element.text or "").strip()
    if not text.isdecimal():
        raise PnmlError(f"{what} is {text!r}; give a whole number from 0 up")
    return int(text)


def write_pnml(plain: PlainNet, path: str | Path) -> None:
    """Write a plain net as a place/transition net, for a second opinion.

    Priorities are left out, so that it may do more than the net.

    Raises:
        PnmlError: it tests for absence or room, or puts only what is new, which such nets can't.
    """
    if any(event.absent or event.room or event.news for event in plain.events):
        raise PnmlError(
            f"net {plain.name}: has events that no place/transition net has (absence, capacity, sets)"
        )
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<pnml xmlns="{GRAMMAR}pnml">']
    lines.append(f'<net id={quoteattr(plain.name)} type="{GRAMMAR}ptnet"><page id="page">')
    for number, atom in enumerate(plain.atoms):
        initial = plain.initial[number]
        text = escape(atom.name if atom.value is None else f"{atom.name} {atom.value!r}")
        marking = f"<initialMarking><text>{initial}</text></initialMarking>" if initial else ""
        lines.append(f'<place id="p{number}"><name><text>{text}</text></name>{marking}</place>')
    for number, event in enumerate(plain.events):
        lines.append(
            f'<transition id="t{number}"><name><text>{escape(event.name)}</text></name></transition>'
        )
        puts = {atom: n + event.needs.get(atom, 0) for atom, n in event.change.items()}
        puts = {**event.needs, **puts}
        arcs = [(f"p{a}", f"t{number}", n) for a, n in event.needs.items()]
        arcs += [(f"t{number}", f"p{a}", n) for a, n in puts.items()]
        for source, target, weight in arcs:
            if weight:
                lines.append(
                    f'<arc id="{source}-{target}" source="{source}" target="{target}">'
                    f"<inscription><text>{weight}</text></inscription></arc>"
                )
    lines.append("</page></net></pnml>")
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
