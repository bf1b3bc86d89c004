"""The search in machine code finds what the one in Python finds: states, ways to them, edges, what is asked of monitors."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from scraper_cpn.analysis import ExplorationLimits, Report, verify
from scraper_cpn.analysis.compiled import SEARCH, Builder, explorer_of
from scraper_cpn.analysis.monitor import Monitor
from scraper_cpn.analysis.plain import Atom, Event, New, PlainNet
from scraper_cpn.analysis.space import Space
from scraper_cpn.cli.main import main
from scraper_cpn.native import extension
from tests.analysis.cases import judge_case, philosophers_case
from tests.analysis.contest import kanban, philosophers
from tests.analysis.test_mistakes import SETTINGS, proved, still
from tests.analysis.test_nets import PROPERTIES
from tests.effort import effort

pytestmark = pytest.mark.slow
NETS = effort(400, 20_000)
MOST = 3_000


@pytest.fixture(scope="module", autouse=True)
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """It is built here, once, and nothing of it stays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        begun: list[str] = []
        extension(*SEARCH, begun=lambda: begun.append("built"))
        assert begun == ["built"]
        yield extension


class Noted(Monitor):
    """Looks at some atoms in states, or beside some events, or where nothing can happen, and forbids some values."""

    def __init__(self, random: Random, plain: PlainNet) -> None:
        self._atoms = random.sample(range(len(plain.atoms)), random.randrange(4))
        self._kind = random.choice(("state", "event", "rest"))
        self._names = {event.name for event in plain.events if random.random() < 0.5}
        self._odd = random.randrange(1, 40)
        self.asked: list[Any] = []

    def observed(self, plain: PlainNet) -> list[int]:
        return self._atoms

    def watched(self, event: Event) -> list[int] | None:
        return self._atoms if self._kind == "event" and event.name in self._names else None

    def forbids(self, event: Event, numbers: dict[int, int]) -> bool:
        self.asked.append((event.name, numbers))
        return self._is_odd(numbers)

    def seen(self, plain: PlainNet) -> list[int] | None:
        return self._atoms if self._kind == "state" else None

    def bad(self, numbers: dict[int, int]) -> bool:
        self.asked.append(numbers)
        return self._is_odd(numbers)

    def rested(self, plain: PlainNet) -> list[int] | None:
        return self._atoms if self._kind == "rest" else None

    def bad_rest(self, numbers: dict[int, int]) -> bool:
        return self._is_odd(numbers)

    def _is_odd(self, numbers: dict[int, int]) -> bool:
        return sum(atom * number for atom, number in numbers.items()) % 41 >= self._odd

    def told(self) -> list[Any]:
        """What it was asked, each once: Python asks again for a wider group."""
        return sorted({repr(each) for each in self.asked})


def drawn(random: Random) -> PlainNet:
    """A net whose events need, lack, have room, put what is new, forget, and come in an order."""
    plain = PlainNet("random")
    many = random.choice((5, 12, 40))
    large = random.choice((2, 3, 9, 1 << 40))
    atoms = [
        plain.atom(Atom("token", f"p{n}"), random.choice((0, 0, 1, random.randrange(large))))
        for n in range(many)
    ]
    keys = [plain.atom(Atom("key", f"k{n}"), random.randrange(2)) for n in range(3)]
    for number in range(random.randrange(1, 14)):
        taken = {
            atom: random.choice((1, 1, 1, 2, 3))
            for atom in random.sample(atoms, random.randrange(3))
        }
        change = {atom: -times for atom, times in taken.items() if random.random() < 0.8}
        room: dict[int, int] = {}
        for atom in random.sample(atoms, random.randrange(3)):
            change[atom] = change.get(atom, 0) + random.choice((1, 1, 2))
            room[atom] = max(plain.initial[atom], random.randrange(5))
        absent = tuple(random.sample([*atoms, *keys], random.choice((0, 0, 1, 2))))
        rank = random.choice((None, random.randrange(4)))
        plain.events.append(
            Event(
                "fire", f"t{number}", taken, {a: n for a, n in change.items() if n},
                tuple(atom for atom in absent if atom not in taken), room, tuple(news(random, keys, room)),
                rank, rank is not None and random.random() < 0.5,
            )
        )  # fmt: skip
    return plain


