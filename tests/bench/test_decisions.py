"""A race of schedulers, in small sizes. No test looks at how long anything took."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import anyio
import msgspec
import pytest

from bench.__main__ import main
from bench.decisions import command, engines, live, plots, race, results, table
from bench.decisions.drive import Drive
from bench.decisions.grid import BRIEF, GRID, Plan
from bench.decisions.live import ALONE, race_live
from bench.decisions.native import by_hand, works_here
from bench.decisions.parts import parts
from bench.decisions.race import Result, Run
from bench.decisions.results import EngineRun, Report
from bench.decisions.subjects import BASELINE_NATIVE, NET_NATIVE, SUBJECTS
from bench.decisions.workload import KINDS, Kind, Point, Tape, Workload
from bench.figures import Spent
from bench.machine import machine
from scraper_cpn.scrape.virtual import EPOCH_NS

SMALL = Point(30, 6, 3)
PLAN = Plan(
    points=(SMALL, Point(60, 6, 3)),
    slow=(Point(15, 3, 2),),
    decisions=20,
    slow_decisions=3,
    rounds=2,
    engines=(),
    parted=SMALL,
)


def result_of(*costs_us: float, point: Point = SMALL, digests: str = "aaaa") -> Result:
    """A race that net, baseline, its heap variant and the replay have run once each, at these costs."""
    names = ("net", "baseline", "baseline heap", "replay")
    runs = {
        name: [
            Run(decisions=1, firings=4, cpu_s=us / 1e6, wall_s=0, pause_s=0, digest=digest),
        ]
        for name, us, digest in zip(names, costs_us, digests, strict=True)
    }
    return Result(point=point, runs=runs)


def report_of(*races: Result) -> Report:
    return Report(machine=machine(), races=list(races))


@pytest.fixture(scope="module", autouse=True)
def collects_nothing() -> Iterator[None]:
    """Garbage is not searched for before each of a hundred tiny runs: that takes longer than they do."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("collect", "freeze", "unfreeze"):
            patch.setattr(gc, name, lambda: 0)
        yield


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """All of it at tiny sizes, and the folder with what it has written."""
    folder = tmp_path_factory.mktemp("bench")
    wanted = command.Wanted(plan=PLAN, out=folder / "results.json", plots=folder / "plots")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "works_here", lambda: True)
        for name, stand_in in ((NET_NATIVE, "net"), (BASELINE_NATIVE, "baseline")):
            patch.setitem(SUBJECTS, name, SUBJECTS[stand_in])  # another test builds them
        return command.main(wanted), folder


@pytest.mark.parametrize("kind", KINDS)
def test_all_subjects_decide_the_same(kind: Kind) -> None:
    """In every kind of workload, all dispatches are the same, and none is missing."""
    subjects = ["net", "baseline", "baseline heap", "interpreter"]
    found = race.race(Point(30, 6, 3, kind), subjects, 12, 1)
    assert found.same
    assert {name: len(runs) for name, runs in found.runs.items()} == dict.fromkeys(
        [*subjects, "replay"], 1
    )
    assert all(run.decisions >= 12 for runs in found.runs.values() for run in runs)


