"""What all tests share: Hypothesis without deadlines, and asyncio under anyio."""

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from tests.effort import EXPLORING

settings.register_profile("project", deadline=None, derandomize=not EXPLORING)
"""The same examples each time, so that a failure is the change's; `EXPLORE=1` draws new ones."""
settings.load_profile("project")
if not EXPLORING:
    # Hypothesis also draws what stands in modules that are imported by then: others in each run and process.
    vars(providers)["is_local_module_file"] = lambda _: False


@pytest.fixture
def anyio_backend() -> str:
    """Aiohttp runs on asyncio only."""
    return "asyncio"
