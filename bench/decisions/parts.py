"""Where the time of a decision goes.

Owns: assigning each sample to a call of the driver, and the number of samples.
Must not know: how a subject decides.

A profiler that hooks every call slows down subjects with many small functions most, and so would be unfair.
A sample costs the same for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from types import CodeType, FrameType

from msgspec import Struct

from bench.decisions.drive import Drive
from bench.decisions.race import measured, recorded
from bench.decisions.subjects import SUBJECTS
from bench.decisions.workload import Point, Tape, Workload
from bench.ticks import ticking

DECISIONS_MIN = 2_000
SAMPLES_MIN = 300
"""Of one subject. A part that takes a tenth of the time is then known to within a sixth of itself."""
DRIVER = "driver"
CALLS = ("step", "started", "complete", "drain")


class Parts(Struct, frozen=True, kw_only=True):
    """Of one subject."""

    subject: str
    point: Point
    us: dict[str, float]
    """CPU for a decision, by call: `step`, `started`, `drain`, `complete` by outcome, the driver."""


def parts(point: Point, subjects: Sequence[str], decisions: int) -> list[Parts]:
    """Sample runs of each subject, with the given number of decisions, until there are enough samples.

    How many come of one run is up to the kernel: where its clock ticks a hundred times a second, a
    tenth of what is asked for.
    """
    decisions = max(decisions, DECISIONS_MIN)
    workload = Workload(point)
    tape, _ = recorded(workload, subjects[0], decisions)
    return [_parts_of(name, workload, tape, decisions) for name in subjects]


def _parts_of(name: str, workload: Workload, tape: Tape, decisions: int) -> Parts:
    samples: Counter[str] = Counter()
    costs_us = []
    with ticking(sampler(samples, Drive.run.__code__)):
        while samples.total() < SAMPLES_MIN:
            subject = SUBJECTS[name](workload)
            costs_us.append(measured(workload, subject, tape, decisions).cpu_us)
    share = median(costs_us) / samples.total()
    us = {part: share * n for part, n in sorted(samples.items())}
    return Parts(subject=name, point=workload.point, us=us)


def sampler(samples: Counter[str], driver: CodeType) -> Callable[[FrameType | None], None]:
    """A function that counts samples by the current call of *driver*."""

    def sample(frame: FrameType | None) -> None:
        part = DRIVER
        while frame is not None and frame.f_code is not driver:
            part = frame.f_code.co_name
            frame = frame.f_back
        if frame is not None:
            if part == "complete":
                part = f"complete {type(frame.f_locals['outcome']).__name__}"
            samples[part if part.split()[0] in CALLS else DRIVER] += 1

    return sample