def news(random: Random, keys: list[int], room: dict[int, int]) -> Iterator[New]:
    """What a set must lack, or forgets."""
    for key in random.sample(keys, random.choice((0, 0, 0, 1, 3))):
        if random.random() < 0.3:
            yield New(key, {}, forgets=True)
        else:
            others = tuple(other for other in keys if other != key and random.random() < 0.3)
            yield New(key, {atom: 1 for atom in list(room)[:1] if random.random() < 0.5}, others)


def explored(plain: PlainNet, monitors: list[Noted], builder: Builder | None) -> Space:
    """All states, or so many."""
    limits = ExplorationLimits(states=MOST)
    return explorer_of(plain, monitors, limits, builder=builder).run()


def test_random_nets_are_explored_alike(builder: Builder) -> None:
    """The same states in the same order with the same ways to them, and the same questions and answers."""
    stopped = refuted = wide = 0
    for seed in range(NETS):
        plain = drawn(Random(seed))
        found = []
        for which in (None, builder):
            random = Random(seed)
            monitors = [Noted(random, plain) for _ in range(random.randrange(5))]
            found.append((explored(plain, monitors, which), monitors))
        (one, asked), (other, too) = found
        assert list(one.parents) == list(other.parents), seed
        assert {state: other.parents[state] for state in other.parents} == one.parents, seed
        assert (one.edges, one.dead, one.bad, one.whole, one.why) == (
            other.edges, other.dead, other.bad, other.whole, other.why
        ), seed  # fmt: skip
        assert [each.told() for each in asked] == [each.told() for each in too], seed
        refuted += bool(one.bad)
        stopped += not one.whole
        wide += one.layout.guard.bit_length() > 64
        if one.bad:
            state, _ = next(iter(other.bad.values()))
            assert one.path(state) == other.path(state)
    assert min(refuted, stopped, wide) > NETS // 20


def same(one: Report, other: Report) -> bool:
    """Whether reports differ in their times alone."""
    return [(v.claim, v.status, v.states, v.why, v.story, v.calls) for v in one.verdicts] == [
        (v.claim, v.status, v.states, v.why, v.story, v.calls) for v in other.verdicts
    ]


@pytest.mark.parametrize("name", ["judge", "philosophers"])
def test_verdicts_and_stories_are_the_same(name: str, builder: Builder) -> None:
    """Of nets that are proved, and of one that is refuted."""
    case = judge_case() if name == "judge" else philosophers_case(chairs=3)
    reports = [verify(*case, *PROPERTIES[name], builder=which) for which in (None, builder)]
    assert same(*reports)


def test_a_mistake_in_a_crawl_has_the_same_story(builder: Builder) -> None:
    """The counterexample that is replayed is the same one."""
    change = still("scrape_target", "penalties")
    one, other = (proved(change, SETTINGS, builder=which) for which in (None, builder))
    assert not one.ok
    assert same(one, other)


def test_numbers_of_more_than_a_word_are_left_to_python(builder: Builder) -> None:
    """A counter of seventy bits has the same states."""
    plain = PlainNet("huge")
    atom = plain.atom(Atom("token", "p"), (1 << 70) + 3)
    plain.events.append(Event("fire", "t", {atom: 1 << 69}, {atom: -(1 << 69)}))
    sizes = [explorer_of(plain, builder=which).run().states for which in (None, builder)]
    assert sizes == [3, 3]


def test_published_sizes_are_met(builder: Builder) -> None:
    """Kanban with five cards: two million and a half states, in seconds."""
    space = explorer_of(kanban(5), builder=builder).run()
    assert (space.states, space.edges, len(space.dead)) == (2_546_432, 24_460_016, 0)
    space = explorer_of(philosophers(10), builder=builder).run()
    assert (space.states, space.edges, len(space.dead)) == (59_049, 459_270, 2)


def test_the_command_explores_in_machine_code(capsys: pytest.CaptureFixture[str]) -> None:
    """The table has the same rows."""
    words = ["verify", "--robots", "ignore", "--dead-after", "0", "-q"]
    rows = []
    for more in ([], ["--kernel", "native"]):
        assert main([*words, *more]) == 0
        rows.append([line[:100] for line in capsys.readouterr().out.splitlines()])
    assert rows[0] == rows[1]
