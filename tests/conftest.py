"""What all tests share: Hypothesis without deadlines, and asyncio under anyio."""

import os

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=not os.environ.get("EXPLORE"))
"""The same examples each time, so that a failure is the change's; `EXPLORE=1` draws new ones."""
settings.load_profile("project")


@pytest.fixture
def anyio_backend() -> str:
    """Aiohttp runs on asyncio only."""
    return "asyncio"
