"""What a page is: a server's word, or the page's first bytes where a server says nothing."""

import pytest

from scraper_cpn.scrape.pages.media import media_of
from scraper_cpn.scrape.pages.page import Page


@pytest.mark.parametrize(
    ("content_type", "media"),
    [
        ("text/html", "html"),
        ("application/xhtml+xml", "xml"),
        ("text/xml", "xml"),
        ("application/xml", "xml"),
        ("application/rss+xml", "xml"),
        ("image/svg+xml", "xml"),
        ("text/plain", "other"),
        ("application/json", "other"),
        ("application/pdf", "other"),
    ],
)
def test_a_servers_word_counts(content_type: str, media: str) -> None:
    """The media type decides, whatever the page looks like."""
    assert media_of(content_type, b"<html>") == media


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"<!DOCTYPE HTML><p>", "html"),
        (b"\n\t <html lang=en>", "html"),
        (b"<!-- x --><p>", "html"),
        (b"<p>x", "html"),
        (b"<a href=x>", "html"),
        (b"<article>", "other"),
        (b"<p", "other"),
        (b"  <?xml version='1.0'?><rss>", "xml"),
        (b"%PDF-1.7 <html>", "other"),
        (b'{"a": "<html>"}', "other"),
        (b"\x89PNG\r\n\x1a\n", "other"),
        (b"plain text <p>", "other"),
        (b"", "other"),
    ],
)
@pytest.mark.parametrize("content_type", ["", "unknown/unknown"])
def test_bytes_tell_what_a_server_does_not(body: bytes, media: str, content_type: str) -> None:
    """Nothing but HTML and XML by the MIME Sniffing Standard is read as such."""
    assert media_of(content_type, body) == media


def test_json() -> None:
    """A page of JSON is given as its values; what is none raises one clear error."""
    page = Page(
        "https://h.example/", b'\xef\xbb\xbf{"a": [1, "\xc3\xa9"]}', content_type="application/json"
    )
    assert page.json() == {"a": [1, "é"]}
    assert not page.has_tree
    with pytest.raises(ValueError, match=r"^https://h.example/ is not JSON: Expecting value"):
        Page("https://h.example/", b"<p>").json()
    with pytest.raises(ValueError, match=r"nested too deeply"):
        Page("https://h.example/", b"[" * 200_000).json()
