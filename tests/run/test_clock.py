"""A clock that goes on in another process: it never goes back, whatever the machine's clocks do."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.run import clock
from scraper_cpn.run.clock import Clock, Dial, boot_id

TIMES = st.integers(0, 2**62)
BOOTS = st.sampled_from(["", "one", "two"])


class Machine:
    """What the system's clocks say."""

    def __init__(self, wall_ns: int, elapsed_ns: int, boot: str) -> None:
        self.wall_ns, self.elapsed_ns, self.boot = wall_ns, elapsed_ns, boot

    def install(self, patch: pytest.MonkeyPatch) -> None:
        faked = SimpleNamespace(
            CLOCK_BOOTTIME=7,
            time_ns=lambda: self.wall_ns,
            clock_gettime_ns=lambda which: self.elapsed_ns if which == 7 else 0,
        )
        patch.setattr(clock, "time", faked)
        patch.setattr(clock, "boot_id", lambda: self.boot)


@given(TIMES, TIMES, BOOTS, TIMES, TIMES, BOOTS, TIMES, st.integers(0, 2**40))
def test_it_never_goes_back(
    wall_ns: int,
    elapsed_ns: int,
    boot: str,
    later_wall_ns: int,
    later_elapsed_ns: int,
    later_boot: str,
    at_ns: int,
    runs_ns: int,
) -> None:
    """Whatever boot, wall clock and elapsed time are in the next process, it begins no earlier."""
    machine = Machine(wall_ns, elapsed_ns, boot)
    with pytest.MonkeyPatch.context() as patch:
        machine.install(patch)
        first = Clock()
        assert first.now_ns() == wall_ns
        machine.elapsed_ns += runs_ns
        machine.wall_ns = 0  # a step of the wall clock during a run
        assert first.now_ns() == wall_ns + runs_ns
        dial, known_ns = first.dial, max(at_ns, first.now_ns())
        machine.wall_ns, machine.elapsed_ns = later_wall_ns, later_elapsed_ns
        machine.boot = later_boot
        second = Clock.resumed(dial, known_ns)
        assert second.now_ns() >= known_ns
        if boot != later_boot or not boot:
            assert second.now_ns() == max(known_ns, later_wall_ns)
        else:
            assert second.now_ns() == max(known_ns, dial.offset_ns + later_elapsed_ns)
        begun_ns = second.now_ns()
        machine.elapsed_ns += runs_ns
        assert second.now_ns() == begun_ns + runs_ns
        third = Clock.resumed(second.dial, second.now_ns())
        assert third.now_ns() == second.now_ns(), "within a boot it is the same clock"


def test_a_system_without_a_boot_clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a boot id the wall clock counts; without CLOCK_BOOTTIME the monotonic one does."""
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "none")
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    assert boot_id() == ""
    before_ns = time.time_ns()
    resumed = Clock.resumed(Dial("", 0), 0)
    assert before_ns <= resumed.now_ns() <= time.time_ns()
    assert resumed.now_ns() <= resumed.now_ns()
