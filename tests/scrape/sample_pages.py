"""Pages, targets and links that the tests of parsing, validating and keeping share."""

from scraper_cpn.scrape.colours import Raw, Response, Target
from scraper_cpn.scrape.pages.extract import Item

URL = "https://shop.example/list/page"
FETCHED_NS = 1_767_225_600_123_456_789


def target(url: str = URL, **given: object) -> Target:
    """A target of the host `shop.example`."""
    return Target(
        url=url,
        domain="shop.example",
        origin="https://shop.example:443",
        site="shop.example",
        **{"requested_url": url, **given},  # type: ignore[arg-type]
    )


def raw(
    body: str | bytes,
    *,
    content_type: str = "text/html",
    charset: str | None = None,
    **given: object,
) -> Raw:
    """A fetched page of `URL`."""
    response = Response(
        url=URL,
        status=200,
        content_type=content_type,
        charset=charset,
        body=body.encode() if isinstance(body, str) else body,
        fetched_at_ns=FETCHED_NS,
        elapsed_ns=1,
    )
    return Raw(target(**given), response)  # type: ignore[arg-type]


def item(**given: object) -> Item:
    """An item as the parser makes it, changed as *given* says."""
    fields: dict[str, object] = {
        "url": URL,
        "requested_url": URL,
        "status": 200,
        "depth": 0,
        "parent": None,
        "fetched_at": "2026-01-01T00:00:00.123Z",
        "content_type": "text/html",
        "title": "A title",
        "text": "Some text",
    }
    return Item(**{**fields, **given})  # type: ignore[arg-type]
