"""The comparison of paged nets finds faults in what pages them: each planted one, as in `test_mutants.py`."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

from scraper_cpn.net.compiled.kernel import Compiled
from tests.net.building import Built
from tests.net.paged_nets import Stored, paged_net
from tests.net.test_mutants import PASS, Mutant, planted, shows

RUNS = 150
"""Within so many runs, a fault must be caught."""

HARD = (179, 257, 312, 319)
"""Seeds that meet what is rare: tokens that come before many on the shelf, a key that waits for a set."""

MUTANTS = [
    Mutant("a paged token forgets its order", r"\(token\.order, token\.serial, token\)", "((), token.serial, token)", "Pages", True),
    Mutant("a late token overtakes those on the shelf", r"if line\.shelved and .*:", "if False:", "Pages", True),
    Mutant("an early token is put behind those on the shelf", r"if line\.shelved and .*:", "if line.shelved:", "Pages", True),
    Mutant("what is spilled is forgotten", r"line\.shelved \+= len\(spilled\)", "line.shelved = len(spilled)", "Pages", True),
    Mutant("the first half goes to the shelf", r"spilled = line\.ready\[kept:\]", "line.ready.reverse(); spilled = line.ready[kept:]", "Pages", True),
    Mutant("a page hides the next one", r"line\.order, line\.serial = self\._narrow\(bound\[0\]\), bound\[1\]", PASS, "Pages", True),
    Mutant("the only token of a key hides the next one", r"_line\(has\)", "_line(None)", "Pages", True),
    Mutant("a shelved key leads no join", r"join\.led\(key\)", PASS, "PagedView", True),
    Mutant("a paged key is not dropped", r"join\.drop\(key\)", PASS, "PagedView", True),
    Mutant("keys that wait are not told of a paged token", r"self\.gained\(key\)", PASS, "PagedView", True),
    Mutant("paged tokens are counted twice", r"self\.shelved \+= count", "self.shelved += count + 1", "Pages", True),
    Mutant("the shelf is not told what has left", r"self\.left\(.*", PASS, "Pages", True),
    Mutant("a token that is paged by time forgets its time", r"token\.order = token\.ready", "token.order = 0", "PagedTimes", True),
    Mutant("a token that is paged by time is taken early", r"if self\._first\(\) <= now else None", "if self.pages else None", "PagedTimes", True),
    Mutant("the times on the shelf are not known", r"return line\.order if line\.shelved else NEVER", "return NEVER", "PagedTimes", True),
    Mutant("the times of a store's shelf are lost", r"self\.line = self\.pages\.shelve\(.*\)", PASS, "PagedTimes", True),
    Mutant("a token from the shelf is ready at once", r"ready = order if self\.timed else 0", "ready = 0", "Pages", True),
    Mutant("the first token of all times is the last in memory", r"line\.ready\[0\]\[0\]", "line.ready[-1][0]", "PagedTimes", True),
    Mutant("what a recovery has put is forgotten", r"for shelved in cold:.*", "for shelved in ():", "load"),
    Mutant("a key is new for ever", r"if key in table:", "if False:", "Split", True),
    Mutant("keys that wait are not told of a key", r"self\.gained\(key\)", PASS, "Split", True),
    Mutant("keys are listed as they were shelved", r"tuple\(self\.order\)", "tuple(reversed(self.order))", "Split", True),
    Mutant("a fingerprint is new for ever", r"if not self\.keys\.add\(key\):", "if False:", "Printed", True),
    Mutant("keys that wait are not told of a fingerprint", r"self\.gained\(key\)", PASS, "Printed", True),
]  # fmt: skip


@cache
def corpus() -> list[tuple[Built, int]]:
    """The nets in which faults are planted, with the seeds of their runs."""
    drawn = ((paged_net(Random(seed)), seed) for seed in (*HARD, *range(RUNS)))
    return [(built, seed) for built, seed in drawn if built is not None]


def caught(mutant: Mutant) -> bool:
    """Whether some run finds the fault, with the shelf in memory or in a table."""
    kinds = [planted(mutant, base, PAGE=2, HOT=6) for base in (Compiled, Stored)]
    return any(shows(faulty, built, seed) for built, seed in corpus() for faulty in kinds)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_planted_fault_is_caught(mutant: Mutant) -> None:
    """The comparison that paged nets pass fails for each mutant."""
    assert caught(mutant)


@pytest.mark.slow
def test_without_a_fault_nothing_is_caught() -> None:
    """What is caught is the fault, and not how it is planted: a name that means the same changes nothing."""
    assert not caught(Mutant("none", r"the shelf of", "a shelf of", "Pages", True))
