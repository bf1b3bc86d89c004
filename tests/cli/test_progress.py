"""What is seen of a crawl while it runs, in each kind of view."""

import io
import json
from typing import Any

import msgspec
import pytest
from rich.console import Console

from scraper_cpn.scrape.account.report import Snapshot, Stage
from scraper_cpn.show.progress import (
    JsonView,
    LiveView,
    PageRate,
    PlainView,
    ProgressView,
    QuietView,
    event_line,
    line_of,
    rendered,
)
from scraper_cpn.show.words import clock, counted, lasted, plain, rate, size

S = 10**9

BUSY = Snapshot(
    elapsed_ns=3723 * S,
    pages=123_412,
    items=120_405,
    attempts=130_000,
    failed=33,
    skipped=1112,
    in_flight=32,
    bytes=1_240_000_000,
    waiting={"retry": 4, "their turn": 456_789, "domain delay": 21_000, "proxy": 0},
    stages=(Stage("raw_html", 64, 64), Stage("parsed", 3, 64), Stage("frontier", 456_789, None)),
    least_left_ns=83 * S,
)
FRESH = Snapshot(
    elapsed_ns=0,
    pages=0,
    items=0,
    attempts=0,
    failed=0,
    skipped=0,
    in_flight=0,
    bytes=0,
    waiting={},
)


def at(elapsed_s: float, pages: int) -> Snapshot:
    """Return a snapshot of a moment."""
    return msgspec.structs.replace(FRESH, elapsed_ns=int(elapsed_s * S), pages=pages)


def terminal(**options: Any) -> Console:
    """Return a console of 80 columns that writes to a string."""
    return Console(file=io.StringIO(), width=80, highlight=False, **options)


