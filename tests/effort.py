"""How much the suite tries: enough to find a fault in minutes, or as much as `EXPLORE=1` asks for.

Owns: the one switch. A test says how many examples, seeds or rounds it takes in each case.
Must not know: what is tested.
"""

import os

EXPLORING = bool(os.environ.get("EXPLORE"))
"""New examples are drawn then, and more of them."""


def effort(usual: int, exploring: int) -> int:
    """Return how many examples, seeds or rounds to take: *usual*, or *exploring* with `EXPLORE=1`."""
    return exploring if EXPLORING else usual