@pytest.mark.slow
def test_machine_code_decides_the_same(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The net and the scheduler by hand take part once more; what is built is kept for the next run."""
    assert request.config.cache is not None
    monkeypatch.setenv("XDG_CACHE_HOME", str(request.config.cache.mkdir("native")))
    assert works_here()
    found = race.race(SMALL, [*command.FAST], 30, 2)
    assert found.same
    module = by_hand("scheduler").__file__
    assert module is not None
    assert module.endswith(tuple(EXTENSION_SUFFIXES))


def test_a_dispatch_more_or_another_one_is_another_digest() -> None:
    """The digest tells time, URL, proxy and attempt of every dispatch apart."""
    workload = Workload(SMALL)
    tape = Tape(workload)
    drive = Drive(SUBJECTS["net"](workload), tape.fetch, tape.parse, 0, EPOCH_NS)
    drive.run(20)
    digests = {drive.digest()}
    target, proxy, domain = drive.dispatches[0]
    for changed in (
        (msgspec.structs.replace(target, url="other"), proxy, domain),
        (msgspec.structs.replace(target, attempt=2), proxy, domain),
        (target, msgspec.structs.replace(proxy, proxy="other"), domain),
    ):
        drive.dispatches[0] = changed
        digests.add(drive.digest())
    drive.times[0] += 1
    digests.add(drive.digest())
    assert len(digests) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_in_pieces_is_the_same_run(kind: Kind) -> None:
    """Where the clock begins to run changes nothing: what is taped in one go is what is measured."""

    def digest(*pieces: int) -> str:
        workload = Workload(Point(100, 20, 10, kind))
        tape = Tape(workload)
        subject = SUBJECTS["baseline"](workload)
        drive = Drive(subject, tape.fetch, tape.parse, workload.keeping_ns, EPOCH_NS)
        for dispatches in pieces:
            drive.run(dispatches)
        return drive.digest()

    assert digest(50, 300) == digest(300)


class Late:
    """A scheduler that oversleeps by a millisecond."""

    def __init__(self, subject: Any) -> None:
        self.started, self.complete, self.drain = subject.started, subject.complete, subject.drain
        self._step = subject.step

    def step(self, now_ns: int) -> Any:
        step = self._step(now_ns)
        if step.wake_ns is None or step.firings:
            return step
        return msgspec.structs.replace(step, wake_ns=step.wake_ns + 10**6)


def test_who_decides_otherwise_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A subject that decides otherwise does not end the race; its race is one of unequals."""
    baseline = SUBJECTS["baseline"]
    monkeypatch.setitem(SUBJECTS, "baseline heap", lambda workload: Late(baseline(workload)))
    assert not race.race(SMALL, ["baseline", "baseline heap"], 50, 1).same


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_targets_wait_as_before(kind: Kind) -> None:
    """However many are fetched, about as many targets wait, in each domain."""
    workload = Workload(Point(200, 4, 3, kind))
    kernel: Any = SUBJECTS["net"](workload)
    tape = Tape(workload)
    Drive(kernel, tape.fetch, tape.parse, workload.keeping_ns, EPOCH_NS).run(150)
    pending = kernel.count("prioritized_targets") + kernel.count("cool_down")
    assert 200 - 4 - 3 * 2 - 64 <= pending <= 200


def test_strings_are_fresh_in_every_round() -> None:
    """A run is given URLs that nobody has hashed; they say the same as those of the run before."""
    workload = Workload(SMALL)
    first, second = (next(workload.seeds()).targets[0] for _ in range(2))
    assert first == second
    assert first.url is not second.url


def test_full_stages_hold_up_fetching() -> None:
    """Where items are kept slowly, dispatches are far between once the stages are full."""
    took = {}
    for kind in ("sparse", "pressed"):
        workload = Workload(Point(5_000, 1_000, 500, kind))
        tape = Tape(workload)
        kernel = SUBJECTS["baseline"](workload)
        drive = Drive(kernel, tape.fetch, tape.parse, workload.keeping_ns, EPOCH_NS)
        drive.run(1_200)
        took[kind] = drive.times[-1] - drive.times[-300]
    assert took["pressed"] > 10 * took["sparse"]


def test_ratios_only_between_equals() -> None:
    """No ratio is shown of subjects whose decisions differ, and the table says so."""
    same, other = result_of(2, 3, 4, 1), result_of(2, 3, 4, 1, digests="aaba")
    assert results.ratio(same, "net") == 1.5
    assert results.ratio(other, "net") is None
    page_text = "\n".join(table.race_lines(other))
    assert table.UNEQUAL in page_text
    assert "times the baseline" not in page_text
    assert "1.50 times the baseline" in "\n".join(table.race_lines(same))
    assert "differ at 1 of 2 points" in "\n".join(table.summary_lines(report_of(same, other)))


def test_an_earlier_run_is_compared() -> None:
    """Faster, slower and as fast are shown by point and subject; what was not measured then is not."""
    before = report_of(result_of(2, 3, 4, 1))
    now = report_of(result_of(1, 6, 4, 1), result_of(1, 1, 1, 1, point=Point(1, 1, 1)))
    words = [line.split()[-1] for line in table.change_lines(now, before)]
    assert words == ["faster", "slower", "fast", "fast"]


def test_quartiles_are_those_of_the_rounds() -> None:
    """Median and quartiles of runs."""
    found = results.spread([4.0, 1.0, 2.0, 3.0, 5.0])
    assert (found.low, found.median, found.high) == (1.75, 3.0, 4.25)


def test_what_is_written_is_read_again(measured: tuple[Report, Path]) -> None:
    """The file of a measurement has all of it, and names the machine."""
    report, folder = measured
    assert results.read(folder / "results.json") == report
    assert report.machine.processors >= 1
    assert [found.point for found in report.races] == [*PLAN.slow, *PLAN.points]
    assert all(found.same for found in report.races)


def test_pictures_are_drawn(measured: tuple[Report, Path]) -> None:
    """There are three, each as PNG and as SVG, and each names the machine."""
    report, folder = measured
    names = {"cost-by-targets", "ratio-to-baseline", "time-by-part"}
    files = list((folder / "plots").iterdir())
    assert {file.name for file in files} == {
        f"{n}.{kind}" for n in names for kind in ("png", "svg")
    }
    for file in files:
        if file.suffix == ".svg":
            assert report.machine.processor in "".join(ET.parse(file).getroot().itertext())
        else:
            assert file.read_bytes().startswith(b"\x89PNG")


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    """A measurement without points has no pictures."""
    assert plots.draw(report_of(), tmp_path) == []


def test_every_call_has_its_part() -> None:
    """The parts of a decision are calls of the driver, and they add up to what it costs."""
    (found,) = parts(Point(500, 50, 20), ["baseline"], 3_000)
    calls = {name.split()[0] for name in found.us}
    assert {"step", "complete"} <= calls <= {"step", "started", "complete", "drain", "driver"}
    assert sum(found.us.values()) > 0


def test_the_same_through_asyncio() -> None:
    """Every subject, and the shell alone, ends after so many dispatches."""
    found = race_live(["net", "baseline"], 300, 1)
    assert [result.subject for result in found] == ["net", "baseline", ALONE]
    assert [run.decisions for result in found for run in result.runs] == [300] * 3


def test_so_many_dispatches_are_measured() -> None:
    """From the first one after the warm ones, to the last."""
    states = list[bool]()

    async def fetches(mocked: live.Mocked) -> None:
        for _ in range(live.WARM + 5):
            await mocked.fetch(None, None, None, lambda: None)
            states.append(is_open[-1])

    is_open, overs = [False], list[int]()

    @contextmanager
    def meter() -> Iterator[Spent]:
        is_open.append(True)
        yield Spent()
        is_open.append(False)

    mocked = live.Mocked(Workload(SMALL), 5, meter())
    mocked.over = lambda: overs.append(len(states))
    anyio.run(fetches, mocked)
    assert states == [False] * live.WARM + [True] * 4 + [False]
    assert overs == [live.WARM + 4]


def test_the_seeds_are_admitted_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To admit twenty thousand of them is no part of a few hundred decisions."""
    made, waiting = list[Any](), list[int]()
    net = SUBJECTS["net"]

    def kept(workload: Workload) -> Any:
        made.append(net(workload))
        return made[-1]

    @contextmanager
    def meter() -> Iterator[Spent]:
        waiting.append(made[-1].count("prioritized_targets"))
        yield Spent()

    monkeypatch.setitem(SUBJECTS, "net", kept)
    monkeypatch.setattr(live, "spent", meter)
    race_live(["net"], 50, 1)
    assert all(number > live.POINT.targets - 2 * live.WARM for number in waiting[:1])


def test_engines_that_are_not_there_are_said_to_be(tmp_path: Path) -> None:
    """Without its environment an engine has one empty run, and the table says how to get it."""
    found = list(engines.measure(engines.SIZES, tmp_path))
    assert [(run.engine, run.version) for run in found] == [("SNAKES", ""), ("SimPN", "")]
    assert "\n".join(table.engine_lines(found)).count("make peers") == 2


def test_engines_that_are_there_are_run(tmp_path: Path) -> None:
    """What the script of an engine says is what the table has."""
    for engine in engines.ENGINES:
        python = engine.python(tmp_path)
        python.parent.mkdir(parents=True)
        python.write_text(
            f"""#!{sys.executable}\nimport sys\nassert sys.argv[1].endswith({engine.script!r})
assert sys.argv[2:] == ["100", "10", "5", "100"]
print('{{"version": "7", "decisions": 100, "cpu_s": 0.5}}')\n"""
        )
        python.chmod(0o755)
    found = list(engines.measure(engines.SIZES[:1], tmp_path))
    assert found[0] == EngineRun(
        engine="SNAKES", version="7", targets=100, domains=10, proxies=5, decisions=100, cpu_s=0.5
    )
    assert "5,000 us" in "\n".join(table.engine_lines(found))


def test_the_command_measures_what_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """`--only` leaves out all other points, and `--json` writes nothing else."""
    main(["decisions", "--quick", "--only", "100 targets", "--rounds", "1", "--json"])
    report = msgspec.json.decode(capsys.readouterr().out, type=Report)
    assert [found.point for found in report.races] == [BRIEF.slow[0]]
    assert (report.live, report.engines, report.parts) == ([], [], [])


@pytest.mark.parametrize(
    "arguments",
    [
        ["decisions", "--against", "/nowhere.json"],
        ["decisions", "--against", __file__],
        ["decisions", "--rounds", "0"],
        ["decisions", "--slow"],
        ["decisions", "--quick", "--only", "no such point"],
        [],
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong option ends with exit code 2 before anything is measured."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("quick", [True, False])
def test_rounds_are_as_many_as_asked_for(quick: bool) -> None:
    """Three by themselves: of two, one that was disturbed moves the median."""
    assert command.plan_of(quick=quick, rounds=None).rounds == 3
    assert command.plan_of(quick=quick, rounds=1).rounds == 1


def test_the_grid_spans_what_it_says() -> None:
    """Targets from 10^3 to 10^6, domains from 1 to 10^5, proxies from 1 to 10^4, every kind."""
    assert {point.kind for point in GRID} == set(KINDS) - {"eager"}
    for name, least, most in (
        ("targets", 10**3, 10**6),
        ("domains", 1, 10**5),
        ("proxies", 1, 10**4),
    ):
        sizes = [getattr(point, name) for point in GRID]
        assert (min(sizes), max(sizes)) == (least, most)
