"""G10: in virtual time the same seed gives the same bytes of trace, wherever it runs."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from mocks.inprocess import crawl
from scraper_cpn.net import Interpreter, Kernel
from scraper_cpn.net.compiled.kernel import compile_net
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.guarantees.crawls import Case, cases

ROOT = Path(__file__).parents[2]
SIMULATE = [
    *("-m", "scraper_cpn", "simulate", "hosts=6", "pages=12", "fail=0.3", "redirect=0.3"),
    *("subdomains=2", "latency=30ms", "latency_spread=90ms", "robots=delay,disallow,absent"),
    *("--scope", "any", "--seed", "7", "--per-domain", "2"),
]


THIS = f"{sys.version_info[0]}.{sys.version_info[1]}"


def traced(case: Case, kernel: Callable[..., Kernel] = compile_net) -> str:
    """The trace of a virtual crawl."""
    trace = io.StringIO()
    crawl(
        case.settings,
        SyntheticWeb(case.spec),
        case.seeds,
        trace=trace,
        kernel=kernel,
    )
    return trace.getvalue()


def traced_by(python: str, trace: Path, hash_seed: str) -> bytes:
    """The trace of the command, run by another Python."""
    command = [python, *SIMULATE, "--trace", str(trace)]
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    return trace.read_bytes()


@settings(
    max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(cases(ending=True))
def test_both_executions_make_the_same_crawl(case: Case) -> None:
    """The compiled net decides byte for byte what the interpreter decides."""
    assume(case.spec.hosts * case.spec.pages <= 12)
    assert traced(case) == traced(case, Interpreter)


def test_a_seed_is_a_crawl() -> None:
    """The same seed gives the same trace; another one other jitter."""
    spec = WebSpec(pages=6, fail=1.0, fail_kinds=("503",))
    one, two = (Case(Settings(seed=seed), spec, ("http://h0.example/",)) for seed in (1, 2))
    assert traced(one) == traced(one) != traced(two)


def test_hash_seeds_change_nothing(tmp_path: Path) -> None:
    """`--seed 7 --trace` gives the same bytes under every hash seed."""
    traces = {traced_by(sys.executable, tmp_path / "t", seed) for seed in ("0", "1", "4242")}
    assert len(traces) == 1
    assert next(iter(traces)).count(b"\n") > 500


@pytest.mark.parametrize(
    "version", [version for version in ("3.11", "3.12", "3.13") if version != THIS]
)
def test_other_pythons_make_the_same_crawl(version: str, tmp_path: Path) -> None:
    """Another version of Python writes the same bytes."""
    python = _python(version)
    if python is None:
        pytest.skip(f"no Python {version} with the dependencies is here")
    ours = traced_by(sys.executable, tmp_path / "ours", "1")
    assert traced_by(python, tmp_path / "theirs", "2") == ours


def _python(version: str) -> str | None:
    """A Python of that version that can import the project: of a .venv beside ours, or the system's."""
    for python in (str(ROOT / f".venv-{version}/bin/python"), f"python{version}"):
        if shutil.which(python) is None:
            continue
        found = subprocess.run(
            [python, "-c", "import scraper_cpn.scrape.virtual"],
            cwd=ROOT,
            check=False,
            capture_output=True,
        )
        if found.returncode == 0:
            return python
    return None