def written(console: Console) -> str:
    """Return what was written to a console of `terminal`."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_live_view_of_a_busy_crawl() -> None:
    """Everything is on four lines of 80 columns: numbers, reasons to wait, stages, endings."""
    console = terminal()
    console.print(rendered(BUSY, "18.3/s"))
    assert [line.rstrip() for line in written(console).splitlines()] == [
        "1:02:03  123,412 pages  18.3/s   120,405 items   1.2 GB   32 in flight",
        "waiting  456,789 their turn · 21,000 domain delay · 4 retry",
        " stages  raw_html ████████ 64/64   parsed █░░░░░░░ 3/64   frontier 456,789",
        "  ended  33 failed · 1,112 skipped · at least 1:23 left",
    ]


def test_the_live_view_of_a_fresh_crawl() -> None:
    """Before anything has happened the view says so, and no stage is shown without a bound."""
    console = terminal()
    console.print(rendered(FRESH, "0.0/s"))
    assert [line.rstrip() for line in written(console).splitlines()] == [
        "   0:00  0 pages  0.0/s   0 items   0 B   0 in flight",
        "waiting  nothing",
        "  ended  0 failed · 0 skipped",
    ]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_live_view_fits_every_terminal(width: int) -> None:
    """No line is wider than the terminal, or the view would leave traces when it is redrawn."""
    console = Console(file=io.StringIO(), width=width)
    console.print(rendered(BUSY, "18.3/s"))
    assert max(map(len, written(console).splitlines())) <= width


def test_the_plain_line() -> None:
    """Where there is no terminal, a line has the numbers that matter."""
    assert line_of(BUSY, "18.3/s") == (
        "1:02:03  123,412 pages (18.3/s), 120,405 items, 32 in flight, 33 failed, "
        "waiting: 456,789 their turn, 21,000 domain delay, 4 retry, at least 1:23 left"
    )
    assert line_of(FRESH, "0.0/s") == "0:00  0 pages (0.0/s), 0 items, 0 in flight, 0 failed"


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """A stall shows within seconds, however fast the crawl was before."""
    pace = PageRate()
    assert pace.of(at(0, 0)) == "0.0/s"
    assert pace.of(at(5, 50)) == "10.0/s"
    assert pace.of(at(10, 100)) == "10.0/s"
    assert pace.of(at(15, 100)) == "5.0/s"
    assert pace.of(at(20, 100)) == "0.0/s"


def test_the_plain_view_prints_events_only_when_asked() -> None:
    """-v shows every event; without it there are the lines of progress alone."""
    event = {"event": "failed", "url": "https://a.example/", "kind": "timeout", "status": None}
    for verbose in (False, True):
        console = terminal()
        view = PlainView(console, events=verbose)
        view.event(event)
        view.update(FRESH)
        view.close()
        assert ("failed https://a.example/ kind=timeout" in written(console)) == verbose
        assert "0 pages" in written(console)


def test_the_quiet_view_prints_our_notes_alone() -> None:
    """-q leaves what the user must know, such as what Ctrl-C did."""
    console = terminal()
    view = QuietView(console)
    view.update(BUSY)
    view.event({"event": "stored"})
    view.note("stopping")
    assert written(console) == "stopping\n"


def test_the_json_view_prints_one_event_a_line() -> None:
    """Every line is JSON with the name of its event, whatever the URL contains."""
    console = terminal()
    view = JsonView(console)
    view.update(BUSY)
    view.event({"event": "stored", "url": "https://a.example/\n\x1b[2J"})
    view.note("stopping")
    events = [json.loads(line) for line in written(console).splitlines()]
    assert [event["event"] for event in events] == ["progress", "stored", "note"]
    assert events[0]["pages"] == BUSY.pages
    assert events[0]["stages"][0] == {"name": "raw_html", "filled": 64, "capacity": 64}
    assert events[1]["url"] == "https://a.example/\n\x1b[2J"


def test_the_live_view_redraws_in_place_and_wipes_itself() -> None:
    """Notes and events scroll above the view, and nothing of it stays behind."""
    console = terminal(force_terminal=True, color_system=None, force_interactive=True)
    view = LiveView(console, events=True)
    view.update(BUSY)
    view.event({"event": "stored", "url": "https://a.example/"})
    view.note("stopping")
    view.close()
    text = written(console)
    assert "123,412 pages" in text
    assert "stored https://a.example/\n" in text.replace("\r", "")
    erase_line = "\x1b[2K"
    after = text.rsplit("stopping", 1)[1]
    assert after.endswith(erase_line)


def test_views_have_one_surface() -> None:
    """Each view can stand for any other, and says how often it wants to be updated."""
    views: list[ProgressView] = [QuietView(terminal()), PlainView(terminal()), JsonView(terminal())]
    live = LiveView(terminal())
    live.close()
    assert all(0 < view.interval_ns <= 5 * S for view in [*views, live])


@pytest.mark.parametrize("nasty", ["\x1b[2J", "a\nb", "\r", "\u202e", "\ud800", "\x9b"])
def test_nothing_from_the_web_steers_the_terminal(nasty: str) -> None:
    """Control characters, in URLs or reasons, are replaced before they are shown."""
    for shown in (plain(nasty), event_line({"event": "failed", "url": nasty, "reason": nasty})):
        assert nasty not in shown
        assert "\N{REPLACEMENT CHARACTER}" in shown


def test_markup_of_the_web_is_text() -> None:
    """What looks like markup of the library that draws is shown as it is."""
    console = terminal()
    QuietView(console).note("[red]x[/red] [/]")
    assert written(console) == "[red]x[/red] [/]\n"


def test_numbers_for_people() -> None:
    """Times, sizes, counts and rates are short, and the singular is used for one."""
    assert [clock(n * S) for n in (0, 59, 61, 3600, 90_061)] == [
        "0:00", "0:59", "1:01", "1:00:00", "25:01:01",
    ]  # fmt: skip
    assert [lasted(n * S // 100) for n in (0, 9, 10, 49, 99, 100, 6100)] == [
        "less than 0.1 s", "less than 0.1 s", "0.1 s", "0.4 s", "0.9 s", "0:01", "1:01",
    ]  # fmt: skip
    assert [size(n) for n in (0, 999, 8200, 12_400_000, 5 * 10**12)] == [
        "0 B", "999 B", "8.2 kB", "12.4 MB", "5000.0 GB",
    ]  # fmt: skip
    assert [counted(n, "page") for n in (0, 1, 1234)] == ["0 pages", "1 page", "1,234 pages"]
    assert rate(10, 4 * S) == "2.5/s"
    assert rate(10, 0) == "0.0/s"
