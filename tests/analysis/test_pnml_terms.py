"""Terms of symmetric nets in PNML: each kind is read as the standard says, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper_cpn.analysis.explore import Explorer
from scraper_cpn.analysis.monitor import Everything
from scraper_cpn.analysis.pnml import GRAMMAR, read_pnml
from scraper_cpn.analysis.symmetric import PnmlError

X, Y = ('<variable refvariable="x"/>', '<variable refvariable="y"/>')
ALL = '<all><usersort declaration="C"/></all>'
A = '<useroperator declaration="a"/>'
CONSTANTS = "".join(f'<feconstant id="{name}"/>' for name in "abc")
PARTITION = (
    '<partition id="P"><usersort declaration="C"/>'
    '<partitionelement id="low"><useroperator declaration="a"/><useroperator declaration="b"/></partitionelement>'
    '<partitionelement id="high"><useroperator declaration="c"/></partitionelement></partition>'
)


def of(tag: str, *terms: str, more: str = "") -> str:
    """An operator with its operands."""
    return f"<{tag}{more}>{''.join(f'<subterm>{term}</subterm>' for term in terms)}</{tag}>"


def times(number: object, term: str, tag: str = "numberof") -> str:
    """A multiset."""
    return of(tag, f'<numberconstant value="{number}"><positive/></numberconstant>', term)


def part(term: str, partition: str = "P") -> str:
    """The part of a value."""
    return of("partitionelementof", term, more=f' refpartition="{partition}"')


def net(
    path: Path, first: str = ALL, takes: str = X, condition: str = "", puts: str = X, more: str = ""
) -> Path:
    """A net that moves what it *takes* from one place to another, which becomes what it *puts*."""
    kept = f"<condition><structure>{condition}</structure></condition>" if condition else ""
    sort = '<type><structure><usersort declaration="C"/></structure></type>'

    def arc(source: str, target: str, term: str) -> str:
        inscription = f"<hlinscription><structure>{term}</structure></hlinscription>"
        return f'<arc id="{source}{target}" source="{source}" target="{target}">{inscription}</arc>'

    path.write_text(
        f'<pnml xmlns="{GRAMMAR}pnml"><net id="n" type="{GRAMMAR}symmetricnet"><declaration><structure><declarations>'
        f'<namedsort id="C"><cyclicenumeration>{CONSTANTS}</cyclicenumeration></namedsort>{PARTITION}{more}'
        '<variabledecl id="x"><usersort declaration="C"/></variabledecl><variabledecl id="y"><usersort declaration="C"/>'
        '</variabledecl></declarations></structure></declaration><page id="g">'
        f'<place id="p">{sort}<hlinitialMarking><structure>{first}</structure></hlinitialMarking></place>'
        f'<place id="q">{sort}</place><transition id="t">{kept}</transition>{arc("p", "t", takes)}{arc("t", "q", puts)}'
        "</page></net></pnml>"
    )
    return path


PAIR = of("add", X, Y)


@pytest.mark.parametrize(
    ("given", "states", "edges"),
    [
        ({}, 8, 12),
        ({"first": times(2, A), "puts": of("successor", X)}, 3, 2),
        ({"first": times(2, ALL, "scalarproduct"), "takes": times(2, X)}, 8, 12),
        ({"takes": of("subtract", ALL, X)}, 4, 3),
        ({"takes": PAIR, "condition": of("lessthan", X, Y)}, 4, 3),
        ({"takes": PAIR, "condition": of("ltp", part(X), part(Y))}, 3, 2),
        ({"takes": PAIR, "condition": of("gtp", part(Y), part(X))}, 3, 2),
        ({"condition": of("equality", part(X), '<useroperator declaration="low"/>')}, 4, 4),
        ({"condition": of("imply", of("equality", X, A), '<booleanconstant value="false"/>')}, 4, 4),
    ],
    ids=lambda given: ", ".join(given) or "plain" if isinstance(given, dict) else "",
)  # fmt: skip
def test_terms_mean_what_the_standard_says(
    given: dict[str, str], states: int, edges: int, tmp_path: Path
) -> None:
    """Multisets, operators of enumerations, parts of partitions, and conditions."""
    space = Explorer(read_pnml(net(tmp_path / "n.pnml", **given)), [Everything()]).run()
    assert (space.states, space.edges) == (states, edges)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"first": '<useroperator declaration="z"/>'}, "uses the constant 'z', which is not declared"),
        ({"first": times(-1, A)}, "has a multiset with '-1' of a value; give a whole number"),
        ({"first": of("tuple", A, A)}, "place 'p': its sort has no ('a', 'a')"),
        ({"puts": part(X)}, "place 'q': its sort has no 'low'"),
        ({"condition": of("equality", part(X, "Q"), part(Y))}, "looks for 'a' in the partition 'Q', which does not"),
        ({"condition": X}, "has the condition 'variable', which can't be read"),
        ({"more": '<namedsort id="D"><finiteenumeration><feconstant id="a"/></finiteenumeration></namedsort>'}, "has the id 'a' twice"),
    ],
    ids=lambda given: "" if isinstance(given, str) else ", ".join(given),
)  # fmt: skip
def test_terms_that_mean_nothing_are_refused(
    given: dict[str, str], why: str, tmp_path: Path
) -> None:
    """One line says what is wrong, where it would have been read as something else, or for ever."""
    with pytest.raises(PnmlError) as error:
        read_pnml(net(tmp_path / "n.pnml", **given))
    assert why in str(error.value)
    assert "\n" not in str(error.value)
