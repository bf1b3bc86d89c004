"""PNML is read as it is meant and written so that it can be read; what is no PNML gets one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper_cpn.analysis.plain import Atom, Event, PlainNet
from scraper_cpn.analysis.pnml import GRAMMAR, read_pnml, write_pnml
from scraper_cpn.analysis.symmetric import PnmlError
from scraper_cpn.cli.main import main
from tests.analysis.contest import databases, kanban, philosophers
from tests.analysis.test_explore import size


def document(body: str, kind: str = "ptnet") -> str:
    """A file with one net."""
    net = f'<net id="n" type="{GRAMMAR}{kind}"><page id="pg">{body}</page></net>'
    return f'<?xml version="1.0"?><pnml xmlns="{GRAMMAR}pnml">{net}</pnml>'


@pytest.mark.parametrize("net", [philosophers(5), kanban(2), databases(5)], ids=lambda n: n.name)
def test_a_net_that_is_written_is_read_again(net: PlainNet, tmp_path: Path) -> None:
    """It has the same states, edges and dead states."""
    write_pnml(net, tmp_path / "net.pnml")
    assert size(read_pnml(tmp_path / "net.pnml")) == size(net)


def test_weights_and_tokens_are_read(tmp_path: Path) -> None:
    """Two tokens of three go at a time, and one comes back: two states."""
    body = (
        '<place id="p"><initialMarking><text>3</text></initialMarking></place><place id="q"/>'
        '<transition id="t"/>'
        '<arc id="a" source="p" target="t"><inscription><text> 2 </text></inscription></arc>'
        '<arc id="b" source="t" target="q"/>'
    )
    (tmp_path / "n.pnml").write_text(document(body))
    assert size(read_pnml(tmp_path / "n.pnml")) == (2, 1, 1)


def _sub(*terms: str) -> str:
    return "".join(f"<subterm>{term}</subterm>" for term in terms)


ALL = '<all><usersort declaration="Philo"/></all>'
A = '<variable refvariable="a"/>'
B = '<variable refvariable="b"/>'
X = '<variable refvariable="x"/>'
NEXT = f"<successor>{_sub(X)}</successor>"
BOTH = f"<add>{_sub(X, NEXT)}</add>"


def coloured_philosophers(number: int) -> str:
    """Philosophers as a symmetric net, written by hand."""
    constants = "".join(f'<feconstant id="c{n}" name="{n}"/>' for n in range(number))
    sorts = (
        "<declaration><structure><declarations>"
        f'<namedsort id="Philo" name="P"><cyclicenumeration>{constants}</cyclicenumeration></namedsort>'
        '<variabledecl id="x" name="x"><usersort declaration="Philo"/></variabledecl>'
        "</declarations></structure></declaration>"
    )
    places = "".join(
        f'<place id="{name}"><type><structure><usersort declaration="Philo"/></structure></type>'
        + (f"<hlinitialMarking><structure>{ALL}</structure></hlinitialMarking>" if full else "")
        + "</place>"
        for name, full in (("think", 1), ("fork", 1), ("left", 0), ("right", 0), ("eat", 0))
    )
    moves = {
        "takeleft": ([("think", X), ("fork", X)], [("left", X)]),
        "takeright": ([("think", X), ("fork", NEXT)], [("right", X)]),
        "thenright": ([("left", X), ("fork", NEXT)], [("eat", X)]),
        "thenleft": ([("right", X), ("fork", X)], [("eat", X)]),
        "end": ([("eat", X)], [("think", X), ("fork", BOTH)]),
    }
    parts = [sorts, places]
    for name, (takes, puts) in moves.items():
        parts.append(f'<transition id="{name}"/>')
        arcs = [(place, name, term) for place, term in takes]
        arcs += [(name, place, term) for place, term in puts]
        parts += [
            f'<arc id="{source}-{target}" source="{source}" target="{target}">'
            f"<hlinscription><structure>{term}</structure></hlinscription></arc>"
            for source, target, term in arcs
        ]
    return document("".join(parts), "symmetricnet")


@pytest.mark.parametrize(("number", "wanted"), [(5, (243, 945, 2)), (7, (2_187, 11_907, 2))])
def test_a_symmetric_net_is_unfolded(
    number: int, wanted: tuple[int, int, int], tmp_path: Path
) -> None:
    """Philosophers as the contest has them: 3^n states, 7 * n * 3^(n-2) edges, two of them dead."""
    (tmp_path / "n.pnml").write_text(coloured_philosophers(number))
    assert size(read_pnml(tmp_path / "n.pnml")) == wanted


def test_products_ranges_and_conditions(tmp_path: Path) -> None:
    """Pairs of numbers whose first is less than the second: three of nine move."""
    pair = f"<tuple>{_sub(A, B)}</tuple>"
    three = '<all><usersort declaration="N"/></all>'
    body = (
        "<declaration><structure><declarations>"
        '<namedsort id="N" name="N"><finiteintrange start="1" end="3"/></namedsort>'
        '<variabledecl id="a" name="a"><usersort declaration="N"/></variabledecl>'
        '<variabledecl id="b" name="b"><usersort declaration="N"/></variabledecl>'
        "</declarations></structure></declaration>"
        f'<place id="p"><hlinitialMarking><structure><tuple>{_sub(three, three)}</tuple></structure></hlinitialMarking></place>'
        '<place id="q"/><transition id="t"><condition><structure>'
        f"<lessthan>{_sub(A, B)}</lessthan>"
        "</structure></condition></transition>"
        f'<arc id="i" source="p" target="t"><hlinscription><structure>{pair}</structure></hlinscription></arc>'
        f'<arc id="o" source="t" target="q"><hlinscription><structure>{pair}</structure></hlinscription></arc>'
    )
    (tmp_path / "n.pnml").write_text(document(body, "symmetricnet"))
    assert size(read_pnml(tmp_path / "n.pnml")) == (8, 12, 1)


def test_a_sort_may_be_used_before_it_is_declared(tmp_path: Path) -> None:
    """As in files of the contest: a product comes before its part."""
    part = '<usersort declaration="N"/>'
    every = '<all><usersort declaration="P"/></all>'
    body = (
        "<declaration><structure><declarations>"
        f'<namedsort id="P" name="P"><productsort>{part}{part}</productsort></namedsort>'
        '<namedsort id="N" name="N"><finiteintrange start="1" end="3"/></namedsort>'
        "</declarations></structure></declaration>"
        f'<place id="p"><hlinitialMarking><structure>{every}</structure></hlinitialMarking></place>'
    )
    (tmp_path / "n.pnml").write_text(document(body, "symmetricnet"))
    assert len(read_pnml(tmp_path / "n.pnml").atoms) == 9


def test_a_table_keeps_the_bindings_few(tmp_path: Path) -> None:
    """A place that always has the same tokens joins the condition: of 8,000,000 bindings, 199 are looked for."""
    value = "".join(f'<feconstant id="v{n}" name="v{n}"/>' for n in range(200))
    names = "".join(
        f'<variabledecl id="{name}" name="{name}"><usersort declaration="N"/></variabledecl>'
        for name in "abc"
    )

    def term(*parts: str) -> str:
        return f"<structure><tuple>{_sub(*parts)}</tuple></structure>"

    def constant(number: int) -> str:
        return f'<useroperator declaration="v{number}"/>'

    pairs = "".join(
        f"<subterm><tuple>{_sub(constant(n), constant(n + 1))}</tuple></subterm>"
        for n in range(199)
    )
    c = '<variable refvariable="c"/>'
    table, put = term(A, B), f"<structure>{c}</structure>"
    same = f"<and>{_sub(f'<equality>{_sub(c, A)}</equality>', f'<equality>{_sub(B, B)}</equality>')}</and>"
    body = (
        "<declaration><structure><declarations>"
        f'<namedsort id="N" name="N"><cyclicenumeration>{value}</cyclicenumeration></namedsort>{names}'
        "</declarations></structure></declaration>"
        f'<place id="table"><hlinitialMarking><structure><add>{pairs}</add></structure></hlinitialMarking></place>'
        f'<place id="out"/><transition id="t"><condition><structure>{same}</structure></condition></transition>'
        f'<arc id="i" source="table" target="t"><hlinscription>{table}</hlinscription></arc>'
        f'<arc id="o" source="t" target="table"><hlinscription>{table}</hlinscription></arc>'
        f'<arc id="p" source="t" target="out"><hlinscription>{put}</hlinscription></arc>'
    )
    (tmp_path / "n.pnml").write_text(document(body, "symmetricnet"))
    assert len(read_pnml(tmp_path / "n.pnml").events) == 199


PLACE = '<place id="p"/>'
BAD = {
    "broken": ("<pnml><net>", "is no XML"),
    "no XML": ("place p", "is no XML"),
    "a bomb of entities": ('<!DOCTYPE a [<!ENTITY b "b">]><pnml>&b;</pnml>', "has a document type"),
    "another grammar": (document("", "hlpnet"), "is of grammar"),
    "no net": ("<pnml/>", "has 0 nets"),
    "another root": ("<html/>", "has 0 nets"),
    "an id twice": (document(PLACE + PLACE), "has the id 'p' twice"),
    "an id twice of two kinds": (document(PLACE + '<transition id="p"/>'), "has the id 'p' twice"),
    "no id": (document("<place/>"), "a place without an id"),
    "a dangling arc": (document(PLACE + '<arc id="a" source="p" target="t"/>'), "its target 't' is no node"),
    "an arc from place to place": (document(PLACE + '<arc id="a" source="p" target="p"/>'), "must connect a place and a transition"),
    "a marking that is no number": (
        document('<place id="p"><initialMarking><text>-1</text></initialMarking></place>'), "its marking is '-1'",
    ),
    "a sort that is not declared": (
        document('<declaration><structure><declarations><variabledecl id="x"><usersort declaration="S"/>'
                 "</variabledecl></declarations></structure></declaration>", "symmetricnet"), "uses the sort 'S'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_pnml_gets_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the file and what is wrong; the command ends with 2."""
    text, wanted = BAD[name]
    path = tmp_path / "bad.pnml"
    path.write_text(text)
    with pytest.raises(PnmlError) as error:
        read_pnml(path)
    assert wanted in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    assert main(["verify", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_counts_a_net(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """States, edges and dead states in one line."""
    write_pnml(philosophers(5), tmp_path / "net.pnml")
    assert main(["verify", str(tmp_path / "net.pnml")]) == 0
    assert capsys.readouterr().out == "Philosophers: 243 states, 945 edges, 2 dead\n"


def test_states_differ_by_places_from_which_nothing_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the contest counts them: who votes yes or no is in the state, though nobody reads it."""
    plain = PlainNet("Referendum")
    for number in range(4):
        voter = plain.atom(Atom("token", f"voter{number}"), 1)
        for vote in ("yes", "no"):
            to = plain.atom(Atom("token", f"{vote}{number}"))
            plain.events.append(Event("fire", vote, {voter: 1}, {voter: -1, to: 1}))
    write_pnml(plain, tmp_path / "net.pnml")
    assert main(["verify", str(tmp_path / "net.pnml")]) == 0
    assert capsys.readouterr().out == "Referendum: 81 states, 216 edges, 16 dead\n"


def test_what_no_place_transition_net_has_is_not_written(tmp_path: Path) -> None:
    """An event that wants absence is refused, not written as another."""
    plain = PlainNet("n")
    atom = plain.atom(Atom("token", "p"))
    plain.events.append(Event("fire", "t", {}, {atom: 1}, absent=(atom,)))
    with pytest.raises(PnmlError, match="absence"):
        write_pnml(plain, tmp_path / "n.pnml")


@pytest.mark.parametrize(
    ("term", "why"),
    [
        ("<equality/>", "the condition .equality., which can.t be read"),
        ("<not/>", "does not follow its grammar"),
        (f"<lessthan>{_sub(X, '<dotconstant/>')}</lessthan>", "does not follow its grammar"),
        ("<not><subterm>" * 2_000 + "</subterm></not>" * 2_000, "nested too deeply"),
    ],
    ids=["equality", "not", "types", "depth"],
)
def test_broken_terms_are_refused_in_one_line(term: str, why: str, tmp_path: Path) -> None:
    """Whatever stands in a condition, the file is named and no exception of Python comes out."""
    condition = f"<condition><structure>{term}</structure></condition>"
    text = coloured_philosophers(2).replace(
        '<transition id="end"/>', f'<transition id="end">{condition}</transition>'
    )
    (tmp_path / "n.pnml").write_text(text)
    with pytest.raises(PnmlError, match=f"n.pnml: .*{why}"):
        read_pnml(tmp_path / "n.pnml")


def test_an_inhibitor_arc_is_not_read_as_another_one(tmp_path: Path) -> None:
    """An arc of a type that other tools add would change the net's behaviour."""
    arc = '<arc id="a" source="p" target="t"><type value="inhibitor"/></arc>'
    (tmp_path / "n.pnml").write_text(document(f'<place id="p"/><transition id="t"/>{arc}'))
    with pytest.raises(PnmlError, match="arc 'a': has a type"):
        read_pnml(tmp_path / "n.pnml")
