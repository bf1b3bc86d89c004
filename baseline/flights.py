"""What is under way: requests and work on pages, with what each has taken.

Owns: these records.
Must not know: how anything is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from baseline.lanes import Lane
from baseline.pipeline import Stage
from baseline.proxies import Seat

Endings: TypeAlias = dict[type[Any], Callable[[Any, Any, int], None]]
"""What becomes of a flight, by the type of its outcome; called with the flight, the outcome, the time."""


class Request:
    """A request for a page or for a robots.txt.

    Attributes:
        endings: of its kind.
        entry: what has taken its turn: a target or a job, as its queue knows it.
        lane: the domain, one of whose slots it has.
        seat: the token of its proxy, one of whose slots it has.
        proxy: that token as it was when the request was prepared.
        started: whether it has been written; then domain and proxy have their tokens back.
    """

    __slots__ = ("endings", "entry", "lane", "proxy", "seat", "started")

    def __init__(self, endings: Endings, entry: Any, lane: Lane, seat: Seat) -> None:
        self.endings = endings
        self.entry = entry
        self.lane = lane
        self.seat = seat
        self.proxy = seat.proxy
        self.started = False


class Work:
    """A page in a stage of the pipeline."""

    __slots__ = ("endings", "page", "stage", "started")

    def __init__(self, endings: Endings, page: Any, stage: Stage[Any]) -> None:
        self.endings = endings
        self.page = page
        self.stage = stage
        self.started = False
