"""Showing a running crawl: a live view on a terminal, plain lines elsewhere, events as JSON.

Owns: which parts of a `Snapshot` and of an event are shown, and how often.
Must not know: how a crawl works, which options there are.

All of it goes to stderr: stdout belongs to the items.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from scraper_cpn.scrape.account.report import PausedDomain, Snapshot, Stage
from scraper_cpn.show.words import SECOND, ahead, clock, counted, moment, number, plain, rate, size

RATE_WINDOW_NS = 10 * SECOND
"""The window of rates: an average since the start would hide a stall."""

_BAR = 8
_SHOWN_REASONS = 5


class ProgressView(Protocol):
    """A view of a running crawl."""

    interval_ns: int
    """The interval between two calls of `update`."""

    def update(self, snapshot: Snapshot) -> None:
        """Show the state of the crawl."""

    def event(self, event: Mapping[str, Any]) -> None:
        """Show an event, if this view shows events."""

    def note(self, line: str) -> None:
        """Show one of our own messages, in every view."""

    def close(self) -> None:
        """Stop showing."""


class PageRate:
    """The rate of pages over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque([(0, 0)])

    def of(self, snapshot: Snapshot) -> str:
        """Return the rate up to *snapshot*; calls must be in order of time. Cost: O(1) amortised."""
        self._seen.append((snapshot.elapsed_ns, snapshot.pages))
        while len(self._seen) > 2 and snapshot.elapsed_ns - self._seen[1][0] >= RATE_WINDOW_NS:
            self._seen.popleft()
        since_ns, pages = self._seen[0]
        return rate(snapshot.pages - pages, snapshot.elapsed_ns - since_ns)


def event_line(event: Mapping[str, Any]) -> str:
    """Return an event as one line: its name, its URL, then the rest as `key=value`."""
    known = {"event", "url"}
    rest = (f"{key}={value}" for key, value in event.items() if key not in known and value != "")
    words = [str(event.get("event", "event")), str(event.get("url", "")), *rest]
    return plain(" ".join(word for word in words if word))


def line_of(snapshot: Snapshot, pages_rate: str) -> str:
    """Return a snapshot as one plain line."""
    waits = [f"{number(count)} {reason}" for reason, count in _waiting(snapshot)]
    parts = [
        f"{clock(snapshot.elapsed_ns)}  {counted(snapshot.pages, 'page')} ({pages_rate})",
        counted(snapshot.items, "item"),
        f"{snapshot.in_flight} in flight",
        f"{number(snapshot.failed)} failed",
        *(["waiting: " + ", ".join(waits)] if waits else []),
        *([f"paused: {_hold(snapshot.holds[0])}"] if snapshot.holds else []),
        *([_left(snapshot.least_left_ns)] if snapshot.least_left_ns else []),
    ]
    return ", ".join(parts)


