"""Several proofs at a time: their results come in order, and their errors too."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from scraper_cpn.analysis import AnalysisError
from scraper_cpn.analysis.processes import in_order

HERE = os.getpid()


def square(number: int) -> int:
    """The square of a number; 3 is a mistake, and at 4 the process is killed."""
    if number == 3:
        raise AnalysisError("three")
    if number == 4 and os.getpid() != HERE:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_order(processes: int) -> None:
    """Of a process that was killed, too."""
    assert list(in_order([partial(square, n) for n in (5, 1, 4, 2)], processes)) == [25, 1, 16, 4]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_is_raised_where_its_result_is_waited_for(processes: int) -> None:
    """What came before it is given first, and what comes after it is ended."""
    found = in_order([partial(square, n) for n in (1, 3, 2)], processes)
    assert next(found) == 1
    with pytest.raises(AnalysisError, match="three"):
        next(found)
