"""The colours of symmetric nets in PNML: sorts, variables, terms and conditions.

Owns: evaluating the terms of a file for each binding of a transition's variables.
Must not know: places, exploration.

A term is worth a multiset of values. Constants are named by their identifiers, numbers are integers, a dot is "dot",
and a product is a tuple.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any
from xml.etree import ElementTree as ET

Value = Any
Env = dict[str, Value]
BINDINGS_MAX = 4_000_000
"""Partial ones included, in all transitions of a net."""


class PnmlError(Exception):
    """A file can't be read as a net; the message is one line."""


class Symmetric:
    """The declarations of a symmetric net."""

    def __init__(self, net: ET.Element) -> None:
        self._named = {each.get("id", ""): each for each in net.iter("namedsort") if each.get("id")}
        """The sorts of the file: one may be used before it is declared."""
        self._declared = dict(self._named)
        self._sorts: dict[str, list[Value]] = {"dot": ["dot"]}
        self._order: dict[Value, tuple[list[Value], int]] = {}
        self._enumerated: dict[ET.Element, list[Value]] = {}
        self._variables: dict[str, list[Value]] = {}
        self._tried = 0
        self._part_of: dict[tuple[str, Value], str] = {}
        self._parts: dict[str, int] = {}
        for declarations in net.iter("declarations"):
            for element in declarations:
                self._declare(element)

    def _declare(self, element: ET.Element) -> None:
        name = element.get("id", "")
        if element.tag == "namedsort":
            self._sort(name)
        elif element.tag == "variabledecl":
            self._variables[name] = self._values(_only(element))
        elif element.tag == "partition":
            for number, part in enumerate(element.findall("partitionelement")):
                if part.get("id", "") in self._parts:
                    raise PnmlError(f"has the id {part.get('id')!r} twice")
                self._parts[part.get("id", "")] = number
                for operator in part.iter("useroperator"):
                    self._part_of[name, operator.get("declaration", "")] = part.get("id", "")
        else:
            raise PnmlError(f"declares a {element.tag}, which symmetric nets don't")

    def _values(self, sort: ET.Element) -> list[Value]:
        """The values of a sort, in order."""
        if sort.tag in {"cyclicenumeration", "finiteenumeration"}:
            return self._constants(sort)
        if sort.tag == "finiteintrange":
            first, last = int(sort.get("start", "0")), int(sort.get("end", "-1"))
            return list(range(first, last + 1))
        if sort.tag == "productsort":
            return list(product(*(self._values(each) for each in sort)))
        if sort.tag == "dot":
            return ["dot"]
        name = sort.get("declaration", "")
        if sort.tag != "usersort":
            raise PnmlError(f"uses the sort {name or sort.tag!r}, which is not declared")
        return self._sort(name)

    def _sort(self, name: str) -> list[Value]:
        """The values of a sort that the file declares."""
        if name not in self._sorts:
            if name not in self._named:
                raise PnmlError(f"uses the sort {name!r}, which is not declared")
            declared = self._named.pop(name)  # so that a sort made of itself is not declared
            self._sorts[name] = self._values(_only(declared))
        return self._sorts[name]

    # What a net asks.

    def marking(self, place: ET.Element) -> Counts[Value]:
        """The first tokens of a place."""
        term = place.find("hlinitialMarking/structure/*")
        return Counts() if term is None else self._worth(term, {})

    def refuse_stranger(self, place: ET.Element, value: Value) -> None:
        """Raise `PnmlError` if a place's sort does not have a value."""
        sort = place.find("type/structure/*")
        if sort is not None and not self._fits(sort, value):
            raise PnmlError(f"place {place.get('id')!r}: its sort has no {value!r}")

    def _fits(self, sort: ET.Element, value: Value) -> bool:
        """Whether a sort has a value; the values of a product are not listed for that."""
        while sort.tag == "usersort" and sort.get("declaration", "") in self._declared:
            sort = _only(self._declared[sort.get("declaration", "")])
        if sort.tag == "productsort":
            parts = list(sort)
            return (
                isinstance(value, tuple)
                and len(value) == len(parts)
                and all(map(self._fits, parts, value))
            )
        return value in self._values(sort)

    def _constants(self, sort: ET.Element) -> list[Value]:
        """The constants of an enumeration, which are declared where they are read first."""
        if sort not in self._enumerated:
            values: list[Value] = [each.get("id") for each in sort.findall("feconstant")]
            for value in values:
                if values.count(value) > 1 or value in self._order:
                    raise PnmlError(f"has the id {value!r} twice")
            self._order.update({value: (values, at) for at, value in enumerate(values)})
            self._enumerated[sort] = values
        return self._enumerated[sort]

    def inscription(self, arc: ET.Element) -> ET.Element:
        """The term of an arc."""
        term = arc.find("hlinscription/structure/*")
        if term is None:
            raise PnmlError(f"arc {arc.get('id')!r}: has no hlinscription")
        return term

    def bindings(
        self,
        transition: ET.Element,
        arcs: list[tuple[str, int, ET.Element]],
        fixed: Mapping[str, Mapping[Value, int]],
    ) -> Iterator[tuple[tuple[Any, ...], list[tuple[str, int, Counts[Value]]]]]:
        """Each binding under which a transition's condition holds, with what its arcs move.

        Args:
            transition: the transition.
            arcs: the place of each arc, -1 for an input or 1, and its term.
            fixed: the tokens of those places that always have the same: a table of theirs joins the condition.
        """
        condition = transition.find("condition/structure/*")
        terms = [*([] if condition is None else [condition]), *(term for _, _, term in arcs)]
        names = list(
            dict.fromkeys(
                each.get("refvariable", "") for term in terms for each in term.iter("variable")
            )
        )
        for name in names:
            if name not in self._variables:
                raise PnmlError(f"uses the variable {name!r}, which is not declared")
        tests = [_Test(self._holds, part) for part in _conjuncts(condition)]
        for place, sign, term in arcs:
            if sign < 0 and place in fixed:
                tests.append(_Test(partial(self._has, fixed[place]), term))
        for env in self._agreeing(names, tests, transition.get("id", "")):
            values = tuple(env[name] for name in names)
            yield values, [(place, sign, self._worth(term, env)) for place, sign, term in arcs]

    def _agreeing(self, names: list[str], tests: list[_Test], transition: str) -> Iterator[Env]:
        """Each value of the variables that passes the tests.

        A test is made as soon as its variables have values, and the test that lacks the fewest comes next: so
        most values of the later variables are never tried.
        """
        order: list[str] = []
        decided: list[list[_Test]] = [[]]
        while tests:
            nearest = min(tests, key=lambda test: len(test.names.keys() - set(order)))
            tests.remove(nearest)
            fresh = [name for name in nearest.names if name not in order]
            order += fresh
            decided += [[] for _ in fresh]
            decided[-1].append(nearest)
        fresh = [name for name in names if name not in order]
        order += fresh
        decided += [[] for _ in fresh]
        env: Env = {}

        def extended(depth: int) -> Iterator[Env]:
            self._tried += 1
            if self._tried > BINDINGS_MAX:
                raise PnmlError(
                    f"transition {transition!r} exceeds the limit of {BINDINGS_MAX:,} bindings to try"
                )
            if not all(test.passes(test.term, env) for test in decided[depth]):
                return
            if depth == len(order):
                yield env
                return
            for value in self._variables[order[depth]]:
                env[order[depth]] = value
                yield from extended(depth + 1)

        return extended(0)

    def _has(self, tokens: Mapping[Value, int], term: ET.Element, env: Env) -> bool:
        """Whether there is among *tokens* what a term is worth."""
        worth = self._worth(term, env)
        return all(tokens.get(value, 0) >= number for value, number in worth.items())

    # Terms.

    def _worth(self, term: ET.Element, env: Env) -> Counts[Value]:
        """The multiset that a term is worth."""
        tag, parts = term.tag, [_only(each) for each in term.findall("subterm")]
        if tag == "all":
            return Counts(self._values(_only(term)))
        if tag in {"numberof", "scalarproduct"}:
            times = _times(parts)
            return Counts({v: n * times for v, n in self._worth(parts[-1], env).items()})
        if tag == "add":
            return sum((self._worth(part, env) for part in parts), Counts())
        if tag == "subtract":
            found = self._worth(parts[0], env)
            for part in parts[1:]:
                found = found - self._worth(part, env)
            return found
        if tag == "empty":
            return Counts()
        if tag == "tuple":
            found = Counts[Value]()
            for pairs in product(*(self._worth(part, env).items() for part in parts)):
                number = 1
                for _, times in pairs:
                    number *= times
                found[tuple(value for value, _ in pairs)] += number
            return found
        return Counts([self._value(term, env)])

    def _value(self, term: ET.Element, env: Env) -> Value:
        tag = term.tag
        if tag == "variable":
            return env[term.get("refvariable", "")]
        if tag == "useroperator":
            return self._constant(term.get("declaration", ""))
        if tag == "dotconstant":
            return "dot"
        if tag == "finiteintrangeconstant":
            return int(term.get("value", "0"))
        parts = [_only(each) for each in term.findall("subterm")]
        if tag in {"successor", "predecessor"}:
            return self._next(self._value(parts[0], env), 1 if tag == "successor" else -1)
        if tag == "tuple":
            return tuple(self._value(part, env) for part in parts)
        if tag == "partitionelementof":
            return self._part(term.get("refpartition", ""), self._value(parts[0], env))
        raise PnmlError(f"uses the operator {tag!r}, which can't be read")

    def _constant(self, name: str) -> Value:
        if name not in self._order and name not in self._parts:
            raise PnmlError(f"uses the constant {name!r}, which is not declared")
        return name

    def _part(self, partition: str, value: Value) -> str:
        if (partition, value) not in self._part_of:
            raise PnmlError(
                f"looks for {value!r} in the partition {partition!r}, which does not have it"
            )
        return self._part_of[partition, value]

    def _next(self, value: Value, by: int) -> Value:
        if value not in self._order:
            raise PnmlError(f"takes the successor of {value!r}, which is in no enumeration")
        values, at = self._order[value]
        return values[(at + by) % len(values)]

    def _holds(self, term: ET.Element, env: Env) -> bool:
        parts = [_only(each) for each in term.findall("subterm")]
        tag = term.tag
        if tag in {"and", "or"}:
            return (all if tag == "and" else any)(self._holds(part, env) for part in parts)
        if tag == "not":
            return not self._holds(parts[0], env)
        if tag == "imply":
            return not self._holds(parts[0], env) or self._holds(parts[1], env)
        if tag == "booleanconstant":
            return term.get("value") == "true"
        if len(parts) != 2:
            raise PnmlError(f"has the condition {tag!r}, which can't be read")
        one, two = (self._value(part, env) for part in parts)
        if tag == "equality":
            return bool(one == two)
        if tag == "inequality":
            return bool(one != two)
        first, second = self._rank(one), self._rank(two)
        compared = {
            "ltp": first < second,
            "gtp": first > second,
            "lessthan": first < second,
            "lessthanorequal": first <= second,
            "greaterthan": first > second,
            "greaterthanorequal": first >= second,
        }
        if tag in compared:
            return bool(compared[tag])
        raise PnmlError(f"has the condition {tag!r}, which can't be read")

    def _rank(self, value: Value) -> Any:
        if value in self._parts:
            return self._parts[value]
        return self._order[value][1] if value in self._order else value


class _Test:
    """What a binding must pass, and the variables that it looks at."""

    def __init__(self, passes: Callable[[ET.Element, Env], bool], term: ET.Element) -> None:
        self.passes, self.term = passes, term
        self.names = {each.get("refvariable", ""): None for each in term.iter("variable")}


def _conjuncts(condition: ET.Element | None) -> Iterator[ET.Element]:
    """The parts of a condition that must all hold."""
    todo = [] if condition is None else [condition]
    while todo:
        term = todo.pop()
        if term.tag == "and":
            todo += [_only(each) for each in term.findall("subterm")]
        else:
            yield term


def _times(parts: list[ET.Element]) -> int:
    """The number of a multiset's term."""
    number = parts[0] if len(parts) == 2 else None
    if number is None or number.tag != "numberconstant":
        return 1
    text = number.get("value", "1")
    if not text.isdecimal():
        raise PnmlError(f"has a multiset with {text!r} of a value; give a whole number from 0 up")
    return int(text)


def _only(element: ET.Element) -> ET.Element:
    """The one child of an element."""
    children = list(element)
    if len(children) < 1:
        raise PnmlError(f"has an empty {element.tag}")
    return children[0]
