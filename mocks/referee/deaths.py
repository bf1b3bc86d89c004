"""What the deaths of a crawler's processes change of a log.

Owns: that no request outlives the life that it was sent in, and which answers are forgotten.
Must not know: any rule.
"""

from collections import deque
from collections.abc import Sequence

from msgspec.structs import replace

from mocks.referee.expect import NEVER, Death, Seen


def cut(seen: Sequence[Seen], deaths: Sequence[Death]) -> list[Seen]:
    """The requests, none of them longer than the life that it was sent in, with what was forgotten.

    Args:
        seen: by start. A request belongs to the life in which it started, as the server saw it: what
            was sent just before a kill may arrive just after it, long before the next life's first.
        deaths: by time.
    """
    forgotten: dict[int, int] = {}
    ended: list[Seen] = []
    last: dict[str, int] = {}
    waiting = deque(seen)
    for death in deaths:
        while waiting and waiting[0].start_ns < death.at_ns:
            item = waiting.popleft()
            last[item.request.url] = item.line
            ended.append(_ended(item, death.at_ns))
        for url in death.lost & last.keys():
            forgotten.setdefault(last[url], death.at_ns)
    return [
        replace(item, forgotten_ns=forgotten.get(item.line, NEVER)) for item in (*ended, *waiting)
    ]


def _ended(item: Seen, at_ns: int) -> Seen:
    """A request, over at *at_ns*."""
    if item.end_ns <= at_ns:
        return item
    return replace(item, request=replace(item.request, end_ns=at_ns), cut=True)
