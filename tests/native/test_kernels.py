"""Kernels of machine code: they decide what the source decides, and say what they lack."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec import Struct

from scraper_cpn import native as package
from scraper_cpn.native import NativeError, building, kernels, native
from scraper_cpn.net import Marking, Net, Trace, put, take
from scraper_cpn.net.compiled.kernel import Compiled, compile_net
from scraper_cpn.net.compiled.source import generated
from tests.effort import effort
from tests.guarantees.crawls import Case, cases
from tests.guarantees.test_determinism import traced
from tests.net.features import features
from tests.net.runs import Pair, Run
from tests.net.test_differential import FEATURES, drawn

ROOT = Path(__file__).parents[2]
COVERING = (131, 19, 191, 67, 397)
"""Seeds whose nets have every feature between them."""


@pytest.fixture(scope="module", autouse=True)
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where kernels are: nothing is built yet, and nothing that is built stays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        yield package.folder()


class Word(Struct, frozen=True):
    text: str


def repeating(how: Callable[[Word], Word]) -> Net:
    """A net that changes words in the way that is given."""
    net = Net("words")
    said = net.place("said", Word, source=True, work=True)
    heard = net.sink("heard", Word)
    net.transition("hear", [take(said)], outputs=[put(heard, how, said)])
    return net


def times(number: int) -> Callable[[Word], Word]:
    """A function; all of them have the same name."""

    def repeated(word: Word) -> Word:
        return Word(word.text * number)

    return repeated


def load_native(net: Net, marking: Marking, trace: Trace | None = None, **options: Any) -> Compiled:
    recorded, printed = options.get("recorded", False), options.get("shelf") is not None
    source = generated(net, traced=trace is not None, recorded=recorded, printed=printed)
    return Compiled.load(net, marking, trace, build=native(source), **options)


def heard(net: Net, **options: Any) -> list[str]:
    kernel = compile_net(net, **options)
    kernel.inject(net.places["said"], Word("ab"), 0)  # type: ignore[arg-type]
    kernel.step(0)
    return [row.colour.text for row in kernel.drain()]


@pytest.mark.parametrize(
    "seed", [COVERING[0], *(pytest.param(seed, marks=pytest.mark.slow) for seed in COVERING[1:])]
)
def test_random_runs_are_those_of_the_interpreter(seed: int) -> None:
    """Results, errors, events, rows, counts and markings are the same after every call."""
    found = drawn(seed)
    assert found is not None
    built, draw = found
    make = partial(compile_net, builder=native)
    for _ in range(5):
        Run(draw, Pair(built, make, load_native)).go(60)


def test_these_runs_have_every_feature() -> None:
    """The comparison above leaves no feature of a net out."""
    nets = [found[0] for seed in COVERING if (found := drawn(seed)) is not None]
    assert {name for built in nets for name in features(built)} >= FEATURES


@pytest.mark.slow
@settings(
    max_examples=effort(4, 200),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(cases(ending=True))
def test_whole_crawls_are_the_same(case: Case) -> None:
    """Under all settings a virtual crawl has the same trace, byte for byte."""
    assert traced(case, partial(compile_net, builder=native)) == traced(case)


def test_kernels_of_one_source_have_their_own_functions() -> None:
    """Two nets that differ in a function alone share what is built, and nothing else."""
    one, other = repeating(times(2)), repeating(times(3))
    assert heard(one, builder=native) == ["abab"]
    count = len(list(package.folder().iterdir()))
    assert heard(other, builder=native) == ["ababab"]
    assert heard(one, builder=native) == ["abab"]
    assert len(list(package.folder().iterdir())) == count


def test_what_is_built_needs_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel is built once; after that neither Cython nor a compiler is asked for."""
    assert heard(repeating(times(2)), builder=native) == ["abab"]
    monkeypatch.setattr(building, "find_spec", lambda _: None)
    assert heard(repeating(times(2)), builder=native) == ["abab"]


