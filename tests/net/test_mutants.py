"""The comparison of the executions finds faults: each planted one, within a bounded number of runs.

A mutant is the compiled execution with one thing wrong, in its generated source or in the indexes
that it runs on. That each is caught is what makes the differential test worth believing.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import pytest

from scraper_cpn.net import Marking, Net
from scraper_cpn.net.compiled import kernel
from scraper_cpn.net.compiled.generate.layout import RUNTIME
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.compiled.runtime import choices as index_choices
from scraper_cpn.net.compiled.runtime import join as index_join
from scraper_cpn.net.compiled.runtime import keys as index_keys
from scraper_cpn.net.compiled.runtime import lines as index
from scraper_cpn.net.compiled.runtime import paged as index_paged
from scraper_cpn.net.compiled.runtime import recording as index_recording
from scraper_cpn.net.compiled.runtime import records as index_records
from scraper_cpn.net.compiled.runtime import times as index_times
from scraper_cpn.net.compiled.source import Build, Source, in_python, source
from tests.net.building import Built
from tests.net.nets import Draw, checked_net
from tests.net.runs import Pair, Run

INDEXES = (
    index,
    index_records,
    index_join,
    index_keys,
    index_paged,
    index_times,
    index_choices,
    index_recording,
)
"""Each after those that it imports."""
IMPORTS = rf"^from (?:{'|'.join(re.escape(module.__name__) for module in INDEXES)}) import .*$"
"""What one of them imports of another: left in, it would bring back the sound structures."""

RUNS = 300
"""Within so many runs of plain nets, and twice as many of wide ones, a fault must be caught."""

PLAIN, WIDE = False, True
FIRST = (
    *((591, WIDE), (45, PLAIN), (1051, PLAIN), (607, PLAIN), (378, PLAIN), (1272, PLAIN)),
    *((310, WIDE), (323, WIDE), (330, WIDE), (407, PLAIN), (0, PLAIN), (24, PLAIN), (3, PLAIN)),
    *((37, PLAIN), (894, PLAIN), (11, PLAIN), (424, WIDE), (51, PLAIN), (250, PLAIN), (302, WIDE)),
    *((315, WIDE), (54, PLAIN), (100, PLAIN), (38, PLAIN), (646, WIDE), (375, WIDE), (526, WIDE)),
    *((316, WIDE), (112, PLAIN), (167, PLAIN), (251, PLAIN)),
)
"""Seeds that are tried before all others, with the kind of their nets: together they catch every fault. If
nets are drawn in another way, each fault is looked for among all seeds, which takes minutes."""


@dataclass(frozen=True)
class Mutant:
    """A fault.

    Attributes:
        name: what is wrong.
        pattern: a regular expression for the text that is replaced, wherever it is found.
        put: the replacement.
        within: only in functions whose name begins so; anywhere if empty. Of the indexes: a class.
        indexes: whether it is in the indexes, not in the generated source.
    """

    name: str
    pattern: str
    put: str
    within: str | tuple[str, ...] = ""
    indexes: bool = False

    def applied(self, text: str) -> str:
        """The text with the fault."""
        head = "class" if self.indexes else "def"
        parts = re.split(rf"^( *{head} )", text, flags=re.MULTILINE)
        for at in range(2, len(parts), 2):
            if parts[at].startswith(self.within):
                parts[at] = re.sub(self.pattern, self.put, parts[at])
        return "".join(parts)


PASS = "pass"
MUTANTS = [
    # What a token is found by.
    Mutant("a guard is dropped", r"token\.passes & \d+", "True"),
    Mutant("a token that left stays in the indexes", r"token\.state = state", PASS, "leave_"),
    Mutant("the oldest of two goes last", r"token\.order, token\.serial, token\)", "token.order, -token.serial, token)", "Line", True),
    Mutant("the order of a place is ignored", r"\(token\.order, ", "((), ", "Line", True),
    Mutant("a queue is taken from its end", r"\.popleft\(\)", ".pop()"),
    Mutant("a queue is looked at from its end", r"(a\d+ = p\d+)\[0\]", r"\1[-1]"),
    Mutant("a scan is taken for true", r"if agreed:", "if True:"),
    Mutant("a scan that raises is passed over", r"(agreed = .*\n +except .*\n +)aside_.*\n +return .*", r"\1continue"),
    Mutant("an absence is not looked at", r"in (\w+)\.counts", "in ()", "lag_"),
    Mutant("an empty place is not looked at", r"if p\d+(?=:| or)", "if False"),
    Mutant("a number may go below 0", r"(\.number\(.*?\)|c\d+) < 1", r"\1 < 0"),
    Mutant("a key waits for the input that comes first", r"if when > at:", "if when and not at:", "lag_"),
    # What a record tells.
    Mutant("a key waits for the first of its inputs", r"if when > at:", "if when < at:", "look_"),
    Mutant("a key that lacks an input goes first", r"if .*:(\n +look_)", r"if True:\1", ("stand_", "end_")),
    Mutant("a better token of a key goes unnoticed", r"if (record\.\w+_serial) != head\.serial:", r"if \1 == -1:", "look_"),
    Mutant("a key that has to wait longer is tried too early", r"if (record\.\w+_alarm) is not at:", r"if \1 == NEVER:", "look_"),
    Mutant("a lead token that waits behind another goes unnoticed", r"if soon < .*:", "if False:", "look_"),
    Mutant("a key that is complete enables nobody", r"dirty \|= \w+", PASS, "look_"),
    Mutant("a key that will be complete delays nobody", r"at_\w+ = None", PASS, "look_"),
    Mutant("an input that may come sooner is passed over", r" or at < at_\w+", "", "look_"),
    Mutant("a key that will be complete moves no time", r"next_wake = \w+", PASS, "look_"),
    Mutant("what a key lost goes unnoticed", r"record\d?\.\w+_serial = -1", PASS, ("begin_", "fire_", "leave_")),
    Mutant("a key that lost something has its old time", r"record\d?\.\w+_alarm = NEVER", PASS, ("begin_", "fire_", "leave_")),
    Mutant("a key that is complete all the same is forgotten", r"look_\w+\(record\d, clock\)", PASS, ("begin_", "fire_")),
    Mutant("a key whose time has come goes unnoticed", r"heappush\(\w+_ready, .*", PASS, "ripen_"),
    Mutant("a token tells no record", r"look_\w+\(record, clock\)", PASS, "stand_"),
    Mutant("a number tells no record", r"look_\w+\(record, clock\)", PASS, "end_"),
    Mutant("a second token of a key takes the place of the first", r"token if held is None else .*", "token", "stand_"),
    Mutant("a record is forgotten with its numbers", r" and record\.c\d+ == .*:", ":", "forget_"),
    Mutant("a record gives back no number", r"record\.c\d+ \+= 1", PASS, "end_"),
    # What arcs bind that bind several tokens, or look at more.
    Mutant("too few tokens that wait are enough", r"self\.live < number", "self.live < number - 1", "Line", True),
    Mutant("the time of the last of several is that of the first", r"times\[short - 1\]", "times[0]", "Line", True),
    Mutant("the last of several tokens go first", r"merge\(_in_order\(self\.ready\), due\)", "sorted([*self.ready, *due], reverse=True)", "Line", True),
    Mutant("of all tokens, one is left", r"\.every\((.*?)\)", r".every(\1)[:1]"),
    Mutant("two arcs bind one token", r"others\((\w+\.tokens\(.*?\)), .*?\)(?=[:,])", r"\1"),
    Mutant("a number gives one for two", r"(?<!\.)\b(c\d+) -= 2", r"\1 -= 1"),
    Mutant("a keyed number gives one for many", r"\.take\((\w+|inputs\[\d\]), .*\)", r".take(\1)"),
    Mutant("a keyed number is given back one for many", r"\.give\((\w+|inputs\[\d\]), .*\):", r".give(\1):"),
    Mutant("who needs two of a number is not told of the second", r"if c\d+ < \d+:\n( +dirty)", r"if False:\n\1"),
    Mutant("who needs two of a queue is not told of the second", r"( +)dirty \|= \w+.*\n(?=(?: +at_.*\n +late.*\n)? +p\d+\.append)", r"\1pass\n"),
    Mutant("an amount by key is that of another key", r"\w+amounts\w*\[(?:[^\[\]]|\[\d+\])*\]", "1"),
    Mutant("a token in use is not seen", r"reserve_\w+\(flight\.inputs, False\)", PASS, "begin_"),
    Mutant("a token that is used no more is still seen", r"release_\w+\(inputs, True\)", PASS, "end_"),
    Mutant("a token that is given back unused is still seen", r"release_\w+\(inputs, False\)", PASS, "undo_"),
    Mutant("an absence is not claimed", r"\w+presence\w*\.add\(inputs.*\)", PASS, "reserve_"),
    Mutant("a claim is never given up", r"\w+presence\w*\.lose\(inputs.*\)", PASS, "release_"),
    Mutant("a claim that is given up enables nobody", r"dirty \|= \w+", PASS, "release_"),
    Mutant("what a loaded firing uses is forgotten", r"RESERVES\[number\]\(.*\)", PASS, "load"),
    Mutant("a set forgets nothing", r"\w+\.remove\(key\)", "False"),
    Mutant("the second place shows the first token", r"(Shown\(flights, .*)\(1, ", r"\1(0, "),
    # Attempts.
    Mutant("an attempt is not counted", r"flight\.attempt \+ 1, now", "flight.attempt, now", "again"),
    Mutant("an attempt comes a moment late", r"next_attempt\(\) <= now", "next_attempt() < now", "hand_out"),
    Mutant("nobody knows when an attempt is due", r"at = min\(at, next_attempt\(\)\)", PASS, "step"),
    Mutant("an attempt that was loaded never comes again", r"heappush\(due_again.*", PASS, "load"),
    Mutant("attempts are given out whatever the limit", r"limit -= 1", PASS, "hand_out"),
    # Who is told.
    Mutant("keys that wait are not told of a token", r"if self\.families:", "if False:", "View", True),
    Mutant("keys that wait are not told of a number", r"self\.gained\(key\)", PASS, "Tally", True),
    Mutant("keys that wait are not told of an absence", r"self\.gained\(key\)", PASS, "Presence", True),
    Mutant("a better lead token goes unnoticed", r"        if not record\.touched:", "        if record.serial < 0 and not record.touched:", "Join", True),
    Mutant("a lead token that becomes ready goes unnoticed", r"if at != record\.alarm:", "if False:", "Join", True),
    Mutant("a key is dropped but not forgotten", r"        self\._withdraw\(record\)\n        if record\.gate", "        if record.gate", "Join", True),
    Mutant("who has passed a gate keeps it shut", r"            gate\.touch\(\)\n\n    def _wait", "\n    def _wait", "Join", True),
    Mutant("what stands enables nobody", r"dirty \|= \w+", PASS, "stand_"),
    Mutant("the first of a queue enables nobody", r"dirty \|= \w+", PASS, "put_"),
    Mutant("what a firing frees enables nobody", r"dirty \|= \w+", PASS, "end_"),
    Mutant("the last number but one enables", r"if (c\d+) == 1:", r"if \1 == 2:"),
    Mutant("what a firing took delays nobody", r"(?:at_\w+ = )+None", PASS, ("begin_", "drop_")),
    # Priority and limits.
    Mutant("the last transition goes first", r"dirty & -dirty", "1 << (dirty.bit_length() - 1)", "first"),
    Mutant("who goes before is passed over", r"if dirty & \w+:(\n +)return left", r"if dirty:\1pass", ("begin_", "fire_")),
    Mutant("what failed before the limit is forgotten", r"retry_late\(\)", PASS, "step"),
    # Time.
    Mutant("the next useful time is a moment late", r"return next_wake", "return next_wake + 1", "soonest"),
    Mutant("what is ready this very moment is not tried", r"(at_\w+) <= now", r"\1 < now", "wake("),
    Mutant("the next useful time is that of the first input", r"return max\(", "return min(", "wake_"),
    Mutant("the next useful time is not worked out again", r"(?:at_\w+ = )+None\n +late = True(\n +return left)", r"pass\1"),
    Mutant("expiry is ignored", r"if next_end <= now_ns:", "if False:", "step"),
    Mutant("expiry is a moment late", r"if next_end <= now_ns:", "if next_end < now_ns:", "step"),
    Mutant("the next token that expires is forgotten", r"next_end = min\(.*", PASS, "stand_"),
    Mutant("an expired token stays in its line", r"leave_\w+\(token, EXPIRED\)", PASS, "expire_"),
    Mutant("what was taken early is ready at once", r"max\((.+), [\w\[\]]+\.ready\)", r"\1"),
    Mutant("what moves back lives for ever", r"(e\d+) = [\w\[\]]+\.ends", r"\1 = None"),
    Mutant("what a token was away for is kept wrong", r"ready - now", "ready - now + 1", "spend_"),
    Mutant("what is spent is dated from its beginning", r"flight\.inputs, now_ns, puts", "flight.inputs, flight.began, puts", "started"),
    # Slots.
    Mutant("a slot is not reserved", r"free_\w+ -= \d+", PASS, "begin_"),
    Mutant("a slot stays reserved", r"free_\w+ \+= \d+", PASS, "end_"),
    Mutant("a place takes one too many", r"(free_\w+) < (\d+)", r"\1 + 1 < \2", ("begin_", "fire_")),
    Mutant("a slot that is free enables nobody", r"(free_\w+ \+= .*\n +)if .*:", r"\1if False:"),
    # What a firing does.
    Mutant("a held token is not given back", r"(puts\.append\()?again_.*", PASS, "end_"),
    Mutant("a held number is not given back", r"if \w+\.give\(.*\):", "if False:", "end_"),
    Mutant("a firing that was loaded has keys for records", r"inputs\[arc\] = find\(inputs\[arc\]\)", PASS, "load"),
    Mutant("a held number goes back to the first key", r"record = inputs\[(\d+)\]", r"record = next(iter(flights.values())).inputs[\1] if flights else inputs[\1]", "end_"),
    Mutant("a held plain number is not given back", r"(?<!\.)\bc\d+ \+= 1", PASS, "end_"),
    Mutant("what was held is not given back when the outputs of Lost raise", r"back_.*", PASS, "lost_"),
    Mutant("a set knows what it lacks", r"(in \w+\.(?:keys|tables.*)):\n( +)continue", r"\1 or True:\n\2continue"),
    Mutant("a set lets through what it has seen", r"if key not in \w+\.keys:", "if True:"),
    Mutant("a revoked token comes back as a new one", r"stand_(\w+)\(inputs\[(\d+)\]\)", r"put_\1(inputs[\2].colour, inputs[\2].ready, inputs[\2].ends)", "undo_"),
    Mutant("a revoked token comes last in its queue", r"stand_again\((\w+), token\)", r"\1.append(token)"),
    Mutant("a revoked number does not come back", r"if \w+\.give\(.*\):", "if False:", "undo_"),
    Mutant("a revoked plain number does not come back", r"(?<!\.)\bc\d+ \+= 1", PASS, "undo_"),
    Mutant("a firing is shown after its end", r"drop_\w+\(shown\)", PASS, "end_"),
    Mutant("a function that raises wastes the outcome's name", r"return 'Lost'", "return 'Good'", "lost_"),
    Mutant("a token that a function raised on stays", r"drop_\w+\(token\)", PASS, "aside_"),
    Mutant("a choice does not name its outcome", r"type\(outcome\)\.__name__", "''", "fire_"),
    Mutant("a sink takes no serial", r"serial \+= 1(\s+sunk_)", r"pass\1"),
]  # fmt: skip


@cache
def drawn(seed: int, wide: bool) -> tuple[Built, str] | None:
    """A net in which faults are planted, and its compiled source; None if the draw gave none."""
    built = checked_net(Random(seed), wide=wide, late=False)
    return None if built is None else (built, source(built.net, traced=True))


def concerned(mutant: Mutant) -> Iterator[tuple[Built, int]]:
    """The runs in which the fault makes a difference to the text."""
    plain = ((seed, PLAIN) for seed in range(RUNS))
    wide = ((seed, WIDE) for seed in range(RUNS, 3 * RUNS))
    for seed, kind in (*FIRST, *plain, *wide):
        found = drawn(seed, kind)
        if found is not None and (mutant.indexes or mutant.applied(found[1]) != found[1]):
            yield found[0], seed


def planted(mutant: Mutant, base: type[Compiled] = Compiled, **constants: int) -> type[Compiled]:
    """The compiled execution with the fault."""
    runtime = mutated_indexes(mutant, constants) if mutant.indexes else {}

    def faulty(found: Source) -> Build:
        text = found.text if mutant.indexes else mutant.applied(found.text)
        return in_python(Source(found.title, text, {**found.names, **runtime}))

    class Faulty(base):  # type: ignore[misc, valid-type]
        def __init__(self, *given: Any, **options: Any) -> None:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(kernel, "in_python", faulty)
                super().__init__(*given, **options)

    return Faulty


def mutated_indexes(mutant: Mutant, constants: dict[str, int]) -> dict[str, Any]:
    """The structures of the indexes with the fault; tokens and firings stay what they are."""
    sound = [inspect.getsource(module) for module in INDEXES]
    faulty = [mutant.applied(text) for text in sound]
    assert faulty != sound
    space: dict[str, Any] = {"__name__": "faulty"}
    exec(faulty[0], space)
    space |= {"Token": index.Token, "Queued": index.Queued, "Flight": index.Flight}
    for text in faulty[1:]:
        exec(re.sub(IMPORTS, "", text, flags=re.MULTILINE), space)
    same = {name for name, sound in RUNTIME.items() if callable(sound) and space[name] is sound}
    assert same == {"Token", "Queued", "Flight"}
    space |= constants
    return {name: space[name] for name in RUNTIME}


def shows(faulty: type[Compiled], built: Built, seed: int) -> bool:
    """Whether a run tells a faulty execution from the interpreter."""

    def load(net: Net, marking: Marking, trace: Any) -> Compiled:
        return faulty.load(net, marking, trace)

    try:
        Run(Draw(Random(seed)), Pair(built, faulty, load)).go(40)
    except (SyntaxError, NameError):
        raise
    except Exception:  # noqa: BLE001  (a fault may show itself in any way)
        return True
    return False


def caught(mutant: Mutant) -> int | None:
    """After how many runs the fault is found; None if it is not."""
    faulty = planted(mutant)
    runs = enumerate(concerned(mutant), 1)
    return next((number for number, (built, seed) in runs if shows(faulty, built, seed)), None)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_planted_fault_is_caught(mutant: Mutant) -> None:
    """The same comparison that both executions pass fails for each mutant."""
    assert caught(mutant) is not None
