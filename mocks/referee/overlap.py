"""How many requests run at a time.

Owns: the sweep over starts and ends.
Must not know: whose requests they are.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from mocks.referee.expect import Seen


def crowded(items: Sequence[Seen], most: int, tolerance_ns: int) -> Iterator[list[Seen]]:
    """For each request that starts while *most* others run: those others, then the request.

    *items* are in order of start. A request that ends less than *tolerance_ns* after another's
    start does not overlap it. Cost: O(n log n).
    """
    running: list[tuple[int, int, Seen]] = []
    for item in items:
        while running and running[0][0] - tolerance_ns <= item.start_ns:
            heappop(running)
        if len(running) >= most:
            yield [*(other for _, _, other in sorted(running)), item]
        heappush(running, (item.end_ns, item.line, item))