class QuietView:
    """Shows only our own messages."""

    interval_ns = SECOND

    def __init__(self, console: Console) -> None:
        self._console = console

    def update(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def event(self, event: Mapping[str, Any]) -> None:
        """Show nothing."""

    def note(self, line: str) -> None:
        """Print *line*."""
        self._console.print(Text(plain(line)), soft_wrap=True)

    def close(self) -> None:
        """Do nothing."""


class PlainView(QuietView):
    """Prints a line every few seconds, for logs and pipes."""

    interval_ns = 5 * SECOND

    def __init__(self, console: Console, *, events: bool = False) -> None:
        super().__init__(console)
        self._pace = PageRate()
        self._events = events

    def update(self, snapshot: Snapshot) -> None:
        """Print a line."""
        self.note(line_of(snapshot, self._pace.of(snapshot)))

    def event(self, event: Mapping[str, Any]) -> None:
        """Print a line, if events are shown."""
        if self._events:
            self.note(event_line(event))


class JsonView(QuietView):
    """Prints events as JSON, one for each line."""

    interval_ns = 5 * SECOND

    def update(self, snapshot: Snapshot) -> None:
        """Print the snapshot as an event."""
        self.event({"event": "progress", **msgspec.to_builtins(snapshot)})

    def event(self, event: Mapping[str, Any]) -> None:
        """Print an event."""
        self._console.file.write(msgspec.json.encode(event).decode() + "\n")
        self._console.file.flush()

    def note(self, line: str) -> None:
        """Print *line* as an event."""
        self.event({"event": "note", "line": line})


class LiveView(QuietView):
    """Redraws a few lines at the bottom of a terminal."""

    interval_ns = SECOND // 4

    def __init__(self, console: Console, *, events: bool = False) -> None:
        super().__init__(console)
        self._pace = PageRate()
        self._events = events
        # Standard output is not redirected, since items may go there.
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False
        )
        self._live.start()

    def update(self, snapshot: Snapshot) -> None:
        """Redraw."""
        self._live.update(rendered(snapshot, self._pace.of(snapshot)), refresh=True)

    def event(self, event: Mapping[str, Any]) -> None:
        """Print a line above the view, if events are shown."""
        if self._events:
            self.note(event_line(event))

    def close(self) -> None:
        """Remove the view."""
        self._live.stop()


def rendered(snapshot: Snapshot, pages_rate: str) -> Group:
    """Return a snapshot as the lines of the live view."""
    lines: list[Any] = [_head(snapshot, pages_rate), _labelled("waiting", _waiting_text(snapshot))]
    if snapshot.stages:
        bars = Columns([_stage(stage) for stage in snapshot.stages], padding=(0, 3))
        lines.append(_labelled("stages", bars))
    if snapshot.holds:
        lines.append(_labelled("paused", Text("\n".join(map(_hold, snapshot.holds)))))
    lines.append(_labelled("ended", _ended(snapshot)))
    return Group(*lines)


def _head(snapshot: Snapshot, pages_rate: str) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{clock(snapshot.elapsed_ns):>7}  ", style="dim")
    text.append(counted(snapshot.pages, "page"), style="bold green")
    text.append(f"  {pages_rate}   {counted(snapshot.items, 'item')}   {size(snapshot.bytes)}")
    text.append(f"   {snapshot.in_flight} in flight", style="cyan")
    return text


def _labelled(label: str, content: Any) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=7, justify="right", style="dim")
    grid.add_column()
    grid.add_row(label, content)
    return grid


def _waiting(snapshot: Snapshot) -> list[tuple[str, int]]:
    """Return the reasons by number of URLs, largest first; ties by name."""
    counts = [(plain(reason), count) for reason, count in snapshot.waiting.items() if count]
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:_SHOWN_REASONS]


def _waiting_text(snapshot: Snapshot) -> Text:
    waits = [f"{number(count)} {reason}" for reason, count in _waiting(snapshot)]
    return Text(" · ".join(waits) or "nothing")


def _hold(held: PausedDomain) -> str:
    return f"{plain(held.domain)} {ahead(held.wait_ns)}, until {moment(held.until_ns)}: {plain(held.reason)}"


def _stage(stage: Stage) -> Text:
    text = Text(f"{stage.name} ", no_wrap=True)
    if stage.capacity is None:
        return text.append(number(stage.filled))
    full = min(_BAR, -(-stage.filled * _BAR // stage.capacity)) if stage.capacity else _BAR
    text.append("█" * full, style="red" if full == _BAR else "green")
    text.append("░" * (_BAR - full), style="dim")
    return text.append(f" {stage.filled}/{stage.capacity}")


def _ended(snapshot: Snapshot) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{number(snapshot.failed)} failed", style="red" if snapshot.failed else "")
    text.append(f" · {number(snapshot.skipped)} skipped")
    if snapshot.least_left_ns:
        text.append(f" · {_left(snapshot.least_left_ns)}")
    return text


def _left(ns: int) -> str:
    return f"at least {clock(ns)} left"
