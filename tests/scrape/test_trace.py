"""A trace's lines are JSON, name their parts, and never hold a body."""

import io
import json

from scraper_cpn.scrape.colours import Domain, Found, Gate, Proxy, Raw, Response, Stored
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.trace import label, record, tracer

TARGET = Policy(Settings()).frontier.seed("http://a.example/x")
RESPONSE = Response(
    url=TARGET.url, status=200, content_type="text/html", charset=None,
    body=b"SECRET", fetched_at_ns=1, elapsed_ns=1,
)  # fmt: skip


def test_each_event_is_a_line_with_named_parts() -> None:
    """Events of every kind are one line of JSON each, in order."""
    out = io.StringIO()
    write = tracer(out)
    events = [
        ("inject", 5, ("domains", 1, Domain("a.example", 0), 0)),
        ("fire", 5, 1, "admit", (1, -1), "", (("seen", 2, TARGET, 7),)),
        ("begin", 6, 2, "scrape_target", (2,)),
        ("started", 7, 2, ()),
        ("again", 7, 2, "Lost", 9),
        ("attempt", 9, 2, 2),
        ("end", 9, 2, "Fetched", (("raw_html", 3, Raw(TARGET, RESPONSE), 0),)),
        ("revoke", 3),
        ("fault", "domains", 1, "KeyError: 'x'"),
    ]
    for event in events:
        write(event)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [event[0] for event in events]
    assert lines[0]["put"] == ["domains", 1, "a.example", 0]
    assert lines[6]["puts"] == [["raw_html", 3, "http://a.example/x", 0]]
    assert "SECRET" not in out.getvalue()


def test_tokens_are_known_by_one_field() -> None:
    """A token's label is its URL, domain or name; credentials of a proxy don't show."""
    assert label(TARGET) == "http://a.example/x"
    assert label(Found((TARGET, TARGET))) == ["http://a.example/x", "http://a.example/x"]
    assert label(Stored(TARGET, 1)) == "http://a.example/x"
    assert label(Gate()) is None
    assert label(None) is None
    assert label(Proxy("http://p.example:1", "http://user:pw@p.example:1")) == "http://p.example:1"


def test_the_record_is_stable() -> None:
    """The form is fixed, because traces are compared byte for byte."""
    assert record(("revoke", 3)) == {"event": "revoke", "id": 3}
