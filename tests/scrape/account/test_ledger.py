"""The ledger counts what left the net, and says it in the form of people and machines."""

from typing import Any

from msgspec.structs import replace

from scraper_cpn.scrape.account.ledger import (
    EXAMPLES,
    SKIPPED,
    Ledger,
    failure_record,
    worth_a_retry,
)
from scraper_cpn.scrape.account.report import FailureGroup, Summary
from scraper_cpn.scrape.colours import KINDS, Failure, Proxy, RequestTarget, Stored, Wired
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.request import Request, Visit
from scraper_cpn.scrape.settings import Settings

SEED = Policy(Settings()).frontier.seed("http://a.example/")
PAGE = replace(SEED, url="http://a.example/p", parent="http://a.example/", depth=1)


def failure(kind: str, **changes: Any) -> Failure:
    """A row of the failed log."""
    row = Failure(target=PAGE, kind=kind, reason="why", final=True)
    return replace(row, **changes)


def test_counts_pages_items_and_endings() -> None:
    """Stored pages, failed and skipped URLs are counted once each, attempts apart."""
    ledger = Ledger()
    ledger.take(
        [
            Stored(PAGE, 3),
            failure("timeout", final=False, retry=True),
            failure("timeout", retry=True),
            failure("redirected"),
            failure("robots"),
            failure("invalid", final=False),
            Proxy("p"),
        ]
    )
    assert (ledger.stored, ledger.items) == (1, 3)
    assert (ledger.failed, ledger.skipped) == (1, 2)
    assert ledger.retired == ["p"]
    assert {group.kind: group.count for group in ledger.groups()} == {
        "timeout": 1, "redirected": 1, "robots": 1, "invalid": 1,
    }  # fmt: skip


def test_groups_are_ordered_and_show_a_few_examples() -> None:
    """The most frequent kind is first; at most `EXAMPLES` rows are kept of each."""
    ledger = Ledger()
    ledger.take([failure("dns"), *[failure("tls") for _ in range(EXAMPLES + 2)]])
    first, second = ledger.groups()
    assert (first.kind, first.count, len(first.examples)) == ("tls", EXAMPLES + 2, EXAMPLES)
    assert (second.kind, second.meaning) == ("dns", KINDS["dns"])


def test_a_printed_summary_has_a_line_for_each_kind_and_no_body() -> None:
    """A program prints its summary: a password in a form is in neither form of it, nor a control character."""
    form = Request(method="POST", body=b"password=hunter2", headers=(("X-Key", "hunter2"),))
    target = RequestTarget(
        **{key: getattr(PAGE, key) for key in PAGE.__struct_fields__}, request=form
    )
    row = Failure(target=target, kind="http", reason="HTTP 500 \x1b[2J", final=True)
    group = FailureGroup("http", 2, KINDS["http"], (row, row))
    summary = Summary(
        ended="spent", reason="--max-pages 5 is reached", pages=5, failed=2, failures=(group,)
    )
    assert str(summary).splitlines() == [
        "spent: --max-pages 5 is reached",
        "pages: 5, items: 0, URLs failed: 2, skipped: 0, left: 0",
        f"2 http: {KINDS['http']}; http://a.example/p: HTTP 500 \ufffd[2J",
    ]
    assert "hunter2" not in repr(summary)


def test_what_is_worth_a_retry() -> None:
    """A 404 will be one again; what timed out may not."""
    ledger = Ledger()
    ledger.take(
        [failure("http", status=404), failure("http", status=500, retry=True), failure("dns")]
    )
    assert len(ledger.failed_urls) == 2
    assert worth_a_retry(failure("dns"))
    assert not worth_a_retry(failure("robots"))
    assert not worth_a_retry(failure("timeout", final=False, retry=True))


def test_seeds_that_fail_are_named_as_they_were_given() -> None:
    """A failed seed is listed by the URL that was asked for; one that is redirected, or a duplicate, has not."""
    ledger = Ledger()
    moved = replace(SEED, url="http://b.example/")
    ledger.take([failure("redirected", target=SEED), failure("timeout", target=moved)])
    ledger.take([failure("duplicate", target=replace(SEED, requested_url="http://a.example/twin"))])
    assert ledger.seeds_failed == ["http://a.example/"]


def test_events_and_records_are_flat() -> None:
    """Each row becomes one event; the traceback is there only where there is one."""
    events: list[dict[str, Any]] = []
    ledger = Ledger(events.append)
    ledger.take([Stored(PAGE, 2, wired=Wired(7, 3)), failure("handler", detail="Traceback...")])
    assert events[0] == {
        "event": "stored",
        "url": PAGE.url,
        "depth": 1,
        "items": 2,
        "connection": 7,
        "ordinal": 3,
    }
    assert events[1]["detail"] == "Traceback..."
    assert "detail" not in failure_record(failure("dns"))
    assert failure_record(failure("dns"))["parent"] == "http://a.example/"


def test_skipped_kinds_are_kinds() -> None:
    """What counts as skipped is a subset of the kinds that are explained."""
    assert set(KINDS) >= SKIPPED


def test_pages_that_were_cut_are_counted() -> None:
    """What the limits for one page left out is counted by pages, with some examples."""
    ledger = Ledger()
    ledger.take(
        Stored(replace(PAGE, url=f"https://a.example/{n}"), 1, cut=("2 more links",))
        for n in range(5)
    )
    ledger.take([Stored(PAGE, 1)])
    assert ledger.cut == 5
    assert ledger.cut_examples[0] == "https://a.example/0: 2 more links"
    assert len(ledger.cut_examples) == EXAMPLES


def test_a_page_that_has_not_changed_ended_before() -> None:
    """It is counted by its kind; a page that is stored or fails at a later visit is no other URL."""
    request = Request(visit=Visit(number=2))
    target = RequestTarget(
        url="http://a.example/", domain="a.example", origin="http://a.example:80",
        site="a.example", requested_url="http://a.example/", request=request,
    )  # fmt: skip
    ledger = Ledger()
    ledger.take([Failure(target=target, kind="unchanged", reason="same", final=True)])
    ledger.take([Stored(target, 1), Failure(target=target, kind="http", reason="404", final=True)])
    assert (ledger.skipped, ledger.failed, ledger.stored) == (0, 1, 1)
    assert (ledger.stored_again, ledger.ended_again) == (1, 1)
    assert [(group.kind, group.count) for group in ledger.groups()] == [
        ("http", 1),
        ("unchanged", 1),
    ]