@pytest.mark.slow
def test_a_damaged_kernel_is_built_again(own_folder: Path) -> None:
    """A file that is not what was built, be it cut or changed, is never loaded: that would kill the process."""
    code = (
        "from tests.native.test_kernels import heard, native, repeating, times\n"
        "print(heard(repeating(times(2)), builder=native))"
    )
    assert heard(repeating(times(2)), builder=native) == ["abab"]
    (file,) = own_folder.glob("net_words*")
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-9] + b"\0" + whole[-8:]):
        file.unlink()  # this process has it loaded
        spoilt(file, content)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.stdout == "['abab']\n", done.stderr
        (file,) = own_folder.glob("net_words*")


def test_a_kernel_that_can_not_be_loaded(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what was just built is not to be loaded, a line says why."""
    monkeypatch.setattr(kernels, "built", lambda _, folder, name, __: spoilt(folder / f"{name}.so"))
    monkeypatch.setattr(kernels, "FORM", 0)
    own_folder.mkdir(mode=0o700, exist_ok=True)
    with pytest.raises(NativeError, match=r"net_words_.*can't be loaded \(.*, nor replaced: "):
        heard(repeating(times(2)), builder=native)


def spoilt(path: Path, content: bytes = b"no module", mode: int = 0o700) -> Path:
    """Make a file that is no module."""
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_nothing_runs_that_others_may_have_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder or a file that others can write is refused, and not loaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kernels, "loaded", lambda _: pytest.fail("loaded"))
    folder = tmp_path / "scraper_cpn"
    folder.mkdir()
    folder.chmod(0o777)
    for message in (lambda: pytest.fail("begun"), None):
        with pytest.raises(NativeError, match=r"scraper_cpn can be written by other users; set"):
            native(generated(repeating(times(2))), *filter(None, [message]))
        assert list(folder.iterdir()) == []
    folder.chmod(0o700)
    monkeypatch.setattr(
        kernels, "built", lambda _, folder, name, __: spoilt(folder / f"{name}.so", mode=0o664)
    )
    with pytest.raises(NativeError, match=r"net_words_.* can be written by other users; set"):
        heard(repeating(times(2)), builder=native)


def test_a_kernel_for_which_something_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One line says what has to be installed, and nothing is left behind."""
    monkeypatch.setattr(building, "find_spec", lambda _: None)
    with pytest.raises(NativeError, match=r"^it is built with Cython and setuptools: pip install"):
        building.built(building.kernel_program(""), tmp_path, "x", lambda: pytest.fail("begun"))
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line says what failed and what to install, and nothing is left behind."""
    monkeypatch.setenv("CC", "/there/is/no/compiler")
    with pytest.raises(NativeError, match=r"no/compiler.*apt install gcc python3-dev$") as raised:
        building.built(building.kernel_program(""), tmp_path, "x")
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_is_none(tmp_path: Path) -> None:
    """A failure of Cython is not called one of the compiler."""
    with pytest.raises(NativeError, match=r"^Cython has failed \(.*x.py\)$"):
        building.built(building.kernel_program("return 1"), tmp_path, "x")


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    """One line names the folder and how to choose another one."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NativeError, match=r"file: .*; set XDG_CACHE_HOME$"):
        building.built(building.kernel_program(""), tmp_path / "file", "x")


def test_the_folder_is_that_of_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_CACHE_HOME says where, if it is absolute; else it is `.cache` at home."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert package.folder() == tmp_path / "scraper_cpn"
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    for none in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", none)
        assert package.folder() == tmp_path / "home" / ".cache" / "scraper_cpn"


def test_a_folder_that_can_not_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that no system takes is reported, too."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/" + "x" * 300)
    with pytest.raises(NativeError, match=r"x: File name too long; set XDG_CACHE_HOME$|x/scraper"):
        native(generated(repeating(times(2))))


def test_where_there_is_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home folder gets an error that says what to set."""

    def home() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(NativeError, match=r"no home .*; set XDG_CACHE_HOME$"):
        package.folder()
