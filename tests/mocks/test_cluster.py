"""`make cluster` shows what it promises."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_demonstration_ends_with_a_clean_verdict() -> None:
    """A worker is killed, and the referee finds nothing but pages whose answers went with it."""
    done = subprocess.run(
        [sys.executable, "-m", "mocks.cluster"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill -9" in done.stdout
