"""An exploration finds every state and every edge: published sizes of known nets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from scraper_cpn.analysis import AnalysisError, Instance
from scraper_cpn.analysis.draw_space import space_dot
from scraper_cpn.analysis.explore import Explorer
from scraper_cpn.analysis.ground import Grounder
from scraper_cpn.analysis.plain import Atom, Event, PlainNet, happens
from scraper_cpn.analysis.siphons import is_ordinary, weak_siphon
from scraper_cpn.analysis.space import ExplorationLimits
from scraper_cpn.net import Net, put, read
from tests.analysis.contest import Drawn, databases, kanban, philosophers
from tests.effort import EXPLORING

Size = tuple[int, int, int]


LARGE = [(kanban(5), (2_546_432, 24_460_016, 0))] if EXPLORING else []
"""Half a minute each."""


def size(plain: PlainNet) -> Size:
    """States, edges (those that change nothing included) and dead states."""
    space = Explorer(plain).run()
    assert space.whole
    return space.states, space.edges, len(space.dead)


@pytest.mark.parametrize(
    ("net", "wanted"),
    [
        (philosophers(5), (243, 945, 2)),
        (philosophers(10), (59_049, 459_270, 2)),
        (kanban(1), (160, 616, 0)),
        (kanban(2), (4_600, 28_120, 0)),
        (kanban(3), (58_400, 446_400, 0)),
        (databases(2), (7, 8, 0)),
        (databases(4), (109, 224, 0)),
        (databases(6), (1_459, 4_872, 0)),
        (databases(9), (59_050, 314_946, 0)),
        *LARGE,
    ],
    ids=lambda value: value.name if isinstance(value, PlainNet) else "",
)
def test_published_sizes_are_met(net: PlainNet, wanted: Size) -> None:
    """Philosophers (3^n states, 2 dead), Kanban, the distributed database (1 + n * 3^(n-1))."""
    assert size(net) == wanted


class Packet(Struct, frozen=True):
    """A packet of the protocol: its number and its text."""

    n: int
    text: str = ""


class Text(Struct, frozen=True):
    """What was received so far."""

    text: str


class Number(Struct, frozen=True):
    """The number that an end of the line expects next, or an acknowledgement."""

    n: int


def protocol(packets: int, limit: int) -> tuple[Net, Instance]:
    """The simple protocol of the book on coloured Petri nets, with at most *limit* packets on the net."""
    net = Net("protocol")
    send = net.place("Send", Packet, key="n", source=True)
    next_send = net.place("NextSend", Number, key="n", source=True)
    a, b = net.place("A", Packet), net.place("B", Packet)
    c, d = net.place("C", Number), net.place("D", Number)
    next_receive = net.place("NextRec", Number, source=True)
    received = net.place("Received", Text, source=True)
    room = net.counter("Limit", start=limit)
    net.transition(
        "SendPacket", [read(send), read(next_send), room], outputs=[put(a, _same, send)], join="n"
    )
    for name, outputs in (("keep", [put(b, _same, a)]), ("lose", [put(room)])):
        net.transition(f"TransmitPacket {name}", [a], outputs=outputs)
    net.transition(
        "ReceivePacket",
        [b, next_receive, received],
        outputs=[
            put(received, _append, b, next_receive, received),
            put(next_receive, _expect, b, next_receive),
            put(c, _expect, b, next_receive),
        ],
    )
    for name, outputs in (("keep", [put(d, _same_number, c)]), ("lose", [put(room)])):
        net.transition(f"TransmitAck {name}", [c], outputs=outputs)
    net.transition(
        "ReceiveAck", [d, next_send], outputs=[put(next_send, _latest, d, next_send), put(room)]
    )
    texts = [Packet(n, f"{n}") for n in range(1, packets + 1)]
    tokens: dict[str, Any] = {
        "Send": texts,
        "NextSend": [Number(1)],
        "NextRec": [Number(1)],
        "Received": [Text("")],
    }
    return net, Instance(tokens=tokens)


def _same(packet: Packet) -> Packet:
    return packet


def _same_number(number: Number) -> Number:
    return number


def _append(packet: Packet, wanted: Number, text: Text) -> Text:
    return Text(text.text + packet.text) if packet.n == wanted.n else text


def _expect(packet: Packet, wanted: Number) -> Number:
    return Number(wanted.n + 1) if packet.n == wanted.n else wanted


def _latest(answer: Number, _: Number) -> Number:
    return answer


def grounded(net: Net, instance: Instance, *, ordered: bool) -> Any:
    """An exploration in rounds; without the order of transitions, as the literature counts."""
    grounder = Grounder(net, instance)

    def live(atoms: list[int]) -> None:
        for event in grounder.live(atoms):
            if not ordered:
                at = grounder.plain.events.index(event)
                grounder.plain.events[at] = Event(
                    event.kind,
                    event.name,
                    event.needs,
                    event.change,
                    event.absent,
                    event.room,
                    event.news,
                )

    return Explorer(grounder.plain, live=live).run()


@pytest.mark.parametrize(
    ("packets", "states", "edges"),
    [
        (1, 60, 159),
        (2, 299, 982),
        (3, 1_216, 4_478),
        (4, 3_329, 12_825),
        (5, 7_156, 28_201),
        (6, 13_215, 52_784),
    ],
)
def test_the_protocol_of_the_book_in_rounds(packets: int, states: int, edges: int) -> None:
    """Its received text has no end where everything may go together, so that only what is reached is grounded."""
    space = grounded(*protocol(packets, 3), ordered=False)
    assert (space.states, space.edges) == (states, edges)


@given(st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_random_nets_agree_with_counting_one_by_one(random: Any) -> None:
    """Packed integers, groups and wider fields find what lists of numbers find."""
    plain = PlainNet("random")
    atoms = [plain.atom(Atom("token", f"p{n}"), random.randrange(3)) for n in range(4)]
    for number in range(random.randrange(1, 5)):
        some = random.sample(atoms, 2)
        change = {some[0]: -random.randrange(1, 3), some[1]: random.randrange(0, 3)}
        needs = {some[0]: -change[some[0]]}
        room = {some[1]: 6}
        absent = (random.choice(atoms),) if random.random() < 0.2 else ()
        absent = tuple(atom for atom in absent if atom not in needs)
        plain.events.append(Event("fire", f"t{number}", needs, change, absent, room))
    todo, known, edges = [tuple(plain.initial)], {tuple(plain.initial)}, 0
    while todo:
        state = todo.pop()
        for event in plain.events:
            after = happens(event, state)
            if after is not None:
                edges += 1
                if tuple(after) not in known:
                    known.add(tuple(after))
                    todo.append(tuple(after))
    tested = {atom for event in plain.events for atom in event.tests()}
    seen = {tuple(n for atom, n in enumerate(state) if atom in tested) for state in known}
    space = Explorer(plain).run()
    assert space.states == len(seen)


@given(st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_where_each_siphon_keeps_a_trap_no_state_is_dead(random: Any) -> None:
    """Siphons and traps never promise what an exploration refutes."""
    drawn = Drawn("random")
    places = [drawn.place(f"p{n}", random.randrange(2)) for n in range(5)]
    for number in range(random.randrange(1, 6)):
        takes, puts = (random.sample(places, random.randrange(1, 3)) for _ in range(2))
        drawn.transition(f"t{number}", takes, puts)
    if weak_siphon(drawn.net) is None:
        assert not Explorer(drawn.net, limits=ExplorationLimits(states=500)).run().dead


@pytest.mark.parametrize(
    ("net", "safe"), [(philosophers(10), False), (kanban(5), True), (databases(5), False)]
)
def test_siphons_of_known_nets(net: PlainNet, safe: bool) -> None:
    """Kanban is never dead, for any number of cards; philosophers may be; of the databases siphons can't tell."""
    assert is_ordinary(net)
    assert (weak_siphon(net) is None) == safe


def test_a_small_space_is_drawn() -> None:
    """Two philosophers: each state is a node, each event an edge, a dead state red; a large one is refused."""
    space = Explorer(philosophers(2)).run()
    drawn = space_dot(space)
    assert drawn.count("[label=") == space.states + space.edges
    assert drawn.count("color=red") == len(space.dead) == 2
    assert drawn.count("peripheries=2") == 1
    with pytest.raises(AnalysisError, match="too many to draw"):
        space_dot(Explorer(philosophers(6)).run())


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (ExplorationLimits(states=1_000), "1,000 states"),
        (ExplorationLimits(seconds=1e-9), "1e-09 s"),
        (ExplorationLimits(memory_bytes=1), "1 bytes of memory"),
    ],
    ids=["states", "seconds", "memory"],
)
def test_an_exploration_gives_up_at_its_limit(limits: ExplorationLimits, why: str) -> None:
    """It says which, and is no proof."""
    space = Explorer(kanban(3), limits=limits).run()
    assert not space.whole
    assert space.why == why
