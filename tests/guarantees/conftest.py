"""Both subjects, for the tests of what holds for both."""

from __future__ import annotations

import pytest

from tests.guarantees.subjects import SUBJECTS, Subject


@pytest.fixture(scope="session", params=SUBJECTS, ids=str)
def subject(request: pytest.FixtureRequest) -> Subject:
    """The net, then the scheduler by hand."""
    found: Subject = request.param
    return found
