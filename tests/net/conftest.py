"""Fixtures of the kernel's tests."""

import pytest

from scraper_cpn.net import Interpreter
from scraper_cpn.net.compiled.kernel import Compiled


@pytest.fixture(params=[Interpreter, Compiled])
def both_executions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test twice: its kernels are interpreted, then compiled."""
    monkeypatch.setattr("tests.net.running.new_kernel", request.param)
