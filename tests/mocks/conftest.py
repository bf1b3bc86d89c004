"""What the tests of the mocked HTTP layer share."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
